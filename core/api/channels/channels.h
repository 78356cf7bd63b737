/* channels.h - every channel of the telephone systems, whoever placed it, under
 * /api/v2/channels. Errors are those of the contact-center API. */
#ifndef API_CHANNELS_H
#define API_CHANNELS_H

#include "api/doc.h"
#include "http/request.h"

route_fn channels_get_list; /* GET /api/v2/channels */
route_fn channels_get_one;  /* GET /api/v2/channels/{channel_id} */

extern const struct route_doc channels_get_list_doc, channels_get_one_doc;

#endif
