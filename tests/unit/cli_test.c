/* cli_test.c - the command line: arguments, users, export and import, with a
 * running gateway and without one. Each command is this program in a process of
 * its own.
 */
#include "memory_store.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi_version.h"
#include "admin.h"
#include "auth/auth.h"
#include "cli.h"
#include "domain/users.h"

#define AS_DIALGATE "--as-dialgate"

struct scene {
    struct world *world; /* behind the running gateway; NULL: none runs */
    struct users *users;
    struct admin *admin;
    unsigned reloads;
    char folder[32], config[96];
    int status;
    char out[1 << 16], err[4096];
};

/* ---- Running a command ------------------------------------------------------------- */

static void path_in(const struct scene *s, const char *name, char out[96])
{
    snprintf(out, 96, "%s/%s", s->folder, name);
}

static void write_file(const struct scene *s, const char *name, const char *text)
{
    char path[96];
    path_in(s, name, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void read_file(const struct scene *s, const char *name, char *out, size_t size)
{
    char path[96];
    path_in(s, name, path);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(out, 1, size - 1, f);
    out[len] = '\0';
    fclose(f);
}

static void redirect(const struct scene *s, const char *name, int flags, int to)
{
    char path[96];
    path_in(s, name, path);
    int fd = open(path, flags, 0600);
    if (fd < 0 || dup2(fd, to) < 0)
        _exit(99);
    close(fd);
}

/* This program again, as the command line: a clean process, whatever threads the test has. */
static void become_dialgate(const char *const *args)
{
    char *argv[16] = {(char *)"dialgate", (char *)AS_DIALGATE};
    int argc = 2;
    for (; *args; args++)
        argv[argc++] = (char *)*args;
    execv("/proc/self/exe", argv);
    _exit(99);
}

static void run_child(const struct scene *s, const char *const *args)
{
    redirect(s, "stdin", O_RDONLY, 0);
    redirect(s, "stdout", O_WRONLY | O_CREAT | O_TRUNC, 1);
    redirect(s, "stderr", O_WRONLY | O_CREAT | O_TRUNC, 2);
    become_dialgate(args);
}

static void on_end(void *arg, unsigned ready)
{
    (void)ready;
    ((struct world *)arg)->done = true;
}

/* The child holds one end of a pipe; its end is the pipe's. Meanwhile the gateway turns. */
static void serve_until(struct scene *s, int fd)
{
    char byte;
    if (s->world) {
        struct loop_watch *watch = loop_watch(s->world->loop, fd, DG_READ, on_end, s->world);
        world_wait(s->world, &s->world->done);
        loop_watch_stop(watch);
    } else {
        assert_int_equal(read(fd, &byte, 1), 0);
    }
}

static int run(struct scene *s, const char *input, const char *const *args)
{
    int ends[2], status;
    write_file(s, "stdin", input);
    assert_int_equal(pipe2(ends, 0), 0);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_child(s, args);
    close(ends[1]);
    serve_until(s, ends[0]);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    read_file(s, "stdout", s->out, sizeof s->out);
    read_file(s, "stderr", s->err, sizeof s->err);
    if (!WIFEXITED(status))
        fail_msg("%s: signal %d: %s", args[0], WTERMSIG(status), s->err);
    return s->status = WEXITSTATUS(status);
}

#define RUN(s, input, ...)      run(s, input, (const char *const[]){__VA_ARGS__, NULL})
#define DIALGATE(s, input, ...) RUN(s, input, __VA_ARGS__, "--config", (s)->config)

/* One sentence, with this in it. */
static void assert_says(const struct scene *s, const char *what)
{
    if (!strstr(s->err, what))
        fail_msg("\"%s\" does not say: %s", s->err, what);
    assert_true(str_starts(s->err, "dialgate: "));
    assert_ptr_equal(strchr(s->err, '\n'), s->err + strlen(s->err) - 1);
}

/* ---- Scenes ------------------------------------------------------------------------- */

static const char config_text[] = "[server]\n"
                                  "control = \"control.sock\"\n"
                                  "[plugins]\n"
                                  "path = [\"" PLUGIN_DIR "\"]\n"
                                  "[auth]\n"
                                  "secret_key = \"${NOT_SET_IN_THIS_SHELL}\"\n"
                                  "bcrypt_cost = 4\n"
                                  "[telephony]\n"
                                  "backend = \"pbx\"\n"
                                  "[backend.pbx]\n"
                                  "plugin = \"there-is-no-such-plugin\"\n"
                                  "[storage]\n"
                                  "plugin = \"storage-file\"\n"
                                  "path = \"test.db\"\n";

static int open_offline(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    memcpy(s->folder, "/tmp/dialgate-XXXXXX", sizeof "/tmp/dialgate-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    path_in(s, "dialgate.toml", s->config);
    write_file(s, "dialgate.toml", config_text);
    *state = s;
    return 0;
}

static void on_user(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    (void)user;
    if (err != DG_OK)
        fail_msg("%s", message);
    world_done(arg);
}

/* The first is done, the second done with something to say, all others are refused. */
static void on_reload(void *arg, admin_reload_fn *fn, void *fn_arg)
{
    unsigned before = ((struct scene *)arg)->reloads++;
    fn(fn_arg, before < 2, before == 0 ? "" : before == 1 ? "a note\n" : "not reloaded:\nwhy");
}

static int open_running(void **state)
{
    struct problem problem;
    char path[96];
    open_offline(state);
    struct scene *s = *state;
    s->world = world_new();
    s->users = users_new(s->world->store, s->world->loop);
    users_load(s->users, on_user, s->world);
    world_wait(s->world, &s->world->done);
    path_in(s, "control.sock", path);
    const struct admin_config config = {.loop = s->world->loop,
                                        .path = path,
                                        .store = s->world->store,
                                        .users = s->users,
                                        .bcrypt_cost = 4,
                                        .reload = on_reload,
                                        .arg = s};
    s->admin = admin_start(&config, &problem);
    assert_non_null(s->admin);
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    static const char *const files[] = {"dialgate.toml", "stdin",        "stdout",
                                        "stderr",        "test.db",      "test.db-wal",
                                        "test.db-shm",   "test.db.lock", "control.sock"};
    admin_stop(s->admin);
    if (s->world) {
        users_close(s->users, world_done, s->world);
        world_wait(s->world, &s->world->done);
        world_free(s->world);
    }
    for (size_t i = 0; i < COUNT(files); i++) {
        char path[96];
        path_in(s, files[i], path);
        remove(path);
    }
    assert_int_equal(rmdir(s->folder), 0);
    free(s);
    return 0;
}

/* ---- Arguments -------------------------------------------------------------------------- */

static void wrong_usage(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *args[5], *says;
    } rows[] = {
        {{"frobnicate"}, "there is no verb frobnicate"},
        {{"user"}, "there is no verb user;"},
        {{"user", "--config", "x"}, "there is no verb user;"},
        {{"user", "delete", "ann"}, "there is no verb user delete"},
        {{"user", "add"},
         "the user's name is missing; usage: dialgate user add NAME [--role admin|user]"},
        {{"user", "add", "ann", "bob"}, "one argument too many: bob"},
        {{"user", "add", "ann", "--root"}, "not understood: --root"},
        {{"user", "add", "ann", "--role"}, "not understood: --role"},
        {{"user", "add", "ann", "--rolex=1"}, "not understood: --rolex=1"},
        {{"user", "passwd", "ann", "--role=admin"}, "not understood: --role=admin"},
        {{"user", "passwd", "ann", "--json"}, "not understood: --json"},
        {{"user", "list", "ann"}, "one argument too many: ann"},
        {{"user", "list", "--config"}, "not understood: --config"},
        {{"reload", "now"}, "one argument too many: now"},
        {{"version", "--config", "x"}, "not understood: --config"},
        {{"--frobnicate"}, "there is no verb --frobnicate"},
        {{""}, "there is no verb ;"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(run(s, "", rows[i].args), 2);
        assert_says(s, rows[i].says);
        assert_string_equal(s->out, "");
    }
}

static void help_and_version(void **state)
{
    struct scene *s = *state;
    static const char *const helps[] = {"help", "--help", "-h"};
    for (size_t i = 0; i < COUNT(helps); i++) {
        assert_int_equal(RUN(s, "", helps[i]), 0);
        assert_non_null(
            strstr(s->out, "dialgate user add NAME [--role admin|user] [--email EMAIL]"));
        assert_non_null(strstr(s->out, "dialgate serve [--config FILE]"));
        assert_string_equal(s->err, "");
    }
    assert_int_equal(RUN(s, "", "--version"), 0);
    assert_true(
        str_starts(s->out, "dialgate " DIALGATE_VERSION " (plugin interface " ABI_VERSION ")\n"));
    assert_int_equal(RUN(s, "", "version"), 0);
}

static void configurations_that_are_not_there(void **state)
{
    struct scene *s = *state;
    assert_int_equal(RUN(s, "", "user", "list", "--config", "/nonexistent/dialgate.toml"), 1);
    assert_says(s, "/nonexistent/dialgate.toml");
    write_file(s, "dialgate.toml", "[server\n");
    assert_int_equal(DIALGATE(s, "", "user", "list"), 1);
    assert_says(s, "dialgate.toml:1:");
}

/* ---- Users ------------------------------------------------------------------------------- */

static void users_from_first_to_last(void **state)
{
    struct scene *s = *state;
    assert_int_equal(DIALGATE(s, "", "user", "list"), 0);
    assert_string_equal(s->out, ""); /* so a script can see that there are none */

    assert_int_equal(DIALGATE(s, "correct horse", "user", "add", "ann", "--role", "admin"), 0);
    assert_string_equal(s->out, "");
    assert_string_equal(s->err, "");
    assert_int_equal(
        DIALGATE(s, "battery staple\n", "user", "add", "bob", "--email=bob@example.org"), 0);
    assert_int_equal(DIALGATE(s, "battery staple\n", "user", "add", "bob"), 1);
    assert_says(s, "username: already taken");
    assert_int_equal(DIALGATE(s, "", "user", "disable", "bob"), 0);

    assert_int_equal(DIALGATE(s, "", "user", "list"), 0);
    assert_true(str_starts(s->out, "ID   USERNAME"));
    const char *ann = strstr(s->out, "\n1    ann "), *bob = strstr(s->out, "\n2    bob ");
    assert_true(ann && bob);
    assert_non_null(strstr(ann, " admin  active "));
    assert_non_null(strstr(bob, " user   disabled bob@example.org"));

    assert_int_equal(DIALGATE(s, "", "user", "list", "--json"), 0);
    json_t *users = json_parse(s->out, strlen(s->out), 8, NULL);
    assert_int_equal(json_array_size(users), 2);
    assert_string_equal(json_get_str(json_array_get(users, 0), "username"), "ann");
    assert_string_equal(json_get_str(json_array_get(users, 0), "role"), "admin");
    assert_null(json_object_get(json_array_get(users, 0), "password_hash"));
    assert_false(json_get_bool(json_array_get(users, 1), "is_active", true));
    json_decref(users);

    assert_int_equal(DIALGATE(s, "", "user", "enable", "bob"), 0);
    assert_int_equal(DIALGATE(s, "", "user", "list"), 0);
    assert_null(strstr(s->out, "disabled"));
    assert_int_equal(DIALGATE(s, "", "user", "disable", "nobody"), 1);
    assert_says(s, "no such user");
    assert_int_equal(DIALGATE(s, "new password", "user", "passwd", "nobody"), 1);
    assert_says(s, "no such user");
}

static void passwords_on_standard_input(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *input, *says; /* NULL: taken */
    } rows[] = {
        {"correct horse", NULL},
        {"correct horse\n", NULL},
        {"correct horse\r\n", NULL},
        {"", "password: at least 8 characters"},
        {"\n", "password: at least 8 characters"},
        {"short", "password: at least 8 characters"},
        {"correct\nhorse\n", "must be one line"},
        {"correct horse\n\n", "must be one line"},
        {"0123456789012345678901234567890123456789012345678901234567890123456789012",
         "at most 72 bytes"},
        {"correct \xff horse", "password: at least 8 characters"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[16];
        snprintf(name, sizeof name, "user%zu", i);
        assert_int_equal(DIALGATE(s, rows[i].input, "user", "add", name), rows[i].says ? 1 : 0);
        if (rows[i].says)
            assert_says(s, rows[i].says);
    }
    char *longest = xcalloc(1, 5001);
    memset(longest, 'p', 5000);
    assert_int_equal(DIALGATE(s, longest, "user", "add", "eve"), 1);
    assert_says(s, "must be one line of at most 72 bytes");
    free(longest);
}

/* The newline is not part of it, whichever way it came. */
static void the_password_that_was_meant(void **state)
{
    struct scene *s = *state;
    static const char *const inputs[] = {"correct horse", "correct horse\n", "correct horse\r\n"};
    for (size_t i = 0; i < COUNT(inputs); i++) {
        char name[16];
        snprintf(name, sizeof name, "user%zu", i);
        assert_int_equal(DIALGATE(s, inputs[i], "user", "add", name), 0);
        assert_true(password_verify("correct horse", users_find(s->users, name)->password_hash));
    }
}

/* ---- With and without a gateway -------------------------------------------------------------- */

static void nobody_to_reload(void **state)
{
    struct scene *s = *state;
    assert_int_equal(DIALGATE(s, "", "reload"), 1);
    assert_says(s, "no gateway answers at ");
}

static void a_gateway_to_reload(void **state)
{
    struct scene *s = *state;
    assert_int_equal(DIALGATE(s, "", "reload"), 0);
    assert_int_equal(s->reloads, 1);
    assert_string_equal(s->err, "");
    assert_int_equal(DIALGATE(s, "", "reload"), 0);
    assert_string_equal(s->err, "a note\n");
    assert_int_equal(DIALGATE(s, "", "reload"), 1);
    assert_string_equal(s->err, "dialgate: not reloaded:\nwhy\n");
}

static void a_running_gateway_is_asked(void **state)
{
    struct scene *s = *state;
    char path[96];
    users_from_first_to_last(state);
    assert_int_equal(users_count(s->users), 2);
    path_in(s, "test.db", path);
    assert_int_equal(access(path, F_OK), -1); /* the store was not opened beside it */
}

static void the_store_is_disabled(void **state)
{
    struct scene *s = *state;
    write_file(s, "dialgate.toml", "[telephony]\nbackend = \"x\"\n[storage]\ndisabled = true\n");
    assert_int_equal(DIALGATE(s, "", "user", "list"), 1);
    assert_says(s, "[storage] disabled is true");
}

static void the_store_is_configured_wrongly(void **state)
{
    struct scene *s = *state;
    write_file(s, "dialgate.toml",
               "[plugins]\npath = [\"" PLUGIN_DIR "\"]\n[storage]\nplugin = \"storage-file\"\n"
               "path = \"${NOT_SET_IN_THIS_SHELL}\"\n");
    assert_int_equal(DIALGATE(s, "", "user", "list"), 1);
    assert_says(s, "NOT_SET_IN_THIS_SHELL");
    write_file(s, "dialgate.toml", "[storage]\nplugin = \"there-is-no-such-plugin\"\n");
    assert_int_equal(DIALGATE(s, "", "user", "list"), 1);
    assert_says(s, "there-is-no-such-plugin");
}

/* Somebody holds the store's lock, and nobody answers: a gateway whose socket was removed. */
static void the_store_is_in_use(void **state)
{
    struct scene *s = *state;
    int hold[2], status;
    assert_int_equal(DIALGATE(s, "correct horse", "user", "add", "ann"), 0);
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) { /* imports what never ends, until the test closes its pipe */
        dup2(hold[0], 0);
        redirect(s, "stderr", O_WRONLY | O_CREAT | O_TRUNC, 2);
        become_dialgate((const char *const[]){"import", "--config", s->config, NULL});
    }
    close(hold[0]);
    char lock[96];
    path_in(s, "test.db.lock", lock);
    /* The lock's file names its holder. */
    for (long holder = 0; holder != (long)pid;) {
        FILE *f = fopen(lock, "r");
        if (f && fscanf(f, "%ld", &holder) != 1)
            holder = 0;
        if (f)
            fclose(f);
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    }
    assert_int_equal(DIALGATE(s, "", "user", "list"), 1);
    assert_says(s, "no gateway answers at ");
    assert_says(s, "and the store cannot be opened: ");
    assert_says(s, "is in use by process ");
    close(hold[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(DIALGATE(s, "", "user", "list"), 0);
}

/* ---- Export and import -------------------------------------------------------------------------
 */

static void out_and_in_again(void **state)
{
    struct scene *s = *state;
    static char exported[1 << 16];
    assert_int_equal(DIALGATE(s, "correct horse", "user", "add", "ann", "--role=admin"), 0);
    assert_int_equal(DIALGATE(s, "battery staple", "user", "add", "bob"), 0);
    assert_int_equal(DIALGATE(s, "", "export"), 0);
    assert_string_equal(s->err, "2 documents written\n");
    memcpy(exported, s->out, sizeof exported);
    assert_true(
        str_starts(exported, "{\"collection\":\"users\",\"id\":\"1\",\"version\":1,\"doc\":{"));

    char path[96];
    path_in(s, "test.db", path);
    assert_int_equal(remove(path), 0);
    assert_int_equal(DIALGATE(s, "", "user", "list"), 0);
    assert_string_equal(s->out, "");
    assert_int_equal(DIALGATE(s, exported, "import"), 0);
    assert_string_equal(s->err, "2 documents read\n");
    assert_int_equal(DIALGATE(s, "", "export"), 0);
    assert_string_equal(s->out, exported);
    /* Numbers go on behind the imported ones. */
    assert_int_equal(DIALGATE(s, "longer password", "user", "add", "eve"), 0);
    assert_int_equal(DIALGATE(s, "", "user", "list"), 0);
    assert_non_null(strstr(s->out, "\n3    eve "));
}

static void bad_imports(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *input, *says;
    } rows[] = {
        {"{\"collection\":\"nothing\",\"id\":\"1\",\"doc\":{}}\n", "line 1: "},
        {"{\"collection\":\"meta\",\"id\":\"a\",\"doc\":{}}\nnonsense\n", "line 2: "},
        {"{\"collection\":\"meta\",\"id\":\"a\",\"doc\":7}\n", "line 1: "},
        {"{\"collection\":\"meta\"", "line 1: "},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(DIALGATE(s, rows[i].input, "import"), 1);
        assert_says(s, rows[i].says);
    }
    assert_int_equal(DIALGATE(s, "", "import"), 0);
    assert_string_equal(s->err, "0 documents read\n");
}

/* More than any buffer on the way holds, both ways. */
static void large_stores(void **state)
{
    enum { DOCUMENTS = 3000 };
    struct scene *s = *state;
    struct buf text;
    char stdout_path[96];
    buf_init(&text, BUF_MAX);
    for (int i = 0; i < DOCUMENTS; i++)
        buf_addf(&text,
                 "{\"collection\":\"meta\",\"id\":\"%05d\",\"version\":1,\"doc\":{\"pad\":\"%"
                 "0500d\"}}\n",
                 i, i);
    assert_int_equal(DIALGATE(s, text.ptr, "import"), 0);
    assert_string_equal(s->err, "3000 documents read\n");
    assert_int_equal(DIALGATE(s, "", "export"), 0);
    assert_string_equal(s->err, "3000 documents written\n");
    path_in(s, "stdout", stdout_path);
    FILE *f = fopen(stdout_path, "r");
    char *all = xcalloc(1, text.len + 2);
    assert_int_equal(fread(all, 1, text.len + 1, f), text.len);
    fclose(f);
    assert_memory_equal(all, text.ptr, text.len);
    free(all);

    /* A fault in the middle is told, though the sender had more to say. */
    memcpy(text.ptr + text.len / 2, "\n\n{\n\n", 5);
    assert_int_equal(DIALGATE(s, text.ptr, "import"), 1);
    assert_says(s, "line ");
    buf_free(&text);
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], AS_DIALGATE)) {
        argv[1] = argv[0];
        return cli_main(argc - 1, argv + 1);
    }
#define OFFLINE(f)                                                                                 \
    {                                                                                              \
#f " (offline)", f, open_offline, close_scene, NULL                                        \
    }
#define RUNNING(f)                                                                                 \
    {                                                                                              \
#f " (running)", f, open_running, close_scene, NULL                                        \
    }
    const struct CMUnitTest tests[] = {
        OFFLINE(wrong_usage),
        OFFLINE(help_and_version),
        OFFLINE(configurations_that_are_not_there),
        OFFLINE(users_from_first_to_last),
        OFFLINE(passwords_on_standard_input),
        RUNNING(passwords_on_standard_input),
        RUNNING(the_password_that_was_meant),
        OFFLINE(nobody_to_reload),
        RUNNING(a_gateway_to_reload),
        RUNNING(a_running_gateway_is_asked),
        OFFLINE(the_store_is_disabled),
        OFFLINE(the_store_is_configured_wrongly),
        OFFLINE(the_store_is_in_use),
        OFFLINE(out_and_in_again),
        OFFLINE(bad_imports),
        OFFLINE(large_stores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
