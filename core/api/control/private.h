/* private.h - what the handlers of call control share. */
#ifndef CONTROL_API_PRIVATE_H
#define CONTROL_API_PRIVATE_H

#include "api/check.h"
#include "api/contact_center/private.h"
#include "api/control/control.h"
#include "base/json.h"
#include "domain/control.h"

/* What a success is answered with: {"success":true,"call_id":...,"message":...} and more. */
struct act_answer {
    const char *message;
    /* Optional: further members. [control thread] */
    void (*more)(struct json_writer *w, const struct control_request *req,
                 const struct control_answer *answer);
};

/* Asks for it and answers the request. `what` is copied, its `call` is that of the path. */
void control_act(struct request *req, struct control_request what, const struct act_answer *answer);

/* What a refusal is answered with; `field` is one of the body's. */
void control_problem(struct request *req, enum dg_err err, const char *field, const char *message);

extern const struct schema control_done_schema;

/* The answers of every action, beside the 200 with `schema`. */
#define CONTROL_ANSWERS(schema_)                                                                   \
    {200, "The telephone system has done it", (schema_), NULL, NULL},                              \
        {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},                 \
        {404, "No such call", &contact_center_detail, NULL, NULL},                                 \
        {409, "The call is over, or in no state for this", &contact_center_detail, NULL, NULL},    \
        {422, "A field is missing or wrong", NULL, NULL, NULL},                                    \
        {501, "Its backend cannot do this; the detail says why", &contact_center_detail, NULL,     \
         NULL},                                                                                    \
        {502, "The telephone system refused", &contact_center_detail, NULL, NULL},                 \
        {503, "The telephone system cannot be reached", &contact_center_detail, NULL, NULL},       \
        {504, "The telephone system gave no answer in time; it may have done it all the same",     \
         &contact_center_detail, NULL, NULL},                                                      \
    {                                                                                              \
        0                                                                                          \
    }
extern const struct route_answer control_answers[]; /* of control_done_schema */

#endif
