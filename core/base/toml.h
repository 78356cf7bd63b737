/* toml.h - a TOML 1.0 file as a plain tree that knows its lines.
 * The only C++ of the core stands behind it (toml++); no exception passes. */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum toml_kind { TOML_TABLE, TOML_ARRAY, TOML_STR, TOML_INT, TOML_FLOAT, TOML_BOOL, TOML_TIME };

struct toml_node {
    enum toml_kind kind;
    char *key; /* in a table, else NULL */
    int line, column;
    char *text; /* TOML_STR the text; TOML_TIME as RFC 3339 writes it */
    int64_t integer;
    double real;
    bool boolean;
    struct toml_node *items; /* TABLE in the order of lines, ARRAY */
    size_t count;
};

/* NULL: `why` holds "file:line:column: what", cut to its size. Free with toml_free. */
struct toml_node *toml_load(const char *file, char *why, size_t why_size);
void toml_free(struct toml_node *root);
const struct toml_node *toml_get(const struct toml_node *table, const char *key); /* NULL: absent */
const char *toml_kind_name(enum toml_kind kind); /* "a table", "a string", ... */

#ifdef __cplusplus
}
#endif
#endif
