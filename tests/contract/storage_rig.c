/* storage_rig.c - see storage_rig.h. */
#include "storage_rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

#define NAMES 32

struct rig {
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    struct plug *plug;
    const struct dg_plugin *plugin;
    struct instance *in;
    struct env *env;
    struct toml_node *config;
    const struct toml_node *table;
    const char *file, *instance;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t turned;
    struct arena *arena; /* of answers; the loop's while an op is under way */
    enum dg_link link;
    char link_detail[512];
    char suffix[16];
    char *names[NAMES][2];
};

/* ---- The loop's thread -------------------------------------------------- */

/* One call on the loop's thread, waited for. */
struct call {
    struct rig *rig;
    void (*fn)(struct rig *r, void *arg);
    void *arg;
    bool done;
};

void rig_turn(struct rig *r, bool *flag)
{
    pthread_mutex_lock(&r->lock);
    *flag = true;
    pthread_cond_broadcast(&r->turned);
    pthread_mutex_unlock(&r->lock);
}

void rig_wait_for(struct rig *r, const bool *flag)
{
    pthread_mutex_lock(&r->lock);
    while (!*flag)
        pthread_cond_wait(&r->turned, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void on_call(void *arg)
{
    struct call *c = arg;
    c->fn(c->rig, c->arg);
    rig_turn(c->rig, &c->done);
}

void rig_on_loop(struct rig *r, void (*fn)(struct rig *, void *), void *arg)
{
    struct call c = {.rig = r, .fn = fn, .arg = arg};
    loop_call(r->loop, on_call, &c);
    rig_wait_for(r, &c.done);
}

static void *loop_main(void *arg)
{
    struct rig *r = arg;
    loop_run(r->loop);
    plug_free(r->plug);
    net_free(r->net);
    loop_free(r->loop);
    return NULL;
}

/* ---- The instance ------------------------------------------------------- */

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct rig *r = arg;
    (void)in;
    pthread_mutex_lock(&r->lock);
    r->link = link;
    snprintf(r->link_detail, sizeof(r->link_detail), "%s", detail ? detail : "");
    pthread_cond_broadcast(&r->turned);
    pthread_mutex_unlock(&r->lock);
}

static const struct dg_cfg_key core_keys[] = {
    {"plugin", DG_CFG_STR, "", "the plugin"},
    {"disabled", DG_CFG_BOOL, "false", "open no store"},
    {0},
};

static void open_instance(struct rig *r, void *arg)
{
    struct problem *problem = arg;
    struct plug_events events = {.link = on_link, .arg = r};
    struct buf problems;
    unsigned count = 0;
    buf_init(&problems, 16384);
    struct settings_source source = {
        .file = r->file, .env = r->env, .problems = &problems, .count = &count};
    struct settings *settings =
        settings_read(&source, r->instance, r->table, r->plugin->config, core_keys);
    if (count) {
        problem_set(problem, DG_EINVAL, "%s", buf_cstr(&problems));
        settings_free(settings);
    } else {
        r->in = instance_open(r->plug, r->plugin, r->instance, settings, &events, problem);
    }
    buf_free(&problems);
}

bool rig_open(struct rig *r, char *why, size_t size)
{
    struct problem problem = {.err = DG_OK};
    r->link = DG_LINK_CONNECTING;
    rig_on_loop(r, open_instance, &problem);
    if (!r->in) {
        snprintf(why, size, "%s", problem.text);
        return false;
    }
    pthread_mutex_lock(&r->lock);
    while (r->link == DG_LINK_CONNECTING)
        pthread_cond_wait(&r->turned, &r->lock);
    bool up = r->link == DG_LINK_UP;
    snprintf(why, size, "%s", r->link_detail);
    pthread_mutex_unlock(&r->lock);
    return up;
}

struct closing {
    struct rig *rig;
    bool done;
};

static void on_closed(void *arg)
{
    struct closing *c = arg;
    rig_turn(c->rig, &c->done);
}

static void close_instance(struct rig *r, void *arg)
{
    instance_close(r->in, on_closed, arg);
}

void rig_close(struct rig *r)
{
    struct closing c = {.rig = r};
    if (!r->in)
        return;
    rig_on_loop(r, close_instance, &c);
    rig_wait_for(r, &c.done);
    r->in = NULL;
}

struct instance *rig_instance(struct rig *r)
{
    return r->in;
}

/* ---- Making and freeing ------------------------------------------------- */

static bool find_table(struct rig *r, const char *instance)
{
    char path[256];
    snprintf(path, sizeof(path), "%s", instance);
    const struct toml_node *at = r->config;
    for (char *rest = path, *name; at && (name = strsep(&rest, "."));)
        at = toml_get(at, name);
    r->table = at;
    return at && at->kind == TOML_TABLE;
}

static bool load(struct rig *r, const struct rig_config *config, char *why, size_t size)
{
    char folder[4096], name[256];
    struct problem problem = {.err = DG_OK};
    const char *slash = strrchr(config->plugin, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - config->plugin) : 1,
             slash ? config->plugin : ".");
    snprintf(name, sizeof(name), "%s", slash ? slash + 1 : config->plugin);
    if (str_ends(name, ".so"))
        name[strlen(name) - 3] = '\0';
    const char *folders[] = {folder, NULL};
    struct plug_config plug = {
        .loop = r->loop, .net = r->net, .metrics = r->metrics, .folders = folders};
    r->plug = plug_new(&plug);
    r->plugin = plug_load(r->plug, name, &problem);
    snprintf(why, size, "%s", problem.text);
    if (!r->plugin)
        return false;
    if (!r->plugin->storage) {
        snprintf(why, size, "%s is no store", name);
        return false;
    }
    r->config = toml_load(config->file, why, size);
    if (!r->config)
        return false;
    if (find_table(r, config->instance))
        return true;
    snprintf(why, size, "%s has no table [%s]", config->file, config->instance);
    return false;
}

