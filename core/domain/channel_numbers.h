/* channel_numbers.h - the telephone numbers that mean something in a channel:
 * by these it is found. Pure. [any thread]
 *
 * Of fields that hold a number it is the number, however it is written and
 * however short. Of a channel's name, its account and its application's data
 * it is every run of at least seven digits that is neither part of an id nor
 * of a time, and a name's "100" of "PJSIP/100-00000001".
 */
#ifndef DOMAIN_CHANNEL_NUMBERS_H
#define DOMAIN_CHANNEL_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "dialgate/backend.h"

enum channel_field {
    CHANNEL_CALLER,
    CHANNEL_CONNECTED,
    CHANNEL_CALLEE,
    CHANNEL_EXTENSION,
    CHANNEL_NAME,
    CHANNEL_ACCOUNT,
    CHANNEL_DATA,
};

struct channel_number {
    uint32_t key; /* phone_key */
    enum channel_field field;
};

#define CHANNEL_NUMBERS_MAX 20

/* In the order of the fields, none twice; gives how many. */
unsigned channel_numbers(const struct dg_call *c, struct channel_number out[CHANNEL_NUMBERS_MAX]);

/* Is this a call that is up, or on its way? `early`: it has early media. */
bool channel_counts(enum dg_channel_state state, bool early);

/* One of the numbers is `dialed`, and one of another field is `caller` (0: any will do). */
bool channel_matches(const struct channel_number *numbers, unsigned count, uint32_t dialed,
                     uint32_t caller);

#endif
