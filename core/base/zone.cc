// zone.cc - the library date behind plain C structures.
#include "base/zone.h"

#include <date/tz.h>

#include <chrono>
#include <exception>

namespace
{

const date::time_zone *inside(const struct zone *z)
{
    return reinterpret_cast<const date::time_zone *>(z);
}

date::sys_seconds point(int64_t unix_s)
{
    return date::sys_seconds(std::chrono::seconds(unix_s));
}

date::local_days days_of(const struct zone_day *day)
{
    return date::local_days(date::year(day->year) / day->month / day->day);
}

struct zone_day day_of(date::local_days days)
{
    const date::year_month_day ymd(days);
    return {static_cast<int>(ymd.year()), static_cast<int>(static_cast<unsigned>(ymd.month())),
            static_cast<int>(static_cast<unsigned>(ymd.day()))};
}

} // namespace

const struct zone *zone_find(const char *name)
{
    try {
        return reinterpret_cast<const struct zone *>(date::locate_zone(name));
    } catch (const std::exception &) {
        return nullptr;
    }
}

const char *zone_name(const struct zone *z)
{
    return inside(z)->name().c_str();
}

void zone_local(const struct zone *z, int64_t unix_s, struct zone_time *out)
{
    const date::local_seconds local = inside(z)->to_local(point(unix_s));
    const date::local_days days = date::floor<date::days>(local);
    out->date = day_of(days);
    out->weekday = static_cast<int>(date::weekday(days).iso_encoding()) - 1;
    out->second = static_cast<int>((local - days).count());
}

int64_t zone_instant(const struct zone *z, const struct zone_day *day, int second)
{
    const date::local_seconds local = days_of(day) + std::chrono::seconds(second);
    const date::local_info info = inside(z)->get_info(local);
    if (info.result == date::local_info::nonexistent)
        return info.first.end.time_since_epoch().count();
    return (local.time_since_epoch() - info.first.offset).count();
}

struct zone_day zone_add_days(const struct zone_day *day, int days)
{
    return day_of(days_of(day) + date::days(days));
}
