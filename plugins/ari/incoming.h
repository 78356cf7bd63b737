/* incoming.h - one ARI event on its way through the events_*.c files. */
#ifndef ARI_INCOMING_H
#define ARI_INCOMING_H

#include <jansson.h>

#include "events.h"
#include "snapshot.h"

struct incoming {
    struct events *e;
    const json_t *json, *channel;
    const char *id;       /* of `channel`, or NULL */
    struct snapshot seen; /* of `channel` */
    struct report report;
};

void incoming_emit(const struct incoming *in, struct dg_event ev);
bool incoming_is_ours(const struct incoming *in); /* of our own application */
/* The leg of `channel`, as life_later and life_known give it. */
struct leg *incoming_later(const struct incoming *in);
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
