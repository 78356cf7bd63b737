/* app_nodes.c - this gateway among the others on its store: its name, and what they do for each
 * other's calls. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "app_private.h"
#include "base/str.h"

void name_node(struct app *app)
{
    const char *name = settings_str(app->config->node, "name");
    if (!str_empty(name))
        snprintf(app->node, sizeof app->node, "%s", name);
    else if (gethostname(app->node, sizeof app->node - 1) != 0)
        snprintf(app->node, sizeof app->node, "node");
}

/* Backends tell their servers which gateway this is when there may be another one. */
static void name_instances(struct app *app)
{
    bool named = !str_empty(settings_str(app->config->node, "name"));
    plug_set_node(app->plug, named || nodes_shared(app->nodes) ? app->node : NULL);
}

static void on_started(void *arg, const struct op_result *res)
{
    struct app *app = arg;
    if (res->err != DG_OK) {
        app_fail(app, res->message);
        return;
    }
    name_instances(app);
    app_next(app);
}

/* Two of one name must not both write: the later one has the calls. */
static void on_replaced(void *arg)
{
    (void)arg;
    kill(getpid(), SIGTERM);
}

void start_nodes(struct app *app)
{
    char why[400];
    struct nodes_config config = {
        .loop = app->loop,
        .store = app->store,
        .notes = app->notes,
        .metrics = app->metrics,
        .name = app->node,
        .version = DIALGATE_VERSION,
        .dead_after_ms = (uint64_t)settings_int(app->config->node, "dead_after"),
        .replaced = on_replaced,
    };
    app->nodes = nodes_new(&config);
    if (nodes_shared(app->nodes) && !node_name_ok(app->node)) {
        snprintf(why, sizeof why,
                 "the host's name \"%.100s\" cannot name a gateway: set [node] name, at most %d "
                 "letters, digits, \".\", \"_\" and \"-\"",
                 app->node, NODE_NAME_MAX);
        app_fail(app, why);
        return;
    }
    nodes_start(app->nodes, on_started, app);
}

static void on_stopped(void *arg)
{
    struct app *app = arg;
    nodes_free(app->nodes);
    app->nodes = NULL;
    app_next(app);
}

void stop_nodes(struct app *app)
{
    nodes_stop(app->nodes, on_stopped, app);
}

void share_calls(struct app *app)
{
    nodes_follow(app->nodes, app->calls);
    if (!nodes_shared(app->nodes))
        return;
    struct commands_config commands = {
        .loop = app->loop,
        .store = app->store,
        .notes = app->notes,
        .nodes = app->nodes,
        .metrics = app->metrics,
        .run = control_command,
        .arg = app->call_control,
    };
    struct adoption_config adoption = {
        .loop = app->loop,
        .store = app->store,
        .nodes = app->nodes,
        .calls = app->calls,
        .metrics = app->metrics,
        .lost_after_ms = (uint64_t)settings_int(app->config->node, "lost_after"),
    };
    app->commands = commands_new(&commands);
    control_share(app->call_control, app->commands);
    app->adoption = adoption_new(&adoption);
}

void unshare_calls(struct app *app)
{
    adoption_free(app->adoption);
    app->adoption = NULL;
    control_share(app->call_control, NULL);
    commands_free(app->commands);
    app->commands = NULL;
}
