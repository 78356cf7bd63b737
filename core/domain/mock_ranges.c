/* mock_ranges.c - arithmetic on stretches of numbers; see mock_ranges.h. */
#include "domain/mock_ranges.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/phone.h"

#define SEVEN_DIGITS 10000000u /* numbers that differ in their last seven digits only */

/* ---- What clients write --------------------------------------------------------------- */

static uint64_t value_of(const char *digits, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (uint64_t)(digits[i] - '0');
    return value;
}

enum mock_item_fault mock_item_read(const char *text, struct mock_item *out)
{
    char digits[MOCK_DIGITS_MAX * 2 + 1];
    const char *colon = strchr(text, ':');
    *out = (struct mock_item){.from = 1};
    if (colon && strchr(colon + 1, ':'))
        return MOCK_ITEM_COLONS;
    size_t all = phone_digits(text, digits, sizeof digits);
    size_t right = colon ? phone_digits(colon + 1, digits, sizeof digits) : 0;
    bool range = colon && right && all == 2 * right;
    if ((range ? right : all) > MOCK_DIGITS_MAX)
        return MOCK_ITEM_LONG;
    phone_digits(text, digits, sizeof digits);
    out->digits = (unsigned)(range ? right : all);
    out->joined = colon && !range && all;
    if (!all)
        return MOCK_ITEM_FINE;
    out->from = value_of(digits, out->digits);
    out->to = range ? value_of(digits + right, right) : out->from;
    return MOCK_ITEM_FINE;
}

uint64_t mock_item_count(const struct mock_item *item)
{
    return item->digits && item->from <= item->to ? item->to - item->from + 1 : 0;
}

/* ---- Lists ---------------------------------------------------------------------------------- */

void mock_ranges_free(struct mock_ranges *r)
{
    free(r->list);
    *r = (struct mock_ranges){0};
}

void mock_ranges_append_range(struct mock_ranges *r, const struct mock_range *range)
{
    if (r->count == r->size) {
        r->size = r->size ? r->size * 2 : 8;
        r->list = xrealloc(r->list, r->size * sizeof *r->list);
    }
    r->list[r->count++] = *range;
}

static uint32_t key_of(uint64_t number, unsigned digits)
{
    unsigned shown = digits < PHONE_KEY_DIGITS ? digits : PHONE_KEY_DIGITS;
    return shown * SEVEN_DIGITS + (uint32_t)(number % SEVEN_DIGITS);
}

/* A stretch that passes a multiple of ten million goes on with other digits in front. */
void mock_ranges_append(struct mock_ranges *r, const struct mock_item *item, int64_t added_ms,
                        int64_t expires_ms)
{
    if (!mock_item_count(item))
        return;
    for (uint64_t from = item->from;;) {
        uint64_t prefix = from / SEVEN_DIGITS, end = prefix * SEVEN_DIGITS + SEVEN_DIGITS - 1;
        uint64_t to = end < item->to ? end : item->to;
        const struct mock_range range = {.first = key_of(from, item->digits),
                                         .last = key_of(to, item->digits),
                                         .digits = item->digits,
                                         .prefix = prefix,
                                         .added_ms = added_ms,
                                         .expires_ms = expires_ms};
        mock_ranges_append_range(r, &range);
        if (to == item->to)
            return;
        from = to + 1;
    }
}

static int by_first(const void *a, const void *b)
{
    const struct mock_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static bool goes_on(const struct mock_range *a, const struct mock_range *b)
{
    return b->first == a->last + 1 && b->first / SEVEN_DIGITS == a->last / SEVEN_DIGITS &&
           a->prefix == b->prefix && a->digits == b->digits && a->added_ms == b->added_ms &&
           a->expires_ms == b->expires_ms;
}

void mock_ranges_sort(struct mock_ranges *r)
{
    size_t kept = 0;
    if (r->count)
        qsort(r->list, r->count, sizeof *r->list, by_first);
    for (size_t i = 0; i < r->count; i++) {
        struct mock_range range = r->list[i];
        struct mock_range *last = kept ? &r->list[kept - 1] : NULL;
        if (last && range.first <= last->last)
            range.first = last->last + 1;
        if (range.first > range.last)
            continue;
        if (last && goes_on(last, &range))
            last->last = range.last;
        else
            r->list[kept++] = range;
    }
    r->count = kept;
}

size_t mock_ranges_numbers(const struct mock_ranges *r)
{
    size_t numbers = 0;
    for (size_t i = 0; i < r->count; i++)
        numbers += r->list[i].last - r->list[i].first + 1;
    return numbers;
}

/* ---- Sets -------------------------------------------------------------------------------------
 */

/* What is left of a range; *at is the first of `cut` that may concern it, and later ones. */
static void append_rest(struct mock_ranges *out, struct mock_range range,
                        const struct mock_ranges *cut, size_t *at)
{
    while (*at < cut->count && cut->list[*at].last < range.first)
        ++*at;
    for (size_t i = *at; i < cut->count && cut->list[i].first <= range.last; i++) {
        struct mock_range before = range;
        if (cut->list[i].first > range.first) {
            before.last = cut->list[i].first - 1;
            mock_ranges_append_range(out, &before);
        }
        if (cut->list[i].last >= range.last)
            return;
        range.first = cut->list[i].last + 1;
    }
    mock_ranges_append_range(out, &range);
}

struct mock_ranges mock_ranges_combine(const struct mock_ranges *r, const struct mock_ranges *cut,
                                       const struct mock_ranges *add, int64_t now_ms)
{
    struct mock_ranges left = {0}, all = {0};
    size_t at = 0, i = 0, k = 0;
    for (size_t n = 0; n < r->count; n++)
        if (r->list[n].expires_ms > now_ms)
            append_rest(&left, r->list[n], cut, &at);
    if (!add)
        return left;
    while (i < left.count || k < add->count) {
        bool from_left =
            k == add->count || (i < left.count && left.list[i].first < add->list[k].first);
        mock_ranges_append_range(&all, from_left ? &left.list[i++] : &add->list[k++]);
    }
    mock_ranges_free(&left);
    return all;
}

const struct mock_range *mock_ranges_find(const struct mock_range *list, size_t count, uint32_t key,
                                          int64_t now_ms)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (list[middle].last < key)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < count && list[low].first <= key && list[low].expires_ms > now_ms;
    return found ? &list[low] : NULL;
}

void mock_range_number(const struct mock_range *r, uint32_t key, char out[MOCK_NUMBER_SIZE])
{
    char seven[PHONE_KEY_DIGITS + 1];
    phone_key_text(key, seven);
    if (r->digits <= PHONE_KEY_DIGITS)
        snprintf(out, MOCK_NUMBER_SIZE, "%s", seven);
    else
        snprintf(out, MOCK_NUMBER_SIZE, "%0*" PRIu64 "%s", (int)r->digits - PHONE_KEY_DIGITS,
                 r->prefix, seven);
}
