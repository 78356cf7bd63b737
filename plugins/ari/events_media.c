/* events_media.c - what happens to a leg that lives: control, bridges, tones,
 * playing and recording.
 */
#include <stdlib.h>
#include <string.h>

#include "asterisk/detection.h"
#include "asterisk/text.h"
#include "incoming.h"
#include "snapshot.h"

static char *joined(const json_t *args, size_t from)
{
    struct text t = {0};
    text_puts(&t, "");
    for (size_t i = from; i < json_array_size(args); i++) {
        const char *arg = json_string_value(json_array_get(args, i));
        if (i > from)
            text_puts(&t, ",");
        text_puts(&t, arg ? arg : "");
    }
    return t.at;
}

void on_stasis_start(const struct incoming *in)
{
    const json_t *args = json_object_get(in->json, "args");
    struct leg *leg = incoming_later(in);
    if (!leg || !incoming_is_ours(in))
        return;
    if (text_same(json_string_value(json_array_get(args, 0)), GO_ON_ARGUMENT)) {
        in->e->sink.arrived(in->e->sink.arg, leg->id, json_string_value(json_array_get(args, 1)),
                            json_string_value(json_array_get(args, 2)),
                            json_string_value(json_array_get(args, 3)));
        return;
    }
    bool back = text_same(json_string_value(json_array_get(args, 0)), DETECT_CONTEXT);
    char *text = back ? NULL : joined(args, 0);
    leg->controlled = true;
    incoming_emit(
        in, (struct dg_event){.type = DG_CALL_CONTROL, .call = leg->id, .on = true, .text = text});
    free(text);
    if (back)
        incoming_emit(in, detection_event(leg->id, json_string_value(json_array_get(args, 1)),
                                          json_string_value(json_array_get(args, 2)),
                                          json_string_value(json_array_get(args, 3))));
}

/* Argument `number` of "app,first,second,..."; false: there is none. */
static bool argument(const char *data, size_t number, char out[DETECTION_TEXT])
{
    for (; data && number; number--) {
        data = strchr(data, ',');
        data += data != NULL;
    }
    size_t len = data ? strcspn(data, ",") : 0;
    out[0] = '\0';
    if (!data || len >= DETECTION_TEXT)
        return false;
    memcpy(out, data, len);
    out[len] = '\0';
    return true;
}

void events_detected_unseen(struct events *e, const char *call, const void *channel_json)
{
    const char *data = json_text(json_object_get(channel_json, "dialplan"), "app_data");
    const struct incoming in = {.e = e, .report = {.life = &e->life}};
    char first[DETECTION_TEXT], texts[3][DETECTION_TEXT];
    if (!argument(data, 1, first) || !text_same(first, DETECT_CONTEXT))
        return;
    for (size_t i = 0; i < 3; i++)
        argument(data, i + 2, texts[i]);
    incoming_emit(&in, detection_event(call, texts[0], texts[1], texts[2]));
}

void on_stasis_end(const struct incoming *in)
{
    struct leg *leg = incoming_known(in);
    if (!leg || !leg->controlled || !incoming_is_ours(in))
        return;
    leg->controlled = false;
    incoming_emit(in, (struct dg_event){.type = DG_CALL_CONTROL, .call = leg->id});
}

static const char *bridge_id(const struct incoming *in)
{
    return json_text(json_object_get(in->json, "bridge"), "id");
}

void on_entered(const struct incoming *in)
{
    struct leg *leg = incoming_later(in);
    const char *bridge = bridge_id(in);
    if (!leg || !bridge)
        return;
    text_set(&leg->bridge, bridge);
    incoming_emit(in, (struct dg_event){
                          .type = DG_CALL_BRIDGED, .call = leg->id, .bridge = bridge, .on = true});
}

void on_left(const struct incoming *in)
{
    struct leg *leg = incoming_known(in);
    const json_t *bridge = json_object_get(in->json, "bridge");
    const char *id = json_text(bridge, "id");
    if (!id)
        return;
    if (leg) {
        if (text_same(leg->bridge, id))
            text_set(&leg->bridge, NULL);
        incoming_emit(in,
                      (struct dg_event){.type = DG_CALL_BRIDGED, .call = leg->id, .bridge = id});
    }
    if (strncmp(id, JOIN_PREFIX, strlen(JOIN_PREFIX)) == 0 &&
        json_array_size(json_object_get(bridge, "channels")) <= 1)
        in->e->sink.lonely(in->e->sink.arg, id);
}

void on_bridge(const struct incoming *in)
{
    bool created = text_same(json_text(in->json, "type"), "BridgeCreated");
    if (bridge_id(in))
        incoming_emit(in, (struct dg_event){.type = created ? DG_BRIDGE_STARTED : DG_BRIDGE_ENDED,
                                            .bridge = bridge_id(in)});
}

