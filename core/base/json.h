/* json.h - JSON: written by our own small writer, read by jansson.
 *
 * The writer adds commas itself; keys are given where an object is open:
 *
 *     jw_object(&w, NULL);
 *     jw_str(&w, "status", "ok");
 *     jw_end(&w);
 *
 * `key` is NULL inside arrays and at the top.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct json_writer {
    struct buf *out;
    uint64_t arrays; /* one bit per depth: array or object */
    unsigned depth;  /* at most 60 */
    bool comma;
};

void jw_init(struct json_writer *w, struct buf *out);
void jw_object(struct json_writer *w, const char *key);
void jw_array(struct json_writer *w, const char *key);
void jw_end(struct json_writer *w);
/* NULL: null; bad UTF-8 becomes U+FFFD */
void jw_str(struct json_writer *w, const char *key, const char *value);
void jw_strn(struct json_writer *w, const char *key, const char *value, size_t len);
void jw_int(struct json_writer *w, const char *key, int64_t value);
void jw_real(struct json_writer *w, const char *key, double value);
void jw_bool(struct json_writer *w, const char *key, bool value);
void jw_null(struct json_writer *w, const char *key);
void jw_raw(struct json_writer *w, const char *key, const char *json, size_t len);
void jw_jansson(struct json_writer *w, const char *key, const json_t *value); /* NULL: null */
/* "2025-10-01T12:00:00.123Z"; 0: null */
void jw_time(struct json_writer *w, const char *key, int64_t unix_ms);

/* Strict UTF-8, no duplicate keys, no trailing bytes, depth at most `max_depth`.
 * NULL: `why` (if given) holds a sentence without the input's text. */
#define JSON_WHY_SIZE 160
json_t *json_parse(const char *text, size_t len, unsigned max_depth, char why[JSON_WHY_SIZE]);

/* Members of an object; NULL, 0, `fallback` when absent or of another type. */
const char *json_get_str(const json_t *object, const char *key);
int64_t json_get_int(const json_t *object, const char *key, int64_t fallback);
bool json_get_bool(const json_t *object, const char *key, bool fallback);

#endif
