/* ivr_transfer.c - /api/ivr: menus to and from elsewhere. */
#include <stdlib.h>

#include "api/campaign_dialer/ivr.h"
#include "domain/campaigns.h"

/* ---- Menus that are sent ------------------------------------------------------------------- */

/* "menus[2].actions[0].action_value: ..." */
static void name_menu(struct problem *problem, size_t index)
{
    struct problem inner = *problem;
    problem_set(problem, DG_EINVAL, "menus[%zu].%.400s", index, inner.text);
}

/* false: `problem` says which one is wrong. Those without an id get 0. */
static bool read_menus(const json_t *list, struct ivr_menu **menus, size_t *count,
                       struct problem *problem)
{
    size_t i;
    json_t *one;
    *count = 0;
    json_array_foreach((json_t *)list, i, one)
    {
        struct ivr_menu *m = ivr_menu_new();
        menus[(*count)++] = m;
        m->id = json_get_int(one, "id", 0);
        if (m->id < 0 || !json_is_object(one)) {
            problem_set(problem, DG_EINVAL, "menus[%zu]: must be a menu", i);
            return false;
        }
        if (!ivr_menu_accept(m, one, problem)) {
            name_menu(problem, i);
            return false;
        }
        if (!m->name) {
            problem_set(problem, DG_EINVAL, "menus[%zu].name: must be there", i);
            return false;
        }
        for (size_t k = 0; m->id && k < i; k++) {
            if (menus[k]->id == m->id) {
                problem_set(problem, DG_EINVAL, "menus[%zu].id: another menu has it already", i);
                return false;
            }
        }
    }
    return true;
}

static void free_menus(struct ivr_menu **menus, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ivr_menu_free(menus[i]);
    free(menus);
}

/* The list `menus` of a body. NULL: answered. */
struct ivr_menu **ivr_sent_menus(struct dialer_task *t, const json_t *body, size_t *count)
{
    struct problem problem;
    const json_t *list = json_object_get(body, "menus");
    struct ivr_menu **menus = xcalloc(json_array_size(list) + 1, sizeof *menus);
    *count = 0;
    if (json_array_size(list) < 1 || json_array_size(list) > IVR_BOOK_MAX)
        problem_set(&problem, DG_EINVAL, "menus: must be a list of 1 to %d", IVR_BOOK_MAX);
    else if (read_menus(list, menus, count, &problem))
        return menus;
    free_menus(menus, *count);
    task_fail(t, DG_EINVAL, problem.text);
    return NULL;
}

/* ---- Import and export --------------------------------------------------------------------- */

static void on_imported(void *arg, const struct ivr_added *added)
{
    struct dialer_task *t = arg;
    if (added->err != DG_OK) {
        task_fail(t, added->err, added->message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_int(w, "count", (int64_t)added->count);
    jw_array(w, "menus");
    for (size_t i = 0; i < added->count; i++) {
        jw_object(w, NULL);
        jw_int(w, "id", added->menus[i]->id);
        if (added->were[i])
            jw_int(w, "imported_id", added->were[i]);
        else
            jw_null(w, "imported_id");
        jw_str(w, "name", added->menus[i]->name);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
    task_done(t, 201, "IVR menus imported successfully");
}

static void import(struct dialer_task *t)
{
    size_t count;
    json_t *body = ivr_body_read(t->own);
    int64_t campaign = json_get_int(body, "campaign_id", 0);
    struct ivr_menu **menus = ivr_sent_menus(t, body, &count);
    json_decref(body);
    if (!menus)
        return;
    /* The campaigns of where they come from are not those here. */
    for (size_t i = 0; i < count; i++)
        menus[i]->campaign_id = campaign;
    ivr_menus_add(t->api->ivr_menus, menus, count, on_imported, t);
}

static void on_campaign(void *arg, const struct campaign_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err == DG_ENOTFOUND)
        task_fail(t, DG_EINVAL, "campaign_id: There is no such campaign");
    else if (answer->err != DG_OK)
        task_fail(t, answer->err, answer->message);
    else
        import(t);
}

static void run_import(struct dialer_task *t)
{
    json_t *body = ivr_body_read(t->own);
    int64_t campaign = json_get_int(body, "campaign_id", 0);
    json_decref(body);
    if (campaign)
        campaigns_get(t->api->campaigns, campaign, on_campaign, t);
    else
        import(t);
}

/* clang-format off */
static const struct field import_fields[] = {
    {.name = "menus", .kind = FIELD_LIST, .required = true, .of = &ivr_menu_shown,
     .help = "Menus as they are exported. They get new ids, and lead to each other by them"},
    IVR_CAMPAIGN_FIELD("The campaign that they are to belong to"),
    {0}};
/* clang-format on */
static const struct schema import_body = {"IvrImport", "Menus from elsewhere", import_fields};

void dialer_ivr_import(struct request *req)
{
    const json_t *body = dialer_body(req, &import_body, BODY_CREATES);
    if (!body)
        return;
    struct dialer_task *t = task_new(req);
    t->own = ivr_body_keep(t, body);
    task_start(req, t, run_import);
}

static void on_export(void *arg, const struct ivr_menu_list *list)
{
    struct dialer_task *t = arg;
    if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_array(w, "menus");
    for (size_t i = list->count; i > 0; i--) /* the oldest first, as they were made */
        ivr_render(w, list->menus[i - 1], true);
    jw_end(w);
    jw_end(w);
    task_done(t, 200, "IVR menus exported successfully");
}

static void run_export(struct dialer_task *t)
{
    const struct ivr_menu_query query = {.campaign_id = t->id};
    ivr_menus_list(t->api->ivr_menus, &query, on_export, t);
}

void dialer_ivr_export(struct request *req)
{
    int64_t campaign;
    if (!ivr_campaign_param(req, &campaign))
        return;
    struct dialer_task *t = task_new(req);
    t->id = campaign;
    task_start(req, t, run_export);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field export_params[] = {
    {.name = "campaign_id", .kind = FIELD_INT, .min = 1, .help = "Those of this campaign",
     .example = "7"},
    {0}};
#define DATA(text)                                                                                 \
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = text}
static const struct field imported_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "IVR menus imported successfully"),
    DATA("`count`, and of each menu `id`, `imported_id` and `name`"),
    {0}};
static const struct field exported_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "IVR menus exported successfully"),
    DATA("`menus` (IvrMenu), as an import takes them"),
    {0}};
/* clang-format on */
static const struct schema imported = {"IvrImported", "The new menus", imported_fields};
static const struct schema exported = {"IvrExported", "Menus", exported_fields};

#define WRONG                                                                                      \
    {                                                                                              \
        400, "A field is missing or wrong", &dialer_error, NULL, NULL                              \
    }

static const struct route_answer import_answers[] = {
    {201, "All of them are there", &imported, NULL, NULL}, WRONG, DIALER_REFUSALS, {0}};
static const struct route_answer export_answers[] = {
    {200, "The menus with their actions", &exported, NULL, NULL}, WRONG, DIALER_REFUSALS, {0}};

const struct route_doc dialer_ivr_import_doc = {
    .id = "import_ivr_menus",
    .tag = DIALER_TAG_IVR,
    .summary = "Add IVR menus that were exported",
    .help = "All or none. They get new ids.",
    .body = &import_body,
    .answers = import_answers,
};
const struct route_doc dialer_ivr_export_doc = {
    .id = "export_ivr_menus",
    .tag = DIALER_TAG_IVR,
    .summary = "IVR menus with their actions, for an import",
    .params = export_params,
    .answers = export_answers,
};
