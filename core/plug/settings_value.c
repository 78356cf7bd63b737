/* settings_value.c - a TOML value, or the text of one, as the type a key declares. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "plug/settings_private.h"

#define TEXT_MAX   (1u << 20)
#define SECRET_MAX (64u << 10)
#define DEPTH_MAX  32

static const char *const expected[] = {
    [DG_CFG_STR] = "a string",
    [DG_CFG_SECRET] = "a string",
    [DG_CFG_INT] = "an integer",
    [DG_CFG_BOOL] = "true or false",
    [DG_CFG_MS] = "a duration (\"250ms\", \"30s\", \"2m\", \"1h\") or a number of milliseconds",
    [DG_CFG_JSON] = "a list, a table, or a string that holds JSON or a comma-separated list",
    [DG_CFG_PATH] = "a path as a string",
    [DG_CFG_URL] = "a URL (http:// or https://, a host without a user, perhaps a port and a path)",
};

/* ---- Text that was expanded ------------------------------------------------ */

/* The folder of the configuration file before a relative path. */
static const char *path_absolute(const struct value_context *ctx, const char *path)
{
    const char *slash = ctx->src->file ? strrchr(ctx->src->file, '/') : NULL;
    if (!*path || *path == '/' || !slash)
        return arena_strdup(ctx->arena, path);
    struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_add(&b, ctx->src->file, (size_t)(slash - ctx->src->file) + 1);
    buf_adds(&b, path);
    const char *full = arena_strdup(ctx->arena, buf_cstr(&b));
    buf_free(&b);
    return full;
}

static enum value_outcome secret_from_file(const struct value_context *ctx, const char *name,
                                           struct value *v, struct problem *why)
{
    const char *path = path_absolute(ctx, name);
    char text[SECRET_MAX];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
    bool failed = !f || ferror(f);
    int code = errno;
    if (f)
        fclose(f);
    if (failed || n == sizeof(text)) {
        problem_set(why, DG_EINVAL,
                    "the secret's file %s cannot be read (%s); expected a file of "
                    "less than 64 KiB that this user may read",
                    path, failed ? strerror(code) : "it is larger");
        return VALUE_BAD;
    }
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (memchr(text, '\0', n)) {
        problem_set(why, DG_EINVAL, "the secret's file %s holds a NUL byte; expected text", path);
        return VALUE_BAD;
    }
    v->text = arena_dup(ctx->arena, text, n);
    return VALUE_OK;
}

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t\r\n");
}

/* "a, b" as ["a","b"] */
static void list_to_json(const char *s, struct json_writer *w)
{
    jw_array(w, NULL);
    for (s = skip_blanks(s); *s; s = skip_blanks(s)) {
        size_t len = strcspn(s, ","), end = len;
        while (end && strchr(" \t\r\n", s[end - 1]))
            end--;
        if (end)
            jw_strn(w, NULL, s, end);
        s += len + (s[len] == ',');
    }
    jw_end(w);
}

static enum value_outcome json_from_text(const struct value_context *ctx, const char *text,
                                         struct value *v, struct problem *why)
{
    const char *s = skip_blanks(text);
    if (*s == '[' || *s == '{') {
        char reason[JSON_WHY_SIZE];
        json_t *json = json_parse(s, strlen(s), DEPTH_MAX, reason);
        if (!json) {
            problem_set(why, DG_EINVAL, "is no JSON (%s); expected %s", reason,
                        expected[DG_CFG_JSON]);
            return VALUE_BAD;
        }
        json_decref(json);
        v->text = arena_strdup(ctx->arena, s);
        return VALUE_OK;
    }
    struct buf b;
    struct json_writer w;
    buf_init(&b, TEXT_MAX * 8);
    jw_init(&w, &b);
    list_to_json(s, &w);
    v->text = arena_strdup(ctx->arena, buf_cstr(&b));
    buf_free(&b);
    return VALUE_OK;
}

/* A plain number is milliseconds, as in variables of older systems. */
static bool text_to_ms(const char *text, int64_t *out)
{
    return (str_to_int(text, out) || str_to_ms(text, out)) && *out >= 0;
}

static bool is_port(const char *text, size_t len)
{
    unsigned long port = 0;
    for (size_t i = 0; i < len && port <= 65535; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned long)(text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

/* "host", "host:port", "[v6]:port". */
static bool is_authority(const char *text, size_t len)
{
    const char *bracket = *text == '[' ? memchr(text, ']', len) : NULL;
    size_t host = bracket ? (size_t)(bracket - text) + 1 : strcspn(text, ":/?#");
    if (!host || host > len || host > 255 || (*text == '[' && host < 4))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] == 0x7f || strchr("@\"<>\\^`{|}%", text[i]))
            return false;
    }
    return host == len || (text[host] == ':' && is_port(text + host + 1, len - host - 1));
}

static bool is_url(const char *text)
{
    size_t scheme = str_starts(text, "http://") ? 7 : str_starts(text, "https://") ? 8 : 0;
    return scheme && is_authority(text + scheme, strcspn(text + scheme, "/?#"));
}

/* `raw` is the text before expansion, for the message: it names the variable. */
static enum value_outcome not_a(const char *raw, const char *text, const struct value *v,
                                struct problem *why)
{
    if (strcmp(raw, text) == 0)
        problem_set(why, DG_EINVAL, "\"%s\" was found, %s was expected", text,
                    expected[v->key.type]);
    else
        problem_set(why, DG_EINVAL, "\"%s\" gives \"%s\", %s was expected", raw, text,
                    expected[v->key.type]);
    return VALUE_BAD;
}

