/* contact_center.h - the contact-center API: tokens, single outbound calls and
 * their status, under /api/v2. Errors are {"detail": ...}. */
#ifndef API_CONTACT_CENTER_H
#define API_CONTACT_CENTER_H

#include "api/doc.h"
#include "domain/call.h"
#include "http/request.h"

/* The body of GET status: a calls_render_fn. */
void contact_center_render(const struct call *c, struct buf *out);

route_fn contact_center_token;       /* POST /api/v2/token */
route_fn contact_center_interaction; /* POST /api/v2/interaction/{number} */
route_fn contact_center_call;        /* POST /api/v2/calls */
route_fn contact_center_status;      /* GET of a call, three paths */
route_fn contact_center_hangup;      /* DELETE /api/v2/calls/{call_id} */

extern const struct route_doc contact_center_token_doc, contact_center_interaction_doc,
    contact_center_call_doc, contact_center_status_doc, contact_center_status_calls_doc,
    contact_center_status_interaction_doc, contact_center_hangup_doc;

/* Its envelope, which is the last resort too. */
void contact_center_error(struct request *req, int status, const char *detail);
void contact_center_unauthenticated(struct request *req, bool missing);

#endif
