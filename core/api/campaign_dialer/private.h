/* private.h - the frame that every endpoint of the campaign-dialer API stands in.
 *
 * A handler checks what it was sent (dialer_id, dialer_body, dialer_page),
 * makes a task and starts it. The task's `run` makes one domain call on the
 * control thread; when that is answered it writes `data` (task_data) and says
 * how the request ends (task_done, task_paged, task_fail, task_refuse). The
 * envelope is put around it here.
 *
 *     {"success":true,"code":200,"message":"...","data":...}
 *     {"success":false,"code":400,"message":"...","errors":{...}}
 */
#ifndef CAMPAIGN_DIALER_PRIVATE_H
#define CAMPAIGN_DIALER_PRIVATE_H

#include "api/api.h"
#include "api/campaign_dialer/campaign_dialer.h"
#include "api/check.h"
#include "api/doc.h"
#include "api/page.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/keyset.h"

/* ---- What a request holds (input.c) [HTTP thread] ----------------------------- */

/* {id} of the path: digits. false: answered with 404, as a path that is not there, or with
 * `not_found` when no id can be so large. */
bool dialer_id(struct request *req, const char *not_found, int64_t *id);

enum dialer_body {
    BODY_CREATES, /* the required fields must be there: not absent, null or "" */
    BODY_UPDATES, /* one field of the schema at least must be there */
};
/* What is wrong with a body. */
struct dialer_problem {
    char *message; /* NULL: nothing; to be freed */
    json_t *errors;
};
/* The body as an object that fits the schema, for as long as the request lives; members that the
 * schema does not know are not in it. Flags (INT, 0 to 1) may be sent as booleans and are numbers
 * here. What is no JSON object counts as an empty one, and is refused where that would do. NULL:
 * see *problem. */
const json_t *dialer_judge(struct request *req, const struct schema *schema, enum dialer_body kind,
                           struct dialer_problem *problem);
/* The same. NULL: answered with 400. */
const json_t *dialer_body(struct request *req, const struct schema *schema, enum dialer_body kind);
int dialer_flag(const json_t *body, const char *name, int fallback);
/* Something was wrong with the parameters: answered with 400. */
bool dialer_query_failed(struct request *req, const struct check *check);

struct dialer_task;
/* ?page= and ?per_page=; what is out of range is brought back to it, what is no number is not
 * there. */
void dialer_page(const struct request *req, struct page *out);
bool dialer_wants_pages(const struct request *req); /* one of the two is given, or a cursor */
/* The same and ?cursor= into the task: "<number>-<id>", or without the id. false: answered 400. */
bool dialer_place(struct request *req, struct dialer_task *t);

/* ---- Answers (envelope.c) [HTTP thread] ------------------------------------------- */

/* `errors` is taken over; NULL: none. */
void dialer_refuse(struct request *req, int status, const char *message, json_t *errors);

/* "2025-10-01 12:00:00" in the zone of [server] timezone; 0: null. [any thread] */
void dialer_time(struct json_writer *w, const char *key, int64_t unix_ms);

/* ---- The way to the control thread and back (task.c) ------------------------------- */

struct dialer_task {
    struct api *api;          /* from `run` on */
    struct arena *arena;      /* what `run` needs of the request is copied there */
    struct identity identity; /* a copy: whose token it is, and what that may do */
    int64_t id;               /* of the path, where there is one */
    struct page page;
    bool placed;         /* the list goes on by cursors, too */
    struct keyset after; /* of the query's cursor */
    char next[96];       /* the answer's; "": these are the last */
    void *own;           /* the endpoint's, in the arena */
    char *upload;        /* a file, until somebody takes it over; freed with the task */
    size_t upload_len;
    /* Of task.c. */
    struct hop *hop;
    void (*run)(struct dialer_task *t);
    int status;
    const char *message;
    json_t *errors;
    struct dialer_problem wrong;
    bool paged;
    uint64_t total;
    unsigned retry_s;
    struct buf data;
    struct json_writer writer;
};

struct dialer_task *task_new(struct request *req);
void task_free(void *task); /* for one that is not started */
/* For what is 404 whatever is sent: a wrong body is answered by task_wrong. NULL: it is. */
const json_t *task_body(struct request *req, struct dialer_task *t, const struct schema *schema,
                        enum dialer_body kind);
/* The task is not the handler's any more. */
void task_start(struct request *req, struct dialer_task *t, void (*run)(struct dialer_task *t));

/* [control thread] Whose token it is. NULL: the user has just gone, which was answered. */
const struct user *task_user(struct dialer_task *t);
bool task_wrong(struct dialer_task *t); /* true: answered */

/* [control thread] Once, at the end: */
struct json_writer *task_data(struct dialer_task *t); /* for the value of "data" */
void task_done(struct dialer_task *t, int status, const char *message); /* NULL: none */
/* There are more, behind the one of that time and id; `at` is enough where ids are numbers. */
void task_next(struct dialer_task *t, int64_t at, const char *id);
void task_paged(struct dialer_task *t, const char *message, uint64_t total);
/* `field` with the reason `why` in "errors"; NULL: none. All are copied. */
void task_refuse(struct dialer_task *t, int status, const char *message, const char *field,
                 const char *why);
/* With the status that suits the error; a conflict is a 400 in this API. A message "field: why" of
 * DG_EINVAL and DG_ECONFLICT names the field. */
void task_fail(struct dialer_task *t, enum dg_err err, const char *message);

/* ---- For the documentation ------------------------------------------------------------- */

#define DIALER_TAG_USERS  "Users"
#define DIALER_TAG_TOKENS "API tokens"

extern const struct field dialer_id_param[]; /* {id}, and the end of a list */
extern const struct schema dialer_done, dialer_error;

/* clang-format off */
#define DIALER_SUCCESS_FIELDS(code_text, message_text)                                             \
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},                  \
    {.name = "code", .kind = FIELD_INT, .required = true, .example = code_text},                   \
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"" message_text "\""}
#define DIALER_PAGINATION_FIELD                                                                    \
    {.name = "pagination", .kind = FIELD_OBJECT,                                                   \
     .help = "total, per_page, current_page, total_pages, from, to"}
#define DIALER_PLACE_FIELDS                                                                        \
    {.name = "pagination", .kind = FIELD_OBJECT,                                                   \
     .help = "total, per_page, current_page, total_pages, from, to; null with a cursor"},          \
    {.name = "next_cursor", .kind = FIELD_STR, .help = "null: these are the last",                 \
     .example = "null"}
#define DIALER_CURSOR_FIELD                                                                        \
    {.name = "cursor", .kind = FIELD_STR, .max = 90,                                               \
     .help = "next_cursor of the answer before, with the same filters, instead of a page"}
/* The refusals that every endpoint shares. */
#define DIALER_REFUSALS                                                                            \
    {401, "No token, or one that is invalid or expired", &dialer_error, NULL, NULL},               \
    {403, "The token's permissions, or its user's role, are not enough", &dialer_error, NULL, NULL}, \
    {503, "The store is disabled or away", &dialer_error, NULL, NULL}
/* clang-format on */

#endif
