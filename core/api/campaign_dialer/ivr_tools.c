/* ivr_tools.c - /api/ivr: faults, dry runs, counts. */
#include "api/campaign_dialer/ivr.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "domain/campaigns.h"
#include "domain/ivr_simulate.h"
#include "domain/ivr_stats.h"

/* ---- Faults -------------------------------------------------------------------------------- */

/* What calls begin with, and whose faults are asked for. */
struct validating {
    struct ivr_body *body;
    int64_t campaign; /* 0: all */
    struct ivr_book *book;
    int64_t *entries, *shown;
    size_t entry_count, shown_count;
    bool sent;
};

static void put(int64_t **list, size_t *count, int64_t id)
{
    *list = xrealloc(*list, (*count + 1) * sizeof **list);
    (*list)[(*count)++] = id;
}

static void on_files(void *arg, const struct audio_answer *files)
{
    struct dialer_task *t = arg;
    struct validating *v = t->own;
    struct ivr_findings found;
    const struct ivr_check check = {.book = v->book,
                                    .entries = v->entries,
                                    .entry_count = v->entry_count,
                                    .has_file = files->err == DG_OK ? ivr_has_file : NULL,
                                    .arg = (void *)files};
    ivr_check(&check, &found);
    ivr_findings_only(&found, v->shown, v->shown_count);
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_bool(w, "valid", !found.errors);
    jw_int(w, "menus", (int64_t)v->shown_count);
    ivr_findings_write(&found, w, "findings");
    jw_end(w);
    ivr_findings_clear(&found);
    ivr_book_unref(v->book);
    free(v->entries);
    free(v->shown);
    task_done(t, 200, "IVR menus validated successfully");
}

static void judge(struct dialer_task *t)
{
    audio_list_all(t->api->audio, on_files, t);
}

static void on_campaigns(void *arg, const struct campaign_list *list)
{
    struct dialer_task *t = arg;
    struct validating *v = t->own;
    int64_t menu;
    for (size_t i = 0; list->err == DG_OK && i < list->count; i++) {
        const struct campaign *c = list->entries[i].campaign;
        if (c->dest_type == DEST_IVR && str_to_int(c->dest_value, &menu))
            put(&v->entries, &v->entry_count, menu);
    }
    /* Calls of no campaign begin where they are told to: the oldest stands for that. */
    if (!v->entry_count && v->shown_count)
        put(&v->entries, &v->entry_count, v->shown[v->shown_count - 1]);
    judge(t);
}

static void on_stored(void *arg, const struct ivr_menu_list *list)
{
    struct dialer_task *t = arg;
    struct validating *v = t->own;
    if (list->err != DG_OK) {
        ivr_book_unref(v->book);
        free(v->entries);
        free(v->shown);
        task_fail(t, list->err, list->message);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct ivr_menu *m = list->menus[i];
        if (v->sent)
            put(&v->entries, &v->entry_count, m->id);
        else if (!v->campaign || m->campaign_id == v->campaign)
            put(&v->shown, &v->shown_count, m->id);
        ivr_book_add(v->book, ivr_menu_copy(m)); /* one that was sent stays */
    }
    const struct campaign_query all = {0};
    if (v->sent)
        judge(t);
    else
        campaigns_list(t->api->campaigns, &all, on_campaigns, t);
}

/* Those that are sent stand in the place of those that are stored under the same ids. */
static bool take_sent(struct dialer_task *t, const json_t *body)
{
    struct validating *v = t->own;
    size_t count;
    struct ivr_menu **menus = ivr_sent_menus(t, body, &count);
    if (!menus)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!menus[i]->id)
            menus[i]->id = -1 - (int64_t)i; /* nothing leads there */
        put(&v->shown, &v->shown_count, menus[i]->id);
        ivr_book_add(v->book, menus[i]);
    }
    put(&v->entries, &v->entry_count, v->shown[0]);
    free(menus);
    return true;
}

