/* providers.h - the providers that are part of the program, as plugins like any other. */
#ifndef AUTH_PROVIDERS_H
#define AUTH_PROVIDERS_H

#include "dialgate/auth.h"
#include "domain/tokens.h"
#include "domain/users.h"
#include "loop/loop.h"

extern const struct dg_plugin api_key_plugin;
extern const struct dg_plugin jwt_plugin;
extern const struct dg_plugin token_plugin;

/* What no plugin of somebody else's gets: the users, and the lane for work that burns. To be
 * called with the instance's self right after it was opened. `users` NULL: users are not looked up.
 */
void jwt_provider_use(void *self, struct loop *loop, struct users *users);
/* Likewise. NULL: there is no store, and it answers so. */
void token_provider_use(void *self, struct tokens *tokens);
/* Before it is closed: from now on it looks at no user, lets nobody in, and skips work that waits.
 */
void jwt_provider_leave(void *self);

#endif
