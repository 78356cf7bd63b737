/* declare.h - tables, columns and indexes as declared. */
#ifndef STORAGE_FILE_DECLARE_H
#define STORAGE_FILE_DECLARE_H

#include "db.h"

/* In one transaction: all or nothing. New columns are filled from the
 * documents; what is not declared any more is dropped, the documents never.
 * `filled` gets the number of documents whose new columns were filled. */
bool declare_all(struct db *db, const struct schema *schema, uint64_t *filled, struct fault *fault);

#endif
