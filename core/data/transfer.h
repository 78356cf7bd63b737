/* transfer.h - everything in the store as lines of JSON, out and in.
 *
 *     {"collection":"calls","id":"018f...","version":3,"doc":{...}}
 *
 * Going out, collections come in the order of their table and documents by id,
 * a page at a time, so that neither side holds the whole. Documents that
 * change meanwhile come as they are when their page is read. Coming in, each
 * line is put over what is there; lines are written in batches, a batch as a
 * whole. The version is for readers: documents imported count their own. What the
 * gateways on a store tell one another (marks, nodes, commands) stays where it is.
 *
 * Both are to be freed before the store.
 */
#ifndef DATA_TRANSFER_H
#define DATA_TRANSFER_H

#include "data/store.h"

/* Going out: `fn` is called with a page of lines each time; ask for the next
 * with export_next, when there is room for it. `lines.len` 0 and `err` DG_OK:
 * that was all. After that, and after an error, only export_free is left. */
struct store_export;

struct export_page {
    enum dg_err err;
    const char *message;
    struct dg_bytes lines; /* whole lines, each with its newline */
    uint64_t documents;    /* so far, with this page */
};
typedef void export_fn(void *arg, const struct export_page *page);

struct store_export *export_new(struct store *s, export_fn *fn, void *arg);
void export_next(struct store_export *e);
void export_free(struct store_export *e); /* `fn` is not called any more */

/* Coming in: hand over bytes as they come; `fn` is called when they are taken
 * (and as far as they made whole batches, written). After an error nothing
 * more is taken: the sentence names the line. */
struct store_import;

struct import_state {
    enum dg_err err;
    const char *message;
    uint64_t documents; /* written so far */
};
typedef void import_fn(void *arg, const struct import_state *state);

struct store_import *import_new(struct store *s, import_fn *fn, void *arg);
void import_bytes(struct store_import *im,
                  struct dg_bytes bytes);  /* one at a time: wait for `fn` */
void import_end(struct store_import *im);  /* writes what is left; `fn` comes once more */
void import_free(struct store_import *im); /* `fn` is not called any more */

#endif
