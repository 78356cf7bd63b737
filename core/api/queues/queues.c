/* queues.c - GET /api/v2/queues and /api/v2/queues/{name}. */
#include <stdlib.h>
#include <string.h>

#include "api/queues/private.h"
#include "base/mem.h"
#include "base/str.h"

const char *queues_rule_name(const char *name, const char *value)
{
    (void)name;
    return queue_name_refusal(value);
}

/* ---- What is asked for ----------------------------------------------------------------------- */

/* clang-format off */
enum { P_NAME, P_BACKEND };
static const struct field one_params[] = {
    [P_NAME] = {.name = "name", .kind = FIELD_STR, .required = true, .min = 1,
                .max = QUEUE_NAME_MAX, .rule = queues_rule_name, .help = "The queue's name",
                .example = "\"support\""},
    [P_BACKEND] = NAMED_BACKEND_FIELD("On this backend's server; else the first that has it"),
    {0}};
enum { Q_SEARCH, Q_BACKEND, Q_PAGE, Q_PER_PAGE, Q_CURSOR };
static const struct field list_params[] = {
    [Q_SEARCH] = {.name = "search", .kind = FIELD_STR, .max = QUEUE_NAME_MAX,
                  .rule = queues_rule_name, .help = "Is in the name", .example = "\"sup\""},
    [Q_BACKEND] = NAMED_BACKEND_FIELD("On this backend's server"),
    [Q_PAGE] = PAGE_NUMBER_FIELD,
    [Q_PER_PAGE] = PAGE_SIZE_FIELD,
    [Q_CURSOR] = NAMED_CURSOR_FIELD,
    {0}};
/* clang-format on */

struct asking {
    struct hop *hop;
    struct arena *arena;
    const char *name, *backend, *search; /* name NULL: a page of them */
    struct named_page place;
    enum dg_err err;
    const char *message;
    struct buf body;
};

static struct asking *asking_new(void)
{
    struct asking *a = xcalloc(1, sizeof *a);
    a->arena = arena_new();
    buf_init(&a->body, BUF_MAX);
    return a;
}

static void asking_free(void *data)
{
    struct asking *a = data;
    arena_free(a->arena);
    buf_free(&a->body);
    free(a);
}

/* ---- Rendering ---------------------------------------------------------------------------------
 */

void queues_write_member(struct json_writer *w, const char *key, const struct gathered *member)
{
    const struct dg_queue_member *m = member->item;
    jw_object(w, key);
    jw_str(w, "interface", m->interface);
    jw_str(w, "name", m->name);
    jw_str(w, "state", m->state);
    jw_bool(w, "paused", m->paused);
    jw_str(w, "pause_reason", m->paused && !str_empty(m->pause_reason) ? m->pause_reason : NULL);
    jw_int(w, "penalty", m->penalty);
    jw_int(w, "calls_taken", m->taken);
    jw_bool(w, "in_call", m->in_call);
    jw_time(w, "last_call_at", m->last_call_at_ms);
    jw_end(w);
}

static void write_caller(struct json_writer *w, const struct gathered *caller)
{
    const struct dg_queue_caller *c = caller->item;
    jw_object(w, NULL);
    jw_int(w, "position", c->position);
    jw_str(w, "call_id", c->call);
    jw_str(w, "caller_number", c->caller_number);
    jw_str(w, "caller_name", c->caller_name);
    jw_int(w, "wait_ms", (int64_t)c->wait_ms);
    jw_end(w);
}

static bool is_free(const struct dg_queue_member *m)
{
    return !m->paused && str_eq(m->state, "not in use");
}

static bool is_in(const struct gathered *queue, const char *name, const char *backend)
{
    return str_eq(((const struct dg_queue *)queue->item)->name, name) &&
           str_eq(queue->backend, backend);
}

static void write_members(struct json_writer *w, const struct gathered *queue,
                          const struct queues_answer *a, bool whole)
{
    int64_t count = 0, idle = 0;
    if (whole)
        jw_array(w, "members");
    for (size_t i = 0; i < a->member_count; i++) {
        const struct dg_queue_member *m = a->members[i].item;
        if (!is_in(queue, m->queue, a->members[i].backend))
            continue;
        count++;
        idle += is_free(m);
        if (whole)
            queues_write_member(w, NULL, &a->members[i]);
    }
    if (whole)
        jw_end(w);
    jw_int(w, "member_count", count);
    jw_int(w, "members_free", idle);
}

static void write_callers(struct json_writer *w, const struct gathered *queue,
                          const struct queues_answer *a)
{
    jw_array(w, "callers");
    for (size_t i = 0; i < a->caller_count; i++) {
        const struct dg_queue_caller *c = a->callers[i].item;
        if (is_in(queue, c->queue, a->callers[i].backend))
            write_caller(w, &a->callers[i]);
    }
    jw_end(w);
}

