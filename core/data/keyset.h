/* keyset.h - going on in a list that is ordered by a time, newest first, behind
 * what was seen last: new documents and other pages cannot shift it. */
#ifndef DATA_KEYSET_H
#define DATA_KEYSET_H

#include <inttypes.h>
#include <stdio.h>

#include "dialgate/storage.h"

#define KEYSET_WHERE_MAX 3

struct keyset {
    int64_t at_ms;  /* of the last that was seen */
    const char *id; /* NULL: from the beginning */
};

/* Older than the last that was seen, or as old and named before it. `group` is one that no other
 * condition has. Gives how many conditions it are. */
static inline size_t keyset_where(const struct keyset *k, const char *field, unsigned group,
                                  char text[24], struct dg_where *out)
{
    if (!k->id)
        return 0;
    snprintf(text, 24, "%" PRId64, k->at_ms);
    out[0] = (struct dg_where){.field = field, .compare = DG_LE, .value = text};
    out[1] = (struct dg_where){.field = field, .compare = DG_LT, .value = text, .group = group};
    out[2] = (struct dg_where){.field = "id", .compare = DG_LT, .value = k->id, .group = group};
    return KEYSET_WHERE_MAX;
}

#endif
