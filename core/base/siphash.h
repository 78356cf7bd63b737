/* siphash.h - SipHash-2-4 (Aumasson and Bernstein, 2012), 64 and 128 bits. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1;
};

struct siphash_tag {
    uint64_t a, b;
};

void siphash_key_random(struct siphash_key *key);
uint64_t siphash64(const struct siphash_key *key, const void *bytes, size_t len);
struct siphash_tag siphash128(const struct siphash_key *key, const void *bytes, size_t len);

#endif
