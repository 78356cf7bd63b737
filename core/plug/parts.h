/* parts.h - inside of plug: what the loader, instances, ops and host services share. */
#ifndef PLUG_PARTS_H
#define PLUG_PARTS_H

#include <pthread.h>
#include <stdarg.h>

#include "plug/plug.h"

enum plug_class { CLASS_BACKEND, CLASS_STORAGE, CLASS_AUTH, CLASS_PLUGIN };
#define PLUG_CLASSES 4
#define ERR_COUNT    (DG_ETIMEOUT + 1)

struct plug {
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    bool own_metrics;
    char *node; /* NULL: nothing is told of it */
    char **folders;
    bool trace[PLUG_CLASSES];
    uint64_t deadline_ms;
    struct map *files; /* name -> struct plugin_file */
    struct link dead;  /* instances whose close() did not end in time */
    struct metric_family *ops_total[PLUG_CLASSES];
    struct metric_family *op_seconds, *events_total, *faults_total;
};

/* A loaded file. The descriptor is a copy as large as ours: what an older
 * plugin does not know yet is zero. */
struct plugin_file {
    struct dg_plugin plugin;
    void *handle;
    char *path;
};

/* The counters of one function of one instance. */
struct op_stat {
    enum plug_class class;
    const char *function; /* "originate" */
    struct metric *seconds;
    struct metric *results[ERR_COUNT];
};

struct host {
    struct dg_host pub; /* first: plugins hand it back */
    struct instance *in;
};

struct instance_private {
    struct host host;
    struct plug_events events;

    /* The plugin's tables, as large as ours: what it does not have is NULL. */
    struct dg_backend backend;
    struct dg_storage storage;
    struct dg_auth auth;

    struct link ops;    /* not yet ended by the plugin */
    struct link graves; /* ended, oldest first: a second end finds them here */
    size_t open_count, grave_count;
    struct map *stats; /* "backend.originate" -> struct op_stat */

    struct link held; /* timers, watches, requests, streams the plugin holds */
    size_t working;   /* jobs on the worker pool */

    size_t undelivered; /* events on their way */
    bool overflown;

    pthread_mutex_t error_lock;
    char last_error[256]; /* what it logged last as an error, for "open() failed" */

    bool opening, gone;
    bool ended;     /* whoever closed it is being told: nothing of the loop is to come any more */
    size_t holders; /* instance_hold */
    dg_fn *closed;
    void *closed_arg;
    struct link dead_link;
};

/* ---- op.c ---- */
void ops_answer_all(struct instance *in, enum dg_err err, const char *why);
void ops_free(struct instance *in);
struct op_stat *op_stat(struct instance *in, const char *what);
void op_vfail(struct dg_op *op, enum dg_err err, const char *fmt, va_list ap);

/* ---- copy.c: NULL when the item has not the size its ABI version demands ---- */
struct dg_event *copy_event(struct arena *a, const struct dg_event *ev);

/* ---- call.c ---- */

/* A call into the plugin: who holds the loop too long is named. */
struct call {
    struct instance *in;
    const char *what;
    uint64_t started_us;
};
void call_enter(struct call *c, struct instance *in, const char *what);
void call_leave(struct call *c);

struct call_request {
    struct instance *in;
    enum plug_class class;
    const char *what, *subject; /* subject: id or name for the trace, or NULL */
    bool present;               /* the table has the function */
    const struct op_kind *kind;
    uint64_t deadline_ms; /* 0: the default */
    op_fn *fn;
    void *arg;
};
/* Opens the op and enters the call, or refuses (NULL). */
struct dg_op *call_begin(struct call *c, const struct call_request *req);

/* Is this the loop's thread? If not: logged with the plugin's name; a debug build ends here. */
bool plug_on_loop(struct instance *in, const char *function);
/* A fault of the plugin's: one log line, one count. */
void plug_fault(struct instance *in, const char *sentence, const char *function);

/* ---- check.c ---- */
bool descriptor_check(const struct dg_plugin *d, const char *where, struct problem *problem);
bool plugin_name_ok(const char *name);

/* ---- deliver.c: what a plugin tells on its own accord ---- */
void host_link(const struct dg_host *h, enum dg_link link, const char *detail);
void host_server_run(const struct dg_host *h, const char *run);
void host_lacks(const struct dg_host *h, const char *function, const char *why);
void host_noted(const struct dg_host *h, const struct dg_note *note);
void host_emit(const struct dg_host *h, const struct dg_event *ev);

/* ---- host.c, host_net.c ---- */
void host_init(struct instance *in);
void host_net_init(struct dg_host *pub);
struct instance *host_instance(const struct dg_host *h);

/* What a plugin holds; released with a warning when it is still there at the end. */
struct held {
    struct link link;
    struct instance *in;
    const char *what; /* "a timer" */
    void (*release)(struct held *held);
};
void held_add(struct held *held, struct instance *in, const char *what,
              void (*release)(struct held *held));
void held_release_all(struct instance *in);

/* ---- instance.c ---- */
void instance_maybe_free(struct instance *in);
void instances_free_dead(struct plug *p);

#endif
