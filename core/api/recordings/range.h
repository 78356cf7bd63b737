/* range.h - which bytes of a file a client wants (RFC 9110, section 14). Pure. */
#ifndef RECORDINGS_RANGE_H
#define RECORDINGS_RANGE_H

#include <stdint.h>

enum range_verdict {
    RANGE_WHOLE, /* none was asked for, or one that may be ignored: several, another unit, nonsense
                  */
    RANGE_PART,
    RANGE_BEYOND, /* nothing of it is in the file */
};

/* `header` NULL: absent. first and last are set for RANGE_PART; size is not 0 then. */
enum range_verdict range_read(const char *header, uint64_t size, uint64_t *first, uint64_t *last);

#endif
