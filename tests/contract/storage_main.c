/* storage_main.c - the contract every store keeps, as a program:
 *
 *     contract_storage PLUGIN --config FILE --instance NAME
 *                      [--kill TIMES | --takers N | --bench SECONDS [--callers N]]
 *
 * PLUGIN is the path of a .so; NAME is the table in FILE that configures it.
 * $CONTRACT_DIR is set to a fresh folder, for "${CONTRACT_DIR}" in FILE. The
 * store may hold other things: every run uses collections of new names. With
 * --kill it is not asked questions but killed while it writes; with --takers so many
 * gateways have it open at once; with --bench it is measured for so many seconds, with so
 * many callers at once. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage_suite.h"

struct arguments {
    struct rig_config rig;
    const char *child; /* the run it writes for */
    unsigned kills, takers, seconds, callers;
};

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s PLUGIN --config FILE --instance NAME [--kill TIMES | --takers N | --bench "
            "SECONDS]\n",
            program);
    return 2;
}

static bool parse(int argc, char **argv, struct arguments *out)
{
    out->rig.plugin = argc > 1 ? argv[1] : NULL;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--config") == 0)
            out->rig.file = argv[i + 1];
        else if (strcmp(argv[i], "--instance") == 0)
            out->rig.instance = argv[i + 1];
        else if (strcmp(argv[i], "--kill") == 0)
            out->kills = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--takers") == 0)
            out->takers = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--bench") == 0)
            out->seconds = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--callers") == 0)
            out->callers = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--child") == 0)
            out->child = argv[i + 1];
        else
            return false;
    }
    return argc % 2 == 0 && out->rig.plugin && out->rig.file && out->rig.instance;
}

static void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] != '.')
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
}

/* Collections of a crash test are the same in parent and children. */
static struct rig *start(const struct arguments *args)
{
    struct rig *r = rig_new(&args->rig);
    if (r && (args->kills || args->child))
        rig_suffix(r, getenv("CONTRACT_RUN"));
    return r;
}

static char **all_arguments;
static const struct arguments *parsed;

static void survives_kill(void **state)
{
    storage_crash(*state, all_arguments, parsed->kills);
}

static int run_crash(struct rig *r)
{
    const struct CMUnitTest tests[] = {SUITE_TEST(survives_kill)};
    return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}

static void takes_for_one_gateway_only(void **state)
{
    storage_takers(*state, &parsed->rig, parsed->takers);
}

static int run_takers(struct rig *r)
{
    const struct CMUnitTest tests[] = {SUITE_TEST(takes_for_one_gateway_only)};
    return cmocka_run_group_tests_name("takers", tests, NULL, NULL);
}

static int run_all(struct rig *r, const struct arguments *args)
{
    char why[512];
    if (!rig_open(r, why, sizeof(why))) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    suite_declare(r);
    if (args->seconds)
        return storage_bench(r, args->seconds, args->callers);
    return storage_documents(r) + storage_writes(r) + storage_queries(r) + storage_changes(r) +
           storage_schema(r);
}

static int run_child(struct rig *r, const char *run)
{
    char why[512];
    if (rig_open(r, why, sizeof(why)))
        return storage_crash_child(r, run);
    fprintf(stderr, "%s\n", why);
    return 1;
}

int main(int argc, char **argv)
{
    struct arguments args = {.callers = 64};
    if (!parse(argc, argv, &args))
        return usage(argv[0]);
    char folder[] = "/tmp/contract-storage-XXXXXX";
    if (!args.child) {
        char run[16];
        if (!mkdtemp(folder))
            return 1;
        snprintf(run, sizeof(run), "%ld", (long)getpid());
        setenv("CONTRACT_DIR", folder, 1);
        setenv("CONTRACT_RUN", run, 1);
    }
    all_arguments = argv;
    parsed = &args;
    struct rig *r = start(&args);
    if (!r)
        return 1;
    int failed = args.child    ? run_child(r, args.child)
                 : args.kills  ? run_crash(r)
                 : args.takers ? run_takers(r)
                               : run_all(r, &args);
    rig_free(r);
    loop_end_workers();
    if (!args.child)
        remove_folder(folder);
    return failed != 0;
}
