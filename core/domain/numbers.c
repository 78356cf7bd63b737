/* numbers.c - numbers in the store: read, listed, added, deleted; see numbers.h. */
#include "domain/numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"

#define ID_SIZE_TEXT 24
#define TRIES_MAX    5
#define NOT_FOUND    "Number not found"

/* ---- Reading ----------------------------------------------------------------------------- */

struct listing {
    number_list_fn *fn;
    void *arg;
};

static void on_numbers(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    struct number *numbers = xcalloc(res->count + 1, sizeof *numbers);
    struct number_list out = {.err = res->err, .message = res->message, .numbers = numbers};
    for (size_t i = 0; i < res->count; i++) {
        if (number_of_doc(&numbers[out.count], res->items[i]))
            out.count++;
    }
    l->fn(l->arg, &out);
    for (size_t i = 0; i < out.count; i++)
        number_clear(&numbers[i]);
    free(numbers);
    free(l);
}

static struct listing *listing_new(number_list_fn *fn, void *arg)
{
    struct listing *l = xcalloc(1, sizeof *l);
    *l = (struct listing){fn, arg};
    return l;
}

void numbers_list(struct store *store, const struct number_query *query, number_list_fn *fn,
                  void *arg)
{
    char campaign[ID_SIZE_TEXT], after[ID_SIZE_TEXT];
    struct dg_where where[3] = {{.field = "campaign_id", .value = campaign}};
    size_t count = 1;
    snprintf(campaign, sizeof campaign, "%" PRId64, query->campaign);
    snprintf(after, sizeof after, "%" PRId64, query->after);
    if (query->status)
        where[count++] = (struct dg_where){.field = "status", .value = query->status};
    if (query->after)
        where[count++] = (struct dg_where){.field = "id", .compare = DG_GT, .value = after};
    const struct dg_query q = {.collection = COLLECTION_NUMBERS,
                               .where = where,
                               .where_count = count,
                               .offset = query->offset,
                               .limit = query->limit};
    store_query(store, &q, on_numbers, listing_new(fn, arg));
}

static void on_number(void *arg, const struct op_result *res)
{
    const bool none = res->err == DG_ENOTFOUND || (res->err == DG_OK && !res->count);
    const struct op_result missing = {.err = DG_ENOTFOUND, .message = NOT_FOUND};
    on_numbers(arg, none ? &missing : res);
}

void numbers_get(struct store *store, int64_t id, number_list_fn *fn, void *arg)
{
    char text[ID_SIZE_TEXT];
    snprintf(text, sizeof text, "%" PRId64, id);
    store_get(store, COLLECTION_NUMBERS, text, on_number, listing_new(fn, arg));
}

/* ---- Adding ------------------------------------------------------------------------------ */

#define PAGES_AHEAD 2 /* one is written while the next is being made */

struct adding {
    struct ledger *ledger;
    int64_t campaign;
    const struct number_new *list;
    size_t count, page, asked, done;
    unsigned under_way;
    struct problem problem;
    numbers_fn *fn;
    void *arg;
};

/* One write of the ledger's. */
struct adding_page {
    struct adding *adding;
    size_t count;
};

static void add_pages(void *arg);

static void on_added(void *arg, const struct ledger_result *result)
{
    struct adding_page *page = arg;
    struct adding *a = page->adding;
    a->under_way--;
    if (result->err == DG_OK)
        a->done += page->count;
    else if (a->problem.err == DG_OK)
        problem_set(&a->problem, result->err, "%s", result->message);
    free(page);
    add_pages(a);
}

/* Nothing of it is the number's own but the list it stands in. */
static struct number number_of(const struct number_new *from, int64_t campaign, int64_t now_ms)
{
    return (struct number){.campaign_id = campaign,
                           .phone_number = (char *)from->phone_number,
                           .status = NUMBER_PENDING,
                           .due_at_ms = -(int64_t)from->priority,
                           .priority = from->priority,
                           .timezone = (char *)from->timezone,
                           .data = (char *)from->data,
                           .created_at_ms = now_ms};
}

