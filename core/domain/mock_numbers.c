/* mock_numbers.c - the numbers as readers see them, and the changes in the store; see
 * mock_numbers.h. */
#include "domain/mock_numbers.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/epoch.h"
#include "base/id.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "data/expiry.h"
#include "domain/mock_record.h"

#define LOOK_MS    1000
#define EXPIRY_MS  60000
#define META_ID    "mock_numbers" /* in COLLECTION_META: {"change": another text with each change} */
#define JSON_DEPTH 8

/* What readers see; replaced as a whole. */
struct view {
    size_t count;
    struct mock_range list[];
};

struct mock_numbers {
    struct mock_numbers_config config;
    _Atomic uint64_t lifetime_ms;
    _Atomic(struct view *) view;
    _Atomic bool any; /* there is something in it: mostly not */
    struct epoch *epoch;
    struct mock_ranges ranges; /* the same, the writer's */
    size_t numbers;
    int64_t next_expiry_ms; /* the first of them; INT64_MAX: none */
    char seen[ID_SIZE];     /* the store's change when it was last read */
    uint64_t applied;       /* changes of this gateway */
    struct link asks;       /* changes under way */
    struct reading *reading;
    dg_fn *on_closed; /* it is being closed */
    void *on_closed_arg;
    struct loop_timer *timer;
    struct expiry *expiry;
    struct metric *gauge;
};

/* ---- What readers see --------------------------------------------------------------------- */

static void publish(struct mock_numbers *m)
{
    struct view *v = xmalloc(sizeof *v + m->ranges.count * sizeof *v->list);
    v->count = m->ranges.count;
    m->next_expiry_ms = INT64_MAX;
    for (size_t i = 0; i < v->count; i++) {
        v->list[i] = m->ranges.list[i];
        if (v->list[i].expires_ms < m->next_expiry_ms)
            m->next_expiry_ms = v->list[i].expires_ms;
    }
    epoch_retire(m->epoch, atomic_exchange(&m->view, v));
    atomic_store(&m->any, v->count > 0);
    epoch_reclaim(m->epoch);
    m->numbers = mock_ranges_numbers(&m->ranges);
    if (m->gauge)
        metric_set(m->gauge, (int64_t)m->numbers);
}

bool mock_numbers_find(struct mock_numbers *m, unsigned reader, uint32_t key,
                       struct mock_range *out)
{
    if (!atomic_load_explicit(&m->any, memory_order_acquire))
        return false;
    epoch_enter(m->epoch, reader);
    const struct view *v = atomic_load(&m->view);
    const struct mock_range *r =
        key ? mock_ranges_find(v->list, v->count, key, clock_unix_ms()) : NULL;
    if (r)
        *out = *r;
    epoch_leave(m->epoch, reader);
    return r != NULL;
}

void mock_numbers_each(struct mock_numbers *m, unsigned reader, mock_numbers_fn *fn, void *arg)
{
    int64_t now = clock_unix_ms();
    epoch_enter(m->epoch, reader);
    const struct view *v = atomic_load(&m->view);
    for (size_t i = 0; i < v->count; i++)
        if (v->list[i].expires_ms > now)
            fn(arg, &v->list[i]);
    epoch_leave(m->epoch, reader);
}

uint64_t mock_numbers_lifetime(const struct mock_numbers *m)
{
    return atomic_load(&m->lifetime_ms);
}

/* ---- Changes ----------------------------------------------------------------------------------
 */

static void apply(struct mock_ranges *ranges, const struct mock_change *c, int64_t now_ms)
{
    const struct mock_ranges none = {0};
    struct mock_ranges after = {0};
    if (c->kind != MOCK_CLEAR)
        after = mock_ranges_combine(ranges, &c->ranges, c->kind == MOCK_ADD ? &c->ranges : &none,
                                    now_ms);
    mock_ranges_free(ranges);
    *ranges = after;
}

