/* events_legs.c - the life of a leg (asterisk/life.h) in the manager's words.
 *
 * Events about one call come in varying order: the end (Hangup) may be told
 * before what made it end (DialEnd, OriginateResponse). While the end alone
 * does not say why, the leg is held for a moment, `ending`.
 */
#include <string.h>

#include "asterisk/text.h"
#include "incoming.h"

enum { REASON_TIMEOUT = 3 }; /* of OriginateResponse; 0 and 4 say nothing new */

void on_created(const struct incoming *in)
{
    struct dg_call seen = in->seen.call;
    seen.started_at_ms = in->report.at_ms;
    struct leg *leg = life_leg(&in->report, &seen);
    if (!leg)
        return;
    if (!leg->started_at_ms)
        leg->started_at_ms = seen.started_at_ms;
    text_set(&leg->language, message_text(in->m, "Language"));
}

void on_state(const struct incoming *in)
{
    life_state_seen(&in->report, &in->seen.call);
}

void on_changed(const struct incoming *in)
{
    /* It may come after the end, and must not bring the leg back to life. */
    struct leg *leg = incoming_known(in) ? life_leg(&in->report, &in->seen.call) : NULL;
    if (!leg)
        return;
    if (in->seen.call.application) {
        text_set(&leg->application, in->seen.call.application);
        text_set(&leg->application_data, in->seen.call.application_data);
    }
    life_show(&in->report, leg, &in->seen.call);
}

void on_renamed(const struct incoming *in)
{
    struct leg *leg = incoming_known(in);
    if (leg)
        legs_name(&in->e->life.legs, leg, message_text(in->m, "Newname"));
}

void on_hangup_request(const struct incoming *in)
{
    struct leg *leg = incoming_known(in);
    if (leg)
        life_hangup_asked(leg, message_is(in->m, "Event", "SoftHangupRequest"),
                          message_number(in->m, "Cause"), message_number(in->m, "TechCause"));
}

/* ---- The end ------------------------------------------------------------------------ */

static void settle(const struct report *r, struct leg *leg)
{
    leg->ending = false;
    life_end(r, leg, &(struct ending){.cause = leg->fate.cause});
}

static void unsettled(const struct incoming *in, struct leg *leg)
{
    if (leg->ending)
        return;
    leg->ending = true;
    in->e->sink.unsettled(in->e->sink.arg, leg->id);
}

void on_hangup(const struct incoming *in)
{
    struct ending ending = {.cause = message_number(in->m, "Cause"),
                            .sip_code = message_number(in->m, "TechCause"),
                            .text = message_text(in->m, "Cause-txt")};
    struct leg *leg = life_ending(&in->report, &in->seen.call, &ending);
    if (!leg || leg->ended)
        return;
    if (fate_is_known(&leg->fate)) {
        leg->ending = false;
        life_end(&in->report, leg, &ending);
    } else {
        unsettled(in, leg);
    }
}

void on_dial(const struct incoming *in)
{
    struct snapshot dialled;
    const char *status = message_text(in->m, "DialStatus");
    snapshot_read(&dialled, in->m, "Dest");
    life_dial(&in->report, &dialled.call,
              &(struct dial){.caller = in->seen.call.id,
                             .string = snapshot_text(in->m, "", "DialString"),
                             .status = status});
    struct leg *leg = dialled.call.id ? legs_find(&in->e->life.legs, dialled.call.id) : NULL;
    if (leg && leg->ending && fate_is_known(&leg->fate))
        settle(&in->report, leg);
}

/* It was accepted, and then Asterisk could not even make the channel; or its events have been
 * overtaken. */
static void never_was(const struct incoming *in, struct leg *leg)
{
    struct dg_call seen = {DG_SIZED(struct dg_call), .id = leg->id, .state = DG_CHANNEL_DOWN};
    life_show(&in->report, leg, &seen);
    unsettled(in, leg);
}

void on_originate_response(const struct incoming *in)
{
    const char *id = message_text(in->m, "ActionID");
    if (!id)
        return;
    if (strncmp(id, EVENTS_PROOF, strlen(EVENTS_PROOF)) == 0) {
        in->e->sink.proven(in->e->sink.arg, id);
        return;
    }
    struct leg *leg = legs_find(&in->e->life.legs, id);
    bool success = message_is(in->m, "Response", "Success");
    bool timed_out = !success && message_number(in->m, "Reason") == REASON_TIMEOUT;
    if (leg && timed_out && !leg->fate.answered && !leg->fate.status)
        leg->fate.status = DIAL_NO_ANSWER;
    in->e->sink.originated(in->e->sink.arg, id, success);
    leg = legs_find(&in->e->life.legs, id);
    if (leg && leg->ending && fate_is_known(&leg->fate))
        settle(&in->report, leg);
    else if (leg && !success && !leg->started && !leg->expected)
        never_was(in, leg);
}

void events_settle(struct events *e, const char *call, int64_t now_ms)
{
    struct leg *leg = legs_find(&e->life.legs, call);
    if (leg && leg->ending)
        settle(&(struct report){.life = &e->life, .at_ms = now_ms}, leg);
}
