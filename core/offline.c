/* offline.c - see offline.h. The steps come one after the other on the loop's
 * thread; a failure anywhere walks back what was done.
 */
#include "offline.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin.h"
#include "base/mem.h"
#include "base/str.h"

#define PATIENCE_MS 20000 /* for a store that does not answer */

struct offline {
    struct config *config;
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    struct plug *plug;
    struct instance *instance;
    struct store *store;
    struct users *users;
    struct tokens *tokens;
    struct ledger *ledger;
    struct admin *admin;
    struct loop_timer *late;
    pthread_t thread;
    int fd; /* our end of the connection, until admin has it */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready, failed; /* under the lock */
    bool settled;       /* one of the two was said [loop thread] */
    struct problem problem;
};

/* ---- Telling the caller -------------------------------------------------------- */

static void settle(struct offline *o, bool ready)
{
    if (o->settled)
        return;
    o->settled = true;
    loop_timer_stop(o->loop, o->late);
    o->late = NULL;
    pthread_mutex_lock(&o->lock);
    o->ready = ready;
    o->failed = !ready;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

static void fail(struct offline *o, enum dg_err err, const char *why)
{
    if (!o->settled)
        problem_set(&o->problem, err, "%s", why);
    settle(o, false);
}

static void on_late(void *arg)
{
    struct offline *o = arg;
    const char *detail = o->instance->link_detail;
    o->late = NULL;
    fail(o, DG_ETIMEOUT, str_empty(detail) ? "the store does not answer" : detail);
}

/* ---- Opening, step by step -------------------------------------------------------- */

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct offline *o = arg;
    (void)in;
    if (o->store)
        store_link(o->store, link, detail);
}

static void on_users(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct offline *o = arg;
    (void)user;
    if (err != DG_OK) {
        fail(o, err, message);
        return;
    }
    const struct admin_config config = {
        .loop = o->loop,
        .store = o->store,
        .users = o->users,
        .tokens = o->tokens,
        .ledger = o->ledger,
        .bcrypt_cost = (unsigned)settings_int(o->config->auth, "bcrypt_cost"),
    };
    o->admin = admin_start(&config, &o->problem);
    admin_serve(o->admin, o->fd);
    o->fd = -1;
    settle(o, true);
}

static void on_store(void *arg, const struct op_result *res)
{
    struct offline *o = arg;
    if (res->err != DG_OK) {
        fail(o, res->err, res->message);
        return;
    }
    o->users = users_new(o->store, o->loop);
    o->tokens = tokens_new(o->store, o->loop, o->users);
    o->ledger = ledger_new(o->store, o->loop, o->metrics);
    users_load(o->users, on_users, o);
}

static void open_store(void *arg)
{
    struct offline *o = arg;
    struct config_instance *c = &o->config->store;
    const struct plug_events events = {.link = on_link, .arg = o};
    struct problem problem;
    o->instance = instance_open(o->plug, c->descriptor, c->name, c->settings, &events, &problem);
    c->settings = NULL;
    if (!o->instance) {
        fail(o, problem.err, problem.text);
        return;
    }
    o->late = loop_timer(o->loop, PATIENCE_MS, on_late, o);
    o->store = store_new(&(struct store_config){.loop = o->loop, .instance = o->instance});
    store_ready(o->store, on_store, o);
}

/* ---- Closing ------------------------------------------------------------------------ */

static void on_instance_closed(void *arg)
{
    struct offline *o = arg;
    loop_stop(o->loop);
}

static void close_store(void *arg)
{
    struct offline *o = arg;
    store_free(o->store);
    o->store = NULL;
    ledger_free(o->ledger);
    if (o->instance)
        instance_close(o->instance, on_instance_closed, o);
    else
        loop_stop(o->loop);
}

static void close_users(void *arg)
{
    struct offline *o = arg;
    users_close(o->users, close_store, o);
}

static void close_tokens(void *arg)
{
    struct offline *o = arg;
    tokens_close(o->tokens, close_users, o);
}

static void close_all(void *arg)
{
    struct offline *o = arg;
    admin_stop(o->admin);
    if (o->users)
        ledger_drain(o->ledger, PATIENCE_MS, close_tokens, o);
    else
        close_store(o);
}

/* ---- The thread ---------------------------------------------------------------------- */

static void *offline_thread(void *arg)
{
    struct offline *o = arg;
    loop_call(o->loop, open_store, o);
    loop_run(o->loop);
    plug_free(o->plug);
    net_free(o->net);
    loop_free(o->loop);
    return NULL;
}

static void offline_free(struct offline *o)
{
    metrics_free(o->metrics);
    if (o->fd >= 0)
        close(o->fd);
    pthread_mutex_destroy(&o->lock);
    pthread_cond_destroy(&o->changed);
    free(o);
}

void offline_close(struct offline *o)
{
    if (!o)
        return;
    loop_call(o->loop, close_all, o);
    pthread_join(o->thread, NULL);
    offline_free(o);
}

static bool wait_ready(struct offline *o)
{
    pthread_mutex_lock(&o->lock);
    while (!o->ready && !o->failed)
        pthread_cond_wait(&o->changed, &o->lock);
    bool ready = o->ready;
    pthread_mutex_unlock(&o->lock);
    return ready;
}

/* The first line of `problems` that concerns the store. What is wrong elsewhere, a variable that
 * only the gateway's own environment has for one, does not matter here. */
static bool store_problem(const struct buf *problems, struct problem *problem)
{
    for (const char *line = problems->ptr; line && *line;) {
        const size_t len = strcspn(line, "\n");
        const char *place = memmem(line, len, ": storage.", strlen(": storage."));
        if (place)
            return problem_set(problem, DG_EINVAL, "%.*s", (int)len, line) != DG_OK;
        line += len + (line[len] == '\n');
    }
    return false;
}

static bool find_plugin(struct offline *o, struct problem *problem)
{
    struct buf problems;
    unsigned count = 0;
    buf_init(&problems, BUF_MAX);
    config_plugins(o->config, o->plug, &problems, &count);
    bool good = !store_problem(&problems, problem);
    if (good && !o->config->store.descriptor) {
        problem_set(problem, DG_EINVAL, "%.*s", (int)strcspn(buf_cstr(&problems), "\n"),
                    buf_cstr(&problems));
        good = false;
    }
    buf_free(&problems);
    return good;
}

/* Before the thread runs: what one thread made, the same may free. */
static void abandon(struct offline *o)
{
    plug_free(o->plug);
    net_free(o->net);
    loop_free(o->loop);
    offline_free(o);
}

struct offline *offline_open(struct config *config, int *fd, struct problem *problem)
{
    int pair[2];
    struct offline *o = xcalloc(1, sizeof *o);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    o->config = config;
    o->fd = -1;
    o->loop = loop_new();
    o->net = net_new(o->loop, &(struct net_config){0});
    o->metrics = metrics_new();
    o->plug = plug_new(&(struct plug_config){
        .loop = o->loop, .net = o->net, .metrics = o->metrics, .folders = config->plugin_folders});
    if (!find_plugin(o, problem)) {
        abandon(o);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
        fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0)
        abort();
    o->fd = pair[0];
    *fd = pair[1];
    if (pthread_create(&o->thread, NULL, offline_thread, o) != 0)
        abort();
    if (wait_ready(o))
        return o;
    close(*fd);
    *problem = o->problem;
    offline_close(o);
    return NULL;
}
