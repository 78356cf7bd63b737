/* ivr.c - /api/ivr: menus listed, shown, made, changed, deleted. */
#include "api/campaign_dialer/ivr.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "domain/campaigns.h"

#define BODY_DEPTH 16

/* ---- Shared -------------------------------------------------------------------------------- */

struct ivr_body *ivr_body_keep(struct dialer_task *t, const json_t *body)
{
    struct ivr_body *b = arena_alloc(t->arena, sizeof *b);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    if (text) {
        b->len = strlen(text);
        b->text = arena_dup(t->arena, text, b->len);
    }
    free(text);
    return b;
}

json_t *ivr_body_read(const struct ivr_body *b)
{
    json_t *body = b->text ? json_parse(b->text, b->len, BODY_DEPTH, NULL) : NULL;
    return body ? body : json_object();
}

struct dialer_task *ivr_task(struct request *req)
{
    int64_t id;
    if (!dialer_id(req, IVR_NOT_FOUND, &id))
        return NULL;
    struct dialer_task *t = task_new(req);
    t->id = id;
    return t;
}

bool ivr_campaign_param(struct request *req, int64_t *id)
{
    const char *text = request_query(req, "campaign_id");
    *id = 0;
    if (str_empty(text) || (str_only(text, "0123456789") && str_to_int(text, id) && *id >= 1))
        return true;
    dialer_refuse(req, 400, "Invalid campaign_id. Must be the id of a campaign",
                  json_pack("{s:s}", "campaign_id", "Must be the id of a campaign"));
    return false;
}

void ivr_fail(struct dialer_task *t, enum dg_err err, const char *message)
{
    if (err == DG_ENOTFOUND)
        task_refuse(t, 404, IVR_NOT_FOUND, NULL, NULL);
    else
        task_fail(t, err, message);
}

/* ---- GET ----------------------------------------------------------------------------------- */

static void on_list(void *arg, const struct ivr_menu_list *list)
{
    static const char message[] = "IVR menus retrieved successfully";
    struct dialer_task *t = arg;
    if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_array(w, NULL);
    for (size_t i = 0; i < list->count; i++)
        ivr_render(w, list->menus[i], false);
    jw_end(w);
    if (t->page.number)
        task_paged(t, message, list->total);
    else
        task_done(t, 200, message);
}

static void run_list(struct dialer_task *t)
{
    const struct ivr_menu_query query = {.campaign_id = t->id,
                                         .offset = page_skip(&t->page),
                                         .limit = t->page.number ? t->page.size : 0};
    ivr_menus_list(t->api->ivr_menus, &query, on_list, t);
}

void dialer_ivr_list(struct request *req)
{
    int64_t campaign;
    if (!ivr_campaign_param(req, &campaign))
        return;
    struct dialer_task *t = task_new(req);
    t->id = campaign;
    if (dialer_wants_pages(req))
        dialer_page(req, &t->page);
    task_start(req, t, run_list);
}

static void on_view(void *arg, const struct ivr_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err != DG_OK) {
        ivr_fail(t, answer->err, answer->message);
        return;
    }
    ivr_render(task_data(t), answer->menu, true);
    task_done(t, 200, "IVR menu retrieved successfully");
}

static void run_view(struct dialer_task *t)
{
    ivr_menus_get(t->api->ivr_menus, t->id, on_view, t);
}

void dialer_ivr_view(struct request *req)
{
    struct dialer_task *t = ivr_task(req);
    if (t)
        task_start(req, t, run_view);
}

/* ---- POST and PUT -------------------------------------------------------------------------- */

struct saving {
    struct ivr_body *body;
    bool adds;
    struct ivr_book *book;
};

bool ivr_has_file(void *arg, const char *language, const char *file)
{
    return audio_has(arg, language, file);
}

/* The menu as it was saved, and what is wrong with it. */
static void on_files(void *arg, const struct audio_answer *files)
{
    struct dialer_task *t = arg;
    const struct saving *s = t->own;
    struct ivr_findings found;
    const struct ivr_check check = {.book = s->book,
                                    .has_file = files->err == DG_OK ? ivr_has_file : NULL,
                                    .arg = (void *)files};
    ivr_check(&check, &found);
    ivr_findings_only(&found, &t->id, 1);
    struct json_writer *w = task_data(t);
    ivr_render_open(w, ivr_book_find(s->book, t->id), true);
    ivr_findings_write(&found, w, "findings");
    jw_end(w);
    ivr_findings_clear(&found);
    ivr_book_unref(s->book);
    task_done(t, s->adds ? 201 : 200,
              s->adds ? "IVR menu created successfully" : "IVR menu updated successfully");
}

