/* private.h - what the files of the contact-center API share. */
#ifndef CONTACT_CENTER_PRIVATE_H
#define CONTACT_CENTER_PRIVATE_H

#include "api/api.h"
#include "api/contact_center/contact_center.h"

/* The documented states: a cancelled call shows as failed. */
const char *contact_center_state(enum call_state s);
struct json_writer;
/* The members of a call's status. */
void contact_center_members(struct json_writer *w, const struct call *c);
/* {"detail": message} with the status that fits; 429 and 503 say when to try again: after
 * `retry_s`, 0: a time that suits the error. */
void contact_center_refusal(struct request *req, enum dg_err err, const char *message,
                            unsigned retry_s);
void contact_center_problem(struct request *req, enum dg_err err, const char *message);

extern const struct field contact_center_call_id[]; /* the path parameter, and the end of a list */
extern const struct schema contact_center_detail, contact_center_status_schema;

/* clang-format off */
/* What a call's status holds, for the document. */
#define CONTACT_CENTER_STATUS_FIELDS                                                               \
    {.name = "call_id", .kind = FIELD_STR, .required = true,                                       \
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},                                       \
    {.name = "phone_number", .kind = FIELD_STR, .required = true, .example = "\"+1234567890\""},   \
    {.name = "status", .kind = FIELD_STR, .required = true, .example = "\"answered\"",             \
     .help = "pending, dialing, ringing, answered, completed, busy, no_answer or failed"},         \
    {.name = "channel", .kind = FIELD_STR, .example = "\"Local/+1234567890@outbound-ivr\""},       \
    {.name = "context", .kind = FIELD_STR, .example = "\"outbound-ivr\""},                         \
    {.name = "extension", .kind = FIELD_STR, .example = "\"s\""},                                  \
    {.name = "caller_id", .kind = FIELD_STR, .example = "\"Outbound Call\""},                      \
    {.name = "created_at", .kind = FIELD_TIME, .required = true,                                   \
     .example = "\"2025-10-01T12:00:00.123Z\""},                                                   \
    {.name = "dialed_at", .kind = FIELD_TIME, .example = "\"2025-10-01T12:00:00.125Z\""},          \
    {.name = "answered_at", .kind = FIELD_TIME, .example = "\"2025-10-01T12:00:07.301Z\""},        \
    {.name = "ended_at", .kind = FIELD_TIME, .example = "null"},                                   \
    {.name = "duration", .kind = FIELD_INT, .example = "null",                                     \
     .help = "Seconds from answer to end; null until it has ended"},                               \
    {.name = "failure_reason", .kind = FIELD_STR, .example = "null"},                              \
    {.name = "attempt_number", .kind = FIELD_INT, .required = true, .example = "1"},               \
    {.name = "is_active", .kind = FIELD_BOOL, .required = true, .example = "true"},                \
    {.name = "is_completed", .kind = FIELD_BOOL, .required = true, .example = "false"},            \
    {.name = "backend", .kind = FIELD_STR, .example = "\"pbx\"",                                   \
     .help = "Which backend carries the call, or has carried it"},                                 \
    {.name = "mock", .kind = FIELD_BOOL, .help = "Present and true: the call is a simulation"},    \
    {.name = "held", .kind = FIELD_BOOL, .help = "Present and true: it is on hold"},               \
    {.name = "muted", .kind = FIELD_STR, .help = "Present while it is: in, out or both"},          \
    {.name = "parked", .kind = FIELD_STR, .help = "Present while it is: lot/slot"},                \
    {.name = "recording", .kind = FIELD_STR, .help = "Present while it is: active or paused"},     \
    {.name = "recordings", .kind = FIELD_STR_LIST,                                                 \
     .help = "Present when there are any: the files, without extension, the oldest first"},        \
    {.name = "ivr", .kind = FIELD_OBJECT,                                                          \
     .help = "Present when it was led through menus: menu, keys, result, path"},                   \
    {.name = "amd", .kind = FIELD_OBJECT,                                                          \
     .help = "Present when it was found out who has answered: result (human, machine, notsure, "   \
             "hangup or failed), cause, and at, in ms after the answer"},                          \
    {.name = "message", .kind = FIELD_OBJECT,                                                      \
     .help = "Present when it was to hear a message: audio, to (human or machine), played (how "   \
             "often to its end), result (played, missing, caller or stopped), path"}
/* clang-format on */

#endif
