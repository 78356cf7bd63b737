/* stand_in.h - the applications of other gateways on this Asterisk that have
 * died: their event sockets, held for them while their calls last.
 *
 * Channels are seen by our own application. What only theirs is told is that a
 * call of theirs has been answered and waits in Stasis (it would be hung up if
 * nobody were there), and that it has left. When the gateway is back, its own
 * socket takes the place of ours, which then stays closed.
 */
#ifndef ARI_STAND_IN_H
#define ARI_STAND_IN_H

#include "dialgate/backend.h"

struct ari;

void ari_stand_in(void *self, const struct dg_stand_in *req, struct dg_op *op);
void stand_ins_leave(struct ari *a); /* closing: with the handshake */
void stand_ins_free(struct ari *a);  /* what is left of them */

#endif
