/* reconcile.c - our picture of the calls against what a backend really has:
 * after every link-up, after a restart of the gateway, and now and then. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/call_record.h"
#include "domain/calls_private.h"

#define COMPARE_EVERY_MS 30000
#define MISSING_GRACE_MS 2000 /* an end may be on its way on the event socket */
#define RETRY_MS         2000 /* after a comparison that failed */
#define CLOSE_AT_ONCE    500  /* of missing calls, so that the store can follow */
#define CLOSE_PAUSE_MS   20

struct comparison {
    struct link link; /* while it waits for late ends */
    struct loop_timer *grace;
    struct calls *cs;
    struct instance *in;
    char *server_run; /* when it was asked */
    int64_t link_since_ms;
    uint64_t number, channels_asked;
    /* Ids of the calls that were there before we asked and are not in the answer. */
    char (*missing)[ID_SIZE];
    size_t count, size;
    size_t next, closed; /* how far close_missing has come */
};

static void on_compare_timer(void *arg);

/* ---- The comparison --------------------------------------------------------------- */

static void note_candidate(void *arg, const char *id, void *value)
{
    struct comparison *p = arg;
    struct call *c = value;
    bool ours = c->carrier == p->in || (!c->carrier && str_eq(c->backend, p->in->name));
    if (!ours || !c->placed)
        return;
    if (!c->carrier)
        calls_carry(p->cs, c, p->in);
    if (p->count == p->size) {
        p->size = p->size ? p->size * 2 : 64;
        p->missing = xrealloc(p->missing, p->size * sizeof *p->missing);
    }
    memcpy(p->missing[p->count++], id, strlen(id) + 1);
}

/* What the backend shows may be ahead of the events we have seen. */
static void catch_up(struct calls *cs, struct call *c, const struct dg_call *shown)
{
    enum call_event_type type = CALL_EV_STARTED;
    if (shown->state == DG_CHANNEL_RINGING)
        type = CALL_EV_RINGING;
    else if (shown->state == DG_CHANNEL_UP)
        type = CALL_EV_ANSWERED;
    struct call_event ev = calls_event_now(type);
    if (type == CALL_EV_ANSWERED && shown->answered_at_ms) {
        int64_t ago_ms = ev.at_ms - shown->answered_at_ms;
        ev.at_ms = shown->answered_at_ms;
        ev.mono_ms =
            ago_ms > 0 && (uint64_t)ago_ms < ev.mono_ms ? ev.mono_ms - (uint64_t)ago_ms : 0;
    } else {
        ev.estimated = type == CALL_EV_ANSWERED;
    }
    calls_move(cs, c, &ev);
}

static void comparison_free(struct comparison *p)
{
    list_remove(&p->link);
    free(p->server_run);
    free(p->missing);
    free(p);
}

/* What became of a call that the backend does not have. If the server ran on, an answered call has
 * simply ended, and of another nothing can be known; a server that was restarted took it along. */
static struct call_event fate_of(const struct comparison *p, const struct call *c)
{
    bool ran_on = p->server_run && str_eq(p->server_run, c->server_run);
    struct call_event ev = calls_event_now(ran_on ? CALL_EV_MISSED : CALL_EV_LOST);
    ev.estimated = true;
    if (c->state == CALL_PENDING) /* written down, then we ended: never dialled, or ended at once */
        ev.text = "not_placed";
    else
        ev.text = ran_on ? "end_missed" : "backend_lost";
    return ev;
}

/* Those that are still live and were not seen since are gone. Their ends are kept in memory until
 * the store has them, and there is room for so many only: half of it is left to other calls. */
static void close_missing(void *arg)
{
    struct comparison *p = arg;
    bool room = store_room(p->cs->config.store) > STORE_MAX_KEPT / 2;
    size_t closed = 0;
    for (; room && p->next < p->count && closed < CLOSE_AT_ONCE; p->next++) {
        struct call *c = map_get(p->cs->live, p->missing[p->next]);
        if (!c || c->seen >= p->number)
            continue;
        struct call_event ev = fate_of(p, c);
        calls_move(p->cs, c, &ev);
        closed++;
    }
    p->closed += closed;
    if (p->next < p->count) {
        p->grace = loop_timer(p->cs->config.loop, CLOSE_PAUSE_MS, close_missing, p);
        return;
    }
    if (p->closed)
        log_warn("calls", "calls were gone from the backend", LOG_S("instance", p->in->name),
                 LOG_I("closed", p->closed));
    comparison_free(p);
}

static void compare_soon(struct calls *cs)
{
    if (cs->stopping)
        return;
    loop_timer_stop(cs->config.loop, cs->compare_timer);
    cs->compare_timer = loop_timer(cs->config.loop, RETRY_MS, on_compare_timer, cs);
}

static void adopt(struct comparison *p, struct call *c)
{
    /* An older comparison may be answered after a newer one. */
    if (c->seen < p->number)
        c->seen = p->number;
    c->placed = true;
    if (!c->carrier)
        calls_carry(p->cs, c, p->in);
    c->heard_at_ms = clock_unix_ms();
    if (!str_eq(c->server_run, p->server_run)) {
        free(c->server_run);
        c->server_run = xstrdup(p->server_run);
    }
}

