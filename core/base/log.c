/* log.c - where the lines of the log go.
 *
 * Writers never wait for each other: they read three atomics and write(2). A
 * new destination is put by dup3(2) under the number they already use, so a
 * writer that is just writing ends in the old file or begins in the new one.
 *
 * Nor does the gateway wait for whoever reads its log: a pipe or a socket is
 * written without blocking. After a short patience lines are lost and counted.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_line.h"
#include "base/str.h"

#define PATIENCE_MS 50

static struct {
    atomic_int level;
    atomic_bool json;
    atomic_int fd;
    atomic_bool is_socket;
    atomic_size_t whole; /* bytes that are taken as a whole or not at all */
    atomic_ullong lost;
    atomic_bool torn;  /* the last write ended inside a line */
    atomic_bool stuck; /* the last write failed */
    pthread_mutex_t setup;
} out = {
    .level = DG_INFO, .fd = STDERR_FILENO, .whole = PIPE_BUF, .setup = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local const char *request_id;

/* ---- Setting up --------------------------------------------------------- */

/* A pipe is opened anew, because O_NONBLOCK on the one we were given would hold
 * for everybody who shares it. A socket cannot be; send(2) takes a flag instead. */
static int open_stderr(bool *is_socket)
{
    struct stat st;
    *is_socket = false;
    if (fstat(STDERR_FILENO, &st) == 0 && S_ISSOCK(st.st_mode))
        *is_socket = true;
    if (fstat(STDERR_FILENO, &st) == 0 && S_ISFIFO(st.st_mode)) {
        int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

#define GATHERED_MAX 32768

static size_t whole_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? GATHERED_MAX : PIPE_BUF;
}

static bool set_destination(const char *file)
{
    bool is_socket = false;
    int fresh =
        str_empty(file)
            ? open_stderr(&is_socket)
            : open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fresh < 0)
        return false;
    atomic_store(&out.whole, whole_of(fresh));
    int current = atomic_load(&out.fd);
    if (current == STDERR_FILENO) {
        atomic_store(&out.is_socket, is_socket);
        atomic_store(&out.fd, fresh);
        return true;
    }
    if (dup3(fresh, current, O_CLOEXEC) < 0) {
        int why = errno;
        close(fresh);
        errno = why;
        return false;
    }
    close(fresh);
    atomic_store(&out.is_socket, is_socket);
    return true;
}

bool log_setup(const struct log_config *config)
{
    pthread_mutex_lock(&out.setup);
    bool done = set_destination(config->file);
    if (done) {
        atomic_store(&out.level, (int)config->level);
        atomic_store(&out.json, config->json);
    }
    pthread_mutex_unlock(&out.setup);
    return done;
}

bool log_level_parse(const char *text, enum dg_level *level)
{
    static const struct {
        const char *name;
        enum dg_level level;
    } levels[] = {{"debug", DG_DEBUG},
                  {"info", DG_INFO},
                  {"warn", DG_WARN},
                  {"warning", DG_WARN},
                  {"error", DG_ERROR}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        if (str_ieq(text, levels[i].name)) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}

bool log_wants(enum dg_level level)
{
    return (int)level >= atomic_load_explicit(&out.level, memory_order_relaxed);
}

void log_request_id(const char *id)
{
    request_id = id;
}

const char *log_current_request_id(void)
{
    return request_id;
}

/* ---- Writing ------------------------------------------------------------ */

static ssize_t write_once(const char *bytes, size_t len)
{
    int fd = atomic_load(&out.fd);
    ssize_t n;
    do {
        bool is_socket = atomic_load(&out.is_socket);
        n = is_socket ? send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd, bytes, len);
        if (n < 0 && is_socket && errno == ENOTSOCK) /* just replaced by a file */
            n = write(fd, bytes, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* A reader that is only slow gets a moment, once: one that stands still must not
 * cost every line of every thread that moment. */
static bool wait_for_reader(void)
{
    if ((errno != EAGAIN && errno != EWOULDBLOCK) || atomic_load(&out.stuck))
        return false;
    struct pollfd p = {.fd = atomic_load(&out.fd), .events = POLLOUT};
    return poll(&p, 1, PATIENCE_MS) > 0;
}

static bool write_text(const char *bytes, size_t len)
{
    /* After half a line begin a new one, or this one would hang on it. */
    bool torn = atomic_exchange(&out.torn, false);
    if (torn && write_once("\n", 1) != 1) {
        atomic_store(&out.torn, true);
        return false;
    }
    ssize_t n = write_once(bytes, len);
    if (n < 0 && wait_for_reader())
        n = write_once(bytes, len);
    if (n > 0 && (size_t)n < len)
        atomic_store(&out.torn, true);
    atomic_store(&out.stuck, n != (ssize_t)len);
    return n == (ssize_t)len;
}

static bool write_line(const struct log_line *line)
{
    return write_text(line->bytes, line->len);
}

/* Says how many lines were lost. false: it does not work yet. */
static bool tell_losses(struct log_line *line)
{
    unsigned long long lost = atomic_load(&out.lost) ? atomic_exchange(&out.lost, 0) : 0;
    if (!lost)
        return true;
    log_line_begin(line, atomic_load(&out.json), DG_WARN, "log", "lines were lost");
    log_line_field(line, &LOG_I("count", lost));
    log_line_end(line);
    if (write_line(line))
        return true;
    atomic_fetch_add(&out.lost, lost);
    return false;
}

static void make_line(struct log_line *line, enum dg_level level, const char *area,
                      const char *sentence, const struct log_field *fields, unsigned count)
{
    log_line_begin(line, atomic_load(&out.json), level, area, sentence);
    if (request_id)
        log_line_field(line, &LOG_S("request_id", request_id));
    for (unsigned i = 0; i < count; i++)
        log_line_field(line, &fields[i]);
    log_line_end(line);
}

static _Thread_local struct {
    size_t len;
    unsigned lines;
    char bytes[GATHERED_MAX];
} gathered;

void log_flush(void)
{
    int saved_errno = errno;
    struct log_line line;
    if (gathered.len && !(tell_losses(&line) && write_text(gathered.bytes, gathered.len)))
        atomic_fetch_add(&out.lost, gathered.lines);
    gathered.len = gathered.lines = 0;
    errno = saved_errno;
}

void log_fields_soon(enum dg_level level, const char *area, const char *sentence,
                     const struct log_field *fields, unsigned count)
{
    struct log_line line;
    make_line(&line, level, area, sentence, fields, count);
    size_t most = atomic_load_explicit(&out.whole, memory_order_relaxed);
    if (gathered.len + line.len > most)
        log_flush();
    if (line.len > most) {
        log_fields(level, area, sentence, fields, count);
        return;
    }
    memcpy(gathered.bytes + gathered.len, line.bytes, line.len);
    gathered.len += line.len;
    gathered.lines++;
}

void log_fields(enum dg_level level, const char *area, const char *sentence,
                const struct log_field *fields, unsigned count)
{
    int saved_errno = errno;
    struct log_line line;
    log_flush();
    bool written = tell_losses(&line);
    if (written) {
        make_line(&line, level, area, sentence, fields, count);
        written = write_line(&line);
    }
    if (!written)
        atomic_fetch_add(&out.lost, 1);
    errno = saved_errno;
}

void log_vtext(enum dg_level level, const char *area, const char *instance, const char *fmt,
               va_list ap)
{
    if (!log_wants(level))
        return;
    char text[LOG_LINE_MAX];
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
        return;
    size_t len = strlen(text);
    while (len && text[len - 1] == '\n')
        text[--len] = '\0';
    struct log_field field = LOG_S("instance", instance);
    log_fields(level, area, text, &field, instance ? 1 : 0);
}