static void add_page(struct adding *a)
{
    const int64_t now_ms = clock_unix_ms();
    const size_t left = a->count - a->asked;
    struct adding_page *page = xcalloc(1, sizeof *page);
    *page = (struct adding_page){a, left < a->page ? left : a->page};
    struct number *numbers = xcalloc(page->count + 1, sizeof *numbers);
    struct ledger_entry *entries = xcalloc(page->count + 1, sizeof *entries);
    for (size_t i = 0; i < page->count; i++) {
        numbers[i] = number_of(&a->list[a->asked + i], a->campaign, now_ms);
        entries[i].after = &numbers[i];
    }
    const struct ledger_change change = {
        .campaign = a->campaign, .entries = entries, .count = page->count};
    a->asked += page->count;
    a->under_way++;
    ledger_write(a->ledger, &change, on_added, page);
    free(entries);
    free(numbers);
}

static void add_pages(void *arg)
{
    struct adding *a = arg;
    while (a->under_way < PAGES_AHEAD && a->asked < a->count && a->problem.err == DG_OK)
        add_page(a);
    if (a->under_way)
        return;
    const struct problem *p = &a->problem;
    const struct numbers_answer out = {p->err, p->err == DG_OK ? NULL : p->text, a->done};
    a->fn(a->arg, &out);
    free(a);
}

void numbers_add(struct ledger *ledger, struct loop *loop, int64_t campaign,
                 const struct number_new *list, size_t count, numbers_fn *fn, void *arg)
{
    struct adding *a = xcalloc(1, sizeof *a);
    const size_t pages = (count + NUMBERS_PAGE - 1) / NUMBERS_PAGE;
    *a = (struct adding){.ledger = ledger,
                         .campaign = campaign,
                         .list = list,
                         .count = count,
                         .page = pages ? (count + pages - 1) / pages : 0, /* all of a size */
                         .fn = fn,
                         .arg = arg};
    loop_call(loop, add_pages, a);
}

/* ---- Deleting one ------------------------------------------------------------------------ */

struct deleting {
    struct store *store;
    struct ledger *ledger;
    int64_t id;
    unsigned tries;
    numbers_fn *fn;
    void *arg;
};

static void deleted(struct deleting *d, enum dg_err err, const char *message)
{
    const struct numbers_answer out = {err, message, err == DG_OK};
    d->fn(d->arg, &out);
    free(d);
}

static void on_to_delete(void *arg, const struct number_list *list);

static void on_deleted(void *arg, const struct ledger_result *result)
{
    struct deleting *d = arg;
    if (result->err == DG_ECONFLICT && ++d->tries < TRIES_MAX)
        numbers_get(d->store, d->id, on_to_delete, d);
    else
        deleted(d, result->err, result->err == DG_ENOTFOUND ? NOT_FOUND : result->message);
}

static void on_to_delete(void *arg, const struct number_list *list)
{
    struct deleting *d = arg;
    if (list->err != DG_OK) {
        deleted(d, list->err, list->message);
        return;
    }
    const struct number *n = &list->numbers[0];
    char why[64];
    if (n->status == NUMBER_CALLING || n->status == NUMBER_ANSWERED) {
        snprintf(why, sizeof why, "Cannot delete number with status \"%s\"",
                 number_status_name(n->status));
        deleted(d, DG_ECONFLICT, why);
        return;
    }
    const struct ledger_entry entry = {.before = n};
    const struct ledger_change change = {.campaign = n->campaign_id, .entries = &entry, .count = 1};
    ledger_write(d->ledger, &change, on_deleted, d);
}

void numbers_delete(struct store *store, struct ledger *ledger, int64_t id, numbers_fn *fn,
                    void *arg)
{
    struct deleting *d = xcalloc(1, sizeof *d);
    *d = (struct deleting){.store = store, .ledger = ledger, .id = id, .fn = fn, .arg = arg};
    numbers_get(store, id, on_to_delete, d);
}
