/* auth.h - auth providers as the core sees them; see plug/backend.h for what a wrapper does. */
#ifndef PLUG_AUTH_H
#define PLUG_AUTH_H

#include "plug/plug.h"

void provider_check(struct instance *in, const struct dg_credentials *c, op_fn *fn,
                    void *arg); /* 1 dg_identity */
void provider_issue(struct instance *in, const struct dg_credentials *c, op_fn *fn,
                    void *arg); /* 1 dg_identity */
void provider_revoke(struct instance *in, const struct dg_credentials *c, op_fn *fn, void *arg);

#endif
