/* phone.h - telephone numbers as clients write them. */
#ifndef BASE_PHONE_H
#define BASE_PHONE_H

#include <stdbool.h>

/* 7 to 20 characters, digits, a "+" only in front. */
bool phone_valid(const char *number);

#endif