static int64_t longest_wait_ms(const struct gathered *queue, const struct queues_answer *a)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < a->caller_count; i++) {
        const struct dg_queue_caller *c = a->callers[i].item;
        if (is_in(queue, c->queue, a->callers[i].backend) && c->wait_ms > longest)
            longest = c->wait_ms;
    }
    return (int64_t)longest;
}

static void write_queue(struct json_writer *w, const struct gathered *queue,
                        const struct queues_answer *a, bool whole)
{
    const struct dg_queue *q = queue->item;
    jw_object(w, NULL);
    jw_str(w, "name", q->name);
    jw_str(w, "backend", queue->backend);
    jw_str(w, "strategy", q->strategy);
    jw_int(w, "waiting", q->waiting);
    jw_int(w, "longest_wait_ms", longest_wait_ms(queue, a));
    jw_int(w, "average_wait_ms", (int64_t)q->hold_ms);
    jw_int(w, "average_talk_ms", (int64_t)q->talk_ms);
    jw_int(w, "completed", q->completed);
    jw_int(w, "abandoned", q->abandoned);
    write_members(w, queue, a, whole);
    if (whole)
        write_callers(w, queue, a);
    jw_end(w);
}

struct entry {
    const char *key;
    const struct gathered *queue;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static void render_page(struct asking *a, const struct queues_answer *answer)
{
    struct json_writer w;
    struct entry *entries = arena_alloc(a->arena, (answer->queue_count + 1) * sizeof(struct entry));
    size_t count = 0;
    for (size_t i = 0; i < answer->queue_count; i++) {
        const struct dg_queue *q = answer->queues[i].item;
        struct buf key;
        if (a->search && !strstr(q->name, a->search))
            continue;
        buf_init(&key, BUF_MAX);
        buf_addf(&key, "%s/%s", answer->queues[i].backend, q->name);
        entries[count++] =
            (struct entry){arena_strdup(a->arena, buf_cstr(&key)), &answer->queues[i]};
        buf_free(&key);
    }
    qsort(entries, count, sizeof *entries, by_key);
    jw_init(&w, &a->body);
    jw_object(&w, NULL);
    jw_array(&w, "queues");
    for (size_t i = 0; i < count; i++)
        if (named_shows(&a->place, entries[i].key))
            write_queue(&w, entries[i].queue, answer, false);
    jw_end(&w);
    named_write_end(&w, &a->place);
    jw_end(&w);
}

static void on_queues(void *arg, const struct queues_answer *answer)
{
    struct asking *a = arg;
    struct json_writer w;
    a->err = answer->err;
    a->message = arena_strdup(a->arena, answer->message);
    if (answer->err == DG_OK && a->name) {
        jw_init(&w, &a->body);
        write_queue(&w, &answer->queues[0], answer, true);
    } else if (answer->err == DG_OK) {
        render_page(a, answer);
    }
    hop_done(a->hop);
}

static void run(struct hop *hop, void *data)
{
    struct asking *a = data;
    a->hop = hop;
    queues_ask(((struct api *)hop_app(hop))->calls, a->name, a->backend, on_queues, a);
}

static void back(struct request *req, void *data)
{
    struct asking *a = data;
    if (a->err == DG_OK)
        reply_json(req, 200, &a->body);
    else
        contact_center_problem(req, a->err, a->message);
}

void queues_get_one(struct request *req)
{
    struct check *check = check_new(req);
    check_param(check, "name", &one_params[P_NAME]);
    const char *backend = check_query_str(check, &one_params[P_BACKEND]);
    if (check_failed(check))
        return;
    struct asking *a = asking_new();
    a->name = arena_strdup(a->arena, request_param(req, "name"));
    a->backend = arena_strdup(a->arena, backend);
    hop_start(req, a, run, back, asking_free);
}

void queues_get_list(struct request *req)
{
    struct check *check = check_new(req);
    struct asking *a = asking_new();
    a->search = arena_strdup(a->arena, check_query_str(check, &list_params[Q_SEARCH]));
    a->backend = arena_strdup(a->arena, check_query_str(check, &list_params[Q_BACKEND]));
    a->place.after = arena_strdup(a->arena, check_query_str(check, &list_params[Q_CURSOR]));
    page_read(check, req, a->place.after != NULL, &a->place.page);
    if (check_failed(check))
        asking_free(a);
    else
        hop_start(req, a, run, back, asking_free);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
#define QUEUE_FIELDS                                                                               \
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"support\""},               \
    {.name = "backend", .kind = FIELD_STR, .required = true,                                       \
     .help = "Who tells of it: a backend, or the companion of one", .example = "\"pbx\""},         \
    {.name = "strategy", .kind = FIELD_STR, .example = "\"ringall\""},                             \
    {.name = "waiting", .kind = FIELD_INT, .required = true, .help = "Callers", .example = "1"},   \
    {.name = "longest_wait_ms", .kind = FIELD_INT, .required = true,                               \
     .help = "Of those who wait now", .example = "7000"},                                          \
    {.name = "average_wait_ms", .kind = FIELD_INT, .required = true,                               \
     .help = "Of those who were served", .example = "12000"},                                      \
    {.name = "average_talk_ms", .kind = FIELD_INT, .required = true, .example = "95000"},          \
    {.name = "completed", .kind = FIELD_INT, .required = true, .help = "Callers served",           \
     .example = "42"},                                                                             \
    {.name = "abandoned", .kind = FIELD_INT, .required = true, .help = "Callers who gave up",      \
     .example = "3"},                                                                              \
    {.name = "member_count", .kind = FIELD_INT, .required = true, .example = "2"},                 \
    {.name = "members_free", .kind = FIELD_INT, .required = true,                                  \
     .help = "Neither paused nor busy in any way", .example = "1"}
static const struct field member_fields[] = {
    {.name = "interface", .kind = FIELD_STR, .required = true, .help = "What is rung",
     .example = "\"PJSIP/8001\""},
    {.name = "name", .kind = FIELD_STR, .example = "\"Alice\""},
    {.name = "state", .kind = FIELD_STR, .required = true,
     .help = "not in use, in use, busy, ringing, ringing and in use, on hold, unavailable, "
             "invalid or unknown",
     .example = "\"not in use\""},
    {.name = "paused", .kind = FIELD_BOOL, .required = true, .example = "false"},
    {.name = "pause_reason", .kind = FIELD_STR, .example = "null"},
    {.name = "penalty", .kind = FIELD_INT, .required = true, .help = "The lower, the sooner",
     .example = "0"},
    {.name = "calls_taken", .kind = FIELD_INT, .required = true, .example = "21"},
    {.name = "in_call", .kind = FIELD_BOOL, .required = true,
     .help = "Talks to a caller of this queue; Asterisk tells it from version 16 on",
     .example = "false"},
    {.name = "last_call_at", .kind = FIELD_TIME, .example = "\"2025-10-01T12:00:07.000Z\""},
    {0}};
static const struct field caller_fields[] = {
    {.name = "position", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "call_id", .kind = FIELD_STR,
     .help = "Of a call that is not this gateway's: what the telephone system calls it",
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "caller_number", .kind = FIELD_STR, .example = "\"5550100\""},
    {.name = "caller_name", .kind = FIELD_STR, .example = "null"},
    {.name = "wait_ms", .kind = FIELD_INT, .required = true, .example = "7000"},
    {0}};
static const struct schema caller_schema = {"QueueCaller", "Who waits", caller_fields};
static const struct field queue_fields[] = {QUEUE_FIELDS, {0}};
static const struct field whole_fields[] = {
    QUEUE_FIELDS,
    {.name = "members", .kind = FIELD_LIST, .required = true, .of = &queues_member_schema},
    {.name = "callers", .kind = FIELD_LIST, .required = true, .of = &caller_schema},
    {0}};
/* clang-format on */
const struct schema queues_member_schema = {"QueueMember", "Who works in the queue", member_fields};
static const struct schema queue_schema = {"Queue", "A queue", queue_fields};
static const struct schema whole_schema = {"QueueDetails", "A queue, who works there, who waits",
                                           whole_fields};
static const struct field list_fields[] = {
    {.name = "queues", .kind = FIELD_LIST, .required = true, .of = &queue_schema},
    NAMED_ANSWER_FIELDS,
    {0}};
static const struct schema list_schema = {"QueueList", "Queues by backend and name", list_fields};
static const struct route_answer list_answers[] = {
    {200, "A page of them", &list_schema, NULL, NULL}, NAMED_REFUSALS("No such backend"), {0}};
static const struct route_answer one_answers[] = {
    {200, "The queue as it is now", &whole_schema, NULL, NULL},
    NAMED_REFUSALS("No such queue, or no such backend"),
    {0}};
#define QUEUES_HELP                                                                                \
    "ARI has no word for queues: a backend of that plugin needs a `companion` of the plugin "      \
    "`ami`. Changes are told as live events, `queue.changed`."
const struct route_doc queues_get_list_doc = {
    .id = "list_queues",
    .tag = "Queues",
    .summary = "The telephone system's queues",
    .help = QUEUES_HELP,
    .params = list_params,
    .answers = list_answers,
};
const struct route_doc queues_get_one_doc = {
    .id = "get_queue",
    .tag = "Queues",
    .summary = "A queue: who works there, and who has been waiting for how long",
    .help = QUEUES_HELP,
    .params = one_params,
    .answers = one_answers,
};
