/* err.c - the names and HTTP statuses of enum dg_err. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct {
    const char *name;
    int status;
} errors[] = {
    [DG_OK] = {"ok", 200},
    [DG_EINVAL] = {"invalid request", 400},
    [DG_EAUTH] = {"not authenticated", 401},
    [DG_EDENIED] = {"not allowed", 403},
    [DG_ENOTFOUND] = {"not found", 404},
    [DG_ECONFLICT] = {"conflict", 409},
    [DG_ELIMIT] = {"too many", 429},
    [DG_EINTERNAL] = {"internal error", 500},
    [DG_EUNSUPPORTED] = {"not supported", 501},
    [DG_EUPSTREAM] = {"upstream error", 502},
    [DG_EUNAVAILABLE] = {"unavailable", 503},
    [DG_ETIMEOUT] = {"timed out", 504},
};

/* A plugin may hand over any number; what is not in the table is its bug. */
static enum dg_err known(enum dg_err err)
{
    return (size_t)err < sizeof(errors) / sizeof(*errors) ? err : DG_EINTERNAL;
}

const char *err_name(enum dg_err err)
{
    return errors[known(err)].name;
}

int err_http_status(enum dg_err err)
{
    return errors[known(err)].status;
}

/* A cut must not leave half a character: the text may become JSON. */
static void drop_torn_character(char *text, size_t len)
{
    size_t start = len;
    while (start && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start && (unsigned char)text[start - 1] >= 0xc0 &&
        str_utf8_step(text + start - 1, len - start + 1) == 0)
        text[start - 1] = '\0';
}

enum dg_err problem_set(struct problem *p, enum dg_err err, const char *fmt, ...)
{
    if (!p)
        return err;
    char text[sizeof(p->text)] = ""; /* the arguments may point into the old text */
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (len >= 0 && (size_t)len >= sizeof(text))
        drop_torn_character(text, sizeof(text) - 1);
    memcpy(p->text, text, sizeof(text));
    p->err = err;
    return err;
}
