/* user_record.h - a user as a JSON document, and back: the one place that knows its members. */
#ifndef DOMAIN_USER_RECORD_H
#define DOMAIN_USER_RECORD_H

#include "base/json.h"
#include "domain/users.h"

void user_write(const struct user *user, struct buf *out);
/* NULL: the document is none of a user. A role that is not known counts as "user". */
struct user *user_read(const char *id_text, uint64_t version, const json_t *json);
struct user *user_copy(const struct user *from);
void user_free(struct user *user); /* NULL is fine */

#endif
