/* password.h - bcrypt beyond what auth.h offers to others. [worker thread: it burns] */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include <stdbool.h>

#define PASSWORD_COST_MIN 4
#define PASSWORD_COST_MAX 15
#define PASSWORD_COST     12

/* Work as long as password_verify does for a hash of this cost, for a user that is not there. */
void password_burn(const char *password, unsigned cost);
/* A bcrypt hash in a form that password_verify accepts. [any thread, quick] */
bool password_hash_valid(const char *hash);

#endif
