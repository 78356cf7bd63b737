/* user_list.c - users as the store has them: what other gateways have changed a moment ago, and
 * when somebody signed in there, is in it. */
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "domain/user_record.h"
#include "domain/users_private.h"

struct listing {
    struct link link;
    struct users *users;
    uint64_t offset, limit, total;
    user_list_fn *fn;
    void *arg;
};

void list_cut(struct link *list)
{
    struct listing *l = list_item(list, struct listing, link);
    list_remove(&l->link);
    l->users = NULL;
}

static void listing_end(struct listing *l, const struct user_list *list)
{
    struct users *u = l->users;
    if (u)
        l->fn(l->arg, list);
    list_remove(&l->link);
    free(l);
    if (u)
        users_close_when_idle(u);
}

static struct user *user_of(const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 8, NULL);
    struct user *user = json ? user_read(doc->id, doc->version, json) : NULL;
    json_decref(json);
    if (!user)
        log_warn("users", "a document of the store is no user", LOG_S("id", doc->id));
    return user;
}

static void on_page(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    struct user **users = xcalloc(res->count + 1, sizeof *users);
    struct user_list list = {.err = res->err,
                             .message = res->message,
                             .users = (const struct user *const *)users,
                             .total = l->total};
    for (size_t i = 0; res->err == DG_OK && i < res->count; i++)
        if ((users[list.count] = user_of(res->items[i])))
            list.count++;
    const size_t count = list.count;
    listing_end(l, &list);
    for (size_t i = 0; i < count; i++)
        user_free(users[i]);
    free(users);
}

static void on_total(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    if (res->err != DG_OK || !l->users) {
        listing_end(l, &(struct user_list){.err = res->err, .message = res->message});
        return;
    }
    l->total = row ? row->count : 0;
    const struct dg_query query = {.collection = COLLECTION_USERS,
                                   .order_by = "created_at",
                                   .descending = true,
                                   .offset = l->offset,
                                   .limit = l->limit};
    store_query(l->users->store, &query, on_page, l);
}

void users_list(struct users *u, uint64_t offset, uint64_t limit, user_list_fn *fn, void *arg)
{
    struct listing *l = xcalloc(1, sizeof *l);
    *l = (struct listing){.users = u, .offset = offset, .limit = limit, .fn = fn, .arg = arg};
    list_append(&u->lists, &l->link);
    store_tally(u->store, &(struct dg_tally){.collection = COLLECTION_USERS}, on_total, l);
}