static enum value_outcome from_expanded(const struct value_context *ctx, const char *raw,
                                        const char *text, struct value *v, struct problem *why)
{
    switch (v->key.type) {
    case DG_CFG_INT:
        return str_to_int(text, &v->number) ? VALUE_OK : not_a(raw, text, v, why);
    case DG_CFG_MS:
        return text_to_ms(text, &v->number) ? VALUE_OK : not_a(raw, text, v, why);
    case DG_CFG_BOOL:
        return str_to_bool(text, &v->truth) ? VALUE_OK : not_a(raw, text, v, why);
    case DG_CFG_JSON:
        return json_from_text(ctx, text, v, why);
    case DG_CFG_PATH:
        v->text = path_absolute(ctx, text);
        return VALUE_OK;
    case DG_CFG_SECRET:
        if (str_starts(text, "file:"))
            return secret_from_file(ctx, text + 5, v, why);
        break;
    case DG_CFG_URL:
        if (!is_url(text) && (*text || !str_empty(v->key.fallback)))
            return not_a(raw, text, v, why);
        break;
    case DG_CFG_STR:
        break;
    }
    v->text = arena_strdup(ctx->arena, text);
    return VALUE_OK;
}

enum value_outcome value_from_text(const struct value_context *ctx, const char *text,
                                   struct value *v, struct problem *why)
{
    struct buf b;
    enum value_outcome outcome = VALUE_BAD;
    buf_init(&b, TEXT_MAX);
    if (env_expand(ctx->src->env, text, &b, why)) {
        const char *full = buf_cstr(&b);
        if (!*full && strchr(text, '$'))
            outcome = VALUE_EMPTY;
        else
            outcome = from_expanded(ctx, text, full, v, why);
    }
    buf_free(&b);
    return outcome;
}

/* ---- TOML ------------------------------------------------------------------ */

static bool node_to_json(const struct value_context *ctx, const struct toml_node *node,
                         struct json_writer *w, unsigned depth, struct problem *why);

static bool items_to_json(const struct value_context *ctx, const struct toml_node *node,
                          struct json_writer *w, unsigned depth, struct problem *why)
{
    if (depth >= DEPTH_MAX)
        return problem_set(why, DG_EINVAL,
                           "lists and tables are nested too deeply; expected at "
                           "most %d levels",
                           DEPTH_MAX) == DG_OK;
    if (node->kind == TOML_ARRAY)
        jw_array(w, depth ? node->key : NULL);
    else
        jw_object(w, depth ? node->key : NULL);
    for (size_t i = 0; i < node->count; i++)
        if (!node_to_json(ctx, &node->items[i], w, depth + 1, why))
            return false;
    jw_end(w);
    return true;
}

static bool node_to_json(const struct value_context *ctx, const struct toml_node *node,
                         struct json_writer *w, unsigned depth, struct problem *why)
{
    struct buf b;
    bool ok = true;
    switch (node->kind) {
    case TOML_TABLE:
    case TOML_ARRAY:
        return items_to_json(ctx, node, w, depth, why);
    case TOML_STR:
        buf_init(&b, TEXT_MAX);
        ok = env_expand(ctx->src->env, node->text, &b, why);
        if (ok)
            jw_str(w, node->key, buf_cstr(&b));
        buf_free(&b);
        break;
    case TOML_INT:
        jw_int(w, node->key, node->integer);
        break;
    case TOML_FLOAT:
        jw_real(w, node->key, node->real);
        break;
    case TOML_BOOL:
        jw_bool(w, node->key, node->boolean);
        break;
    case TOML_TIME:
        jw_str(w, node->key, node->text);
        break;
    }
    return ok;
}

static enum value_outcome json_from_node(const struct value_context *ctx,
                                         const struct toml_node *node, struct value *v,
                                         struct problem *why)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, TEXT_MAX);
    jw_init(&w, &b);
    bool ok = items_to_json(ctx, node, &w, 0, why);
    if (ok && b.over) {
        ok = false;
        problem_set(why, DG_EINVAL, "is too long; expected at most 1 MiB");
    }
    if (ok)
        v->text = arena_strdup(ctx->arena, buf_cstr(&b));
    buf_free(&b);
    return ok ? VALUE_OK : VALUE_BAD;
}

enum value_outcome value_from_node(const struct value_context *ctx, const struct toml_node *node,
                                   struct value *v, struct problem *why)
{
    enum dg_cfg_type type = v->key.type;
    if (node->kind == TOML_STR)
        return value_from_text(ctx, node->text, v, why);
    if (type == DG_CFG_JSON && (node->kind == TOML_ARRAY || node->kind == TOML_TABLE))
        return json_from_node(ctx, node, v, why);
    if (type == DG_CFG_BOOL && node->kind == TOML_BOOL) {
        v->truth = node->boolean;
        return VALUE_OK;
    }
    if (node->kind == TOML_INT && (type == DG_CFG_INT || type == DG_CFG_MS)) {
        v->number = node->integer;
        if (type == DG_CFG_INT || node->integer >= 0)
            return VALUE_OK;
    }
    problem_set(why, DG_EINVAL, "%s%s was found, %s was expected",
                node->kind == TOML_INT && node->integer < 0 ? "negative: " : "",
                toml_kind_name(node->kind), expected[type]);
    return VALUE_BAD;
}
