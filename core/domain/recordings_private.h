/* recordings_private.h - what the files of recordings share. */
#ifndef DOMAIN_RECORDINGS_PRIVATE_H
#define DOMAIN_RECORDINGS_PRIVATE_H

#include "domain/gather.h"
#include "domain/recordings.h"

/* Everything that there was when it was looked for. */
struct inventory {
    struct arena *arena;
    struct recording *list;
    size_t count;
    enum dg_err err;
    const char *message;
    uint64_t at_ms; /* 0: there is none */
};

struct sweep;

struct recordings {
    struct recordings_config config;
    size_t active; /* what is under way and will come back here */
    bool freed;    /* goes when the last of these has ended; nobody is asked any more */
    /* recordings_list.c */
    struct inventory last;
    struct link waiting;    /* who wants the list */
    bool looking, outdated; /* outdated: it has changed since they were asked */
    struct loop_timer *answering;
    /* recordings_keep.c */
    struct loop_timer *timer;
    struct sweep *sweep; /* under way; NULL: none */
    struct metric_family *deleted;
};

struct recording recording_of(const struct dg_recording *r, const char *backend);
/* Whether its call is still writing it. */
bool recording_is_open(const struct recordings *rs, const char *name);
void recordings_drop_list(struct recordings *rs);
void recordings_over(struct recordings *rs); /* one that was active */
void recordings_count(struct recordings *rs, const char *reason);
void recordings_keep_start(struct recordings *rs);
void recordings_keep_stop(struct recordings *rs);

#endif