static void on_book(void *arg, const struct ivr_book_answer *answer)
{
    struct dialer_task *t = arg;
    struct saving *s = t->own;
    if (answer->err != DG_OK) {
        ivr_fail(t, answer->err, answer->message);
        return;
    }
    s->book = ivr_book_ref(answer->book);
    audio_list_all(t->api->audio, on_files, t);
}

static void on_added(void *arg, const struct ivr_added *added)
{
    struct dialer_task *t = arg;
    if (added->err != DG_OK) {
        task_fail(t, added->err, added->message);
        return;
    }
    t->id = added->menus[0]->id;
    ivr_menus_book(t->api->ivr_menus, t->id, on_book, t);
}

static void on_changed(void *arg, const struct ivr_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err != DG_OK)
        ivr_fail(t, answer->err, answer->message);
    else
        ivr_menus_book(t->api->ivr_menus, t->id, on_book, t);
}

static bool edit(void *ctx, struct ivr_menu *m, struct problem *problem)
{
    const struct saving *s = ctx;
    json_t *body = ivr_body_read(s->body);
    bool fine = ivr_menu_accept(m, body, problem);
    json_decref(body);
    return fine;
}

static void save(struct dialer_task *t)
{
    struct saving *s = t->own;
    struct problem problem;
    if (!s->adds) {
        ivr_menus_change(t->api->ivr_menus, t->id, edit, s, on_changed, t);
        return;
    }
    struct ivr_menu **menus = xcalloc(1, sizeof *menus);
    menus[0] = ivr_menu_new();
    if (edit(s, menus[0], &problem)) {
        ivr_menus_add(t->api->ivr_menus, menus, 1, on_added, t);
        return;
    }
    ivr_menu_free(menus[0]);
    free(menus);
    task_fail(t, problem.err, problem.text);
}

static void on_campaign(void *arg, const struct campaign_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err == DG_ENOTFOUND)
        task_fail(t, DG_EINVAL, "campaign_id: There is no such campaign");
    else if (answer->err != DG_OK)
        task_fail(t, answer->err, answer->message);
    else
        save(t);
}

static void find_campaign(struct dialer_task *t)
{
    const struct saving *s = t->own;
    json_t *body = ivr_body_read(s->body);
    int64_t campaign = json_get_int(body, "campaign_id", 0);
    json_decref(body);
    if (campaign)
        campaigns_get(t->api->campaigns, campaign, on_campaign, t);
    else
        save(t);
}

/* Whether it is there is asked before its body is judged. */
static void on_there(void *arg, const struct ivr_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err != DG_OK)
        ivr_fail(t, answer->err, answer->message);
    else if (!task_wrong(t))
        find_campaign(t);
}

static void run_save(struct dialer_task *t)
{
    const struct saving *s = t->own;
    if (s->adds)
        find_campaign(t);
    else
        ivr_menus_get(t->api->ivr_menus, t->id, on_there, t);
}

void dialer_ivr_create(struct request *req)
{
    const json_t *body = dialer_body(req, &ivr_menu_sent, BODY_CREATES);
    if (!body)
        return;
    struct dialer_task *t = task_new(req);
    struct saving *s = t->own = arena_alloc(t->arena, sizeof *s);
    *s = (struct saving){.body = ivr_body_keep(t, body), .adds = true};
    task_start(req, t, run_save);
}

void dialer_ivr_update(struct request *req)
{
    struct dialer_task *t = ivr_task(req);
    if (!t)
        return;
    struct saving *s = t->own = arena_alloc(t->arena, sizeof *s);
    s->body = ivr_body_keep(t, task_body(req, t, &ivr_menu_change, BODY_UPDATES));
    task_start(req, t, run_save);
}

/* ---- DELETE -------------------------------------------------------------------------------- */

static void on_deleted(void *arg, const struct ivr_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err != DG_OK)
        ivr_fail(t, answer->err, answer->message);
    else
        task_done(t, 200, "IVR menu deleted successfully");
}

