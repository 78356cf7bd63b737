/* export.c - lists as files; see export.h.
 *
 * A page is fetched from the control thread each time the client has taken the
 * one before, so that a slow client costs no more than a page. Where it goes on
 * is kept with the request.
 */
#include "api/campaign_dialer/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "http/stream.h"

#define PAGE_BYTES_MAX (256u << 20)

/* What is left of a page when it is sent. */
struct export
{
    const struct export_kind *kind;
    struct export_part *page; /* to fetch the next by; NULL while it is being fetched */
    bool unsent;              /* it holds what was not added to the stream yet */
};

/* ---- Rows [control thread] ------------------------------------------------------------------ */

void export_text(struct export_part *p, const char *text)
{
    csv_write(&p->out, text, p->columns++ == 0);
}

void export_int(struct export_part *p, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    export_text(p, text);
}

void export_time(struct export_part *p, int64_t unix_ms)
{
    char text[CLOCK_ISO_SIZE] = "";
    if (unix_ms > 0)
        clock_plain_local(unix_ms, text);
    export_text(p, text);
}

void export_row(struct export_part *p)
{
    csv_write_end(&p->out);
    p->columns = 0;
}

void export_object(struct export_part *p, struct json_writer *w)
{
    buf_adds(&p->out, p->begun ? ",\n" : "[");
    p->begun = true;
    jw_init(w, &p->out);
}

static void write_titles(struct export_part *p)
{
    for (const char *const *column = p->kind->columns; *column; column++)
        export_text(p, *column);
    export_row(p);
    p->begun = true;
}

void export_end(struct export_part *p, bool last)
{
    p->last = last;
    if (last && !p->csv)
        buf_adds(&p->out, p->begun ? "]\n" : "[]\n");
    if (p->out.over)
        p->err = DG_EINTERNAL;
    hop_done(p->hop);
}

void export_fail(struct export_part *p, enum dg_err err, const char *message)
{
    p->err = err;
    p->message = arena_strdup(p->arena, message);
    hop_done(p->hop);
}

/* ---- Pages ------------------------------------------------------------------------------------
 */

struct export_part *export_open(struct request *req)
{
    const char *format = request_query(req, "format");
    if (!str_empty(format) && !str_eq(format, "csv") && !str_eq(format, "json")) {
        dialer_refuse(req, 400, "Invalid format. Must be: csv or json",
                      json_pack("{s:s}", "format", "Must be: csv or json"));
        return NULL;
    }
    struct export_part *p = xcalloc(1, sizeof *p);
    p->arena = arena_new();
    p->csv = !str_eq(format, "json");
    buf_init(&p->out, PAGE_BYTES_MAX);
    return p;
}

void export_close(struct export_part *p)
{
    if (!p)
        return;
    buf_free(&p->out);
    arena_free(p->arena);
    free(p);
}

static void free_page(void *page)
{
    export_close(page);
}

static void run(struct hop *hop, void *data)
{
    struct export_part *p = data;
    p->hop = hop;
    p->api = hop_app(hop);
    if (p->csv && !p->begun)
        write_titles(p);
    if (p->api->users)
        p->kind->fetch(p);
    else
        export_fail(p, DG_EUNAVAILABLE, "the gateway is stopping");
}

/* A page is the hop's; what is kept goes on with a copy. */
static struct export_part *next_page(const struct export_part *last)
{
    struct export_part *p = xcalloc(1, sizeof *p);
    p->arena = arena_new();
    p->kind = last->kind;
    p->campaign = last->campaign;
    p->status = arena_strdup(p->arena, last->status);
    p->filter = last->filter;
    p->filter.disposition = arena_strdup(p->arena, last->filter.disposition);
    p->filter.search = arena_strdup(p->arena, last->filter.search);
    p->place = last->place;
    p->csv = last->csv;
    p->begun = last->begun;
    buf_init(&p->out, PAGE_BYTES_MAX);
    return p;
}

/* ---- Sending [HTTP thread] ---------------------------------------------------------------------
 */

static void on_next(struct request *req, void *data);

/* What the page holds, and what to go on with. */
static void send_page(struct request *req, struct export *ex, struct export_part *p)
{
    const bool last = p->last;
    ex->page = last ? NULL : next_page(p);
    if (p->out.len) {
        char *bytes = p->out.ptr;
        const size_t len = p->out.len;
        buf_init(&p->out, PAGE_BYTES_MAX);
        stream_lend(req, bytes, len, free, bytes);
    }
    if (last)
        stream_end(req);
}

static void more(struct request *req, void *arg)
{
    struct export *ex = arg;
    struct export_part *p = ex->page;
    if (!p)
        return;
    ex->page = NULL;
    if (ex->unsent) {
        ex->unsent = false;
        send_page(req, ex, p);
        export_close(p);
    } else {
        hop_start(req, p, run, on_next, free_page);
    }
}

static const struct stream_use use = {.more = more};

static void on_next(struct request *req, void *data)
{
    struct export *ex = stream_user(req);
    struct export_part *p = data;
    if (p->err == DG_OK) {
        send_page(req, ex, p);
        return;
    }
    log_warn("http", "an export was broken off", LOG_S("file", ex->kind->file),
             LOG_S("why", p->message));
    stream_break(req);
}

static void on_over(void *arg)
{
    struct export *ex = arg;
    export_close(ex->page);
}

static void refuse(struct request *req, const struct export_part *p)
{
    if (p->err == DG_EUNAVAILABLE)
        reply_header(req, "Retry-After", "5");
    dialer_refuse(req, p->err == DG_ENOTFOUND ? 404 : err_http_status(p->err),
                  p->message ? p->message : err_name(p->err), NULL);
}

static void on_first(struct request *req, void *data)
{
    struct export_part *p = data;
    char name[80];
    if (p->err != DG_OK) {
        refuse(req, p);
        return;
    }
    struct export *ex = request_alloc(req, sizeof *ex);
    ex->kind = p->kind;
    ex->page = xcalloc(1, sizeof *ex->page);
    *ex->page = *p; /* moved: the hop frees an empty one */
    *p = (struct export_part){0};
    buf_init(&p->out, 0);
    ex->unsent = true;
    request_on_end(req, on_over, ex);
    snprintf(name, sizeof name, "attachment; filename=\"%s.%s\"", ex->kind->file,
             ex->page->csv ? "csv" : "json");
    reply_header(req, "Content-Disposition", name);
    reply_header(req, "Cache-Control", "no-store");
    stream_begin(req, 200, ex->page->csv ? "text/csv; charset=utf-8" : "application/json", &use,
                 ex);
}

void export_start(struct request *req, struct export_part *p, const struct export_kind *kind)
{
    p->kind = kind;
    hop_start(req, p, run, on_first, free_page);
}
