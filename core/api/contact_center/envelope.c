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

void contact_center_problem(struct request *req, enum dg_err err, const char *message)
{
    char text[256];
    if (err == DG_EINTERNAL) { /* as documented */
        snprintf(text, sizeof text, "Internal server error: %s", message ? message : "unknown");
        message = text;
    }
    if (err == DG_ELIMIT)
        reply_header(req, "retry-after", "1");
    else if (err == DG_EUNAVAILABLE)
        reply_header(req, "retry-after", "5");
    contact_center_error(req, err_http_status(err), message ? message : err_name(err));
}
