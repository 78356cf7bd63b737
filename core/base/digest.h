/* digest.h - SHA-256, and HMAC with it (RFC 2104). [any thread] */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#define DIGEST_SIZE 65 /* 64 hexadecimal digits and the NUL */

void digest_hex(const void *bytes, size_t len, char out[DIGEST_SIZE]);
void digest_hmac_hex(const char *key, const void *bytes, size_t len, char out[DIGEST_SIZE]);

#endif
