/* settings.c - a table of the configuration against its declared keys. */
#include "plug/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "plug/settings_private.h"

struct settings {
    struct arena *arena;
    const char *name, *file;
    int line; /* of the table; 0: there is none */
    struct value *values;
    size_t count;
};

static struct value *find(const struct settings *s, const char *key)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_eq(s->values[i].key.name, key))
            return &s->values[i];
    return NULL;
}

/* ---- Problems -------------------------------------------------------------- */

static void complain(const struct settings_source *src, const struct settings *s, const char *key,
                     int line, int column, const char *what, const char *advice)
{
    ++*src->count;
    buf_addf(src->problems, "%s:%d:%d: %s.%s: %s; %s\n", s->file, line ? line : 1,
             column ? column : 1, s->name, key, what, advice);
}

/* How many single letters are to be changed to come from one word to the other. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1], la = strlen(a), lb = strlen(b);
    if (la > LONGEST || lb > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > row[j - 1] + 1)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[lb];
}

static void complain_unknown(const struct settings_source *src, const struct settings *s,
                             const struct toml_node *node)
{
    const char *near = NULL;
    size_t best = 3;
    struct buf advice;
    buf_init(&advice, 4096);
    for (size_t i = 0; i < s->count; i++) {
        size_t d = distance(node->key, s->values[i].key.name);
        if (d < best) {
            best = d;
            near = s->values[i].key.name;
        }
    }
    if (near) {
        buf_addf(&advice, "did you mean \"%s\"?", near);
    } else {
        buf_adds(&advice, "remove it; the keys here are");
        for (size_t i = 0; i < s->count; i++)
            buf_addf(&advice, "%s %s", i ? "," : "", s->values[i].key.name);
    }
    complain(src, s, node->key, node->line, node->column, "there is no such key",
             buf_cstr(&advice));
    buf_free(&advice);
}

/* ---- Reading --------------------------------------------------------------- */

static void add_keys(struct settings *s, const struct dg_cfg_key *keys)
{
    for (; keys && keys->name; keys++) {
        if (find(s, keys->name))
            continue;
        struct value *v = &s->values[s->count++];
        *v = (struct value){.key = *keys};
        v->key.name = arena_strdup(s->arena, keys->name);
    }
}

static size_t count_keys(const struct dg_cfg_key *keys)
{
    size_t n = 0;
    while (keys && keys[n].name)
        n++;
    return n;
}

static const char *advice_for(const struct value *v)
{
    return v->key.help ? v->key.help : "correct it";
}

static void read_table(const struct value_context *ctx, struct settings *s,
                       const struct toml_node *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct toml_node *node = &table->items[i];
        struct value *v = find(s, node->key);
        struct problem why;
        if (!v) {
            complain_unknown(ctx->src, s, node);
            continue;
        }
        v->line = node->line;
        v->column = node->column;
        enum value_outcome outcome = value_from_node(ctx, node, v, &why);
        v->set = outcome != VALUE_EMPTY;
        if (outcome == VALUE_BAD)
            complain(ctx->src, s, node->key, node->line, node->column, why.text, advice_for(v));
    }
}

static bool is_text(enum dg_cfg_type type)
{
    return type == DG_CFG_STR || type == DG_CFG_SECRET || type == DG_CFG_PATH || type == DG_CFG_URL;
}

static void complete(const struct value_context *ctx, struct settings *s, struct value *v,
                     const struct toml_node *table)
{
    struct problem why;
    int line = v->line ? v->line : table ? table->line : 0;
    bool empty = v->set && is_text(v->key.type) && v->text && !*v->text;
    if (!v->key.fallback && (!v->set || empty)) {
        char what[64];
        snprintf(what, sizeof(what), "it is %s and has no default",
                 empty || v->line ? "empty" : "missing");
        complain(ctx->src, s, v->key.name, line, v->column, what, advice_for(v));
    } else if (!v->set && value_from_text(ctx, v->key.fallback, v, &why) == VALUE_BAD) {
        complain(ctx->src, s, v->key.name, line, v->column, why.text,
                 "the plugin's own default is at fault: set the key");
    }
    if (!v->text)
        v->text = v->key.type == DG_CFG_JSON ? "[]" : "";
}

struct settings *settings_read(const struct settings_source *src, const char *name,
                               const struct toml_node *table, const struct dg_cfg_key *keys,
                               const struct dg_cfg_key *extra)
{
    struct settings *s = xcalloc(1, sizeof(*s));
    s->arena = arena_new();
    s->name = arena_strdup(s->arena, name);
    s->file = arena_strdup(s->arena, src->file ? src->file : "configuration");
    s->values =
        arena_alloc(s->arena, (count_keys(keys) + count_keys(extra) + 1) * sizeof(*s->values));
    add_keys(s, keys);
    add_keys(s, extra);

    const struct value_context ctx = {.src = src, .arena = s->arena};
    if (table && table->kind == TOML_TABLE) {
        s->line = table->line;
        read_table(&ctx, s, table);
    } else if (table) {
        ++*src->count;
        buf_addf(src->problems, "%s:%d:%d: %s: %s was found, a table was expected; write [%s]\n",
                 s->file, table->line, table->column, name, toml_kind_name(table->kind), name);
    }
    for (size_t i = 0; i < s->count; i++)
        complete(&ctx, s, &s->values[i], table);
    return s;
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    arena_free(s->arena);
    free(s);
}

/* ---- Asking ---------------------------------------------------------------- */

static const struct value *ask(const struct settings *s, const char *key, unsigned types)
{
    const struct value *v = find(s, key);
    if (v && (types & 1u << v->key.type))
        return v;
    log_error("plug",
              v ? "a setting was asked for as the wrong type"
                : "an undeclared setting was asked for",
              LOG_S("instance", s->name), LOG_S("key", key));
    abort();
}

const char *settings_name(const struct settings *s)
{
    return s->name;
}

bool settings_has(const struct settings *s, const char *key)
{
    return ask(s, key, ~0u)->set;
}

const char *settings_str(const struct settings *s, const char *key)
{
    const struct value *v = ask(s, key,
                                1u << DG_CFG_STR | 1u << DG_CFG_SECRET | 1u << DG_CFG_JSON |
                                    1u << DG_CFG_PATH | 1u << DG_CFG_URL);
    if (!*v->text && v->key.fallback && !*v->key.fallback)
        return NULL;
    return v->text;
}

int64_t settings_int(const struct settings *s, const char *key)
{
    return ask(s, key, 1u << DG_CFG_INT | 1u << DG_CFG_MS)->number;
}

bool settings_bool(const struct settings *s, const char *key)
{
    return ask(s, key, 1u << DG_CFG_BOOL)->truth;
}

bool settings_same(const struct settings *a, const struct settings *b, const char *key)
{
    const struct value *x = ask(a, key, ~0u), *y = ask(b, key, ~0u);
    return x->number == y->number && x->truth == y->truth && str_eq(x->text, y->text);
}

const char *settings_place(const struct settings *s, const char *key, char *out, size_t size)
{
    const struct value *v = ask(s, key, ~0u);
    int line = v->line ? v->line : s->line;
    if (line)
        snprintf(out, size, "%s:%d", s->file, line);
    else
        snprintf(out, size, "%s", s->file);
    return out;
}