void on_held(const struct incoming *in)
{
    struct leg *leg = incoming_later(in);
    if (!leg)
        return;
    leg->held = text_same(json_text(in->json, "type"), "ChannelHold");
    incoming_emit(in, (struct dg_event){.type = DG_CALL_HELD, .call = leg->id, .on = leg->held});
}

void on_dtmf(const struct incoming *in)
{
    struct leg *leg = incoming_later(in);
    const char *digit = json_text(in->json, "digit");
    if (leg && digit)
        incoming_emit(in, (struct dg_event){.type = DG_CALL_DTMF, .call = leg->id, .text = digit});
}

void on_variable(const struct incoming *in)
{
    const char *name = json_text(in->json, "variable"), *value = json_text(in->json, "value");
    if (!in->id || !name || (strcmp(name, "AMDSTATUS") != 0 && strcmp(name, "AMDCAUSE") != 0))
        return;
    incoming_emit(in, (struct dg_event){
                          .type = DG_CALL_VARIABLE, .call = in->id, .text = name, .target = value});
}

void on_transfer(const struct incoming *in)
{
    const json_t *whom = json_object_get(in->json, "transferee");
    const char *exten = json_text(in->json, "exten"), *context = json_text(in->json, "context");
    const char *call = json_text(whom, "id");
    struct text to = {0};
    if (!call)
        call = in->id;
    if (!call || !exten)
        return;
    text_puts(&to, exten);
    text_puts(&to, "@");
    text_puts(&to, context ? context : "");
    incoming_emit(in,
                  (struct dg_event){.type = DG_CALL_TRANSFERRED, .call = call, .target = to.at});
    text_free(&to);
}

/* "channel:ID" or "bridge:ID". A snoop channel of ours, which is then given back, stands for the
 * call that it serves. */
static const char *on_what(const struct incoming *in, struct dg_event *ev, const char *uri)
{
    if (uri && strncmp(uri, "channel:" LIFE_HIDDEN, 8 + strlen(LIFE_HIDDEN)) == 0) {
        const struct named *snoop = table_find(&in->e->snoops, uri + 8);
        ev->call = snoop ? snoop->value : NULL;
        return uri + 8;
    }
    if (uri && strncmp(uri, "channel:", 8) == 0)
        ev->call = uri + 8;
    else if (uri && strncmp(uri, "bridge:", 7) == 0)
        ev->bridge = uri + 7;
    return NULL;
}

static void served(const struct incoming *in, const char *snoop)
{
    if (snoop)
        in->e->sink.served(in->e->sink.arg, snoop);
}

void events_play_over(struct events *e, const char *play)
{
    const struct named *n = table_find(&e->plays, play);
    const struct incoming in = {.e = e, .report = {.life = &e->life}};
    struct dg_event ev = {.type = DG_PLAY_ENDED, .target = play};
    if (!n)
        return;
    const char *snoop = on_what(&in, &ev, n->value);
    incoming_emit(&in, ev);
    served(&in, snoop);
    events_play_refused(e, play);
}

void on_play_finished(const struct incoming *in)
{
    const json_t *play = json_object_get(in->json, "playback");
    struct dg_event ev = {.type = DG_PLAY_ENDED, .target = json_text(play, "id")};
    struct named *stopped = table_find(&in->e->stopped, ev.target);
    const char *snoop = on_what(in, &ev, json_text(play, "target_uri"));
    const struct leg *leg = ev.call ? legs_find(&in->e->life.legs, ev.call) : NULL;
    bool cut = stopped || (leg && leg->hanging_up);
    ev.on = text_same(json_text(play, "state"), "done") && !cut;
    if (text_same(json_text(play, "state"), "failed") && !cut)
        ev.text = "Asterisk could not play it";
    if (ev.target)
        incoming_emit(in, ev);
    if (stopped)
        named_drop(&in->e->stopped, stopped);
    if (ev.target)
        events_play_refused(in->e, ev.target);
    served(in, snoop);
}

void on_record_finished(const struct incoming *in)
{
    const json_t *recording = json_object_get(in->json, "recording");
    const char *file = json_text(recording, "name"), *format = json_text(recording, "format");
    bool failed = text_same(json_text(in->json, "type"), "RecordingFailed");
    struct dg_event ev = {.type = DG_RECORD_ENDED, .target = file};
    struct named *ours = table_find(&in->e->recordings, file);
    struct text where = {0};
    if (!file)
        return;
    if (ours)
        ev.target = ours->value;
    const char *snoop = on_what(in, &ev, json_text(recording, "target_uri"));
    if (!failed) {
        text_puts(&where, file);
        text_puts(&where, ".");
        text_puts(&where, format ? format : "");
        ev.text = where.at;
        ev.on = true;
    }
    incoming_emit(in, ev);
    text_free(&where);
    if (ours)
        named_drop(&in->e->recordings, ours);
    served(in, snoop);
}
