/* kept.c - writes that must not be lost: store_write_kept.
 *
 * Each batch stays in memory until the store has it. Normally it is under way
 * at once and gone a moment later. When the store cannot write, batches wait
 * in order; of a document that is written again only the newest is kept, and
 * a batch all of whose documents have newer ones is dropped. One batch is
 * tried after each pause; when it goes through, the others follow.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "data/store_private.h"

#define AT_ONCE 64 /* batches under way while there is a backlog */

struct kept_batch;

struct kept_write {
    struct kept_batch *batch;
    char *key;
    bool superseded; /* a newer write of the document is kept */
};

struct kept_batch {
    struct link link;
    struct store *store;
    struct store_batch batch;
    struct kept_write *writes; /* as many as the batch has */
    bool in_flight;
};

static bool wanted(const struct kept_batch *kb)
{
    for (size_t i = 0; i < kb->batch.count; i++) {
        if (!kb->writes[i].superseded)
            return true;
    }
    return false;
}

static void drop(struct kept *k, struct kept_batch *kb)
{
    for (size_t i = 0; i < kb->batch.count; i++) {
        struct kept_write *w = &kb->writes[i];
        if (!w->superseded && map_get(k->newest, w->key) == w)
            map_del(k->newest, w->key);
    }
    list_remove(&kb->link);
    k->count--;
    store_batch_free(&kb->batch);
    free(kb);
}

/* ---- Sending ------------------------------------------------------------ */

static void log_refused(const struct kept_batch *kb, const struct op_result *res)
{
    const struct dg_write *first = &kb->batch.list[0];
    log_error("store", "a write that was to be kept is refused",
              LOG_S("collection", first->collection), LOG_S("id", first->id),
              LOG_I("writes", kb->batch.count), LOG_S("why", res->message));
}

static void hold(struct store *s, const char *why)
{
    struct kept *k = &s->kept;
    k->alone = true;
    if (k->holding)
        return;
    k->holding = true;
    log_warn("store", "writes are kept in memory until the store takes them again",
             LOG_S("why", why));
}

static void release(struct store *s)
{
    s->kept.holding = false;
    s->retry_ms = 0;
    log_info("store", "the store takes writes again");
}

static void on_sent(void *arg, const struct op_result *res)
{
    struct kept_batch *kb = arg;
    struct store *s = kb->store;
    struct kept *k = &s->kept;
    kb->in_flight = false;
    k->in_flight--;
    if (res->err != DG_OK && store_err_passes(res->err)) {
        hold(s, res->message);
        if (!wanted(kb))
            drop(k, kb);
        store_retry_soon(s);
    } else {
        if (res->err != DG_OK)
            log_refused(kb, res);
        drop(k, kb);
        k->alone = false;
        if (k->holding)
            kept_resume(s);
    }
    store_show_kept(s);
    if (!k->count)
        store_drained(s);
}

static bool may_write(const struct store *s)
{
    return s->declared && (!s->leased || clock_ms() < s->lease_until_ms);
}

static void dispatch(struct store *s, struct kept_batch *kb)
{
    struct dg_write *list = arena_alloc(kb->batch.arena, kb->batch.count * sizeof(*list));
    size_t count = 0;
    for (size_t i = 0; i < kb->batch.count; i++) {
        if (!kb->writes[i].superseded)
            list[count++] = kb->batch.list[i];
    }
    kb->in_flight = true;
    s->kept.in_flight++;
    storage_write(s->in, list, count, ask_ended, ask_new(s, true, on_sent, kb));
}

void kept_resume(struct store *s)
{
    struct kept *k = &s->kept;
    if (!k->holding || !s->link_up || !may_write(s))
        return;
    size_t most = k->alone ? 1 : AT_ONCE;
    struct link *at = k->batches.next;
    for (; at != &k->batches && k->in_flight < most; at = at->next) {
        struct kept_batch *kb = list_item(at, struct kept_batch, link);
        if (!kb->in_flight)
            dispatch(s, kb);
    }
    if (at == &k->batches && !k->alone)
        release(s); /* all are under way; what comes now is sent at once */
}

