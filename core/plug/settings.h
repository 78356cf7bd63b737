/* settings.h - one table of the configuration, checked against its declared
 * keys. The core's own sections and the plugins' instances use the same.
 *
 * Text values are expanded (base/env.h) and then converted to the declared
 * type. Unknown keys, wrong types and bad values become one problem each,
 * `file:line:column: what, what was expected, what to do`; all are collected,
 * so that an operator sees them at once.
 */
#ifndef PLUG_SETTINGS_H
#define PLUG_SETTINGS_H

#include "base/buf.h"
#include "base/env.h"
#include "base/toml.h"
#include "dialgate/plugin.h"

struct settings;

struct settings_source {
    const char *file; /* for messages */
    const struct env *env;
    struct buf *problems; /* one per line */
    unsigned *count;
};

/* `table` NULL: all defaults. `extra` is a second list of allowed keys, or NULL
 * (an instance may set keys of the core, "plugin" for one). Never NULL; on problems the count
 * grows. */
struct settings *settings_read(const struct settings_source *src, const char *name,
                               const struct toml_node *table, const struct dg_cfg_key *keys,
                               const struct dg_cfg_key *extra);
void settings_free(struct settings *s);
const char *settings_name(const struct settings *s);
bool settings_has(const struct settings *s, const char *key); /* was set, not by default */
/* Asking for an undeclared key, or with the wrong type, ends the process. */
const char *settings_str(const struct settings *s,
                         const char *key); /* "" and unset: NULL for SECRET/STR with fallback "" */
int64_t settings_int(const struct settings *s, const char *key); /* INT, MS */
bool settings_bool(const struct settings *s, const char *key);
/* Whether a key has one value in both, which were read by the same keys. */
bool settings_same(const struct settings *a, const struct settings *b, const char *key);
/* Where a key stands ("conf/dialgate.toml:12"), or its table where it is left out; for problems
 * found later. */
const char *settings_place(const struct settings *s, const char *key, char *out, size_t size);

#endif
