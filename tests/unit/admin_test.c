/* admin_test.c - the control socket: its file, its lines, its limits. */
#include "memory_store.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin.h"
#include "auth/auth.h"
#include "domain/users.h"

struct scene {
    struct world *world;
    struct users *users;
    struct admin *admin;
    char folder[32], path[64];
    unsigned reloads;
    admin_reload_fn *on_reloaded; /* of one that is kept waiting */
    void *on_reloaded_arg;
    bool slow;
    bool readable;
    char reply[1 << 18];
};

static void on_user(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    (void)user;
    if (err != DG_OK)
        fail_msg("%s", message);
    world_done(arg);
}

/* The first one is done with a note, the second refused. */
static void on_reload(void *arg, admin_reload_fn *fn, void *fn_arg)
{
    struct scene *s = arg;
    bool first = s->reloads++ == 0;
    s->on_reloaded = fn;
    s->on_reloaded_arg = fn_arg;
    if (!s->slow)
        fn(fn_arg, first, first ? "a note\n" : "dialgate.toml:3:1: no such key");
}

static struct admin_config config_of(struct scene *s)
{
    return (struct admin_config){.loop = s->world->loop,
                                 .path = s->path,
                                 .store = s->world->store,
                                 .users = s->users,
                                 .bcrypt_cost = 4,
                                 .reload = on_reload,
                                 .arg = s};
}

static void open_admin_with(struct scene *s, unsigned bcrypt_cost)
{
    struct problem problem;
    struct admin_config config = config_of(s);
    config.bcrypt_cost = bcrypt_cost;
    s->admin = admin_start(&config, &problem);
    if (!s->admin)
        fail_msg("%s", problem.text);
}

static void open_admin(struct scene *s)
{
    open_admin_with(s, 4);
}

static int open_scene(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    s->world = world_new();
    s->users = users_new(s->world->store, s->world->loop);
    users_load(s->users, on_user, s->world);
    world_wait(s->world, &s->world->done);
    memcpy(s->folder, "/tmp/dialgate-XXXXXX", sizeof "/tmp/dialgate-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/control.sock", s->folder);
    *state = s;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    admin_stop(s->admin);
    assert_int_equal(access(s->path, F_OK), -1); /* it takes its file away */
    rmdir(s->folder);
    users_close(s->users, world_done, s->world);
    world_wait(s->world, &s->world->done);
    world_free(s->world);
    free(s);
    return 0;
}

/* ---- A client in the same thread ------------------------------------------------- */

static int knock(struct scene *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", s->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void on_readable(void *arg, unsigned ready)
{
    (void)ready;
    ((struct scene *)arg)->readable = true;
}

/* Turns the loop until this many lines have come, or the other side has closed. */
static const char *hear(struct scene *s, int fd, unsigned lines)
{
    size_t len = 0;
    ssize_t n = 1;
    struct loop_watch *watch = loop_watch(s->world->loop, fd, DG_READ, on_readable, s);
    while (lines && n > 0) {
        world_wait(s->world, &s->readable);
        n = recv(fd, s->reply + len, sizeof s->reply - 1 - len, MSG_DONTWAIT);
        for (ssize_t i = 0; i < n && lines; i++)
            lines -= s->reply[len + (size_t)i] == '\n';
        len += n > 0 ? (size_t)n : 0;
    }
    loop_watch_stop(watch);
    s->reply[len] = '\0';
    return s->reply;
}

static const char *ask(struct scene *s, const char *request)
{
    int fd = knock(s);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    hear(s, fd, 1);
    close(fd);
    return s->reply;
}

/* Until the server has seen that we are gone. */
static void turn_until_idle(struct scene *s)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(s->world->loop), UV_RUN_NOWAIT);
}

/* ---- Verbs ---------------------------------------------------------------------------- */