static void run_validate(struct dialer_task *t)
{
    struct validating *v = t->own;
    const struct ivr_menu_query all = {0};
    json_t *body = ivr_body_read(v->body);
    v->sent = json_object_get(body, "menus") != NULL;
    v->campaign = json_get_int(body, "campaign_id", 0);
    v->book = ivr_book_new();
    bool fine = !v->sent || take_sent(t, body);
    json_decref(body);
    if (fine)
        ivr_menus_list(t->api->ivr_menus, &all, on_stored, t);
    else
        ivr_book_unref(v->book);
}

/* clang-format off */
static const struct field validate_fields[] = {
    {.name = "menus", .kind = FIELD_LIST, .of = &ivr_menu_shown,
     .help = "Menus as they are exported; without them those that are stored"},
    IVR_CAMPAIGN_FIELD("Of those that are stored, the menus of this campaign"),
    {0}};
static const struct field simulate_fields[] = {
    {.name = "keys", .kind = FIELD_STR, .required = true, .max = IVR_SIMULATE_KEYS_MAX,
     .pattern = "^[0-9*#t,]*$",
     .help = "What the caller does: 0-9 * # are pressed, `t` waits for the timeout, a comma for "
             "the time between two keys",
     .example = "\"2t1\""},
    {0}};
/* clang-format on */
static const struct schema validate_body = {"IvrValidate", "What is to be looked at",
                                            validate_fields};
static const struct schema simulate_body = {"IvrSimulate", "Keys", simulate_fields};

void dialer_ivr_validate(struct request *req)
{
    const json_t *body = dialer_body(req, &validate_body, BODY_CREATES);
    if (!body)
        return;
    struct dialer_task *t = task_new(req);
    struct validating *v = t->own = arena_alloc(t->arena, sizeof *v);
    v->body = ivr_body_keep(t, body);
    task_start(req, t, run_validate);
}

/* ---- Dry runs ------------------------------------------------------------------------------ */

static void on_book_to_walk(void *arg, const struct ivr_book_answer *answer)
{
    struct dialer_task *t = arg;
    struct ivr_session s;
    if (answer->err != DG_OK) {
        ivr_fail(t, answer->err, answer->message);
        return;
    }
    ivr_simulate(&s, answer->book, t->id, t->own);
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_str(w, "keys", t->own);
    jw_bool(w, "ended", s.state == IVR_OVER);
    jw_int(w, "menu_id", s.menu ? s.menu->id : t->id);
    jw_str(w, "menu_name", s.menu ? s.menu->name : NULL);
    jw_str(w, "result", ivr_reason(&s));
    ivr_marks_write(&s, w, "path");
    jw_end(w);
    ivr_session_clear(&s);
    task_done(t, 200, "IVR menu simulated successfully");
}

static void run_simulate(struct dialer_task *t)
{
    if (!task_wrong(t))
        ivr_menus_book(t->api->ivr_menus, t->id, on_book_to_walk, t);
}

void dialer_ivr_simulate(struct request *req)
{
    struct dialer_task *t = ivr_task(req);
    if (!t)
        return;
    const json_t *body = dialer_judge(req, &simulate_body, BODY_CREATES, &t->wrong);
    const char *keys = body ? check_str(body, "keys") : "";
    const char *why = ivr_simulate_refusal(keys);
    if (!why) {
        t->own = arena_strdup(t->arena, keys);
        task_start(req, t, run_simulate);
        return;
    }
    dialer_refuse(req, 400, "Invalid keys. They must be of 0-9 * # t and comma",
                  json_pack("{s:s}", "keys", why));
    task_free(t);
}

/* ---- Counts -------------------------------------------------------------------------------- */

