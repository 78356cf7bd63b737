/* recordings.c - MixMonitor: both sides of a call, into a file of Asterisk's
 * monitor folder. While a recording is paused, silence is written.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"

struct recording {
    struct entry entry; /* by the core's id */
    struct ami *a;
    char *id, *call, *file;
    char *monitor; /* Asterisk's id of it */
    struct dg_timer *timer;
};

static void release(struct recording *r)
{
    table_take(&r->a->control.records, &r->entry);
    if (r->timer)
        r->a->h->timer_stop(r->a->h, r->timer);
    free(r->id);
    free(r->call);
    free(r->file);
    free(r->monitor);
    free(r);
}

static void ended(struct recording *r)
{
    control_tell(
        r->a, r->call,
        (struct dg_event){.type = DG_RECORD_ENDED, .target = r->id, .text = r->file, .on = true});
    release(r);
}

/* ---- Its end ------------------------------------------------------------------------------ */

static void on_stopped(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct recording *record = table_find(&a->control.records, arg);
    free(arg);
    /* Refused, it is none any more: its call, or Asterisk, has ended meanwhile. */
    if (record && (!r->err || r->err == DG_ENOTFOUND || r->err == DG_EUPSTREAM))
        ended(record);
    if (op && r->err)
        session_fail(a, op, r);
    else if (op)
        a->h->done(op);
}

static void stop(struct recording *r, struct dg_op *op)
{
    session_send(r->a, op,
                 &(struct request){.action = "StopMixMonitor",
                                   .lines = {{"Channel", r->call}, {"MixMonitorID", r->monitor}},
                                   .then = on_stopped,
                                   .arg = text_copy(r->id)});
}

static void on_long_enough(void *arg)
{
    struct recording *r = arg;
    r->timer = NULL;
    stop(r, NULL);
}

static void end_one(void *arg, void *owner)
{
    const char *call = arg;
    struct recording *r = owner;
    if (!call)
        release(r);
    else if (text_same(call, r->call))
        ended(r);
}

/* It ends with its call; a lost link only takes it out of our hands. */
void records_end(struct ami *a, const char *call)
{
    table_each(&a->control.records, end_one, (void *)call);
}

/* ---- Its beginning --------------------------------------------------------------------------- */

/* Asterisk takes file, options and a command out of one text, apart at the commas: so neither name
 * nor format may have any. */
static bool is_format(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]))
        n++;
    return n && n <= 10 && !s[n];
}

struct starting {
    char *record;
    uint64_t max_ms;
};

static void on_started(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct starting s = *(struct starting *)arg;
    struct recording *record = table_find(&a->control.records, s.record);
    const char *monitor = r->message ? message_text(r->message, "MixMonitorID") : NULL;
    free(s.record);
    free(arg);
    if (r->err) {
        session_fail(a, op, r);
        if (record)
            release(record);
        return;
    }
    if (!record) {
        a->h->fail(op, DG_ENOTFOUND, "the call has ended");
        return;
    }
    record->monitor = text_copy(monitor);
    if (s.max_ms)
        record->timer = a->h->timer_start(a->h, s.max_ms, on_long_enough, record);
    a->h->done(op);
}

static void start(struct ami *a, struct dg_op *op, const struct dg_record *req,
                  struct recording *record)
{
    struct starting *s = text_alloc(sizeof *s);
    *s = (struct starting){text_copy(req->record), req->max_ms};
    record->a = a;
    record->id = text_copy(req->record);
    record->entry = (struct entry){.key = record->id, .owner = record};
    table_put(&a->control.records, &record->entry);
    session_send(a, op,
                 &(struct request){.action = "MixMonitor",
                                   .lines = {{"Channel", record->call},
                                             {"File", record->file},
                                             {"Options", req->beep ? "i(DIALGATE_MIXMONITOR)p"
                                                                   : "i(DIALGATE_MIXMONITOR)"}},
                                   .then = on_started,
                                   .arg = s});
}

void ami_record(void *self, const struct dg_record *req, struct dg_op *op)
{
    struct ami *a = self;
    const char *file = req->file && *req->file ? req->file : req->record;
    const char *format = req->format && *req->format ? req->format : "wav";
    const struct leg *leg = control_leg(a, op, req->on);
    struct text where = {0};
    if (!leg)
        return;
    if (!text_is_recording(file) || !is_format(format)) {
        a->h->fail(op, DG_EINVAL, "a recording's file is letters, digits and - . _ + @ = /");
        return;
    }
    if (table_find(&a->control.records, req->record)) {
        a->h->fail(op, DG_ECONFLICT, "there is a recording of this id");
        return;
    }
    text_puts(&where, file);
    text_puts(&where, ".");
    text_puts(&where, format);
    struct recording *record = text_alloc(sizeof *record);
    record->call = text_copy(leg->id);
    record->file = where.at;
    start(a, op, req, record);
}

void ami_record_change(void *self, const struct dg_record_ref *req, struct dg_op *op)
{
    struct ami *a = self;
    struct recording *r = req->record ? table_find(&a->control.records, req->record) : NULL;
    if (!r) {
        a->h->fail(op, DG_ENOTFOUND, "no such recording under way");
        return;
    }
    if (req->change == DG_RECORD_STOP) {
        stop(r, op);
        return;
    }
    /* Asterisk 16 does not look at the id, and takes all recordings of the call. */
    session_send(a, op,
                 &(struct request){.action = "MixMonitorMute",
                                   .lines = {{"Channel", r->call},
                                             {"Direction", "both"},
                                             {"State", req->change == DG_RECORD_PAUSE ? "1" : "0"},
                                             {"MixMonitorID", r->monitor}}});
}
