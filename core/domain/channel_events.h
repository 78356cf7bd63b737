/* channel_events.h - channels as others are shown them, and what the bus is told of them.
 * [control thread]
 *
 * A channel is told of once it is known which there are: those that are found
 * at a backend's first list were there before, and are not said to have begun.
 */
#ifndef DOMAIN_CHANNEL_EVENTS_H
#define DOMAIN_CHANNEL_EVENTS_H

#include "base/json.h"
#include "domain/channels.h"

struct bus;

/* From now on; NULL: nobody is told any more. */
void channels_tell(struct channels *cs, struct bus *bus);

/* "ringing" */
const char *channel_state_name(const struct channel_view *v);
/* As an object, a member of the one that is open or, `key` NULL, by itself. */
void channel_write(struct json_writer *w, const char *key, const struct channel_view *v);

/* ---- For channels.c: a channel before something was done to it, and what it became ---- */

struct channel_before {
    const char *state;
    char bridge[DG_ID_MAX + 1]; /* "": in none */
};
void channel_before(const struct channel_view *v, struct channel_before *out);
void channel_tell_created(struct bus *bus, const struct channel_view *v);
void channel_tell_changed(struct bus *bus, const struct channel_view *v,
                          const struct channel_before *before);
void channel_tell_ended(struct bus *bus, const struct channel_view *v, int cause);

#endif
