/* spool.c - see spool.h.
 *
 * Parts of the answer are collected while a worker writes those before them; a
 * disk that falls behind ends the fetch, so that memory stays bounded.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ari.h"
#include "asterisk/folder.h"
#include "asterisk/text.h"

enum {
    FETCH_MS = 600000,
    IDLE_MS = 30000,
    FRESH_MS = 5000, /* looked for again within it, it is not fetched again */
    BEHIND_MAX = 16 << 20,
    PIECE_MAX = 4 << 20,
};

#define TOO_LARGE "the recording is larger than recording_max of the backend allows"

struct wish {
    struct wish *next;
    struct dg_op *op;
    bool find;
    char *format; /* find: as Asterisk says */
    uint64_t offset, limit;
};

struct spooled {
    struct spooled *next;
    struct ari *a;
    char *id;
    struct dg_timer *idle;
    int fd; /* -1: nothing is written yet */
    bool fetching, writing, dropped;
    size_t jobs;
    struct text filling; /* what is to be written next */
    uint64_t taken, bytes, hash;
    uint64_t fetched_ms;
    enum dg_err err; /* why it cannot be had */
    char why[160];
    struct wish *wishes;
};

/* ---- Jobs ----------------------------------------------------------------------------------- */

/* To a worker and back: some bytes to be written, or wanted. */
struct job {
    struct spooled *s;
    int fd;
    const char *folder; /* writing: where the file is to be made, if there is none */
    struct text bytes;
    uint64_t offset, hash;
    int error;
    struct dg_op *op;
};

static int open_nameless(const char *folder)
{
    struct text name = {0};
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    text_puts(&name, folder);
    text_puts(&name, "/dialgate-XXXXXX");
    fd = mkostemp(name.at, O_CLOEXEC);
    if (fd >= 0)
        unlink(name.at);
    text_free(&name);
    return fd;
}

/* FNV-1a. */
static uint64_t hash_on(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return hash;
}

static void write_out(void *arg)
{
    struct job *j = arg;
    size_t done = 0;
    if (j->fd < 0)
        j->fd = open_nameless(j->folder);
    if (j->fd < 0)
        j->error = errno;
    while (!j->error && done < j->bytes.len) {
        ssize_t n =
            pwrite(j->fd, j->bytes.at + done, j->bytes.len - done, (off_t)(j->offset + done));
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            j->error = errno ? errno : ENOSPC;
    }
    j->hash = hash_on(j->hash, j->bytes.at, j->bytes.len);
}

