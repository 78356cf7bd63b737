/* channels.h - every channel of the telephone systems, as it is now: who is
 * in it, and in which state. [control thread, unless said otherwise]
 *
 * Kept current by the events of each backend, and by comparison with its
 * list of calls, which reconcile.c asks for after every link-up and now and
 * then. HTTP threads ask whether a number is in a call without a hop.
 *
 * A backend whose calls are played counts only where it is the configured
 * one: what a stand-in plays is never taken for a call of the PBX. While a
 * link is down, or has not been compared since it came up, its channels are
 * not told as facts, and nothing is said not to exist.
 */
#ifndef DOMAIN_CHANNELS_H
#define DOMAIN_CHANNELS_H

#include "domain/channel_index.h"
#include "loop/loop.h"
#include "plug/backend.h"

struct channels;

struct channels *channels_new(struct loop *loop, unsigned readers);
void channels_free(struct channels *cs); /* when nobody reads any more */

/* ---- Backends --------------------------------------------------------------------- */

/* From now on its channels are followed; again is fine. Before its first event. */
void channels_follow(struct channels *cs, struct instance *in, bool simulated);
/* The configured backend: it must be up for "not found" to be said. */
void channels_use(struct channels *cs, struct instance *in);
void channels_unfollow(struct channels *cs, struct instance *in); /* it is being closed */

void channels_event(struct channels *cs, struct instance *in, const struct dg_event *ev);
void channels_link(struct channels *cs, struct instance *in, enum dg_link link);
/* The list of calls is being asked for; then what came of it, on the same link, with what
 * channels_asked gave. Both do nothing for a backend that is not followed. */
uint64_t channels_asked(struct channels *cs, struct instance *in);
void channels_listed(struct channels *cs, struct instance *in, uint64_t asked,
                     const struct op_result *calls);

/* ---- Asking ------------------------------------------------------------------------- */

/* [reader's thread] See channel_index_find. Digit-free `dialed`: not found, by nobody; digit-free
 * `caller`: as none. */
enum channel_found channels_find(struct channels *cs, unsigned reader, const char *dialed,
                                 const char *caller, char id[DG_ID_MAX + 1]);

/* A channel as it is shown; lent until the next turn. */
struct channel_view {
    const struct dg_call *call; /* complete */
    struct instance *in;
    bool simulated, early;
    uint64_t number; /* the later it was first seen the greater */
};

/* By id, or by the server's name for it. CHANNEL_UNCERTAIN: see above. */
enum channel_found channels_get(struct channels *cs, const char *id_or_name,
                                struct channel_view *out);

/* The newest first. A channel that two backends show is told once. false: it is not known which
 * channels there are. */
struct channels_page {
    uint64_t before; /* only those with a smaller number; 0: all */
    size_t skip, limit;
    size_t total; /* answer: of all channels */
    bool more;    /* answer: there are some behind this page */
};
typedef void channels_fn(void *arg, const struct channel_view *view);
bool channels_list(struct channels *cs, struct channels_page *page, channels_fn *fn, void *arg);

/* Which backend a channel is on: by id or name; of one that is not known the configured one; NULL:
 * there is none. */
struct instance *channels_carrier(struct channels *cs, const char *id_or_name);

#endif
