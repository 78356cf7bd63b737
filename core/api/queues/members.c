/* members.c - who works in a queue: added, paused, weighed, removed. */
#include <stdlib.h>

#include "api/queues/private.h"
#include "api/rules.h"
#include "base/mem.h"
#include "base/str.h"

static const char *rule_member(const char *name, const char *value)
{
    (void)name;
    return member_refusal(value);
}

/* clang-format off */
enum { P_NAME, P_INTERFACE };
#define NAME_PARAM                                                                                 \
    {.name = "name", .kind = FIELD_STR, .required = true, .min = 1, .max = QUEUE_NAME_MAX,         \
     .rule = queues_rule_name, .help = "The queue's name", .example = "\"support\""}
static const struct field add_params[] = {
    NAME_PARAM,
    NAMED_BACKEND_FIELD("On this backend's server; else the first that has the queue"),
    {0}};
static const struct field member_params[] = {
    [P_NAME] = NAME_PARAM,
    [P_INTERFACE] = {.name = "interface", .kind = FIELD_STR, .required = true, .min = 3,
                     .max = MEMBER_MAX, .rule = rule_member, .help = "What is rung, with / as %2F",
                     .example = "\"PJSIP%2F8001\""},
    NAMED_BACKEND_FIELD("On this backend's server; else the first that has this member in it"),
    {0}};
#define PAUSED_FIELDS                                                                              \
    {.name = "penalty", .kind = FIELD_INT, .min = 0, .max = MEMBER_PENALTY_MAX,                    \
     .help = "The lower, the sooner", .example = "0"},                                             \
    {.name = "paused", .kind = FIELD_BOOL, .help = "Gets no calls", .example = "true"},            \
    {.name = "reason", .kind = FIELD_STR, .min = 1, .max = 80, .rule = rule_printable,             \
     .help = "Of the pause", .example = "\"lunch\""}
static const struct field add_fields[] = {
    {.name = "interface", .kind = FIELD_STR, .required = true, .min = 3, .max = MEMBER_MAX,
     .rule = rule_member,
     .help = "What is rung; the context of a Local endpoint must be allowed",
     .example = "\"PJSIP/8001\""},
    {.name = "name", .kind = FIELD_STR, .min = 1, .max = 80, .rule = rule_printable,
     .help = "For people", .example = "\"Alice\""},
    PAUSED_FIELDS,
    {0}};
static const struct field change_fields[] = {PAUSED_FIELDS, {0}};
/* clang-format on */
static const struct schema add_schema = {"QueueMemberRequest", "Who is to work in the queue",
                                         add_fields};
static const struct schema change_schema = {"QueueMemberChange", "What is to be another way",
                                            change_fields};

struct changing {
    struct hop *hop;
    struct arena *arena;
    struct member_request request;
    const char *done; /* the message of a success */
    enum dg_err err;
    const char *field, *message;
    struct buf body;
};

static void changing_free(void *data)
{
    struct changing *c = data;
    arena_free(c->arena);
    buf_free(&c->body);
    free(c);
}

static void on_changed(void *arg, const struct queues_answer *answer)
{
    struct changing *c = arg;
    struct json_writer w;
    c->err = answer->err;
    c->field = answer->field; /* a constant */
    c->message = arena_strdup(c->arena, answer->message);
    if (answer->err == DG_OK) {
        jw_init(&w, &c->body);
        jw_object(&w, NULL);
        jw_bool(&w, "success", true);
        jw_str(&w, "queue", c->request.queue);
        jw_str(&w, "interface", c->request.interface);
        jw_str(&w, "message", c->done);
        if (answer->member_count)
            queues_write_member(&w, "member", &answer->members[0]);
        else
            jw_null(&w, "member");
        jw_end(&w);
    }
    hop_done(c->hop);
}

static void run(struct hop *hop, void *data)
{
    struct changing *c = data;
    c->hop = hop;
    queues_change(((struct api *)hop_app(hop))->calls, &c->request, on_changed, c);
}

static void back(struct request *req, void *data)
{
    struct changing *c = data;
    if (c->err == DG_EINVAL && c->field) {
        struct check *check = check_new(req);
        check_problem(check, "body", c->field, "value_error", c->message, NULL);
        check_failed(check);
    } else if (c->err != DG_OK) {
        contact_center_problem(req, c->err, c->message);
    } else {
        reply_json(req, c->request.add ? 201 : 200, &c->body);
    }
}

