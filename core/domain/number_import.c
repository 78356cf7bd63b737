/* number_import.c - numbers out of a file into a campaign; see number_import.h. */
#include "domain/number_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/dnc.h"

#define CHUNK (16u << 10) /* bytes that are read between two looks at what has come of them */
#define PAGES 4           /* of the store's that are read ahead, where it can have each by itself */

struct page {
    struct arena *arena;
    struct number_new *list;
    size_t count, cap;
};

struct number_import {
    struct store *store;
    struct ledger *ledger;
    struct loop *loop;
    int64_t campaign;
    bool dnc, skip_duplicates;
    size_t page_size;
    struct number_reader *reader;
    /* What is to be read: a piece, and whether it is the last. */
    char *bytes;
    size_t len, at;
    dg_fn *taken; /* NULL: nobody waits */
    bool last;    /* nothing comes after the piece */
    bool read_all;
    /* The page that is read, by the worker pool while `reading`, and the one that is written. */
    struct page ahead, page;
    bool reading, full, writing;
    bool asked; /* go_on is on its way */
    /* How it ends. */
    bool cancelled;
    enum dg_err err;
    char *message;
    struct number_import_result out;
    struct number_import_error errors[NUMBER_IMPORT_ERRORS];
    struct arena *reasons;
    number_import_fn *fn;
    void *arg;
};

static void go_on(struct number_import *im);

/* On a later turn. */
static void on_asked(void *arg)
{
    struct number_import *im = arg;
    im->asked = false;
    go_on(im);
}

static void ask(struct number_import *im)
{
    if (!im->asked)
        loop_call(im->loop, on_asked, im);
    im->asked = true;
}

/* ---- Pages ------------------------------------------------------------------------------------
 */

static void page_clear(struct page *p)
{
    arena_free(p->arena);
    p->arena = arena_new();
    p->count = 0;
}

static void page_free(struct page *p)
{
    arena_free(p->arena);
    free(p->list);
}

static void page_add(struct page *p, const struct number_new *n)
{
    if (p->count == p->cap) {
        p->cap = p->cap ? p->cap * 2 : NUMBERS_PAGE * 2;
        p->list = xrealloc(p->list, p->cap * sizeof *p->list);
    }
    p->list[p->count++] =
        (struct number_new){.phone_number = arena_strdup(p->arena, n->phone_number),
                            .data = arena_strdup(p->arena, n->data),
                            .timezone = arena_strdup(p->arena, n->timezone),
                            .priority = n->priority};
}

/* ---- Reading, on the worker pool --------------------------------------------------------------
 */

static void on_line(void *arg, const struct number_line *line)
{
    struct number_import *im = arg;
    if (!line->why) {
        page_add(&im->ahead, &line->number);
        return;
    }
    im->out.wrong++;
    if (im->out.error_count < NUMBER_IMPORT_ERRORS)
        im->errors[im->out.error_count++] =
            (struct number_import_error){line->line, arena_strdup(im->reasons, line->why)};
}

static void read_page(void *arg)
{
    struct number_import *im = arg;
    while (im->ahead.count < im->page_size && im->at < im->len) {
        const size_t part = im->len - im->at < CHUNK ? im->len - im->at : CHUNK;
        number_reader_feed(im->reader, im->bytes + im->at, part);
        im->at += part;
    }
    if (im->at == im->len && im->last && !im->read_all) {
        im->read_all = true;
        number_reader_end(im->reader);
    }
}

static void forget_piece(struct number_import *im)
{
    free(im->bytes);
    im->bytes = NULL;
    im->len = im->at = 0;
}

