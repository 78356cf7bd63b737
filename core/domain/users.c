/* users.c - the users in memory, and how they come there; see users.h. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/user_record.h"
#include "domain/users_private.h"

/* ---- The users in memory ----------------------------------------------------- */

/* Where `id` stands or would stand. */
static size_t place_of(const struct users *u, int64_t id)
{
    size_t low = 0, high = u->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (u->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The name may be another's by now, when two were renamed. */
static void forget_name(struct users *u, const struct user *user)
{
    if (map_get(u->by_name, user->username) == user)
        map_del(u->by_name, user->username);
}

void users_keep(struct users *u, struct user *user)
{
    size_t at = place_of(u, user->id);
    if (at < u->count && u->by_id[at]->id == user->id) {
        forget_name(u, u->by_id[at]);
        user_free(u->by_id[at]);
    } else {
        if (u->count == u->cap)
            u->by_id = xrealloc(u->by_id, (u->cap = u->cap ? u->cap * 2 : 16) * sizeof *u->by_id);
        memmove(u->by_id + at + 1, u->by_id + at, (u->count - at) * sizeof *u->by_id);
        u->count++;
    }
    u->by_id[at] = user;
    map_set(u->by_name, user->username, user);
}

void users_forget(struct users *u, const struct user *user)
{
    size_t at = place_of(u, user->id);
    forget_name(u, user);
    user_free(u->by_id[at]);
    u->count--;
    memmove(u->by_id + at, u->by_id + at + 1, (u->count - at) * sizeof *u->by_id);
}

static void forget_all(struct users *u)
{
    map_free(u->by_name, NULL);
    u->by_name = map_new();
    for (size_t i = 0; i < u->count; i++)
        user_free(u->by_id[i]);
    u->count = 0;
}

struct users *users_new(struct store *store, struct loop *loop)
{
    struct users *u = xcalloc(1, sizeof *u);
    u->store = store;
    u->loop = loop;
    list_init(&u->loads);
    u->by_name = map_new();
    list_init(&u->edits);
    list_init(&u->lists);
    return u;
}

struct load {
    struct link link; /* in users.loads */
    struct users *users;
    uint64_t changes; /* of users, when the store was asked */
    users_fn *fn;
    void *arg;
};

static void load_free(struct load *load)
{
    list_remove(&load->link);
    free(load);
}

/* What is under way finds nobody any more when it comes back. */
void users_free(struct users *u)
{
    if (!u)
        return;
    while (!list_empty(&u->loads)) {
        struct load *load = list_item(u->loads.next, struct load, link);
        list_remove(&load->link);
        load->users = NULL;
    }
    while (!list_empty(&u->edits)) {
        edit_cut(u->edits.next);
    }
    while (!list_empty(&u->lists))
        list_cut(u->lists.next);
    forget_all(u);
    map_free(u->by_name, NULL);
    free(u->by_id);
    free(u);
}

static void on_closed(void *arg)
{
    struct users *u = arg;
    dg_fn *fn = u->on_closed;
    void *fn_arg = u->on_closed_arg;
    users_free(u);
    fn(fn_arg);
}

void users_close_when_idle(struct users *u)
{
    if (u->on_closed && list_empty(&u->loads) && list_empty(&u->edits) && list_empty(&u->lists))
        loop_call(u->loop, on_closed, u);
}

void users_close(struct users *u, dg_fn *fn, void *arg)
{
    u->on_closed = fn;
    u->on_closed_arg = arg;
    users_close_when_idle(u);
}

bool users_loaded(const struct users *u)
{
    return u->loaded;
}

const struct user *users_find(const struct users *u, const char *username)
{
    return map_get(u->by_name, username);
}

const struct user *users_find_id(const struct users *u, int64_t id)
{
    size_t at = place_of(u, id);
    return at < u->count && u->by_id[at]->id == id ? u->by_id[at] : NULL;
}

size_t users_count(const struct users *u)
{
    return u->count;
}

void users_each(const struct users *u, users_each_fn *fn, void *arg)
{
    for (size_t i = 0; i < u->count; i++)
        fn(arg, u->by_id[i]);
}

void users_on_change(struct users *u, dg_fn *fn, void *arg)
{
    u->on_change = fn;
    u->on_change_arg = arg;
}

/* ---- Loading ------------------------------------------------------------------- */

static void keep_all(struct users *u, const struct op_result *res)
{
    forget_all(u);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        json_t *json = json_parse(doc->json.ptr, doc->json.len, 8, NULL);
        struct user *user = json ? user_read(doc->id, doc->version, json) : NULL;
        json_decref(json);
        if (user)
            users_keep(u, user);
        else
            log_warn("users", "a document of the store is no user", LOG_S("id", doc->id));
    }
    u->loaded = true;
}

static void load_ask(struct load *load);

static void on_loaded(void *arg, const struct op_result *res)
{
    struct load *load = arg;
    struct users *u = load->users;
    if (u && res->err == DG_OK && load->changes != u->changes) {
        load_ask(load); /* the answer may be older than a change that came in meanwhile */
        return;
    }
    if (u) {
        const bool again = u->loaded;
        if (res->err == DG_OK)
            keep_all(u, res);
        if (res->err == DG_OK && again && u->on_change)
            u->on_change(u->on_change_arg);
        load->fn(load->arg, res->err, res->message, NULL);
    }
    load_free(load);
    if (u)
        users_close_when_idle(u);
}

static void load_ask(struct load *load)
{
    struct users *u = load->users;
    load->changes = u->changes;
    store_query(u->store, &(struct dg_query){.collection = COLLECTION_USERS}, on_loaded, load);
}

void users_load(struct users *u, users_fn *fn, void *arg)
{
    struct load *load = xcalloc(1, sizeof *load);
    *load = (struct load){.users = u, .fn = fn, .arg = arg};
    list_append(&u->loads, &load->link);
    load_ask(load);
}