static void purge(struct mock_numbers *m)
{
    const struct mock_ranges none = {0};
    int64_t now = clock_unix_ms();
    if (m->next_expiry_ms > now)
        return;
    struct mock_ranges left = mock_ranges_combine(&m->ranges, &none, NULL, now);
    mock_ranges_free(&m->ranges);
    m->ranges = left;
    publish(m);
}

/* A change on its way to the store. */
struct ask {
    struct link link;
    struct mock_numbers *m;
    struct mock_change change;
    mock_answer_fn *fn;
    void *arg;
};

static void close_when_idle(struct mock_numbers *m);

static void ask_free(struct ask *a)
{
    list_remove(&a->link);
    close_when_idle(a->m);
    mock_ranges_free(&a->change.ranges);
    free(a);
}

static void ask_answer(struct ask *a, enum dg_err err, const char *message)
{
    struct mock_numbers *m = a->m;
    struct mock_answer answer = {.err = err, .message = message};
    purge(m);
    size_t before = m->numbers;
    if (err == DG_OK) {
        apply(&m->ranges, &a->change, clock_unix_ms());
        m->applied++;
        publish(m);
    }
    answer.count = before > m->numbers ? before - m->numbers : 0;
    answer.expires_ms = a->change.expires_ms;
    answer.lifetime_ms = mock_numbers_lifetime(m);
    a->fn(a->arg, &answer);
    ask_free(a);
}

static void on_written(void *arg, const struct op_result *res)
{
    const struct ask *a = arg;
    if (res->err == DG_OK)
        notes_publish(a->m->config.notes, NOTE_MOCK_NUMBERS, "");
    ask_answer(arg, res->err, res->message);
}

static void on_own(void *arg)
{
    ask_answer(arg, DG_OK, NULL);
}

static struct ask *ask_new(struct mock_numbers *m, enum mock_change_kind kind, mock_answer_fn *fn,
                           void *arg)
{
    struct ask *a = xcalloc(1, sizeof *a);
    a->m = m;
    a->fn = fn;
    a->arg = arg;
    a->change.kind = kind;
    a->change.at_ms = clock_unix_ms();
    a->change.expires_ms = a->change.at_ms + (int64_t)mock_numbers_lifetime(m);
    list_append(&m->asks, &a->link);
    return a;
}

/* The change, and the sign for the other gateways that there is one. */
static void ask_go(struct ask *a)
{
    struct mock_numbers *m = a->m;
    if (!m->config.stored) {
        loop_call(m->config.loop, on_own, a);
        return;
    }
    struct store_batch batch;
    struct buf json;
    char id[ID_SIZE], sign[ID_SIZE + 16];
    id_uuid7(id);
    store_batch_init(&batch);
    buf_init(&json, BUF_MAX);
    mock_change_write(&a->change, &json);
    store_batch_put(&batch, COLLECTION_MOCK_NUMBERS, id, (struct dg_bytes){json.ptr, json.len},
                    DG_VERSION_NONE);
    int len = snprintf(sign, sizeof sign, "{\"change\":\"%s\"}", id);
    store_batch_put(&batch, COLLECTION_META, META_ID, (struct dg_bytes){sign, (size_t)len},
                    DG_VERSION_ANY);
    store_write(m->config.store, &batch, on_written, a);
    store_batch_free(&batch);
    buf_free(&json);
}

/* Until the last of those it is about: it must outlive what it takes away. */
static void outlive(struct ask *a)
{
    const struct mock_ranges *all = &a->m->ranges;
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].expires_ms > a->change.expires_ms)
            a->change.expires_ms = all->list[i].expires_ms;
}

struct refusal {
    mock_answer_fn *fn;
    void *arg;
    struct mock_answer answer;
};

static void on_refused(void *arg)
{
    struct refusal *r = arg;
    r->fn(r->arg, &r->answer);
    free(r);
}