static void read_in(void *arg)
{
    struct job *j = arg;
    size_t want = j->bytes.size;
    j->bytes.at = text_alloc(want + 1);
    while (j->fd >= 0 && j->bytes.len < want) {
        ssize_t n = pread(j->fd, j->bytes.at + j->bytes.len, want - j->bytes.len,
                          (off_t)(j->offset + j->bytes.len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            j->error = errno;
        if (n <= 0)
            break;
        j->bytes.len += (size_t)n;
    }
}

/* ---- Coming and going -------------------------------------------------------------------------
 */

static void release_dropped(struct spooled *s)
{
    if (!s->dropped || s->jobs || s->fetching)
        return;
    if (s->fd >= 0)
        close(s->fd);
    text_free(&s->filling);
    free(s->id);
    free(s);
}

/* Nobody finds it any more; it goes when nothing of it is under way. */
static void drop(struct spooled *s)
{
    struct spool *spool = &s->a->spool;
    struct spooled **at = &spool->first;
    while (*at && *at != s)
        at = &(*at)->next;
    if (*at) {
        *at = s->next;
        spool->count--;
    }
    if (s->idle)
        s->a->h->timer_stop(s->a->h, s->idle);
    s->idle = NULL;
    s->dropped = true;
    release_dropped(s);
}

static void on_idle(void *arg)
{
    struct spooled *s = arg;
    s->idle = NULL;
    drop(s);
}

/* To the front, and its time begins anew. */
static void use(struct spooled *s)
{
    struct ari *a = s->a;
    struct spooled **at = &a->spool.first;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->next = a->spool.first;
    a->spool.first = s;
    if (s->idle)
        a->h->timer_stop(a->h, s->idle);
    s->idle = s->fetching ? NULL : a->h->timer_start(a->h, IDLE_MS, on_idle, s);
}

static struct spooled *find(struct ari *a, const char *id)
{
    struct spooled *s = a->spool.first;
    while (s && strcmp(s->id, id) != 0)
        s = s->next;
    return s;
}

/* The one that was not used for longest makes room. */
static bool make_room(struct ari *a)
{
    struct spooled *oldest = NULL;
    if (a->spool.count < SPOOL_MAX)
        return true;
    for (struct spooled *s = a->spool.first; s; s = s->next)
        if (!s->fetching && !s->jobs)
            oldest = s;
    if (oldest)
        drop(oldest);
    return oldest != NULL;
}

/* ---- What was wished for ---------------------------------------------------------------------
 */

static void job_over(struct spooled *s)
{
    struct ari *a = s->a;
    s->jobs--;
    release_dropped(s);
    if (--a->spool.jobs == 0 && a->spool.closed)
        a->spool.closed(a);
}

static void begin(struct job *j, dg_fn *work, dg_fn *done)
{
    struct spooled *s = j->s;
    s->jobs++;
    s->a->spool.jobs++;
    s->a->h->work(s->a->h, work, done, j);
}

static void on_read(void *arg)
{
    struct job *j = arg;
    const struct dg_host *h = j->s->a->h;
    char why[128];
    if (j->error) {
        h->fail(j->op, DG_EUNAVAILABLE, "a fetched recording cannot be read: %s",
                strerror_r(j->error, why, sizeof why));
    } else {
        h->item(j->op, &(struct dg_bytes){j->bytes.at, j->bytes.len});
        h->done(j->op);
    }
    text_free(&j->bytes);
    job_over(j->s);
    free(j);
}

static void give_piece(struct spooled *s, const struct wish *w)
{
    uint64_t left = w->offset < s->bytes ? s->bytes - w->offset : 0;
    uint64_t limit = w->limit && w->limit < PIECE_MAX ? w->limit : PIECE_MAX;
    struct job *j = text_alloc(sizeof *j);
    *j = (struct job){.s = s, .fd = s->fd, .offset = w->offset, .op = w->op};
    j->bytes.size = left < limit ? (size_t)left : (size_t)limit;
    begin(j, read_in, on_read);
}

static void give_size(struct spooled *s, const struct wish *w)
{
    char version[40];
    snprintf(version, sizeof version, "%llx-%llx", (unsigned long long)s->bytes,
             (unsigned long long)s->hash);
    s->a->h->item(w->op, &(struct dg_recording){
                             DG_SIZED(struct dg_recording),
                             .id = s->id,
                             .format = w->format,
                             .bytes = s->bytes,
                             .duration_ms = folder_duration_ms(w->format, s->bytes),
                             .version = version,
                         });
    s->a->h->done(w->op);
}

static void fulfil(struct spooled *s, const struct wish *w)
{
    if (s->err)
        s->a->h->fail(w->op, s->err, "%s", s->why);
    else if (w->find)
        give_size(s, w);
    else
        give_piece(s, w);
}

static void settle(struct spooled *s)
{
    struct wish *w = s->wishes;
    s->fetched_ms = s->a->h->now_ms(s->a->h);
    s->wishes = NULL;
    if (!s->dropped)
        use(s);
    s->jobs++; /* stays until all are told */
    while (w) {
        struct wish *next = w->next;
        fulfil(s, w);
        free(w->format);
        free(w);
        w = next;
    }
    s->jobs--;
    if (s->err && !s->fetching && !s->dropped)
        drop(s);
    else
        release_dropped(s);
}

/* ---- Fetching ------------------------------------------------------------------------------- */

static void spoil(struct spooled *s, enum dg_err err, const char *why)
{
    if (s->err)
        return;
    s->err = err;
    snprintf(s->why, sizeof s->why, "%s", why);
    text_free(&s->filling);
}

static void write_next(struct spooled *s);

static void on_written(void *arg)
{
    struct job *j = arg;
    struct spooled *s = j->s;
    char why[160], words[100];
    s->fd = j->fd;
    s->writing = false;
    s->hash = j->hash;
    s->bytes += j->bytes.len;
    if (j->error) {
        snprintf(why, sizeof why, "the recording cannot be kept while it is read: %s",
                 strerror_r(j->error, words, sizeof words));
        spoil(s, DG_EUNAVAILABLE, why);
    }
    text_free(&j->bytes);
    free(j);
    write_next(s);
    job_over(s);
}

/* What has come meanwhile; when all is there and written, who waits for it is told. That it cannot
 * be had is told at once, but its place is kept until the transfer is over: who asks again is not
 * to begin another one. */
static void write_next(struct spooled *s)
{
    if (s->writing)
        return;
    if (!s->filling.len) {
        if (s->wishes && (s->err || !s->fetching))
            settle(s);
        else if (s->err && !s->fetching && !s->dropped)
            drop(s);
        return;
    }
    struct job *j = text_alloc(sizeof *j);
    *j = (struct job){.s = s,
                      .fd = s->fd,
                      .folder = s->a->config.spool,
                      .bytes = s->filling,
                      .offset = s->bytes,
                      .hash = s->hash};
    s->filling = (struct text){0};
    s->writing = true;
    begin(j, write_out, on_written);
}

static void on_part(struct ari *a, void *arg, struct dg_bytes part)
{
    struct spooled *s = arg;
    (void)a;
    s->taken += part.len;
    if (s->taken > s->a->config.recording_max)
        spoil(s, DG_ELIMIT, TOO_LARGE);
    if (s->filling.len + part.len > BEHIND_MAX)
        spoil(s, DG_EUNAVAILABLE, "the disk of this gateway is too slow for the recording");
    if (!s->err)
        text_add(&s->filling, part.ptr, part.len);
    write_next(s);
}

static void on_fetched(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct spooled *s = arg;
    (void)a;
    (void)op;
    s->jobs++; /* stays until the end of this */
    if (r->err == DG_ENOTFOUND)
        spoil(s, r->err, "there is no such recording");
    else if (r->err == DG_ELIMIT)
        spoil(s, r->err, "too many requests are waiting for ARI");
    else if (r->err && r->status)
        spoil(s, r->err, "ARI does not give the recording out");
    else if (r->err && r->words && strstr(r->words, "larger than"))
        spoil(s, DG_ELIMIT, TOO_LARGE);
    else if (r->err)
        spoil(s, r->err, r->words ? r->words : "Unable to connect to ARI");
    s->fetching = false;
    write_next(s);
    s->jobs--;
    release_dropped(s);
}

static void fetch(struct ari *a, struct spooled *s)
{
    rest_send(a, NULL,
              &(struct rest_call){.path = {"recordings", "stored", s->id, "file"},
                                  .timeout_ms = FETCH_MS,
                                  .max_body = a->config.recording_max,
                                  .part = on_part,
                                  .then = on_fetched,
                                  .arg = s});
}

static void wish(struct ari *a, const char *id, const struct wish *what)
{
    struct spooled *s = find(a, id);
    bool fresh = s && (s->fetching || s->writing || !what->find ||
                       a->h->now_ms(a->h) - s->fetched_ms < FRESH_MS);
    if (s && !fresh) {
        drop(s);
        s = NULL;
    }
    if (!s && !make_room(a)) {
        a->h->fail(what->op, DG_ELIMIT, "too many recordings are being read at once");
        free(what->format);
        return;
    }
    if (s && (s->err || (!s->fetching && !s->writing))) {
        use(s);
        fulfil(s, what);
        free(what->format);
        return;
    }
    struct wish *w = text_alloc(sizeof *w);
    *w = *what;
    if (s) {
        w->next = s->wishes;
        s->wishes = w;
        return;
    }
    s = text_alloc(sizeof *s);
    *s = (struct spooled){.next = a->spool.first,
                          .a = a,
                          .id = text_copy(id),
                          .fd = -1,
                          .fetching = true,
                          .hash = 0xcbf29ce484222325u,
                          .wishes = w};
    a->spool.first = s;
    a->spool.count++;
    fetch(a, s);
}

void spool_find(struct ari *a, struct dg_op *op, const struct dg_recording *known)
{
    wish(a, known->id, &(struct wish){.op = op, .find = true, .format = text_copy(known->format)});
}

void spool_read(struct ari *a, struct dg_op *op, const struct dg_recording_read *req)
{
    wish(a, req->id, &(struct wish){.op = op, .offset = req->offset, .limit = req->limit});
}

void spool_forget(struct ari *a, const char *id)
{
    struct spooled *s = find(a, id);
    if (s && !s->fetching && !s->writing)
        drop(s);
}

void spool_close(struct ari *a, dg_fn *closed)
{
    while (a->spool.first)
        drop(a->spool.first);
    if (a->spool.jobs)
        a->spool.closed = closed;
    else
        closed(a);
}
