/* ivr_stats.c - counts on their way into the store; see ivr_stats.h. */
#include "domain/ivr_stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

#define ID_TEXT   24
#define RETRY_MS  1000
#define TRIES_MAX 20

struct ivr_stats {
    struct store *store;
    struct loop *loop;
    struct map *menus; /* id -> struct tally, of those that are not written yet */
};

struct tally {
    struct ivr_stats *owner;
    char id[ID_TEXT];
    struct ivr_counts more;   /* came since */
    struct ivr_counts flying; /* is being written */
    bool fresh;               /* `more` holds something */
    unsigned tries;
    struct loop_timer *retry;
};

struct ivr_stats *ivr_stats_new(struct store *store, struct loop *loop)
{
    struct ivr_stats *st = xcalloc(1, sizeof *st);
    st->store = store;
    st->loop = loop;
    st->menus = map_new();
    return st;
}

static void free_tally(void *value)
{
    struct tally *t = value;
    loop_timer_stop(t->owner->loop, t->retry);
    free(t);
}

void ivr_stats_free(struct ivr_stats *st)
{
    if (!st)
        return;
    map_free(st->menus, free_tally);
    free(st);
}

/* ---- Writing ------------------------------------------------------------------------------- */

static void fly(struct tally *t);

static void read_counts(struct tally *t);

static void on_retry(void *arg)
{
    struct tally *t = arg;
    t->retry = NULL;
    t->tries = 0;
    read_counts(t);
}

static void later(struct tally *t, const char *why)
{
    log_warn("ivr", "counts of a menu could not be written", LOG_S("menu", t->id),
             LOG_S("why", why));
    t->retry = loop_timer(t->owner->loop, RETRY_MS, on_retry, t);
}

static void on_written(void *arg, const struct op_result *res)
{
    struct tally *t = arg;
    if (res->err == DG_ECONFLICT && ++t->tries < TRIES_MAX) {
        read_counts(t);
    } else if (res->err == DG_ETIMEOUT || res->err == DG_EUPSTREAM || res->err == DG_OK) {
        /* Whether it was written is not known with the first two: counted once at most. */
        t->flying = (struct ivr_counts){0};
        if (t->fresh) {
            fly(t);
            return;
        }
        map_del(t->owner->menus, t->id);
        free(t);
    } else {
        later(t, res->message);
    }
}

static void on_counts(void *arg, const struct store_doc *doc)
{
    struct tally *t = arg;
    struct ivr_counts sum;
    struct buf json;
    struct json_writer w;
    if (doc->err != DG_OK && doc->err != DG_ENOTFOUND) {
        later(t, doc->message);
        return;
    }
    ivr_counts_read(&sum, doc->json);
    ivr_counts_add(&sum, &t->flying);
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    ivr_counts_write(&sum, &w);
    store_put(t->owner->store, COLLECTION_IVR_COUNTS, t->id, (struct dg_bytes){json.ptr, json.len},
              doc->err == DG_OK ? doc->version : DG_VERSION_NONE, on_written, t);
    buf_free(&json);
}

static void read_counts(struct tally *t)
{
    store_get_json(t->owner->store, COLLECTION_IVR_COUNTS, t->id, on_counts, t);
}

static void fly(struct tally *t)
{
    t->flying = t->more;
    t->more = (struct ivr_counts){0};
    t->fresh = false;
    t->tries = 0;
    read_counts(t);
}

static void add(struct ivr_stats *st, const struct ivr_session *s, int64_t menu)
{
    char id[ID_TEXT];
    snprintf(id, sizeof id, "%" PRId64, menu);
    struct tally *t = map_get(st->menus, id);
    bool flies = t != NULL;
    if (!t) {
        t = xcalloc(1, sizeof *t);
        t->owner = st;
        snprintf(t->id, sizeof t->id, "%s", id);
        map_set(st->menus, id, t);
    }
    ivr_counts_add_session(&t->more, s, menu);
    t->fresh = true;
    if (!flies)
        fly(t);
}

void ivr_stats_add(struct ivr_stats *st, const struct ivr_session *s)
{
    for (size_t i = 0; i < s->path_count; i++) {
        bool seen = !ivr_book_find(s->book, s->path[i].menu);
        for (size_t k = 0; k < i && !seen; k++)
            seen = s->path[k].menu == s->path[i].menu;
        if (!seen)
            add(st, s, s->path[i].menu);
    }
}

/* ---- Reading ------------------------------------------------------------------------------- */

struct question {
    struct ivr_stats *owner;
    char id[ID_TEXT];
    ivr_counts_fn *fn;
    void *arg;
};

static void on_asked(void *arg, const struct store_doc *doc)
{
    struct question *q = arg;
    struct ivr_counts sum = {0};
    enum dg_err err = doc->err == DG_ENOTFOUND ? DG_OK : doc->err;
    const struct tally *t = map_get(q->owner->menus, q->id);
    if (doc->err == DG_OK)
        ivr_counts_read(&sum, doc->json);
    if (t) {
        ivr_counts_add(&sum, &t->flying);
        ivr_counts_add(&sum, &t->more);
    }
    q->fn(q->arg, err, err == DG_OK ? NULL : doc->message, &sum);
    free(q);
}

void ivr_stats_get(struct ivr_stats *st, int64_t menu, ivr_counts_fn *fn, void *arg)
{
    struct question *q = xcalloc(1, sizeof *q);
    *q = (struct question){.owner = st, .fn = fn, .arg = arg};
    snprintf(q->id, sizeof q->id, "%" PRId64, menu);
    store_get_json(st->store, COLLECTION_IVR_COUNTS, q->id, on_asked, q);
}
