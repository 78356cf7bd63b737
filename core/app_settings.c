/* app_settings.c - what the sections of the configuration mean to the modules. */
#include <stdlib.h>
#include <string.h>

#include "api/contact_center/contact_center.h"
#include "app_private.h"
#include "auth/auth.h"
#include "base/digest.h"
#include "base/str.h"
#include "domain/calls.h"

#define IDENTITY_CACHE 4096
#define MIN_RECENT     200 /* events: of those that wait for the store some should be left */

static void fill_limits(const struct config *c, struct http_limits *out)
{
#define SIZE(key) ((size_t)settings_int(c->server, key))
    *out = (struct http_limits){
        .max_body = SIZE("max_body"),
        .max_upload = SIZE("max_upload"),
        .max_uploads = SIZE("max_uploads"),
        .max_header_bytes = SIZE("max_header_bytes"),
        .max_headers = SIZE("max_headers"),
        .max_connections = SIZE("max_connections"),
        .max_connections_per_address = SIZE("max_connections_per_address"),
        .max_in_flight = SIZE("max_in_flight"),
        .max_in_flight_total = SIZE("max_in_flight_total"),
        .max_in_flight_per_connection = SIZE("max_in_flight_per_connection"),
        .head_ms = SIZE("head_timeout"),
        .body_ms = SIZE("body_timeout"),
        .upload_ms = SIZE("upload_timeout"),
        .write_ms = SIZE("write_timeout"),
        .idle_ms = SIZE("idle_timeout"),
    };
#undef SIZE
}

void app_http_fill(struct app *app, const struct config *c, struct app_http *out)
{
    static const char *const echoing[] = {"/api", "/adial/api", NULL};
    static const char *const list_keys[] = {"listen", "listen_tls", "allowed_origins",
                                            "trusted_proxies"};
    const struct settings *s = c->server;
    for (size_t i = 0; i < sizeof list_keys / sizeof *list_keys; i++)
        out->lists[i] = config_list(s, list_keys[i]);
    out->config = (struct http_config){
        .listen = out->lists[0],
        .listen_tls = out->lists[1],
        .certificate = settings_str(s, "tls_certificate"),
        .key = settings_str(s, "tls_key"),
        .threads = app->threads,
        .http2 = settings_bool(s, "http2"),
        .allowed_origins = out->lists[2],
        .trusted_proxies = out->lists[3],
        .echoing = echoing,
        .uploads = api_uploads,
        .server_name = "dialgate",
        .routes = api_routes,
        .route_count = api_route_count,
        .envelopes = api_envelopes,
        .envelope_count = api_envelope_count,
        .control = app->loop,
        .metrics = app->metrics,
        .identify = auth_identify,
        .identity_cache = IDENTITY_CACHE,
        .app = &app->api,
    };
    fill_limits(c, &out->config.limits);
}

void app_http_clear(struct app_http *http)
{
    for (size_t i = 0; i < sizeof http->lists / sizeof *http->lists; i++)
        config_list_free(http->lists[i]);
}

/* The same after a restart, so that what the telephone system has fetched is of use still. */
void app_sounds_key(struct app *app)
{
    const char *secret = settings_str(app->config->auth, "secret_key");
    if (str_empty(secret))
        str_random_hex(32, app->sounds_key);
    else
        digest_hmac_hex(secret, "dialgate sounds", strlen("dialgate sounds"), app->sounds_key);
    app->api.sounds_key = str_empty(settings_str(app->config->ivr, "url")) ? NULL : app->sounds_key;
}

void app_retention(const struct config *c, struct call_retention *out)
{
    *out = (struct call_retention){
        .max_duration_ms = (uint64_t)settings_int(c->calls, "max_duration"),
        .recent_ms = (uint64_t)settings_int(c->calls, "recent"),
        .recent_max = (size_t)settings_int(c->calls, "recent_max"),
    };
}

void app_recordings(const struct config *c, struct recordings_settings *out)
{
    *out = (struct recordings_settings){
        .keep_ms = (uint64_t)settings_int(c->recordings, "keep"),
        .foreign = !settings_bool(c->recordings, "keep_foreign"),
    };
}

void app_idempotency(const struct config *c, struct idempotency_settings *out)
{
    *out = (struct idempotency_settings){
        .lifetime_ms = (uint64_t)settings_int(c->idempotency, "lifetime"),
        .wait_ms = (uint64_t)settings_int(c->idempotency, "wait"),
        .max_remembered = (size_t)settings_int(c->idempotency, "max_remembered"),
    };
}

void app_mock_numbers(const struct config *c, struct mock_settings *out)
{
    *out = (struct mock_settings){
        .lifetime_ms = (uint64_t)settings_int(c->mobile, "mock_timeout"),
        .max_numbers = (size_t)settings_int(c->mobile, "max_mock_numbers"),
    };
}

void app_journal(const struct config *c, struct journal_limits *out)
{
    size_t recent = (size_t)settings_int(c->events, "max_recent");
    *out = (struct journal_limits){
        .lifetime_ms = (uint64_t)settings_int(c->events, "lifetime"),
        .max_stored = (size_t)settings_int(c->events, "max_stored"),
        .max_recent = recent < MIN_RECENT ? MIN_RECENT : recent,
    };
}

void app_readers(const struct config *c, struct readers_settings *out)
{
    *out = (struct readers_settings){
        .max_readers = (size_t)settings_int(c->events, "max_readers"),
        .max_unsent = (size_t)settings_int(c->events, "max_unsent"),
        .heartbeat_ms = (uint64_t)settings_int(c->events, "heartbeat"),
    };
}

void app_webhooks(const struct config *c, struct webhook_settings *out)
{
    const struct settings *s = c->webhooks;
    *out = (struct webhook_settings){
        .max_webhooks = (size_t)settings_int(s, "max_webhooks"),
        .max_pending = (size_t)settings_int(s, "max_pending"),
        .max_pending_total = (size_t)settings_int(s, "max_pending_total"),
        .max_attempts = (size_t)settings_int(s, "max_attempts"),
        .timeout_ms = (uint64_t)settings_int(s, "timeout"),
        .retry_min_ms = (uint64_t)settings_int(s, "retry_min"),
        .retry_max_ms = (uint64_t)settings_int(s, "retry_max"),
        .keep_ms = (uint64_t)settings_int(s, "keep"),
    };
}

void app_switch_pages(struct app *app, const struct config *c)
{
    app->api.docs = settings_bool(c->server, "docs");
    app->api.show_metrics = settings_bool(c->server, "metrics");
}
