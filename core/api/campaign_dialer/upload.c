/* upload.c - files of numbers that are sent: whole bodies, or a form with a file. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/campaign_dialer/campaigns.h"
#include "api/campaign_dialer/import.h"
#include "base/str.h"

#define TYPES "text/csv, application/x-ndjson, or multipart/form-data with a file of these"

static bool is_type(const char *sent, const char *type)
{
    const size_t len = strlen(type);
    return sent && strncasecmp(sent, type, len) == 0 && (!sent[len] || strchr("; \t", sent[len]));
}

static bool format_of_type(const char *type, enum number_format *out)
{
    static const struct {
        const char *type;
        enum number_format format;
    } known[] = {{"text/csv", NUMBERS_CSV},
                 {"application/x-ndjson", NUMBERS_NDJSON},
                 {"application/ndjson", NUMBERS_NDJSON}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!is_type(type, known[i].type))
            continue;
        *out = known[i].format;
        return true;
    }
    return false;
}

/* Browsers know no type for most files; their names tell. */
static bool format_of_name(const char *name, enum number_format *out)
{
    const char *dot = strrchr(name, '.');
    *out = str_ieq(dot, ".csv") || str_ieq(dot, ".txt") ? NUMBERS_CSV : NUMBERS_NDJSON;
    return *out == NUMBERS_CSV || str_ieq(dot, ".ndjson") || str_ieq(dot, ".jsonl");
}

static bool find_file(struct request *req, enum number_format *format, struct dg_bytes *bytes)
{
    struct form_file file;
    const char *type = request_header(req, "content-type");
    *bytes = request_body(req);
    if (format_of_type(type, format))
        return true;
    if (!form_file(req, &file))
        return false;
    *bytes = file.bytes;
    return format_of_type(file.type, format) || format_of_name(file.name, format);
}

bool dialer_upload(struct request *req, enum number_format *format, struct dialer_task *t)
{
    struct dg_bytes bytes;
    if (!find_file(req, format, &bytes)) {
        dialer_refuse(req, 400, "Invalid Content-Type. Must be: " TYPES,
                      json_pack("{s:s}", "content-type", "Must be: " TYPES));
        return false;
    }
    t->upload = xmalloc(bytes.len + 1);
    t->upload_len = bytes.len;
    if (bytes.len)
        memcpy(t->upload, bytes.ptr, bytes.len);
    return true;
}

/* ---- What came of it ---------------------------------------------------------------------- */

bool import_failed(struct dialer_task *t, const struct number_import_result *result)
{
    if (result->err == DG_OK)
        return false;
    if (result->err == DG_ENOTFOUND) {
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
        return true;
    }
    char *text = xasprintf("After %llu numbers were added: %s",
                           (unsigned long long)result->accepted, result->message);
    task_fail(t, result->err, result->accepted ? text : result->message);
    free(text);
    return true;
}

void import_render(struct json_writer *w, const struct number_import_result *result)
{
    jw_int(w, "accepted", (int64_t)result->accepted);
    jw_int(w, "skipped", (int64_t)result->skipped);
    jw_int(w, "wrong", (int64_t)result->wrong);
    jw_array(w, "errors");
    for (size_t i = 0; i < result->error_count; i++) {
        jw_object(w, NULL);
        jw_int(w, "line", (int64_t)result->errors[i].line);
        jw_str(w, "error", result->errors[i].why);
        jw_end(w);
    }
    jw_end(w);
}

void import_done(struct dialer_task *t, const struct number_import_result *result)
{
    char *text =
        xasprintf("%llu numbers imported successfully", (unsigned long long)result->accepted);
    task_done(t, 201, text);
    free(text);
}

/* ---- Documentation ------------------------------------------------------------------------ */

/* clang-format off */
static const struct field error_fields[] = {
    {.name = "line", .kind = FIELD_INT, .required = true, .example = "3"},
    {.name = "error", .kind = FIELD_STR, .required = true,
     .example = "\"phone_number is missing\""},
    {0}};
/* clang-format on */
const char *const import_types[] = {"text/csv", "application/x-ndjson", "multipart/form-data",
                                    NULL};
const struct schema import_error = {"DialerImportError", "A line that holds no number",
                                    error_fields};
