/* admin_numbers.h - files of numbers that come in by the control socket. */
#ifndef ADMIN_NUMBERS_H
#define ADMIN_NUMBERS_H

#include "admin.h"
#include "base/buf.h"
#include "domain/number_import.h"

/* What {"verb":"numbers.import",...} asks for: "campaign" or "dnc", "format", "skip_duplicates" and
 * the columns' names. NULL: `*why` says what is wrong. */
struct number_import *admin_numbers_import(const struct admin_config *config, const json_t *request,
                                           number_import_fn *fn, void *arg, const char **why);
/* One line of JSON without its newline. */
void admin_numbers_answer(const struct number_import_result *result, struct buf *out);

#endif
