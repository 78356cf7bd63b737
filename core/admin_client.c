/* admin_client.c - blocking, with a limit to its patience; see admin_client.h. */
#include "admin_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define PATIENCE_MS    60000
#define ANSWER_MAX     (256u << 20) /* of a line: a document, or the list of users */
#define DEPTH_MAX      8
#define CHUNK          65536
#define PROGRESS_EVERY 1000 /* documents */

struct client {
    int fd;
    struct buf in;
    struct problem *problem;
};

int client_connect(const char *path, struct problem *problem)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        problem_set(problem, DG_EINVAL, "the control socket's path has more than %zu bytes: %s",
                    sizeof address.sun_path - 1, path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
    problem_set(problem, nobody ? DG_ENOTFOUND : DG_EDENIED, "the control socket %s: %s", path,
                strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool lost(struct client *c, const char *why)
{
    problem_set(c->problem, DG_EUNAVAILABLE, "the gateway's control socket: %s", why);
    return false;
}

/* Waits for any of `events`; 0: patience is over. */
static short wait_for(struct client *c, short events)
{
    struct pollfd p = {.fd = c->fd, .events = events};
    int rc;
    do
        rc = poll(&p, 1, PATIENCE_MS);
    while (rc < 0 && errno == EINTR);
    return rc > 0 ? p.revents : 0;
}

static bool send_all(struct client *c, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return lost(c, strerror(errno));
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* Reads until a line is whole; its length without the newline, or -1. */
static ssize_t read_line(struct client *c)
{
    size_t seen = 0;
    for (;;) {
        const char *end =
            c->in.len > seen ? memchr(c->in.ptr + seen, '\n', c->in.len - seen) : NULL;
        if (end)
            return end - c->in.ptr;
        seen = c->in.len;
        char *room = buf_reserve(&c->in, CHUNK);
        if (!room || !wait_for(c, POLLIN)) {
            lost(c, room ? "no answer" : "the answer is too long");
            return -1;
        }
        ssize_t n = recv(c->fd, room, CHUNK, 0);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            lost(c, n ? strerror(errno) : "it was closed before the answer");
            return -1;
        }
        c->in.len += n > 0 ? (size_t)n : 0;
    }
}

/* The next line, which is an answer, good or bad. NULL: the problem is set. */
static json_t *get_any_answer(struct client *c)
{
    ssize_t len = read_line(c);
    if (len < 0)
        return NULL;
    json_t *answer = json_parse(c->in.ptr, (size_t)len, DEPTH_MAX, NULL);
    buf_consume(&c->in, (size_t)len + 1);
    if (!answer)
        lost(c, "its answer makes no sense");
    return answer;
}

/* A good one. NULL: the problem is set. */
static json_t *get_answer(struct client *c)
{
    json_t *answer = get_any_answer(c);
    if (!answer)
        return NULL;
    if (json_get_bool(answer, "ok", false))
        return answer;
    const char *error = json_get_str(answer, "error");
    problem_set(c->problem, DG_EINVAL, "%s", error ? error : "the gateway's answer makes no sense");
    json_decref(answer);
    return NULL;
}

static bool send_request(struct client *c, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    const size_t len = strlen(text);
    text[len] = '\n'; /* in the place of the NUL */
    bool sent = send_all(c, text, len + 1);
    explicit_bzero(text, len + 1);
    free(text);
    return sent;
}

static void client_begin(struct client *c, int fd, struct problem *problem)
{
    *c = (struct client){.fd = fd, .problem = problem};
    buf_init(&c->in, ANSWER_MAX);
}

static json_t *ask(int fd, const json_t *request, json_t *(*get)(struct client *c),
                   struct problem *problem)
{
    struct client c;
    client_begin(&c, fd, problem);
    send_request(&c, request); /* who does not take it may have said why */
    json_t *answer = get(&c);
    buf_free(&c.in);
    return answer;
}

json_t *client_ask(int fd, const json_t *request, struct problem *problem)
{
    return ask(fd, request, get_answer, problem);
}

json_t *client_ask_any(int fd, const json_t *request, struct problem *problem)
{
    return ask(fd, request, get_any_answer, problem);
}

/* ---- Export and import ---------------------------------------------------------- */

static bool send_verb(struct client *c, const char *verb)
{
    json_t *request = json_pack("{s:s}", "verb", verb);
    bool sent = send_request(c, request);
    json_decref(request);
    return sent;
}

static bool take_documents(json_t *answer, int64_t *documents)
{
    const bool good = answer != NULL;
    *documents = json_get_int(answer, "documents", 0);
    json_decref(answer);
    return good;
}

/* Documents have a member "collection"; looked for at the start, where the gateway puts it. */
static bool is_document(const char *line, size_t len)
{
    static const char head[] = "{\"collection\":";
    return len >= sizeof head - 1 && memcmp(line, head, sizeof head - 1) == 0;
}

static bool export_lines(struct client *c, FILE *out, client_progress_fn *progress)
{
    ssize_t len;
    int64_t documents = 0;
    while ((len = read_line(c)) >= 0 && is_document(c->in.ptr, (size_t)len)) {
        const size_t size = (size_t)len + 1;
        if (fwrite(c->in.ptr, 1, size, out) != size) {
            problem_set(c->problem, DG_EINTERNAL, "the output cannot be written: %s",
                        strerror(errno));
            return false;
        }
        buf_consume(&c->in, size);
        if (++documents % PROGRESS_EVERY == 0 && progress)
            progress(documents);
    }
    return len >= 0;
}

bool client_export(int fd, FILE *out, client_progress_fn *progress, int64_t *documents,
                   struct problem *problem)
{
    struct client c;
    client_begin(&c, fd, problem);
    bool sent = send_verb(&c, "export") && export_lines(&c, out, progress);
    json_t *answer = sent ? get_answer(&c) : NULL;
    buf_free(&c.in);
    if (answer && fflush(out) != 0) {
        problem_set(problem, DG_EINTERNAL, "the output cannot be written: %s", strerror(errno));
        json_decref(answer);
        return false;
    }
    return take_documents(answer, documents);
}

/* A gateway that refuses a document answers early and stops reading. */
static bool answered_early(struct client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

static int64_t count_lines(const char *chunk, size_t len)
{
    int64_t lines = 0;
    for (const char *end = chunk + len; (chunk = memchr(chunk, '\n', (size_t)(end - chunk)));)
        chunk++, lines++;
    return lines;
}

static bool import_lines(struct client *c, FILE *in, client_progress_fn *progress)
{
    char *chunk = xmalloc(CHUNK);
    size_t n;
    int64_t sent = 0, told = 0;
    bool good = true;
    while (good && !answered_early(c) && (n = fread(chunk, 1, CHUNK, in)) > 0) {
        good = send_all(c, chunk, n);
        sent += count_lines(chunk, n);
        if (progress && sent - told >= PROGRESS_EVERY)
            progress(told = sent);
    }
    free(chunk);
    if (ferror(in)) {
        problem_set(c->problem, DG_EINTERNAL, "the input cannot be read: %s", strerror(errno));
        return false;
    }
    shutdown(c->fd, SHUT_WR);
    return true; /* what a broken pipe means, the answer says */
}

json_t *client_upload(int fd, const json_t *request, FILE *in, client_progress_fn *progress,
                      struct problem *problem)
{
    struct client c;
    client_begin(&c, fd, problem);
    bool sent = send_request(&c, request) && import_lines(&c, in, progress);
    json_t *answer = sent ? get_any_answer(&c) : NULL;
    buf_free(&c.in);
    return answer;
}

bool client_import(int fd, FILE *in, client_progress_fn *progress, int64_t *documents,
                   struct problem *problem)
{
    struct client c;
    client_begin(&c, fd, problem);
    bool sent = send_verb(&c, "import") && import_lines(&c, in, progress);
    json_t *answer = sent ? get_answer(&c) : NULL;
    buf_free(&c.in);
    return take_documents(answer, documents);
}
