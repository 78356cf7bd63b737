/* private.h - what the files of the contact-center API share. */
#ifndef CONTACT_CENTER_PRIVATE_H
#define CONTACT_CENTER_PRIVATE_H

#include "api/api.h"
#include "api/contact_center/contact_center.h"

/* The documented states: a cancelled call shows as failed. */
const char *contact_center_state(enum call_state s);
/* {"detail": message} with the status that fits; 429 and 503 say when to try again: after
 * `retry_s`, 0: a time that suits the error. */
void contact_center_refusal(struct request *req, enum dg_err err, const char *message,
                            unsigned retry_s);
void contact_center_problem(struct request *req, enum dg_err err, const char *message);

extern const struct field contact_center_call_id[]; /* the path parameter, and the end of a list */
extern const struct schema contact_center_detail, contact_center_status_schema;

#endif
