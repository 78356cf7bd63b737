/* clock.h - the two clocks, and how times are written. [any thread] */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t clock_ms(void);     /* monotonic */
uint64_t clock_us(void);     /* monotonic, for measuring */
int64_t clock_unix_ms(void); /* wall time */
int64_t clock_unix_us(void);

/* Tests only: both clocks stand still at the given times until clock_real(). */
void clock_fake(uint64_t mono_ms, int64_t unix_ms);
void clock_real(void);

#define CLOCK_ISO_SIZE 32
/* "2025-10-01T12:00:00.123Z" */
void clock_iso_utc(int64_t unix_ms, char out[CLOCK_ISO_SIZE]);

/* ISO 8601: "2025-10-01", or with a time of day: "T12:00", "T12:00:00", "T12:00:00.123", and then
 * "Z", "+02:00" or nothing, which is UTC. Years 1970 to 9999. *span_ms is what the text stands
 * for: a day, a minute, a second, a millisecond. false leaves both alone. */
bool clock_parse_iso(const char *text, int64_t *unix_ms, int64_t *span_ms);

/* The zone of local times: "UTC", or a name of the system's time zone database. */
bool clock_zone_known(const char *name);
void clock_zone(const char *name); /* before there are other threads */
/* "2025-10-01T12:00:00.123456", in that zone */
void clock_iso_local(int64_t unix_us, char out[CLOCK_ISO_SIZE]);
/* "2025-10-01 12:00:00", in that zone */
void clock_plain_local(int64_t unix_ms, char out[CLOCK_ISO_SIZE]);
/* The same, or its date alone, read in that zone; *span_ms as above. A time that the zone leaves
 * out or has twice is taken for one beside it or for one of the two. */
bool clock_parse_plain(const char *text, int64_t *unix_ms, int64_t *span_ms);

#endif
