/* id.c - UUIDs of version 7 and 4.
 *
 * One atomic word holds the last version 7's time and, below it, the 12 bits of
 * rand_a as a counter: it starts anywhere in its lower half in each new
 * millisecond and then counts, into the next millisecond if need be (RFC 9562,
 * section 6.2, method 1). So ids rise on all threads, also when the clock is
 * set back. The other 62 bits are random in each.
 */
#include "base/id.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define COUNTER_BITS 12
#define SEED_MASK    0x7ffu

static _Atomic uint64_t last_stamp;

/* ---- Random bits, bought in bulk ---------------------------------------- */

/* After fork(2) the child may not use the bytes its parent will use, too. */
static atomic_uint generation = 1;
static pthread_once_t watch_forks = PTHREAD_ONCE_INIT;

static void forked(void)
{
    atomic_fetch_add(&generation, 1);
}

static void register_forked(void)
{
    pthread_atfork(NULL, NULL, forked);
}

static void random_bytes(unsigned char *out, size_t len)
{
    static _Thread_local struct {
        unsigned char bytes[512];
        size_t left;
        unsigned generation;
    } stock;

    if (stock.generation != atomic_load(&generation) || stock.left < len) {
        pthread_once(&watch_forks, register_forked);
        stock.generation = atomic_load(&generation);
        str_random(stock.bytes, sizeof(stock.bytes));
        stock.left = sizeof(stock.bytes);
    }
    stock.left -= len;
    memcpy(out, stock.bytes + stock.left, len);
    memset(stock.bytes + stock.left, 0, len);
}

/* ---- UUIDs -------------------------------------------------------------- */

/* Sets version and variant and writes the 16 bytes with their dashes. */
static void format(unsigned char b[16], unsigned version, char out[ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    static const unsigned char groups[] = {4, 2, 2, 2, 6};
    b[6] = (unsigned char)((b[6] & 0x0f) | version << 4);
    b[8] = (b[8] & 0x3f) | 0x80;
    for (size_t group = 0; group < sizeof groups; group++) {
        for (const unsigned char *end = b + groups[group]; b < end; b++) {
            *out++ = digits[*b >> 4];
            *out++ = digits[*b & 15];
        }
        *out++ = '-';
    }
    out[-1] = '\0';
}

static uint64_t next_stamp(unsigned seed)
{
    int64_t unix_ms = clock_unix_ms();
    uint64_t now = (uint64_t)(unix_ms > 0 ? unix_ms : 0);
    uint64_t last = atomic_load(&last_stamp), next;
    do {
        bool later = now > last >> COUNTER_BITS;
        next = later ? now << COUNTER_BITS | (seed & SEED_MASK) : last + 1;
    } while (!atomic_compare_exchange_weak(&last_stamp, &last, next));
    return next;
}

void id_uuid7(char out[ID_SIZE])
{
    unsigned char b[16], random[10];
    random_bytes(random, sizeof(random));
    uint64_t stamp = next_stamp((unsigned)random[0] << 8 | random[1]);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(stamp >> (COUNTER_BITS + 40 - 8 * i));
    b[6] = (unsigned char)(stamp >> 8 & 0x0f);
    b[7] = (unsigned char)stamp;
    memcpy(b + 8, random + 2, 8);
    format(b, 7, out);
}

void id_uuid4(char out[ID_SIZE])
{
    unsigned char b[16];
    random_bytes(b, sizeof(b));
    format(b, 4, out);
}

bool id_is_uuid(const char *s)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    if (!s || strnlen(s, ID_SIZE) != ID_SIZE - 1)
        return false;
    for (int i = 0; i < ID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !memchr(hex, s[i], sizeof(hex) - 1))
            return false;
    }
    return true;
}
