/* campaigns.c - /api/campaigns: list, view, create, update, delete, copy, statistics. */
#include "api/campaign_dialer/campaigns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct dialer_task *campaign_task(struct request *req, const char *not_found)
{
    int64_t id;
    if (!dialer_id(req, not_found, &id))
        return NULL;
    struct dialer_task *t = task_new(req);
    t->id = id;
    return t;
}

/* true: it ended with an error, which was answered. */
static bool failed(struct dialer_task *t, const struct campaign_answer *answer)
{
    if (answer->err == DG_OK)
        return false;
    if (answer->err == DG_ENOTFOUND)
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
    else
        task_fail(t, answer->err, answer->message);
    return true;
}

/* ---- GET ----------------------------------------------------------------------------------- */

static void on_list(void *arg, const struct campaign_list *list)
{
    static const char message[] = "Campaigns retrieved successfully";
    struct dialer_task *t = arg;
    if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
        return;
    }
    size_t count = list->count;
    if (t->page.size && count > t->page.size) {
        const struct campaign *last = list->entries[--count - 1].campaign;
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)last->id);
        task_next(t, last->created_at_ms, id);
    }
    struct json_writer *w = task_data(t);
    jw_array(w, NULL);
    for (size_t i = 0; i < count; i++)
        campaign_render(w, list->entries[i].campaign, &list->entries[i].counts);
    jw_end(w);
    if (t->page.size)
        task_paged(t, message, list->total);
    else
        task_done(t, 200, message);
}

static void run_list(struct dialer_task *t)
{
    const struct campaign_query query = {.status = t->own,
                                         .after = t->after,
                                         .offset = page_skip(&t->page),
                                         .limit = t->page.size ? t->page.size + 1 : 0};
    campaigns_list(t->api->campaigns, &query, on_list, t);
}

static bool is_status(const char *name)
{
    enum campaign_status status;
    return campaign_status_parse(name, &status);
}

void dialer_campaigns_list(struct request *req)
{
    const char *status = request_query(req, "status");
    if (!str_empty(status) && !is_status(status)) {
        dialer_refuse(req, 400, "Invalid status. Must be: stopped, running, or paused",
                      json_pack("{s:s}", "status", "Must be: stopped, running, or paused"));
        return;
    }
    struct dialer_task *t = task_new(req);
    t->own = str_empty(status) ? NULL : arena_strdup(t->arena, status);
    if (dialer_wants_pages(req) && !dialer_place(req, t))
        task_free(t);
    else
        task_start(req, t, run_list);
}

static void on_view(void *arg, const struct campaign_answer *answer)
{
    struct dialer_task *t = arg;
    if (failed(t, answer))
        return;
    campaign_render(task_data(t), answer->campaign, answer->counts);
    task_done(t, 200, "Campaign retrieved successfully");
}

static void run_view(struct dialer_task *t)
{
    campaigns_get(t->api->campaigns, t->id, on_view, t);
}

void dialer_campaigns_view(struct request *req)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (t)
        task_start(req, t, run_view);
}

static void on_stats(void *arg, enum dg_err err, const char *message,
                     const struct campaign_counts *counts)
{
    struct dialer_task *t = arg;
    if (err == DG_ENOTFOUND) {
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
    } else if (err != DG_OK) {
        task_fail(t, err, message);
    } else {
        campaign_render_stats(task_data(t), NULL, counts);
        task_done(t, 200, "Campaign statistics retrieved successfully");
    }
}

static void run_stats(struct dialer_task *t)
{
    ledger_counts(t->api->ledger, t->id, on_stats, t);
}

void dialer_campaigns_stats(struct request *req)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (t)
        task_start(req, t, run_stats);
}

/* ---- POST ---------------------------------------------------------------------------------- */

static void on_created(void *arg, const struct campaign_answer *answer)
{
    struct dialer_task *t = arg;
    if (failed(t, answer))
        return;
    campaign_render(task_data(t), answer->campaign, NULL);
    task_done(t, 201, "Campaign created successfully");
}

/* What was sent, on the control thread. */
static json_t *sent(const struct dialer_task *t)
{
    const char *text = t->own;
    return json_parse(text, strlen(text), 32, NULL);
}

