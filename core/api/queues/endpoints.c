/* endpoints.c - GET /api/v2/endpoints: lines and trunks, whether they are registered, and what
 * their devices are doing. */
#include <stdlib.h>
#include <string.h>

#include "api/queues/private.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/endpoints.h"

#define NAME_MAX_LEN 160
#define LETTERS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const char *rule_part(const char *name, const char *value)
{
    (void)name;
    return str_has_control(value) ? "Input should be a part of an endpoint's name" : NULL;
}

static const char *rule_technology(const char *name, const char *value)
{
    (void)name;
    return str_only(value, LETTERS) ? NULL : "Input should be a technology, as PJSIP";
}

static const char *rule_endpoint_name(const char *name, const char *value)
{
    (void)name;
    return strchr(value, '/') && !str_has_control(value)
               ? NULL
               : "Input should be a technology and a name, as PJSIP/100, with / as %2F";
}

static const char *rule_yes_or_no(const char *name, const char *value)
{
    bool yes;
    (void)name;
    return str_to_bool(value, &yes) ? NULL : "Input should be true or false";
}

/* clang-format off */
enum { Q_TECHNOLOGY, Q_SEARCH, Q_AVAILABLE, Q_BACKEND, Q_PAGE, Q_PER_PAGE, Q_CURSOR };
static const struct field list_params[] = {
    [Q_TECHNOLOGY] = {.name = "technology", .kind = FIELD_STR, .max = 40, .rule = rule_technology,
                      .help = "Exactly", .example = "\"PJSIP\""},
    [Q_SEARCH] = {.name = "search", .kind = FIELD_STR, .max = 100, .rule = rule_part,
                  .help = "Is in the name", .example = "\"80\""},
    [Q_AVAILABLE] = {.name = "available", .kind = FIELD_STR, .max = 5, .rule = rule_yes_or_no,
                     .help = "true: can be rung now; false: cannot", .example = "true"},
    [Q_BACKEND] = NAMED_BACKEND_FIELD("On this backend's server"),
    [Q_PAGE] = PAGE_NUMBER_FIELD,
    [Q_PER_PAGE] = PAGE_SIZE_FIELD,
    [Q_CURSOR] = NAMED_CURSOR_FIELD,
    {0}};
enum { P_ENDPOINT, P_BACKEND };
static const struct field one_params[] = {
    [P_ENDPOINT] = {.name = "endpoint", .kind = FIELD_STR, .required = true, .min = 3,
                    .max = NAME_MAX_LEN, .rule = rule_endpoint_name,
                    .help = "Technology and name, with / as %2F", .example = "\"PJSIP%2F100\""},
    [P_BACKEND] = NAMED_BACKEND_FIELD("On this backend's server; else the first that has it"),
    {0}};
/* clang-format on */

