/* channel_numbers.c - numbers found in what a channel shows of itself. */
#include "domain/channel_numbers.h"

#include <ctype.h>
#include <string.h>

#include "base/phone.h"
#include "base/str.h"

struct found {
    struct channel_number *list;
    unsigned count;
};

static void add(struct found *f, enum channel_field field, uint32_t key)
{
    if (!key || f->count == CHANNEL_NUMBERS_MAX)
        return;
    for (unsigned i = 0; i < f->count; i++)
        if (f->list[i].key == key && f->list[i].field == field)
            return;
    f->list[f->count++] = (struct channel_number){key, field};
}

/* ---- Text that holds numbers among other things ------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(const char *p)
{
    size_t len = 0;
    while (is_digit(p[len]))
        len++;
    return len;
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid_at(const char *p)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? p[i] != '-' : !isxdigit((unsigned char)p[i]))
            return false;
    }
    return !isxdigit((unsigned char)p[36]);
}

/* What the server puts behind a channel's name to tell it from others: "-0000001f". It counts up
 * from 0 and does not get as far as to begin with another digit, as numbers do. */
static bool is_suffix_at(const char *p)
{
    if (p[0] != '-' || p[1] != '0')
        return false;
    for (size_t i = 2; i <= 8; i++)
        if (!isxdigit((unsigned char)p[i]))
            return false;
    return !isalnum((unsigned char)p[9]);
}

/* "1700000000.12" is a channel's id, or a time. */
static bool is_fraction(const char *run, size_t len)
{
    return run[len] == '.' && is_digit(run[len + 1]);
}

static bool is_below(const char *two, const char *limit)
{
    return memcmp(two, limit, 2) < 0;
}

/* 20261231235959 */
static bool is_time(const char *run, size_t len)
{
    return len == 14 && memcmp(run, "20", 2) == 0 && is_below(run + 4, "13") &&
           is_below(run + 6, "32") && is_below(run + 8, "24") && is_below(run + 10, "60") &&
           is_below(run + 12, "60");
}

static size_t skip_id(const char *p)
{
    if (is_uuid_at(p))
        return 36;
    if (is_suffix_at(p))
        return 9;
    size_t len = digits_at(p);
    if (len && is_fraction(p, len))
        return len + 1 + digits_at(p + len + 1);
    return is_time(p, len) ? len : 0;
}

static void add_runs(struct found *f, enum channel_field field, const char *text)
{
    for (const char *p = text; p && *p;) {
        size_t len = skip_id(p);
        if (!len && is_digit(*p)) {
            len = digits_at(p);
            if (len >= PHONE_KEY_DIGITS)
                add(f, field, phone_key_of(p, len));
        }
        p += len ? len : 1;
    }
}

/* A name is Technology/resource-suffix, of which the resource may be a number, or begin with one
 * ("Local/100@sales"). */
static void add_name(struct found *f, const char *name)
{
    const char *resource = name ? strchr(name, '/') : NULL;
    if (!resource)
        return;
    resource += 1 + (resource[1] == '+');
    size_t len = digits_at(resource);
    char behind = resource[len];
    if (len && (behind == '@' || behind == '\0' || is_suffix_at(resource + len)))
        add(f, CHANNEL_NAME, phone_key_of(resource, len));
    add_runs(f, CHANNEL_NAME, resource);
}

unsigned channel_numbers(const struct dg_call *c, struct channel_number out[CHANNEL_NUMBERS_MAX])
{
    struct found f = {.list = out};
    add(&f, CHANNEL_CALLER, phone_key(c->caller_number));
    add(&f, CHANNEL_CONNECTED, phone_key(c->connected_number));
    add(&f, CHANNEL_CALLEE, phone_key(c->callee_number));
    add(&f, CHANNEL_EXTENSION, phone_key(c->extension));
    add_name(&f, c->name);
    add_runs(&f, CHANNEL_ACCOUNT, c->account);
    add_runs(&f, CHANNEL_DATA, c->application_data);
    return f.count;
}

/* ---- Rules ------------------------------------------------------------------------------ */

bool channel_counts(enum dg_channel_state state, bool early)
{
    switch (state) {
    case DG_CHANNEL_UP:
    case DG_CHANNEL_RINGING:
    case DG_CHANNEL_DIALING:
        return true;
    case DG_CHANNEL_DOWN:
    case DG_CHANNEL_UNKNOWN:
        return early;
    case DG_CHANNEL_BUSY:
    case DG_CHANNEL_RESERVED:
        break;
    }
    return false;
}

bool channel_matches(const struct channel_number *numbers, unsigned count, uint32_t dialed,
                     uint32_t caller)
{
    for (unsigned i = 0; i < count; i++) {
        if (numbers[i].key != dialed)
            continue;
        if (!caller)
            return true;
        for (unsigned k = 0; k < count; k++)
            if (numbers[k].key == caller && numbers[k].field != numbers[i].field)
                return true;
    }
    return false;
}