static void start(struct request *req, const struct member_request *what, const char *done)
{
    struct changing *c = xcalloc(1, sizeof *c);
    c->arena = arena_new();
    c->request = *what;
    c->request.queue = arena_strdup(c->arena, request_param(req, "name"));
    c->request.interface = arena_strdup(c->arena, what->interface);
    c->request.backend = arena_strdup(c->arena, what->backend);
    c->request.name = arena_strdup(c->arena, what->name);
    c->request.reason = arena_strdup(c->arena, what->reason);
    c->done = done;
    buf_init(&c->body, BUF_MAX);
    hop_start(req, c, run, back, changing_free);
}

/* What of them is set; a reason belongs to a pause. */
static void read_state(struct check *check, const json_t *body, struct member_request *out)
{
    const json_t *paused = json_object_get(body, "paused");
    int64_t penalty = check_int(body, "penalty", -1);
    out->sets_paused = json_is_boolean(paused);
    out->paused = json_is_true(paused);
    out->sets_penalty = penalty >= 0;
    out->penalty = penalty >= 0 ? (uint32_t)penalty : 0;
    out->reason = check_str(body, "reason");
    if (out->reason && !out->paused)
        check_problem(check, "body", "reason", "value_error", "A reason is one of a pause", NULL);
}

void queues_add_member(struct request *req)
{
    struct member_request what = {.add = true};
    struct check *check = check_new(req);
    check_param(check, "name", &add_params[0]);
    what.backend = check_query_str(check, &add_params[1]);
    const json_t *body = check_body(check, &add_schema);
    if (body) {
        what.interface = check_str(body, "interface");
        what.name = check_str(body, "name");
        read_state(check, body, &what);
    }
    if (!check_failed(check))
        start(req, &what, "Member added");
}

static bool read_params(struct request *req, struct check *check, struct member_request *out)
{
    check_param(check, "name", &member_params[P_NAME]);
    check_param(check, "interface", &member_params[P_INTERFACE]);
    out->backend = check_query_str(check, &member_params[2]);
    out->interface = request_param(req, "interface");
    return true;
}

void queues_change_member(struct request *req)
{
    struct member_request what = {0};
    struct check *check = check_new(req);
    read_params(req, check, &what);
    const json_t *body = check_body(check, &change_schema);
    if (body) {
        read_state(check, body, &what);
        if (!what.sets_paused && !what.sets_penalty)
            check_problem(check, "body", "paused", "missing", "paused or penalty is required",
                          NULL);
    }
    if (!check_failed(check))
        start(req, &what, "Member changed");
}

void queues_remove_member(struct request *req)
{
    struct member_request what = {.remove = true};
    struct check *check = check_new(req);
    read_params(req, check, &what);
    if (!check_failed(check))
        start(req, &what, "Member removed");
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field answer_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "queue", .kind = FIELD_STR, .required = true, .example = "\"support\""},
    {.name = "interface", .kind = FIELD_STR, .required = true, .example = "\"PJSIP/8001\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Member changed\""},
    {.name = "member", .kind = FIELD_OBJECT, .of = &queues_member_schema,
     .help = "As it is now; null: it is none any more"},
    {0}};
/* clang-format on */
static const struct schema answer_schema = {"QueueMemberResponse", "What became of it",
                                            answer_fields};
#define MEMBER_ANSWERS(status, text)                                                               \
    {(status), (text), &answer_schema, NULL, NULL},                                                \
        {403, "Not an admin", &contact_center_detail, NULL, NULL},                                 \
        {409, "It is a member already, or is one by the configuration alone",                      \
         &contact_center_detail, NULL, NULL},                                                      \
        NAMED_REFUSALS("No such queue, member or backend"),                                        \
    {                                                                                              \
        0                                                                                          \
    }
static const struct route_answer add_answers[] = {MEMBER_ANSWERS(201, "It works there now")};
static const struct route_answer change_answers[] = {MEMBER_ANSWERS(200, "It is as was asked")};
static const struct route_answer remove_answers[] = {MEMBER_ANSWERS(200, "It is none any more")};
const struct route_doc queues_add_member_doc = {
    .id = "add_queue_member",
    .tag = "Queues",
    .summary = "Let somebody work in a queue",
    .params = add_params,
    .body = &add_schema,
    .answers = add_answers,
};
const struct route_doc queues_change_member_doc = {
    .id = "change_queue_member",
    .tag = "Queues",
    .summary = "Pause a member of a queue, let it go on, or give it another penalty",
    .params = member_params,
    .body = &change_schema,
    .answers = change_answers,
};
const struct route_doc queues_remove_member_doc = {
    .id = "remove_queue_member",
    .tag = "Queues",
    .summary = "Take a member out of a queue",
    .params = member_params,
    .answers = remove_answers,
};
