/* Frames of an HTTP/2 connection, from its preface on. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "http/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct frames count = {0};
    char *exact = malloc(len ? len : 1); /* so that a step beyond is seen */
    memcpy(exact, bytes, len);
    size_t left = frames_walk(&count, exact, len);
    if (left > len || (len && count.walked > len / 9))
        abort();
    free(exact);
    return 0;
}
