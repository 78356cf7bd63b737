/* check_private.h - what check.c and form.c share. */
#ifndef API_CHECK_PRIVATE_H
#define API_CHECK_PRIVATE_H

#include "api/check.h"

struct request *check_request(const struct check *c);
/* Released when the request ends. */
const json_t *check_keep(struct check *c, json_t *value);
void check_fields(struct check *c, const struct schema *schema, const json_t *object);
/* The same for what is given; what is absent is not asked for. */
void check_given(struct check *c, const struct schema *schema, const json_t *object);
const json_t *check_problems(const struct check *c); /* NULL: none */
/* From now on problems do not show what the client sent. */
void check_discreet(struct check *c);

#endif
