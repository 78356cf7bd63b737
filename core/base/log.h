/* log.h - one line per fact: a sentence, then key=value. [any thread]
 *
 *     log_info("ari", "link up", LOG_S("instance", name), LOG_I("version", 22));
 *
 * Text: `2026-01-02T03:04:05.678Z INFO ari: link up instance=pbx version=22`;
 * JSON: one object per line with time, level, area, message and the keys.
 * Values are escaped, so that no line can be forged from outside. Never hand a
 * secret to it. A line is written with one write(2); a failing or full output
 * loses lines, counts them and says so when it works again.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "dialgate/plugin.h"

struct log_field {
    const char *key;
    const char *text; /* NULL: `number` counts */
    int64_t number;
};

static inline const char *log_text(const char *s)
{
    return s ? s : "-";
}

#define LOG_S(k, v) ((struct log_field){.key = (k), .text = log_text(v)})
#define LOG_I(k, v) ((struct log_field){.key = (k), .number = (int64_t)(v)})

struct log_config {
    enum dg_level level;
    bool json;
    const char *file; /* NULL or "": standard error */
};

/* May be called again to change everything (a reload). false: the file cannot be opened (errno). */
bool log_setup(const struct log_config *config);
/* "debug" "info" "warn(ing)" "error", in any case */
bool log_level_parse(const char *text, enum dg_level *out);
bool log_wants(enum dg_level level);

/* Lines of this thread carry this request id until it is set to NULL again. Not copied. */
void log_request_id(const char *id);
const char *log_current_request_id(void);

void log_fields(enum dg_level level, const char *area, const char *sentence,
                const struct log_field *fields, unsigned count);
/* The same, but written together with others of this thread: by its log_flush, or when they are
 * too many for one write(2) (32 KB to a file, PIPE_BUF to anything else), or before its next line.
 * For what every request logs, on threads that flush at the end of each turn: a crash costs the
 * lines of one turn. */
void log_fields_soon(enum dg_level level, const char *area, const char *sentence,
                     const struct log_field *fields, unsigned count);
void log_flush(void);
void log_vtext(enum dg_level level, const char *area, const char *instance, const char *fmt,
               __builtin_va_list ap);

#define log_by(function, level, area, sentence, ...)                                               \
    do {                                                                                           \
        if (log_wants(level)) {                                                                    \
            const struct log_field log_f_[] = {__VA_ARGS__ __VA_OPT__(, ){0}};                     \
            function(level, area, sentence, log_f_, sizeof(log_f_) / sizeof(*log_f_) - 1);         \
        }                                                                                          \
    } while (0)
#define log_at(level, area, ...) log_by(log_fields, level, area, __VA_ARGS__)
#define log_debug(area, ...)     log_at(DG_DEBUG, area, __VA_ARGS__)
#define log_info(area, ...)      log_at(DG_INFO, area, __VA_ARGS__)
#define log_info_soon(area, ...) log_by(log_fields_soon, DG_INFO, area, __VA_ARGS__)
#define log_warn(area, ...)      log_at(DG_WARN, area, __VA_ARGS__)
#define log_error(area, ...)     log_at(DG_ERROR, area, __VA_ARGS__)

#endif
