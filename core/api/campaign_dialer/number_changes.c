/* number_changes.c - POST /api/campaigns/:id/numbers/delete, reset, requeue: many by a filter. */
#include <stdlib.h>

#include "api/campaign_dialer/campaigns.h"
#include "base/clock.h"
#include "base/str.h"
#include "domain/dialer.h"

struct changing {
    struct number_filter filter;
    enum number_action action;
    const char *verb; /* "deleted" */
};

static void on_done(void *arg, const struct numbers_answer *answer)
{
    struct dialer_task *t = arg;
    const struct changing *c = t->own;
    if (answer->err != DG_OK) {
        task_fail(t, answer->err, answer->message);
        return;
    }
    dialer_wake(t->api->dialer, t->id);
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_int(w, "campaign_id", t->id);
    jw_int(w, "count", (int64_t)answer->count);
    jw_end(w);
    char *text =
        xasprintf("%llu numbers %s successfully", (unsigned long long)answer->count, c->verb);
    task_done(t, 200, text);
    free(text);
}

static void on_campaign(void *arg, enum dg_err err, const char *message,
                        const struct campaign_counts *counts)
{
    struct dialer_task *t = arg;
    struct changing *c = t->own;
    (void)counts;
    if (err == DG_ENOTFOUND) {
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
    } else if (err != DG_OK) {
        task_fail(t, err, message);
    } else if (!task_wrong(t)) {
        c->filter.campaign = t->id;
        numbers_apply(t->api->store, t->api->ledger, &c->filter, c->action, on_done, t);
    }
}

static void run(struct dialer_task *t)
{
    ledger_counts(t->api->ledger, t->id, on_campaign, t);
}

/* ---- The filter ---------------------------------------------------------------------------- */

#define STATUSES "Must be: pending, failed, completed, no_answer, or busy"

static const char *rule_status(const char *name, const char *value)
{
    enum number_status status;
    (void)name;
    if (!number_status_parse(value, &status) || status == NUMBER_CALLING ||
        status == NUMBER_ANSWERED)
        return STATUSES;
    return NULL;
}

static const char *rule_moment(const char *name, const char *value)
{
    int64_t ms, span;
    (void)name;
    return clock_parse_plain(value, &ms, &span) ? NULL
                                                : "Must be YYYY-MM-DD, with or without HH:MM:SS";
}

static const char *rule_digits(const char *name, const char *value)
{
    (void)name;
    return *value ? NULL : "Must not be empty";
}

/* clang-format off */
static const struct field filter_fields[] = {
    {.name = "status", .kind = FIELD_STR_LIST, .rule = rule_status,
     .help = "Of these; without it all that are not in a call"},
    {.name = "phone_number", .kind = FIELD_STR, .max = NUMBER_PHONE_MAX, .rule = rule_digits,
     .help = "Beginning with", .example = "\"+1555\""},
    {.name = "min_attempts", .kind = FIELD_INT, .min = 0, .max = 1000000, .example = "1"},
    {.name = "max_attempts", .kind = FIELD_INT, .min = 0, .max = 1000000, .example = "3"},
    {.name = "created_from", .kind = FIELD_STR, .rule = rule_moment,
     .example = "\"2025-10-01\""},
    {.name = "created_to", .kind = FIELD_STR, .rule = rule_moment, .example = "\"2025-10-01\"",
     .help = "The last day, or time, that counts"},
    {.name = "all", .kind = FIELD_INT, .max = 1, .example = "1",
     .help = "1: of the whole campaign; nothing else is needed then"},
    {0}};
/* clang-format on */
static const struct schema filter_schema = {"DialerNumberFilter",
                                            "Which numbers; one member at least", filter_fields};

static int64_t moment(const json_t *body, const char *name, bool end)
{
    int64_t ms, span;
    const char *text = check_str(body, name);
    if (!text || !clock_parse_plain(text, &ms, &span))
        return 0;
    return end ? ms + span : ms;
}

static void read_filter(struct dialer_task *t, const json_t *body, struct number_filter *f)
{
    size_t i;
    json_t *item;
    enum number_status status;
    json_array_foreach(json_object_get(body, "status"), i, item)
    {
        if (number_status_parse(json_string_value(item), &status))
            f->statuses |= 1u << status;
    }
    f->phone_number = arena_strdup(t->arena, check_str(body, "phone_number"));
    f->min_attempts = check_int(body, "min_attempts", -1);
    f->max_attempts = check_int(body, "max_attempts", -1);
    f->created_from_ms = moment(body, "created_from", false);
    f->created_to_ms = moment(body, "created_to", true);
}

static void change(struct request *req, enum number_action action, const char *verb)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (!t)
        return;
    const json_t *body = task_body(req, t, &filter_schema, BODY_UPDATES);
    struct changing *c = t->own = arena_alloc(t->arena, sizeof *c);
    c->action = action;
    c->verb = verb;
    if (body)
        read_filter(t, body, &c->filter);
    task_start(req, t, run);
}

void dialer_numbers_delete_many(struct request *req)
{
    change(req, NUMBERS_DELETE, "deleted");
}

void dialer_numbers_reset(struct request *req)
{
    change(req, NUMBERS_RESET, "reset");
}

void dialer_numbers_requeue(struct request *req)
{
    change(req, NUMBERS_REQUEUE, "queued");
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field done_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "2 numbers deleted successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = "campaign_id, count",
     .example = "{\"campaign_id\":1,\"count\":2}"},
    {0}};
/* clang-format on */
static const struct schema done_answer = {"DialerNumbersChanged", "How many it were", done_fields};
static const struct route_answer answers[] = {
    {200, "It is done", &done_answer, NULL, NULL},
    {400, "Nothing says which numbers, or it is wrong", &dialer_error, NULL, NULL},
    {404, "There is no such campaign", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};

#define CHANGE_DOC(name, operation, text, more)                                                    \
    const struct route_doc dialer_numbers_##name##_doc = {                                         \
        .id = operation,                                                                           \
        .tag = DIALER_TAG_NUMBERS,                                                                 \
        .summary = text,                                                                           \
        .help = more,                                                                              \
        .params = dialer_id_param,                                                                 \
        .body = &filter_schema,                                                                    \
        .answers = answers,                                                                        \
    }

CHANGE_DOC(delete_many, "delete_numbers", "Delete numbers by a filter",
           "Numbers that are in a call are left alone.");
CHANGE_DOC(reset, "reset_numbers", "Begin anew with numbers",
           "As if they were never dialled: pending, no attempts. Numbers that are in a call are "
           "left alone.");
CHANGE_DOC(requeue, "requeue_numbers", "Dial numbers once more",
           "Pending at once, with the attempts that were made. Numbers that are in a call are left "
           "alone.");