static void users_by_the_socket(void **state)
{
    struct scene *s = *state;
    open_admin(s);
    assert_string_equal(ask(s, "{\"verb\":\"user.list\"}\n"), "{\"ok\":true,\"users\":[]}\n");
    const char *reply =
        ask(s, "{\"verb\":\"user.add\",\"username\":\"ann\",\"password\":\"correct horse\","
               "\"role\":\"admin\",\"email\":\"ann@example.org\"}\n");
    assert_non_null(
        strstr(reply, "{\"ok\":true,\"user\":{\"id\":1,\"username\":\"ann\",\"email\":"
                      "\"ann@example.org\",\"full_name\":null,\"role\":\"admin\",\"is_active\":"
                      "true,\"api_access\":true,\"last_login\":null,\"created_at\":\"20"));
    assert_null(strstr(reply, "$2b$"));
    const struct user *ann = users_find(s->users, "ann");
    assert_true(password_verify("correct horse", ann->password_hash));
    assert_memory_equal(ann->password_hash, "$2b$04$", 7);

    ask(s, "{\"verb\":\"user.passwd\",\"username\":\"ann\",\"password\":\"battery staple\","
           "\"role\":\"user\"}\n");
    ann = users_find(s->users, "ann");
    assert_true(password_verify("battery staple", ann->password_hash));
    assert_string_equal(ann->role, "admin"); /* passwd sets nothing else */
    assert_non_null(strstr(ask(s, "{\"verb\":\"user.disable\",\"username\":\"ann\"}\n"),
                           "this is the last active admin"));
    ask(s, "{\"verb\":\"user.add\",\"username\":\"bob\",\"password\":\"correct horse\","
           "\"role\":\"admin\"}\n");
    ask(s, "{\"verb\":\"user.disable\",\"username\":\"ann\",\"role\":\"user\"}\n");
    assert_false(users_find(s->users, "ann")->is_active);
    assert_string_equal(users_find(s->users, "ann")->role, "admin");
    ask(s, "{\"verb\":\"user.enable\",\"username\":\"ann\"}\n");
    assert_true(users_find(s->users, "ann")->is_active);
    assert_true(
        str_starts(ask(s, "{\"verb\":\"user.list\"}\n"), "{\"ok\":true,\"users\":[{\"id\":1,"));
    assert_null(strstr(s->reply, "$2b$"));
}

static void refusals(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *request, *error;
    } rows[] = {
        {"{\"verb\":\"nothing\"}", "no such verb"},
        {"{}", "no such verb"},
        {"[]", "a request must be a JSON object"},
        {"7", NULL},
        {"", NULL},
        {"{\"verb\":", NULL},
        {"{\"verb\":\"reload\",\"verb\":\"user.list\"}", NULL},
        {"{\"verb\":7}", "every member of a request must be text"},
        {"{\"verb\":\"user.add\",\"username\":[]}", "every member of a request must be text"},
        {"{\"verb\":\"user.add\"}", "username: is missing"},
        {"{\"verb\":\"user.add\",\"username\":\"eve\"}", "password: is missing"},
        {"{\"verb\":\"user.add\",\"username\":\"eve\",\"password\":\"short\"}",
         "password: at least 8 characters"},
        {"{\"verb\":\"user.add\",\"username\":\"e\",\"password\":\"correct horse\"}",
         "username: 3 to 50 letters, digits or any of . _ @ -"},
        {"{\"verb\":\"user.add\",\"username\":\"eve\",\"password\":\"correct "
         "horse\",\"role\":\"king\"}",
         "role: admin or user"},
        {"{\"verb\":\"user.passwd\",\"username\":\"eve\",\"password\":\"correct horse\"}",
         "no such user"},
        {"{\"verb\":\"user.disable\",\"username\":\"eve\"}", "no such user"},
        {"{\"verb\":\"user.enable\",\"username\":\"eve\"}", "no such user"},
    };
    open_admin(s);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char line[300], expected[300];
        snprintf(line, sizeof line, "%s\n", rows[i].request);
        ask(s, line);
        snprintf(expected, sizeof expected, "{\"ok\":false,\"error\":\"%s",
                 rows[i].error ? rows[i].error : "");
        assert_memory_equal(s->reply, expected, strlen(expected));
    }
    ask(s, "{\"verb\":\"user.add\",\"username\":\"ann\",\"password\":\"correct horse\"}\n");
    ask(s, "{\"verb\":\"user.add\",\"username\":\"ann\",\"password\":\"correct horse\"}\n");
    assert_string_equal(s->reply, "{\"ok\":false,\"error\":\"username: already taken\"}\n");
    assert_int_equal(users_count(s->users), 1);
}

