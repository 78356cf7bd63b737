/* identity_cache.h - identities that were judged a moment ago. [one HTTP thread each]
 *
 * Direct-mapped and of fixed size: an entry is found by a keyed 128-bit tag of
 * the credentials, which are not kept themselves. Nobody without the key can
 * make two credentials share a tag. An entry counts until its time is up by
 * either clock, or until the generation number has moved (revocation).
 */
#ifndef HTTP_IDENTITY_CACHE_H
#define HTTP_IDENTITY_CACHE_H

#include <stdint.h>

#include "base/siphash.h"
#include "dialgate/auth.h"
#include "http/request.h"

/* An identity with its own copies, shared by the cache and the requests of one thread. */
struct known {
    struct identity identity;
    unsigned refs;
};

struct known *known_new(const struct dg_identity *id); /* with one reference */
void known_ref(struct known *k);
void known_unref(struct known *k); /* NULL is fine */

/* Until when an identity judged now may be remembered. */
struct known_until {
    uint64_t mono_ms;
    int64_t unix_ms;
};
/* false: not at all */
bool known_until(const struct dg_identity *id, uint64_t mono_ms, int64_t unix_ms,
                 struct known_until *out);

struct identity_cache;

struct identity_cache *identity_cache_new(size_t entries); /* rounded up to a power of two */
void identity_cache_free(struct identity_cache *c);
/* Lent; NULL: not known, or not any more. */
struct known *identity_cache_get(struct identity_cache *c, struct siphash_tag tag,
                                 uint64_t generation, uint64_t mono_ms, int64_t unix_ms);
/* Takes a reference of its own. */
void identity_cache_put(struct identity_cache *c, struct siphash_tag tag, uint64_t generation,
                        struct known_until until, struct known *k);

#endif
