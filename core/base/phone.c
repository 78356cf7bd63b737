/* phone.c - what counts as a telephone number. */
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