struct asking {
    struct hop *hop;
    struct arena *arena;
    const char *one; /* NULL: a page of them */
    const char *technology, *search, *available, *backend;
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

struct entry {
    const char *key, *name; /* "pbx/PJSIP/100", its end "PJSIP/100" */
    const struct gathered *endpoint;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static bool is_wanted(const struct asking *a, const struct dg_endpoint *e, const char *name)
{
    bool available = true;
    if (a->one)
        return str_eq(a->one, name);
    if (a->available)
        str_to_bool(a->available, &available);
    return (!a->technology || str_ieq(a->technology, e->technology)) &&
           (!a->search || strstr(name, a->search)) && (!a->available || available == e->available);
}

static void write_endpoint(struct json_writer *w, const struct entry *entry)
{
    const struct dg_endpoint *e = entry->endpoint->item;
    jw_object(w, NULL);
    jw_str(w, "endpoint", entry->name);
    jw_str(w, "technology", e->technology);
    jw_str(w, "resource", e->resource);
    jw_str(w, "backend", entry->endpoint->backend);
    jw_bool(w, "registered", e->registered);
    jw_bool(w, "available", e->available);
    jw_str(w, "state", e->state);
    jw_int(w, "active_calls", e->active_calls);
    jw_end(w);
}

static size_t choose(struct asking *a, const struct gather_answer *answer, struct entry *out)
{
    size_t count = 0;
    for (size_t i = 0; i < answer->count; i++) {
        const struct dg_endpoint *e = answer->items[i].item;
        struct buf key;
        if (!e)
            continue;
        buf_init(&key, BUF_MAX);
        buf_addf(&key, "%s/%s/%s", answer->items[i].backend, e->technology, e->resource);
        const char *name = buf_cstr(&key) + strlen(answer->items[i].backend) + 1;
        if (is_wanted(a, e, name)) {
            const char *kept = arena_strdup(a->arena, buf_cstr(&key));
            out[count++] = (struct entry){kept, kept + (name - buf_cstr(&key)), &answer->items[i]};
        }
        buf_free(&key);
    }
    return count;
}

static void render_page(struct asking *a, struct entry *entries, size_t count)
{
    struct json_writer w;
    qsort(entries, count, sizeof *entries, by_key);
    jw_init(&w, &a->body);
    jw_object(&w, NULL);
    jw_array(&w, "endpoints");
    for (size_t i = 0; i < count; i++)
        if (named_shows(&a->place, entries[i].key))
            write_endpoint(&w, &entries[i]);
    jw_end(&w);
    named_write_end(&w, &a->place);
    jw_end(&w);
}

static void on_endpoints(void *arg, const struct gather_answer *answer)
{
    struct asking *a = arg;
    struct json_writer w;
    a->err = answer->err;
    a->message = arena_strdup(a->arena, answer->message);
    struct entry *entries = arena_alloc(a->arena, (answer->count + 1) * sizeof *entries);
    size_t count = choose(a, answer, entries);
    if (a->err == DG_OK && a->one && !count) {
        a->err = DG_ENOTFOUND;
        a->message = "Endpoint not found";
    } else if (a->err == DG_OK && a->one) {
        jw_init(&w, &a->body);
        write_endpoint(&w, &entries[0]);
    } else if (a->err == DG_OK) {
        render_page(a, entries, count);
    }
    hop_done(a->hop);
}

static void run(struct hop *hop, void *data)
{
    struct asking *a = data;
    struct endpoints *endpoints = ((struct api *)hop_app(hop))->endpoints;
    a->hop = hop;
    if (a->one)
        endpoints_find(endpoints, a->one, a->backend, on_endpoints, a);
    else
        endpoints_list(endpoints, a->backend, on_endpoints, a);
}

static void back(struct request *req, void *data)
{
    struct asking *a = data;
    if (a->err == DG_OK)
        reply_json(req, 200, &a->body);
    else
        contact_center_problem(req, a->err, a->message);
}

void endpoints_get_one(struct request *req)
{
    struct check *check = check_new(req);
    check_param(check, "endpoint", &one_params[P_ENDPOINT]);
    const char *backend = check_query_str(check, &one_params[P_BACKEND]);
    if (check_failed(check))
        return;
    struct asking *a = asking_new();
    a->one = arena_strdup(a->arena, request_param(req, "endpoint"));
    a->backend = arena_strdup(a->arena, backend);
    hop_start(req, a, run, back, asking_free);
}

void endpoints_get_list(struct request *req)
{
    struct check *check = check_new(req);
    struct asking *a = asking_new();
    a->technology = arena_strdup(a->arena, check_query_str(check, &list_params[Q_TECHNOLOGY]));
    a->search = arena_strdup(a->arena, check_query_str(check, &list_params[Q_SEARCH]));
    a->available = arena_strdup(a->arena, check_query_str(check, &list_params[Q_AVAILABLE]));
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
static const struct field endpoint_fields[] = {
    {.name = "endpoint", .kind = FIELD_STR, .required = true, .example = "\"PJSIP/100\""},
    {.name = "technology", .kind = FIELD_STR, .required = true, .example = "\"PJSIP\""},
    {.name = "resource", .kind = FIELD_STR, .required = true, .example = "\"100\""},
    {.name = "backend", .kind = FIELD_STR, .required = true, .example = "\"pbx\""},
    {.name = "registered", .kind = FIELD_BOOL, .required = true,
     .help = "Its place is known: it has registered, or is configured with one",
     .example = "true"},
    {.name = "available", .kind = FIELD_BOOL, .required = true, .help = "It can be rung",
     .example = "true"},
    {.name = "state", .kind = FIELD_STR,
     .help = "Of its device: not in use, in use, busy, ringing, ringing and in use, on hold, "
             "unavailable, invalid or unknown",
     .example = "\"not in use\""},
    {.name = "active_calls", .kind = FIELD_INT, .required = true, .example = "0"},
    {0}};
/* clang-format on */
static const struct schema endpoint_schema = {"Endpoint", "A line or a trunk", endpoint_fields};
static const struct field list_fields[] = {
    {.name = "endpoints", .kind = FIELD_LIST, .required = true, .of = &endpoint_schema},
    NAMED_ANSWER_FIELDS,
    {0}};
static const struct schema list_schema = {"EndpointList", "Endpoints by backend and name",
                                          list_fields};
static const struct route_answer list_answers[] = {
    {200, "A page of them", &list_schema, NULL, NULL}, NAMED_REFUSALS("No such backend"), {0}};
static const struct route_answer one_answers[] = {
    {200, "The endpoint as it is now", &endpoint_schema, NULL, NULL},
    NAMED_REFUSALS("No such endpoint, or no such backend"),
    {0}};
const struct route_doc endpoints_get_list_doc = {
    .id = "list_endpoints",
    .tag = "Endpoints",
    .summary = "Lines and trunks: registered or not, and what their devices are doing",
    .help = "AMI tells of PJSIP alone. Changes are told as live events, `endpoint.changed`; the "
            "list is as of a second ago at most.",
    .params = list_params,
    .answers = list_answers,
};
const struct route_doc endpoints_get_one_doc = {
    .id = "get_endpoint",
    .tag = "Endpoints",
    .summary = "A line or trunk by its name",
    .params = one_params,
    .answers = one_answers,
};