static void on_counts(void *arg, enum dg_err err, const char *message,
                      const struct ivr_counts *counts)
{
    struct dialer_task *t = arg;
    if (err != DG_OK) {
        task_fail(t, err, message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_int(w, "ivr_menu_id", t->id);
    jw_str(w, "name", t->own);
    ivr_counts_members(counts, w);
    jw_end(w);
    task_done(t, 200, "IVR menu statistics retrieved successfully");
}

static void on_menu_counted(void *arg, const struct ivr_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err != DG_OK) {
        ivr_fail(t, answer->err, answer->message);
        return;
    }
    t->own = arena_strdup(t->arena, answer->menu->name);
    ivr_stats_get(t->api->ivr_stats, t->id, on_counts, t);
}

static void run_stats(struct dialer_task *t)
{
    ivr_menus_get(t->api->ivr_menus, t->id, on_menu_counted, t);
}

void dialer_ivr_stats(struct request *req)
{
    struct dialer_task *t = ivr_task(req);
    if (t)
        task_start(req, t, run_stats);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field verdict_fields[] = {
    {.name = "valid", .kind = FIELD_BOOL, .required = true, .example = "false",
     .help = "There are no errors, perhaps warnings"},
    {.name = "menus", .kind = FIELD_INT, .required = true, .example = "2",
     .help = "How many were looked at"},
    {.name = "findings", .kind = FIELD_LIST, .required = true, .of = &ivr_finding_shown},
    {0}};
static const struct schema verdict = {"IvrVerdict", "What is wrong", verdict_fields};
#define DATA(text)                                                                                 \
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = text}
static const struct field validated_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "IVR menus validated successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &verdict},
    {0}};
static const struct field simulated_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "IVR menu simulated successfully"),
    DATA("`ended`: the call is over, with `result`; else it waits in `menu_id`. `path`: what "
         "happened, each with `at` (milliseconds), `menu`, `event`, and where it fits `digits`, "
         "`action`, `value`, `reason`"),
    {0}};
static const struct field stats_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "IVR menu statistics retrieved successfully"),
    DATA("entries, repeats, choices, timeouts, invalid, joined, unreached, recorded, left (who hung "
         "up there); by_digit: choices by the keys of the action"),
    {0}};
/* clang-format on */
static const struct schema validated = {"IvrValidated", "The verdict", validated_fields};
static const struct schema simulated = {"IvrSimulated", "Where the keys lead", simulated_fields};
static const struct schema counted = {"IvrStats", "What callers did", stats_fields};
#define NO_MENU                                                                                    \
    {                                                                                              \
        404, "There is no such menu", &dialer_error, NULL, NULL                                    \
    }
#define WRONG                                                                                      \
    {                                                                                              \
        400, "A field is missing or wrong", &dialer_error, NULL, NULL                              \
    }

static const struct route_answer validate_answers[] = {
    {200, "What is wrong with them", &validated, NULL, NULL}, WRONG, DIALER_REFUSALS, {0}};
static const struct route_answer simulate_answers[] = {
    {200, "The path", &simulated, NULL, NULL}, WRONG, NO_MENU, DIALER_REFUSALS, {0}};
static const struct route_answer stats_answers[] = {
    {200, "The counts", &counted, NULL, NULL}, NO_MENU, DIALER_REFUSALS, {0}};
const struct route_doc dialer_ivr_validate_doc = {
    .id = "validate_ivr_menus",
    .tag = DIALER_TAG_IVR,
    .summary = "What is wrong with IVR menus",
    .help = "Menus that are not there, sounds that are missing, menus and actions that nobody gets "
            "to, loops without a key.",
    .body = &validate_body,
    .body_optional = true,
    .answers = validate_answers,
};
const struct route_doc dialer_ivr_simulate_doc = {
    .id = "simulate_ivr_menu",
    .tag = DIALER_TAG_IVR,
    .summary = "Where keys lead a caller",
    .help = "Nobody is called. Whoever is rung answers, talks and hangs up.",
    .params = dialer_id_param,
    .body = &simulate_body,
    .answers = simulate_answers,
};
const struct route_doc dialer_ivr_stats_doc = {
    .id = "ivr_menu_statistics",
    .tag = DIALER_TAG_IVR,
    .summary = "What callers did in an IVR menu",
    .params = dialer_id_param,
    .answers = stats_answers,
};
