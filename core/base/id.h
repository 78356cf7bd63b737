/* id.h - names for things: UUIDs (RFC 9562). [any thread] */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>

#define ID_SIZE 37 /* 36 characters and the NUL */

/* Each is greater than the one before, on all threads. 62 random bits and a counter. */
void id_uuid7(char out[ID_SIZE]);
void id_uuid4(char out[ID_SIZE]);
bool id_is_uuid(const char *s);

#endif
