/* queues.h - queues, who works in them and who waits, below /api/v2/queues; and
 * lines, /api/v2/endpoints. Errors are those of the contact-center API:
 *
 *   404 no such queue, member, line    409 it is a member already, or cannot be removed
 *   501 no backend can tell, and why
 */
#ifndef API_QUEUES_H
#define API_QUEUES_H

#include "api/doc.h"
#include "http/request.h"

route_fn queues_get_list;      /* GET /api/v2/queues */
route_fn queues_get_one;       /* GET /api/v2/queues/{name} */
route_fn queues_add_member;    /* POST /api/v2/queues/{name}/members, by admins */
route_fn queues_change_member; /* PATCH .../members/{interface}, by admins */
route_fn queues_remove_member; /* DELETE of it, by admins */
route_fn endpoints_get_list;   /* GET /api/v2/endpoints */
route_fn endpoints_get_one;    /* GET /api/v2/endpoints/{endpoint} */

extern const struct route_doc queues_get_list_doc, queues_get_one_doc, queues_add_member_doc,
    queues_change_member_doc, queues_remove_member_doc, endpoints_get_list_doc,
    endpoints_get_one_doc;

#endif
