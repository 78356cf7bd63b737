/* mock.c - a backend without a server: calls that live as configured, for
 * trying the gateway, for tests and for measuring it. */
#include "mock.h"

#include <stdlib.h>

static const struct dg_cfg_key keys[] = {
    {"ring_ms", DG_CFG_MS, "200ms", "from the request to ringing, or to a refusal"},
    {"answer_ms", DG_CFG_MS, "1s", "from ringing to the answer"},
    {"talk_ms", DG_CFG_MS, "30s", "an answered call ends after; 0: stays"},
    {"hangup_ms", DG_CFG_MS, "1s", "outcome \"hangs-up\": the callee ends the call after"},
    {"jitter_ms", DG_CFG_MS, "0", "each of these times is longer by 0 to this, at random"},
    {"seed", DG_CFG_INT, "1", "of the randomness: the same seed, the same calls"},
    {"play_ms", DG_CFG_MS, "1s", "every sound lasts"},
    {"key_ms", DG_CFG_MS, "500ms",
     "whoever presses keys (rules) does so at this pace; a comma among them is a pause"},
    {"queues", DG_CFG_JSON, "[{\"name\":\"support\",\"members\":[\"PJSIP/8001\",\"PJSIP/8002\"]}]",
     "queues and who works in them; a call that goes to an extension of such a name waits there"},
    {"queue_ms", DG_CFG_MS, "2s", "it waits for so long at least, until a member has time"},
    {"detect_ms", DG_CFG_MS, "500ms",
     "so long it takes to tell a person from a machine, and a machine to end its greeting"},
    {"link_delay_ms", DG_CFG_MS, "0", "from opening to being connected"},
    {"rules", DG_CFG_JSON,
     "[{\"suffix\":\"486\",\"outcome\":\"busy\"},{\"suffix\":\"603\",\"outcome\":\"declines\"},"
     "{\"suffix\":\"404\",\"outcome\":\"unknown\"},{\"suffix\":\"503\",\"outcome\":\"congestion\"},"
     "{\"suffix\":\"480\",\"outcome\":\"rings\"},{\"suffix\":\"100\",\"outcome\":\"silent\"},"
     "{\"suffix\":\"183\",\"outcome\":\"early\"},{\"suffix\":\"299\",\"outcome\":\"hangs-up\"},"
     "{\"suffix\":\"622\",\"outcome\":\"answers\",\"amd\":\"machine\"}]",
     "fates by the end of the number, the longest first; all others are answered"},
    {0},
};

static void on_linked(void *arg)
{
    struct mock *m = arg;
    m->link_timer = NULL;
    m->h->link(m->h, DG_LINK_UP, "calls are played, none is real");
}

static void read_times(struct mock *m)
{
    const struct dg_host *h = m->h;
    m->ring_ms = h->cfg_int(h, "ring_ms");
    m->answer_ms = h->cfg_int(h, "answer_ms");
    m->talk_ms = h->cfg_int(h, "talk_ms");
    m->hangup_ms = h->cfg_int(h, "hangup_ms");
    m->jitter_ms = h->cfg_int(h, "jitter_ms");
    m->play_ms = h->cfg_int(h, "play_ms");
    m->key_ms = h->cfg_int(h, "key_ms");
    m->queue_ms = h->cfg_int(h, "queue_ms");
    m->detect_ms = h->cfg_int(h, "detect_ms");
    /* The generator must not begin with nothing. */
    m->random = (uint64_t)h->cfg_int(h, "seed") * 0x9e3779b97f4a7c15u;
    m->random = m->random ? m->random : 1;
}

static void mock_free(struct mock *m)
{
    rules_free(m);
    queues_free(m);
    variables_free(&m->globals);
    index_free(&m->calls);
    index_free(&m->bridges);
    index_free(&m->plays);
    index_free(&m->recordings);
    index_free(&m->stored);
    index_free(&m->queues);
    free(m);
}

static enum dg_err mock_open(const struct dg_host *h, void **self)
{
    struct mock *m = mock_alloc(sizeof(*m));
    m->h = h;
    index_init(&m->calls);
    index_init(&m->bridges);
    index_init(&m->plays);
    index_init(&m->recordings);
    index_init(&m->stored);
    index_init(&m->queues);
    read_times(m);
    if (rules_read(m, h->cfg_str(h, "rules")) != DG_OK ||
        queues_read(m, h->cfg_str(h, "queues")) != DG_OK) {
        mock_free(m);
        return DG_EINVAL;
    }
    int64_t delay_ms = h->cfg_int(h, "link_delay_ms");
    if (delay_ms) {
        h->link(h, DG_LINK_CONNECTING, NULL);
        m->link_timer = h->timer_start(h, (uint64_t)delay_ms, on_linked, m);
    } else {
        on_linked(m);
    }
    *self = m;
    return DG_OK;
}

static void mock_close(void *self, struct dg_op *op)
{
    struct mock *m = self;
    const struct dg_host *h = m->h;
    h->timer_stop(h, m->link_timer);
    plays_free(m);
    recordings_free(m);
    stored_free_all(m);
    for (struct mock_call *c; (c = index_first(&m->calls));)
        call_free(c);
    bridges_free(m);
    mock_free(m);
    h->done(op);
}

static const struct dg_backend backend = {
    DG_SIZED(struct dg_backend),
    .simulated = true,
    .originate = mock_originate,
    .hangup = mock_hangup,
    .answer = mock_answer,
    .ring = mock_ring,
    .hold = mock_hold,
    .mute = mock_mute,
    .moh = mock_moh,
    .dtmf = mock_dtmf,
    .go_to = mock_go_to,
    .transfer = mock_transfer,
    .get_variable = mock_get_variable,
    .set_variable = mock_set_variable,
    .join = mock_join,
    .park = mock_park,
    .parked = mock_parked,
    .play = mock_play,
    .play_stop = mock_play_stop,
    .record = mock_record,
    .record_change = mock_record_change,
    .recordings = mock_recordings,
    .recording_find = mock_recording_find,
    .recording_read = mock_recording_read,
    .recording_delete = mock_recording_delete,
    .bridge_create = mock_bridge_create,
    .bridge_destroy = mock_bridge_destroy,
    .bridge_add = mock_bridge_add,
    .bridge_remove = mock_bridge_remove,
    .calls = mock_calls,
    .bridges = mock_bridges,
    .endpoints = mock_endpoints,
    .queues = mock_queues,
    .members = mock_members,
    .callers = mock_callers,
    .queue_change = mock_queue_change,
    .detect = mock_detect,
};

DG_PLUGIN(.name = "mock", .version = DIALGATE_VERSION,
          .summary = "calls that are played, none is real", .config = keys, .backend = &backend,
          .open = mock_open, .close = mock_close);
