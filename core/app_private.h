/* app_private.h - what starting, reloading and checking share. */
#ifndef APP_PRIVATE_H
#define APP_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>

#include "admin.h"
#include "api/api.h"
#include "api/events/events.h"
#include "config.h"
#include "data/marks.h"
#include "data/notes.h"
#include "data/serials.h"
#include "domain/adoption.h"
#include "domain/audio.h"
#include "domain/campaigns.h"
#include "domain/cdr_numbering.h"
#include "domain/commands.h"
#include "domain/dialer.h"
#include "domain/endpoints.h"
#include "domain/ivr.h"
#include "domain/ivr_menus.h"
#include "domain/ivr_stats.h"
#include "domain/mock_numbers.h"
#include "domain/nodes.h"
#include "domain/recordings.h"
#include "events/feed.h"
#include "events/webhooks.h"
#include "http/server.h"

struct app {
    char *config_file;
    struct config *config; /* in force; a reload replaces it [control thread, while main waits] */
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    struct plug *plug;
    struct bus *bus;
    struct snapshots *snapshots;
    struct instance *store_instance;
    struct store *store;
    struct notes *notes;
    struct ledger *ledger;
    struct dialer *dialer;
    struct campaigns *campaigns;
    struct ivr *ivr;
    struct audio *audio;
    struct recordings *recordings;
    struct endpoints *endpoints;
    bool tell_queues; /* queue.changed, endpoint.changed */
    struct ivr_menus *ivr_menus;
    struct ivr_stats *ivr_stats;
    struct serials *cdr_numbers;
    struct cdr_numbering *cdr_numbering;
    struct nodes *nodes;
    struct users *users;
    struct tokens *tokens;
    struct marks *marks;
    bool users_reloading;
    struct auth *auth;
    struct instance **providers;
    size_t provider_count, closing;
    struct instance **backends; /* those that drain as well */
    size_t backend_count, backends_closing;
    void (*backends_ended)(struct app *app); /* when all are closed; NULL: nobody waits for it */
    struct call_metrics *call_metrics;
    struct channels *channels;
    struct calls *calls;
    struct journal *journal;
    struct feed *feed;
    struct readers *readers;
    struct webhooks *webhooks;
    struct control *call_control;
    struct commands *commands;
    struct adoption *adoption;
    struct idempotency *idempotency;
    struct mock_numbers *mock_numbers;
    struct admin *admin;
    struct http *http;
    pthread_mutex_t http_lock; /* held while the control thread tells it to forget, or it goes */
    struct api api;
    char *app_name, *app_version;
    char node[256];
    char sounds_key[65]; /* signs the addresses of uploaded sounds */
    unsigned threads;

    pthread_t main, control;
    size_t step; /* of the table in app.c: the one that runs, or is to run next */
    bool stopping, failed;
    bool stop_wanted; /* while a step of the start was still under way */

    struct {
        sem_t over;             /* main waits for the control thread */
        struct link waiting;    /* who asked at the control socket */
        _Atomic uint64_t asked; /* the number of the last of them */
        bool wanted;            /* it was too early for one */
        struct metric_family *count;
    } reload;
};

/* ---- app_nodes.c: this gateway among others on its store ---- [control thread] */
void start_nodes(struct app *app);
void stop_nodes(struct app *app);
void share_calls(struct app *app); /* when there are calls */
void unshare_calls(struct app *app);
/* The name of this gateway: as configured, or the host's. */
void name_node(struct app *app);

/* ---- app_events.c: live events and webhooks ---- [control thread] */
void start_events(struct app *app);
void app_channel_events(struct app *app, const struct config *c); /* whether there are any */
void stop_events(struct app *app);

/* ---- app.c ---- */
void app_next(struct app *app); /* the step is through */
void app_fail(struct app *app, const char *why);
bool app_started(const struct app *app); /* [control thread] and not stopping */

/* ---- app_check.c ---- */
struct plug *app_plug_new(const struct config *c, struct loop *loop, struct net *net,
                          struct metrics *metrics);
/* Addresses, proxies, the certificate: looks up names and reads files, which may take its time. */
void app_check_http(const struct config *c, struct buf *problems, unsigned *count);
/* What only shows when the parts are put together. */
void app_check_values(const struct config *c, struct buf *problems, unsigned *count);
/* false: `problems` says why. */
bool app_log_setup(const struct config *c, struct buf *problems);

/* ---- app_settings.c: from sections to what the modules take, at the start and at a reload ---- */

/* The lists are part of it: to be cleared when the configuration was used. */
struct app_http {
    struct http_config config;
    const char **lists[4];
};
/* [any thread] All of it but identify_arg. */
void app_http_fill(struct app *app, const struct config *c, struct app_http *out);
void app_http_clear(struct app_http *http);
void app_idempotency(const struct config *c, struct idempotency_settings *out);
void app_mock_numbers(const struct config *c, struct mock_settings *out);
void app_sounds_key(struct app *app);
void app_retention(const struct config *c, struct call_retention *out);
void app_recordings(const struct config *c, struct recordings_settings *out);
void app_journal(const struct config *c, struct journal_limits *out);
void app_readers(const struct config *c, struct readers_settings *out);
void app_webhooks(const struct config *c, struct webhook_settings *out);
void app_switch_pages(struct app *app, const struct config *c); /* /metrics, /docs */

/* ---- app_backends.c ---- [control thread] */

/* Opens what another configuration needs and does not find open. NULL: `why` says it, and nothing
 * has changed. To be applied or cancelled in the same turn. */
struct backends_change *backends_prepare(struct app *app, struct config *c, struct problem *why);
void backends_apply(struct backends_change *change, const struct config *c);
void backends_cancel(struct backends_change *change);
void backends_close(struct app *app, void (*ended)(struct app *app));

/* ---- app_reload.c ---- */
void app_reload_init(struct app *app);
void app_reload_free(struct app *app);
void app_reload(struct app *app); /* [main thread] returns when it is in force, or refused */
/* [control thread] From the control socket; see admin_config. */
void app_reload_ask(void *app, admin_reload_fn *fn, void *fn_arg);
void app_reload_end(struct app *app); /* [control thread] who waits is told that it is over */

#endif
