/* either.h - to play on or to record what may be a call or a bridge, and a call
 * that may be ours or run in the dialplan: what ARI refuses for such a call is
 * done by a snoop channel, which lives as long as it is needed and is shown to
 * nobody (LIFE_HIDDEN).
 */
#ifndef ARI_EITHER_H
#define ARI_EITHER_H

#include "rest.h"

struct either {
    struct rest_call rest; /* POST of channels/ON/...; its texts are those below */
    char *on, *id, *texts[3];
    char *record;              /* the core's id, when it is a recording */
    const char *spy, *whisper; /* of the snoop channel */
    bool direct;               /* the call itself is asked first */
    char *snoop;
    unsigned tries;
    enum { EITHER_CALL, EITHER_SNOOP, EITHER_BRIDGE } step;
};

struct either *either_new(const char *on, const char *id);
/* Ends `op`, and frees it. */
void either_send(struct ari *a, struct dg_op *op, struct either *e);
/* What a snoop channel was there for is done. */
void either_served(struct ari *a, const char *snoop);

#endif
