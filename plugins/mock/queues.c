/* queues.c - queues: who wants to be served waits, and is joined to a member who has time.
 *
 * An answered call whose extension is a queue's name waits there, for queue_ms
 * at least; then the free member with the lowest penalty gets it, until the
 * call ends or goes elsewhere. Members are heard of only here: nothing rings.
 */
#include "mock.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading ----------------------------------------------------------------------------------
 */

static struct mock_member *member_new(struct mock_queue *q, const char *interface, const char *name)
{
    struct mock_member *m = mock_alloc(sizeof *m);
    struct mock_member **at = &q->members;
    m->interface = mock_strdup(interface);
    m->name = mock_strdup(name && *name ? name : interface);
    while (*at)
        at = &(*at)->next;
    return *at = m;
}

static void member_free(struct mock_member *m)
{
    free(m->interface);
    free(m->name);
    free(m->reason);
    free(m);
}

static bool read_members(struct mock_queue *q, const json_t *members)
{
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)members, i, one)
    {
        if (!json_string_value(one))
            return false;
        member_new(q, json_string_value(one), NULL);
    }
    return !members || json_is_array(members);
}

static bool read_queue(struct mock *m, const json_t *item)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    const json_t *members = json_object_get(item, "members");
    if (!name || !*name || json_object_size(item) != 1 + (members != NULL) ||
        index_get(&m->queues, name))
        return false;
    struct mock_queue *q = mock_alloc(sizeof *q);
    q->mock = m;
    index_add(&m->queues, &q->thing, name);
    return read_members(q, members);
}

enum dg_err queues_read(struct mock *m, const char *json)
{
    json_t *list = json_loads(json, 0, NULL);
    bool ok = json_is_array(list);
    for (size_t i = 0; ok && i < json_array_size(list); i++)
        ok = read_queue(m, json_array_get(list, i));
    json_decref(list);
    if (!ok)
        m->h->log(m->h, DG_ERROR,
                  "queues: each must be {name = \"sales\", members = [\"PJSIP/8001\"]}, with "
                  "another name for each");
    return ok ? DG_OK : DG_EINVAL;
}

void queues_free(struct mock *m)
{
    for (struct mock_queue *q; (q = index_first(&m->queues));) {
        for (struct mock_member *one = q->members, *next; one; one = next) {
            next = one->next;
            member_free(one);
        }
        index_remove(&m->queues, &q->thing);
        free(q);
    }
}

/* ---- Serving ----------------------------------------------------------------------------------
 */

static void tell(const struct mock_queue *q, const char *what, const char *member, const char *call)
{
    const struct dg_host *h = q->mock->h;
    const struct dg_event ev = {
        DG_SIZED(struct dg_event), .type = DG_QUEUE_CHANGED,
        .target = q->thing.id,     .text = what,
        .member = member,          .call = call,
    };
    h->emit(h, &ev);
}

/* One who works in several queues talks to one caller at a time. */
static bool is_talking(const struct mock *m, const char *interface)
{
    for (const struct mock_queue *q = index_first(&m->queues); q; q = index_next(&m->queues, q))
        for (const struct mock_member *one = q->members; one; one = one->next)
            if (one->call && strcmp(one->interface, interface) == 0)
                return true;
    return false;
}

static struct mock_member *free_member(const struct mock_queue *q)
{
    struct mock_member *best = NULL;
    for (struct mock_member *one = q->members; one; one = one->next)
        if (!one->paused && !is_talking(q->mock, one->interface) &&
            (!best || one->penalty < best->penalty))
            best = one;
    return best;
}

static void serve(struct mock_call *c, struct mock_member *member)
{
    struct mock_queue *q = c->queue;
    const struct dg_host *h = q->mock->h;
    q->waited_ms += h->now_ms(h) - c->queued_ms;
    q->served++;
    member->call = c;
    member->taken++;
    member->served_ms = h->now_ms(h);
    member->last_at_ms = h->unix_ms(h);
    c->member = member;
    tell(q, "caller_left", NULL, c->thing.id);
    tell(q, "member_status", member->interface, NULL);
}

