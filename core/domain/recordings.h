/* recordings.h - recordings on the telephone systems: listed, read, deleted,
 * and gone when they are old enough. [control thread]
 *
 * A recording is what a backend says there is; nothing of it is kept here. It
 * is known by its name, which is the file's without the ending. Those that this
 * gateway has made bear the id of their call (and mostly the time) in the name,
 * so that each leads to the other.
 *
 *   recordings.c       finding, reading, deleting
 *   recordings_list.c  all of them, newest first
 *   recordings_keep.c  the retention rule
 *   recording_name.c   what a name may be, and what it tells
 */
#ifndef DOMAIN_RECORDINGS_H
#define DOMAIN_RECORDINGS_H

#include "base/id.h"
#include "base/metrics.h"
#include "domain/calls.h"

struct nodes;
struct recordings;

#define RECORDING_NAME_MAX 120

/* NULL: it can be one. Else why not, in a sentence: whatever could lead out of a folder. */
const char *recording_name_refusal(const char *name);

/* What a name tells; 0 and "" where it does not. */
struct recording_name {
    char call_id[ID_SIZE];
    int64_t created_at_ms;
};
struct recording_name recording_name_read(const char *name);
/* A gateway has given it: as those are that recordings of calls and of callers in menus get. */
bool recording_name_is_ours(const char *name);

struct recordings_settings {
    uint64_t keep_ms; /* older ones are deleted; 0: none are */
    bool foreign;     /* also those that no gateway has made */
};

struct recordings_config {
    struct loop *loop;
    struct calls *calls;
    const struct nodes *nodes; /* NULL: this gateway is the only one */
    struct metrics *metrics;   /* NULL: none */
    struct recordings_settings settings;
};

struct recordings *recordings_new(const struct recordings_config *config);
void recordings_set(struct recordings *rs, const struct recordings_settings *settings);
void recordings_free(struct recordings *rs); /* after the backends were closed */

struct recording {
    const char *name, *backend, *format; /* format NULL: not known */
    const char *version;                 /* NULL: the rest has to tell */
    struct recording_name told;
    uint64_t bytes, duration_ms; /* 0: not known */
    int64_t at_ms;               /* when it was written to last; 0: not known */
};
/* When it was made: as its name says, else when it was written to; 0: not known. */
int64_t recording_created_ms(const struct recording *r);

/* ---- Asking; the answers are lent, on a later turn ---------------------------------------- */

struct recordings_answer {
    enum dg_err err;
    const char *message;          /* NULL when err is DG_OK */
    const struct recording *list; /* newest first */
    size_t count;
};
typedef void recordings_fn(void *arg, const struct recordings_answer *answer);
/* As of a second ago at most, where somebody else than this gateway has changed it. */
void recordings_list(struct recordings *rs, recordings_fn *fn, void *arg);

void recordings_changed(struct recordings *rs); /* a recording has ended; NULL is fine */

/* One by its name; `backend` NULL: the first that has it. Its bytes are known if the backend can
 * tell them at all. */
void recordings_find(struct recordings *rs, const char *name, const char *backend,
                     recordings_fn *fn, void *arg);
/* A piece of what recordings_find has found; the result is one dg_bytes, fewer than `limit` at the
 * end only. */
void recordings_read(struct recordings *rs, const struct recording *r, uint64_t offset,
                     uint64_t limit, op_fn *fn, void *arg);
/* DG_ECONFLICT: it is still being made, by this gateway or another one on the store. */
void recordings_delete(struct recordings *rs, const char *name, const char *backend,
                       recordings_fn *fn, void *arg);

#endif
