/* commands.c - asked of another gateway: written, waited for, withdrawn; asked by another one:
 * taken, carried out, answered. See commands.h. */
#include "domain/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/expiry.h"

#define TAKE_MS    8000  /* within which it is to be taken */
#define ANSWER_MS  22000 /* and answered: longer than a backend's own deadline */
#define LOOK_MS    500   /* for commands and for answers, when no note says it */
#define AT_ONCE    50    /* taken by one statement */
#define FORGET_MS  60000 /* after that, whatever became of it */
#define EXPIRY_MS  60000
#define JSON_DEPTH 30

struct asked {
    struct link link;
    struct commands *cm; /* NULL: freed meanwhile */
    char id[ID_SIZE];
    char *node;
    bool written, looking, look_again, withdrawing;
    uint64_t age_ms;
    struct loop_timer *timer;
    command_result_fn *fn; /* NULL: answered */
    void *arg;
};

struct command {
    struct link link;
    struct commands *cm; /* NULL: freed meanwhile */
    char id[ID_SIZE];
    uint64_t version;
    json_t *document;
};

struct commands {
    struct commands_config config;
    struct map *asked; /* id -> struct asked */
    struct link running;
    size_t running_count;
    bool take_again;
    struct taking *under_way;
    struct loop_timer *timer;
    struct expiry *expiry;
    struct metric_family *total;
};

static void count(struct commands *cm, const char *what)
{
    if (cm->total)
        metric_add(metric_of(cm->total, &what), 1);
}

/* ---- Asked of another one ------------------------------------------------------------ */

static void look_for_answer(struct asked *a);

static void asked_free(struct asked *a)
{
    free(a->node);
    free(a);
}

static void answer(struct asked *a, const struct command_result *result)
{
    command_result_fn *fn = a->fn;
    loop_timer_stop(a->cm->config.loop, a->timer);
    a->timer = NULL;
    a->fn = NULL;
    fn(a->arg, result);
}

static void done(struct asked *a, const struct command_result *result)
{
    struct commands *cm = a->cm;
    answer(a, result);
    map_del(cm->asked, a->id);
    asked_free(a);
}

/* true: the module is gone, and so is what was asked. */
static bool abandoned(struct asked *a)
{
    if (a->cm)
        return false;
    asked_free(a);
    return true;
}

static void fail(struct asked *a, enum dg_err err, const char *format)
{
    char why[300];
    snprintf(why, sizeof why, format, a->node);
    count(a->cm, err == DG_ETIMEOUT ? "unanswered" : "refused");
    done(a, &(struct command_result){.err = err, .message = why});
}

#define SILENT_TEXT     "The gateway %s, which carries the call, does not answer"
#define UNANSWERED_TEXT "The gateway %s has taken the request and did not answer in time"
#define GONE_TEXT       "The gateway %s, which carries the call, is not there"

static void on_withdrawn(void *arg, const struct op_result *res)
{
    struct asked *a = arg;
    const uint64_t *changed = op_first(res, uint64_t);
    if (abandoned(a))
        return;
    a->withdrawing = false;
    if (res->err == DG_OK && changed && *changed)
        fail(a, DG_EUNAVAILABLE, SILENT_TEXT);
    else if (res->err != DG_OK)
        fail(a, DG_ETIMEOUT, UNANSWERED_TEXT);
    else /* it was taken just now */
        look_for_answer(a);
}

static void withdraw(struct asked *a)
{
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = a->id},
        {.field = "state", .compare = DG_EQ, .value = "asked"},
    };
    const struct dg_change change = {
        .collection = COLLECTION_COMMANDS, .where = where, .where_count = 2};
    a->withdrawing = true;
    store_change(a->cm->config.store, &change, on_withdrawn, a);
}

static void take_answer(struct asked *a, const json_t *document)
{
    struct commands *cm = a->cm;
    store_delete(cm->config.store, COLLECTION_COMMANDS, a->id, DG_VERSION_ANY, NULL, NULL);
    count(cm, "answered");
    done(a, &(struct command_result){.answer = json_object_get(document, "answer")});
}

static void on_look_timer(void *arg)
{
    struct asked *a = arg;
    a->timer = NULL;
    a->age_ms += LOOK_MS;
    look_for_answer(a);
}

