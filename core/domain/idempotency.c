/* idempotency.c - keys under way, and those that are remembered in memory; see
 * idempotency.h.
 *
 * A slot is a key under way: looked up in the store, then either its call is
 * placed, or what the record tells is given. Exactly one operation is under way
 * for it at a time. A slot ends with its last answer; without a store it stays,
 * and is what the store would be.
 */
#include "domain/idempotency.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/expiry.h"

#define CONFLICTS_MAX 3 /* lost races with other gateways on the same store */
#define SWEEP_MS      60000
#define LOOK_MS       300 /* for the answer that another gateway is about to write */

enum slot_state { LOOKING, PLACING, DOUBTFUL, KEEPING, REMEMBERED };

struct slot {
    struct idempotency *im; /* NULL: the gateway stops, whoever is called back frees it */
    struct idempotency_record record;
    enum slot_state state;
    struct loop_timer *again; /* another gateway places its call: the record is looked at again */
    bool busy;                /* an operation is under way */
    bool fresh;               /* its first ask placed the call: that answer is no repetition */
    unsigned conflicts;
    struct link asks;
    struct link remembered;
};

struct ask {
    struct link link;
    struct idempotency *im;
    struct slot *slot;
    struct loop_timer *patience; /* NULL: it is the first, its answer is awaited to the end */
    struct idempotency_request req;
    char fingerprint[DIGEST_SIZE];
    idempotency_fn *fn;
    void *arg;
};

struct idempotency {
    struct idempotency_config config;
    bool stored;            /* there is a store */
    struct map *slots;      /* record id -> slot */
    struct map *doubtful;   /* call id -> slot that waits for the call's fate */
    struct link remembered; /* without a store: oldest first */
    size_t remembered_count;
    struct expiry *expiry;
    struct metric_family *requests;
};

static void look(struct slot *slot);

/* ---- Answers ------------------------------------------------------------------ */

static void count(struct idempotency *im, const char *result)
{
    if (im->requests)
        metric_add(metric_of(im->requests, &result), 1);
}

static void give(struct ask *ask, const struct idempotency_answer *answer)
{
    list_remove(&ask->link);
    loop_timer_stop(ask->im->config.loop, ask->patience);
    ask->fn(ask->arg, answer);
    free(ask);
}

static struct ask *first(const struct slot *slot)
{
    return list_empty(&slot->asks) ? NULL : list_item(slot->asks.next, struct ask, link);
}

static void slot_free(struct slot *slot)
{
    idempotency_record_clear(&slot->record);
    free(slot);
}

/* Nobody is waiting any more, nothing is under way. */
static void slot_end(struct slot *slot)
{
    if (slot->state == REMEMBERED) {
        list_remove(&slot->remembered);
        slot->im->remembered_count--;
    }
    loop_timer_stop(slot->im->config.loop, slot->again);
    map_del(slot->im->doubtful, slot->record.call);
    map_del(slot->im->slots, slot->record.id);
    slot_free(slot);
}

static void remember(struct slot *slot)
{
    struct idempotency *im = slot->im;
    slot->state = REMEMBERED;
    list_append(&im->remembered, &slot->remembered);
    im->remembered_count++;
    while (im->remembered_count > im->config.settings.max_remembered)
        slot_end(list_item(im->remembered.next, struct slot, remembered));
}

static void refuse_all(struct slot *slot, const struct idempotency_answer *why)
{
    for (struct ask *ask; (ask = first(slot));) {
        count(slot->im, "refused");
        give(ask, why);
    }
    slot_end(slot);
}

static void refuse_misuse(struct ask *ask)
{
    count(ask->im, "other_request");
    give(ask, &(struct idempotency_answer){.err = DG_EINVAL,
                                           .field = IDEMPOTENCY_FIELD,
                                           .message = "This key was used with another request"});
}

static void refuse_others(struct slot *slot)
{
    for (struct link *i = slot->asks.next, *next; i != &slot->asks; i = next) {
        struct ask *ask = list_item(i, struct ask, link);
        next = i->next;
        if (!str_eq(ask->fingerprint, slot->record.fingerprint))
            refuse_misuse(ask);
    }
}

static void give_record(struct ask *ask, const struct slot *slot, bool replayed)
{
    const char *body = slot->record.answer;
    count(ask->im, replayed ? "replayed" : "placed");
    give(ask, &(struct idempotency_answer){.body = {body, strlen(body)}, .replayed = replayed});
}

