/* mock_ranges.h - sets of mock numbers as stretches of numbers: what a client
 * writes becomes some, and they are added, taken away and looked up. Pure.
 *
 * A number is the same as another when the last seven digits are (phone_key).
 * A set is sorted and nothing is in it twice.
 */
#ifndef DOMAIN_MOCK_RANGES_H
#define DOMAIN_MOCK_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a client writes: "555-0100", or "555-0100:555-0199", each number and all in between. */
struct mock_item {
    uint64_t from, to; /* from > to: none */
    unsigned digits;   /* 0: there was no digit in it */
    bool joined;       /* it was no range, but has a colon */
};
#define MOCK_DIGITS_MAX 18

enum mock_item_fault { MOCK_ITEM_FINE, MOCK_ITEM_COLONS, MOCK_ITEM_LONG };
/* Two ends that are not equally long are one number: the digits of both. */
enum mock_item_fault mock_item_read(const char *text, struct mock_item *out);
uint64_t mock_item_count(const struct mock_item *item);

/* Consecutive keys that were added at once. */
struct mock_range {
    uint32_t first, last; /* phone_keys with the same number of digits */
    unsigned digits;      /* of the whole number, */
    uint64_t prefix;      /* whose digits before the last seven are these */
    int64_t added_ms, expires_ms;
};

struct mock_ranges {
    struct mock_range *list;
    size_t count, size;
};

void mock_ranges_free(struct mock_ranges *r); /* and it is empty then */
/* Adds what the item stands for, at the end. */
void mock_ranges_append(struct mock_ranges *r, const struct mock_item *item, int64_t added_ms,
                        int64_t expires_ms);
void mock_ranges_append_range(struct mock_ranges *r, const struct mock_range *range);
void mock_ranges_sort(struct mock_ranges *r); /* makes a set of what was appended */
size_t mock_ranges_numbers(const struct mock_ranges *r);

/* A new set: `r` without what has expired by now and without what is in `cut`; `add` (NULL: none)
 * in their place. All three are sets. */
struct mock_ranges mock_ranges_combine(const struct mock_ranges *r, const struct mock_ranges *cut,
                                       const struct mock_ranges *add, int64_t now_ms);

/* The one that has the key; NULL: none, or it has expired. */
const struct mock_range *mock_ranges_find(const struct mock_range *list, size_t count, uint32_t key,
                                          int64_t now_ms);

#define MOCK_NUMBER_SIZE 32
/* All digits of the number of a range with this key. */
void mock_range_number(const struct mock_range *r, uint32_t key, char out[MOCK_NUMBER_SIZE]);

#endif
