/* device.h - Asterisk's states of devices, as backend.h has them. */
#ifndef ASTERISK_DEVICE_H
#define ASTERISK_DEVICE_H

#include <stdbool.h>

/* "NOT_INUSE", "Not in use" or "Ring+Inuse" as one of the texts of dg_endpoint.state. */
const char *device_state(const char *asterisk);
const char *device_state_number(int number); /* of a queue's member */
bool device_is_there(const char *state);     /* one of those texts: it can be rung */
bool device_is_line(const char *device);     /* "PJSIP/100": not half of a Local channel */

#endif
