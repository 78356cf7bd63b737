/* own.c - each provider reads its settings like any plugin, so it is given a
 * table with its part of [auth].
 */
#include "auth/own.h"

#include <stdlib.h>
#include <string.h>

#include "auth/providers.h"
#include "base/mem.h"
#include "base/str.h"

struct part {
    struct toml_node items[10];
    size_t count;
};

static void part_add(struct part *part, const char *key, const char *value)
{
    struct buf text;
    if (str_empty(value))
        return;
    buf_init(&text, BUF_MAX);
    for (; *value; value++) {
        if (*value == '$')
            buf_addc(&text, '$'); /* was expanded already */
        buf_addc(&text, *value);
    }
    part->items[part->count++] =
        (struct toml_node){.kind = TOML_STR, .key = xstrdup(key), .text = buf_take(&text)};
}

static void part_add_int(struct part *part, const char *key, int64_t value)
{
    part->items[part->count++] =
        (struct toml_node){.kind = TOML_INT, .key = xstrdup(key), .integer = value};
}

static void part_free(struct part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        if (part->items[i].text)
            explicit_bzero(part->items[i].text, strlen(part->items[i].text));
        free(part->items[i].text);
        free(part->items[i].key);
    }
}

static struct instance *open_one(const struct own_config *config, const struct dg_plugin *plugin,
                                 const char *name, struct part *part, struct problem *problem)
{
    struct buf problems;
    unsigned count = 0;
    struct toml_node table = {
        .kind = TOML_TABLE, .key = (char *)name, .items = part->items, .count = part->count};
    const struct settings_source source = {
        .file = "[auth]", .problems = &problems, .count = &count};
    buf_init(&problems, BUF_MAX);
    struct settings *settings = settings_read(&source, name, &table, plugin->config, NULL);
    part_free(part);
    struct instance *in = NULL;
    if (count)
        problem_set(problem, DG_EINVAL, "auth: %s: %s", name, buf_cstr(&problems));
    if (!count && plug_accept(plugin, "auth", problem))
        in = instance_open(config->plug, plugin, name, settings, NULL, problem);
    else
        settings_free(settings);
    buf_free(&problems);
    return in;
}

static struct instance *open_jwt(const struct own_config *config, struct problem *problem)
{
    static const char *const texts[] = {"algorithm", "public_key", "jwt_issuer", "jwt_audience"};
    const struct settings *s = config->settings;
    struct part part = {.count = 0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        part_add(&part, texts[i], settings_str(s, texts[i]));
    if (str_eq(settings_str(s, "algorithm"), "HS256")) {
        const char *secret = settings_str(s, "secret_key");
        part_add(&part, "secret_key", str_empty(secret) ? config->spare_secret : secret);
    }
    part_add_int(&part, "token_minutes", settings_int(s, "token_minutes"));
    part_add_int(&part, "bcrypt_cost", settings_int(s, "bcrypt_cost"));
    part_add_int(&part, "token_cache", settings_int(s, "token_cache"));
    struct instance *in = open_one(config, &jwt_plugin, "jwt", &part, problem);
    if (in)
        jwt_provider_use(in->self, config->loop, config->users);
    return in;
}

static struct instance *open_keys(const struct own_config *config, const char *name, bool dev_only,
                                  struct problem *problem)
{
    const struct settings *s = config->settings;
    struct part part = {.count = 0};
    if (!dev_only)
        part_add(&part, "api_key", settings_str(s, "api_key"));
    part_add(&part, "dev_api_key", settings_str(s, "dev_api_key"));
    part_add_int(&part, "token_cache", settings_int(s, "token_cache"));
    return open_one(config, &api_key_plugin, name, &part, problem);
}

static struct instance *open_token(const struct own_config *config, struct problem *problem)
{
    struct part part = {.count = 0};
    part_add_int(&part, "token_cache", settings_int(config->settings, "token_cache"));
    struct instance *in = open_one(config, &token_plugin, "token", &part, problem);
    if (in)
        token_provider_use(in->self, config->tokens);
    return in;
}

void own_abandon(const struct own_providers *own)
{
    struct instance *const opened[] = {own->jwt, own->api_key, own->dev_key, own->token};
    for (size_t i = 0; i < sizeof opened / sizeof *opened; i++)
        if (opened[i])
            own_close(opened[i], NULL, NULL);
}

bool own_open(const struct own_config *config, struct own_providers *out, struct problem *problem)
{
    *out = (struct own_providers){0};
    if ((!config->with_jwt || (out->jwt = open_jwt(config, problem))) &&
        (out->api_key = open_keys(config, "api-key", false, problem)) &&
        (out->dev_key = open_keys(config, "dev-api-key", true, problem)) &&
        (out->token = open_token(config, problem)))
        return true;
    own_abandon(out);
    *out = (struct own_providers){0};
    return false;
}

bool own_is(const struct instance *in)
{
    return in && (in->plugin == &jwt_plugin || in->plugin == &api_key_plugin ||
                  in->plugin == &token_plugin);
}

void own_close(struct instance *in, dg_fn *fn, void *arg)
{
    if (in->plugin == &jwt_plugin)
        jwt_provider_leave(in->self);
    instance_close(in, fn, arg);
}
