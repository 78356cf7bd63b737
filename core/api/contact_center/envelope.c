/* envelope.c - how the contact-center API says that something is wrong. */
#include <stdio.h>

#include "api/contact_center/private.h"
#include "base/err.h"
#include "base/json.h"

void contact_center_error(struct request *req, int status, const char *detail)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "detail", detail);
    jw_end(&w);
    reply_json(req, status, &json);
    buf_free(&json);
}

void contact_center_unauthenticated(struct request *req, bool missing)
{
    reply_header(req, "www-authenticate", "Bearer");
    contact_center_error(req, 401,
                         missing ? "Not authenticated" : "Could not validate credentials");
}

static unsigned usual_retry_s(enum dg_err err)
{
    return err == DG_EUNAVAILABLE ? 5 : err == DG_ELIMIT ? 1 : 0;
}

void contact_center_refusal(struct request *req, enum dg_err err, const char *message,
                            unsigned retry_s)
{
    char text[256], seconds[16];
    if (err == DG_EINTERNAL) { /* as documented */
        snprintf(text, sizeof text, "Internal server error: %s", message ? message : "unknown");
        message = text;
    }
    snprintf(seconds, sizeof seconds, "%u", retry_s ? retry_s : usual_retry_s(err));
    if (retry_s || usual_retry_s(err))
        reply_header(req, "Retry-After", seconds);
    contact_center_error(req, err_http_status(err), message ? message : err_name(err));
}

void contact_center_problem(struct request *req, enum dg_err err, const char *message)
{
    contact_center_refusal(req, err, message, 0);
}