static void on_read(void *arg)
{
    struct number_import *im = arg;
    const bool used_up = im->at == im->len;
    dg_fn *taken = used_up && !im->cancelled && im->err == DG_OK ? im->taken : NULL;
    im->reading = false;
    im->full = im->ahead.count >= im->page_size || im->read_all;
    ask(im);
    if (used_up)
        forget_piece(im);
    if (taken) {
        im->taken = NULL;
        taken(im->arg);
    }
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

static void fail(struct number_import *im, enum dg_err err, const char *message)
{
    im->err = err;
    im->message = xstrdup(message);
}

static void on_added(void *arg, const struct numbers_answer *answer)
{
    struct number_import *im = arg;
    im->writing = false;
    im->out.accepted += answer->count;
    if (answer->err != DG_OK)
        fail(im, answer->err, answer->message);
    go_on(im);
}

static void on_listed(void *arg, const struct op_result *res)
{
    struct number_import *im = arg;
    const struct numbers_answer answer = {res->err, res->message,
                                          res->err == DG_OK ? im->page.count : 0};
    on_added(im, &answer);
}

static void write_page(struct number_import *im)
{
    if (!im->page.count) {
        im->writing = false;
        ask(im);
    } else if (im->dnc) {
        dnc_add_all(im->store, im->page.list, im->page.count, on_listed, im);
    } else {
        numbers_add(im->ledger, im->loop, im->campaign, im->page.list, im->page.count, on_added,
                    im);
    }
}

/* Leaves those that are not in `known`, and puts them there. */
static void drop_known(struct number_import *im, struct map *known)
{
    size_t kept = 0;
    for (size_t i = 0; i < im->page.count; i++) {
        if (map_set(known, im->page.list[i].phone_number, im))
            im->out.skipped++;
        else
            im->page.list[kept++] = im->page.list[i];
    }
    im->page.count = kept;
}

static void on_there(void *arg, const struct op_result *res)
{
    struct number_import *im = arg;
    if (res->err != DG_OK) {
        im->writing = false;
        fail(im, res->err, res->message);
        go_on(im);
        return;
    }
    struct map *known = map_new();
    for (size_t i = 0; i < res->count; i++) {
        struct number n;
        if (number_of_doc(&n, res->items[i]))
            map_set(known, n.phone_number, im);
        number_clear(&n);
    }
    drop_known(im, known);
    map_free(known, NULL);
    write_page(im);
}

static void look_for_duplicates(struct number_import *im)
{
    char campaign[24];
    struct buf numbers;
    struct json_writer w;
    snprintf(campaign, sizeof campaign, "%lld", (long long)im->campaign);
    buf_init(&numbers, BUF_MAX);
    jw_init(&w, &numbers);
    jw_array(&w, NULL);
    for (size_t i = 0; i < im->page.count; i++)
        jw_str(&w, NULL, im->page.list[i].phone_number);
    jw_end(&w);
    const struct dg_where where[] = {
        {.field = "campaign_id", .value = campaign},
        {.field = "phone_number", .compare = DG_IN, .value = buf_cstr(&numbers)}};
    const struct dg_query query = {
        .collection = COLLECTION_NUMBERS, .where = where, .where_count = 2};
    store_query(im->store, &query, on_there, im);
    buf_free(&numbers);
}

static void write_ahead(struct number_import *im)
{
    struct page page = im->ahead;
    im->ahead = im->page;
    im->page = page;
    page_clear(&im->ahead);
    im->full = false;
    im->writing = true;
    if (im->skip_duplicates && im->page.count)
        look_for_duplicates(im);
    else
        write_page(im);
}

/* ---- From one to the other --------------------------------------------------------------------
 */

static void import_free(struct number_import *im)
{
    forget_piece(im);
    number_reader_free(im->reader);
    page_free(&im->ahead);
    page_free(&im->page);
    arena_free(im->reasons);
    free(im->message);
    free(im);
}

static void end(struct number_import *im)
{
    im->out.err = im->err;
    im->out.message = im->message;
    im->out.errors = im->errors;
    if (!im->cancelled)
        im->fn(im->arg, &im->out);
    import_free(im);
}

static bool to_read(const struct number_import *im)
{
    return !im->full && (im->at < im->len || (im->last && !im->read_all));
}

static void go_on(struct number_import *im)
{
    bool over = im->cancelled || im->err != DG_OK;
    if (im->asked)
        return;
    if (!over && im->full && !im->reading && !im->writing)
        write_ahead(im);
    if (!over && !im->reading && to_read(im)) {
        im->reading = loop_work(im->loop, LANE_IO, read_page, on_read, im);
        if (!im->reading)
            fail(im, DG_ELIMIT, "Too much is being done already");
    }
    if (im->reading || im->writing || im->asked) /* `read_all` is the reader's until then */
        return;
    if (im->cancelled || im->err != DG_OK || (im->read_all && !im->full))
        end(im);
}

struct number_import *number_import_new(struct store *store, struct ledger *ledger,
                                        struct loop *loop, const struct number_import_request *req,
                                        number_import_fn *fn, void *arg)
{
    struct number_import *im = xcalloc(1, sizeof *im);
    *im = (struct number_import){.store = store,
                                 .ledger = ledger,
                                 .loop = loop,
                                 .campaign = req->campaign,
                                 .dnc = req->dnc,
                                 .skip_duplicates = req->skip_duplicates && !req->dnc,
                                 .fn = fn,
                                 .arg = arg};
    /* Those that are asked for, or written, in one request are no more than one write may hold. */
    im->page_size = im->dnc || im->skip_duplicates ? NUMBERS_PAGE : PAGES * NUMBERS_PAGE;
    page_clear(&im->ahead);
    page_clear(&im->page);
    im->reasons = arena_new();
    im->reader = number_reader_new(req->format, &req->columns, on_line, im);
    return im;
}

void number_import_bytes(struct number_import *im, char *bytes, size_t len, dg_fn *taken)
{
    im->bytes = bytes;
    im->len = len;
    im->at = 0;
    im->taken = taken;
    ask(im);
}

void number_import_end(struct number_import *im)
{
    im->last = true;
    ask(im);
}

void number_import_cancel(struct number_import *im)
{
    im->cancelled = true;
    ask(im);
}

void number_import(struct store *store, struct ledger *ledger, struct loop *loop,
                   const struct number_import_request *req, char *bytes, size_t len,
                   number_import_fn *fn, void *arg)
{
    struct number_import *im = number_import_new(store, ledger, loop, req, fn, arg);
    number_import_bytes(im, bytes, len, NULL);
    number_import_end(im);
}
