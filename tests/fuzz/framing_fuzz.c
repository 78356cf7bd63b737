/* Heads of HTTP/1 requests, complete or not. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "http/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *exact = malloc(len ? len : 1); /* so that a step beyond is seen */
    memcpy(exact, bytes, len);
    framing_head_complete(exact, len);
    framing_ambiguous(exact, len);
    free(exact);
    return 0;
}
