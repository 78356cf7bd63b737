/* nodes_private.h - what the files of the nodes share. */
#ifndef DOMAIN_NODES_PRIVATE_H
#define DOMAIN_NODES_PRIVATE_H

#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "domain/calls.h"
#include "domain/nodes.h"

enum nodes_phase {
    PHASE_STARTING,
    PHASE_RUNNING,
    PHASE_LOST, /* taken for dead: its document is marked, until whoever marked it is through */
    PHASE_STOPPED,
};

struct node_record {
    struct node node;
    char *name;
};

struct nodes {
    struct nodes_config config;
    bool shared;
    enum nodes_phase phase;
    char run[ID_SIZE];
    struct map *known; /* name -> struct node_record */
    const struct calls *calls;
    struct nodes_events events;
    int64_t offset_ms; /* what to add to our clock to have the store's */
    int64_t started_unix_ms;
    uint64_t beat_ms, beat_sent_ms, lease_until_ms, steady_since_ms;
    unsigned lost_beats; /* in PHASE_LOST: the two ways out of it are tried in turn */
    bool beating, looking;
    bool replaced;  /* another one has its name */
    bool unsettled; /* it was away, and what is still its own is being found out */
    struct loop_timer *timer;
    struct registration *registration;
    bool said; /* that it stops */
    dg_fn *stop_fn;
    void *stop_arg;
};

void node_record_free(void *value);
void nodes_begin(struct nodes *n); /* it has its name: beat from now on */
void nodes_look(struct nodes *n);

/* ---- nodes_known.c ---- */
void nodes_take_in(struct nodes *n, const char *name, const json_t *json);

/* ---- nodes_self.c ---- */
void nodes_know_self(struct nodes *n); /* a store of its own: the picture is what it knows itself */
/* A document, or what is to be set in it (`set`: times are "@now", the store's clock). `first`:
 * when it started as well. */
void nodes_write_document(const struct nodes *n, bool set, bool first, struct buf *out);

#endif