static void on_document(void *arg, const struct store_doc *doc)
{
    struct asked *a = arg;
    if (abandoned(a))
        return;
    const char *state = doc->err == DG_OK ? json_get_str(doc->json, "state") : NULL;
    a->looking = false;
    if (str_eq(state, "done")) {
        take_answer(a, doc->json);
    } else if (str_eq(state, "asked") && a->age_ms >= TAKE_MS) {
        withdraw(a);
    } else if (a->age_ms >= ANSWER_MS || doc->err == DG_ENOTFOUND) {
        fail(a, DG_ETIMEOUT, UNANSWERED_TEXT);
    } else if (a->look_again) {
        look_for_answer(a);
    } else {
        a->timer = loop_timer(a->cm->config.loop, LOOK_MS, on_look_timer, a);
    }
}

static void look_for_answer(struct asked *a)
{
    loop_timer_stop(a->cm->config.loop, a->timer);
    a->timer = NULL;
    a->looking = true;
    a->look_again = false;
    store_get_json(a->cm->config.store, COLLECTION_COMMANDS, a->id, on_document, a);
}

static void on_written(void *arg, const struct op_result *res)
{
    struct asked *a = arg;
    if (abandoned(a))
        return;
    if (res->err != DG_OK) {
        count(a->cm, "refused");
        done(a,
             &(struct command_result){.err = DG_EUNAVAILABLE, .message = "Database unavailable"});
        return;
    }
    a->written = true;
    notes_publish(a->cm->config.notes, NOTE_COMMAND, a->node);
    if (a->look_again)
        look_for_answer(a);
    else
        a->timer = loop_timer(a->cm->config.loop, LOOK_MS, on_look_timer, a);
}

static void on_answered(void *arg, const char *id)
{
    struct commands *cm = arg;
    struct asked *a = id ? map_get(cm->asked, id) : NULL;
    if (!a)
        return; /* another one's, or all: the timers look soon */
    if (a->looking || a->withdrawing || !a->written)
        a->look_again = true;
    else
        look_for_answer(a);
}

static void refuse_now(void *arg)
{
    struct asked *a = arg;
    if (abandoned(a))
        return;
    if (map_len(a->cm->asked) > COMMANDS_MAX)
        fail(a, DG_ELIMIT, "Too many requests wait for other gateways, as for %s");
    else
        fail(a, DG_EUNAVAILABLE, GONE_TEXT);
}

static void write_down(struct asked *a, const json_t *what)
{
    struct commands *cm = a->cm;
    json_int_t expires_ms = nodes_store_ms(cm->config.nodes) + TAKE_MS;
    json_int_t forget_ms = expires_ms + FORGET_MS;
    json_t *document = json_pack("{s:s,s:s,s:s,s:I,s:I,s:O}", "node", a->node, "state", "asked",
                                 "by", nodes_self(cm->config.nodes), "expires_at", expires_ms,
                                 "forget_at", forget_ms, "what", what);
    store_put_json(cm->config.store, COLLECTION_COMMANDS, a->id, document, DG_VERSION_NONE,
                   on_written, a);
    json_decref(document);
}

void commands_ask(struct commands *cm, const char *node, json_t *what, command_result_fn *fn,
                  void *arg)
{
    struct asked *a = xcalloc(1, sizeof *a);
    *a = (struct asked){.cm = cm, .node = xstrdup(node ? node : "?"), .fn = fn, .arg = arg};
    id_uuid7(a->id);
    map_set(cm->asked, a->id, a);
    if (nodes_alive(cm->config.nodes, node) && map_len(cm->asked) <= COMMANDS_MAX)
        write_down(a, what);
    else
        loop_call(cm->config.loop, refuse_now, a);
    json_decref(what);
}

/* ---- Asked by another one -------------------------------------------------------------- */

struct taking {
    struct commands *cm; /* NULL: freed meanwhile */
};

static void take(struct commands *cm);

static void command_free(struct command *c)
{
    if (c->cm) {
        list_remove(&c->link);
        c->cm->running_count--;
    }
    json_decref(c->document);
    free(c);
}

static void on_answer_written(void *arg, const struct op_result *res)
{
    struct command *c = arg;
    if (res->err == DG_OK && c->cm)
        notes_publish(c->cm->config.notes, NOTE_COMMAND_DONE, c->id);
    else if (res->err != DG_OK)
        log_warn("nodes", "the answer to another gateway's request could not be written",
                 LOG_S("command", c->id), LOG_S("why", res->message));
    command_free(c);
}

void command_answer(struct command *c, json_t *given)
{
    if (!c->cm) {
        json_decref(given);
        command_free(c);
        return;
    }
    json_object_set_new(c->document, "state", json_string("done"));
    json_object_del(c->document, "what");
    json_object_set_new(c->document, "answer", given);
    store_put_json(c->cm->config.store, COLLECTION_COMMANDS, c->id, c->document, c->version,
                   on_answer_written, c);
}

