/* clock.c - the two clocks, and times as text; in UTC without the C library's calendar. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/str.h"

#define DAY_S  86400
#define DAY_MS (DAY_S * 1000)

static atomic_bool faked;
static _Atomic uint64_t fake_mono_ms;
static _Atomic int64_t fake_unix_ms;

static struct timespec now(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t;
}

uint64_t clock_us(void)
{
    if (atomic_load_explicit(&faked, memory_order_acquire))
        return atomic_load(&fake_mono_ms) * 1000;
    struct timespec t = now(CLOCK_MONOTONIC);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_ms(void)
{
    return clock_us() / 1000;
}

int64_t clock_unix_us(void)
{
    if (atomic_load_explicit(&faked, memory_order_acquire))
        return atomic_load(&fake_unix_ms) * 1000;
    struct timespec t = now(CLOCK_REALTIME);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
    return clock_unix_us() / 1000;
}

void clock_fake(uint64_t mono_ms, int64_t unix_ms)
{
    atomic_store(&fake_mono_ms, mono_ms);
    atomic_store(&fake_unix_ms, unix_ms);
    atomic_store_explicit(&faked, true, memory_order_release);
}

void clock_real(void)
{
    atomic_store(&faked, false);
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

struct date {
    int64_t year;
    unsigned month, day;
};

/* The Gregorian date of a day counted from 1970-01-01. Years are taken to begin
 * in March, so that the leap day is the last; 400 of them have 146097 days. */
static struct date date_of_day(int64_t day)
{
    const int64_t era_days = 146097;
    day += 719468; /* from 0000-03-01 */
    int64_t era = (day >= 0 ? day : day - (era_days - 1)) / era_days;
    unsigned in_era = (unsigned)(day - era * era_days);
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0 is March */
    struct date d = {
        .year = (int64_t)year + era * 400 + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = in_year - (153 * month + 2) / 5 + 1,
    };
    return d;
}

static char *put_digits(char *p, unsigned value, int width, char after)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        p[i] = (char)('0' + value % 10);
    p[width] = after;
    return p + width + 1;
}

/* "2025-10-01T12:00:00."; gives where the text goes on. */
static char *put_second(int64_t second, char out[CLOCK_ISO_SIZE])
{
    int64_t day = floor_div(second, DAY_S);
    struct date d = date_of_day(day);
    char *p = out;
    if (d.year >= 0 && d.year <= 9999)
        p = put_digits(p, (unsigned)d.year, 4, '-');
    else
        p += snprintf(p, CLOCK_ISO_SIZE - 20, "%lld-", (long long)d.year);
    unsigned seconds = (unsigned)(second - day * DAY_S);
    p = put_digits(p, d.month, 2, '-');
    p = put_digits(p, d.day, 2, 'T');
    p = put_digits(p, seconds / 3600, 2, ':');
    p = put_digits(p, seconds / 60 % 60, 2, ':');
    return put_digits(p, seconds % 60, 2, '.');
}

/* The second that was written last: most times are now. `len` 0: none yet. */
struct kept_second {
    int64_t second;
    size_t len;
    char text[CLOCK_ISO_SIZE];
};

static char *put_kept_second(struct kept_second *kept, int64_t second, char out[CLOCK_ISO_SIZE])
{
    if (!kept->len || kept->second != second) {
        kept->len = (size_t)(put_second(second, kept->text) - kept->text);
        kept->second = second;
    }
    memcpy(out, kept->text, sizeof kept->text);
    return out + kept->len;
}

void clock_iso_utc(int64_t unix_ms, char out[CLOCK_ISO_SIZE])
{
    static _Thread_local struct kept_second kept;
    int64_t second = floor_div(unix_ms, 1000);
    char *p = put_kept_second(&kept, second, out);
    *put_digits(p, (unsigned)(unix_ms - second * 1000), 3, 'Z') = '\0';
}

/* ---- Reading ------------------------------------------------------------ */

/* `width` digits and what follows them, of which `after` may be "". */
static bool take_digits(const char **p, int width, const char *after, int64_t *out)
{
    int64_t value = 0;
    for (int i = 0; i < width; i++, ++*p) {
        if (**p < '0' || **p > '9')
            return false;
        value = value * 10 + (**p - '0');
    }
    size_t len = strlen(after);
    if (strncmp(*p, after, len) != 0)
        return false;
    *p += len;
    *out = value;
    return true;
}

/* date_of_day the other way round. */
static int64_t day_of_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, in_era = year % 400;
    int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static bool take_date(const char **p, int64_t *unix_ms)
{
    int64_t year, month, day;
    if (!take_digits(p, 4, "-", &year) || !take_digits(p, 2, "-", &month) ||
        !take_digits(p, 2, "", &day) || year < 1970 || month < 1 || month > 12 || day < 1)
        return false;
    int64_t number = day_of_date(year, month, day);
    *unix_ms = number * DAY_MS;
    return date_of_day(number).day == day; /* else there is no such day in that month */
}

