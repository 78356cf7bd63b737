/* app_events.c - live events and webhooks: made when there are calls, and the end of them. */
#include "api/events/events.h"
#include "app_private.h"
#include "domain/channel_events.h"

static void on_webhooks(void *arg, const struct op_result *res)
{
    (void)res;
    app_next(arg);
}

static void start_webhooks(struct app *app)
{
    struct webhooks_config config = {
        .loop = app->loop,
        .store = app->store,
        .stored = !app->config->store_disabled,
        .journal = app->journal,
        .notes = app->notes,
        .metrics = app->metrics,
        .allow_private = settings_bool(app->config->webhooks, "allow_private"),
    };
    app_webhooks(app->config, &config.settings);
    app->webhooks = webhooks_new(&config, on_webhooks, app);
}

struct name_list {
    bool alive; /* whom to tell of */
    feed_name_fn *fn;
    void *arg;
};

static void name_gateway(void *arg, const struct node *node)
{
    const struct name_list *list = arg;
    if (node->alive == list->alive)
        list->fn(list->arg, node->name);
}

/* Those that are alive first: there may be no room for all. */
static void name_gateways(void *arg, feed_name_fn *fn, void *fn_arg)
{
    const struct app *app = arg;
    nodes_each(app->nodes, name_gateway, &(struct name_list){true, fn, fn_arg});
    nodes_each(app->nodes, name_gateway, &(struct name_list){false, fn, fn_arg});
}

static void on_journal(void *arg, const struct op_result *res)
{
    struct app *app = arg;
    (void)res;
    struct feed_config feed = {.loop = app->loop,
                               .store = app->store,
                               .stored = !app->config->store_disabled,
                               .journal = app->journal,
                               .notes = app->notes,
                               .names = nodes_shared(app->nodes) ? name_gateways : NULL,
                               .names_arg = app,
                               .metrics = app->metrics};
    app->feed = feed_new(&feed);
    struct readers_config readers = {
        .loop = app->loop, .feed = app->feed, .metrics = app->metrics, .threads = app->threads};
    app_readers(app->config, &readers.settings);
    app->readers = readers_new(&readers);
    start_webhooks(app);
}

void start_events(struct app *app)
{
    struct journal_config config = {.loop = app->loop,
                                    .store = app->store,
                                    .stored = !app->config->store_disabled,
                                    .notes = app->notes,
                                    .bus = app->bus,
                                    .metrics = app->metrics,
                                    .node = app->node,
                                    .types = event_types,
                                    .type_count = event_type_count};
    app_journal(app->config, &config.limits);
    app->journal = journal_new(&config, on_journal, app);
}

void app_channel_events(struct app *app, const struct config *c)
{
    channels_tell(app->channels, settings_bool(c->events, "channels") ? app->bus : NULL);
}

static void on_closed(void *arg)
{
    struct app *app = arg;
    app->journal = NULL;
    app_next(app);
}

static void on_webhooks_closed(void *arg)
{
    struct app *app = arg;
    app->webhooks = NULL;
    journal_close(app->journal, on_closed, app);
}

void stop_events(struct app *app)
{
    readers_free(app->readers);
    app->readers = NULL;
    feed_free(app->feed);
    app->feed = NULL;
    webhooks_close(app->webhooks, on_webhooks_closed, app);
}
