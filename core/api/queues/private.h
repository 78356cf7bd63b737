/* private.h - what the handlers of queues and lines share. */
#ifndef QUEUES_API_PRIVATE_H
#define QUEUES_API_PRIVATE_H

#include "api/check.h"
#include "api/contact_center/private.h"
#include "api/page.h"
#include "api/queues/queues.h"
#include "base/json.h"
#include "domain/queues.h"

/* ---- named.c: lists by name, in pages ---- */

const char *named_rule_backend(const char *name, const char *value);
const char *named_rule_cursor(const char *name, const char *value);

/* A place in a list that is in the order of its keys; key: "backend/name". */
struct named_page {
    struct page page;
    const char *after; /* the last key that was seen, or NULL */
    uint64_t total, shown;
    const char *last, *beyond;
};
/* Whether the one with this key, the next in order, is on the page. */
bool named_shows(struct named_page *p, const char *key);
/* pagination and next_cursor. */
void named_write_end(struct json_writer *w, const struct named_page *p);

/* clang-format off */
#define NAMED_BACKEND_FIELD(help_)                                                                 \
    {.name = "backend", .kind = FIELD_STR, .max = 40, .rule = named_rule_backend,                  \
     .help = (help_), .example = "\"pbx\""}
#define NAMED_CURSOR_FIELD                                                                         \
    {.name = "cursor", .kind = FIELD_STR, .max = 300, .rule = named_rule_cursor,                   \
     .help = "next_cursor of the answer before, with the same filters",                            \
     .example = "\"pbx/support\""}
#define NAMED_ANSWER_FIELDS                                                                        \
    PAGE_ANSWER_FIELD,                                                                             \
    {.name = "next_cursor", .kind = FIELD_STR, .help = "null: these are the last",                 \
     .example = "null"}
/* What each of them may be answered with, beside its 200. */
#define NAMED_REFUSALS(missing)                                                                    \
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},                     \
    {404, (missing), &contact_center_detail, NULL, NULL},                                          \
    {422, "A parameter or a field is wrong", NULL, NULL, NULL},                                    \
    {501, "No backend can do this, nor a companion; the detail names what is missing",             \
     &contact_center_detail, NULL, NULL},                                                          \
    {502, "The telephone system refused", &contact_center_detail, NULL, NULL},                     \
    {503, "The telephone system cannot be reached", &contact_center_detail, NULL, NULL},           \
    {504, "The telephone system gave no answer in time", &contact_center_detail, NULL, NULL}
/* clang-format on */

/* ---- queues.c ---- */

void queues_write_member(struct json_writer *w, const char *key, const struct gathered *member);
extern const struct schema queues_member_schema;
const char *queues_rule_name(const char *name, const char *value);

#endif