/* Those who have waited long enough, the first first, as long as somebody has time. */
static void serve_all(struct mock_queue *q)
{
    struct mock *m = q->mock;
    struct mock_member *member = free_member(q);
    for (struct mock_call *c = index_first(&m->calls); c && member; c = index_next(&m->calls, c)) {
        if (c->queue != q || c->member || c->queue_timer)
            continue;
        serve(c, member);
        member = free_member(q);
    }
}

static void serve_queues(struct mock *m)
{
    for (struct mock_queue *q = index_first(&m->queues); q; q = index_next(&m->queues, q))
        serve_all(q);
}

static void on_waited(void *arg)
{
    struct mock_call *c = arg;
    c->queue_timer = NULL;
    serve_all(c->queue);
}

void queue_enter(struct mock_call *c)
{
    struct mock *m = c->mock;
    struct mock_queue *q = c->extension ? index_get(&m->queues, c->extension) : NULL;
    if (!q || c->queue)
        return;
    c->queue = q;
    c->queued_ms = m->h->now_ms(m->h);
    c->queue_timer = m->h->timer_start(m->h, (uint64_t)m->queue_ms, on_waited, c);
    tell(q, "caller_joined", NULL, c->thing.id);
}

void queue_leave(struct mock_call *c)
{
    struct mock_queue *q = c->queue;
    struct mock_member *member = c->member;
    const struct dg_host *h = c->mock->h;
    if (!q)
        return;
    h->timer_stop(h, c->queue_timer);
    c->queue_timer = NULL;
    c->queue = NULL;
    c->member = NULL;
    if (member) {
        member->call = NULL;
        q->completed++;
        q->talked_ms += h->now_ms(h) - member->served_ms;
        tell(q, "member_status", member->interface, NULL);
        serve_queues(c->mock);
    } else {
        q->abandoned++;
        tell(q, "caller_abandoned", NULL, c->thing.id);
    }
}

/* ---- Asking ------------------------------------------------------------------------------------
 */

static uint32_t waiting_in(const struct mock_queue *q)
{
    uint32_t count = 0;
    const struct mock *m = q->mock;
    for (const struct mock_call *c = index_first(&m->calls); c; c = index_next(&m->calls, c))
        count += c->queue == q && !c->member;
    return count;
}

void mock_queues(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct mock *m = self;
    for (struct mock_queue *q = index_first(&m->queues); q; q = index_next(&m->queues, q)) {
        if (!matches(req, q->thing.id, NULL))
            continue;
        m->h->item(op, &(struct dg_queue){
                           DG_SIZED(struct dg_queue),
                           .name = q->thing.id,
                           .strategy = "ringall",
                           .waiting = waiting_in(q),
                           .completed = q->completed,
                           .abandoned = q->abandoned,
                           .hold_ms = q->served ? q->waited_ms / q->served : 0,
                           .talk_ms = q->completed ? q->talked_ms / q->completed : 0,
                       });
    }
    m->h->done(op);
}

void mock_members(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct mock *m = self;
    for (struct mock_queue *q = index_first(&m->queues); q; q = index_next(&m->queues, q)) {
        for (struct mock_member *one = q->members; one && matches(req, q->thing.id, NULL);
             one = one->next)
            m->h->item(op, &(struct dg_queue_member){
                               DG_SIZED(struct dg_queue_member),
                               .queue = q->thing.id,
                               .interface = one->interface,
                               .name = one->name,
                               .state = is_talking(m, one->interface) ? "in use" : "not in use",
                               .penalty = one->penalty,
                               .taken = one->taken,
                               .paused = one->paused,
                               .pause_reason = one->reason,
                               .last_call_at_ms = one->last_at_ms,
                               .in_call = one->call != NULL,
                           });
    }
    m->h->done(op);
}

void mock_callers(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct mock *m = self;
    for (struct mock_queue *q = index_first(&m->queues); q; q = index_next(&m->queues, q)) {
        uint32_t position = 0;
        for (struct mock_call *c = index_first(&m->calls); c; c = index_next(&m->calls, c)) {
            if (c->queue != q || c->member || !matches(req, q->thing.id, NULL))
                continue;
            m->h->item(op, &(struct dg_queue_caller){
                               DG_SIZED(struct dg_queue_caller),
                               .queue = q->thing.id,
                               .call = c->thing.id,
                               .caller_number = c->number,
                               .position = ++position,
                               .wait_ms = m->h->now_ms(m->h) - c->queued_ms,
                           });
        }
    }
    m->h->done(op);
}

