/* wal.c - see wal.h.
 *
 * The format (sqlite.org/fileformat2.html): a header of 32 bytes, then frames
 * of 24 bytes and a page each. Every frame carries the header's salts, which
 * change when the log is begun anew, so what an older log has left behind is
 * told apart; and a checksum over all that came before it. A frame that ends a
 * transaction says how many pages the file then has, any other says 0.
 */
#include "wal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/mem.h"

#define HEADER     32
#define FRAME      24
#define MAGIC      0x377f0682u /* the lowest bit: checksums count big-endian words */
#define PAGE_MAX   65536u
#define PAGE_USUAL 4096u

struct wal {
    FILE *file;
    bool big_endian;
    size_t page;
    unsigned char salts[8];
    uint32_t sum[2];
    unsigned char *bytes; /* a frame and its page */
};

static uint32_t big(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little(const unsigned char *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void add_sum(struct wal *w, const unsigned char *p, size_t len)
{
    for (const unsigned char *end = p + len; p < end; p += 8) {
        w->sum[0] += (w->big_endian ? big(p) : little(p)) + w->sum[1];
        w->sum[1] += (w->big_endian ? big(p + 4) : little(p + 4)) + w->sum[0];
    }
}

static bool sum_is(const struct wal *w, const unsigned char *stored)
{
    return big(stored) == w->sum[0] && big(stored + 4) == w->sum[1];
}

/* False: nothing behind it counts. */
static bool read_header(struct wal *w)
{
    unsigned char h[HEADER];
    if (fread(h, 1, sizeof(h), w->file) != sizeof(h))
        return false;
    w->big_endian = big(h) & 1u;
    w->page = big(h + 8);
    memcpy(w->salts, h + 16, sizeof(w->salts));
    add_sum(w, h, 24);
    return (big(h) & ~1u) == MAGIC && sum_is(w, h + 24) && w->page >= 512 && w->page <= PAGE_MAX;
}

/* Behind a header that does not count: as many pages of the usual size as there is room for. */
static struct wal_tail all_lost(struct wal *w)
{
    struct wal_tail tail = {0};
    if (fseek(w->file, 0, SEEK_END) == 0 && ftell(w->file) > HEADER)
        tail.dropped = ((size_t)ftell(w->file) - HEADER) / (FRAME + PAGE_USUAL);
    tail.damaged = tail.dropped > 0;
    return tail;
}

enum frame {
    FRAME_NONE,  /* the end of the file */
    FRAME_OTHER, /* of an older log, or nothing */
    FRAME_TORN,
    FRAME_WHOLE,
};

static enum frame read_frame(struct wal *w)
{
    size_t size = FRAME + w->page, got = fread(w->bytes, 1, size, w->file);
    if (got == 0)
        return FRAME_NONE;
    if (got >= 16 && memcmp(w->bytes + 8, w->salts, sizeof(w->salts)) != 0)
        return FRAME_OTHER;
    if (got < size || big(w->bytes) == 0)
        return FRAME_TORN;
    add_sum(w, w->bytes, 8);
    add_sum(w, w->bytes + FRAME, w->page);
    return sum_is(w, w->bytes + 16) ? FRAME_WHOLE : FRAME_TORN;
}

static struct wal_tail read_frames(struct wal *w)
{
    struct wal_tail tail = {0};
    size_t others = 0; /* since the last frame of ours */
    enum frame frame;
    w->bytes = mem_alloc(FRAME + w->page);
    while ((frame = read_frame(w)) != FRAME_NONE) {
        if (frame == FRAME_OTHER) {
            others++;
            continue;
        }
        tail.damaged |= others > 0 || frame == FRAME_TORN;
        tail.dropped += others + 1;
        others = 0;
        if (!tail.damaged && big(w->bytes + 4)) {
            tail.kept += tail.dropped;
            tail.dropped = 0;
        }
    }
    free(w->bytes);
    return tail;
}

struct wal_tail wal_inspect(const char *path)
{
    struct wal w = {0};
    struct wal_tail tail = {0};
    char name[4096];
    if (snprintf(name, sizeof(name), "%s-wal", path) >= (int)sizeof(name))
        return tail;
    w.file = fopen(name, "re");
    if (!w.file)
        return tail;
    tail = read_header(&w) ? read_frames(&w) : all_lost(&w);
    fclose(w.file);
    return tail;
}
