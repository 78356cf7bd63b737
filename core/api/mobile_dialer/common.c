/* common.c - errors of the mobile-dialer API, its times, and the ids of mock numbers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/mobile_dialer/private.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/phone.h"
#include "base/str.h"

/* ---- Errors -------------------------------------------------------------------------- */

void mobile_error(struct request *req, int status, const char *detail)
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

static void check_rest(struct check *c, const struct request *req)
{
    route_fn *handler = request_route(req)->handler;
    if (handler == mobile_check_connection)
        check_connection_check(c);
    else if (handler == mobile_mock_connect)
        mock_connect_check(c);
    else if (handler == mobile_disconnect_call)
        disconnect_call_check(c);
}

void mobile_unauthenticated(struct request *req, bool missing)
{
    if (missing && !request_header(req, "x-api-key")) {
        struct check *check = check_new(req);
        check_problem(check, "header", "x-api-key", "missing", "Field required", NULL);
        check_rest(check, req);
        check_failed(check);
        return;
    }
    bool dev = request_route(req)->auth == ROUTE_DEV_KEY;
    log_info("mobile", "the API key is refused", LOG_S("path", request_path(req)),
             LOG_S("peer", request_peer(req)));
    mobile_error(req, 401, dev ? "Development API key required" : "Invalid API key");
}

void mobile_mock_problem(struct request *req, enum dg_err err, const char *message,
                         unsigned retry_s)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", retry_s ? retry_s : 5);
    log_warn("mobile", "mock numbers not changed", LOG_S("why", message));
    if (err == DG_ELIMIT || err == DG_EUNAVAILABLE)
        reply_header(req, "Retry-After", seconds);
    mobile_error(req, err_http_status(err), message ? message : err_name(err));
}

static const struct field detail_fields[] = {
    {.name = "detail", .kind = FIELD_STR, .required = true, .help = "What is wrong"}, {0}};
const struct schema mobile_detail = {"MobileError", "What is wrong", detail_fields};

/* ---- Times and ids -------------------------------------------------------------------- */

void mobile_time(struct json_writer *w, const char *name, int64_t unix_ms)
{
    char text[CLOCK_ISO_SIZE];
    clock_iso_local(unix_ms * 1000, text);
    jw_str(w, name, text);
}

void mobile_now(struct json_writer *w)
{
    char text[CLOCK_ISO_SIZE];
    clock_iso_local(clock_unix_us(), text);
    jw_str(w, "timestamp", text);
}

void mobile_mock_id(const struct mock_range *range, uint32_t key, char out[MOCK_ID_SIZE])
{
    char number[PHONE_KEY_DIGITS + 1];
    phone_key_text(key, number);
    snprintf(out, MOCK_ID_SIZE, "mock-%s-%" PRId64, number, range->added_ms / 1000);
}

bool mobile_mock_key(const char *id, uint32_t *key)
{
    char number[64];
    if (!str_starts(id, "mock-"))
        return false;
    size_t len = strcspn(id + 5, "-");
    snprintf(number, sizeof number, "%.*s", (int)(len < 63 ? len : 63), id + 5);
    *key = len < 63 ? phone_key(number) : 0;
    return true;
}
