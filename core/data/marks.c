/* marks.c - one query for all marks, twice a second; see marks.h. */
#include "data/marks.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

#define WATCHED_MAX 8

struct marks {
    struct loop *loop;
    struct store *store;
    uint64_t every_ms;
    struct loop_timer *timer;
    bool asking, again; /* `again`: it was told to look while it did */
    dg_fn *on_closed;
    void *on_closed_arg;
    struct {
        const char *mark;
        uint64_t version;
        dg_fn *fn;
        void *arg;
    } watched[WATCHED_MAX];
    size_t count;
};

/* ---- Raising ------------------------------------------------------------------ */

void mark_add(struct store_batch *b, const char *mark, uint64_t expect)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_int(&w, "at", clock_unix_ms()); /* for people */
    jw_end(&w);
    store_batch_put(b, COLLECTION_MARKS, mark, (struct dg_bytes){json.ptr, json.len}, expect);
    buf_free(&json);
}

void mark_raise(struct store *s, const char *mark, op_fn *fn, void *arg)
{
    struct store_batch b;
    store_batch_init(&b);
    mark_add(&b, mark, DG_VERSION_ANY);
    store_write(s, &b, fn, arg);
}

/* ---- Looking ------------------------------------------------------------------ */

static void look(void *arg);

static void closed(void *arg)
{
    struct marks *m = arg;
    m->on_closed(m->on_closed_arg);
    free(m);
}

static void note_version(struct marks *m, const struct dg_doc *doc)
{
    for (size_t i = 0; i < m->count; i++) {
        if (!str_eq(m->watched[i].mark, doc->id) || m->watched[i].version == doc->version)
            continue;
        m->watched[i].version = doc->version;
        m->watched[i].fn(m->watched[i].arg);
    }
}

/* A store that does not answer tells of its troubles itself. */
static void on_marks(void *arg, const struct op_result *res)
{
    struct marks *m = arg;
    m->asking = false;
    if (m->on_closed) {
        closed(m);
        return;
    }
    for (size_t i = 0; res->err == DG_OK && i < res->count; i++)
        note_version(m, res->items[i]);
    m->timer = loop_timer(m->loop, m->again ? 0 : m->every_ms, look, m);
    m->again = false;
}

static void look(void *arg)
{
    struct marks *m = arg;
    struct buf ids;
    struct json_writer w;
    m->timer = NULL;
    buf_init(&ids, BUF_MAX);
    jw_init(&w, &ids);
    jw_array(&w, NULL);
    for (size_t i = 0; i < m->count; i++)
        jw_str(&w, NULL, m->watched[i].mark);
    jw_end(&w);
    const struct dg_where where = {.field = "id", .compare = DG_IN, .value = buf_cstr(&ids)};
    const struct dg_query query = {
        .collection = COLLECTION_MARKS, .where = &where, .where_count = 1};
    m->asking = true;
    store_query(m->store, &query, on_marks, m);
    buf_free(&ids);
}

void marks_look(struct marks *m)
{
    if (m->asking) {
        m->again = true;
        return;
    }
    loop_timer_stop(m->loop, m->timer);
    look(m);
}

struct marks *marks_new(struct loop *loop, struct store *store, uint64_t every_ms)
{
    struct marks *m = xcalloc(1, sizeof *m);
    m->loop = loop;
    m->store = store;
    m->every_ms = every_ms;
    m->timer = loop_timer(loop, every_ms, look, m);
    return m;
}

void marks_watch(struct marks *m, const char *mark, dg_fn *fn, void *arg)
{
    if (m->count == WATCHED_MAX)
        abort();
    m->watched[m->count].mark = mark;
    m->watched[m->count].fn = fn;
    m->watched[m->count++].arg = arg;
}

void marks_again(struct marks *m, const char *mark)
{
    for (size_t i = 0; i < m->count; i++)
        if (str_eq(m->watched[i].mark, mark))
            m->watched[i].version = DG_VERSION_NONE;
}

void marks_close(struct marks *m, dg_fn *fn, void *arg)
{
    loop_timer_stop(m->loop, m->timer);
    m->timer = NULL;
    m->on_closed = fn;
    m->on_closed_arg = arg;
    if (!m->asking)
        loop_call(m->loop, closed, m);
}
