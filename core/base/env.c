/* env.c - the process's environment and the .env file; expanding ${NAME}. */
#include "base/env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

#define FILE_MAX  (1u << 20)
#define NEST_MAX  16u
#define NAME_SIZE 128u

struct env {
    struct map *values; /* of the file, by their names in lower case */
};

static bool name_char(char c, bool first)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* The length of the name at `s`; 0: none, or longer than anybody would mean. */
static size_t name_len(const char *s)
{
    size_t len = 0;
    while (name_char(s[len], len == 0))
        len++;
    return len < NAME_SIZE ? len : 0;
}

static void fold_name(const char *name, size_t len, char out[NAME_SIZE])
{
    for (size_t i = 0; i < len; i++)
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
    out[len] = '\0';
}

/* ---- The .env file ------------------------------------------------------ */

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

static const char *read_single_quoted(const char *s, struct buf *value)
{
    const char *end = strchr(s, '\'');
    if (end)
        buf_add(value, s, (size_t)(end - s));
    return end ? end + 1 : NULL;
}

static const char *read_double_quoted(const char *s, struct buf *value)
{
    static const char escapes[] = "n\nr\rt\t\"\"\\\\$$";
    for (; *s && *s != '"'; s++) {
        const char *escape = NULL;
        for (const char *e = escapes; *s == '\\' && *e && !escape; e += 2)
            if (*e == s[1])
                escape = e;
        buf_addc(value, escape ? escape[1] : *s);
        s += escape != NULL;
    }
    return *s ? s + 1 : NULL;
}

/* Up to a comment, which begins with a blank and "#", or to the end. */
static const char *read_bare(const char *s, struct buf *value)
{
    size_t len = 0, end = 0;
    for (; s[len] && !(s[len] == '#' && (len == 0 || strchr(" \t", s[len - 1]))); len++)
        if (s[len] != ' ' && s[len] != '\t')
            end = len + 1;
    buf_add(value, s, end);
    return s + len;
}

/* One line without its end. NULL: fine, else what is wrong, never the value. */
static const char *read_line(struct env *env, const char *s, struct buf *value)
{
    char name[NAME_SIZE];
    s = skip_blanks(s);
    if (!*s || *s == '#')
        return NULL;
    if (str_starts(s, "export") && (s[6] == ' ' || s[6] == '\t'))
        s = skip_blanks(s + 6);
    size_t len = name_len(s);
    if (!len)
        return "a name was expected, letters, digits and \"_\"";
    fold_name(s, len, name);
    s = skip_blanks(s + len);
    if (*s != '=')
        return "\"=\" was expected behind the name";
    s = skip_blanks(s + 1);
    buf_clear(value);
    if (*s == '\'')
        s = read_single_quoted(s + 1, value);
    else if (*s == '"')
        s = read_double_quoted(s + 1, value);
    else
        s = read_bare(s, value);
    if (!s)
        return "the closing quote is missing";
    s = skip_blanks(s);
    if (*s && *s != '#')
        return "something follows the closing quote";
    free(map_set(env->values, name, xstrdup(buf_cstr(value))));
    return NULL;
}

static bool read_lines(struct env *env, const char *file, char *text, struct problem *problem)
{
    struct buf value;
    const char *wrong = NULL;
    unsigned line = 0;
    buf_init(&value, FILE_MAX);
    if (str_starts(text, "\xef\xbb\xbf"))
        text += 3;
    for (char *s = text; *s && !wrong;) {
        char *end = s + strcspn(s, "\n"), *next = *end ? end + 1 : end;
        if (end > s && end[-1] == '\r')
            end--;
        *end = '\0';
        line++;
        wrong = read_line(env, s, &value);
        s = next;
    }
    buf_free(&value);
    if (wrong)
        problem_set(problem, DG_EINVAL, "%s:%u: %s", file, line, wrong);
    return !wrong;
}

