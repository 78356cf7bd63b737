/* phone.c - what counts as a telephone number, and which are the same. */
#include "base/phone.h"

#include <string.h>

#include "base/str.h"

bool phone_valid(const char *number)
{
    if (!number)
        return false;
    size_t len = strnlen(number, 21);
    const char *digits = number + (*number == '+');
    return len >= 7 && len <= 20 && *digits && str_only(digits, "0123456789");
}

/* A key is the number of its digits, then the digits: 4 and 0123 is 40000123. */
#define KEY_BASE 10000000u

uint32_t phone_key_of(const char *digits, size_t len)
{
    uint32_t value = 0, count = len < PHONE_KEY_DIGITS ? (uint32_t)len : PHONE_KEY_DIGITS;
    for (const char *p = digits + len - count; p < digits + len; p++)
        value = value * 10 + (uint32_t)(*p - '0');
    return count * KEY_BASE + value;
}

uint32_t phone_key(const char *text)
{
    char last[PHONE_KEY_DIGITS];
    size_t count = 0;
    for (const char *p = text ? text + strlen(text) : NULL; p && p > text && count < sizeof last;) {
        p--;
        if (*p >= '0' && *p <= '9')
            last[sizeof last - ++count] = *p;
    }
    return phone_key_of(last + sizeof last - count, count);
}

void phone_key_text(uint32_t key, char out[PHONE_KEY_DIGITS + 1])
{
    uint32_t count = key / KEY_BASE, value = key % KEY_BASE;
    out[count] = '\0';
    while (count) {
        out[--count] = (char)('0' + value % 10);
        value /= 10;
    }
}

size_t phone_digits(const char *text, char *out, size_t size)
{
    size_t count = 0;
    for (const char *p = text; p && *p; p++) {
        if (*p < '0' || *p > '9')
            continue;
        if (count + 1 < size)
            out[count] = *p;
        count++;
    }
    out[count < size ? count : size - 1] = '\0';
    return count;
}