static void keep(struct dialer_task *t, const json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    t->own = arena_strdup(t->arena, text);
    free(text);
}

static void run_create(struct dialer_task *t)
{
    struct problem problem = {.err = DG_EINVAL};
    struct campaign *c = campaign_new();
    json_t *body = sent(t);
    if (campaign_apply(c, body, &problem))
        campaigns_add(t->api->campaigns, c, on_created, t);
    else
        task_fail(t, problem.err, problem.text);
    json_decref(body);
    campaign_free(c);
}

void dialer_campaigns_create(struct request *req)
{
    const json_t *body = dialer_body(req, &campaign_create_schema, BODY_CREATES);
    if (!body)
        return;
    struct dialer_task *t = task_new(req);
    keep(t, body);
    task_start(req, t, run_create);
}

static void on_to_copy(void *arg, const struct campaign_answer *answer)
{
    struct dialer_task *t = arg;
    if (!failed(t, answer))
        campaigns_add(t->api->campaigns, answer->campaign, on_created, t);
}

static void run_copy(struct dialer_task *t)
{
    campaigns_get(t->api->campaigns, t->id, on_to_copy, t);
}

void dialer_campaigns_copy(struct request *req)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (t)
        task_start(req, t, run_copy);
}

/* ---- PUT ----------------------------------------------------------------------------------- */

static void on_updated(void *arg, const struct campaign_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err == DG_EINVAL && t->wrong.message) {
        task_wrong(t);
        return;
    }
    if (failed(t, answer))
        return;
    campaign_render(task_data(t), answer->campaign, NULL);
    task_done(t, 200, "Campaign updated successfully");
}

/* What is wrong with the body is said when there is such a campaign and it could be changed. */
static bool edit(void *ctx, struct campaign *c, struct problem *problem)
{
    const struct dialer_task *t = ctx;
    if (c->status == CAMPAIGN_RUNNING) {
        problem_set(problem, DG_ECONFLICT, "Cannot update running campaign. Stop it first.");
        return false;
    }
    if (t->wrong.message) {
        problem_set(problem, DG_EINVAL, "%s", t->wrong.message);
        return false;
    }
    json_t *body = sent(t);
    bool fine = campaign_apply(c, body, problem);
    json_decref(body);
    return fine;
}

static void run_update(struct dialer_task *t)
{
    campaigns_change(t->api->campaigns, t->id, edit, t, on_updated, t);
}

void dialer_campaigns_update(struct request *req)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (!t)
        return;
    const json_t *body = task_body(req, t, &campaign_update_schema, BODY_UPDATES);
    if (body)
        keep(t, body);
    task_start(req, t, run_update);
}

/* ---- DELETE -------------------------------------------------------------------------------- */

static void on_deleted(void *arg, const struct campaign_answer *answer)
{
    struct dialer_task *t = arg;
    if (!failed(t, answer))
        task_done(t, 200, "Campaign deleted successfully");
}

static void run_delete(struct dialer_task *t)
{
    campaigns_delete(t->api->campaigns, t->id, on_deleted, t);
}

void dialer_campaigns_delete(struct request *req)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (t)
        task_start(req, t, run_delete);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field list_params[] = {
    {.name = "status", .kind = FIELD_STR, .pattern = "^(stopped|running|paused)$",
     .example = "\"running\""},
    PAGE_NUMBER_FIELD, PAGE_SIZE_FIELD, DIALER_CURSOR_FIELD, {0}};
static const struct field list_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Campaigns retrieved successfully"),
    {.name = "data", .kind = FIELD_LIST, .required = true, .of = &campaign_shown},
    DIALER_PLACE_FIELDS,
    {0}};
#define ONE_FIELDS(code_text, message_text, what)                                                  \
    DIALER_SUCCESS_FIELDS(code_text, message_text),                                                \
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &(what)}, {0}
static const struct field view_fields[] = {
    ONE_FIELDS("200", "Campaign retrieved successfully", campaign_shown)};
static const struct field created_fields[] = {
    ONE_FIELDS("201", "Campaign created successfully", campaign_shown)};
static const struct field updated_fields[] = {
    ONE_FIELDS("200", "Campaign updated successfully", campaign_shown)};
static const struct field stats_fields[] = {
    ONE_FIELDS("200", "Campaign statistics retrieved successfully", campaign_stats_shown)};
