/* What json_parse accepts, the writer must be able to say again, and mean the same. */
#include <stdlib.h>

#include "base/json.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char why[JSON_WHY_SIZE];
    json_t *value = json_parse((const char *)bytes, len, 16, why);
    if (!value)
        return 0;
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    jw_jansson(&w, NULL, value);
    json_t *again = json_parse(buf_cstr(&out), out.len, 16, why);
    if (!again || (!json_is_real(value) && !json_equal(value, again) && !json_is_object(value) &&
                   !json_is_array(value)))
        abort();
    json_decref(again);
    json_decref(value);
    buf_free(&out);
    return 0;
}
