/* json.c - reading JSON with jansson, strictly.
 *
 * jansson's own messages quote the text near a fault. What a client sent may be
 * a password, so the sentences here are ours and hold only the place.
 */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

static const char *explain(enum json_error_code code)
{
    switch (code) {
    case json_error_stack_overflow:
        return "nested too deeply";
    case json_error_invalid_utf8:
        return "not valid UTF-8";
    case json_error_premature_end_of_input:
        return "the text ends too early";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "the character U+0000 is not accepted";
    case json_error_duplicate_key:
        return "an object has the same key twice";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "not valid JSON";
    }
}

/* Checked before parsing, for the parser recurses. Only brackets outside of
 * strings count; whether the rest makes sense is the parser's affair. */
static bool depth_within(const char *text, size_t len, unsigned max_depth)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max_depth)
                return false;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return true;
}

json_t *json_parse(const char *text, size_t len, unsigned max_depth, char why[JSON_WHY_SIZE])
{
    json_error_t error;
    if (why)
        why[0] = '\0';
    if (!depth_within(text, len, max_depth)) {
        if (why)
            snprintf(why, JSON_WHY_SIZE, "nested more than %u levels deep", max_depth);
        return NULL;
    }
    /* A NULL text is no document, and jansson would take it for a wrong argument. */
    json_t *value =
        json_loadb(text ? text : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value && why)
        snprintf(why, JSON_WHY_SIZE, "line %d, column %d: %s", error.line, error.column,
                 explain(json_error_code(&error)));
    return value;
}

const char *json_get_str(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t json_get_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}
