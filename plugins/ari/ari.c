/* ari.c - the Asterisk REST Interface as a backend: descriptor, table, open and close.
 *
 * Begin reading at link.c (the connection), events.c (what Asterisk tells) and
 * rest.h (how it is asked). README.md says what is where.
 */
#include "ari.h"
#include "either.h"
#include "stand_in.h"

#include <stdlib.h>

static void sink_emit(void *arg, const struct dg_event *ev)
{
    struct ari *a = arg;
    a->h->emit(a->h, ev);
}

static void sink_beat(void *arg, const char *token, int64_t at_ms)
{
    link_beat(arg, token, at_ms);
}

static void sink_replaced(void *arg)
{
    link_replaced(arg);
}

static void sink_unwanted(void *arg, const char *call)
{
    ari_kill(arg, call);
}

static void sink_arrived(void *arg, const char *call, const char *context, const char *extension,
                         const char *priority)
{
    ari_go_on(arg, call, context, extension, priority);
}

static void sink_lonely(void *arg, const char *bridge)
{
    ari_bridge_dissolve(arg, bridge);
}

static void sink_served(void *arg, const char *snoop)
{
    either_served(arg, snoop);
}

static void open_metrics(struct ari *a)
{
    const struct dg_host *h = a->h;
    a->event_count = h->metric(h, DG_COUNTER, "events_total", "Messages of the event socket");
    a->request_count = h->metric(h, DG_COUNTER, "requests_total", "Requests sent to ARI");
    a->retry_count = h->metric(h, DG_COUNTER, "retries_total", "Originates sent again");
    a->reconnect_count = h->metric(h, DG_COUNTER, "connects_total", "Times the link came up");
}

static enum dg_err ari_open(const struct dg_host *h, void **self)
{
    struct ari *a = calloc(1, sizeof *a);
    const char *why = NULL;
    if (!a)
        abort();
    a->h = h;
    if (!config_read(&a->config, h, &why)) {
        h->log(h, DG_ERROR, "%s", why);
        free(a);
        return DG_EINVAL;
    }
    a->events.app = a->config.app;
    a->events.own_only = a->config.own_only;
    a->events.life.emit = sink_emit;
    a->events.life.unwanted = sink_unwanted;
    a->events.life.arg = a;
    a->events.sink = (struct events_sink){
        .beat = sink_beat,
        .replaced = sink_replaced,
        .arrived = sink_arrived,
        .lonely = sink_lonely,
        .served = sink_served,
        .arg = a,
    };
    open_metrics(a);
    if (a->config.recordings)
        a->folder = folder_new(h, a->config.recordings);
    link_start(a);
    *self = a;
    return DG_OK;
}

static void ari_close(void *self, struct dg_op *op)
{
    struct ari *a = self;
    a->closing = true;
    ari_originates_end(a);
    rest_close(a);
    stand_ins_leave(a);
    link_close(a, op);
}

/* What ARI has no word for stays NULL: parking, queues, transfers of a leg that is in the
 * dialplan. */
static const char *const controlled[] = {"hold",  "mute",       "moh",           "dtmf",
                                         "go_to", "ring",       "answer",        "set_variable",
                                         "join",  "bridge_add", "bridge_remove", NULL};

static const struct dg_backend backend = {
    DG_SIZED(struct dg_backend),
    .needs_control = controlled,
    .originate = ari_originate,
    .hangup = ari_hangup,
    .answer = ari_answer,
    .ring = ari_ring,
    .hold = ari_hold,
    .mute = ari_mute,
    .moh = ari_moh,
    .dtmf = ari_dtmf,
    .go_to = ari_go_to,
    .get_variable = ari_get_variable,
    .set_variable = ari_set_variable,
    .join = ari_join,
    .play = ari_play,
    .play_stop = ari_play_stop,
    .record = ari_record,
    .record_change = ari_record_change,
    .snoop = ari_snoop,
    .bridge_create = ari_bridge_create,
    .bridge_destroy = ari_bridge_destroy,
    .bridge_add = ari_bridge_add,
    .bridge_remove = ari_bridge_remove,
    .calls = ari_calls,
    .bridges = ari_bridges,
    .endpoints = ari_endpoints,
    .recordings = ari_recordings,
    .recording_find = ari_recording_find,
    .recording_read = ari_recording_read,
    .recording_delete = ari_recording_delete,
    .native = ari_native,
    .detect = ari_detect,
    .stand_in = ari_stand_in,
};

DG_PLUGIN(.name = "ari", .version = DIALGATE_VERSION,
          .summary = "Asterisk 16 to 22 by its REST interface (ARI)", .config = config_keys,
          .backend = &backend, .open = ari_open, .close = ari_close);
