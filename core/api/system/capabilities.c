/* capabilities.c - GET /capabilities: what the backends can do, and what not and why. */
#include <stdlib.h>

#include "api/api.h"
#include "api/system/system.h"
#include "base/json.h"
#include "base/mem.h"

#define BACKENDS_SHOWN 64

struct telling {
    struct hop *hop;
    struct buf body;
};

static void telling_free(void *data)
{
    struct telling *t = data;
    buf_free(&t->body);
    free(t);
}

static const char *state_of(enum backend_ability ability)
{
    static const char *const names[] = {
        [BACKEND_WORKS] = "works",
        [BACKEND_CONTROLLED] = "under_control",
        [BACKEND_UNAVAILABLE] = "unavailable",
        [BACKEND_NEVER] = "never",
    };
    return names[ability];
}

static void render_actions(struct json_writer *w, const struct control *ct,
                           const struct instance *in)
{
    jw_array(w, "actions");
    for (enum control_action a = 0; a < CONTROL_ACTIONS; a++) {
        struct control_capability one = control_capability(ct, in, a);
        jw_object(w, NULL);
        jw_str(w, "action", one.action);
        jw_str(w, "state", state_of(one.ability));
        jw_str(w, "by", one.by ? one.by->name : NULL);
        jw_str(w, "why", one.why);
        jw_end(w);
    }
    jw_end(w);
}

static void render_functions(struct json_writer *w, const struct instance *in)
{
    jw_array(w, "functions");
    for (const char *const *name = backend_functions; *name; name++) {
        const char *why = NULL;
        enum backend_ability ability = backend_ability(in, *name, &why);
        jw_object(w, NULL);
        jw_str(w, "function", *name);
        jw_str(w, "state", state_of(ability));
        jw_str(w, "why", why);
        jw_end(w);
    }
    jw_end(w);
}

static const char *link_name(enum dg_link link)
{
    return link == DG_LINK_UP ? "up" : link == DG_LINK_DOWN ? "down" : "connecting";
}

static void render_backend(struct json_writer *w, const struct api *api,
                           const struct backend_view *view)
{
    const struct instance *in = view->instance,
                          *companion = calls_companion(api->calls, view->instance);
    jw_object(w, NULL);
    jw_str(w, "name", in->name);
    jw_str(w, "plugin", in->plugin->name);
    jw_str(w, "role", backend_role_name(view->role));
    jw_bool(w, "serving", view->serving);
    jw_bool(w, "mock", view->mock);
    jw_str(w, "link", link_name(in->link));
    jw_str(w, "companion", companion ? companion->name : NULL);
    render_actions(w, api->control, in);
    render_functions(w, in);
    jw_end(w);
}

static void run(struct hop *hop, void *data)
{
    struct telling *t = data;
    const struct api *api = hop_app(hop);
    struct backend_view views[BACKENDS_SHOWN];
    size_t count = calls_backends(api->calls, views, BACKENDS_SHOWN);
    struct json_writer w;
    jw_init(&w, &t->body);
    jw_object(&w, NULL);
    jw_array(&w, "backends");
    for (size_t i = 0; i < count && i < BACKENDS_SHOWN; i++)
        render_backend(&w, api, &views[i]);
    jw_end(&w);
    jw_end(&w);
    hop_done(hop);
}

static void back(struct request *req, void *data)
{
    struct telling *t = data;
    reply_json(req, 200, &t->body);
}

void system_capabilities(struct request *req)
{
    struct telling *t = xcalloc(1, sizeof *t);
    buf_init(&t->body, BUF_MAX);
    hop_start(req, t, run, back, telling_free);
}

/* ---- Documentation -------------------------------------------------------------------- */

#define STATE_HELP                                                                                 \
    "works; under_control: only with a call that does not run in the dialplan; unavailable: not "  \
    "on this server, or not now; never"

/* clang-format off */
static const struct field action_fields[] = {
    {.name = "action", .kind = FIELD_STR, .required = true, .example = "\"park\""},
    {.name = "state", .kind = FIELD_STR, .required = true, .help = STATE_HELP,
     .example = "\"works\""},
    {.name = "by", .kind = FIELD_STR, .help = "Which backend does it: this one or its companion",
     .example = "\"ami\""},
    {.name = "why", .kind = FIELD_STR, .help = "Why it does not work", .example = "null"},
    {0}};
static const struct field function_fields[] = {
    {.name = "function", .kind = FIELD_STR, .required = true, .example = "\"hold\""},
    {.name = "state", .kind = FIELD_STR, .required = true, .help = STATE_HELP,
     .example = "\"under_control\""},
    {.name = "why", .kind = FIELD_STR, .help = "Why it does not work", .example = "null"},
    {0}};
static const struct schema action_schema = {"ActionCapability", "What can be done to a call",
                                            action_fields};
static const struct schema function_schema = {"FunctionCapability", "What the plugin can do",
                                              function_fields};
static const struct field backend_fields[] = {
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"pbx\""},
    {.name = "plugin", .kind = FIELD_STR, .required = true, .example = "\"ari\""},
    {.name = "role", .kind = FIELD_STR, .required = true,
     .help = "active, next, fallback, standby or draining", .example = "\"active\""},
    {.name = "serving", .kind = FIELD_BOOL, .required = true, .help = "New calls go there now",
     .example = "true"},
    {.name = "mock", .kind = FIELD_BOOL, .required = true, .help = "Its calls are simulations",
     .example = "false"},
    {.name = "link", .kind = FIELD_STR, .required = true, .help = "up, connecting or down",
     .example = "\"up\""},
    {.name = "companion", .kind = FIELD_STR, .help = "Who does what it cannot",
     .example = "\"ami\""},
    {.name = "actions", .kind = FIELD_LIST, .required = true, .of = &action_schema},
    {.name = "functions", .kind = FIELD_LIST, .required = true, .of = &function_schema},
    {0}};
/* clang-format on */
static const struct schema backend_schema = {"BackendCapabilities", "What a backend can do",
                                             backend_fields};
static const struct field list_fields[] = {
    {.name = "backends", .kind = FIELD_LIST, .required = true, .of = &backend_schema}, {0}};
static const struct schema list_schema = {"Capabilities", "What the backends can do", list_fields};
static const struct route_answer answers[] = {
    {200, "The backends, the active one first", &list_schema, NULL, NULL}, {0}};
const struct route_doc system_capabilities_doc = {
    .id = "capabilities",
    .tag = "System",
    .summary = "What the backends can do, and what not and why",
    .answers = answers,
};
