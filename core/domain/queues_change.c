/* queues_change.c - changes of a queue's members: the queue is looked for, the member is, one
 * change after the other is asked for, and the member is looked for again. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/calls_private.h"
#include "domain/queues.h"

#define CHANGES_MAX 3

struct changing {
    struct calls *cs;
    struct arena *arena;
    struct member_request req;
    const char *backend; /* that has the queue */
    struct dg_queue_change changes[CHANGES_MAX];
    size_t count, next;
    queues_fn *fn;
    void *arg;
    struct queues_answer answer;
};

static void finish(void *arg)
{
    struct changing *c = arg;
    c->fn(c->arg, &c->answer);
    arena_free(c->arena);
    free(c);
}

static void refuse(struct changing *c, enum dg_err err, const char *field, const char *message)
{
    c->answer = (struct queues_answer){
        .err = err, .field = field, .message = arena_strdup(c->arena, message)};
    finish(c);
}

/* `backend` NULL: of whichever. */
static const struct gathered *member_of(const struct changing *c, const struct queues_answer *a,
                                        const char *backend)
{
    for (size_t i = 0; i < a->member_count; i++) {
        const struct dg_queue_member *m = a->members[i].item;
        if (str_eq(m->interface, c->req.interface) &&
            (!backend || str_eq(a->members[i].backend, backend)))
            return &a->members[i];
    }
    return NULL;
}

static void on_afterwards(void *arg, const struct queues_answer *a)
{
    struct changing *c = arg;
    const struct gathered *member = a->err == DG_OK ? member_of(c, a, c->backend) : NULL;
    c->answer = (struct queues_answer){.members = member, .member_count = member != NULL};
    finish(c);
}

static void change_next(struct changing *c);

static void on_changed(void *arg, const struct op_result *res)
{
    struct changing *c = arg;
    if (res->err != DG_OK)
        refuse(c, res->err, NULL, res->message);
    else
        change_next(c);
}

static void change_next(struct changing *c)
{
    if (c->next == c->count) {
        log_info("calls", "a queue's member was changed", LOG_S("queue", c->req.queue),
                 LOG_S("member", c->req.interface), LOG_S("instance", c->backend));
        queues_ask(c->cs, c->req.queue, c->backend, on_afterwards, c);
        return;
    }
    struct instance *in = calls_backend_named(c->cs, c->backend);
    if (!in) {
        refuse(c, DG_EUNAVAILABLE, NULL, "The backend is closed");
        return;
    }
    backend_queue_change(in, &c->changes[c->next++], on_changed, c);
}

static void add_change(struct changing *c, enum dg_member_change what)
{
    c->changes[c->count++] = (struct dg_queue_change){.queue = c->req.queue,
                                                      .interface = c->req.interface,
                                                      .name = c->req.name,
                                                      .reason = c->req.reason,
                                                      .change = what,
                                                      .penalty = c->req.penalty};
}

static void plan(struct changing *c)
{
    if (c->req.add)
        add_change(c, DG_MEMBER_ADD);
    if (c->req.remove)
        add_change(c, DG_MEMBER_REMOVE);
    if (c->req.sets_penalty && !c->req.add)
        add_change(c, DG_MEMBER_PENALTY);
    if (c->req.sets_paused && (c->req.paused || !c->req.add))
        add_change(c, c->req.paused ? DG_MEMBER_PAUSE : DG_MEMBER_RESUME);
}

/* Of the backend, or of the one that it helps out. */
static const struct call_defaults *defaults_of(struct calls *cs, const char *backend)
{
    struct backend_view views[GATHER_MAX];
    size_t count = calls_backends(cs, views, GATHER_MAX);
    for (size_t i = 0; i < count && i < GATHER_MAX; i++) {
        const struct instance *in = views[i].instance, *helper = calls_companion(cs, in);
        const struct backend *b = backend_of(cs, in);
        if (b && (str_eq(in->name, backend) || (helper && str_eq(helper->name, backend))))
            return &b->defaults;
    }
    return calls_defaults(cs, NULL);
}

/* A new member of a Local channel is a place of the dialplan that calls are sent to. Asterisk reads
 * it so: the technology in any case, options from the next slash on, a context before them. */
static bool place_allowed(const struct changing *c)
{
    static const char local[] = "Local/";
    char context[MEMBER_MAX + 1];
    if (strncasecmp(c->req.interface, local, strlen(local)) != 0)
        return true;
    const char *place = c->req.interface + strlen(local);
    size_t len = strcspn(place, "/"), before = strcspn(place, "@");
    if (before < len)
        snprintf(context, sizeof context, "%.*s", (int)(len - before - 1), place + before + 1);
    else
        snprintf(context, sizeof context, "default");
    return call_context_allowed(defaults_of(c->cs, c->backend), context);
}

/* Where a queue of this name has such a member; a new one goes where the queue was found first. */
static void on_found(void *arg, const struct queues_answer *a)
{
    struct changing *c = arg;
    if (a->err != DG_OK) {
        refuse(c, a->err, NULL, a->message);
        return;
    }
    const char *first = a->queues[0].backend;
    const struct gathered *member = member_of(c, a, c->req.add ? first : NULL);
    c->backend = arena_strdup(c->arena, member ? member->backend : first);
    if (c->req.add && !place_allowed(c)) {
        refuse(c, DG_EINVAL, "interface", "Context is not allowed");
    } else if (c->req.add && member) {
        refuse(c, DG_ECONFLICT, NULL, "It is a member of the queue already");
    } else if (!c->req.add && !member) {
        refuse(c, DG_ENOTFOUND, NULL, "Member not found");
    } else {
        plan(c);
        change_next(c);
    }
}

void queues_change(struct calls *cs, const struct member_request *req, queues_fn *fn, void *arg)
{
    struct instance *whom[GATHER_MAX];
    struct problem why = {0};
    struct changing *c = xcalloc(1, sizeof *c);
    const struct gather_question able = {
        .function = "queue_change", .what = "queues to change", .backend = req->backend};
    *c = (struct changing){.cs = cs, .arena = arena_new(), .req = *req, .fn = fn, .arg = arg};
    c->req.queue = arena_strdup(c->arena, req->queue);
    c->req.interface = arena_strdup(c->arena, req->interface);
    c->req.backend = arena_strdup(c->arena, req->backend);
    c->req.name = arena_strdup(c->arena, req->name);
    c->req.reason = arena_strdup(c->arena, req->reason);
    if (gather_whom(cs, &able, whom)) {
        queues_ask(cs, c->req.queue, c->req.backend, on_found, c);
        return;
    }
    c->answer.err = gather_refusal(cs, &able, &why);
    c->answer.message = arena_strdup(c->arena, why.text);
    loop_call(cs->config.loop, finish, c);
}
