/* text.h - small helpers of the plugins for Asterisk: growing text, percent-encoding,
 * allocation that ends the process, and the checks of what may go to Asterisk.
 */
#ifndef ASTERISK_TEXT_H
#define ASTERISK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed; never NULL. */
void *text_alloc(size_t size);
char *text_copy(const char *s);               /* NULL stays NULL */
void text_set(char **slot, const char *s);    /* frees what was there; keeps equal text */
bool text_same(const char *a, const char *b); /* NULL and "" are the same */

/* Start with {0}; `at` is NULL or NUL-terminated. */
struct text {
    char *at;
    size_t len, size;
};

void text_add(struct text *t, const char *ptr, size_t len);
void text_puts(struct text *t, const char *s);
/* All but letters, digits and -._~ becomes %XX, so a piece cannot leave its place in a URL. */
void text_encoded(struct text *t, const char *s);
void text_free(struct text *t);

/* "2026-11-21T09:10:48.043+0000" as Unix time; 0: it is none. */
int64_t text_time_ms(const char *stamp);

/* Printable, no control characters, not empty, at most `max` bytes. */
bool text_is_plain(const char *s, size_t max);
/* What may stand in a caller's number: [0-9A-Za-z+*#_.-]. */
bool text_is_number(const char *s);
/* A variable's name, never a dialplan function: [A-Za-z_][A-Za-z0-9_]*. */
bool text_is_variable(const char *s);
/* A file below a folder: no leading "/", no "..", nothing unprintable. */
bool text_is_file(const char *s);
/* One that a recording may have: letters, digits and -._+@=/ */
bool text_is_recording(const char *s);
/* "sound:hello": a kind of media, and what is in a sound's name, a number or a tone; no path out of
 * the folder of sounds. "sound:http://...": see text_is_address. */
bool text_is_media(const char *s);
/* http:// or https://, a host, and the plain characters of a path: nothing that ends an argument of
 * an application. */
bool text_is_address(const char *s);
/* As the core names calls. */
bool text_is_uuid(const char *s);

#endif
