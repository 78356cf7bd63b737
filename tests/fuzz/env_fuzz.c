/* ${NAME:-default} in any nesting. */
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct env *env;
    struct problem problem;
    if (!env)
        env = env_load("/nonexistent", &problem);
    char *text = malloc(len + 1);
    memcpy(text, bytes, len);
    text[len] = '\0';
    struct buf out;
    buf_init(&out, 1 << 16);
    if (env_expand(env, text, &out, &problem) && !strchr(text, '$') &&
        strcmp(buf_cstr(&out), text) != 0)
        abort(); /* without a dollar nothing changes */
    buf_free(&out);
    free(text);
    return 0;
}
