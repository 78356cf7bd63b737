/* secret.h - keys that are worth nothing are refused at the start. */
#ifndef AUTH_SECRET_H
#define AUTH_SECRET_H

#include <stdbool.h>

#include "base/err.h"

/* What is wrong with a secret ("is shorter than 32 bytes"); NULL: nothing. Never shows the secret.
 */
const char *secret_refusal(const char *secret);

#endif