static void refuse_more(struct mock_numbers *m, mock_answer_fn *fn, void *arg)
{
    struct refusal *r = xcalloc(1, sizeof *r);
    int64_t wait_ms = m->next_expiry_ms == INT64_MAX ? 0 : m->next_expiry_ms - clock_unix_ms();
    r->fn = fn;
    r->arg = arg;
    r->answer = (struct mock_answer){.err = DG_ELIMIT,
                                     .message = "Too many mock numbers",
                                     .retry_s = wait_ms > 1000 ? (unsigned)(wait_ms / 1000) : 1};
    loop_call(m->config.loop, on_refused, r);
}

void mock_numbers_add(struct mock_numbers *m, const struct mock_item *items, size_t count,
                      mock_answer_fn *fn, void *arg)
{
    struct ask *a = ask_new(m, MOCK_ADD, fn, arg);
    for (size_t i = 0; i < count; i++)
        mock_ranges_append(&a->change.ranges, &items[i], a->change.at_ms, a->change.expires_ms);
    mock_ranges_sort(&a->change.ranges);
    struct mock_ranges rest =
        mock_ranges_combine(&m->ranges, &a->change.ranges, NULL, a->change.at_ms);
    size_t all = mock_ranges_numbers(&rest) + mock_ranges_numbers(&a->change.ranges);
    mock_ranges_free(&rest);
    if (all > m->config.settings.max_numbers) {
        refuse_more(m, fn, arg);
        ask_free(a);
        return;
    }
    ask_go(a);
}

void mock_numbers_remove(struct mock_numbers *m, uint32_t key, mock_answer_fn *fn, void *arg)
{
    struct ask *a = ask_new(m, MOCK_REMOVE, fn, arg);
    const struct mock_range one = {.first = key, .last = key, .digits = 1};
    if (mock_ranges_find(m->ranges.list, m->ranges.count, key, a->change.at_ms))
        mock_ranges_append_range(&a->change.ranges, &one);
    outlive(a);
    if (a->change.ranges.count)
        ask_go(a);
    else
        loop_call(m->config.loop, on_own, a);
}

void mock_numbers_clear(struct mock_numbers *m, mock_answer_fn *fn, void *arg)
{
    struct ask *a = ask_new(m, MOCK_CLEAR, fn, arg);
    outlive(a);
    ask_go(a);
}

/* ---- What the store has
 * ---------------------------------------------------------------------------- */

struct reading {
    struct mock_numbers *m;
    char change[ID_SIZE];
    uint64_t applied;
    dg_fn *fn; /* NULL: nobody waits */
    void *arg;
};

static void reading_end(struct reading *r)
{
    r->m->reading = NULL;
    if (r->fn)
        r->fn(r->arg);
    close_when_idle(r->m);
    free(r);
}

static void take_changes(struct mock_numbers *m, const struct op_result *res)
{
    struct mock_ranges all = {0};
    int64_t now = clock_unix_ms();
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        struct mock_change change;
        json_t *json = json_parse(doc->json.ptr, doc->json.len, JSON_DEPTH, NULL);
        if (json && mock_change_read(json, &change)) {
            apply(&all, &change, now);
            mock_ranges_free(&change.ranges);
        } else {
            log_error("mobile", "unreadable change of mock numbers", LOG_S("id", doc->id));
        }
        json_decref(json);
    }
    mock_ranges_free(&m->ranges);
    m->ranges = all;
    publish(m);
}

static void read_changes(struct reading *r);

static void on_changes(void *arg, const struct op_result *res)
{
    struct reading *r = arg;
    struct mock_numbers *m = r->m;
    if (res->err == DG_OK && r->applied != m->applied) { /* it may lack our own */
        read_changes(r);
        return;
    }
    if (res->err == DG_OK) {
        take_changes(m, res);
        memcpy(m->seen, r->change, sizeof m->seen);
    }
    reading_end(r);
}

