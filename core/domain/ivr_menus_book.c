/* ivr_menus_book.c - menus with all that they lead to, and lists of menus; see ivr_menus.h. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "domain/ivr_menus_private.h"

#define DOC_DEPTH 16
#define KEPT_MS   2000 /* what other gateways changed is seen so late at most */
#define KEPT_MAX  200

static struct ivr_menu *menu_of(const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, DOC_DEPTH, NULL);
    struct ivr_menu *m = json ? ivr_menu_read(doc->id, doc->version, json) : NULL;
    json_decref(json);
    return m;
}

/* ---- Books --------------------------------------------------------------------------------- */

struct kept_book {
    struct ivr_book *book;
    uint64_t until_ms; /* monotonic */
};

static void forget_one(void *arg, const char *key, void *value)
{
    struct ivr_menus *ms = arg;
    struct kept_book *kept = value;
    map_del(ms->books, key);
    ivr_book_unref(kept->book);
    free(kept);
}

void ivr_books_forget(struct ivr_menus *ms)
{
    ms->changes++;
    map_each(ms->books, forget_one, ms);
}

struct reading {
    struct ivr_menus *owner;
    int64_t entry;
    struct ivr_book *book;
    unsigned changes;
    size_t looked; /* so many menus of the book have been searched for ways on */
    ivr_book_fn *fn;
    void *arg;
};

static void answer(struct reading *r, enum dg_err err, const char *message)
{
    const struct ivr_book_answer out = {
        .err = err, .message = message, .book = err == DG_OK ? r->book : NULL};
    r->fn(r->arg, &out);
    ivr_book_unref(r->book);
    free(r);
}

static void keep(struct reading *r)
{
    struct ivr_menus *ms = r->owner;
    char id[IVR_ID_SIZE];
    if (r->changes != ms->changes)
        return;
    if (map_len(ms->books) >= KEPT_MAX)
        ivr_books_forget(ms);
    ivr_id_text(r->entry, id);
    struct kept_book *kept = map_get(ms->books, id);
    if (kept)
        ivr_book_unref(kept->book);
    else
        kept = xcalloc(1, sizeof *kept);
    *kept = (struct kept_book){ivr_book_ref(r->book), clock_ms() + KEPT_MS};
    map_set(ms->books, id, kept);
}

static void read_more(struct reading *r);

static void on_menus(void *arg, const struct op_result *res)
{
    struct reading *r = arg;
    if (res->err != DG_OK) {
        answer(r, res->err, res->message);
        return;
    }
    for (size_t i = 0; i < res->count; i++) {
        struct ivr_menu *m = menu_of(res->items[i]);
        if (m)
            ivr_book_add(r->book, m);
    }
    if (!ivr_book_count(r->book))
        answer(r, DG_ENOTFOUND, "IVR menu not found");
    else
        read_more(r);
}

static void read_menus(struct reading *r, const char *ids)
{
    const struct dg_where where = {.field = "id", .compare = DG_IN, .value = ids};
    const struct dg_query query = {.collection = COLLECTION_IVR_MENUS,
                                   .where = &where,
                                   .where_count = 1,
                                   .limit = IVR_BOOK_MAX};
    store_query(r->owner->store, &query, on_menus, r);
}

/* The menus that those lead to that came last. */
static void read_more(struct reading *r)
{
    struct buf ids;
    struct json_writer w;
    char id[IVR_ID_SIZE];
    size_t count = 0;
    buf_init(&ids, BUF_MAX);
    jw_init(&w, &ids);
    jw_array(&w, NULL);
    for (; r->looked < ivr_book_count(r->book); r->looked++) {
        const struct ivr_menu *m = ivr_book_at(r->book, r->looked);
        for (size_t k = 0; k < m->action_count; k++) {
            const struct ivr_action *a = &m->actions[k];
            if (a->type != IVR_GOTO || ivr_book_find(r->book, a->menu))
                continue;
            ivr_id_text(a->menu, id);
            jw_str(&w, NULL, id);
            count++;
        }
    }
    jw_end(&w);
    if (count) {
        read_menus(r, buf_cstr(&ids));
    } else {
        keep(r);
        answer(r, DG_OK, NULL);
    }
    buf_free(&ids);
}

static void answer_kept(void *arg)
{
    answer(arg, DG_OK, NULL);
}

void ivr_menus_book(struct ivr_menus *ms, int64_t entry, ivr_book_fn *fn, void *arg)
{
    char id[IVR_ID_SIZE], ids[IVR_ID_SIZE + 8];
    struct reading *r = xcalloc(1, sizeof *r);
    ivr_id_text(entry, id);
    const struct kept_book *kept = map_get(ms->books, id);
    *r =
        (struct reading){.owner = ms, .entry = entry, .changes = ms->changes, .fn = fn, .arg = arg};
    if (kept && kept->until_ms > clock_ms()) {
        r->book = ivr_book_ref(kept->book);
        loop_call(ms->loop, answer_kept, r);
        return;
    }
    r->book = ivr_book_new();
    snprintf(ids, sizeof ids, "[\"%s\"]", id);
    read_menus(r, ids);
}

/* ---- Lists --------------------------------------------------------------------------------- */

struct listing {
    struct ivr_menus *owner;
    char campaign[IVR_ID_SIZE]; /* "": any */
    uint64_t offset, limit, total;
    ivr_menu_list_fn *fn;
    void *arg;
};

static void on_page(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    struct ivr_menu **menus = xcalloc(res->count + 1, sizeof *menus);
    struct ivr_menu_list out = {.err = res->err, .message = res->message, .menus = menus};
    for (size_t i = 0; i < res->count; i++) {
        menus[out.count] = menu_of(res->items[i]);
        out.count += menus[out.count] != NULL;
    }
    out.total = l->limit ? l->total : out.count;
    l->fn(l->arg, &out);
    for (size_t i = 0; i < out.count; i++)
        ivr_menu_free(menus[i]);
    free(menus);
    free(l);
}

static struct dg_where where_of(const struct listing *l)
{
    return (struct dg_where){.field = "campaign_id", .value = l->campaign};
}

static void read_page(struct listing *l)
{
    const struct dg_where where = where_of(l);
    const struct dg_query query = {.collection = COLLECTION_IVR_MENUS,
                                   .where = &where,
                                   .where_count = *l->campaign ? 1 : 0,
                                   .order_by = "created_at",
                                   .descending = true,
                                   .offset = l->offset,
                                   .limit = l->limit ? l->limit : IVR_BOOK_MAX};
    store_query(l->owner->store, &query, on_page, l);
}

static void on_total(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    if (res->err != DG_OK) {
        on_page(l, &(struct op_result){.err = res->err, .message = res->message});
        return;
    }
    l->total = row ? row->count : 0;
    read_page(l);
}

void ivr_menus_list(struct ivr_menus *ms, const struct ivr_menu_query *query, ivr_menu_list_fn *fn,
                    void *arg)
{
    struct listing *l = xcalloc(1, sizeof *l);
    *l = (struct listing){
        .owner = ms, .offset = query->offset, .limit = query->limit, .fn = fn, .arg = arg};
    if (query->campaign_id)
        ivr_id_text(query->campaign_id, l->campaign);
    const struct dg_where where = where_of(l);
    const struct dg_tally tally = {
        .collection = COLLECTION_IVR_MENUS, .where = &where, .where_count = *l->campaign ? 1 : 0};
    if (l->limit)
        store_tally(ms->store, &tally, on_total, l);
    else
        read_page(l);
}
