/* session.c - see session.h. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "action.h"
#include "ami.h"
#include "rights.h"

struct asked {
    struct entry entry; /* by id */
    struct ami *a;
    char *id, *action;
    struct dg_op *op;
    struct dg_timer *timer;
    entry_fn *on_entry;
    reply_fn *then;
    void *arg;
    bool listing; /* the response has come, its list has not ended */
};

/* ---- How an action ends ----------------------------------------------------------- */

void session_fail(struct ami *a, struct dg_op *op, const struct reply *r)
{
    if (r->message && r->err != DG_EUNSUPPORTED)
        a->h->fail(op, r->err, "AMI error: %s", r->words);
    else
        a->h->fail(op, r->err, "%s", r->words);
}

static void finish(struct ami *a, struct dg_op *op, reply_fn *then, void *arg,
                   const struct reply *r)
{
    if (then)
        then(a, op, r, arg);
    else if (op && r->err)
        session_fail(a, op, r);
    else if (op)
        a->h->done(op);
}

/* Out of the table first: what `then` does may send the next action. */
static void end(struct asked *q, const struct reply *said)
{
    struct ami *a = q->a;
    struct reply r = *said;
    r.sent = true;
    table_take(&a->session.asked, &q->entry);
    if (q->timer)
        a->h->timer_stop(a->h, q->timer);
    finish(a, q->op, q->then, q->arg, &r);
    free(q->id);
    free(q->action);
    free(q);
}

static void on_deadline(void *arg)
{
    struct asked *q = arg;
    char words[120];
    q->timer = NULL;
    snprintf(words, sizeof words, "no answer to %s in time", q->action);
    end(q, &(struct reply){.err = DG_ETIMEOUT, .words = words});
}

/* ---- Sending ------------------------------------------------------------------------- */

static void build(struct action *out, const struct request *r, const char *id)
{
    action_put(out, "Action", r->action);
    action_put(out, "ActionID", id);
    for (size_t i = 0; i < sizeof r->lines / sizeof *r->lines && r->lines[i].key; i++)
        action_put(out, r->lines[i].key, r->lines[i].value);
    for (size_t i = 0; i < r->variable_count; i++)
        action_variable(out, r->variables[i].key, r->variables[i].value);
}

static void remember(struct ami *a, struct dg_op *op, const struct request *r, const char *id)
{
    struct asked *q = text_alloc(sizeof *q);
    *q = (struct asked){.a = a, .op = op, .on_entry = r->entry, .then = r->then, .arg = r->arg};
    q->id = text_copy(id);
    q->action = text_copy(r->action);
    q->entry = (struct entry){.key = q->id, .owner = q};
    table_put(&a->session.asked, &q->entry);
    q->timer = a->h->timer_start(a->h, r->timeout_ms ? r->timeout_ms : a->config.request_ms,
                                 on_deadline, q);
}

/* Why it is not sent, or DG_OK. */
static enum dg_err refusal(const struct ami *a, const struct request *r, const char *id,
                           const char **why)
{
    const struct session *s = &a->session;
    *why = "Unable to connect to AMI";
    if (!s->stream || a->closing || (a->link.state != LINK_UP && !r->early))
        return DG_EUNAVAILABLE;
    *why = "too many actions wait for Asterisk";
    if (s->asked.count >= SESSION_ASKED_MAX)
        return DG_ELIMIT;
    *why = "an action of this id is under way";
    return table_find(&s->asked, id) ? DG_ECONFLICT : DG_OK;
}

void session_send(struct ami *a, struct dg_op *op, const struct request *r)
{
    struct session *s = &a->session;
    struct action out = {0};
    struct reply no = {0};
    char made_up[40];
    snprintf(made_up, sizeof made_up, "dialgate-%llu", (unsigned long long)++s->last_id);
    const char *id = r->id ? r->id : made_up;
    no.err = refusal(a, r, id, &no.words);
    if (!no.err) {
        build(&out, r, id);
        if (!action_end(&out))
            no = (struct reply){.err = DG_EINVAL, .words = out.why};
    }
    if (no.err) {
        finish(a, op, r->then, r->arg, &no);
    } else {
        remember(a, op, r, id);
        a->h->metric_add(a->action_count, 1);
        s->asked_ms = a->h->now_ms(a->h);
        a->h->stream_write(s->stream, (struct dg_bytes){out.bytes.at, out.bytes.len});
    }
    action_free(&out);
}

/* ---- Responses and lists ---------------------------------------------------------------- */