static void carry_out(struct commands *cm, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, JSON_DEPTH, NULL);
    if (!json || strlen(doc->id) >= ID_SIZE) {
        log_error("nodes", "unreadable command", LOG_S("command", doc->id));
        json_decref(json);
        return;
    }
    struct command *c = xcalloc(1, sizeof *c);
    *c = (struct command){.cm = cm, .version = doc->version, .document = json};
    snprintf(c->id, sizeof c->id, "%s", doc->id);
    list_append(&cm->running, &c->link);
    cm->running_count++;
    count(cm, "carried_out");
    json_t *what = json_incref(json_object_get(json, "what"));
    cm->config.run(cm->config.arg, what, c);
    json_decref(what);
}

static void on_taken(void *arg, const struct op_result *res)
{
    struct taking *t = arg;
    struct commands *cm = t->cm;
    free(t);
    if (!cm)
        return;
    cm->under_way = NULL;
    for (size_t i = 0; i < res->count; i++)
        carry_out(cm, res->items[i]);
    bool more = cm->take_again || res->count == AT_ONCE;
    if (res->err == DG_OK && more)
        take(cm);
}

static void take(struct commands *cm)
{
    static const char set[] = "{\"state\":\"taken\"}";
    const struct dg_where where[] = {
        {.field = "node", .compare = DG_EQ, .value = nodes_self(cm->config.nodes)},
        {.field = "state", .compare = DG_EQ, .value = "asked"},
        {.field = "expires_at", .compare = DG_GT, .value = "@now"},
    };
    const struct dg_take req = {.from = {.collection = COLLECTION_COMMANDS,
                                         .where = where,
                                         .where_count = 3,
                                         .limit = AT_ONCE},
                                .set = {set, sizeof set - 1}};
    if (cm->running_count >= COMMANDS_MAX)
        return;
    cm->take_again = cm->under_way != NULL;
    if (cm->under_way)
        return;
    struct taking *t = cm->under_way = xcalloc(1, sizeof *t);
    t->cm = cm;
    store_take(cm->config.store, &req, on_taken, t);
}

static void on_command(void *arg, const char *node)
{
    struct commands *cm = arg;
    if (!node || str_eq(node, nodes_self(cm->config.nodes)))
        take(cm);
}

static void on_timer(void *arg)
{
    struct commands *cm = arg;
    take(cm);
    cm->timer = loop_timer(cm->config.loop, LOOK_MS, on_timer, cm);
}

/* ---- Making and freeing -------------------------------------------------------------------- */

struct commands *commands_new(const struct commands_config *config)
{
    static const struct metric_family_info total = {
        .kind = METRIC_COUNTER,
        .name = "dialgate_commands_total",
        .help = "Requests about calls of other gateways, and of others about ours.",
        .labels = {"result"}};
    struct commands *cm = xcalloc(1, sizeof *cm);
    cm->config = *config;
    cm->asked = map_new();
    list_init(&cm->running);
    if (config->metrics)
        cm->total = metrics_family(config->metrics, &total);
    if (!nodes_shared(config->nodes))
        return cm;
    notes_subscribe(config->notes, NOTE_COMMAND, on_command, cm);
    notes_subscribe(config->notes, NOTE_COMMAND_DONE, on_answered, cm);
    cm->timer = loop_timer(config->loop, LOOK_MS, on_timer, cm);
    cm->expiry =
        expiry_new(config->loop, config->store, COLLECTION_COMMANDS, "forget_at", EXPIRY_MS);
    return cm;
}

static void forget_asked(void *value)
{
    struct asked *a = value;
    answer(a,
           &(struct command_result){.err = DG_EUNAVAILABLE, .message = "The gateway is stopping"});
    a->cm = NULL;
    if (!a->looking && !a->withdrawing && a->written)
        asked_free(a);
}

void commands_free(struct commands *cm)
{
    if (!cm)
        return;
    notes_unsubscribe(cm->config.notes, NOTE_COMMAND, on_command, cm);
    notes_unsubscribe(cm->config.notes, NOTE_COMMAND_DONE, on_answered, cm);
    loop_timer_stop(cm->config.loop, cm->timer);
    expiry_free(cm->expiry);
    map_free(cm->asked, forget_asked);
    while (!list_empty(&cm->running)) {
        struct command *c = list_item(cm->running.next, struct command, link);
        list_remove(&c->link);
        c->cm = NULL;
    }
    if (cm->under_way)
        cm->under_way->cm = NULL;
    free(cm);
}
