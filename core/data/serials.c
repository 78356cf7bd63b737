/* serials.c - numbers that are given once; see serials.h. */
#include "data/serials.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define TRIES_MAX         20
#define RETRY_MS          500
#define DISABLED(message) str_eq(message, STORE_DISABLED_TEXT)

/* ---- Taking some ------------------------------------------------------------------------ */

struct taking {
    struct store *store;
    const char *counter; /* a constant */
    unsigned count, tries;
    int64_t first;
    serials_fn *fn;
    void *arg;
};

static void read_counter(struct taking *t);

static void answer(struct taking *t, enum dg_err err, const char *message)
{
    t->fn(t->arg, err, message, err == DG_OK ? t->first : 0);
    free(t);
}

/* Where the answer stayed away the numbers may be taken: then they are lost. */
static void on_written(void *arg, const struct op_result *res)
{
    struct taking *t = arg;
    if (res->err == DG_ECONFLICT && ++t->tries < TRIES_MAX)
        read_counter(t);
    else
        answer(t, res->err, res->message);
}

static void on_counter(void *arg, const struct store_doc *doc)
{
    struct taking *t = arg;
    if (doc->err != DG_OK && doc->err != DG_ENOTFOUND) {
        answer(t, doc->err, doc->message);
        return;
    }
    t->first = json_get_int(doc->json, "next", 1);
    json_t *next = json_pack("{s:I}", "next", (json_int_t)t->first + (json_int_t)t->count);
    store_put_json(t->store, COLLECTION_META, t->counter, next,
                   doc->err == DG_OK ? doc->version : DG_VERSION_NONE, on_written, t);
    json_decref(next);
}

static void read_counter(struct taking *t)
{
    store_get_json(t->store, COLLECTION_META, t->counter, on_counter, t);
}

void serials_take(struct store *store, const char *counter, unsigned count, serials_fn *fn,
                  void *arg)
{
    struct taking *t = xcalloc(1, sizeof *t);
    *t = (struct taking){.store = store, .counter = counter, .count = count, .fn = fn, .arg = arg};
    read_counter(t);
}

/* ---- One at a time ---------------------------------------------------------------------- */

struct block {
    int64_t next;
    unsigned left;
};

struct serials {
    struct store *store;
    struct loop *loop;
    const char *counter;
    unsigned size;
    struct block now, after;
    bool asking;
    struct loop_timer *retry;
    op_fn *ready;
    void *ready_arg;
};

static void on_retry(void *arg);

static void ask(struct serials *s);

static void tell_ready(struct serials *s, enum dg_err err, const char *message)
{
    op_fn *fn = s->ready;
    s->ready = NULL;
    if (fn)
        fn(s->ready_arg, &(struct op_result){.err = err, .message = message});
}

static void on_block(void *arg, enum dg_err err, const char *message, int64_t first)
{
    struct serials *s = arg;
    s->asking = false;
    if (err == DG_OK) {
        struct block *to = s->now.left ? &s->after : &s->now;
        *to = (struct block){first, s->size};
        tell_ready(s, DG_OK, NULL);
    } else if (DISABLED(message)) {
        s->now = (struct block){1, UINT32_MAX};
        tell_ready(s, DG_OK, NULL);
    } else {
        log_warn("store", "no numbers could be taken", LOG_S("counter", s->counter),
                 LOG_S("why", message));
        tell_ready(s, err, message);
        if (!s->retry)
            s->retry = loop_timer(s->loop, RETRY_MS, on_retry, s);
    }
}

static void ask(struct serials *s)
{
    if (s->asking || s->retry || s->after.left || s->now.left > s->size / 2)
        return;
    s->asking = true;
    serials_take(s->store, s->counter, s->size, on_block, s);
}

static void on_retry(void *arg)
{
    struct serials *s = arg;
    s->retry = NULL;
    ask(s);
}

struct serials *serials_new(struct store *store, struct loop *loop, const char *counter,
                            unsigned block)
{
    struct serials *s = xcalloc(1, sizeof *s);
    *s = (struct serials){.store = store, .loop = loop, .counter = counter, .size = block};
    return s;
}

void serials_ready(struct serials *s, op_fn *fn, void *arg)
{
    s->ready = fn;
    s->ready_arg = arg;
    ask(s);
}

int64_t serials_next(struct serials *s)
{
    if (!s->now.left) {
        s->now = s->after;
        s->after = (struct block){0};
    }
    if (!s->now.left) {
        ask(s);
        return 0;
    }
    int64_t number = s->now.next++;
    s->now.left--;
    ask(s);
    return number;
}

void serials_free(struct serials *s)
{
    if (!s)
        return;
    loop_timer_stop(s->loop, s->retry);
    free(s);
}
