/* queues.c - the queues of app_queue.so and who works in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/device.h"
#include "asterisk/text.h"

static bool matches(const char *text, const char *name)
{
    return name && (!text || strstr(name, text));
}

static void on_all(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    free(arg);
    if (r->err)
        session_fail(a, op, r);
    else
        a->h->done(op);
}

static void status(struct ami *a, struct dg_op *op, const struct dg_filter *req, entry_fn *entry)
{
    session_send(
        a, op,
        &(struct request){
            .action = "QueueStatus", .entry = entry, .then = on_all, .arg = text_copy(req->text)});
}

static void on_queue(struct ami *a, struct dg_op *op, const struct message *m, void *arg)
{
    const char *name = message_text(m, "Queue");
    if (!message_is(m, "Event", "QueueParams") || !matches(arg, name))
        return;
    a->h->item(op, &(struct dg_queue){
                       DG_SIZED(struct dg_queue),
                       .name = name,
                       .strategy = message_text(m, "Strategy"),
                       .waiting = (uint32_t)message_number(m, "Calls"),
                       .completed = (uint32_t)message_number(m, "Completed"),
                       .abandoned = (uint32_t)message_number(m, "Abandoned"),
                       .hold_ms = (uint64_t)message_number(m, "Holdtime") * 1000,
                       .talk_ms = (uint64_t)message_number(m, "TalkTime") * 1000,
                   });
}

void ami_queues(void *self, const struct dg_filter *req, struct dg_op *op)
{
    status(self, op, req, on_queue);
}

/* Unix time in seconds does not fit into an int for ever. */
static int64_t seconds_ms(const struct message *m, const char *name)
{
    const char *text = message_text(m, name);
    return text ? (int64_t)strtoul(text, NULL, 10) * 1000 : 0;
}

static void on_member(struct ami *a, struct dg_op *op, const struct message *m, void *arg)
{
    const char *queue = message_text(m, "Queue");
    if (!message_is(m, "Event", "QueueMember") || !matches(arg, queue))
        return;
    a->h->item(op, &(struct dg_queue_member){
                       DG_SIZED(struct dg_queue_member),
                       .queue = queue,
                       .interface = message_text(m, "Location"),
                       .name = message_text(m, "Name"),
                       .state = device_state_number(message_number(m, "Status")),
                       .penalty = (uint32_t)message_number(m, "Penalty"),
                       .taken = (uint32_t)message_number(m, "CallsTaken"),
                       .paused = message_number(m, "Paused") != 0,
                       .pause_reason = message_text(m, "PausedReason"),
                       .last_call_at_ms = seconds_ms(m, "LastCall"),
                       .in_call = message_number(m, "InCall") != 0,
                   });
}

void ami_members(void *self, const struct dg_filter *req, struct dg_op *op)
{
    status(self, op, req, on_member);
}

static void on_caller(struct ami *a, struct dg_op *op, const struct message *m, void *arg)
{
    const char *queue = message_text(m, "Queue"), *call = message_text(m, "Uniqueid");
    if (!message_is(m, "Event", "QueueEntry") || !matches(arg, queue))
        return;
    a->h->item(op, &(struct dg_queue_caller){
                       DG_SIZED(struct dg_queue_caller),
                       .queue = queue,
                       .call = call ? call : message_text(m, "Channel"),
                       .caller_number = message_text(m, "CallerIDNum"),
                       .caller_name = message_text(m, "CallerIDName"),
                       .position = (uint32_t)message_number(m, "Position"),
                       .wait_ms = (uint64_t)seconds_ms(m, "Wait"),
                   });
}

void ami_callers(void *self, const struct dg_filter *req, struct dg_op *op)
{
    status(self, op, req, on_caller);
}

static void on_member_changed(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    static const struct {
        const char *words;
        enum dg_err err;
    } meanings[] = {
        {"No such queue", DG_ENOTFOUND}, {"Not there", DG_ENOTFOUND},
        {"not found", DG_ENOTFOUND},     {"Already there", DG_ECONFLICT},
        {"not dynamic", DG_ECONFLICT},   {"Invalid interface", DG_ENOTFOUND},
    };
    struct reply reply = *r;
    (void)arg;
    for (size_t i = 0; r->err == DG_EUPSTREAM && i < sizeof meanings / sizeof *meanings; i++)
        if (strstr(r->words, meanings[i].words))
            reply.err = meanings[i].err;
    if (r->err)
        session_fail(a, op, &reply);
    else
        a->h->done(op);
}

void ami_queue_change(void *self, const struct dg_queue_change *req, struct dg_op *op)
{
    static const char *const actions[] = {
        [DG_MEMBER_ADD] = "QueueAdd",         [DG_MEMBER_REMOVE] = "QueueRemove",
        [DG_MEMBER_PAUSE] = "QueuePause",     [DG_MEMBER_RESUME] = "QueuePause",
        [DG_MEMBER_PENALTY] = "QueuePenalty",
    };
    struct ami *a = self;
    char penalty[12];
    bool add = req->change == DG_MEMBER_ADD;
    bool weighed = add || req->change == DG_MEMBER_PENALTY, pause = req->change == DG_MEMBER_PAUSE;
    if (!text_is_plain(req->queue, 80) || !text_is_plain(req->interface, 200)) {
        a->h->fail(op, DG_EINVAL, "a change needs the names of a queue and of an interface");
        return;
    }
    snprintf(penalty, sizeof penalty, "%u", req->penalty);
    session_send(a, op,
                 &(struct request){.action = actions[req->change],
                                   .lines = {{"Queue", req->queue},
                                             {"Interface", req->interface},
                                             {"MemberName", add ? req->name : NULL},
                                             {"Penalty", weighed ? penalty : NULL},
                                             {"Paused", pause                             ? "true"
                                                        : req->change == DG_MEMBER_RESUME ? "false"
                                                                                          : NULL},
                                             {"Reason", pause ? req->reason : NULL}},
                                   .then = on_member_changed});
}
