/* cdr.h - what the endpoints about CDRs share (cdr.c). */
#ifndef CAMPAIGN_DIALER_CDR_H
#define CAMPAIGN_DIALER_CDR_H

#include "api/campaign_dialer/campaigns.h"
#include "domain/cdrs.h"

void cdr_render(struct json_writer *w, const struct cdr *r);
char *cdr_file(const struct cdr *r); /* the recording's, to be freed; NULL: none */
/* The query's; texts go to the arena. false: answered with 400. */
bool cdr_filter_read(struct request *req, struct arena *arena, struct cdr_filter *f);

/* clang-format off */
#define CDR_FILTER_FIELDS                                                                          \
    {.name = "campaign_id", .kind = FIELD_INT, .min = 1, .example = "1"},                          \
    {.name = "start_date", .kind = FIELD_STR, .example = "\"2025-10-01\"",                         \
     .help = "Calls that began then or later, by the server's clock"},                             \
    {.name = "end_date", .kind = FIELD_STR, .example = "\"2025-10-01\"",                           \
     .help = "The last day, or time, that counts"},                                                \
    {.name = "disposition", .kind = FIELD_STR, .example = "\"answered\""},                         \
    {.name = "search", .kind = FIELD_STR, .help = "Part of callerid, destination or agent"}
/* clang-format on */

#endif