static void settle(struct slot *slot)
{
    bool replayed = !slot->fresh;
    for (struct ask *ask; (ask = first(slot)); replayed = true)
        give_record(ask, slot, replayed);
    if (slot->im->stored)
        slot_end(slot);
    else
        remember(slot);
}

static void on_impatient(void *arg)
{
    struct ask *ask = arg;
    struct slot *slot = ask->slot;
    ask->patience = NULL;
    count(ask->im, "in_progress");
    give(ask, &(struct idempotency_answer){
                  .err = DG_ECONFLICT,
                  .message = "The first request with this key is still being processed",
                  .retry_s = 1});
    if (list_empty(&slot->asks) && !slot->busy)
        slot_end(slot);
}

static void wait_for_first(struct ask *ask)
{
    if (!ask->patience)
        ask->patience =
            loop_timer(ask->im->config.loop, ask->im->config.settings.wait_ms, on_impatient, ask);
}

/* An operation has come back. false: too late, and the slot is gone. */
static bool come_back(struct slot *slot)
{
    bool in_time = slot->im != NULL;
    slot->busy = false;
    if (!in_time)
        slot_free(slot);
    return in_time;
}

/* ---- The answer is kept before it is given --------------------------------------- */

static void on_kept(void *arg, const struct op_result *res)
{
    struct slot *slot = arg;
    if (!come_back(slot))
        return;
    if (res->err != DG_OK) { /* the call is placed all the same; the record follows */
        struct store_batch batch;
        struct buf json;
        store_batch_init(&batch);
        buf_init(&json, BUF_MAX);
        idempotency_record_write(&slot->record, &json);
        store_batch_put(&batch, COLLECTION_IDEMPOTENCY, slot->record.id,
                        (struct dg_bytes){json.ptr, json.len}, DG_VERSION_ANY);
        store_write_kept(slot->im->config.store, &batch);
        store_batch_free(&batch);
        buf_free(&json);
    }
    notes_publish(slot->im->config.notes, NOTE_IDEMPOTENCY, slot->record.id);
    settle(slot);
}

static void keep_answer(struct slot *slot, const struct call *c)
{
    struct buf json;
    buf_init(&json, BUF_MAX);
    first(slot)->req.render(c, &json);
    slot->record.answer = buf_take(&json);
    if (!slot->im->stored) {
        settle(slot);
        return;
    }
    idempotency_record_write(&slot->record, &json);
    slot->state = KEEPING;
    slot->busy = true;
    store_put(slot->im->config.store, COLLECTION_IDEMPOTENCY, slot->record.id,
              (struct dg_bytes){json.ptr, json.len}, DG_VERSION_ANY, on_kept, slot);
    buf_free(&json);
}

/* ---- The first request: the call is placed ------------------------------------------ */

static void on_placed(void *arg, const struct call_answer *answer)
{
    struct slot *slot = arg;
    if (!come_back(slot))
        return;
    if (answer->err == DG_OK) {
        slot->fresh = true;
        keep_answer(slot, answer->call);
    } else if (answer->err == DG_ECONFLICT && slot->conflicts++ < CONFLICTS_MAX) {
        look(slot); /* another gateway has written the same key meanwhile */
    } else {
        refuse_all(slot, &(struct idempotency_answer){.err = answer->err,
                                                      .field = answer->field,
                                                      .message = answer->message,
                                                      .retry_s = answer->retry_s});
    }
}

static void begin_record(struct slot *slot, const struct ask *ask)
{
    struct idempotency_record *r = &slot->record;
    char id[DIGEST_SIZE];
    memcpy(id, r->id, sizeof id);
    idempotency_record_clear(r);
    memcpy(r->id, id, sizeof r->id);
    memcpy(r->fingerprint, ask->fingerprint, sizeof r->fingerprint);
    id_uuid7(r->call);
    r->principal = xstrdup(ask->req.scope.principal);
    r->route = xstrdup(ask->req.scope.route);
    r->created_at_ms = clock_unix_ms();
    r->expires_at_ms = r->created_at_ms + (int64_t)slot->im->config.settings.lifetime_ms;
}

