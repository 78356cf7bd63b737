/* clock.h - the two clocks, and how times are written. [any thread] */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_ms(void);     /* monotonic */
uint64_t clock_us(void);     /* monotonic, for measuring */
int64_t clock_unix_ms(void); /* wall time */

/* Tests only: both clocks stand still at the given times until clock_real(). */
void clock_fake(uint64_t mono_ms, int64_t unix_ms);
void clock_real(void);

#define CLOCK_ISO_SIZE 32
/* "2025-10-01T12:00:00.123Z" */
void clock_iso_utc(int64_t unix_ms, char out[CLOCK_ISO_SIZE]);

#endif
