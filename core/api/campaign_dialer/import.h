/* import.h - what the endpoints that take files of numbers share (upload.c). */
#ifndef CAMPAIGN_DIALER_IMPORT_H
#define CAMPAIGN_DIALER_IMPORT_H

#include "api/campaign_dialer/private.h"
#include "domain/number_import.h"

/* A file that was sent, as a whole body or in a form: how it is written, and a copy of it for the
 * task. false: answered with 400. [HTTP thread] */
bool dialer_upload(struct request *req, enum number_format *format, struct dialer_task *t);

/* [control thread] true: it ended with an error, which was answered. */
bool import_failed(struct dialer_task *t, const struct number_import_result *result);
void import_render(struct json_writer *w, const struct number_import_result *result);
void import_done(struct dialer_task *t, const struct number_import_result *result);

/* clang-format off */
#define IMPORT_PARAMS                                                                              \
    {.name = "phone_number", .kind = FIELD_STR, .example = "\"Telefon\"",                          \
     .help = "The name of the column with the number, if it is another one"}
#define IMPORT_RESULT_FIELDS                                                                       \
    {.name = "accepted", .kind = FIELD_INT, .required = true, .example = "2"},                     \
    {.name = "skipped", .kind = FIELD_INT, .required = true, .example = "0"},                      \
    {.name = "wrong", .kind = FIELD_INT, .required = true, .example = "1"},                        \
    {.name = "errors", .kind = FIELD_LIST, .required = true, .of = &import_error,                  \
     .help = "The first 100 wrong lines",                                                          \
     .example = "[{\"line\":3,\"error\":\"phone_number is missing\"}]"}
/* clang-format on */
extern const struct schema import_error;
extern const char *const import_types[];

#endif
