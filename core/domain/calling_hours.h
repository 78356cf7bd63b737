/* calling_hours.h - when numbers may be called: spans of the week by the clock
 * on the wall of a time zone. [any thread; pure but for zone.h]
 *
 * As JSON: [{"days":"mon-fri","from":"09:00","to":"20:00"},
 *           {"days":["sat"],"from":"10:00","to":"14:00"}]
 * `to` may be "24:00". Where it is not after `from` the span goes past midnight
 * and belongs to the day on which it began. Spans may overlap. No spans at all:
 * always.
 */
#ifndef DOMAIN_CALLING_HOURS_H
#define DOMAIN_CALLING_HOURS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/zone.h"

#define CALLING_HOURS_MAX   28
#define CALLING_HOURS_NEVER INT64_MAX

struct calling_span {
    uint8_t days; /* bit 0 Monday .. bit 6 Sunday */
    int from_s;   /* of the day, 0..86399 */
    int to_s;     /* 1..172800; above 86400: on the day after */
};

struct calling_hours {
    struct calling_span spans[CALLING_HOURS_MAX];
    size_t count; /* 0: always open */
};

/* null is an empty list. false: `problem` names the member that is wrong, *out is as it was. */
bool calling_hours_read(const json_t *json, struct calling_hours *out, struct problem *problem);

struct calling_window {
    bool open;
    int64_t since; /* Unix time at which the window that is open opened; closed: 0 */
    int64_t until; /* when it closes, or opens next; CALLING_HOURS_NEVER: not within a week */
};

/* Windows that touch are one. */
struct calling_window calling_hours_at(const struct calling_hours *hours, const struct zone *zone,
                                       int64_t unix_s);

#endif