static void run_delete(struct dialer_task *t)
{
    ivr_menus_delete(t->api->ivr_menus, t->id, on_deleted, t);
}

void dialer_ivr_delete(struct request *req)
{
    struct dialer_task *t = ivr_task(req);
    if (t)
        task_start(req, t, run_delete);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field list_params[] = {
    {.name = "campaign_id", .kind = FIELD_INT, .min = 1, .help = "Those of this campaign",
     .example = "7"},
    PAGE_NUMBER_FIELD, PAGE_SIZE_FIELD, {0}};
static const struct field list_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "IVR menus retrieved successfully"),
    {.name = "data", .kind = FIELD_LIST, .required = true, .of = &ivr_menu_shown},
    DIALER_PAGINATION_FIELD,
    {0}};
#define MENU_DATA(schema)                                                                          \
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &(schema)}
static const struct field view_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "IVR menu retrieved successfully"), MENU_DATA(ivr_menu_shown), {0}};
static const struct field created_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "IVR menu created successfully"), MENU_DATA(ivr_menu_saved), {0}};
static const struct field updated_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "IVR menu updated successfully"), MENU_DATA(ivr_menu_saved), {0}};
/* clang-format on */
static const struct schema list_answer = {"IvrMenus", "Menus, newest first", list_fields};
static const struct schema view_answer = {"IvrMenuAnswer", "A menu", view_fields};
static const struct schema created_answer = {"IvrMenuCreated", "The new menu", created_fields};
static const struct schema updated_answer = {"IvrMenuUpdated", "The menu as it is now",
                                             updated_fields};

#define NO_MENU                                                                                    \
    {                                                                                              \
        404, "There is no such menu", &dialer_error, NULL, NULL                                    \
    }

static const struct route_answer list_answers[] = {
    {200, "The menus, without their actions", &list_answer, NULL, NULL},
    {400, "campaign_id is no id", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer view_answers[] = {
    {200, "The menu", &view_answer, NULL, NULL}, NO_MENU, DIALER_REFUSALS, {0}};
static const struct route_answer create_answers[] = {
    {201, "The new menu", &created_answer, NULL, NULL},
    {400, "A field is missing or wrong", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer update_answers[] = {
    {200, "The menu", &updated_answer, NULL, NULL},
    {400, "Nothing to change, or a field is wrong", &dialer_error, NULL, NULL},
    NO_MENU,
    DIALER_REFUSALS,
    {0}};
static const struct route_answer delete_answers[] = {
    {200, "The menu, its actions and its counts are gone", &dialer_done, NULL, NULL},
    NO_MENU,
    DIALER_REFUSALS,
    {0}};

const struct route_doc dialer_ivr_list_doc = {
    .id = "list_ivr_menus",
    .tag = DIALER_TAG_IVR,
    .summary = "IVR menus, newest first",
    .help = "With `page` or `per_page` a page of them, with `pagination` in the place of `code`.",
    .params = list_params,
    .answers = list_answers,
};
const struct route_doc dialer_ivr_view_doc = {
    .id = "view_ivr_menu",
    .tag = DIALER_TAG_IVR,
    .summary = "An IVR menu with its actions",
    .params = dialer_id_param,
    .answers = view_answers,
};
const struct route_doc dialer_ivr_create_doc = {
    .id = "create_ivr_menu",
    .tag = DIALER_TAG_IVR,
    .summary = "Make an IVR menu with its actions",
    .help = "What is wrong with it beyond its fields (a menu that it leads to is not there yet) "
            "stands in `findings`, and hinders nothing.",
    .body = &ivr_menu_sent,
    .answers = create_answers,
};
const struct route_doc dialer_ivr_update_doc = {
    .id = "update_ivr_menu",
    .tag = DIALER_TAG_IVR,
    .summary = "Change an IVR menu",
    .help = "Calls that are in it go on with it as it was.",
    .params = dialer_id_param,
    .body = &ivr_menu_change,
    .answers = update_answers,
};
const struct route_doc dialer_ivr_delete_doc = {
    .id = "delete_ivr_menu",
    .tag = DIALER_TAG_IVR,
    .summary = "Delete an IVR menu, its actions and its counts",
    .params = dialer_id_param,
    .answers = delete_answers,
};