static void reload(void **state)
{
    struct scene *s = *state;
    open_admin(s);
    assert_string_equal(ask(s, "{\"verb\":\"reload\"}\n"),
                        "{\"ok\":true,\"notes\":\"a note\\n\"}\n");
    assert_string_equal(ask(s, "{\"verb\":\"reload\"}\n"),
                        "{\"ok\":false,\"error\":\"dialgate.toml:3:1: no such key\"}\n");
    assert_int_equal(s->reloads, 2);
}

/* Who asked for a reload may have gone when it is through. */
static void reload_for_nobody(void **state)
{
    struct scene *s = *state;
    static const char request[] = "{\"verb\":\"reload\"}\n";
    open_admin(s);
    s->slow = true;
    int fd = knock(s);
    send(fd, request, strlen(request), 0);
    while (!s->reloads)
        uv_run(loop_uv(s->world->loop), UV_RUN_ONCE);
    close(fd);
    admin_stop(s->admin);
    s->admin = NULL;
    s->on_reloaded(s->on_reloaded_arg, true, "");
}

static void without_a_store(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    struct admin_config config = config_of(s);
    config.users = NULL;
    config.reload = NULL;
    s->admin = admin_start(&config, &problem);
    assert_string_equal(ask(s, "{\"verb\":\"user.list\"}\n"),
                        "{\"ok\":false,\"error\":\"Database disabled\"}\n");
    assert_string_equal(ask(s, "{\"verb\":\"reload\"}\n"),
                        "{\"ok\":false,\"error\":\"no gateway is running\"}\n");
}

/* ---- Lines ---------------------------------------------------------------------------- */

static void many_requests_in_one_go(void **state)
{
    struct scene *s = *state;
    open_admin(s);
    int fd = knock(s);
    static const char requests[] =
        "{\"verb\":\"user.add\",\"username\":\"ann\",\"password\":\"correct horse\"}\n"
        "{\"verb\":\"nothing\"}\n"
        "{\"verb\":\"user.disable\",\"username\":\"ann\"}\n"
        "{\"verb\":\"reload\"}\n";
    send(fd, requests, strlen(requests), 0);
    shutdown(fd, SHUT_WR); /* the answers come all the same, and then the end */
    hear(s, fd, 100);
    const char *first = strstr(s->reply, "\"is_active\":true");
    const char *second = strstr(s->reply, "no such verb");
    const char *third = strstr(s->reply, "\"is_active\":false");
    assert_true(first && second && third && first < second && second < third);
    assert_true(str_ends(s->reply, "\"notes\":\"a note\\n\"}\n"));
    close(fd);
}

static void a_request_in_pieces(void **state)
{
    struct scene *s = *state;
    open_admin(s);
    int fd = knock(s);
    static const char request[] = "{\"verb\":\"user.list\"}\n";
    for (const char *p = request; *p; p++) {
        send(fd, p, 1, 0);
        turn_until_idle(s);
    }
    assert_string_equal(hear(s, fd, 1), "{\"ok\":true,\"users\":[]}\n");
    close(fd);
}

