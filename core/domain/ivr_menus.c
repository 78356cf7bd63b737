/* ivr_menus.c - one menu in the store: read, changed, deleted; see ivr_menus.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "data/serials.h"
#include "domain/ivr_menus_private.h"

#define TRIES_MAX 10
#define NOT_FOUND "IVR menu not found"

void ivr_id_text(int64_t id, char out[IVR_ID_SIZE])
{
    snprintf(out, IVR_ID_SIZE, "%" PRId64, id);
}

struct ivr_menus *ivr_menus_new(struct store *store, struct loop *loop)
{
    struct ivr_menus *ms = xcalloc(1, sizeof *ms);
    ms->store = store;
    ms->loop = loop;
    ms->books = map_new();
    return ms;
}

void ivr_menus_free(struct ivr_menus *ms)
{
    if (!ms)
        return;
    ivr_books_forget(ms);
    map_free(ms->books, NULL);
    free(ms);
}

void ivr_menu_put(struct store_batch *batch, const struct ivr_menu *m, uint64_t expect)
{
    struct buf json;
    char id[IVR_ID_SIZE];
    buf_init(&json, BUF_MAX);
    ivr_menu_write(m, &json);
    ivr_id_text(m->id, id);
    store_batch_put(batch, COLLECTION_IVR_MENUS, id, (struct dg_bytes){json.ptr, json.len}, expect);
    buf_free(&json);
}

/* One request about one menu. */
struct errand {
    struct ivr_menus *owner;
    int64_t id;
    struct ivr_menu *menu;
    ivr_edit_fn *edit;
    void *ctx;
    unsigned tries;
    ivr_menu_fn *fn;
    void *arg;
};

static void answer(struct errand *e, enum dg_err err, const char *message)
{
    const struct ivr_answer out = {.err = err,
                                   .message = err == DG_OK ? NULL : message,
                                   .menu = err == DG_OK ? e->menu : NULL};
    e->fn(e->arg, &out);
    ivr_menu_free(e->menu);
    free(e);
}

static struct errand *errand_new(struct ivr_menus *ms, int64_t id, ivr_menu_fn *fn, void *arg)
{
    struct errand *e = xcalloc(1, sizeof *e);
    *e = (struct errand){.owner = ms, .id = id, .fn = fn, .arg = arg};
    return e;
}

static void read_menu(struct errand *e, store_doc_fn *fn)
{
    char id[IVR_ID_SIZE];
    ivr_id_text(e->id, id);
    store_get_json(e->owner->store, COLLECTION_IVR_MENUS, id, fn, e);
}

/* false: there is none, which was answered. */
static bool take_menu(struct errand *e, const struct store_doc *doc)
{
    ivr_menu_free(e->menu);
    e->menu = NULL;
    if (doc->err != DG_OK) {
        answer(e, doc->err, doc->err == DG_ENOTFOUND ? NOT_FOUND : doc->message);
        return false;
    }
    e->menu = ivr_menu_read(doc->id, doc->version, doc->json);
    if (e->menu)
        return true;
    answer(e, DG_EINTERNAL, "The menu's record cannot be read");
    return false;
}

static void on_menu(void *arg, const struct store_doc *doc)
{
    if (take_menu(arg, doc))
        answer(arg, DG_OK, NULL);
}

void ivr_menus_get(struct ivr_menus *ms, int64_t id, ivr_menu_fn *fn, void *arg)
{
    read_menu(errand_new(ms, id, fn, arg), on_menu);
}

/* ---- Changing ------------------------------------------------------------------------------ */

static void on_to_change(void *arg, const struct store_doc *doc);

static void on_changed(void *arg, const struct op_result *res)
{
    struct errand *e = arg;
    if (res->err == DG_ECONFLICT && ++e->tries < TRIES_MAX) {
        read_menu(e, on_to_change);
        return;
    }
    ivr_books_forget(e->owner);
    e->menu->version++;
    answer(e, res->err, res->message);
}

static void write_changed(struct errand *e)
{
    struct store_batch batch;
    store_batch_init(&batch);
    ivr_menu_put(&batch, e->menu, e->menu->version);
    store_write(e->owner->store, &batch, on_changed, e);
}

static void on_action_ids(void *arg, enum dg_err err, const char *message, int64_t first)
{
    struct errand *e = arg;
    if (err != DG_OK) {
        answer(e, err, message);
        return;
    }
    ivr_number_actions(e->menu, &first, clock_unix_ms());
    write_changed(e);
}

/* An action for the same keys is the same action. */
static void keep_ids(struct ivr_menu *m, const struct ivr_menu *before)
{
    for (size_t i = 0; i < m->action_count; i++) {
        struct ivr_action *a = &m->actions[i];
        a->id = a->created_at_ms = 0;
        for (size_t k = 0; k < before->action_count; k++) {
            if (str_eq(before->actions[k].keys, a->keys)) {
                a->id = before->actions[k].id;
                a->created_at_ms = before->actions[k].created_at_ms;
            }
        }
    }
}

static void on_to_change(void *arg, const struct store_doc *doc)
{
    struct errand *e = arg;
    struct problem problem = {.err = DG_EINVAL};
    if (!take_menu(e, doc))
        return;
    if (!e->edit(e->ctx, e->menu, &problem)) {
        answer(e, problem.err, problem.text);
        return;
    }
    struct ivr_menu *before = ivr_menu_read(doc->id, doc->version, doc->json);
    keep_ids(e->menu, before);
    ivr_menu_free(before);
    e->menu->updated_at_ms = clock_unix_ms();
    unsigned fresh = ivr_fresh_actions(e->menu);
    if (fresh)
        serials_take(e->owner->store, SERIAL_IVR_ACTIONS, fresh, on_action_ids, e);
    else
        write_changed(e);
}

void ivr_menus_change(struct ivr_menus *ms, int64_t id, ivr_edit_fn *edit, void *ctx,
                      ivr_menu_fn *fn, void *arg)
{
    struct errand *e = errand_new(ms, id, fn, arg);
    e->edit = edit;
    e->ctx = ctx;
    read_menu(e, on_to_change);
}

/* ---- Deleting ------------------------------------------------------------------------------ */

static void on_to_delete(void *arg, const struct store_doc *doc);

static void on_deleted(void *arg, const struct op_result *res)
{
    struct errand *e = arg;
    if (res->err == DG_ECONFLICT && ++e->tries < TRIES_MAX) {
        read_menu(e, on_to_delete);
        return;
    }
    ivr_books_forget(e->owner);
    answer(e, res->err, res->message);
}

static void on_to_delete(void *arg, const struct store_doc *doc)
{
    struct errand *e = arg;
    struct store_batch batch;
    char id[IVR_ID_SIZE];
    if (!take_menu(e, doc))
        return;
    ivr_id_text(e->id, id);
    store_batch_init(&batch);
    store_batch_delete(&batch, COLLECTION_IVR_MENUS, id, e->menu->version);
    store_batch_delete(&batch, COLLECTION_IVR_COUNTS, id, DG_VERSION_ANY);
    store_write(e->owner->store, &batch, on_deleted, e);
}

void ivr_menus_delete(struct ivr_menus *ms, int64_t id, ivr_menu_fn *fn, void *arg)
{
    read_menu(errand_new(ms, id, fn, arg), on_to_delete);
}
