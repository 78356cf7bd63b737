/* settings_private.h - inside of settings: one key's value, and how text becomes one. */
#ifndef PLUG_SETTINGS_PRIVATE_H
#define PLUG_SETTINGS_PRIVATE_H

#include "base/mem.h"
#include "plug/settings.h"

struct value {
    struct dg_cfg_key key;
    bool set;
    int line, column; /* 0: not in the file */
    const char *text; /* STR, SECRET, PATH, JSON */
    int64_t number;   /* INT, MS */
    bool truth;       /* BOOL */
};

struct value_context {
    const struct settings_source *src;
    struct arena *arena;
};

enum value_outcome { VALUE_OK, VALUE_EMPTY, VALUE_BAD };

/* VALUE_EMPTY: variables were expanded and nothing is left, so it counts as unset.
 * VALUE_BAD: `why` says what was found and what was expected. */
enum value_outcome value_from_node(const struct value_context *ctx, const struct toml_node *node,
                                   struct value *v, struct problem *why);
enum value_outcome value_from_text(const struct value_context *ctx, const char *text,
                                   struct value *v, struct problem *why);

#endif
