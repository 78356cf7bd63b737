/* backoff.c - see backoff.h. */
#include "backoff.h"

#include <openssl/rand.h>

uint64_t backoff_doubled(uint64_t ms, unsigned times, uint64_t most)
{
    while (times-- > 1 && ms < most)
        ms *= 2;
    return ms < most ? ms : most;
}

uint64_t backoff_jitter(uint64_t ms)
{
    uint16_t chance = 0;
    RAND_bytes((unsigned char *)&chance, sizeof chance);
    return ms / 2 + ms / 2 * chance / UINT16_MAX;
}
