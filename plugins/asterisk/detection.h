/* detection.h - what AMD and WaitForSilence are told, and what they tell. */
#ifndef ASTERISK_DETECTION_H
#define ASTERISK_DETECTION_H

#include "dialgate/backend.h"

#define DETECTION_TEXT 128

/* Asterisk's arguments of AMD: what is 0 is left out. */
const char *detection_arguments(const struct dg_detect *req, char out[DETECTION_TEXT]);
/* Of WaitForSilence; "": it is not waited for. */
const char *detection_silence(const struct dg_detect *req, char out[DETECTION_TEXT]);

/* `status`, `cause` and `wait` as Asterisk's variables have them, or NULL; without a status the
 * cause is why there is none. */
struct dg_event detection_event(const char *call, const char *status, const char *cause,
                                const char *wait);

#endif
