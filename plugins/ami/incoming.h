/* incoming.h - one event on its way through the events_*.c files. */
#ifndef AMI_INCOMING_H
#define AMI_INCOMING_H

#include "events.h"
#include "snapshot.h"

struct incoming {
    struct events *e;
    const struct message *m;
    struct snapshot seen; /* the channel of the lines without a prefix; its id may be NULL */
    struct report report;
};

typedef void incoming_fn(const struct incoming *in);

/* Tell the core something about a call: `ev` with type, call and what belongs to it. */
void incoming_emit(const struct incoming *in, struct dg_event ev);
/* The leg of `seen`, as life_later and life_known give it. */
struct leg *incoming_later(const struct incoming *in);
struct leg *incoming_known(const struct incoming *in);

/* events_legs.c */
incoming_fn on_created, on_state, on_changed, on_renamed, on_hangup_request, on_hangup, on_dial,
    on_originate_response;
/* events_media.c */
incoming_fn on_entered, on_left, on_bridge, on_held, on_dtmf, on_variable, on_transfer, on_parked,
    on_endpoint, on_queue, on_device, on_agi;

#endif
