/* backoff.h - how long to wait before the next attempt. */
#ifndef ASTERISK_BACKOFF_H
#define ASTERISK_BACKOFF_H

#include <stdint.h>

/* `ms`, doubled with each time but the first, up to `most`. */
uint64_t backoff_doubled(uint64_t ms, unsigned times, uint64_t most);
/* Half of it is chance, so that gateways do not come in step. */
uint64_t backoff_jitter(uint64_t ms);

#endif
