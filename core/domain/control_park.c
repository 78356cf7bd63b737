/* control_park.c - parked calls: put one away, take one back. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/control_private.h"

/* ---- Parking ------------------------------------------------------------------------ */

#define LOOK_EVERY_MS 100
#define LOOKS_MAX     30

static bool check_park(struct order *o)
{
    if (!o->call->doing.parked)
        return true;
    order_refuse(o, DG_ECONFLICT, NULL, "Call is parked already");
    return false;
}

static void ask_park(struct order *o, struct instance *in)
{
    const struct dg_park req = {
        .call = o->call->id, .lot = o->req.lot, .timeout_ms = o->req.timeout_ms};
    backend_park(in, &req, order_sent, o);
}

static void look(void *arg);

static const struct dg_parked *find_call(const struct op_result *res, const char *call)
{
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_parked *p = res->items[i];
        if (str_eq(p->call, call))
            return p;
    }
    return NULL;
}

static void note_place(struct order *o, const struct dg_parked *p)
{
    char *place = xasprintf("%s/%s", p->lot ? p->lot : "default", p->slot ? p->slot : "");
    if (call_set_parked(o->call, place))
        calls_refresh(o->ct->calls, o->call);
    free(place);
}

static void place_known(struct order *o)
{
    o->text = arena_strdup(o->arena, o->call->doing.parked);
    if (!o->text)
        order_refuse(o, DG_EUPSTREAM, NULL,
                     "The telephone system took it, but does not show the call as parked");
    order_done(o);
}

static void on_looked(void *arg, const struct op_result *res)
{
    struct order *o = arg;
    const struct dg_parked *p = find_call(res, o->call->id);
    bool over = call_is_over(o->call->state);
    if (p && !over)
        note_place(o, p);
    if (o->call->doing.parked || over || res->err != DG_OK || ++o->looks == LOOKS_MAX) {
        place_known(o);
        return;
    }
    list_append(&o->ct->looking, &o->link);
    o->timer = loop_timer(o->ct->loop, LOOK_EVERY_MS, look, o);
}

/* Its event may have told already; else we look until it is there. */
static void look(void *arg)
{
    struct order *o = arg;
    const struct dg_filter all = {0};
    struct instance *in = order_instance(o, o->tried);
    if (o->timer)
        list_remove(&o->link);
    o->timer = NULL;
    if (o->call->doing.parked || !in)
        place_known(o);
    else
        backend_parked(in, &all, on_looked, o);
}

static void look_for_slot(struct order *o, struct instance *in)
{
    (void)in;
    look(o);
}

/* clang-format off */
const struct action control_park = {
    .name = "park", .from = CALL_ANSWERED, .ways = {{"park", ask_park}},
    .check = check_park, .finish = look_for_slot, .away = true,
};
/* clang-format on */

/* ---- Taking one back --------------------------------------------------------------------- */

struct retrieval {
    struct control *ct;
    struct arena *arena;
    struct retrieve_request req;
    control_fn *fn;
    void *arg;
    const char *parked; /* the call's id */
};

static void retrieval_end(struct retrieval *r, enum dg_err err, const char *field,
                          const char *message, const struct call *leg)
{
    const struct control_answer answer = {
        .err = err, .field = field, .message = message, .text = r->parked, .call = leg};
    r->fn(r->arg, &answer);
    arena_free(r->arena);
    free(r);
}

static void on_leg(void *arg, const struct call_answer *answer)
{
    struct retrieval *r = arg;
    bool refused = answer->err == DG_OK && call_is_over(answer->call->state);
    if (refused)
        retrieval_end(r, DG_EUPSTREAM, NULL, answer->call->failure_reason, NULL);
    else
        retrieval_end(r, answer->err, NULL, answer->message, answer->call);
}

/* Two servers may have the same slot: the active backend's is meant, which is listed first. */
static const struct parked_call *find_slot(const struct parked_answer *answer,
                                           const struct retrieve_request *req, size_t *found)
{
    const struct parked_call *slot = NULL;
    *found = 0;
    for (size_t i = 0; i < answer->count; i++) {
        const struct parked_call *p = &answer->calls[i];
        if (!str_eq(p->shown->slot, req->slot) || (req->lot && !str_eq(p->shown->lot, req->lot)) ||
            (slot && !str_eq(p->backend, slot->backend)))
            continue;
        slot = p;
        ++*found;
    }
    return slot;
}

/* "PJSIP/8013@x" is called 8013. */
static char *name_of(struct arena *a, const char *endpoint)
{
    const char *slash = strchr(endpoint, '/');
    char *name = arena_strdup(a, slash ? slash + 1 : endpoint);
    name[strcspn(name, "@")] = '\0';
    return name;
}

static void ring(struct retrieval *r, const char *backend)
{
    const struct call_request leg = {.phone_number = name_of(r->arena, r->req.endpoint),
                                     .endpoint = r->req.endpoint,
                                     .backend = backend,
                                     .context = calls_defaults(r->ct->calls, NULL)->parked_context,
                                     .extension = r->req.slot,
                                     .own_place = true,
                                     .priority = 1,
                                     .api = r->req.api,
                                     .user = r->req.user};
    calls_originate(r->ct->calls, &leg, on_leg, r);
}

static void on_parked(void *arg, const struct parked_answer *answer)
{
    struct retrieval *r = arg;
    size_t found;
    const struct parked_call *p = find_slot(answer, &r->req, &found);
    if (answer->err != DG_OK) {
        retrieval_end(r, answer->err, NULL, answer->message, NULL);
    } else if (!found) {
        retrieval_end(r, DG_ENOTFOUND, NULL, "Nobody is parked there", NULL);
    } else if (found > 1) {
        retrieval_end(r, DG_ECONFLICT, NULL, "Several lots have that slot in use; name the lot",
                      NULL);
    } else {
        r->parked = arena_strdup(r->arena, p->shown->call);
        ring(r, p->backend);
    }
}

static void refuse_endpoint(void *arg)
{
    retrieval_end(arg, DG_EINVAL, "endpoint",
                  "A Local endpoint names a context that the configuration allows "
                  "(calls.allowed_contexts)",
                  NULL);
}

/* A Local endpoint is a place in the dialplan. */
static bool endpoint_allowed(const struct calls *cs, const char *endpoint)
{
    const char *at = strchr(endpoint, '@');
    return !str_starts(endpoint, "Local/") ||
           (at && call_context_allowed(calls_defaults(cs, NULL), at + 1));
}

void control_retrieve(struct control *ct, const struct retrieve_request *req, control_fn *fn,
                      void *arg)
{
    struct retrieval *r = xcalloc(1, sizeof *r);
    *r = (struct retrieval){.ct = ct, .arena = arena_new(), .fn = fn, .arg = arg};
    r->req = (struct retrieve_request){.slot = arena_strdup(r->arena, req->slot),
                                       .lot = arena_strdup(r->arena, req->lot),
                                       .endpoint = arena_strdup(r->arena, req->endpoint),
                                       .api = arena_strdup(r->arena, req->api),
                                       .user = arena_strdup(r->arena, req->user)};
    if (endpoint_allowed(ct->calls, r->req.endpoint))
        control_parked(ct, on_parked, r);
    else
        loop_call(ct->loop, refuse_endpoint, r);
}
