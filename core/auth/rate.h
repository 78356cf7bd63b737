/* rate.h - so many asks per address within a sliding window. [any thread]
 *
 * An IPv6 client owns a /64 at least, so that is what counts as one address.
 * Memory is bounded: above `max_addresses` the address that has been quiet
 * longest is forgotten.
 */
#ifndef AUTH_RATE_H
#define AUTH_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_COUNT_MAX 1000

struct rate_limit {
    unsigned count; /* 1..RATE_COUNT_MAX; 0: no limit */
    uint64_t window_ms;
};

/* "10/60s"; "off" is no limit. */
bool rate_parse(const char *text, struct rate_limit *out);

struct rate;
struct rate *rate_new(const struct rate_limit *limit, size_t max_addresses);
void rate_free(struct rate *r);
/* Another limit, from now on: nobody has asked yet. With the same one nothing changes. */
void rate_set(struct rate *r, const struct rate_limit *limit, size_t max_addresses);
/* Counts this ask if it is allowed. false: *retry_after_s (1 or more) says when the next will be.
 */
bool rate_allow(struct rate *r, const char *peer, unsigned *retry_after_s);
/* The name that it counts an address under: at most RATE_KEY_SIZE - 1 bytes. */
#define RATE_KEY_SIZE 64
void rate_key(const char *peer, char key[RATE_KEY_SIZE]);
/* An ask that was allowed elsewhere, by another gateway: counted, whatever the limit says. */
void rate_count(struct rate *r, const char *key);
size_t rate_addresses(struct rate *r); /* remembered now */

#endif
