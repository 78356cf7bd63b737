/* plug.h - plugins: finding and loading .so files, instances, host services.
 *
 * A plugin file is looked up by name in the configured folders, loaded once
 * (RTLD_NOW | RTLD_LOCAL) and never unloaded. What does not fit is refused
 * with a sentence that says what was expected and what was found.
 */
#ifndef PLUG_PLUG_H
#define PLUG_PLUG_H

#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "dialgate/auth.h"
#include "dialgate/backend.h"
#include "dialgate/storage.h"
#include "loop/loop.h"
#include "loop/net.h"
#include "plug/op.h"
#include "plug/settings.h"

struct plug; /* the whole: loop, net, folders, loaded files */

/* Everything a plugin tells on its own accord. On the loop thread. */
struct plug_events {
    void (*event)(void *arg, struct instance *in, const struct dg_event *ev);
    void (*link)(void *arg, struct instance *in, enum dg_link link, const char *detail);
    void (*noted)(void *arg, struct instance *in, const struct dg_note *note);
    void *arg;
};

struct plug_config {
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    const char *const *folders; /* searched in order, ends with NULL; copied */
    bool trace_backend, trace_storage, trace_auth;
    uint64_t deadline_ms; /* default of ops: 20000 */
};

struct plug *plug_new(const struct plug_config *config);
void plug_free(struct plug *p); /* after all instances are closed */
/* What instances that are opened from now on are told as dg_host.node. Copied. */
void plug_set_node(struct plug *p, const char *node);

/* Load (or find loaded) the plugin `name`. NULL: `problem` says why. */
const struct dg_plugin *plug_load(struct plug *p, const char *name, struct problem *problem);
/* Use a descriptor that is part of the program (core/auth, tests). */
bool plug_accept(const struct dg_plugin *d, const char *where, struct problem *problem);
/* All loadable plugins in the folders; refusals come with descriptor NULL and the reason. */
typedef void plug_list_fn(void *arg, const char *file, const struct dg_plugin *d,
                          const char *refusal);
void plug_list(struct plug *p, plug_list_fn *fn, void *arg);

/* An opened plugin. */
struct instance {
    const struct dg_plugin *plugin;
    const char *name;
    void *self;
    struct plug *plug;
    struct settings *settings;
    enum dg_link link;
    char *link_detail;
    char *server_run; /* as told by the plugin; NULL: not known */
    int64_t link_since_ms;
    bool closing;
    struct map *lacks; /* function -> why */
    struct instance_private *priv;
};

/* Takes the settings over. NULL: `problem` says why (also when open() failed). */
struct instance *instance_open(struct plug *p, const struct dg_plugin *d, const char *name,
                               struct settings *settings, const struct plug_events *events,
                               struct problem *problem);
/* Close: no new ops; ops still open are answered DG_EUNAVAILABLE; then the plugin's close(),
 * bounded by a deadline; then `fn` and the instance is gone. */
void instance_close(struct instance *in, dg_fn *fn, void *arg);
/* Who holds an instance can look at it after its end as well: it is not connected then, and what it
 * is asked is refused. */
struct instance *instance_hold(struct instance *in); /* returns it */
void instance_let_go(struct instance *in);
size_t instance_open_ops(const struct instance *in);

#endif
