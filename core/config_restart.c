/* config_restart.c - what a reload cannot change, and whether it has changed. */
#include <stdio.h>

#include "base/str.h"
#include "config.h"

/* Keys that only a start reads; NULL: every key of the section. All others take effect at once. */
static const char *const server_keys[] = {"listen",   "listen_tls",  "http2",
                                          "control",  "timezone",    "threads",
                                          "app_name", "app_version", NULL};
static const char *const auth_chain[] = {"chain", NULL};
static const char *const webhook_keys[] = {"allow_private", NULL};

struct fixed {
    const char *section;
    const char *const *keys;
};

static const struct fixed fixed_sections[] = {
    {"server", server_keys}, {"auth", auth_chain}, {"webhooks", webhook_keys}, {"plugins", NULL},
    {"ivr", NULL},           {"node", NULL},       {"storage", NULL},
};

static const struct settings *section_of(const struct config *c, const char *name)
{
    const struct {
        const char *name;
        const struct settings *settings;
    } sections[] = {
        {"server", c->server},   {"webhooks", c->webhooks}, {"auth", c->auth},
        {"plugins", c->plugins}, {"ivr", c->ivr},           {"node", c->node},
        {"storage", c->storage},
    };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (str_eq(sections[i].name, name))
            return sections[i].settings;
    return NULL;
}

static const struct dg_cfg_key *keys_of(const char *section)
{
    const struct config_section *s = config_sections;
    while (s->name && !str_eq(s->name, section))
        s++;
    return s->keys;
}

static bool listed(const char *const *keys, const char *key)
{
    for (; keys && *keys; keys++)
        if (str_eq(*keys, key))
            return true;
    return !keys;
}

static void tell(config_restart_fn *fn, void *arg, const char *table, const char *key)
{
    char name[256];
    snprintf(name, sizeof name, "%s.%s", table, key);
    fn(arg, name);
}

void config_restart_sections(const struct config *old, const struct config *fresh,
                             config_restart_fn *fn, void *arg)
{
    for (size_t i = 0; i < sizeof fixed_sections / sizeof *fixed_sections; i++) {
        const struct fixed *f = &fixed_sections[i];
        const struct settings *a = section_of(old, f->section), *b = section_of(fresh, f->section);
        for (const struct dg_cfg_key *k = keys_of(f->section); k && k->name; k++)
            if (listed(f->keys, k->name) && !settings_same(a, b, k->name))
                tell(fn, arg, f->section, k->name);
    }
}

bool config_same_instance(const struct instance *in, const struct config_instance *fresh)
{
    if (!fresh->settings || !str_eq(fresh->plugin, in->plugin->name))
        return false;
    for (const struct dg_cfg_key *k = in->plugin->config; k && k->name; k++)
        if (!settings_same(in->settings, fresh->settings, k->name))
            return false;
    return true;
}

void config_restart_instance(const struct instance *in, const struct config_instance *fresh,
                             const char *table, config_restart_fn *fn, void *arg)
{
    if (!fresh || !fresh->settings || !str_eq(fresh->plugin, in->plugin->name)) {
        tell(fn, arg, table, "plugin");
        return;
    }
    for (const struct dg_cfg_key *k = in->plugin->config; k && k->name; k++)
        if (!settings_same(in->settings, fresh->settings, k->name))
            tell(fn, arg, table, k->name);
}