static void place(struct slot *slot, uint64_t expect)
{
    struct idempotency *im = slot->im;
    const struct ask *ask = first(slot);
    struct buf json;
    if (!ask) {
        slot_end(slot);
        return;
    }
    begin_record(slot, ask);
    refuse_others(slot);
    buf_init(&json, BUF_MAX);
    idempotency_record_write(&slot->record, &json);
    const struct dg_write also = {.collection = COLLECTION_IDEMPOTENCY,
                                  .id = slot->record.id,
                                  .json = {json.ptr, json.len},
                                  .expect = expect};
    struct call_request call = *ask->req.call;
    call.id = slot->record.call;
    call.also = im->stored ? &also : NULL;
    slot->state = PLACING;
    slot->busy = true;
    calls_originate(im->config.calls, &call, on_placed, slot);
    buf_free(&json);
}

/* ---- A repetition: what became of the call ------------------------------------------- */

static bool decided(const struct call *c)
{
    return c->state != CALL_PENDING;
}

/* The gateway that places it writes the answer. */
static bool is_elsewhere(const struct idempotency *im, const struct call *c)
{
    const struct nodes *nodes = im->config.nodes;
    return nodes && nodes_shared(nodes) && !str_eq(c->node, nodes_self(nodes)) &&
           (!decided(c) || nodes_alive(nodes, c->node));
}

static void on_again(void *arg)
{
    struct slot *slot = arg;
    slot->again = NULL;
    look(slot);
}

static void on_note(void *arg, const char *id)
{
    struct idempotency *im = arg;
    struct slot *slot = id ? map_get(im->slots, id) : NULL;
    if (!slot || !slot->again)
        return;
    loop_timer_stop(im->config.loop, slot->again);
    on_again(slot);
}

static void on_call(void *arg, const struct call_answer *answer)
{
    struct slot *slot = arg;
    if (!come_back(slot))
        return;
    if (answer->err != DG_OK)
        refuse_all(slot,
                   &(struct idempotency_answer){.err = answer->err, .message = answer->message});
    else if (!first(slot))
        slot_end(slot);
    else if (is_elsewhere(slot->im, answer->call))
        slot->again = loop_timer(slot->im->config.loop, LOOK_MS, on_again, slot);
    else if (decided(answer->call))
        keep_answer(slot, answer->call);
    else /* until the backend is asked whether it has it */
        map_set(slot->im->doubtful, slot->record.call, slot);
}

static void on_bus(void *arg, const struct bus_event *ev)
{
    struct idempotency *im = arg;
    struct slot *slot = ev->call ? map_get(im->doubtful, ev->call->id) : NULL;
    if (!slot || !decided(ev->call))
        return;
    map_del(im->doubtful, ev->call->id);
    keep_answer(slot, ev->call);
}

/* Written down, but the gateway ended before an answer was. */
static void doubt(struct slot *slot)
{
    slot->state = DOUBTFUL;
    for (struct link *i = slot->asks.next; i != &slot->asks; i = i->next)
        wait_for_first(list_item(i, struct ask, link));
    slot->busy = true;
    calls_get(slot->im->config.calls, slot->record.call, on_call, slot);
}

/* ---- What the store knows -------------------------------------------------------------- */

static void on_record(void *arg, const struct store_doc *doc)
{
    struct slot *slot = arg;
    if (!come_back(slot))
        return;
    if (doc->err == DG_ENOTFOUND) {
        place(slot, DG_VERSION_NONE);
    } else if (doc->err != DG_OK) {
        log_warn("idempotency", "a key could not be looked up", LOG_S("why", doc->message));
        refuse_all(slot, &(struct idempotency_answer){.err = DG_EUNAVAILABLE,
                                                      .message = "Database unavailable"});
    } else if (json_get_int(doc->json, "expires_at", 0) <= clock_unix_ms()) {
        place(slot, doc->version);
    } else if (!idempotency_record_read(&slot->record, doc->id, doc->json)) {
        refuse_all(slot, &(struct idempotency_answer){.err = DG_EINTERNAL,
                                                      .message = "unreadable record of a key"});
    } else {
        refuse_others(slot);
        if (!first(slot))
            slot_end(slot);
        else if (slot->record.answer)
            settle(slot);
        else
            doubt(slot);
    }
}

static void look(struct slot *slot)
{
    slot->state = LOOKING;
    slot->busy = true;
    store_get_json(slot->im->config.store, COLLECTION_IDEMPOTENCY, slot->record.id, on_record,
                   slot);
}

/* ---- Asking -------------------------------------------------------------------------------- */