/* ---- Coming in ---------------------------------------------------------- */

static void check(const struct dg_write *w)
{
    if (w->id && w->expect == DG_VERSION_ANY)
        return;
    log_error("store", "bug: a kept write without an id or with a version demand",
              LOG_S("collection", w->collection));
    abort();
}

static void supersede(struct kept *k, struct kept_write *newer)
{
    struct kept_write *older = map_set(k->newest, newer->key, newer);
    if (!older)
        return;
    older->superseded = true;
    if (older->batch != newer->batch && !older->batch->in_flight && !wanted(older->batch))
        drop(k, older->batch);
}

static void log_lost(struct store *s, const struct store_batch *b)
{
    log_error("store", "a write is lost: too many are kept already",
              LOG_S("collection", b->list[0].collection), LOG_S("id", b->list[0].id),
              LOG_I("kept", s->kept.count));
    if (s->lost)
        metric_add(s->lost, 1);
}

bool store_write_kept(struct store *s, struct store_batch *b)
{
    struct kept *k = &s->kept;
    if (!b->count || !s->in || k->count >= k->max) {
        bool fine = !b->count;
        if (!fine && s->in)
            log_lost(s, b);
        store_batch_free(b);
        return fine;
    }
    struct kept_batch *kb = xcalloc(1, sizeof(*kb));
    kb->store = s;
    kb->batch = *b;
    *b = (struct store_batch){0};
    kb->writes = arena_alloc(kb->batch.arena, kb->batch.count * sizeof(*kb->writes));
    list_append(&k->batches, &kb->link);
    k->count++;
    for (size_t i = 0; i < kb->batch.count; i++) {
        const struct dg_write *w = &kb->batch.list[i];
        check(w);
        char *key = xasprintf("%s/%s", w->collection, w->id);
        kb->writes[i] = (struct kept_write){.batch = kb, .key = arena_strdup(kb->batch.arena, key)};
        free(key);
        supersede(k, &kb->writes[i]);
    }
    if (!may_write(s))
        hold(s, s->declared ? "this gateway has to find out what is still its own"
                            : "it is not ready yet");
    if (k->holding)
        store_show_kept(s);
    else
        dispatch(s, kb);
    return true;
}

void store_lease(struct store *s, uint64_t until_ms)
{
    s->leased = true;
    s->lease_until_ms = until_ms;
    kept_resume(s);
}

void store_kept_each(struct store *s, const char *collection, store_kept_fn *fn, void *arg)
{
    for (struct link *at = s->kept.batches.next; at != &s->kept.batches; at = at->next) {
        const struct kept_batch *kb = list_item(at, struct kept_batch, link);
        for (size_t i = 0; !kb->in_flight && i < kb->batch.count; i++) {
            if (!kb->writes[i].superseded && str_eq(kb->batch.list[i].collection, collection))
                fn(arg, kb->batch.list[i].id);
        }
    }
}

void store_kept_forget(struct store *s, const char *collection, const char *id)
{
    char *key = xasprintf("%s/%s", collection, id);
    struct kept_write *w = map_get(s->kept.newest, key);
    free(key);
    if (!w || w->batch->in_flight)
        return;
    w->superseded = true;
    map_del(s->kept.newest, w->key);
    if (!wanted(w->batch))
        drop(&s->kept, w->batch);
    store_show_kept(s);
}

size_t store_room(const struct store *s)
{
    return s->in ? s->kept.max - s->kept.count : SIZE_MAX;
}

/* ---- Making and freeing ------------------------------------------------- */

void kept_init(struct kept *k, size_t max)
{
    list_init(&k->batches);
    k->newest = map_new();
    k->max = max;
}

void kept_free(struct kept *k)
{
    while (!list_empty(&k->batches))
        drop(k, list_item(k->batches.next, struct kept_batch, link));
    map_free(k->newest, NULL);
}
