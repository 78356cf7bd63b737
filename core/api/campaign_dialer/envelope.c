/* envelope.c - how the campaign-dialer API says that something is wrong. */
#include "api/campaign_dialer/campaign_dialer.h"
#include "base/json.h"
#include "http/request.h"

void campaign_dialer_error(struct request *req, int status, const char *message)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_bool(&w, "success", false);
    jw_int(&w, "code", status);
    jw_str(&w, "message", message);
    jw_end(&w);
    reply_json(req, status, &json);
    buf_free(&json);
}

void campaign_dialer_unauthenticated(struct request *req, bool missing)
{
    campaign_dialer_error(req, 401,
                          missing ? "Authentication required" : "Invalid or expired token");
}
