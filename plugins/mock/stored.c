/* stored.c - recordings that are over: WAV files of silence, as long as was recorded. They are
 * made when they are read; the newest STORED_MAX are remembered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock.h"

#define STORED_MAX 1000
#define HEADER     44
#define PIECE_MAX  (1u << 20)

struct mock_stored {
    struct mock_thing thing; /* first; its id is the file */
    int64_t at_ms;
    uint64_t ms;
};

static uint64_t bytes_of(const struct mock_stored *s)
{
    return HEADER + s->ms * 16;
}

static void stored_free(struct mock *m, struct mock_stored *s)
{
    index_remove(&m->stored, &s->thing);
    free(s);
}

void stored_keep(struct mock *m, const char *file, uint64_t ms)
{
    struct mock_stored *s = index_get(&m->stored, file);
    if (!s) {
        s = mock_alloc(sizeof *s);
        index_add(&m->stored, &s->thing, file);
    }
    s->at_ms = m->h->unix_ms(m->h);
    s->ms = ms;
    if (m->stored.count > STORED_MAX)
        stored_free(m, index_first(&m->stored));
}

void stored_free_all(struct mock *m)
{
    for (struct mock_stored *s; (s = index_first(&m->stored));)
        stored_free(m, s);
}

/* ---- Asking --------------------------------------------------------------------------------- */

static void give(struct mock *m, struct dg_op *op, const struct mock_stored *s)
{
    char version[48];
    snprintf(version, sizeof version, "%llx-%llx", (unsigned long long)s->at_ms,
             (unsigned long long)s->ms);
    m->h->item(op, &(struct dg_recording){
                       DG_SIZED(struct dg_recording),
                       .id = s->thing.id,
                       .format = "wav",
                       .duration_ms = s->ms,
                       .bytes = bytes_of(s),
                       .at_ms = s->at_ms,
                       .version = version,
                   });
}

static struct mock_stored *stored_or_fail(struct mock *m, const char *id, struct dg_op *op)
{
    struct mock_stored *s = index_get(&m->stored, id);
    if (!s)
        m->h->fail(op, DG_ENOTFOUND, "there is no such recording");
    return s;
}

void mock_recordings(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct mock *m = self;
    for (struct mock_stored *s = index_first(&m->stored); s; s = index_next(&m->stored, s))
        if (matches(req, s->thing.id, NULL))
            give(m, op, s);
    m->h->done(op);
}

void mock_recording_find(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct mock *m = self;
    const struct mock_stored *s = stored_or_fail(m, req->id, op);
    if (!s)
        return;
    give(m, op, s);
    m->h->done(op);
}

void mock_recording_delete(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_stored *s = stored_or_fail(m, req->id, op);
    if (!s)
        return;
    stored_free(m, s);
    m->h->done(op);
}

/* ---- The file ------------------------------------------------------------------------------- */

static void put(char *at, uint32_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(number >> (8 * i));
}

/* 8 kHz, 16 bits, mono. */
static void write_header(const struct mock_stored *s, char out[HEADER])
{
    memcpy(out, "RIFF....WAVEfmt ", 16);
    memcpy(out + 36, "data", 4);
    put(out + 4, (uint32_t)(bytes_of(s) - 8), 4);
    put(out + 16, 16, 4);
    put(out + 20, 1, 2);
    put(out + 22, 1, 2);
    put(out + 24, 8000, 4);
    put(out + 28, 16000, 4);
    put(out + 32, 2, 2);
    put(out + 34, 16, 2);
    put(out + 40, (uint32_t)(bytes_of(s) - HEADER), 4);
}

void mock_recording_read(void *self, const struct dg_recording_read *req, struct dg_op *op)
{
    struct mock *m = self;
    char header[HEADER];
    const struct mock_stored *s = stored_or_fail(m, req->id, op);
    if (!s)
        return;
    uint64_t left = req->offset < bytes_of(s) ? bytes_of(s) - req->offset : 0;
    uint64_t limit = req->limit && req->limit < PIECE_MAX ? req->limit : PIECE_MAX;
    size_t len = (size_t)(left < limit ? left : limit);
    char *bytes = mock_alloc(len + 1);
    write_header(s, header);
    for (size_t i = 0; i < len && req->offset + i < HEADER; i++)
        bytes[i] = header[req->offset + i];
    m->h->item(op, &(struct dg_bytes){bytes, len});
    free(bytes);
    m->h->done(op);
}
