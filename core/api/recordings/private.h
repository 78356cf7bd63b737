/* private.h - what the handlers of recordings share. */
#ifndef RECORDINGS_API_PRIVATE_H
#define RECORDINGS_API_PRIVATE_H

#include "api/check.h"
#include "api/contact_center/private.h"
#include "api/recordings/recordings.h"
#include "base/json.h"
#include "domain/recordings.h"

/* The path's {id} and ?backend=. */
extern const struct field recordings_params[];
/* false: they were refused. What is read is the request's. */
bool recordings_read_params(struct request *req, const char **name, const char **backend);
const char *recordings_rule_backend(const char *name, const char *value);

void recordings_write(struct json_writer *w, const struct recording *r);
extern const struct schema recordings_schema;

/* What each of them may be answered with, beside its 200. */
#define RECORDINGS_REFUSALS                                                                        \
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},                     \
        {404, "No such recording, or no such backend", &contact_center_detail, NULL, NULL},        \
        {422, "The name, or a parameter, is wrong", NULL, NULL, NULL},                             \
        {501, "No backend can do this; the detail says why", &contact_center_detail, NULL, NULL},  \
        {502, "The telephone system refused", &contact_center_detail, NULL, NULL},                 \
        {503, "The telephone system cannot be reached", &contact_center_detail, NULL, NULL},       \
    {                                                                                              \
        504, "The telephone system gave no answer in time", &contact_center_detail, NULL, NULL     \
    }

#endif
