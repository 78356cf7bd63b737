/* phone.h - telephone numbers as clients write them. */
#ifndef BASE_PHONE_H
#define BASE_PHONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 7 to 20 characters, digits, a "+" only in front. */
bool phone_valid(const char *number);

/* What numbers are compared by: the last seven digits, or all of fewer, as one number that tells
 * "0123" from "123". Everything that is no digit is skipped. 0: there is no digit, nothing is
 * equal to that. */
uint32_t phone_key(const char *text);
uint32_t phone_key_of(const char *digits, size_t len); /* of digits alone */
#define PHONE_KEY_DIGITS 7
#define PHONE_KEY_END    80000000u /* all keys are below */
void phone_key_text(uint32_t key, char out[PHONE_KEY_DIGITS + 1]);

/* The digits of `text`; gives how many there are. They end with a NUL, and are cut to what fits. */
size_t phone_digits(const char *text, char *out, size_t size);

#endif
