/* admin_verbs.h - what the control socket can be asked for, one line each. */
#ifndef ADMIN_VERBS_H
#define ADMIN_VERBS_H

#include "admin.h"
#include "base/buf.h"

/* `reply` is one line of JSON without its newline, lent for the call. */
typedef void admin_reply_fn(void *arg, const struct buf *reply);

struct admin_run;

/* Does what the request says; `fn` comes once, now or later. NULL: it was called already. */
struct admin_run *admin_run(const struct admin_config *config, const json_t *request,
                            admin_reply_fn *fn, void *arg);
/* `fn` is not called any more, and what `config` points to is not touched. */
void admin_run_cancel(struct admin_run *run);

void admin_refusal(struct buf *out, const char *why); /* {"ok":false,"error":why} */

#endif
