/* device.c - see device.h. */
#include "device.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "text.h"

/* In the order of Asterisk's numbers. */
static const struct {
    const char *ours, *event, *shown;
} states[] = {
    {"unknown", "UNKNOWN", "Unknown"}, {"not in use", "NOT_INUSE", "Not in use"},
    {"in use", "INUSE", "In use"},     {"busy", "BUSY", "Busy"},
    {"invalid", "INVALID", "Invalid"}, {"unavailable", "UNAVAILABLE", "Unavailable"},
    {"ringing", "RINGING", "Ringing"}, {"ringing and in use", "RINGINUSE", "Ring+Inuse"},
    {"on hold", "ONHOLD", "On Hold"},
};
#define STATES (sizeof states / sizeof *states)

const char *device_state(const char *asterisk)
{
    for (size_t i = 0; asterisk && i < STATES; i++)
        if (strcasecmp(asterisk, states[i].event) == 0 ||
            strcasecmp(asterisk, states[i].shown) == 0)
            return states[i].ours;
    return states[0].ours;
}

const char *device_state_number(int number)
{
    return number >= 0 && (size_t)number < STATES ? states[number].ours : states[0].ours;
}

bool device_is_there(const char *state)
{
    return !text_same(state, "unavailable") && !text_same(state, "invalid") &&
           !text_same(state, "unknown");
}

bool device_is_line(const char *device)
{
    static const char *const technologies[] = {"PJSIP/", "SIP/", "IAX2/", "DAHDI/"};
    for (size_t i = 0; device && i < sizeof technologies / sizeof *technologies; i++)
        if (strncmp(device, technologies[i], strlen(technologies[i])) == 0)
            return true;
    return false;
}