/* clang-format on */
static const struct schema list_answer = {"DialerCampaigns", "Campaigns, newest first",
                                          list_fields};
static const struct schema view_answer = {"DialerCampaignViewed", "A campaign", view_fields};
static const struct schema created_answer = {"DialerCampaignCreated", "The new campaign",
                                             created_fields};
static const struct schema updated_answer = {"DialerCampaignUpdated", "The campaign as it is now",
                                             updated_fields};
static const struct schema stats_answer = {"DialerCampaignCounted", "How far it is", stats_fields};

#define NO_SUCH                                                                                    \
    {                                                                                              \
        404, "There is no such campaign", &dialer_error, NULL, NULL                                \
    }
static const struct route_answer list_answers[] = {
    {200, "The campaigns", &list_answer, NULL, NULL},
    {400, "There is no such status", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer view_answers[] = {
    {200, "The campaign", &view_answer, NULL, NULL}, NO_SUCH, DIALER_REFUSALS, {0}};
static const struct route_answer create_answers[] = {
    {201, "The new campaign, stopped", &created_answer, NULL, NULL},
    {400, "A field is missing or wrong", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer copy_answers[] = {
    {201, "The new campaign, stopped and without numbers", &created_answer, NULL, NULL},
    NO_SUCH,
    DIALER_REFUSALS,
    {0}};
static const struct route_answer update_answers[] = {
    {200, "The campaign", &updated_answer, NULL, NULL},
    {400, "It is running, nothing is to change, or a field is wrong", &dialer_error, NULL, NULL},
    NO_SUCH,
    DIALER_REFUSALS,
    {0}};
static const struct route_answer delete_answers[] = {
    {200, "It is gone", &dialer_done, NULL, NULL},
    {400, "It is running", &dialer_error, NULL, NULL},
    NO_SUCH,
    DIALER_REFUSALS,
    {0}};
static const struct route_answer stats_answers[] = {
    {200, "The statistics", &stats_answer, NULL, NULL}, NO_SUCH, DIALER_REFUSALS, {0}};

const struct route_doc dialer_campaigns_list_doc = {
    .id = "list_campaigns",
    .tag = DIALER_TAG_CAMPAIGNS,
    .summary = "Campaigns with their statistics, newest first",
    .help = "With `page`, `per_page` or `cursor` a page of them, with `pagination` in the place of "
            "`code`.",
    .params = list_params,
    .answers = list_answers,
};
const struct route_doc dialer_campaigns_view_doc = {
    .id = "view_campaign",
    .tag = DIALER_TAG_CAMPAIGNS,
    .summary = "A campaign with its statistics",
    .params = dialer_id_param,
    .answers = view_answers,
};
const struct route_doc dialer_campaigns_create_doc = {
    .id = "create_campaign",
    .tag = DIALER_TAG_CAMPAIGNS,
    .summary = "Add a campaign",
    .help = "It is stopped until it is started.",
    .body = &campaign_create_schema,
    .answers = create_answers,
};
const struct route_doc dialer_campaigns_copy_doc = {
    .id = "copy_campaign",
    .tag = DIALER_TAG_CAMPAIGNS,
    .summary = "Add a campaign like another one",
    .help = "With its settings, without its numbers.",
    .params = dialer_id_param,
    .answers = copy_answers,
};
const struct route_doc dialer_campaigns_update_doc = {
    .id = "update_campaign",
    .tag = DIALER_TAG_CAMPAIGNS,
    .summary = "Change a campaign that is not running",
    .params = dialer_id_param,
    .body = &campaign_update_schema,
    .answers = update_answers,
};
const struct route_doc dialer_campaigns_delete_doc = {
    .id = "delete_campaign",
    .tag = DIALER_TAG_CAMPAIGNS,
    .summary = "Delete a campaign and its numbers",
    .help = "Its call records stay, as those of no campaign.",
    .params = dialer_id_param,
    .answers = delete_answers,
};
const struct route_doc dialer_campaigns_stats_doc = {
    .id = "campaign_stats",
    .tag = DIALER_TAG_CAMPAIGNS,
    .summary = "The statistics of a campaign",
    .params = dialer_id_param,
    .answers = stats_answers,
};
