/* str.h - text: comparing, checking, converting. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

bool str_eq(const char *a, const char *b);  /* NULL equals NULL only */
bool str_ieq(const char *a, const char *b); /* ASCII case folded */
bool str_empty(const char *s);              /* NULL or "" */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Takes time that depends on the lengths only, not on the contents. */
bool str_secret_eq(const char *a, size_t a_len, const char *b, size_t b_len);

/* The length of the code point at `s`; 0: ill-formed. */
size_t str_utf8_step(const char *s, size_t len);
bool str_utf8(const char *s, size_t len);          /* well-formed, no NUL */
size_t str_utf8_len(const char *s);                /* code points of well-formed text */
bool str_has_control(const char *s);               /* C0, DEL or C1 control characters */
bool str_is_identifier(const char *s);             /* [A-Za-z_][A-Za-z0-9_]*, at most 80 */
bool str_only(const char *s, const char *allowed); /* every byte is in `allowed` */

/* Strict: the whole text, nothing else. false leaves *out alone. */
bool str_to_int(const char *s, int64_t *out);
bool str_to_ms(const char *s, int64_t *out); /* "250ms" "5s" "2m" "1h" "1d" "0" */
bool str_to_bool(const char *s, bool *out);  /* true/false/1/0/yes/no/on/off, any case */

/* Percent-decoding (RFC 3986). Fails on a bad escape or a NUL. */
bool str_url_decode(const char *s, size_t len, bool plus_is_space, struct buf *out);
/* Everything but unreserved characters is escaped. */
void str_url_encode(const char *s, struct buf *out);

void str_hex(const void *bytes, size_t len, char *out); /* lower case; out holds 2*len+1 */
void str_random_hex(size_t bytes, char *out);           /* from the system's generator */
void str_random(void *out, size_t len);

#endif
