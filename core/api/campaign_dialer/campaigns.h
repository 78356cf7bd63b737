/* campaigns.h - endpoints about campaigns, their numbers and calls; and what
 * their files share. */
#ifndef CAMPAIGN_DIALER_CAMPAIGNS_H
#define CAMPAIGN_DIALER_CAMPAIGNS_H

#include "api/campaign_dialer/private.h"
#include "domain/campaigns.h"
#include "domain/numbers.h"

#define DIALER_TAG_CAMPAIGNS  "Campaigns"
#define DIALER_TAG_NUMBERS    "Numbers"
#define DIALER_TAG_CDR        "Call records"
#define DIALER_TAG_MONITORING "Monitoring"
#define DIALER_TAG_DNC        "Do not call"

#define NUMBER_STATUS_NAMES "pending, calling, answered, failed, completed, no_answer, or busy"
#define CAMPAIGN_NOT_FOUND  "Campaign not found"

void dialer_campaigns_list(struct request *req);
void dialer_campaigns_view(struct request *req);
void dialer_campaigns_create(struct request *req);
void dialer_campaigns_update(struct request *req);
void dialer_campaigns_delete(struct request *req);
void dialer_campaigns_copy(struct request *req);
void dialer_campaigns_stats(struct request *req);
void dialer_campaigns_start(struct request *req);
void dialer_campaigns_stop(struct request *req);
void dialer_campaigns_pause(struct request *req);
void dialer_campaigns_resume(struct request *req);
void dialer_campaigns_why(struct request *req);
void dialer_numbers_list(struct request *req);
void dialer_numbers_add(struct request *req);
void dialer_numbers_bulk(struct request *req);
void dialer_numbers_view(struct request *req);
void dialer_numbers_delete(struct request *req);
void dialer_numbers_delete_many(struct request *req);
void dialer_numbers_import(struct request *req);
void dialer_numbers_export(struct request *req);
void dialer_numbers_reset(struct request *req);
void dialer_numbers_requeue(struct request *req);
void dialer_cdr_list(struct request *req);
void dialer_cdr_view(struct request *req);
void dialer_cdr_export(struct request *req);
void dialer_cdr_stats(struct request *req);
void dialer_monitoring_status(struct request *req);
void dialer_monitoring_channels(struct request *req);
void dialer_monitoring_realtime(struct request *req);
void dialer_dnc_list(struct request *req);
void dialer_dnc_add(struct request *req);
void dialer_dnc_import(struct request *req);
void dialer_dnc_delete(struct request *req);

extern const struct route_doc dialer_campaigns_list_doc, dialer_campaigns_view_doc,
    dialer_campaigns_create_doc, dialer_campaigns_update_doc, dialer_campaigns_delete_doc,
    dialer_campaigns_copy_doc, dialer_campaigns_stats_doc, dialer_campaigns_start_doc,
    dialer_campaigns_stop_doc, dialer_campaigns_pause_doc, dialer_campaigns_resume_doc,
    dialer_campaigns_why_doc, dialer_numbers_list_doc, dialer_numbers_add_doc,
    dialer_numbers_bulk_doc, dialer_numbers_view_doc, dialer_numbers_delete_doc,
    dialer_numbers_delete_many_doc, dialer_numbers_import_doc, dialer_numbers_reset_doc,
    dialer_numbers_requeue_doc, dialer_cdr_list_doc, dialer_cdr_view_doc, dialer_cdr_stats_doc,
    dialer_cdr_export_doc, dialer_numbers_export_doc, dialer_monitoring_status_doc,
    dialer_monitoring_channels_doc, dialer_monitoring_realtime_doc, dialer_dnc_list_doc,
    dialer_dnc_add_doc, dialer_dnc_import_doc, dialer_dnc_delete_doc;

/* ---- As JSON (campaign_view.c) ------------------------------------------------------------- */

/* `counts` NULL: without "stats". */
void campaign_render(struct json_writer *w, const struct campaign *c,
                     const struct campaign_counts *counts);
void campaign_render_stats(struct json_writer *w, const char *key,
                           const struct campaign_counts *counts);

void number_render(struct json_writer *w, const struct number *n); /* numbers.c */

extern const struct schema campaign_shown, campaign_stats_shown;

/* ---- From JSON (campaign_input.c) ---------------------------------------------------------- */

extern const struct schema campaign_create_schema, campaign_update_schema;
extern const struct schema campaign_span, campaign_retry; /* in its lists */
/* Puts what a checked body holds into a campaign. */
bool campaign_apply(struct campaign *c, const json_t *body, struct problem *problem);

/* A page with the first `{id}` of the path read into the task. NULL: answered. */
struct dialer_task *campaign_task(struct request *req, const char *not_found);

#endif
