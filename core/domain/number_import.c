/* number_import.c - a file of numbers into a campaign; see number_import.h. */
#include "domain/number_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

#define CHUNK (16u << 10) /* bytes that are read between two looks at what has come of them */

struct import {
    struct store *store;
    struct ledger *ledger;
    struct loop *loop;
    struct number_import_request req;
    char *bytes;
    size_t at; /* so far they were read */
    bool ended;
    struct number_reader *reader;
    /* What was read since the last page was written. */
    struct arena *arena;
    struct number_new *list;
    size_t count, cap;
    struct number_import_result out;
    struct number_import_error errors[NUMBER_IMPORT_ERRORS];
    struct arena *reasons;
    number_import_fn *fn;
    void *arg;
};

static void read_more(struct import *im);

static void end(struct import *im, enum dg_err err, const char *message)
{
    im->out.err = err;
    im->out.message = message;
    im->out.errors = im->errors;
    im->fn(im->arg, &im->out);
    number_reader_free(im->reader);
    arena_free(im->arena);
    arena_free(im->reasons);
    free(im->list);
    free(im->bytes);
    free(im);
}

/* ---- Reading, on the worker pool ------------------------------------------------------------ */

static void on_wrong(struct import *im, const struct number_line *line)
{
    im->out.wrong++;
    if (im->out.error_count < NUMBER_IMPORT_ERRORS)
        im->errors[im->out.error_count++] =
            (struct number_import_error){line->line, arena_strdup(im->reasons, line->why)};
}

static void on_line(void *arg, const struct number_line *line)
{
    struct import *im = arg;
    const struct number_new *n = &line->number;
    if (line->why) {
        on_wrong(im, line);
        return;
    }
    if (im->count == im->cap) {
        im->cap = im->cap ? im->cap * 2 : NUMBERS_PAGE * 2;
        im->list = xrealloc(im->list, im->cap * sizeof *im->list);
    }
    im->list[im->count++] =
        (struct number_new){.phone_number = arena_strdup(im->arena, n->phone_number),
                            .data = arena_strdup(im->arena, n->data),
                            .timezone = arena_strdup(im->arena, n->timezone),
                            .priority = n->priority};
}

static void read_page(void *arg)
{
    struct import *im = arg;
    const size_t len = im->req.bytes.len;
    while (im->count < NUMBERS_PAGE && im->at < len) {
        const size_t part = len - im->at < CHUNK ? len - im->at : CHUNK;
        number_reader_feed(im->reader, im->bytes + im->at, part);
        im->at += part;
    }
    if (im->at == len && !im->ended) {
        im->ended = true;
        number_reader_end(im->reader);
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void on_added(void *arg, const struct numbers_answer *answer)
{
    struct import *im = arg;
    im->out.accepted += answer->count;
    if (answer->err != DG_OK)
        end(im, answer->err, answer->message);
    else
        read_more(im);
}

static void write_page(struct import *im)
{
    if (im->count)
        numbers_add(im->ledger, im->loop, im->req.campaign, im->list, im->count, on_added, im);
    else
        read_more(im);
}

/* Leaves those that are not in `known`, and puts them there. */
static void drop_known(struct import *im, struct map *known)
{
    size_t kept = 0;
    for (size_t i = 0; i < im->count; i++) {
        if (map_set(known, im->list[i].phone_number, im))
            im->out.skipped++;
        else
            im->list[kept++] = im->list[i];
    }
    im->count = kept;
}

static void on_there(void *arg, const struct op_result *res)
{
    struct import *im = arg;
    if (res->err != DG_OK) {
        end(im, res->err, res->message);
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

static void look_for_duplicates(struct import *im)
{
    char campaign[24];
    struct buf numbers;
    struct json_writer w;
    snprintf(campaign, sizeof campaign, "%lld", (long long)im->req.campaign);
    buf_init(&numbers, BUF_MAX);
    jw_init(&w, &numbers);
    jw_array(&w, NULL);
    for (size_t i = 0; i < im->count; i++)
        jw_str(&w, NULL, im->list[i].phone_number);
    jw_end(&w);
    const struct dg_where where[] = {
        {.field = "campaign_id", .value = campaign},
        {.field = "phone_number", .compare = DG_IN, .value = buf_cstr(&numbers)}};
    const struct dg_query query = {
        .collection = COLLECTION_NUMBERS, .where = where, .where_count = 2};
    store_query(im->store, &query, on_there, im);
    buf_free(&numbers);
}

static void on_read(void *arg)
{
    struct import *im = arg;
    if (im->req.skip_duplicates && im->count)
        look_for_duplicates(im);
    else
        write_page(im);
}

static void read_more(struct import *im)
{
    if (im->ended) {
        end(im, DG_OK, NULL);
        return;
    }
    arena_free(im->arena);
    im->arena = arena_new();
    im->count = 0;
    if (!loop_work(im->loop, LANE_IO, read_page, on_read, im))
        end(im, DG_ELIMIT, "Too much is being done already");
}

static void begin(void *arg)
{
    read_more(arg);
}

void number_import(struct store *store, struct ledger *ledger, struct loop *loop,
                   const struct number_import_request *req, number_import_fn *fn, void *arg)
{
    struct import *im = xcalloc(1, sizeof *im);
    *im = (struct import){
        .store = store, .ledger = ledger, .loop = loop, .req = *req, .fn = fn, .arg = arg};
    im->bytes = xmalloc(req->bytes.len + 1);
    if (req->bytes.len)
        memcpy(im->bytes, req->bytes.ptr, req->bytes.len);
    im->reasons = arena_new();
    im->reader = number_reader_new(req->format, &req->columns, on_line, im);
    im->req.columns = (struct number_columns){0};
    loop_call(loop, begin, im);
}