static bool take_time(const char **p, int64_t *ms, int64_t *span_ms)
{
    int64_t hour, minute, second = 0, part = 0;
    if (!take_digits(p, 2, ":", &hour) || !take_digits(p, 2, "", &minute))
        return false;
    *span_ms = 60000;
    if (**p == ':') {
        ++*p;
        if (!take_digits(p, 2, "", &second))
            return false;
        *span_ms = 1000;
    }
    if (*span_ms == 1000 && **p == '.') {
        ++*p;
        if (!take_digits(p, 3, "", &part))
            return false;
        *span_ms = 1;
    }
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + part;
    return hour < 24 && minute < 60 && second < 60;
}

static bool take_zone(const char **p, int64_t *ms)
{
    int64_t hour, minute;
    char sign = **p;
    *ms = 0;
    if (sign == '\0')
        return true;
    ++*p;
    if (sign == 'Z')
        return true;
    if ((sign != '+' && sign != '-') || !take_digits(p, 2, ":", &hour) ||
        !take_digits(p, 2, "", &minute) || hour > 23 || minute > 59)
        return false;
    *ms = (hour * 60 + minute) * (sign == '-' ? -60000 : 60000);
    return true;
}

bool clock_parse_iso(const char *text, int64_t *unix_ms, int64_t *span_ms)
{
    const char *p = text;
    int64_t date = 0, time = 0, zone = 0, span = DAY_MS;
    if (!take_date(&p, &date))
        return false;
    if (*p == 'T') {
        p++;
        if (!take_time(&p, &time, &span) || !take_zone(&p, &zone))
            return false;
    }
    if (*p)
        return false;
    *unix_ms = date + time - zone;
    *span_ms = span;
    return true;
}

/* ---- Local times ------------------------------------------------------------ */

bool clock_zone_known(const char *name)
{
    struct stat st;
    char path[256];
    if (str_empty(name) || name[0] == '/' || strstr(name, ".."))
        return false;
    if (str_eq(name, "UTC"))
        return true;
    int len = snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    return len > 0 && (size_t)len < sizeof path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Zones change at full quarters of an hour: the offset of the last one that was asked for, with its
 * number, so that the C library and its lock are asked four times an hour. 0: none yet. */
static _Atomic uint64_t known_offset;
#define QUARTER_S   900
#define OFFSET_BITS 20
#define OFFSET_ZERO (1 << (OFFSET_BITS - 1))

void clock_zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
    atomic_store(&known_offset, 0);
}

static int64_t zone_offset_s(int64_t unix_s)
{
    const uint64_t quarter = (uint64_t)(unix_s / QUARTER_S) << OFFSET_BITS;
    uint64_t known = atomic_load_explicit(&known_offset, memory_order_relaxed);
    if (unix_s >= 0 && known && (known ^ quarter) >> OFFSET_BITS == 0)
        return (int64_t)(known & (2 * OFFSET_ZERO - 1)) - OFFSET_ZERO;
    struct tm tm = {0};
    time_t t = (time_t)unix_s;
    localtime_r(&t, &tm);
    if (unix_s >= 0)
        atomic_store_explicit(&known_offset, quarter | (uint64_t)(tm.tm_gmtoff + OFFSET_ZERO),
                              memory_order_relaxed);
    return tm.tm_gmtoff;
}

void clock_iso_local(int64_t unix_us, char out[CLOCK_ISO_SIZE])
{
    static _Thread_local struct kept_second kept;
    int64_t second = floor_div(unix_us, 1000000);
    char *p = put_kept_second(&kept, second + zone_offset_s(second), out);
    put_digits(p, (unsigned)(unix_us - second * 1000000), 6, '\0');
}

void clock_plain_local(int64_t unix_ms, char out[CLOCK_ISO_SIZE])
{
    clock_iso_local(unix_ms * 1000, out);
    out[10] = ' ';
    out[19] = '\0';
}

bool clock_parse_plain(const char *text, int64_t *unix_ms, int64_t *span_ms)
{
    const char *p = text;
    int64_t date = 0, time = 0, span = DAY_MS;
    if (!take_date(&p, &date))
        return false;
    if (*p == ' ') {
        p++;
        if (!take_time(&p, &time, &span))
            return false;
    }
    if (*p)
        return false;
    const int64_t shown_s = (date + time) / 1000;
    const int64_t near_s = shown_s - zone_offset_s(shown_s);
    *unix_ms = date + time - zone_offset_s(near_s) * 1000;
    *span_ms = span;
    return true;
}