static void a_line_without_end(void **state)
{
    struct scene *s = *state;
    char text[4096];
    open_admin(s);
    int fd = knock(s);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 32; i++) {
        if (send(fd, text, sizeof text, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        turn_until_idle(s);
    }
    assert_string_equal(hear(s, fd, 100),
                        "{\"ok\":false,\"error\":\"the request is longer than 64 KiB\"}\n");
    close(fd);
}

static void too_many_connections(void **state)
{
    struct scene *s = *state;
    int fds[17];
    open_admin(s);
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = knock(s);
    assert_true(
        str_starts(hear(s, fds[16], 100), "{\"ok\":false,\"error\":\"too many connections"));
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    turn_until_idle(s);
    assert_string_equal(ask(s, "{\"verb\":\"user.list\"}\n"), "{\"ok\":true,\"users\":[]}\n");
}

static void the_client_goes_away(void **state)
{
    struct scene *s = *state;
    static const char request[] =
        "{\"verb\":\"user.add\",\"username\":\"ann\",\"password\":\"correct horse\"}\n";
    open_admin(s);
    int fd = knock(s);
    send(fd, request, strlen(request), 0);
    close(fd);
    while (!users_find(s->users, "ann")) /* what was asked for is done */
        uv_run(loop_uv(s->world->loop), UV_RUN_ONCE);
    turn_until_idle(s);
}

static void stopped_with_a_request_under_way(void **state)
{
    struct scene *s = *state;
    static const char request[] =
        "{\"verb\":\"user.add\",\"username\":\"ann\",\"password\":\"correct horse\"}\n";
    open_admin_with(s, 12); /* a hash that takes longer than these few turns */
    int fd = knock(s);
    send(fd, request, strlen(request), 0);
    for (int i = 0; i < 3; i++)
        uv_run(loop_uv(s->world->loop), UV_RUN_NOWAIT);
    admin_stop(s->admin);
    s->admin = NULL;
    assert_string_equal(hear(s, fd, 100), "");
    close(fd);
}

/* ---- Its file --------------------------------------------------------------------------- */

static void only_the_owner_may(void **state)
{
    struct scene *s = *state;
    struct stat file;
    mode_t before = umask(0);
    open_admin(s);
    umask(before);
    assert_int_equal(stat(s->path, &file), 0);
    assert_true(S_ISSOCK(file.st_mode));
    assert_int_equal(file.st_mode & 0777, 0600);
}

/* What a gateway that was killed has left behind. */
static void a_stale_socket_is_replaced(void **state)
{
    struct scene *s = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", s->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    open_admin(s);
    assert_string_equal(ask(s, "{\"verb\":\"user.list\"}\n"), "{\"ok\":true,\"users\":[]}\n");
}

static void another_gateway_is_left_alone(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    const struct admin_config config = config_of(s);
    open_admin(s);
    assert_null(admin_start(&config, &problem));
    assert_int_equal(problem.err, DG_ECONFLICT);
    assert_non_null(strstr(problem.text, s->path));
    assert_string_equal(ask(s, "{\"verb\":\"user.list\"}\n"), "{\"ok\":true,\"users\":[]}\n");
}

static void other_files_are_left_alone(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    const struct admin_config config = config_of(s);
    FILE *f = fopen(s->path, "w");
    fputs("precious", f);
    fclose(f);
    assert_null(admin_start(&config, &problem));
    assert_non_null(strstr(problem.text, "no socket"));
    assert_int_equal(access(s->path, F_OK), 0);
    remove(s->path);
}

/* Whoever has put a socket of his own in the place of ours keeps it. */
static void a_successor_keeps_his_file(void **state)
{
    struct scene *s = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    open_admin(s);
    remove(s->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", s->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    admin_stop(s->admin);
    s->admin = NULL;
    assert_int_equal(access(s->path, F_OK), 0);
    close(fd);
    remove(s->path);
}

static void paths_that_cannot_be(void **state)
{
    struct scene *s = *state;
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const char *const paths[] = {longer, "/nonexistent/folder/control.sock"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct problem problem = {0};
        struct admin_config config = config_of(s);
        config.path = paths[i];
        assert_null(admin_start(&config, &problem));
        assert_non_null(strstr(problem.text, paths[i]));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        TEST(users_by_the_socket),
        TEST(refusals),
        TEST(reload),
        TEST(reload_for_nobody),
        TEST(without_a_store),
        TEST(many_requests_in_one_go),
        TEST(a_request_in_pieces),
        TEST(a_line_without_end),
        TEST(too_many_connections),
        TEST(the_client_goes_away),
        TEST(stopped_with_a_request_under_way),
        TEST(only_the_owner_may),
        TEST(a_stale_socket_is_replaced),
        TEST(another_gateway_is_left_alone),
        TEST(other_files_are_left_alone),
        TEST(a_successor_keeps_his_file),
        TEST(paths_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