/* What Asterisk's words mean. */
static enum dg_err meaning(const char *words)
{
    static const struct {
        const char *words;
        enum dg_err err;
    } meanings[] = {
        {"Permission denied", DG_EUNSUPPORTED},
        {"Invalid/unknown command", DG_EUNSUPPORTED},
        {"Asterisk is shutting down", DG_EUNAVAILABLE},
        {"No such channel", DG_ENOTFOUND},
        {"Channel not found", DG_ENOTFOUND},
        {"Channel does not exist", DG_ENOTFOUND},
        {"Channel specified does not exist", DG_ENOTFOUND},
        {"Bridge not found", DG_ENOTFOUND},
        {"Specified BridgeUniqueid not found", DG_ENOTFOUND},
        {"Bridge not specified", DG_EINVAL},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strncasecmp(words, meanings[i].words, strlen(meanings[i].words)) == 0)
            return meanings[i].err;
    return DG_EUPSTREAM;
}

static void fail_with(struct asked *q, const struct message *m)
{
    const char *words = message_text(m, "Message");
    char sentence[200];
    struct reply r = {.message = m, .words = words ? words : "no reason given"};
    r.err = meaning(r.words);
    if (strncasecmp(r.words, "Permission denied", 17) == 0) {
        rights_sentence(sentence, sizeof sentence, q->action);
        r.words = sentence;
    } else if (r.err == DG_EUNSUPPORTED) {
        snprintf(sentence, sizeof sentence, "this Asterisk has no %s: its module is not loaded",
                 q->action);
        r.words = sentence;
    }
    end(q, &r);
}

static void on_response(struct ami *a, const struct message *m, struct asked *q)
{
    const char *words = message_text(m, "Message");
    if (!q || q->listing) {
        a->session.late++;
        a->h->metric_add(a->late_count, 1);
        a->h->log(a->h, DG_DEBUG, "a response to nothing that waits: %s", words ? words : "");
        return;
    }
    if (message_is(m, "Response", "Error"))
        fail_with(q, m);
    else if (q->on_entry && message_is(m, "EventList", "start"))
        q->listing = true;
    else
        end(q, &(struct reply){.message = m, .words = words ? words : ""});
}

/* True: it was part of a list, and is done with. */
static bool on_entry(struct ami *a, const struct message *m, struct asked *q)
{
    if (!q || !q->listing)
        return false;
    if (message_is(m, "EventList", "Complete"))
        end(q, &(struct reply){.message = m, .words = ""});
    else if (message_is(m, "EventList", "cancelled"))
        end(q,
            &(struct reply){.err = DG_EUPSTREAM, .message = m, .words = "the list was broken off"});
    else
        q->on_entry(a, q->op, m, q->arg);
    return true;
}

static void on_message(void *arg, const struct message *m)
{
    struct ami *a = arg;
    const char *id = message_text(m, "ActionID");
    struct asked *q = id ? table_find(&a->session.asked, id) : NULL;
    a->h->metric_add(a->message_count, 1);
    if (message_text(m, "Response") && !message_text(m, "Event"))
        on_response(a, m, q);
    else if (message_text(m, "Event") && !on_entry(a, m, q)) {
        control_take(a, m);
        events_take(&a->events, m, a->h->unix_ms(a->h));
    }
}

/* ---- The connection ------------------------------------------------------------------------ */

void session_begin(struct ami *a, banner_fn *banner)
{
    struct session *s = &a->session;
    message_free(&s->parser);
    s->parser = (struct parser){.banner = banner, .message = on_message, .arg = a};
    s->said_skipped = 0;
    s->heard_ms = a->h->now_ms(a->h);
}

void session_take(struct ami *a, struct dg_bytes bytes)
{
    struct session *s = &a->session;
    s->heard_ms = a->h->now_ms(a->h);
    message_feed(&s->parser, bytes.ptr, bytes.len);
    if (s->parser.skipped == s->said_skipped)
        return;
    a->h->metric_add(a->skipped_count, (int64_t)(s->parser.skipped - s->said_skipped));
    if (!s->said_skipped)
        a->h->log(a->h, DG_WARN, "Asterisk sends messages of more than %d KiB or %d lines: skipped",
                  MESSAGE_SIZE_MAX / 1024, MESSAGE_LINES_MAX);
    s->said_skipped = s->parser.skipped;
}

static void end_one(void *arg, void *owner)
{
    end(owner, &(struct reply){.err = DG_EUNAVAILABLE, .words = arg});
}

void session_end(struct ami *a, const char *why)
{
    struct session *s = &a->session;
    char words[300];
    snprintf(words, sizeof words, "%s", why);
    s->parser.stopped = true;
    s->stream = NULL;
    table_each(&s->asked, end_one, words);
}
