/* dialer_notice.c - what the dialer tells the bus: of campaigns and of their numbers. */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "domain/dialer_private.h"

static void tell(struct dialer *d, const char *type, int64_t campaign, const char *call,
                 struct json_writer *w)
{
    char id[24];
    jw_end(w);
    const struct bus_event ev = {.topic = BUS_NOTICE,
                                 .at_ms = clock_unix_ms(),
                                 .type = type,
                                 .json = buf_cstr(w->out),
                                 .call_id = call,
                                 .campaign_id = pacer_key(campaign, id)};
    bus_publish(d->config.bus, &ev);
}

static void begin(struct json_writer *w, struct buf *out, int64_t campaign)
{
    buf_init(out, BUF_MAX);
    jw_init(w, out);
    jw_object(w, NULL);
    jw_int(w, "campaign_id", campaign);
}

void notice_campaign(struct dialer *d, const char *type, int64_t campaign)
{
    struct json_writer w;
    struct buf json;
    begin(&w, &json, campaign);
    tell(d, type, campaign, NULL, &w);
    buf_free(&json);
}

void notice_number(struct dialer *d, const struct number *n)
{
    static const char *const types[NUMBER_STATUSES] = {
        [NUMBER_PENDING] = "number.pending",   [NUMBER_CALLING] = "number.calling",
        [NUMBER_ANSWERED] = "number.answered", [NUMBER_COMPLETED] = "number.completed",
        [NUMBER_FAILED] = "number.failed",     [NUMBER_NO_ANSWER] = "number.no_answer",
        [NUMBER_BUSY] = "number.busy",
    };
    const char *call = *n->call_id ? n->call_id : NULL;
    struct json_writer w;
    struct buf json;
    begin(&w, &json, n->campaign_id);
    jw_int(&w, "number_id", n->id);
    jw_str(&w, "phone_number", n->phone_number);
    jw_str(&w, "status", number_status_name(n->status));
    jw_int(&w, "attempts", n->attempts);
    jw_str(&w, "call_id", call);
    if (n->status == NUMBER_PENDING && n->due_at_ms > 0)
        jw_time(&w, "due_at", n->due_at_ms);
    tell(d, types[n->status], n->campaign_id, call, &w);
    buf_free(&json);
}
