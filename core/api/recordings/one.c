/* one.c - one recording: what is known of it, and its end. */
#include <stdlib.h>

#include "api/recordings/private.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

static const char *rule_name(const char *name, const char *value)
{
    (void)name;
    return recording_name_refusal(value);
}

const char *recordings_rule_backend(const char *name, const char *value)
{
    (void)name;
    return str_only(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
               ? NULL
               : "Input should be the name of a backend";
}

/* clang-format off */
const struct field recordings_params[] = {
    {.name = "id", .kind = FIELD_STR, .required = true, .rule = rule_name,
     .min = 1, .max = RECORDING_NAME_MAX,
     .help = "Its name: one of a call's `recordings`",
     .example = "\"20251001-120007-019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "backend", .kind = FIELD_STR, .max = 40, .rule = recordings_rule_backend,
     .help = "Where to look; without it on all of them, the active one first",
     .example = "\"pbx\""},
    {0}};
/* clang-format on */

bool recordings_read_params(struct request *req, const char **name, const char **backend)
{
    struct check *check = check_new(req);
    check_param(check, "id", &recordings_params[0]);
    *backend = check_query_str(check, &recordings_params[1]);
    *name = request_param(req, "id");
    return !check_failed(check);
}

static void write_number(struct json_writer *w, const char *key, uint64_t number)
{
    if (number)
        jw_int(w, key, (int64_t)number);
    else
        jw_null(w, key);
}

void recordings_write(struct json_writer *w, const struct recording *r)
{
    jw_object(w, NULL);
    jw_str(w, "id", r->name);
    jw_str(w, "backend", r->backend);
    jw_str(w, "call_id", *r->told.call_id ? r->told.call_id : NULL);
    jw_str(w, "format", r->format);
    write_number(w, "bytes", r->bytes);
    write_number(w, "duration_ms", r->duration_ms);
    jw_time(w, "created_at", recording_created_ms(r));
    jw_time(w, "changed_at", r->at_ms);
    jw_end(w);
}

/* ---- Asking for one ------------------------------------------------------------------------- */

struct looking {
    struct hop *hop;
    char *name, *backend, *user;
    enum dg_err err;
    char *message;
    struct buf body;
};

static void looking_free(void *data)
{
    struct looking *l = data;
    free(l->name);
    free(l->backend);
    free(l->user);
    free(l->message);
    buf_free(&l->body);
    free(l);
}

static void note(struct looking *l, const struct recordings_answer *answer)
{
    l->err = answer->err;
    l->message = xstrdup(answer->message);
}

static void on_found(void *arg, const struct recordings_answer *answer)
{
    struct looking *l = arg;
    struct json_writer w;
    note(l, answer);
    jw_init(&w, &l->body);
    if (answer->count)
        recordings_write(&w, answer->list);
    hop_done(l->hop);
}

static void run_find(struct hop *hop, void *data)
{
    struct looking *l = data;
    l->hop = hop;
    recordings_find(((struct api *)hop_app(hop))->recordings, l->name, l->backend, on_found, l);
}

static void back(struct request *req, void *data)
{
    struct looking *l = data;
    if (l->err != DG_OK)
        contact_center_problem(req, l->err, l->message);
    else
        reply_json(req, 200, &l->body);
}

static void start(struct request *req, hop_run_fn *run)
{
    const char *name, *backend;
    if (!recordings_read_params(req, &name, &backend))
        return;
    struct looking *l = xcalloc(1, sizeof *l);
    l->name = xstrdup(name);
    l->backend = xstrdup(backend);
    l->user = xstrdup(request_identity(req)->subject);
    buf_init(&l->body, BUF_MAX);
    hop_start(req, l, run, back, looking_free);
}

void recordings_get_one(struct request *req)
{
    start(req, run_find);
}

/* ---- Deleting ------------------------------------------------------------------------------- */

static void on_deleted(void *arg, const struct recordings_answer *answer)
{
    struct looking *l = arg;
    struct json_writer w;
    note(l, answer);
    if (answer->err == DG_OK) {
        log_info("recordings", "recording deleted", LOG_S("name", l->name),
                 LOG_S("instance", answer->list->backend), LOG_S("user", l->user));
        jw_init(&w, &l->body);
        jw_object(&w, NULL);
        jw_bool(&w, "success", true);
        jw_str(&w, "id", l->name);
        jw_str(&w, "message", "Recording deleted");
        jw_end(&w);
    }
    hop_done(l->hop);
}

static void run_delete(struct hop *hop, void *data)
{
    struct looking *l = data;
    l->hop = hop;
    recordings_delete(((struct api *)hop_app(hop))->recordings, l->name, l->backend, on_deleted, l);
}

void recordings_remove(struct request *req)
{
    start(req, run_delete);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field recording_fields[] = {
    {.name = "id", .kind = FIELD_STR, .required = true,
     .help = "Its name: the file's, without extension",
     .example = "\"20251001-120007-019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "backend", .kind = FIELD_STR, .required = true, .help = "Whose server has it",
     .example = "\"pbx\""},
    {.name = "call_id", .kind = FIELD_STR,
     .help = "The call that was recorded; null: no gateway has made the recording",
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "format", .kind = FIELD_STR, .example = "\"wav\""},
    {.name = "bytes", .kind = FIELD_INT,
     .help = "null: not known; ARI without a shared folder tells it of a single one, not in lists",
     .example = "160044"},
    {.name = "duration_ms", .kind = FIELD_INT, .help = "null: not known", .example = "10000"},
    {.name = "created_at", .kind = FIELD_TIME,
     .help = "As its name says, else when it was written to last",
     .example = "\"2025-10-01T12:00:07.000Z\""},
    {.name = "changed_at", .kind = FIELD_TIME, .help = "When it was written to last",
     .example = "\"2025-10-01T12:00:17.120Z\""},
    {0}};
static const struct field deleted_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "id", .kind = FIELD_STR, .required = true,
     .example = "\"20251001-120007-019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Recording deleted\""},
    {0}};
/* clang-format on */
const struct schema recordings_schema = {"Recording", "What was recorded", recording_fields};
static const struct schema deleted_schema = {"RecordingDeleted", "It is gone", deleted_fields};
static const struct route_answer one_answers[] = {
    {200, "What is known of it", &recordings_schema, NULL, NULL}, RECORDINGS_REFUSALS, {0}};
const struct route_doc recordings_get_one_doc = {
    .id = "get_recording",
    .tag = "Recordings",
    .summary = "A recording by its name",
    .params = recordings_params,
    .answers = one_answers,
};
static const struct route_answer remove_answers[] = {
    {200, "It is gone, in all formats that there were of it", &deleted_schema, NULL, NULL},
    {403, "Not an admin", &contact_center_detail, NULL, NULL},
    {409, "It is still being made", &contact_center_detail, NULL, NULL},
    RECORDINGS_REFUSALS,
    {0}};
const struct route_doc recordings_remove_doc = {
    .id = "delete_recording",
    .tag = "Recordings",
    .summary = "Delete a recording",
    .params = recordings_params,
    .answers = remove_answers,
};
