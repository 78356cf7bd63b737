/* mobile_dialer.h - the mobile-dialer API: is a number in a call, end that
 * call, and numbers that only seem to be in one. Errors are {"detail": ...}.
 *
 * A request without the header X-API-Key is a 422 beside whatever else is
 * wrong with it; a wrong key is a 401 before anything else is looked at.
 */
#ifndef API_MOBILE_DIALER_H
#define API_MOBILE_DIALER_H

#include "api/doc.h"
#include "http/request.h"

route_fn mobile_check_connection; /* GET /check-connection */
route_fn mobile_mock_connect;     /* POST /mock-connect */
route_fn mobile_mock_status;      /* GET /mock-status */
route_fn mobile_clear_mocks;      /* DELETE /clear-mocks */
route_fn mobile_disconnect_call;  /* POST and DELETE /disconnect-call */

extern const struct route_doc mobile_check_connection_doc, mobile_mock_connect_doc,
    mobile_mock_status_doc, mobile_clear_mocks_doc, mobile_disconnect_call_doc,
    mobile_disconnect_call_delete_doc;

/* Its envelope. */
void mobile_error(struct request *req, int status, const char *detail);
void mobile_unauthenticated(struct request *req, bool missing);

#endif