struct rig *rig_new(const struct rig_config *config)
{
    char why[1024];
    struct rig *r = xcalloc(1, sizeof(*r));
    log_setup(&(struct log_config){.level = DG_WARN});
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->turned, NULL);
    r->file = config->file;
    r->instance = config->instance;
    r->arena = arena_new();
    r->env = env_load("/nonexistent", NULL);
    r->loop = loop_new();
    r->net = net_new(r->loop, &(struct net_config){0});
    r->metrics = metrics_new();
    char random[8];
    str_random_hex(3, random);
    rig_suffix(r, random);
    bool ok = load(r, config, why, sizeof(why));
    pthread_create(&r->thread, NULL, loop_main, r);
    if (ok)
        return r;
    fprintf(stderr, "%s\n", why);
    rig_free(r);
    return NULL;
}

void rig_free(struct rig *r)
{
    rig_close(r);
    loop_stop(r->loop);
    pthread_join(r->thread, NULL);
    metrics_free(r->metrics);
    toml_free(r->config);
    env_free(r->env);
    arena_free(r->arena);
    for (size_t i = 0; i < NAMES; i++) {
        free(r->names[i][0]);
        free(r->names[i][1]);
    }
    pthread_cond_destroy(&r->turned);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* Names of collections are letters: each digit, hexadecimal too, becomes one. */
void rig_suffix(struct rig *r, const char *digits)
{
    snprintf(r->suffix, sizeof(r->suffix), "%s", digits);
    for (char *c = r->suffix; *c; c++)
        *c = (char)('a' + (*c >= 'a' ? *c - 'a' + 10 : *c - '0'));
}

const char *rig_name(struct rig *r, const char *name)
{
    size_t i = 0;
    while (r->names[i][0] && !str_eq(r->names[i][0], name))
        i++;
    if (!r->names[i][0]) {
        r->names[i][0] = xstrdup(name);
        r->names[i][1] = xasprintf("%s_%s", name, r->suffix);
    }
    return r->names[i][1];
}

/* ---- Asking ------------------------------------------------------------- */

enum question { DECLARE, GET, QUERY, WRITE, CHANGE, TAKE, TALLY };

struct ask {
    enum question question;
    const void *req;
    size_t count;
    struct answer *answer;
    struct rig *rig;
};

static void copy_doc(struct rig *r, struct answer *a, const struct dg_doc *doc)
{
    a->docs[a->count++] =
        (struct dg_doc){.id = arena_strdup(r->arena, doc->id),
                        .version = doc->version,
                        .json = {arena_dup(r->arena, doc->json.ptr, doc->json.len), doc->json.len}};
}

static void copy_row(struct rig *r, struct answer *a, const struct dg_tally_row *row,
                     const struct dg_tally *req)
{
    a->rows[a->count++] = (struct dg_tally_row){
        .value = arena_strdup(r->arena, row->value),
        .count = row->count,
        .sums = arena_dup(r->arena, row->sums, req->sum_count * sizeof(*row->sums))};
}

static void on_answer(void *arg, const struct op_result *res)
{
    struct ask *ask = arg;
    struct answer *a = ask->answer;
    struct rig *r = ask->rig;
    a->err = res->err;
    a->message = arena_strdup(r->arena, res->message ? res->message : "");
    a->docs = arena_alloc(r->arena, (res->count + 1) * sizeof(*a->docs));
    a->rows = arena_alloc(r->arena, (res->count + 1) * sizeof(*a->rows));
    a->ids = arena_alloc(r->arena, (res->count + 1) * sizeof(*a->ids));
    for (size_t i = 0; i < res->count; i++) {
        if (ask->question == WRITE)
            a->ids[a->count++] = arena_strdup(r->arena, res->items[i]);
        else if (ask->question == TALLY)
            copy_row(r, a, res->items[i], ask->req);
        else if (ask->question == CHANGE)
            a->changed = *(const uint64_t *)res->items[i];
        else
            copy_doc(r, a, res->items[i]);
    }
    rig_turn(r, &a->done);
}

static void put_question(struct rig *r, void *arg)
{
    struct ask *given = arg;
    struct ask *ask = arena_dup(r->arena, given, sizeof(*given));
    ask->answer = arena_alloc(r->arena, sizeof(*ask->answer));
    given->answer = ask->answer;
    struct instance *in = r->in;
    switch (ask->question) {
    case DECLARE:
        storage_declare(in, ask->req, ask->count, on_answer, ask);
        break;
    case GET:
        storage_get(in, ask->req, on_answer, ask);
        break;
    case QUERY:
        storage_query(in, ask->req, on_answer, ask);
        break;
    case WRITE:
        storage_write(in, ask->req, ask->count, on_answer, ask);
        break;
    case CHANGE:
        storage_change(in, ask->req, on_answer, ask);
        break;
    case TAKE:
        storage_take(in, ask->req, on_answer, ask);
        break;
    case TALLY:
        storage_tally(in, ask->req, on_answer, ask);
        break;
    }
}

static struct answer *start(struct rig *r, enum question question, const void *req, size_t count)
{
    struct ask ask = {.question = question, .req = req, .count = count, .rig = r};
    rig_on_loop(r, put_question, &ask);
    return ask.answer;
}

struct answer *rig_wait(struct rig *r, struct answer *a)
{
    rig_wait_for(r, &a->done);
    return a;
}

static struct answer *ask_and_wait(struct rig *r, enum question question, const void *req,
                                   size_t count)
{
    return rig_wait(r, start(r, question, req, count));
}

struct answer *rig_declare(struct rig *r, const struct dg_collection *list, size_t count)
{
    return ask_and_wait(r, DECLARE, list, count);
}

struct answer *rig_get(struct rig *r, const char *collection, const char *id)
{
    struct dg_key key = {.collection = collection, .id = id};
    return ask_and_wait(r, GET, &key, 1);
}

struct answer *rig_query(struct rig *r, const struct dg_query *q)
{
    return ask_and_wait(r, QUERY, q, 1);
}

struct answer *rig_write(struct rig *r, const struct dg_write *list, size_t count)
{
    return ask_and_wait(r, WRITE, list, count);
}

struct answer *rig_change(struct rig *r, const struct dg_change *c)
{
    return ask_and_wait(r, CHANGE, c, 1);
}

struct answer *rig_take(struct rig *r, const struct dg_take *t)
{
    return ask_and_wait(r, TAKE, t, 1);
}

struct answer *rig_tally(struct rig *r, const struct dg_tally *t)
{
    return ask_and_wait(r, TALLY, t, 1);
}

struct answer *rig_write_start(struct rig *r, const struct dg_write *list, size_t count)
{
    return start(r, WRITE, list, count);
}

struct answer *rig_change_start(struct rig *r, const struct dg_change *c)
{
    return start(r, CHANGE, c, 1);
}

struct answer *rig_take_start(struct rig *r, const struct dg_take *t)
{
    return start(r, TAKE, t, 1);
}

struct answer *rig_query_start(struct rig *r, const struct dg_query *q)
{
    return start(r, QUERY, q, 1);
}

void rig_forget(struct rig *r)
{
    arena_free(r->arena);
    r->arena = arena_new();
}
