/* zone.h - time zones by name, beside the one the process runs in. [any thread]
 *
 * The rules are those of the system's time zone database (IANA names:
 * "Europe/Berlin", "UTC"), read by the library date. The only C++ behind it
 * stands in zone.cc; no exception passes.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct zone; /* lives as long as the process */

const struct zone *zone_find(const char *name); /* NULL: not known */
const char *zone_name(const struct zone *z);

struct zone_day {
    int year, month, day; /* 1..12, 1..31 */
};

struct zone_time {
    struct zone_day date;
    int weekday; /* 0 Monday .. 6 Sunday */
    int second;  /* of the day, by the clock on the wall: 0..86399 */
};

void zone_local(const struct zone *z, int64_t unix_s, struct zone_time *out);

/* When a wall clock of the zone shows `second` (0..172800; a day or more means the days after) of
 * that day. A time that a change of the clocks leaves out is the moment of the change; one that
 * comes twice is the first of the two. */
int64_t zone_instant(const struct zone *z, const struct zone_day *day, int second);

/* `days` may be negative. */
struct zone_day zone_add_days(const struct zone_day *day, int days);

#ifdef __cplusplus
}
#endif
#endif
