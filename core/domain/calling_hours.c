/* calling_hours.c - spans of the week, and whether one is open. */
#include "domain/calling_hours.h"

#include <string.h>

#define DAY_S       86400
#define DAYS_BACK   2 /* a span of the day before yesterday may have ended today */
#define DAYS_AHEAD  8
#define WINDOWS_MAX (CALLING_HOURS_MAX * (DAYS_BACK + DAYS_AHEAD + 1))

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* -1: not a day. `len` letters of `name`. */
static int day_number(const char *name, size_t len)
{
    for (int i = 0; i < 7; i++)
        if (len == 3 && strncmp(name, day_names[i], 3) == 0)
            return i;
    return -1;
}

/* "mon" or "fri-mon", which goes round the end of the week. 0: neither. */
static uint8_t read_days(const char *text)
{
    const char *dash = strchr(text, '-');
    size_t len = dash ? (size_t)(dash - text) : strlen(text);
    int first = day_number(text, len);
    int last = dash ? day_number(dash + 1, strlen(dash + 1)) : first;
    if (first < 0 || last < 0)
        return 0;
    uint8_t days = 0;
    for (int day = first;; day = (day + 1) % 7) {
        days |= (uint8_t)(1u << day);
        if (day == last)
            return days;
    }
}

static uint8_t read_day_list(const json_t *json)
{
    if (json_is_string(json))
        return read_days(json_string_value(json));
    uint8_t days = 0;
    size_t i;
    json_t *item;
    json_array_foreach(json, i, item)
    {
        uint8_t more = json_is_string(item) ? read_days(json_string_value(item)) : 0;
        if (!more)
            return 0;
        days |= more;
    }
    return days;
}

/* "09:30"; -1: not a time of day. */
static int read_time(const json_t *json)
{
    const char *text = json_string_value(json);
    if (!text || strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789") != 2 ||
        strspn(text + 3, "0123456789") != 2)
        return -1;
    int hour = (text[0] - '0') * 10 + text[1] - '0';
    int minute = (text[3] - '0') * 10 + text[4] - '0';
    if (minute > 59 || hour > 24 || (hour == 24 && minute > 0))
        return -1;
    return hour * 3600 + minute * 60;
}

static bool read_span(const json_t *json, size_t index, struct calling_span *span,
                      struct problem *problem)
{
    if (!json_is_object(json)) {
        problem_set(problem, DG_EINVAL, "calling_hours[%zu]: expected an object", index);
        return false;
    }
    const json_t *days = json_object_get(json, "days");
    span->days = days ? read_day_list(days) : 0x7f;
    if (!span->days) {
        problem_set(problem, DG_EINVAL,
                    "calling_hours[%zu].days: expected days like \"mon\" or \"mon-fri\", or a list "
                    "of them",
                    index);
        return false;
    }
    span->from_s = read_time(json_object_get(json, "from"));
    span->to_s = read_time(json_object_get(json, "to"));
    if (span->from_s < 0 || span->from_s == DAY_S || span->to_s < 0) {
        problem_set(problem, DG_EINVAL, "calling_hours[%zu].%s: expected a time like \"09:30\"",
                    index, span->to_s < 0 ? "to" : "from");
        return false;
    }
    if (span->to_s <= span->from_s)
        span->to_s += DAY_S;
    return true;
}

bool calling_hours_read(const json_t *json, struct calling_hours *out, struct problem *problem)
{
    struct calling_hours hours = {.count = 0};
    if (json && !json_is_null(json) && !json_is_array(json)) {
        problem_set(problem, DG_EINVAL, "calling_hours: expected a list");
        return false;
    }
    if (json_array_size(json) > CALLING_HOURS_MAX) {
        problem_set(problem, DG_EINVAL, "calling_hours: at most %d spans", CALLING_HOURS_MAX);
        return false;
    }
    size_t i;
    json_t *item;
    json_array_foreach(
        json, i, item) if (!read_span(item, i, &hours.spans[hours.count++], problem)) return false;
    *out = hours;
    return true;
}

struct window {
    int64_t from, to;
};

/* Every span as it falls on the days around `today`, in no order. */
static size_t windows_around(const struct calling_hours *hours, const struct zone *zone,
                             const struct zone_time *today, struct window *out)
{
    size_t count = 0;
    for (int ahead = -DAYS_BACK; ahead <= DAYS_AHEAD; ahead++) {
        struct zone_day day = zone_add_days(&today->date, ahead);
        unsigned weekday = (unsigned)(today->weekday + ahead + 7) % 7;
        for (size_t i = 0; i < hours->count; i++) {
            const struct calling_span *span = &hours->spans[i];
            if (!(span->days & 1u << weekday))
                continue;
            struct window w = {zone_instant(zone, &day, span->from_s),
                               zone_instant(zone, &day, span->to_s)};
            if (w.from < w.to) /* a change of the clocks may swallow a span */
                out[count++] = w;
        }
    }
    return count;
}

/* Makes `open` as long as the windows that overlap or touch it let it be. */
static void grow(struct window *open, const struct window *windows, size_t count)
{
    for (bool grown = true; grown;) {
        grown = false;
        for (size_t i = 0; i < count; i++) {
            const struct window *w = &windows[i];
            if (w->from > open->to || w->to < open->from)
                continue;
            if (w->from < open->from || w->to > open->to) {
                open->from = w->from < open->from ? w->from : open->from;
                open->to = w->to > open->to ? w->to : open->to;
                grown = true;
            }
        }
    }
}

struct calling_window calling_hours_at(const struct calling_hours *hours, const struct zone *zone,
                                       int64_t unix_s)
{
    if (hours->count == 0)
        return (struct calling_window){true, 0, CALLING_HOURS_NEVER};
    struct zone_time today;
    zone_local(zone, unix_s, &today);
    struct window windows[WINDOWS_MAX];
    size_t count = windows_around(hours, zone, &today, windows);
    struct calling_window at = {false, 0, CALLING_HOURS_NEVER};
    for (size_t i = 0; i < count; i++) {
        struct window w = windows[i];
        if (w.from <= unix_s && unix_s < w.to) {
            grow(&w, windows, count);
            bool always = w.to - unix_s >= (int64_t)7 * DAY_S;
            return (struct calling_window){true, w.from, always ? CALLING_HOURS_NEVER : w.to};
        }
        if (w.from > unix_s && w.from < at.until)
            at.until = w.from;
    }
    return at;
}
