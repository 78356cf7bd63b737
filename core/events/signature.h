/* signature.h - how a webhook's receiver knows that a delivery is ours, and not an
 * old one sent again: HMAC-SHA256 with the webhook's secret over the time, a
 * point, and the body. [any thread] */
#ifndef EVENTS_SIGNATURE_H
#define EVENTS_SIGNATURE_H

#include "base/digest.h"
#include "dialgate/plugin.h"

#define SIGNATURE_SIZE (3 + DIGEST_SIZE) /* "v1=" and the digits */

void signature_make(const char *secret, int64_t unix_s, struct dg_bytes body,
                    char out[SIGNATURE_SIZE]);

/* When a delivery that has failed so many times is tried again. `random` is any number. */
uint64_t delivery_pause_ms(unsigned failures, uint64_t min_ms, uint64_t max_ms, uint64_t random);

#endif
