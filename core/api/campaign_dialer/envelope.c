/* envelope.c - how the campaign-dialer API says that something is wrong, and when it was. */
#include "api/campaign_dialer/private.h"
#include "base/clock.h"

void dialer_refuse(struct request *req, int status, const char *message, json_t *errors)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_bool(&w, "success", false);
    jw_int(&w, "code", status);
    jw_str(&w, "message", message);
    if (errors)
        jw_jansson(&w, "errors", errors);
    jw_end(&w);
    reply_json(req, status, &json);
    buf_free(&json);
    json_decref(errors);
}

void campaign_dialer_error(struct request *req, int status, const char *message)
{
    dialer_refuse(req, status, message, NULL);
}

void campaign_dialer_unauthenticated(struct request *req, bool missing)
{
    if (api_of(req)->store_disabled) /* no token could be right */
        dialer_refuse(req, 503, STORE_DISABLED_TEXT, NULL);
    else
        dialer_refuse(req, 401, missing ? "Authentication required" : "Invalid or expired token",
                      NULL);
}

void dialer_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_ISO_SIZE];
    if (!unix_ms) {
        jw_null(w, key);
        return;
    }
    clock_plain_local(unix_ms, text);
    jw_str(w, key, text);
}

/* ---- Documentation -------------------------------------------------------------------- */

static const struct field done_fields[] = {DIALER_SUCCESS_FIELDS("200", "Deleted successfully"),
                                           {0}};
const struct schema dialer_done = {"DialerDone", "It was done, and there is no more to say",
                                   done_fields};

/* clang-format off */
static const struct field error_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "false"},
    {.name = "code", .kind = FIELD_INT, .required = true, .help = "As the status", .example = "400"},
    {.name = "message", .kind = FIELD_STR, .required = true,
     .example = "\"Missing required fields\""},
    {.name = "errors", .kind = FIELD_OBJECT,
     .help = "missing_fields: their names; or of fields what is wrong with them",
     .example = "{\"missing_fields\":[\"name\"]}"},
    {0}};
/* clang-format on */
const struct schema dialer_error = {"DialerError", "What is wrong", error_fields};

const struct field dialer_id_param[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .min = 1, .help = "Its number"}, {0}};
