/* incoming.h - one ARI event on its way through the events_*.c files. */
#ifndef ARI_INCOMING_H
#define ARI_INCOMING_H

#include <jansson.h>

#include "events.h"

struct incoming {
    struct events *e;
    const json_t *json, *channel;
    const char *id; /* of `channel`, or NULL */
    int64_t at_ms;
    struct dg_bytes raw;
};

/* Fills in size, time and the raw event. */
void incoming_emit(const struct incoming *in, struct dg_event ev);
bool incoming_is_ours(const struct incoming *in); /* of our own application */
/* The leg `channel` is; told to the core if it is new to us. NULL: it has no id, or has ended. */
struct leg *incoming_leg(const struct incoming *in, const json_t *channel);
/* The same for an event that does not tell of a leg's beginning. */
struct leg *incoming_later(const struct incoming *in, const json_t *channel);
/* Only if it is known and lives. */
struct leg *incoming_known(const struct incoming *in);

/* What has a value by its name. */
struct named {
    struct entry entry;
    char *name, *value;
};
void named_put(struct table *t, const char *name, const char *value);
void named_drop(struct table *t, struct named *n);

typedef void incoming_fn(const struct incoming *in);

/* events_legs.c */
incoming_fn on_created, on_state, on_changed, on_hangup_request, on_destroyed, on_dial;
/* events_media.c */
incoming_fn on_stasis_start, on_stasis_end, on_entered, on_left, on_bridge, on_held, on_dtmf,
    on_variable, on_transfer, on_play_finished, on_record_finished;

#endif