static void open_slot(struct idempotency *im, struct ask *ask, const char *id)
{
    struct slot *slot = xcalloc(1, sizeof *slot);
    slot->im = im;
    list_init(&slot->asks);
    list_init(&slot->remembered);
    memcpy(slot->record.id, id, sizeof slot->record.id);
    map_set(im->slots, id, slot);
    ask->slot = slot;
    list_append(&slot->asks, &ask->link);
    if (im->stored)
        look(slot);
    else
        place(slot, DG_VERSION_NONE);
}

static void join(struct slot *slot, struct ask *ask)
{
    ask->slot = slot;
    list_append(&slot->asks, &ask->link);
    if (slot->state != LOOKING && !str_eq(ask->fingerprint, slot->record.fingerprint))
        refuse_misuse(ask);
    else if (slot->state == REMEMBERED)
        give_record(ask, slot, true);
    else
        wait_for_first(ask);
}

static void begin(void *arg)
{
    struct ask *ask = arg;
    struct idempotency *im = ask->im;
    char id[DIGEST_SIZE];
    idempotency_id(&ask->req.scope, id);
    struct slot *slot = map_get(im->slots, id);
    if (slot && slot->state == REMEMBERED && slot->record.expires_at_ms <= clock_unix_ms()) {
        slot_end(slot);
        slot = NULL;
    }
    if (slot)
        join(slot, ask);
    else
        open_slot(im, ask, id);
}

void idempotency_originate(struct idempotency *im, const struct idempotency_request *req,
                           idempotency_fn *fn, void *arg)
{
    struct ask *ask = xcalloc(1, sizeof *ask);
    *ask = (struct ask){.im = im, .req = *req, .fn = fn, .arg = arg};
    list_init(&ask->link);
    idempotency_fingerprint(req->call, ask->fingerprint);
    loop_call(im->config.loop, begin,
              ask); /* nothing is answered from inside the call that asked */
}

/* ---- Making and freeing ------------------------------------------------------------------------
 */

static uint64_t sweep_ms(const struct idempotency *im)
{
    uint64_t half = im->config.settings.lifetime_ms / 2;
    return half < 1000 ? 1000 : half < SWEEP_MS ? half : SWEEP_MS;
}

static bool has_store(const struct idempotency_config *config)
{
    struct store_status status;
    store_status(config->store, &status);
    return status.state != STORE_DISABLED;
}

struct idempotency *idempotency_new(const struct idempotency_config *config)
{
    static const struct metric_family_info requests = {
        .kind = METRIC_COUNTER,
        .name = "dialgate_idempotent_requests_total",
        .help = "Requests with an Idempotency-Key, by what became of them.",
        .labels = {"result"}};
    struct idempotency *im = xcalloc(1, sizeof *im);
    im->config = *config;
    im->stored = has_store(config);
    im->slots = map_new();
    im->doubtful = map_new();
    list_init(&im->remembered);
    if (config->metrics)
        im->requests = metrics_family(config->metrics, &requests);
    if (im->stored)
        im->expiry = expiry_new(config->loop, config->store, COLLECTION_IDEMPOTENCY, "expires_at",
                                sweep_ms(im));
    bus_subscribe(config->bus, on_bus, im);
    notes_subscribe(config->notes, NOTE_IDEMPOTENCY, on_note, im);
    return im;
}

void idempotency_set(struct idempotency *im, const struct idempotency_settings *settings)
{
    im->config.settings = *settings;
    if (im->expiry)
        expiry_every(im->expiry, sweep_ms(im));
}

static void slot_abandon(void *arg, const char *id, void *value)
{
    struct idempotency *im = arg;
    struct slot *slot = value;
    (void)id;
    for (struct ask *ask; (ask = first(slot));)
        give(ask, &(struct idempotency_answer){.err = DG_EUNAVAILABLE,
                                               .message = "The gateway is stopping"});
    map_del(im->slots, slot->record.id);
    loop_timer_stop(im->config.loop, slot->again);
    slot->again = NULL;
    slot->im = NULL;
    if (!slot->busy)
        slot_free(slot);
}

void idempotency_free(struct idempotency *im)
{
    if (!im)
        return;
    bus_unsubscribe(im->config.bus, on_bus, im);
    notes_unsubscribe(im->config.notes, NOTE_IDEMPOTENCY, on_note, im);
    expiry_free(im->expiry);
    map_each(im->slots, slot_abandon, im);
    map_free(im->slots, NULL);
    map_free(im->doubtful, NULL);
    free(im);
}
