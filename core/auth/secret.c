/* secret.c - a secret must be long, varied and not one out of a manual. */
#include "auth/secret.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

#define BYTES_MIN    32
#define DISTINCT_MIN 16
#define PAIRS_MIN    12

/* Found anywhere in the secret, in any case, "-", "_" and " " alike. */
static const char *const placeholders[] = {
    "change me",    "changeme",    "change this",  "changethis",  "default",
    "example",      "insert your", "password",     "placeholder", "please change",
    "replace me",   "replaceme",   "replace this", "secret key",  "secretkey",
    "super secret", "supersecret", "your key",     "your secret",
};

static char plain(char c)
{
    if (c == '-' || c == '_')
        return ' ';
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool has(const char *secret, const char *word)
{
    for (; *secret; secret++) {
        size_t i = 0;
        while (word[i] && plain(secret[i]) == word[i])
            i++;
        if (!word[i])
            return true;
    }
    return false;
}

static unsigned distinct_bytes(const char *s)
{
    bool seen[256] = {false};
    unsigned count = 0;
    for (; *s; s++) {
        count += !seen[(unsigned char)*s];
        seen[(unsigned char)*s] = true;
    }
    return count;
}

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static unsigned distinct_pairs(const char *hex)
{
    bool seen[256] = {false};
    unsigned count = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        unsigned byte = nibble(hex[0]) << 4 | nibble(hex[1]);
        count += !seen[byte];
        seen[byte] = true;
    }
    return count;
}

/* Good hexadecimal text often lacks one of its 16 digits; there the bytes it stands for count. */
static bool varied(const char *s)
{
    return distinct_bytes(s) >= DISTINCT_MIN ||
           (str_only(s, "0123456789abcdefABCDEF") && distinct_pairs(s) >= PAIRS_MIN);
}

/* "abcdabcdabcd...": no more worth than its first part. */
static bool repeats(const char *s)
{
    size_t len = strlen(s);
    for (size_t period = 1; period <= len / 2; period++)
        if (memcmp(s, s + period, len - period) == 0)
            return true;
    return false;
}

const char *secret_refusal(const char *secret)
{
    if (str_empty(secret))
        return "is not set";
    for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
        if (has(secret, placeholders[i]))
            return "is a placeholder out of a manual";
    if (strlen(secret) < BYTES_MIN)
        return "is shorter than 32 bytes";
    if (!varied(secret) || repeats(secret))
        return "is too uniform";
    return NULL;
}
