/* dialer_agents.c - how many agents are free to take a customer: what progressive pacing goes by.
 *
 * Behind an extension there is one. A queue is asked again and again for its members and for those
 * who wait in it: whoever waits, also from elsewhere, is given the next one who is free. Between
 * two answers every customer who was sent there counts as one agent less, until the second answer
 * after it, which is sure to show him.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/calls_private.h"
#include "domain/dialer_private.h"

#define ASK_MS   1000
#define STALE_MS 5000

static bool of_queue(const struct campaign *c)
{
    return c->pacing == PACING_PROGRESSIVE && c->dest_type == DEST_QUEUE;
}

/* Who can tell: the backend, or its companion. NULL: nobody; `never`: not now nor later. */
static struct instance *teller(const struct dialer *d, bool *never)
{
    struct instance *in = calls_backend(d->config.calls);
    struct instance *companion = in ? calls_companion(d->config.calls, in) : NULL;
    bool helper_never = true;
    *never = false;
    if (!in)
        return NULL;
    if (!backend_refusal(in, "members", never))
        return in;
    if (companion && !backend_refusal(companion, "members", &helper_never))
        return companion;
    *never = *never && helper_never;
    return NULL;
}

bool agents_check(const struct dialer *d, const struct campaign *c, struct problem *problem)
{
    bool never;
    if (!of_queue(c))
        return true;
    if (strchr(c->dest_value ? c->dest_value : "", '/')) {
        problem_set(problem, DG_EINVAL,
                    "pacing progressive needs the name of a queue in agent_dest_value: %s names a "
                    "channel",
                    c->dest_value);
        return false;
    }
    if (teller(d, &never) || !never)
        return true;
    problem_set(problem, DG_EINVAL,
                "pacing progressive needs to know the queue's free agents: the backend cannot tell "
                "them, and has no companion that can");
    return false;
}

/* A member whose state nobody knows is rung by the queue as well. */
static bool is_free(const struct dg_queue_member *m, const char *queue)
{
    return str_eq(m->queue, queue) && !m->paused &&
           (str_eq(m->state, "not in use") || str_eq(m->state, "unknown"));
}

/* Those of them who wait for somebody who is rung already are not counted. */
static unsigned left_over(unsigned idle, unsigned waiting, unsigned ringing)
{
    unsigned unserved = waiting > ringing ? waiting - ringing : 0;
    return idle > unserved ? idle - unserved : 0;
}

static void on_members(void *arg, const struct op_result *res)
{
    struct pacer *p = arg;
    unsigned idle = 0, ringing = 0;
    p->asking_agents = false;
    if (res->err != DG_OK) {
        if (!p->agents_unknown)
            log_warn("dialer", "the agents of a queue are not known", LOG_I("campaign", p->id),
                     LOG_S("why", res->message));
        p->agents_unknown = true;
    } else if (p->campaign) {
        p->agents_unknown = false;
        for (size_t i = 0; i < res->count; i++) {
            const struct dg_queue_member *m = res->items[i];
            idle += is_free(m, p->campaign->dest_value);
            ringing += str_eq(m->queue, p->campaign->dest_value) && str_eq(m->state, "ringing");
        }
        p->agents_free = left_over(idle, p->queue_waiting, ringing);
        p->agents_known_ms = clock_ms();
        p->legs_known = p->legs_asked[0];
    }
    dialer_pace(p->d);
    pacer_let_go(p);
}

static void ask_members(struct pacer *p)
{
    bool never;
    struct instance *in = p->campaign ? teller(p->d, &never) : NULL;
    if (!in) {
        p->asking_agents = false;
        pacer_let_go(p);
        return;
    }
    const struct dg_filter queue = {.text = p->campaign->dest_value};
    backend_members(in, &queue, on_members, p);
}

static void on_queues(void *arg, const struct op_result *res)
{
    struct pacer *p = arg;
    p->queue_waiting = 0;
    for (size_t i = 0; res->err == DG_OK && p->campaign && i < res->count; i++) {
        const struct dg_queue *q = res->items[i];
        if (str_eq(q->name, p->campaign->dest_value))
            p->queue_waiting = q->waiting;
    }
    ask_members(p); /* which says why, if nobody can tell */
}

void agents_ask(struct pacer *p, uint64_t now_ms)
{
    bool never;
    if (!of_queue(p->campaign) || p->asking_agents ||
        (p->agents_asked_ms && now_ms < p->agents_asked_ms + ASK_MS))
        return;
    struct instance *in = teller(p->d, &never);
    if (!in)
        return;
    const struct dg_filter queue = {.text = p->campaign->dest_value};
    p->asking_agents = true;
    p->agents_asked_ms = now_ms;
    p->legs_asked[0] = p->legs_asked[1];
    p->legs_asked[1] = p->legs;
    backend_queues(in, &queue, on_queues, p);
}

unsigned agents_free(const struct pacer *p)
{
    if (!of_queue(p->campaign))
        return p->agents ? 0 : 1;
    if (!p->agents_known_ms || clock_ms() > p->agents_known_ms + STALE_MS)
        return 0;
    uint64_t sent = p->legs - p->legs_known;
    return sent < p->agents_free ? p->agents_free - (unsigned)sent : 0;
}
