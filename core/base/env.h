/* env.h - the environment as configuration sees it: the process's own first,
 * then the .env file beside the configuration. Names are looked up as written,
 * in .env in any case of letters. An empty value counts as unset. */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct env;

/* `file` may be missing; a line that makes no sense is a problem with file and line.
 * Lines: NAME=value, export NAME=value, # comments, '...' and "..." quotes. */
struct env *env_load(const char *file, struct problem *problem);
void env_free(struct env *env);
const char *env_get(const struct env *env, const char *name); /* NULL: unset or empty */

/* Expands ${NAME} and ${NAME:-default} (the default may nest); "$$" is a dollar.
 * false: `problem` names the variable or the place of the fault. */
bool env_expand(const struct env *env, const char *text, struct buf *out, struct problem *problem);

#endif
