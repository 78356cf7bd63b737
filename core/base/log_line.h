/* log_line.h - one line of the log in the making. Only log.c uses this. */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include <stddef.h>

#include "base/log.h"

#define LOG_LINE_MAX 8192 /* with its newline */

struct log_line {
    char bytes[LOG_LINE_MAX];
    size_t len;
    bool json;
    bool cut; /* something did not fit: nothing more is added */
};

void log_line_begin(struct log_line *line, bool json, enum dg_level level, const char *area,
                    const char *sentence);
void log_line_field(struct log_line *line, const struct log_field *field);
void log_line_end(struct log_line *line);

#endif
