/* rules.c - what the texts of requests may hold. */
#include "api/rules.h"

#include <string.h>

#include "base/phone.h"
#include "base/str.h"
#include "domain/calls.h"

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

#define VALUE_MAX 512

const char *rule_number(const char *name, const char *value)
{
    (void)name;
    return phone_valid(value) ? NULL
                              : "String should match pattern '" NUMBER_PATTERN
                                "' with 7 to 20 characters";
}

const char *rule_context(const char *name, const char *value)
{
    (void)name;
    return str_only(value, LETTERS DIGITS "_-") ? NULL
                                                : "String should match pattern '" CONTEXT_PATTERN
                                                  "'";
}

const char *rule_extension(const char *name, const char *value)
{
    (void)name;
    return str_only(value, LETTERS DIGITS "_.+*#-")
               ? NULL
               : "String should match pattern '" EXTENSION_PATTERN "'";
}

const char *rule_printable(const char *name, const char *value)
{
    (void)name;
    return str_has_control(value) ? "String should not contain control characters" : NULL;
}

const char *rule_digits(const char *name, const char *value)
{
    (void)name;
    return str_only(value, DIGITS "ABCD*#") ? NULL
                                            : "String should match pattern '" DIGITS_PATTERN "'";
}

const char *rule_word(const char *name, const char *value)
{
    (void)name;
    return str_only(value, "abcdefghijklmnopqrstuvwxyz" DIGITS)
               ? NULL
               : "String should match pattern '" WORD_PATTERN "'";
}

static const struct {
    const char *scheme, *allowed;
} media[] = {
    {"sound:", LETTERS DIGITS "_/.-"},
    {"number:", DIGITS},
    {"digits:", DIGITS "ABCD*#"},
    {"tone:", LETTERS DIGITS "_-"},
};

const char *rule_media(const char *name, const char *value)
{
    (void)name;
    for (size_t i = 0; i < sizeof media / sizeof *media; i++) {
        const char *what = value + strlen(media[i].scheme);
        if (!str_starts(value, media[i].scheme))
            continue;
        if (strstr(what, "..") || *what == '/')
            return "A sound is named below the telephone system's own folder of sounds";
        if (*what && str_only(what, media[i].allowed))
            return NULL;
    }
    return "String should match pattern '" MEDIA_PATTERN "'";
}

/* The technologies that have lines; others of Asterisk's record, listen or run things. */
static const char *const technologies[] = {"PJSIP/", "SIP/", "IAX2/", "DAHDI/", "Local/"};

const char *rule_endpoint(const char *name, const char *value)
{
    (void)name;
    for (size_t i = 0; i < sizeof technologies / sizeof *technologies; i++) {
        if (!str_starts(value, technologies[i]))
            continue;
        const char *who = value + strlen(technologies[i]);
        size_t len = strspn(who, LETTERS DIGITS "_.+*#-");
        const char *where = who + len + 1;
        if (len &&
            (!who[len] || (who[len] == '@' && *where && str_only(where, LETTERS DIGITS "_.-"))))
            return NULL;
    }
    return "String should match pattern '" ENDPOINT_PATTERN "'";
}

const char *rule_variable_name(const char *field, const char *name)
{
    (void)field;
    return str_is_identifier(name) ? NULL
                                   : "Variable names should match pattern '" VARIABLE_PATTERN "'";
}

const char *rule_variable(const char *name, const char *value)
{
    const char *why = rule_variable_name(NULL, name);
    if (why)
        return why;
    if (call_variable_reserved(name))
        return "Variable is reserved: Asterisk itself acts on it";
    if (str_has_control(value))
        return "Variable values should not contain control characters";
    if (strlen(value) > VALUE_MAX)
        return "Variable values should have at most 512 bytes";
    return NULL;
}
