/* numbers_apply.c - many numbers deleted or dialled anew; see numbers.h.
 *
 * Pages are read by id, each from behind the last, so that a number is looked
 * at once. A page that somebody has changed meanwhile is written one by one,
 * and what cannot be changed any more stays as it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "domain/numbers.h"

#define PAGE      500
#define WHERE_MAX 8
#define TEXT_SIZE 24

struct page_entry {
    struct number before, after;
};

struct applying {
    struct store *store;
    struct ledger *ledger;
    struct number_filter filter;
    char *phone_number;
    enum number_action action;
    int64_t after; /* the last id that was looked at */
    struct page_entry *page;
    size_t count, waiting;
    uint64_t changed;
    struct problem problem;
    numbers_fn *fn;
    void *arg;
};

static void read_page(struct applying *a);

static void clear_page(struct applying *a)
{
    for (size_t i = 0; i < a->count; i++) {
        number_clear(&a->page[i].before);
        number_clear(&a->page[i].after);
    }
    free(a->page);
    a->page = NULL;
    a->count = 0;
}

static void end(struct applying *a)
{
    const struct numbers_answer out = {
        a->problem.err, a->problem.err == DG_OK ? NULL : a->problem.text, a->changed};
    a->fn(a->arg, &out);
    clear_page(a);
    free(a->phone_number);
    free(a);
}

/* ---- Changing ---------------------------------------------------------------------------- */

static bool in_call(const struct number *n)
{
    return n->status == NUMBER_CALLING || n->status == NUMBER_ANSWERED;
}

static void make(struct applying *a, struct page_entry *e)
{
    number_copy(&e->after, &e->before);
    if (a->action == NUMBERS_RESET) {
        number_reset(&e->after);
    } else {
        e->after.status = NUMBER_PENDING;
        e->after.due_at_ms = -(int64_t)e->before.priority;
    }
    e->after.updated_at_ms = clock_unix_ms();
}

static void next(struct applying *a)
{
    clear_page(a);
    if (a->problem.err == DG_OK)
        read_page(a);
    else
        end(a);
}

static void on_one(void *arg, const struct ledger_result *result)
{
    struct applying *a = arg;
    if (result->err == DG_OK)
        a->changed++;
    else if (result->err != DG_ECONFLICT)
        problem_set(&a->problem, result->err, "%s", result->message);
    if (--a->waiting == 0)
        next(a);
}

static void write_entries(struct applying *a, size_t first, size_t count, ledger_fn *fn)
{
    struct ledger_entry *entries = xcalloc(count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        const struct page_entry *e = &a->page[first + i];
        entries[i] =
            (struct ledger_entry){&e->before, a->action == NUMBERS_DELETE ? NULL : &e->after};
    }
    const struct ledger_change change = {
        .campaign = a->filter.campaign, .entries = entries, .count = count};
    ledger_write(a->ledger, &change, fn, a);
    free(entries);
}

static void on_page_written(void *arg, const struct ledger_result *result)
{
    struct applying *a = arg;
    if (result->err == DG_OK) {
        a->changed += a->count;
        next(a);
    } else if (result->err == DG_ECONFLICT && a->count > 1) {
        a->waiting = a->count;
        for (size_t i = 0; i < a->count; i++)
            write_entries(a, i, 1, on_one);
    } else {
        if (result->err != DG_ECONFLICT)
            problem_set(&a->problem, result->err, "%s", result->message);
        next(a);
    }
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void take(struct applying *a, const struct dg_doc *doc)
{
    struct page_entry *e = &a->page[a->count];
    str_to_int(doc->id, &a->after);
    if (!number_of_doc(&e->before, doc))
        return;
    if (in_call(&e->before)) {
        number_clear(&e->before);
        return;
    }
    if (a->action != NUMBERS_DELETE)
        make(a, e);
    a->count++;
}

static void on_page(void *arg, const struct op_result *res)
{
    struct applying *a = arg;
    if (res->err != DG_OK)
        problem_set(&a->problem, res->err, "%s", res->message);
    if (res->err != DG_OK || !res->count) {
        end(a);
        return;
    }
    a->page = xcalloc(res->count, sizeof *a->page);
    for (size_t i = 0; i < res->count; i++)
        take(a, res->items[i]);
    if (a->count)
        write_entries(a, 0, a->count, on_page_written);
    else
        next(a);
}

struct conditions {
    struct dg_where list[WHERE_MAX];
    char texts[WHERE_MAX][TEXT_SIZE];
    size_t count;
};

static void add_number(struct conditions *c, const char *field, enum dg_compare compare,
                       int64_t value)
{
    snprintf(c->texts[c->count], TEXT_SIZE, "%" PRId64, value);
    c->list[c->count] =
        (struct dg_where){.field = field, .compare = compare, .value = c->texts[c->count]};
    c->count++;
}

static void write_statuses(unsigned statuses, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_array(&w, NULL);
    for (unsigned i = 0; i < NUMBER_STATUSES; i++) {
        if (!statuses || statuses & 1u << i)
            jw_str(&w, NULL, number_status_name((enum number_status)i));
    }
    jw_end(&w);
}

static void read_page(struct applying *a)
{
    const struct number_filter *f = &a->filter;
    struct conditions c = {0};
    struct buf statuses;
    buf_init(&statuses, BUF_MAX);
    write_statuses(f->statuses, &statuses);
    add_number(&c, "campaign_id", DG_EQ, f->campaign);
    if (a->after)
        add_number(&c, "id", DG_GT, a->after);
    if (f->min_attempts >= 0)
        add_number(&c, "attempts", DG_GE, f->min_attempts);
    if (f->max_attempts >= 0)
        add_number(&c, "attempts", DG_LE, f->max_attempts);
    if (f->created_from_ms)
        add_number(&c, "created_at", DG_GE, f->created_from_ms);
    if (f->created_to_ms)
        add_number(&c, "created_at", DG_LT, f->created_to_ms);
    if (f->statuses)
        c.list[c.count++] =
            (struct dg_where){.field = "status", .compare = DG_IN, .value = buf_cstr(&statuses)};
    if (a->phone_number)
        c.list[c.count++] = (struct dg_where){
            .field = "phone_number", .compare = DG_PREFIX, .value = a->phone_number};
    const struct dg_query query = {
        .collection = COLLECTION_NUMBERS, .where = c.list, .where_count = c.count, .limit = PAGE};
    store_query(a->store, &query, on_page, a);
    buf_free(&statuses);
}

void numbers_apply(struct store *store, struct ledger *ledger, const struct number_filter *filter,
                   enum number_action action, numbers_fn *fn, void *arg)
{
    struct applying *a = xcalloc(1, sizeof *a);
    *a = (struct applying){.store = store,
                           .ledger = ledger,
                           .filter = *filter,
                           .phone_number = xstrdup(filter->phone_number),
                           .action = action,
                           .fn = fn,
                           .arg = arg};
    read_page(a);
}
