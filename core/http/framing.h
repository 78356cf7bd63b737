/* framing.h - HTTP/1 requests that two readers may understand differently. [pure] */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

/* `head`: from the request line on, at least up to the empty line. true: more than one
 * Content-Length, Transfer-Encoding or Host, a length beside an encoding, an encoding in HTTP/1.0,
 * or a folded line. A proxy in front of us could see the next request begin elsewhere, or another
 * host (request smuggling): such a request is not to be served. */
bool framing_ambiguous(const char *head, size_t len);

/* Whether the head is complete. */
bool framing_head_complete(const char *head, size_t len);

#endif
