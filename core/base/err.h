/* err.h - enum dg_err outside plugins: names and HTTP statuses, in one table. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "dialgate/plugin.h"

const char *err_name(enum dg_err err); /* "not found" */
int err_http_status(enum dg_err err);  /* 404; DG_OK is 200 */

/* A failure on its way to whoever asked: what kind, and one sentence. */
struct problem {
    enum dg_err err;
    char text[512];
};
enum dg_err problem_set(struct problem *p, enum dg_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
