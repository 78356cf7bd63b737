/* ami.c - the Asterisk Manager Interface as a backend: descriptor, table, open and close.
 *
 * Begin reading at link.c (the connection), events.c (what Asterisk tells) and
 * session.h (how it is asked). README.md says what is where.
 */
#include "ami.h"

#include <stdlib.h>

#include "asterisk/text.h"

const char *ami_channel(struct ami *a, struct dg_op *op, const char *call)
{
    /* Where a name is wanted, one that begins with a slash is a pattern for many. */
    if (text_is_plain(call, 255) && *call != '/' && *call != ' ')
        return call;
    a->h->fail(op, DG_EINVAL, "the call's id is empty, too long or not printable");
    return NULL;
}

static void on_emit(void *arg, const struct dg_event *ev)
{
    struct ami *a = arg;
    a->h->emit(a->h, ev);
    if (ev->type == DG_CALL_STARTED)
        originate_seen(a, ev->call);
}

static void on_unwanted(void *arg, const char *call)
{
    ami_kill(arg, call);
}

static void open_metrics(struct ami *a)
{
    const struct dg_host *h = a->h;
    a->message_count = h->metric(h, DG_COUNTER, "messages_total", "Messages from Asterisk");
    a->action_count = h->metric(h, DG_COUNTER, "actions_total", "Actions sent to Asterisk");
    a->skipped_count =
        h->metric(h, DG_COUNTER, "messages_skipped_total", "Messages that were too large");
    a->late_count =
        h->metric(h, DG_COUNTER, "responses_late_total", "Responses to nothing that waited");
    a->connect_count = h->metric(h, DG_COUNTER, "connects_total", "Times the link came up");
}

static enum dg_err ami_open(const struct dg_host *h, void **self)
{
    struct ami *a = text_alloc(sizeof *a);
    const char *why = NULL;
    a->h = h;
    if (!config_read(&a->config, h, &why)) {
        h->log(h, DG_ERROR, "%s", why);
        free(a);
        return DG_EINVAL;
    }
    a->events.life.emit = on_emit;
    a->events.life.unwanted = on_unwanted;
    a->events.life.arg = a;
    a->events.sink = (struct events_sink){
        .originated = originate_response,
        .unsettled = calls_unsettled,
        .proven = link_proven,
        .booted = link_booted,
        .shutdown = link_shutdown,
        .arg = a,
    };
    open_metrics(a);
    if (a->config.recordings && *a->config.recordings)
        a->folder = folder_new(h, a->config.recordings);
    link_start(a);
    *self = a;
    return DG_OK;
}

static void ami_close(void *self, struct dg_op *op)
{
    struct ami *a = self;
    a->closing = true;
    link_close(a, op);
}

static const struct dg_backend backend = {
    DG_SIZED(struct dg_backend),
    .originate = ami_originate,
    .hangup = ami_hangup,
    .answer = heard_answer,
    .hold = heard_hold,
    .mute = ami_mute,
    .moh = heard_moh,
    .dtmf = ami_dtmf,
    .go_to = ami_go_to,
    .transfer = heard_transfer,
    .get_variable = ami_get_variable,
    .set_variable = ami_set_variable,
    .join = heard_join,
    .park = heard_park,
    .parked = ami_parked,
    .play = heard_play,
    .play_stop = ami_play_stop,
    .record = heard_record,
    .record_change = ami_record_change,
    .calls = ami_calls,
    .bridges = ami_bridges,
    .endpoints = ami_endpoints,
    .recordings = ami_recordings,
    .recording_find = ami_recording_find,
    .recording_read = ami_recording_read,
    .recording_delete = ami_recording_delete,
    .queues = ami_queues,
    .members = ami_members,
    .callers = ami_callers,
    .queue_change = ami_queue_change,
    .native = ami_native,
    .detect = heard_detect,
};

DG_PLUGIN(.name = "ami", .version = DIALGATE_VERSION,
          .summary = "Asterisk 16 to 22 by its manager interface (AMI)", .config = config_keys,
          .backend = &backend, .open = ami_open, .close = ami_close);
