/* signature.c - see signature.h. */
#include "events/signature.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"

void signature_make(const char *secret, int64_t unix_s, struct dg_bytes body,
                    char out[SIGNATURE_SIZE])
{
    struct buf text;
    char digits[DIGEST_SIZE];
    buf_init(&text, BUF_MAX);
    buf_addf(&text, "%" PRId64 ".", unix_s);
    buf_add(&text, body.ptr, body.len);
    digest_hmac_hex(secret, text.ptr, text.len, digits);
    buf_free(&text);
    snprintf(out, SIGNATURE_SIZE, "v1=%s", digits);
}

/* Twice as long each time; a quarter more or less, so that not all come at once. */
uint64_t delivery_pause_ms(unsigned failures, uint64_t min_ms, uint64_t max_ms, uint64_t random)
{
    uint64_t pause = min_ms ? min_ms : 1;
    for (unsigned i = 1; i < failures && pause < max_ms; i++)
        pause *= 2;
    if (pause > max_ms)
        pause = max_ms;
    return pause - pause / 4 + random % (pause / 2 + 1);
}
