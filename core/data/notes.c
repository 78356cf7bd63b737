/* notes.c - topics, who wants to know, what is under way; see notes.h. */
#include "data/notes.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

#define UNDER_WAY_MAX 1000 /* notes; more are not sent: they are hints */

static const char *const topics[NOTE_TOPICS] = {
    [NOTE_USERS] = "users",
    [NOTE_COMMAND] = "command",
    [NOTE_COMMAND_DONE] = "command_done",
    [NOTE_IDEMPOTENCY] = "idempotency",
    [NOTE_MOCK_NUMBERS] = "mock_numbers",
    [NOTE_NODES] = "nodes",
    [NOTE_LOGINS] = "logins",
    [NOTE_EVENTS] = "events",
    [NOTE_WEBHOOKS] = "webhooks",
    [NOTE_CAMPAIGN] = "campaign",
};

struct listener {
    note_fn *fn;
    void *arg;
};

struct listeners {
    struct listener *list;
    size_t count;
};

struct notes {
    struct store *store;
    struct listeners topics[NOTE_TOPICS];
    size_t under_way;
    struct metric_family *sent, *received, *dropped;
};

/* ---- Listening ------------------------------------------------------------ */

void notes_subscribe(struct notes *n, enum note_topic topic, note_fn *fn, void *arg)
{
    if (!n)
        return;
    struct listeners *l = &n->topics[topic];
    l->list = xrealloc(l->list, (l->count + 1) * sizeof *l->list);
    l->list[l->count++] = (struct listener){fn, arg};
}

void notes_unsubscribe(struct notes *n, enum note_topic topic, note_fn *fn, void *arg)
{
    if (!n)
        return;
    struct listeners *l = &n->topics[topic];
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->list[i].fn != fn || l->list[i].arg != arg)
            l->list[kept++] = l->list[i];
    }
    l->count = kept;
}

static void tell(const struct listeners *l, const char *text)
{
    for (size_t i = 0; i < l->count; i++)
        l->list[i].fn(l->list[i].arg, text);
}

static void count(struct metric_family *family, enum note_topic topic)
{
    if (family)
        metric_add(metric_of(family, &topics[topic]), 1);
}

void notes_come(struct notes *n, const struct dg_note *note)
{
    for (size_t i = 0; i < NOTE_TOPICS; i++) {
        if (!str_eq(topics[i], note->topic))
            continue;
        count(n->received, (enum note_topic)i);
        tell(&n->topics[i], note->text ? note->text : "");
        return;
    }
    log_debug("store", "a note of an unknown topic", LOG_S("topic", note->topic));
}

void notes_link(struct notes *n, enum dg_link link)
{
    /* Also when it is said again: then notes alone may have been missed. */
    for (size_t i = 0; link == DG_LINK_UP && i < NOTE_TOPICS; i++)
        tell(&n->topics[i], NULL);
}

/* ---- Publishing ----------------------------------------------------------- */

static void on_sent(void *arg, const struct op_result *res)
{
    struct notes *n = arg;
    n->under_way--;
    if (res->err != DG_OK)
        log_debug("store", "a note was not passed on", LOG_S("why", res->message));
}

void notes_publish(struct notes *n, enum note_topic topic, const char *text)
{
    if (!n || !store_passes_notes(n->store))
        return;
    if (n->under_way >= UNDER_WAY_MAX || strlen(text) > NOTE_TEXT_MAX) {
        count(n->dropped, topic);
        return;
    }
    n->under_way++;
    count(n->sent, topic);
    store_notify(n->store, &(struct dg_note){.topic = topics[topic], .text = text}, on_sent, n);
}

/* ---- Making and freeing ----------------------------------------------------- */

static void add_metrics(struct notes *n, struct metrics *m)
{
    static const struct metric_family_info infos[] = {
        {.kind = METRIC_COUNTER,
         .name = "dialgate_notes_sent_total",
         .help = "Notes to the other gateways on the store.",
         .labels = {"topic"}},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_notes_received_total",
         .help = "Notes of other gateways.",
         .labels = {"topic"}},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_notes_dropped_total",
         .help = "Notes that were not sent: too many were under way.",
         .labels = {"topic"}},
    };
    struct metric_family **out[] = {&n->sent, &n->received, &n->dropped};
    for (size_t i = 0; m && i < sizeof infos / sizeof *infos; i++)
        *out[i] = metrics_family(m, &infos[i]);
}

struct notes *notes_new(struct store *store, struct metrics *metrics)
{
    struct notes *n = xcalloc(1, sizeof *n);
    n->store = store;
    add_metrics(n, metrics);
    return n;
}

void notes_free(struct notes *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < NOTE_TOPICS; i++)
        free(n->topics[i].list);
    free(n);
}