static void on_calls(void *arg, const struct op_result *res)
{
    struct comparison *p = arg;
    bool same_link = p->in->link == DG_LINK_UP && p->in->link_since_ms == p->link_since_ms;
    if (res->err != DG_OK || !same_link) { /* a picture of before a loss is of no use */
        log_warn("calls", "comparison failed", LOG_S("instance", p->in->name),
                 LOG_S("why", res->err != DG_OK ? res->message : "the link was lost meanwhile"));
        compare_soon(p->cs);
        comparison_free(p);
        return;
    }
    if (p->cs->config.channels)
        channels_listed(p->cs->config.channels, p->in, p->channels_asked, res);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_call *shown = res->items[i];
        struct call *c = shown->id ? map_get(p->cs->live, shown->id) : NULL;
        if (!c && shown->id)
            calls_end_unwanted(p->cs, p->in, shown->id);
        if (!c || !calls_heeds(p->cs, c, p->in))
            continue;
        adopt(p, c);
        catch_up(p->cs, c, shown);
    }
    list_append(&p->cs->comparing, &p->link);
    uint64_t grace_ms = p->cs->config.late_ms ? p->cs->config.late_ms : MISSING_GRACE_MS;
    p->grace = loop_timer(p->cs->config.loop, grace_ms, close_missing, p);
}

static void compare(struct calls *cs, struct instance *in)
{
    struct comparison *p = xcalloc(1, sizeof *p);
    p->cs = cs;
    p->in = in;
    p->server_run = xstrdup(in->server_run);
    p->link_since_ms = in->link_since_ms;
    p->number = ++cs->comparisons;
    list_init(&p->link);
    if (cs->config.channels)
        p->channels_asked = channels_asked(cs->config.channels, in);
    map_each(cs->live, note_candidate, p);
    struct dg_filter all = {0};
    backend_calls(in, &all, on_calls, p);
}

void reconcile_link_up(struct calls *cs, struct instance *in)
{
    compare(cs, in);
}

/* Its calls are given up: their server has been away for too long. */
void reconcile_lost(struct calls *cs, struct instance *in)
{
    struct comparison *p = xcalloc(1, sizeof *p);
    p->cs = cs;
    p->in = in;
    p->number = ++cs->comparisons;
    list_init(&p->link);
    map_each(cs->live, note_candidate, p);
    list_append(&cs->comparing, &p->link);
    close_missing(p);
}

void reconcile_forget(struct calls *cs, const struct instance *in)
{
    for (struct link *i = cs->comparing.next, *next; i != &cs->comparing; i = next) {
        struct comparison *p = list_item(i, struct comparison, link);
        next = i->next;
        if (p->in != in)
            continue;
        loop_timer_stop(cs->config.loop, p->grace);
        comparison_free(p);
    }
}

static void on_compare_timer(void *arg)
{
    struct calls *cs = arg;
    for (struct link *i = cs->backends.next; i != &cs->backends; i = i->next) {
        const struct backend *b = list_item(i, struct backend, link);
        if (backend_up(b))
            compare(cs, b->in);
    }
    cs->compare_timer = loop_timer(cs->config.loop, COMPARE_EVERY_MS, on_compare_timer, cs);
}

void reconcile_start(struct calls *cs)
{
    list_init(&cs->comparing);
    cs->compare_timer = loop_timer(cs->config.loop, COMPARE_EVERY_MS, on_compare_timer, cs);
}

void reconcile_stop(struct calls *cs)
{
    loop_timer_stop(cs->config.loop, cs->compare_timer);
    cs->compare_timer = NULL;
    while (!list_empty(&cs->comparing)) {
        struct comparison *p = list_item(cs->comparing.next, struct comparison, link);
        loop_timer_stop(cs->config.loop, p->grace);
        comparison_free(p);
    }
}

/* ---- After a restart ----------------------------------------------------------------- */

#define PAGE 500 /* calls read at once */

struct recovery {
    struct calls *cs;
    op_fn *fn;
    void *arg;
    char *after; /* the last id that was read */
    size_t count;
};

struct call *reconcile_take_up(struct calls *cs, const struct dg_doc *doc)
{
    if (map_get(cs->live, doc->id)) /* it is here already */
        return NULL;
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 16, NULL);
    struct call *c = json ? call_record_read(doc->id, json) : NULL;
    json_decref(json);
    if (!c) {
        log_error("calls", "unreadable record of a call", LOG_S("call", doc->id));
        return NULL;
    }
    c->owner = cs;
    c->stored = true;
    c->asked = c->placed = true; /* perhaps: the comparison tells */
    calls_add(cs, c);
    calls_publish(cs, c, c->state);
    calls_watch(cs, c);
    return c;
}

static void recover_page(struct recovery *r);

static void on_unfinished(void *arg, const struct op_result *res)
{
    struct recovery *r = arg;
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        reconcile_take_up(r->cs, doc);
        if (i == res->count - 1) {
            free(r->after);
            r->after = xstrdup(doc->id);
        }
    }
    r->count += res->count;
    if (res->err == DG_OK && res->count == PAGE) {
        recover_page(r);
        return;
    }
    if (r->count)
        log_info("calls", "calls taken up after a restart", LOG_I("calls", r->count));
    r->fn(r->arg, res);
    free(r->after);
    free(r);
}

static void recover_page(struct recovery *r)
{
    const struct dg_where where[] = {
        {.field = "status",
         .compare = DG_IN,
         .value = "[\"pending\",\"dialing\",\"ringing\",\"answered\"]"},
        {.field = "node", .compare = DG_EQ, .value = r->cs->config.node},
        {.field = "id", .compare = DG_GT, .value = r->after},
    };
    struct dg_query query = {
        .collection = COLLECTION_CALLS, .where = where, .where_count = 3, .limit = PAGE};
    store_query(r->cs->config.store, &query, on_unfinished, r);
}

void calls_recover(struct calls *cs, op_fn *fn, void *arg)
{
    struct recovery *r = xcalloc(1, sizeof *r);
    *r = (struct recovery){.cs = cs, .fn = fn, .arg = arg, .after = xstrdup("")};
    recover_page(r);
}
