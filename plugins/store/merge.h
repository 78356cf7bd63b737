/* merge.h - some members of a document set anew.
 *
 * Members keep their places, and those that are not set the bytes of their values; what
 * the document had not is appended, in the order of `set`. White space between members
 * goes, keys are written with as few escapes as there can be. Every store does it so, in
 * its own way: see dialgate/storage.h. */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "store/mem.h"

/* Both are JSON objects. False: one of them is none. */
bool merge(struct text *out, struct dg_bytes doc, struct dg_bytes set);

#endif