/* false: `problem` is set. A missing file leaves `text` empty. */
static bool read_file(const char *file, struct buf *text, struct problem *problem)
{
    FILE *f = fopen(file, "re");
    if (!f && (errno == ENOENT || errno == ENOTDIR))
        return true;
    char chunk[4096];
    for (size_t n; f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
        buf_add(text, chunk, n);
    const char *wrong = NULL;
    if (!f || ferror(f))
        wrong = strerror(errno);
    else if (text->over)
        wrong = "larger than 1 MiB";
    else if (text->len && !str_utf8(text->ptr, text->len))
        wrong = "not valid UTF-8";
    if (f)
        fclose(f);
    if (wrong)
        problem_set(problem, DG_EINVAL, "%s: %s", file, wrong);
    return !wrong;
}

struct env *env_load(const char *file, struct problem *problem)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct buf text;
    env->values = map_new();
    buf_init(&text, FILE_MAX);
    bool done = str_empty(file) || (read_file(file, &text, problem) &&
                                    (!text.ptr || read_lines(env, file, text.ptr, problem)));
    buf_free(&text);
    if (done)
        return env;
    env_free(env);
    return NULL;
}

void env_free(struct env *env)
{
    if (!env)
        return;
    map_free(env->values, free);
    free(env);
}

const char *env_get(const struct env *env, const char *name)
{
    const char *value = getenv(name);
    size_t len = strlen(name);
    if (str_empty(value) && env && len < NAME_SIZE) {
        char folded[NAME_SIZE];
        fold_name(name, len, folded);
        value = map_get(env->values, folded);
    }
    return str_empty(value) ? NULL : value;
}

/* ---- Expanding ---------------------------------------------------------- */

struct expansion {
    const struct env *env;
    const char *text; /* the whole, for places in messages */
    struct buf *out;
    struct problem *problem;
};

static const char *expand_until(struct expansion *e, const char *s, unsigned depth, bool wanted);

static const char *refuse(struct expansion *e, const char *at, const char *what)
{
    problem_set(e->problem, DG_EINVAL, "character %zu: %s", (size_t)(at - e->text) + 1, what);
    return NULL;
}

/* Behind "${". A default is read also when it is not wanted: to find its end, and
 * so that a fault in it shows before the day it is needed. */
static const char *expand_variable(struct expansion *e, const char *s, unsigned depth, bool wanted)
{
    char name[NAME_SIZE];
    size_t len = name_len(s);
    if (!len)
        return refuse(e, s, "a variable's name was expected behind \"${\"");
    memcpy(name, s, len);
    name[len] = '\0';
    s += len;

    const char *value = env_get(e->env, name);
    if (wanted && value)
        buf_adds(e->out, value);
    if (*s == '}') {
        if (wanted && !value) {
            problem_set(e->problem, DG_EINVAL, "the environment variable %s is not set", name);
            return NULL;
        }
        return s + 1;
    }
    if (s[0] != ':' || s[1] != '-')
        return refuse(e, s, "\"}\" or \":-\" was expected behind the variable's name");
    if (depth >= NEST_MAX)
        return refuse(e, s, "defaults nested too deeply");
    s = expand_until(e, s + 2, depth + 1, wanted && !value);
    if (s && *s != '}')
        return refuse(e, s, "the closing \"}\" is missing");
    return s ? s + 1 : NULL;
}

/* Up to the end, or inside a default up to its "}". NULL: the problem is set. */
static const char *expand_until(struct expansion *e, const char *s, unsigned depth, bool wanted)
{
    while (s && *s && !(depth && *s == '}')) {
        if (s[0] == '$' && s[1] == '{') {
            s = expand_variable(e, s + 2, depth, wanted);
            continue;
        }
        if (wanted)
            buf_addc(e->out, *s);
        s += s[0] == '$' && s[1] == '$' ? 2 : 1;
    }
    return s;
}

bool env_expand(const struct env *env, const char *text, struct buf *out, struct problem *problem)
{
    struct expansion e = {.env = env, .text = text, .out = out, .problem = problem};
    size_t before = out->len;
    const char *end = expand_until(&e, text, 0, true);
    if (end && !out->over)
        return true;
    if (end)
        problem_set(problem, DG_EINVAL, "longer than %zu bytes after expansion", out->max);
    out->len = before;
    buf_cstr(out);
    return false;
}
