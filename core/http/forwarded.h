/* forwarded.h - the client's address behind proxies that are trusted. [pure]
 *
 * A proxy adds the address it was asked from at the end of X-Forwarded-For.
 * What stands there is believed as far as trusted proxies wrote it, from the
 * right; the rest is the client's own word.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

#define ADDRESS_SIZE INET6_ADDRSTRLEN

struct network;

/* "10.0.0.7", "10.0.0.0/8", "fd00::/8", "unix" (the peer of a Unix socket); the list ends with
 * NULL, and so may the result, which lives in the arena. NULL: `problem` names the wrong one. */
const struct network *networks_read(struct arena *arena, const char *const *list,
                                    struct problem *problem);
bool networks_have(const struct network *networks, const char *address);

/* Steps back from `client` over one header's value, the last header first; true: go on with the
 * header before it, for all addresses in this one were trusted. */
bool forwarded_step(const struct network *trusted, const char *value, size_t len,
                    char client[ADDRESS_SIZE]);

#endif
