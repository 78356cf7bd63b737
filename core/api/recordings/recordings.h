/* recordings.h - what was recorded, below /api/v2/recordings. Errors are those
 * of the contact-center API, {"detail": ...}:
 *
 *   404 no such recording      409 it is still being made
 *   416 the range is not in it  501 its backend cannot do it, and why
 */
#ifndef API_RECORDINGS_H
#define API_RECORDINGS_H

#include "api/doc.h"
#include "http/request.h"

route_fn recordings_get_list; /* GET /api/v2/recordings */
route_fn recordings_get_one;  /* GET /api/v2/recordings/{id} */
route_fn recordings_remove;   /* DELETE of it, by admins */
route_fn recordings_get_file; /* GET /api/v2/recordings/{id}/file */

extern const struct route_doc recordings_get_list_doc, recordings_get_one_doc,
    recordings_remove_doc, recordings_get_file_doc;

#endif
