/* config.h - the configuration file, read and checked as a whole. */
#ifndef CONFIG_H
#define CONFIG_H

#include "plug/plug.h"

/* One [backend.NAME], [storage] or [auth.NAME] table. */
struct config_instance {
    const char *name;          /* "pbx"; the store's is "storage" */
    const char *plugin;        /* "ari" */
    struct settings *settings; /* of the plugin; handed over to instance_open (then NULL) */
    struct settings *calls;    /* backends: [calls] with what the instance overrides */
    const struct dg_plugin *descriptor;
    int line; /* backends: of the table, for problems found later */
};

struct config {
    char *file;   /* absolute */
    char *folder; /* of the file, absolute */
    struct env *env;
    struct toml_node *root;
    struct settings *server, *log, *plugins, *auth, *calls, *idempotency, *mobile, *events,
        *webhooks, *ivr, *node, *telephony, *storage;
    struct config_instance *backends;
    size_t backend_count;
    struct config_instance store; /* descriptor NULL: disabled */
    struct config_instance *providers;
    size_t provider_count;
    const char **plugin_folders; /* absolute; ends with NULL */
    bool debug, store_disabled, mock;
};

/* Reads the file. Problems of the core's sections and, once `plug` is given by config_plugins, of
 * the instances are collected as lines `file:line:column: ...` in `problems`. NULL: cannot be read
 * at all. */
struct config *config_load(const char *file, struct buf *problems, unsigned *count);
/* Loads the plugins that the instances name and checks their tables. */
void config_plugins(struct config *c, struct plug *plug, struct buf *problems, unsigned *count);
void config_free(struct config *c);

/* Every section of the core with its keys, for `dialgate plugins` and the tests. */
struct config_section {
    const char *name;
    const struct dg_cfg_key *keys;
};
extern const struct config_section config_sections[];

/* A key of type JSON as a list of texts that ends with NULL. */
const char **config_list(const struct settings *s, const char *key);
void config_list_free(const char **list);

/* What calls of this backend ask for when a request leaves it out: [calls], and what the
 * instance's own table overrides. The texts live as long as the configuration; the list of allowed
 * contexts is freed with config_list_free. */
struct call_defaults;
void config_call_defaults(const struct config *c, const struct config_instance *backend,
                          struct call_defaults *out);
/* How many calls it is given. Without a word of the configuration a backend that only plays its
 * calls has no limit per second: the default is that of an Asterisk. */
struct call_limits;
void config_call_limits(const struct config *c, const struct config_instance *backend,
                        struct call_limits *out);
/* The one that `telephony.backend` names, or with `telephony.mock` the first that only plays calls.
 */
const struct config_instance *config_active_backend(const struct config *c);
/* The one that `telephony.fallback` names. NULL: none, as always with `telephony.mock`. */
const struct config_instance *config_fallback_backend(const struct config *c);

/* Whom this backend is helped out by; NULL: nobody. */
const char *config_companion(const struct config_instance *backend);

/* Keys that differ and that only a restart puts in force, one call each: "server.listen". */
typedef void config_restart_fn(void *arg, const char *key);
void config_restart_sections(const struct config *old, const struct config *fresh,
                             config_restart_fn *fn, void *arg);
/* The same of an opened instance's own keys (the store's, a provider's); `table` is its name in the
 * file ("backend.pbx"). `fresh` NULL, or of another plugin: its key "plugin". */
void config_restart_instance(const struct instance *in, const struct config_instance *fresh,
                             const char *table, config_restart_fn *fn, void *arg);

/* Whether an opened instance is what this table asks for. */
bool config_same_instance(const struct instance *in, const struct config_instance *fresh);

/* Where the configuration is when --config is not given: $DIALGATE_CONFIG, ./dialgate.toml,
 * /etc/dialgate/dialgate.toml. NULL: none exists. The caller frees. */
char *config_find(void);

#endif