static void read_changes(struct reading *r)
{
    static const struct dg_where where = {.field = "expires_at", .compare = DG_GT, .value = "@now"};
    const struct dg_query query = {
        .collection = COLLECTION_MOCK_NUMBERS, .where = &where, .where_count = 1};
    r->applied = r->m->applied;
    store_query(r->m->config.store, &query, on_changes, r);
}

static void on_sign(void *arg, const struct store_doc *doc)
{
    struct reading *r = arg;
    const char *change = doc->err == DG_OK ? json_get_str(doc->json, "change") : NULL;
    if (!change || strlen(change) >= ID_SIZE || str_eq(change, r->m->seen)) {
        reading_end(r);
        return;
    }
    memcpy(r->change, change, strlen(change) + 1);
    read_changes(r);
}

static void look(struct mock_numbers *m, dg_fn *fn, void *arg)
{
    struct reading *r = xcalloc(1, sizeof *r);
    r->m = m;
    r->fn = fn;
    r->arg = arg;
    m->reading = r;
    store_get_json(m->config.store, COLLECTION_META, META_ID, on_sign, r);
}

static void on_note(void *arg, const char *text)
{
    struct mock_numbers *m = arg;
    (void)text;
    if (m->timer && !m->reading)
        look(m, NULL, NULL);
}

static void on_timer(void *arg)
{
    struct mock_numbers *m = arg;
    purge(m);
    if (m->config.stored && !m->reading)
        look(m, NULL, NULL);
    m->timer = loop_timer(m->config.loop, LOOK_MS, on_timer, m);
}

void mock_numbers_load(struct mock_numbers *m, dg_fn *fn, void *arg)
{
    m->timer = loop_timer(m->config.loop, LOOK_MS, on_timer, m);
    notes_subscribe(m->config.notes, NOTE_MOCK_NUMBERS, on_note, m);
    if (m->config.stored)
        look(m, fn, arg);
    else
        loop_call(m->config.loop, fn, arg);
}

/* ---- Start and stop
 * ------------------------------------------------------------------------------------ */

void mock_numbers_set(struct mock_numbers *m, const struct mock_settings *settings)
{
    m->config.settings = *settings;
    atomic_store(&m->lifetime_ms, settings->lifetime_ms);
}

struct mock_numbers *mock_numbers_new(const struct mock_numbers_config *config)
{
    struct mock_numbers *m = xcalloc(1, sizeof *m);
    m->config = *config;
    m->epoch = epoch_new(config->readers);
    list_init(&m->asks);
    mock_numbers_set(m, &config->settings);
    if (config->metrics) {
        const struct metric_family_info info = {.kind = METRIC_GAUGE,
                                                .name = "dialgate_mock_numbers",
                                                .help = "Numbers of POST /mock-connect."};
        m->gauge = metric_plain(metrics_family(config->metrics, &info));
    }
    publish(m);
    if (config->stored)
        m->expiry = expiry_new(config->loop, config->store, COLLECTION_MOCK_NUMBERS, "expires_at",
                               EXPIRY_MS);
    return m;
}

static void on_idle(void *arg)
{
    struct mock_numbers *m = arg;
    dg_fn *fn = m->on_closed;
    void *fn_arg = m->on_closed_arg;
    mock_ranges_free(&m->ranges);
    free(atomic_load(&m->view));
    epoch_free(m->epoch);
    free(m);
    fn(fn_arg);
}

static void close_when_idle(struct mock_numbers *m)
{
    if (m->on_closed && !m->reading && list_empty(&m->asks))
        loop_call(m->config.loop, on_idle, m);
}

void mock_numbers_close(struct mock_numbers *m, dg_fn *fn, void *arg)
{
    loop_timer_stop(m->config.loop, m->timer);
    m->timer = NULL;
    notes_unsubscribe(m->config.notes, NOTE_MOCK_NUMBERS, on_note, m);
    expiry_free(m->expiry);
    m->expiry = NULL;
    m->on_closed = fn;
    m->on_closed_arg = arg;
    close_when_idle(m);
}
