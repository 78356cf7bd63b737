/* file.c - GET /api/v2/recordings/{id}/file: the recording itself, or a range of it.
 *
 * It goes out in small pieces, each of which is asked for when the client has
 * taken the one before: what is in memory is a piece for each client, however
 * long the recording is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/recordings/private.h"
#include "api/recordings/range.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/stream.h"

#define PIECE     65536
#define ETAG_SIZE 96

static const struct {
    const char *format, *type;
} types[] = {{"wav", "audio/wav"},   {"WAV", "audio/wav"},   {"wav16", "audio/wav"},
             {"wav49", "audio/wav"}, {"gsm", "audio/x-gsm"}, {"mp3", "audio/mpeg"},
             {"ogg", "audio/ogg"},   {"opus", "audio/ogg"},  {"ulaw", "audio/basic"},
             {"g722", "audio/G722"}};

static const char *type_of(const char *format)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(types[i].format, format))
            return types[i].type;
    return "application/octet-stream";
}

/* ---- Pieces --------------------------------------------------------------------------------- */

/* A download: what is left of it. Lives with the request. */
struct download {
    const char *name, *backend;
    uint64_t at, end;
};

struct piece {
    struct hop *hop;
    char *name, *backend;
    uint64_t at, want;
    enum dg_err err;
    char *message, *bytes;
    size_t len;
};

static void piece_free(void *data)
{
    struct piece *p = data;
    free(p->name);
    free(p->backend);
    free(p->message);
    free(p->bytes);
    free(p);
}

static void on_piece(void *arg, const struct op_result *res)
{
    struct piece *p = arg;
    const struct dg_bytes *bytes = op_first(res, struct dg_bytes);
    p->err = res->err;
    p->message = xstrdup(res->message);
    if (res->err == DG_OK && bytes && bytes->len) {
        p->bytes = xmalloc(bytes->len);
        memcpy(p->bytes, bytes->ptr, bytes->len);
        p->len = bytes->len;
    }
    hop_done(p->hop);
}

static void run_piece(struct hop *hop, void *data)
{
    struct piece *p = data;
    const struct recording r = {.name = p->name, .backend = p->backend};
    p->hop = hop;
    recordings_read(((struct api *)hop_app(hop))->recordings, &r, p->at, p->want, on_piece, p);
}

/* Cut short, the answer cannot pass for a whole one: it ends before its length. */
static void back_piece(struct request *req, void *data)
{
    struct download *d = stream_user(req);
    struct piece *p = data;
    if (p->err != DG_OK || p->len != p->want) {
        log_warn("http", "a download was broken off", LOG_S("recording", d->name),
                 LOG_S("why", p->message ? p->message : "it has become shorter"));
        stream_break(req);
        return;
    }
    stream_lend(req, p->bytes, p->len, free, p->bytes);
    p->bytes = NULL;
    d->at += p->len;
    if (d->at == d->end)
        stream_end(req);
}

static void more(struct request *req, void *arg)
{
    const struct download *d = arg;
    if (d->at == d->end) {
        stream_end(req);
        return;
    }
    struct piece *p = xcalloc(1, sizeof *p);
    p->name = xstrdup(d->name);
    p->backend = xstrdup(d->backend);
    p->at = d->at;
    p->want = d->end - d->at < PIECE ? d->end - d->at : PIECE;
    hop_start(req, p, run_piece, back_piece, piece_free);
}

static const struct stream_use use = {.more = more};

/* ---- The beginning -------------------------------------------------------------------------- */

struct opening {
    struct hop *hop;
    struct arena *arena;
    const char *name, *backend, *format;
    uint64_t bytes;
    char etag[ETAG_SIZE];
    enum dg_err err;
    const char *message;
};

static void opening_free(void *data)
{
    struct opening *o = data;
    arena_free(o->arena);
    free(o);
}