/* ---- Changing
 * ------------------------------------------------------------------------------------
 */

static void remove_member(struct mock_queue *q, struct mock_member **at)
{
    struct mock_member *gone = *at;
    *at = gone->next;
    if (gone->call) { /* it goes on talking, and counts as served */
        gone->call->member = NULL;
        gone->call->queue = NULL;
        q->completed++;
    }
    tell(q, "member_removed", gone->interface, NULL);
    member_free(gone);
}

static void pause(struct mock_queue *q, struct mock_member *member, bool on, const char *reason)
{
    member->paused = on;
    set_text(&member->reason, on ? reason : NULL);
    tell(q, on ? "member_paused" : "member_resumed", member->interface, NULL);
}

static void change(struct mock_queue *q, struct mock_member **at, const struct dg_queue_change *req)
{
    switch (req->change) {
    case DG_MEMBER_ADD:
        *at = member_new(q, req->interface, req->name);
        (*at)->penalty = req->penalty;
        tell(q, "member_added", req->interface, NULL);
        break;
    case DG_MEMBER_REMOVE:
        remove_member(q, at);
        break;
    case DG_MEMBER_PAUSE:
    case DG_MEMBER_RESUME:
        pause(q, *at, req->change == DG_MEMBER_PAUSE, req->reason);
        break;
    case DG_MEMBER_PENALTY:
        (*at)->penalty = req->penalty;
        tell(q, "member_penalty", req->interface, NULL);
        break;
    }
    serve_all(q);
}

void mock_queue_change(void *self, const struct dg_queue_change *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_queue *q = req->queue ? index_get(&m->queues, req->queue) : NULL;
    if (!q || !req->interface || !*req->interface) {
        m->h->fail(op, q ? DG_EINVAL : DG_ENOTFOUND,
                   q ? "a change needs the name of an interface" : "there is no such queue");
        return;
    }
    struct mock_member **at = &q->members;
    while (*at && strcmp((*at)->interface, req->interface) != 0)
        at = &(*at)->next;
    if (req->change == DG_MEMBER_ADD && *at) {
        m->h->fail(op, DG_ECONFLICT, "it is a member of the queue already");
    } else if (req->change != DG_MEMBER_ADD && !*at) {
        m->h->fail(op, DG_ENOTFOUND, "it is no member of the queue");
    } else {
        m->h->done(op);
        change(q, at, req);
    }
}

/* ---- Lines
 * ---------------------------------------------------------------------------------------
 */

static bool is_first(const struct mock *m, const struct mock_member *member)
{
    for (const struct mock_queue *q = index_first(&m->queues); q; q = index_next(&m->queues, q))
        for (const struct mock_member *one = q->members; one; one = one->next)
            if (strcmp(one->interface, member->interface) == 0)
                return one == member;
    return false;
}

static uint32_t calls_to(const struct mock *m, const char *interface)
{
    uint32_t count = is_talking(m, interface);
    for (const struct mock_call *c = index_first(&m->calls); c; c = index_next(&m->calls, c))
        count += c->endpoint && strcmp(c->endpoint, interface) == 0;
    return count;
}

static void give_line(struct mock *m, const char *interface, struct dg_op *op)
{
    const char *slash = strchr(interface, '/');
    char technology[40] = "";
    if (!slash || slash - interface >= (int)sizeof technology)
        return;
    memcpy(technology, interface, (size_t)(slash - interface));
    uint32_t calls = calls_to(m, interface);
    m->h->item(op, &(struct dg_endpoint){
                       DG_SIZED(struct dg_endpoint),
                       .technology = technology,
                       .resource = slash + 1,
                       .registered = true,
                       .available = true,
                       .active_calls = calls,
                       .state = calls ? "in use" : "not in use",
                   });
}

/* Every number can be dialled; the lines that are heard of are those of the queues' members. */
void mock_endpoints(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct mock *m = self;
    for (struct mock_queue *q = index_first(&m->queues); q; q = index_next(&m->queues, q))
        for (struct mock_member *one = q->members; one; one = one->next)
            if (is_first(m, one) && matches(req, one->interface, NULL))
                give_line(m, one->interface, op);
    m->h->done(op);
}
