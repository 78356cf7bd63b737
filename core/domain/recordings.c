/* recordings.c - one recording: found on the backend that has it, read, deleted. */
#include "domain/recordings.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/str.h"
#include "domain/nodes.h"
#include "domain/recordings_private.h"

#define NOT_FOUND  "Recording not found"
#define STILL_MADE "The recording is still being made"

/* ---- Asking one backend after the other ----------------------------------------------------- */

struct search {
    struct recordings *rs;
    struct arena *arena;
    const char *name;
    const char *backend; /* NULL: whichever has it */
    const char *backends[GATHER_MAX];
    size_t count, next;
    bool delete;
    recordings_fn *fn;
    void *arg;
    struct recording found;
    enum dg_err err; /* the most telling failure so far */
    const char *message;
};

static void answer(struct search *s)
{
    const bool found = s->err == DG_OK;
    const struct recordings_answer out = {
        .err = s->err, .message = s->message, .list = found ? &s->found : NULL, .count = found};
    struct recordings *rs = s->rs;
    s->fn(s->arg, &out);
    arena_free(s->arena);
    free(s);
    recordings_over(rs);
}

static void answer_soon(void *arg)
{
    answer(arg);
}

static void ask_next(struct search *s);

/* That it is not there says less than any other failure. */
static void keep_failure(struct search *s, enum dg_err err, const char *message)
{
    if (s->err != DG_ENOTFOUND)
        return;
    s->err = err;
    s->message = err == DG_ENOTFOUND ? NOT_FOUND : arena_strdup(s->arena, message);
}

static void on_found(void *arg, const struct op_result *res)
{
    struct search *s = arg;
    const struct dg_recording *r = NULL;
    for (size_t i = 0; res->err == DG_OK && i < res->count && !r; i++) {
        const struct dg_recording *one = res->items[i];
        r = str_eq(one->id, s->name) ? one : NULL;
    }
    if (!r) {
        keep_failure(s, res->err == DG_OK ? DG_ENOTFOUND : res->err, res->message);
        ask_next(s);
        return;
    }
    s->found = recording_of(r, s->backends[s->next - 1]);
    s->err = DG_OK;
    s->message = NULL;
    answer(s); /* what it points to is lent for this long */
}

static void on_deleted(void *arg, const struct op_result *res)
{
    struct search *s = arg;
    if (res->err != DG_OK) {
        keep_failure(s, res->err, res->message);
        ask_next(s);
        return;
    }
    s->found = (struct recording){
        .name = s->name, .backend = s->backends[s->next - 1], .told = recording_name_read(s->name)};
    s->err = DG_OK;
    s->message = NULL;
    recordings_changed(s->rs);
    answer(s);
}

static void ask(struct search *s, struct instance *in)
{
    const struct dg_stop named = {.id = s->name};
    const struct dg_filter like = {.text = s->name};
    bool never;
    if (s->delete)
        backend_recording_delete(in, &named, on_deleted, s);
    else if (!backend_refusal(in, "recording_find", &never))
        backend_recording_find(in, &named, on_found, s);
    else
        backend_recordings(in, &like, on_found, s);
}

static void ask_next(struct search *s)
{
    while (s->next < s->count && !s->rs->freed) {
        struct instance *in = calls_backend_named(s->rs->config.calls, s->backends[s->next++]);
        if (!in) /* closed meanwhile */
            continue;
        ask(s, in);
        return;
    }
    loop_call(s->rs->config.loop, answer_soon, s);
}

static void begin(struct search *s)
{
    struct instance *whom[GATHER_MAX];
    struct problem why = {0};
    const struct gather_question question = {.function =
                                                 s->delete ? "recording_delete" : "recordings",
                                             .what = "recordings",
                                             .backend = s->backend,
                                             .apart = true};
    s->count = gather_whom(s->rs->config.calls, &question, whom);
    for (size_t i = 0; i < s->count; i++)
        s->backends[i] = arena_strdup(s->arena, whom[i]->name);
    s->err = DG_ENOTFOUND;
    s->message = NOT_FOUND;
    if (!s->count) {
        s->err = gather_refusal(s->rs->config.calls, &question, &why);
        s->message = arena_strdup(s->arena, why.text);
    }
    ask_next(s);
}

static struct search *search_new(struct recordings *rs, const char *name, const char *backend,
                                 recordings_fn *fn, void *arg)
{
    struct search *s = xcalloc(1, sizeof *s);
    *s = (struct search){.rs = rs, .arena = arena_new(), .fn = fn, .arg = arg};
    s->name = arena_strdup(s->arena, name);
    s->backend = arena_strdup(s->arena, backend);
    rs->active++;
    return s;
}

