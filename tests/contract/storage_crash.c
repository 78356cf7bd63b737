/* storage_crash.c - the contract: a write that was ended well survives kill -9.
 *
 * A child writes, and says on standard output what was ended well: "c N" for
 * the pair of documents N (written together), "u N" for value N of the one
 * document that is updated all the time. The parent kills it at a random
 * moment, opens the store and holds what is there against what was said.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "storage_suite.h"

#define AHEAD 24 /* writes under way */

extern char **environ;

static void pair_ids(const char *run, unsigned long n, char left[48], char right[48])
{
    snprintf(left, 48, "%s-%06lu-left", run, n);
    snprintf(right, 48, "%s-%06lu-right", run, n);
}

static struct answer *start_pair(struct rig *r, const char *run, unsigned long n)
{
    char left[48], right[48];
    pair_ids(run, n, left, right);
    struct dg_write list[] = {
        suite_write(THINGS, left, "{\"kind\":\"left\"}", DG_VERSION_NONE),
        suite_write(THINGS, right, "{\"kind\":\"right\"}", DG_VERSION_NONE),
    };
    return rig_write_start(r, list, 2);
}

static struct answer *start_update(struct rig *r, const char *run, unsigned long n)
{
    char json[64];
    snprintf(json, sizeof(json), "{\"size\":%lu}", n);
    struct dg_write w = suite_write(THINGS, run, json, DG_VERSION_ANY);
    return rig_write_start(r, &w, 1);
}

int storage_crash_child(struct rig *r, const char *run)
{
    struct answer *pairs[AHEAD], *updates[AHEAD];
    suite_declare(r);
    for (unsigned long n = 0;; n++) {
        unsigned at = n % AHEAD;
        if (n >= AHEAD) {
            char said[64];
            if (rig_wait(r, pairs[at])->err != DG_OK || rig_wait(r, updates[at])->err != DG_OK)
                return 1;
            int len = snprintf(said, sizeof(said), "c %lu\nu %lu\n", n - AHEAD, n - AHEAD);
            if (write(STDOUT_FILENO, said, (size_t)len) != len)
                return 1;
        }
        pairs[at] = start_pair(r, run, n);
        updates[at] = start_update(r, run, n);
    }
}

struct said {
    unsigned long pairs; /* 0 to pairs-1 were ended well */
    long update;         /* the newest that was; -1: none */
};

static bool start_child(char **argv, const char *run, pid_t *pid, int *out)
{
    int ends[2];
    char *args[16];
    size_t n = 0;
    posix_spawn_file_actions_t actions;
    for (; argv[n] && n < 12; n++)
        args[n] = argv[n];
    args[n++] = "--child";
    args[n++] = (char *)run;
    args[n] = NULL;
    if (pipe(ends) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    bool ok = posix_spawn(pid, "/proc/self/exe", &actions, NULL, args, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = ends[0];
    return ok;
}

static void note(struct said *said, const char *line)
{
    unsigned long n = strtoul(line + 2, NULL, 10);
    if (line[0] == 'c')
        said->pairs = n + 1;
    else
        said->update = (long)n;
}

/* Reads what the child says, kills it `after_ms` after its first word, and reads the rest. */
static void listen_and_kill(pid_t pid, int out, uint64_t after_ms, struct said *said)
{
    FILE *lines = fdopen(out, "r");
    char line[64];
    uint64_t end = 0;
    while (fgets(line, sizeof(line), lines) && strchr(line, '\n')) {
        note(said, line);
        if (!end)
            end = clock_ms() + after_ms;
        else if (clock_ms() >= end && kill(pid, SIGKILL) == 0)
            end = UINT64_MAX;
    }
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    fclose(lines);
    if (!WIFSIGNALED(status))
        fail_msg("the child ended by itself, with status %d", WEXITSTATUS(status));
}

static bool there(struct rig *r, const char *id)
{
    struct answer *a = rig_get(r, THINGS, id);
    if (a->err != DG_OK && a->err != DG_ENOTFOUND)
        fail_msg("%s: %s", id, a->message);
    return a->err == DG_OK;
}

static void compare(struct rig *r, const char *run, const struct said *said)
{
    for (unsigned long n = 0; n < said->pairs + 2 * AHEAD; n++) {
        char left[48], right[48];
        pair_ids(run, n, left, right);
        bool l = there(r, left), rt = there(r, right);
        if (n < said->pairs && !(l && rt))
            fail_msg("pair %lu of %lu was ended well and is lost", n, said->pairs);
        if (l != rt)
            fail_msg("of pair %lu one half only was written", n);
    }
    struct answer *a = rig_get(r, THINGS, run);
    assert_ok(a);
    if (suite_member(&a->docs[0], "size") < said->update)
        fail_msg("update %ld was ended well and is lost", said->update);
}

void storage_crash(struct rig *r, char **argv, unsigned kills)
{
    unsigned long total = 0;
    for (unsigned i = 0; i < kills; i++) {
        char run[16], why[512];
        unsigned char random;
        pid_t pid = 0;
        int out = -1;
        struct said said = {.update = -1};
        str_random(&random, 1);
        snprintf(run, sizeof(run), "run%u", i);
        if (!start_child(argv, run, &pid, &out))
            fail_msg("no child: %s", strerror(errno));
        listen_and_kill(pid, out, random % 120u, &said);
        uint64_t began = clock_ms();
        if (!rig_open(r, why, sizeof(why)))
            fail_msg("cannot be opened after kill %u: %s", i, why);
        suite_declare(r);
        uint64_t took = clock_ms() - began;
        compare(r, run, &said);
        if (took > 5000)
            fail_msg("opening took %llu ms", (unsigned long long)took);
        rig_forget(r);
        rig_close(r);
        total += said.pairs;
    }
    print_message("%u kills, %lu pairs of documents ended well, none lost\n", kills, total);
}
