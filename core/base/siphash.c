/* siphash.c - SipHash-2-4 with 64 and 128 bits of output. */
#include "base/siphash.h"

#include <string.h>

#include "base/str.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t little_endian(const unsigned char *p, size_t len)
{
    uint64_t word = 0;
    if (len == 8) {
        memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        return word;
    }
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

static void rounds(struct state *s, int count)
{
    while (count--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static void absorb(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

/* The state after all input; `wide` is what sets the 128-bit variant apart. */
static struct state digest(const struct siphash_key *key, const void *bytes, size_t len,
                           uint64_t wide)
{
    struct state s = {
        key->k0 ^ 0x736f6d6570736575,
        key->k1 ^ 0x646f72616e646f6d ^ wide,
        key->k0 ^ 0x6c7967656e657261,
        key->k1 ^ 0x7465646279746573,
    };
    const unsigned char *p = bytes;
    size_t left = len;
    for (; left >= 8; left -= 8, p += 8)
        absorb(&s, little_endian(p, 8));
    absorb(&s, (uint64_t)len << 56 | little_endian(p, left));
    return s;
}

static uint64_t squeeze(struct state *s)
{
    rounds(s, 4);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

void siphash_key_random(struct siphash_key *key)
{
    str_random(key, sizeof(*key));
}

uint64_t siphash64(const struct siphash_key *key, const void *bytes, size_t len)
{
    struct state s = digest(key, bytes, len, 0);
    s.v2 ^= 0xff;
    return squeeze(&s);
}

struct siphash_tag siphash128(const struct siphash_key *key, const void *bytes, size_t len)
{
    struct state s = digest(key, bytes, len, 0xee);
    struct siphash_tag tag;
    s.v2 ^= 0xee;
    tag.a = squeeze(&s);
    s.v1 ^= 0xdd;
    tag.b = squeeze(&s);
    return tag;
}
