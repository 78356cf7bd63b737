/* events_legs.c - the life of a leg (asterisk/life.h) in ARI's words. */
#include <string.h>

#include "asterisk/text.h"
#include "incoming.h"

void on_created(const struct incoming *in)
{
    life_leg(&in->report, &in->seen.call);
}

void on_state(const struct incoming *in)
{
    life_state_seen(&in->report, &in->seen.call);
}

void on_changed(const struct incoming *in)
{
    /* It may come after the end, and must not bring the leg back to life. */
    struct leg *leg = incoming_known(in) ? life_leg(&in->report, &in->seen.call) : NULL;
    if (leg)
        life_show(&in->report, leg, &in->seen.call);
}

void on_hangup_request(const struct incoming *in)
{
    struct leg *leg = incoming_known(in);
    if (leg)
        life_hangup_asked(leg, json_is_true(json_object_get(in->json, "soft")),
                          json_number(in->json, "cause"), json_number(in->json, "tech_cause"));
}

void on_destroyed(const struct incoming *in)
{
    struct ending ending = {.cause = json_number(in->json, "cause"),
                            .sip_code = json_number(in->json, "tech_cause"),
                            .text = json_text(in->json, "cause_txt")};
    /* With "own" the far half of a Local channel can end without having been heard of. */
    if (in->e->own_only && in->id && !legs_find(&in->e->life.legs, in->id) &&
        legs_is_far_half(in->seen.call.name))
        return;
    struct leg *leg = life_ending(&in->report, &in->seen.call, &ending);
    if (leg)
        life_end(&in->report, leg, &ending);
}

void on_dial(const struct incoming *in)
{
    struct snapshot peer;
    snapshot_read(&peer, json_object_get(in->json, "peer"));
    life_dial(&in->report, &peer.call,
              &(struct dial){.caller = json_text(json_object_get(in->json, "caller"), "id"),
                             .string = json_text(in->json, "dialstring"),
                             .status = json_text(in->json, "dialstatus")});
}
