/* idempotency_key.c - see idempotency_key.h. */
#include "api/idempotency_key.h"

#include "base/str.h"
#include "domain/idempotency.h"

#define KEY_MAX 255

const struct field idempotency_headers[] = {
    {.name = "Idempotency-Key",
     .kind = FIELD_STR,
     .min = 1,
     .max = KEY_MAX,
     .pattern = "^[ -~]+$",
     .help = "A name for this request, of the client's choice: requests with the same name place "
             "one call, however often they are sent, and are given the same answer",
     .example = "\"f0ad2c3e-order-4711\""},
    {0}};
const struct field idempotency_answer_headers[] = {
    {.name = "Idempotent-Replayed",
     .kind = FIELD_STR,
     .help = "true: the answer of an earlier request with the same Idempotency-Key",
     .example = "\"true\""},
    {0}};
const struct field idempotency_retry_headers[] = {
    {.name = "Retry-After",
     .kind = FIELD_INT,
     .required = true,
     .help = "Seconds after which another try is worth it",
     .example = "1"},
    {0}};

static bool printable(struct dg_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    }
    return true;
}

const char *idempotency_key(struct request *req, struct check *check)
{
    struct dg_bytes key;
    size_t count = request_header_fields(req, IDEMPOTENCY_FIELD, &key, 1);
    const char *type = NULL, *why = NULL;
    if (count == 0)
        return NULL;
    if (count > 1) {
        type = "value_error";
        why = "Header should be sent only once";
    } else if (key.len == 0) {
        type = "string_too_short";
        why = "String should have at least 1 character";
    } else if (key.len > KEY_MAX) {
        type = "string_too_long";
        why = "String should have at most 255 characters";
    } else if (!printable(key)) {
        type = "string_pattern_mismatch";
        why = "String should hold printable ASCII characters only";
    }
    if (!why)
        return request_header(req, IDEMPOTENCY_FIELD);
    check_problem(check, "header", IDEMPOTENCY_FIELD, type, why, NULL);
    return NULL;
}