static void write_etag(const struct recording *r, char out[ETAG_SIZE])
{
    if (r->version && strlen(r->version) < ETAG_SIZE - 3 &&
        str_only(r->version, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."))
        snprintf(out, ETAG_SIZE, "\"%s\"", r->version);
    else
        snprintf(out, ETAG_SIZE, "\"%" PRIx64 "-%" PRIx64 "\"", r->bytes, (uint64_t)r->at_ms);
}

static void on_found(void *arg, const struct recordings_answer *answer)
{
    struct opening *o = arg;
    o->err = answer->err;
    o->message = arena_strdup(o->arena, answer->message);
    if (answer->count) {
        const struct recording *r = answer->list;
        o->backend = arena_strdup(o->arena, r->backend);
        o->format = arena_strdup(o->arena, r->format);
        o->bytes = r->bytes;
        write_etag(r, o->etag);
    }
    hop_done(o->hop);
}

static void run_find(struct hop *hop, void *data)
{
    struct opening *o = data;
    o->hop = hop;
    recordings_find(((struct api *)hop_app(hop))->recordings, o->name, o->backend, on_found, o);
}

/* One of a list of tags, or "*". */
static bool is_tagged(const char *header, const char *etag)
{
    size_t len = strlen(etag);
    if (!header)
        return false;
    for (const char *at = header; *at; at += strcspn(at, ",")) {
        at += strspn(at, ", \t");
        if (*at == '*' || strncmp(at + (strncmp(at, "W/", 2) == 0 ? 2 : 0), etag, len) == 0)
            return true;
    }
    return false;
}

/* The range counts if the file is still the one of which the client has the rest. */
static bool is_same(const char *if_range, const char *etag)
{
    return !if_range || str_eq(if_range, etag);
}

static void say_file(struct request *req, const struct opening *o)
{
    char name[RECORDING_NAME_MAX + 64];
    snprintf(name, sizeof name, "attachment; filename=\"%s.%.10s\"", o->name,
             o->format && str_only(o->format, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                                              "XYZ0123456789")
                 ? o->format
                 : "bin");
    reply_header(req, "Content-Disposition", name);
}

static void send_bytes(struct request *req, const struct opening *o, int status, uint64_t first,
                       uint64_t end)
{
    struct download *d = request_alloc(req, sizeof *d);
    *d = (struct download){.name = request_strdup(req, (char *)o->name),
                           .backend = request_strdup(req, (char *)o->backend),
                           .at = first,
                           .end = end};
    say_file(req, o);
    stream_begin_sized(req, status, type_of(o->format), (size_t)(end - first), &use, d);
}

static void refuse_range(struct request *req, const struct opening *o)
{
    char range[48];
    snprintf(range, sizeof range, "bytes */%" PRIu64, o->bytes);
    reply_header(req, "Content-Range", range);
    reply_error(req, 416, "The recording ends before this range");
}

static void send_range(struct request *req, const struct opening *o)
{
    uint64_t first, last;
    char range[80];
    bool heeded = !request_is_head(req) && is_same(request_header(req, "if-range"), o->etag);
    switch (range_read(heeded ? request_header(req, "range") : NULL, o->bytes, &first, &last)) {
    case RANGE_WHOLE:
        send_bytes(req, o, 200, 0, o->bytes);
        break;
    case RANGE_BEYOND:
        refuse_range(req, o);
        break;
    case RANGE_PART:
        snprintf(range, sizeof range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last,
                 o->bytes);
        reply_header(req, "Content-Range", range);
        send_bytes(req, o, 206, first, last + 1);
        break;
    }
}

static void back_find(struct request *req, void *data)
{
    struct opening *o = data;
    if (o->err != DG_OK) {
        contact_center_problem(req, o->err, o->message);
        return;
    }
    reply_header(req, "Accept-Ranges", "bytes");
    reply_header(req, "ETag", o->etag);
    reply_header(req, "Cache-Control", "private, no-cache");
    if (is_tagged(request_header(req, "if-none-match"), o->etag))
        reply_empty(req, 304);
    else
        send_range(req, o);
}

void recordings_get_file(struct request *req)
{
    const char *name, *backend;
    if (!recordings_read_params(req, &name, &backend))
        return;
    struct opening *o = xcalloc(1, sizeof *o);
    o->arena = arena_new();
    o->name = arena_strdup(o->arena, name);
    o->backend = arena_strdup(o->arena, backend);
    hop_start(req, o, run_find, back_find, opening_free);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field request_headers[] = {
    {.name = "Range", .kind = FIELD_STR,
     .help = "One range of bytes; of several the whole file is the answer",
     .example = "\"bytes=0-65535\""},
    {.name = "If-Range", .kind = FIELD_STR,
     .help = "An ETag: the range counts only if the file still has it",
     .example = "\"\\\"27106c-cbf29ce484222325\\\"\""},
    {.name = "If-None-Match", .kind = FIELD_STR, .help = "ETags: of these it is answered 304",
     .example = "\"\\\"27106c-cbf29ce484222325\\\"\""},
    {0}};
static const struct field file_headers[] = {
    {.name = "ETag", .kind = FIELD_STR, .example = "\"\\\"27106c-cbf29ce484222325\\\"\""},
    {.name = "Accept-Ranges", .kind = FIELD_STR, .example = "\"bytes\""},
    {.name = "Content-Range", .kind = FIELD_STR, .help = "With 206 and 416",
     .example = "\"bytes 0-65535/160044\""},
    {.name = "Content-Disposition", .kind = FIELD_STR,
     .example = "\"attachment; filename=\\\"20251001-120007-"
                "019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d.wav\\\"\""},
    {0}};
/* clang-format on */
static const struct route_answer answers[] = {
    {200, "The whole file; its type is that of its format", NULL, "audio/wav", file_headers},
    {206, "The range", NULL, "audio/wav", file_headers},
    {304, "The client has it already", NULL, NULL, NULL},
    {416, "The file ends before the range", &contact_center_detail, NULL, file_headers},
    {429, "It is larger than can be fetched, or too many are being fetched", &contact_center_detail,
     NULL, NULL},
    RECORDINGS_REFUSALS,
    {0}};
const struct route_doc recordings_get_file_doc = {
    .id = "download_recording",
    .tag = "Recordings",
    .summary = "Download a recording, or a range of it",
    .help = "In the format in which it was recorded. While it is still being made, what there is "
            "of it.",
    .params = recordings_params,
    .headers = request_headers,
    .answers = answers,
};
