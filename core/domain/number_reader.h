/* number_reader.h - numbers out of a file, a piece at a time. [any thread]
 *
 * CSV (base/csv.h) has a line with the columns' names first. Columns that mean
 * something are "phone_number" (or what the request maps to it), "priority",
 * "timezone" and "data", a JSON object; all others go into data under their
 * name. Newline-delimited JSON has an object like that of a single number in
 * each line.
 */
#ifndef DOMAIN_NUMBER_READER_H
#define DOMAIN_NUMBER_READER_H

#include "domain/numbers.h"

enum number_format { NUMBERS_CSV, NUMBERS_NDJSON };

#define NUMBER_LINE_MAX (256u << 10)

/* Names of columns that stand for others; NULL: as above. */
struct number_columns {
    const char *phone_number, *priority, *timezone;
};

/* A number, or why the line has none. Lent. */
struct number_line {
    uint64_t line;
    struct number_new number;
    const char *why; /* NULL: it is fine */
};
typedef void number_line_fn(void *arg, const struct number_line *line);

struct number_reader;

/* Everything is copied. */
struct number_reader *number_reader_new(enum number_format format,
                                        const struct number_columns *columns, number_line_fn *fn,
                                        void *arg);
void number_reader_feed(struct number_reader *r, const char *bytes, size_t len);
void number_reader_end(struct number_reader *r);
void number_reader_free(struct number_reader *r);

/* A number as an object; what is wrong with it, or NULL. Its texts are the object's, but for its
 * data, which is in `data` too, to be freed. */
const char *number_new_read(const json_t *object, struct number_new *out, char **data);
/* What is wrong with a number that somebody sent; NULL: nothing. */
const char *number_new_problem(const struct number_new *n);

#endif