/* false: it was refused. */
static bool check_name(struct search *s)
{
    s->message = recording_name_refusal(s->name);
    if (!s->message)
        return true;
    s->err = DG_EINVAL;
    loop_call(s->rs->config.loop, answer_soon, s);
    return false;
}

void recordings_find(struct recordings *rs, const char *name, const char *backend,
                     recordings_fn *fn, void *arg)
{
    struct search *s = search_new(rs, name, backend, fn, arg);
    if (check_name(s))
        begin(s);
}

/* ---- Deleting ------------------------------------------------------------------------------- */

/* A caller's message in a menu is never told to be over: it is as long as its call. */
static bool is_written(const struct call *c, const char *name)
{
    const struct call_doing *d = &c->doing;
    bool last = d->recording_count && str_eq(d->recordings[d->recording_count - 1], name);
    return !call_is_over(c->state) && ((last && d->recording) || str_starts(name, c->id));
}

bool recording_is_open(const struct recordings *rs, const char *name)
{
    struct recording_name told = recording_name_read(name);
    const struct call *c = *told.call_id ? calls_find(rs->config.calls, told.call_id) : NULL;
    return c && is_written(c, name);
}

static void refuse_delete(struct search *s, enum dg_err err, const char *message)
{
    s->err = err;
    s->message = arena_strdup(s->arena, message);
    loop_call(s->rs->config.loop, answer_soon, s);
}

/* Its call, as the store has it. */
static void on_call(void *arg, const struct call_answer *found)
{
    struct search *s = arg;
    if (s->rs->freed)
        refuse_delete(s, DG_EUNAVAILABLE, "the backend is closed");
    else if (found->err == DG_OK && is_written(found->call, s->name))
        refuse_delete(s, DG_ECONFLICT, STILL_MADE);
    else if (found->err == DG_OK || found->err == DG_ENOTFOUND)
        begin(s);
    else
        refuse_delete(s, found->err, found->message);
}

/* A call that is not live here may be at another gateway on the store. */
void recordings_delete(struct recordings *rs, const char *name, const char *backend,
                       recordings_fn *fn, void *arg)
{
    struct search *s = search_new(rs, name, backend, fn, arg);
    const struct nodes *nodes = rs->config.nodes;
    s->delete = true;
    if (!check_name(s))
        return;
    struct recording_name told = recording_name_read(name);
    if (recording_is_open(rs, name))
        refuse_delete(s, DG_ECONFLICT, STILL_MADE);
    else if (*told.call_id && nodes && nodes_shared(nodes))
        calls_get(rs->config.calls, told.call_id, on_call, s);
    else
        begin(s);
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct refused {
    op_fn *fn;
    void *arg;
};

static void on_refused(void *arg)
{
    struct refused r = *(struct refused *)arg;
    free(arg);
    r.fn(r.arg, &(struct op_result){.err = DG_EUNAVAILABLE, .message = "the backend is closed"});
}

void recordings_read(struct recordings *rs, const struct recording *r, uint64_t offset,
                     uint64_t limit, op_fn *fn, void *arg)
{
    const struct dg_recording_read req = {.id = r->name, .offset = offset, .limit = limit};
    struct instance *in = calls_backend_named(rs->config.calls, r->backend);
    if (in) {
        backend_recording_read(in, &req, fn, arg);
        return;
    }
    struct refused *gone = xcalloc(1, sizeof *gone);
    *gone = (struct refused){fn, arg};
    loop_call(rs->config.loop, on_refused, gone);
}

/* ---- Coming and going ------------------------------------------------------------------------ */

void recordings_count(struct recordings *rs, const char *reason)
{
    if (rs->deleted)
        metric_add(metric_of(rs->deleted, (const char *const[]){reason}), 1);
}

struct recordings *recordings_new(const struct recordings_config *config)
{
    static const struct metric_family_info deleted = {
        .kind = METRIC_COUNTER,
        .name = "dialgate_recordings_deleted_total",
        .help = "Recordings that the retention rule has deleted, or could not delete",
        .labels = {"result"}};
    struct recordings *rs = xcalloc(1, sizeof *rs);
    rs->config = *config;
    list_init(&rs->waiting);
    rs->deleted = config->metrics ? metrics_family(config->metrics, &deleted) : NULL;
    recordings_keep_start(rs);
    return rs;
}

void recordings_over(struct recordings *rs)
{
    if (--rs->active || !rs->freed)
        return;
    recordings_drop_list(rs);
    free(rs);
}

void recordings_free(struct recordings *rs)
{
    if (!rs)
        return;
    recordings_keep_stop(rs);
    loop_timer_stop(rs->config.loop, rs->answering);
    rs->answering = NULL;
    rs->freed = true;
    rs->active++;
    recordings_over(rs);
}
