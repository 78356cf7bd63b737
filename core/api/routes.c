/* routes.c - every endpoint, one line each; and whose errors look how. */
#include "api/api.h"
#include "api/campaign_dialer/audio.h"
#include "api/campaign_dialer/campaign_dialer.h"
#include "api/campaign_dialer/campaigns.h"
#include "api/campaign_dialer/ivr.h"
#include "api/channels/channels.h"
#include "api/contact_center/contact_center.h"
#include "api/control/control.h"
#include "api/events/events.h"
#include "api/mobile_dialer/mobile_dialer.h"
#include "api/queues/queues.h"
#include "api/recordings/recordings.h"
#include "api/system/system.h"

/* The campaign dialer's stand under both of its base paths, and are documented under one. */
#define DIALER(method, path, auth, permission, handler, doc)                                       \
    {method, "/api" path, auth, permission, handler, doc},                                         \
    {                                                                                              \
        method, "/adial/api" path, auth, permission, handler, NULL                                 \
    }

/* clang-format off */
const struct route api_routes[] = {
    /* method, path, auth, permission, handler, documentation */
    {"POST",   "/api/v2/token",                       ROUTE_OPEN, NULL, contact_center_token,       &contact_center_token_doc},
    {"POST",   "/api/v2/interaction/{number}",        ROUTE_JWT,  NULL, contact_center_interaction, &contact_center_interaction_doc},
    {"GET",    "/api/v2/interaction/{call_id}/status", ROUTE_JWT, NULL, contact_center_status,      &contact_center_status_interaction_doc},
    {"GET",    "/api/v2/status/{call_id}",            ROUTE_JWT,  NULL, contact_center_status,      &contact_center_status_doc},
    {"GET",    "/api/v2/calls",                       ROUTE_JWT,  NULL, control_history,            &control_history_doc},
    {"POST",   "/api/v2/calls",                       ROUTE_JWT,  NULL, contact_center_call,        &contact_center_call_doc},
    {"GET",    "/api/v2/calls/{call_id}",             ROUTE_JWT,  NULL, contact_center_status,      &contact_center_status_calls_doc},
    {"DELETE", "/api/v2/calls/{call_id}",             ROUTE_JWT,  NULL, contact_center_hangup,      &contact_center_hangup_doc},

    {"POST",   "/api/v2/calls/{call_id}/hangup",      ROUTE_JWT,  NULL, control_hangup,             &control_hangup_doc},
    {"POST",   "/api/v2/calls/{call_id}/transfer",    ROUTE_JWT,  NULL, control_transfer,           &control_transfer_doc},
    {"POST",   "/api/v2/calls/{call_id}/transfer/complete", ROUTE_JWT, NULL, control_transfer_complete, &control_transfer_complete_doc},
    {"POST",   "/api/v2/calls/{call_id}/transfer/cancel",   ROUTE_JWT, NULL, control_transfer_cancel,   &control_transfer_cancel_doc},
    {"POST",   "/api/v2/calls/{call_id}/redirect",    ROUTE_JWT,  NULL, control_redirect,           &control_redirect_doc},
    {"POST",   "/api/v2/calls/{call_id}/hold",        ROUTE_JWT,  NULL, control_hold,               &control_hold_doc},
    {"POST",   "/api/v2/calls/{call_id}/unhold",      ROUTE_JWT,  NULL, control_unhold,             &control_unhold_doc},
    {"POST",   "/api/v2/calls/{call_id}/mute",        ROUTE_JWT,  NULL, control_mute,               &control_mute_doc},
    {"POST",   "/api/v2/calls/{call_id}/unmute",      ROUTE_JWT,  NULL, control_unmute,             &control_unmute_doc},
    {"POST",   "/api/v2/calls/{call_id}/dtmf",        ROUTE_JWT,  NULL, control_dtmf,               &control_dtmf_doc},
    {"POST",   "/api/v2/calls/{call_id}/play",        ROUTE_JWT,  NULL, control_play,               &control_play_doc},
    {"POST",   "/api/v2/calls/{call_id}/park",        ROUTE_JWT,  NULL, control_park_call,          &control_park_doc},
    {"POST",   "/api/v2/calls/{call_id}/recording",   ROUTE_JWT,  NULL, control_record_start,       &control_record_start_doc},
    {"DELETE", "/api/v2/calls/{call_id}/recording",   ROUTE_JWT,  NULL, control_record_stop,        &control_record_stop_doc},
    {"POST",   "/api/v2/calls/{call_id}/recording/pause",  ROUTE_JWT, NULL, control_record_pause,   &control_record_pause_doc},
    {"POST",   "/api/v2/calls/{call_id}/recording/resume", ROUTE_JWT, NULL, control_record_resume,  &control_record_resume_doc},
    {"GET",    "/api/v2/parked",                      ROUTE_JWT,  NULL, control_parked_calls,       &control_parked_calls_doc},
    {"POST",   "/api/v2/parked/{slot}/retrieve",      ROUTE_JWT,  NULL, control_retrieve_call,      &control_retrieve_doc},
    {"GET",    "/api/v2/calls/{call_id}/variables/{name}", ROUTE_JWT, NULL, control_get_variable,   &control_get_variable_doc},
    {"PUT",    "/api/v2/calls/{call_id}/variables/{name}", ROUTE_JWT, NULL, control_set_variable,   &control_set_variable_doc},

    {"GET",    "/api/v2/recordings",                  ROUTE_JWT,  NULL, recordings_get_list,        &recordings_get_list_doc},
    {"GET",    "/api/v2/recordings/{id}",             ROUTE_JWT,  NULL, recordings_get_one,         &recordings_get_one_doc},
    {"DELETE", "/api/v2/recordings/{id}",             ROUTE_JWT_ADMIN, NULL, recordings_remove,     &recordings_remove_doc},
    {"GET",    "/api/v2/recordings/{id}/file",        ROUTE_JWT,  NULL, recordings_get_file,        &recordings_get_file_doc},

    {"GET",    "/api/v2/queues",                      ROUTE_JWT,  NULL, queues_get_list,            &queues_get_list_doc},
    {"GET",    "/api/v2/queues/{name}",               ROUTE_JWT,  NULL, queues_get_one,             &queues_get_one_doc},
    {"POST",   "/api/v2/queues/{name}/members",       ROUTE_JWT_ADMIN, NULL, queues_add_member,     &queues_add_member_doc},
    {"PATCH",  "/api/v2/queues/{name}/members/{interface}", ROUTE_JWT_ADMIN, NULL, queues_change_member, &queues_change_member_doc},
    {"DELETE", "/api/v2/queues/{name}/members/{interface}", ROUTE_JWT_ADMIN, NULL, queues_remove_member, &queues_remove_member_doc},

    {"GET",    "/api/v2/endpoints",                   ROUTE_JWT,  NULL, endpoints_get_list,         &endpoints_get_list_doc},
    {"GET",    "/api/v2/endpoints/{endpoint}",        ROUTE_JWT,  NULL, endpoints_get_one,          &endpoints_get_one_doc},

    {"GET",    "/api/v2/channels",                    ROUTE_JWT,  NULL, channels_get_list,          &channels_get_list_doc},
    {"GET",    "/api/v2/channels/{channel_id}",       ROUTE_JWT,  NULL, channels_get_one,           &channels_get_one_doc},

    {"GET",    "/api/v2/events",                      ROUTE_JWT,  NULL, events_stream,              &events_stream_doc},
    {"GET",    "/api/v2/events/types",                ROUTE_JWT,  NULL, events_list_types,          &events_types_doc},

    {"GET",    "/api/v2/webhooks",                    ROUTE_JWT_ADMIN, NULL, webhooks_list,              &webhooks_list_doc},
    {"POST",   "/api/v2/webhooks",                    ROUTE_JWT_ADMIN, NULL, webhooks_post,              &webhooks_post_doc},
    {"GET",    "/api/v2/webhooks/{id}",               ROUTE_JWT_ADMIN, NULL, webhooks_get,               &webhooks_get_doc},
    {"PUT",    "/api/v2/webhooks/{id}",               ROUTE_JWT_ADMIN, NULL, webhooks_put,               &webhooks_put_doc},
    {"DELETE", "/api/v2/webhooks/{id}",               ROUTE_JWT_ADMIN, NULL, webhooks_remove,            &webhooks_remove_doc},
    {"GET",    "/api/v2/webhooks/{id}/deliveries",    ROUTE_JWT_ADMIN, NULL, webhooks_get_deliveries,    &webhooks_get_deliveries_doc},
    {"POST",   "/api/v2/webhooks/{id}/deliveries/{delivery}/resend", ROUTE_JWT_ADMIN, NULL, webhooks_post_resend, &webhooks_post_resend_doc},

    {"GET",    "/api/v2/nodes",                       ROUTE_JWT,  NULL, system_nodes,               &system_nodes_doc},

    DIALER("GET",    "",                              ROUTE_TOKEN, NULL,                  dialer_index,         &dialer_index_doc),
    DIALER("GET",    "/campaigns",                    ROUTE_TOKEN, "campaigns/list",      dialer_campaigns_list,   &dialer_campaigns_list_doc),
    DIALER("POST",   "/campaigns",                    ROUTE_TOKEN, "campaigns/create",    dialer_campaigns_create, &dialer_campaigns_create_doc),
    DIALER("GET",    "/campaigns/{id}",               ROUTE_TOKEN, "campaigns/view",      dialer_campaigns_view,   &dialer_campaigns_view_doc),
    DIALER("PUT",    "/campaigns/{id}",               ROUTE_TOKEN, "campaigns/update",    dialer_campaigns_update, &dialer_campaigns_update_doc),
    DIALER("DELETE", "/campaigns/{id}",               ROUTE_TOKEN, "campaigns/delete",    dialer_campaigns_delete, &dialer_campaigns_delete_doc),
    DIALER("POST",   "/campaigns/{id}/start",         ROUTE_TOKEN, "campaigns/start",     dialer_campaigns_start,  &dialer_campaigns_start_doc),
    DIALER("POST",   "/campaigns/{id}/stop",          ROUTE_TOKEN, "campaigns/stop",      dialer_campaigns_stop,   &dialer_campaigns_stop_doc),
    DIALER("POST",   "/campaigns/{id}/pause",         ROUTE_TOKEN, "campaigns/pause",     dialer_campaigns_pause,  &dialer_campaigns_pause_doc),
    DIALER("POST",   "/campaigns/{id}/resume",        ROUTE_TOKEN, "campaigns/resume",    dialer_campaigns_resume, &dialer_campaigns_resume_doc),
    DIALER("GET",    "/campaigns/{id}/stats",         ROUTE_TOKEN, "campaigns/stats",     dialer_campaigns_stats,  &dialer_campaigns_stats_doc),
    DIALER("GET",    "/campaigns/{id}/why",           ROUTE_TOKEN, "campaigns/view",      dialer_campaigns_why,    &dialer_campaigns_why_doc),
    DIALER("POST",   "/campaigns/{id}/copy",          ROUTE_TOKEN, "campaigns/create",    dialer_campaigns_copy,   &dialer_campaigns_copy_doc),
    DIALER("GET",    "/campaigns/{id}/numbers",       ROUTE_TOKEN, "numbers/list|campaigns/numbers", dialer_numbers_list, &dialer_numbers_list_doc),
    DIALER("POST",   "/campaigns/{id}/numbers",       ROUTE_TOKEN, "numbers/add|campaigns/numbers",  dialer_numbers_add,  &dialer_numbers_add_doc),
    DIALER("POST",   "/campaigns/{id}/numbers/bulk",  ROUTE_TOKEN, "numbers/bulk|campaigns/numbers", dialer_numbers_bulk, &dialer_numbers_bulk_doc),
    DIALER("POST",   "/campaigns/{id}/numbers/import",  ROUTE_TOKEN, "numbers/import|campaigns/numbers", dialer_numbers_import,   &dialer_numbers_import_doc),
    DIALER("POST",   "/campaigns/{id}/numbers/delete",  ROUTE_TOKEN, "numbers/change|campaigns/numbers", dialer_numbers_delete_many, &dialer_numbers_delete_many_doc),
    DIALER("POST",   "/campaigns/{id}/numbers/reset",   ROUTE_TOKEN, "numbers/change|campaigns/numbers", dialer_numbers_reset,    &dialer_numbers_reset_doc),
    DIALER("POST",   "/campaigns/{id}/numbers/requeue", ROUTE_TOKEN, "numbers/change|campaigns/numbers", dialer_numbers_requeue,  &dialer_numbers_requeue_doc),
    DIALER("GET",    "/campaigns/{id}/numbers/export",  ROUTE_TOKEN, "numbers/export|campaigns/numbers", dialer_numbers_export,   &dialer_numbers_export_doc),
    DIALER("GET",    "/numbers/{id}",                 ROUTE_TOKEN, "numbers/view",        dialer_numbers_view,     &dialer_numbers_view_doc),
    DIALER("DELETE", "/numbers/{id}",                 ROUTE_TOKEN, "numbers/delete",      dialer_numbers_delete,   &dialer_numbers_delete_doc),

    DIALER("GET",    "/cdr",                          ROUTE_TOKEN, "cdr/list",            dialer_cdr_list,         &dialer_cdr_list_doc),
    DIALER("GET",    "/cdr/stats",                    ROUTE_TOKEN, "cdr/stats",           dialer_cdr_stats,        &dialer_cdr_stats_doc),
    DIALER("GET",    "/cdr/export",                   ROUTE_TOKEN, "cdr/export",          dialer_cdr_export,       &dialer_cdr_export_doc),
    DIALER("GET",    "/cdr/{id}",                     ROUTE_TOKEN, "cdr/view",            dialer_cdr_view,         &dialer_cdr_view_doc),

    DIALER("GET",    "/dnc",                          ROUTE_TOKEN, "dnc/list",            dialer_dnc_list,         &dialer_dnc_list_doc),
    DIALER("POST",   "/dnc",                          ROUTE_TOKEN, "dnc/add",             dialer_dnc_add,          &dialer_dnc_add_doc),
    DIALER("POST",   "/dnc/import",                   ROUTE_TOKEN, "dnc/import",          dialer_dnc_import,       &dialer_dnc_import_doc),
    DIALER("DELETE", "/dnc/{number}",                 ROUTE_TOKEN, "dnc/delete",          dialer_dnc_delete,       &dialer_dnc_delete_doc),

    DIALER("GET",    "/monitoring/status",            ROUTE_TOKEN, "monitoring/status",   dialer_monitoring_status,   &dialer_monitoring_status_doc),
    DIALER("GET",    "/monitoring/channels",          ROUTE_TOKEN, "monitoring/channels", dialer_monitoring_channels, &dialer_monitoring_channels_doc),
    DIALER("GET",    "/monitoring/realtime",          ROUTE_TOKEN, "monitoring/realtime", dialer_monitoring_realtime, &dialer_monitoring_realtime_doc),

    DIALER("GET",    "/ivr",                          ROUTE_TOKEN, "ivr/list",            dialer_ivr_list,      &dialer_ivr_list_doc),
    DIALER("POST",   "/ivr",                          ROUTE_TOKEN, "ivr/create",          dialer_ivr_create,    &dialer_ivr_create_doc),
    DIALER("POST",   "/ivr/validate",                 ROUTE_TOKEN, "ivr/validate",        dialer_ivr_validate,  &dialer_ivr_validate_doc),
    DIALER("POST",   "/ivr/import",                   ROUTE_TOKEN, "ivr/import",          dialer_ivr_import,    &dialer_ivr_import_doc),
    DIALER("GET",    "/ivr/export",                   ROUTE_TOKEN, "ivr/export",          dialer_ivr_export,    &dialer_ivr_export_doc),
    DIALER("GET",    "/ivr/{id}",                     ROUTE_TOKEN, "ivr/view",            dialer_ivr_view,      &dialer_ivr_view_doc),
    DIALER("PUT",    "/ivr/{id}",                     ROUTE_TOKEN, "ivr/update",          dialer_ivr_update,    &dialer_ivr_update_doc),
    DIALER("DELETE", "/ivr/{id}",                     ROUTE_TOKEN, "ivr/delete",          dialer_ivr_delete,    &dialer_ivr_delete_doc),
    DIALER("POST",   "/ivr/{id}/simulate",            ROUTE_TOKEN, "ivr/simulate",        dialer_ivr_simulate,  &dialer_ivr_simulate_doc),
    DIALER("GET",    "/ivr/{id}/stats",               ROUTE_TOKEN, "ivr/stats",           dialer_ivr_stats,     &dialer_ivr_stats_doc),
    DIALER("GET",    "/audio",                        ROUTE_TOKEN, "audio/list",          dialer_audio_list,    &dialer_audio_list_doc),
    DIALER("POST",   "/audio",                        ROUTE_TOKEN, "audio/upload",        dialer_audio_upload,  &dialer_audio_upload_doc),
    DIALER("GET",    "/audio/{name}",                 ROUTE_TOKEN, "audio/view",          dialer_audio_view,    &dialer_audio_view_doc),
    DIALER("DELETE", "/audio/{name}",                 ROUTE_TOKEN, "audio/delete",        dialer_audio_delete,  &dialer_audio_delete_doc),

    DIALER("GET",    "/users",                        ROUTE_TOKEN_ADMIN, "users/list",    dialer_users_list,    &dialer_users_list_doc),
    DIALER("POST",   "/users",                        ROUTE_TOKEN_ADMIN, "users/create",  dialer_users_create,  &dialer_users_create_doc),
    DIALER("PUT",    "/users/{id}",                   ROUTE_TOKEN_ADMIN, "users/update",  dialer_users_update,  &dialer_users_update_doc),
    DIALER("DELETE", "/users/{id}",                   ROUTE_TOKEN_ADMIN, "users/delete",  dialer_users_delete,  &dialer_users_delete_doc),
    DIALER("GET",    "/tokens",                       ROUTE_TOKEN, "tokens/list",         dialer_tokens_list,   &dialer_tokens_list_doc),
    DIALER("POST",   "/tokens",                       ROUTE_TOKEN, "tokens/create",       dialer_tokens_create, &dialer_tokens_create_doc),
    DIALER("DELETE", "/tokens/{id}",                  ROUTE_TOKEN, "tokens/revoke",       dialer_tokens_revoke, &dialer_tokens_revoke_doc),
    DIALER("GET",    "/monitoring/stream",            ROUTE_TOKEN, "monitoring/stream",   events_monitoring,    &events_monitoring_doc),

    {"GET",    "/check-connection",                   ROUTE_API_KEY, NULL, mobile_check_connection, &mobile_check_connection_doc},
    {"POST",   "/disconnect-call",                    ROUTE_API_KEY, NULL, mobile_disconnect_call,  &mobile_disconnect_call_doc},
    {"DELETE", "/disconnect-call",                    ROUTE_API_KEY, NULL, mobile_disconnect_call,  &mobile_disconnect_call_delete_doc},
    {"POST",   "/mock-connect",                       ROUTE_DEV_KEY, NULL, mobile_mock_connect,     &mobile_mock_connect_doc},
    {"GET",    "/mock-status",                        ROUTE_DEV_KEY, NULL, mobile_mock_status,      &mobile_mock_status_doc},
    {"DELETE", "/clear-mocks",                        ROUTE_DEV_KEY, NULL, mobile_clear_mocks,      &mobile_clear_mocks_doc},

    {"GET",    "/sounds/{signature}/{language}/{file}", ROUTE_OPEN, NULL, dialer_sounds_fetch,      &dialer_sounds_fetch_doc},

    {"GET",    "/",                                   ROUTE_OPEN, NULL, system_root,                &system_root_doc},
    {"GET",    "/health",                             ROUTE_OPEN, NULL, system_health,              &system_health_doc},
    {"GET",    "/readiness",                          ROUTE_OPEN, NULL, system_readiness,           &system_readiness_doc},
    {"GET",    "/metrics",                            ROUTE_OPEN, NULL, system_metrics,             &system_metrics_doc},
    {"GET",    "/capabilities",                       ROUTE_OPEN, NULL, system_capabilities,        &system_capabilities_doc},
    {"GET",    "/openapi.json",                       ROUTE_OPEN, NULL, system_openapi,             &system_openapi_doc},
    {"GET",    "/docs",                               ROUTE_OPEN, NULL, system_docs,                &system_docs_doc},
    {"GET",    "/docs/{file}",                        ROUTE_OPEN, NULL, system_docs,                NULL},
    {"GET",    "/redoc",                              ROUTE_OPEN, NULL, system_docs,                &system_redoc_doc},
    {"GET",    "/redoc/{file}",                       ROUTE_OPEN, NULL, system_docs,                NULL},
};
/* clang-format on */
const size_t api_route_count = sizeof api_routes / sizeof *api_routes;

const char *const api_uploads[] = {
    "/api/campaigns/{id}/numbers/import",
    "/adial/api/campaigns/{id}/numbers/import",
    "/api/dnc/import",
    "/adial/api/dnc/import",
    "/api/audio",
    "/adial/api/audio",
    NULL,
};

/* The longest prefix wins: /api/v2 is the contact center's, the rest of /api the dialer's. */
const struct envelope api_envelopes[] = {
    {"", contact_center_error, contact_center_unauthenticated},
    {"/api/v2", contact_center_error, contact_center_unauthenticated},
    {"/api", campaign_dialer_error, campaign_dialer_unauthenticated},
    {"/adial/api", campaign_dialer_error, campaign_dialer_unauthenticated},
    {"/check-connection", mobile_error, mobile_unauthenticated},
    {"/disconnect-call", mobile_error, mobile_unauthenticated},
    {"/mock-connect", mobile_error, mobile_unauthenticated},
    {"/mock-status", mobile_error, mobile_unauthenticated},
    {"/clear-mocks", mobile_error, mobile_unauthenticated},
};
const size_t api_envelope_count = sizeof api_envelopes / sizeof *api_envelopes;
