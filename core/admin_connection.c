/* admin_connection.c - one connection of the control socket: a buffer each way,
 * requests in order. It is not read while its last request is under way, so
 * that a fast client fills its own pipe and not our memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin_numbers.h"
#include "admin_private.h"
#include "admin_verbs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/marks.h"
#include "data/transfer.h"

#define LINE_MAX_BYTES (64u << 10)
#define READ_BYTES     (64u << 10)
#define OUT_MAX        (1u << 30)
#define OUT_LOW        (256u << 10) /* below it the next page of an export is asked for */
#define DEPTH_MAX      4

struct connection {
    struct link link;
    struct admin *admin;
    int fd;
    struct loop_watch *watch;
    struct buf in, out;
    bool over;    /* the client has sent all */
    bool closing; /* once `out` is sent */
    struct admin_run *run;
    bool calling; /* inside admin_run */
    struct store_export *export;
    struct store_import *import;   /* what comes are documents */
    struct number_import *numbers; /* what comes is a file of numbers */
    int64_t campaign;              /* for which; 0: none */
    bool taking;                   /* some of what came is being taken */
    bool ending;                   /* these are the last */
    struct reload *reload;
};

/* Users are read again after an import; the connection may be gone by then. */
struct reload {
    struct connection *c;
    uint64_t documents;
};

/* ---- A connection's end ---------------------------------------------------------- */

static void connection_free(struct connection *c)
{
    if (c->run)
        admin_run_cancel(c->run);
    if (c->reload)
        c->reload->c = NULL;
    export_free(c->export);
    import_free(c->import);
    if (c->numbers)
        number_import_cancel(c->numbers);
    loop_watch_stop(c->watch);
    close(c->fd);
    if (c->in.ptr)
        explicit_bzero(c->in.ptr, c->in.cap); /* passwords went through it */
    buf_free(&c->in);
    buf_free(&c->out);
    list_remove(&c->link);
    c->admin->count--;
    free(c);
}

static bool busy(const struct connection *c)
{
    return c->run || c->export || c->taking || c->reload;
}

/* false: the connection is gone. */
static bool flush(struct connection *c)
{
    while (c->out.len) {
        ssize_t n = send(c->fd, c->out.ptr, c->out.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            connection_free(c);
            return false;
        }
        buf_consume(&c->out, (size_t)n);
    }
    if (c->out.over || (!c->out.len && (c->closing || (c->over && !busy(c))))) {
        connection_free(c);
        return false;
    }
    loop_watch_want(c->watch, (busy(c) || c->over ? 0 : DG_READ) | (c->out.len ? DG_WRITE : 0));
    return true;
}

static void answer(struct connection *c, const struct buf *reply)
{
    buf_add(&c->out, reply->ptr, reply->len);
    buf_addc(&c->out, '\n');
}

static void answer_error(struct connection *c, const char *why)
{
    struct buf reply;
    buf_init(&reply, BUF_MAX);
    admin_refusal(&reply, why);
    answer(c, &reply);
    buf_free(&reply);
}

static void answer_documents(struct connection *c, uint64_t documents)
{
    struct buf reply;
    struct json_writer w;
    buf_init(&reply, BUF_MAX);
    jw_init(&w, &reply);
    jw_object(&w, NULL);
    jw_bool(&w, "ok", true);
    jw_int(&w, "documents", (int64_t)documents);
    jw_end(&w);
    answer(c, &reply);
    buf_free(&reply);
}

/* ---- Export ------------------------------------------------------------------------ */

static void proceed(struct connection *c);

static void on_page(void *arg, const struct export_page *page)
{
    struct connection *c = arg;
    if (page->err == DG_OK && page->lines.len) {
        buf_add(&c->out, page->lines.ptr, page->lines.len);
    } else {
        export_free(c->export);
        c->export = NULL;
        if (page->err == DG_OK)
            answer_documents(c, page->documents);
        else
            answer_error(c, page->message);
    }
    proceed(c);
}

/* ---- Import ------------------------------------------------------------------------ */

static void import_answer(struct connection *c, const char *error, uint64_t documents)
{
    log_info("admin", "import", LOG_I("documents", documents), LOG_S("error", error));
    c->closing = true;
    if (error)
        answer_error(c, error);
    else
        answer_documents(c, documents);
    import_free(c->import); /* the sentence was its */
    c->import = NULL;
    proceed(c);
}

static void on_reloaded(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct reload *r = arg;
    struct connection *c = r->c;
    const uint64_t documents = r->documents;
    (void)user;
    free(r);
    if (!c)
        return;
    c->reload = NULL;
    import_answer(c, err == DG_OK ? NULL : message, documents);
}

static void import_done(struct connection *c, uint64_t documents)
{
    struct users *users = c->admin->config.users;
    if (!users) {
        import_answer(c, NULL, documents);
        return;
    }
    c->reload = xmalloc(sizeof *c->reload);
    *c->reload = (struct reload){c, documents};
    mark_raise(c->admin->config.store, MARK_USERS, NULL, NULL);
    mark_raise(c->admin->config.store, MARK_TOKENS, NULL, NULL);
    users_load(users, on_reloaded, c->reload);
}

static void on_import(void *arg, const struct import_state *state)
{
    struct connection *c = arg;
    c->taking = false;
    if (state->err != DG_OK)
        import_answer(c, state->message, state->documents);
    else if (c->ending)
        import_done(c, state->documents);
    else
        proceed(c);
}

/* false: there is nothing to take now. */
static bool import_some(struct connection *c)
{
    if (!c->in.len && !c->over)
        return false;
    c->taking = true;
    c->ending = !c->in.len;
    if (c->ending)
        import_end(c->import);
    else
        import_bytes(c->import, (struct dg_bytes){c->in.ptr, c->in.len});
    buf_clear(&c->in);
    return true;
}

/* ---- A file of numbers --------------------------------------------------------------- */

static void on_taken(void *arg)
{
    struct connection *c = arg;
    c->taking = false;
    proceed(c);
}

static void on_numbers(void *arg, const struct number_import_result *result)
{
    struct connection *c = arg;
    const struct admin_config *config = &c->admin->config;
    struct buf reply;
    c->taking = false;
    c->numbers = NULL;
    c->closing = true;
    log_info("admin", "numbers imported", LOG_I("campaign", c->campaign),
             LOG_I("accepted", result->accepted), LOG_I("wrong", result->wrong),
             LOG_S("error", result->message));
    if (result->accepted && c->campaign && config->numbers_added)
        config->numbers_added(config->arg, c->campaign);
    buf_init(&reply, BUF_MAX);
    admin_numbers_answer(result, &reply);
    answer(c, &reply);
    buf_free(&reply);
    proceed(c);
}

static void numbers_begin(struct connection *c, const json_t *request)
{
    const char *why, *campaign = json_get_str(request, "campaign");
    if (!campaign || !str_to_int(campaign, &c->campaign))
        c->campaign = 0;
    c->numbers = admin_numbers_import(&c->admin->config, request, on_numbers, c, &why);
    if (c->numbers)
        return;
    answer_error(c, why);
    c->closing = true; /* what comes behind it is no request */
}

/* false: there is nothing to take now. */
static bool numbers_some(struct connection *c)
{
    if (!c->in.len && !c->over)
        return false;
    c->taking = true;
    if (c->in.len) {
        char *bytes = xmalloc(c->in.len);
        memcpy(bytes, c->in.ptr, c->in.len);
        number_import_bytes(c->numbers, bytes, c->in.len, on_taken);
        buf_clear(&c->in);
    } else {
        number_import_end(c->numbers);
    }
    return true;
}

/* ---- Requests ------------------------------------------------------------------------ */

static void on_reply(void *arg, const struct buf *reply)
{
    struct connection *c = arg;
    answer(c, reply);
    if (c->calling)
        return;
    c->run = NULL;
    proceed(c);
}

static void request(struct connection *c, const char *line, size_t len)
{
    char why[JSON_WHY_SIZE];
    json_t *json = json_parse(line, len, DEPTH_MAX, why);
    const char *verb = json_get_str(json, "verb");
    if (!json) {
        answer_error(c, why);
    } else if (str_eq(verb, "export")) {
        c->export = export_new(c->admin->config.store, on_page, c);
    } else if (str_eq(verb, "import")) {
        c->import = import_new(c->admin->config.store, on_import, c);
    } else if (str_eq(verb, "numbers.import")) {
        numbers_begin(c, json);
    } else {
        c->calling = true;
        c->run = admin_run(&c->admin->config, json, on_reply, c);
        c->calling = false;
    }
    json_decref(json);
}

/* false: there is no whole line. */
static bool request_next(struct connection *c)
{
    char *end = c->in.len ? memchr(c->in.ptr, '\n', c->in.len) : NULL;
    if (!end && c->in.len >= LINE_MAX_BYTES) {
        answer_error(c, "the request is longer than 64 KiB");
        c->closing = true;
    }
    if (!end)
        return false;
    size_t len = (size_t)(end - c->in.ptr);
    request(c, c->in.ptr, len);
    explicit_bzero(c->in.ptr, len);
    buf_consume(&c->in, len + 1);
    return true;
}

/* false: there is nothing to do now. */
static bool next(struct connection *c)
{
    return c->import ? import_some(c) : c->numbers ? numbers_some(c) : request_next(c);
}

static void proceed(struct connection *c)
{
    while (!busy(c) && !c->closing && next(c))
        ;
    if (flush(c) && c->export && c->out.len < OUT_LOW)
        export_next(c->export);
}

/* ---- The socket ------------------------------------------------------------------------ */

static void read_some(struct connection *c)
{
    char *room = buf_reserve(&c->in, READ_BYTES);
    ssize_t n = room ? recv(c->fd, room, READ_BYTES, 0) : 0;
    if (n > 0)
        c->in.len += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        c->over = true;
}

static void on_ready(void *arg, unsigned ready)
{
    struct connection *c = arg;
    if ((ready & DG_READ) && !busy(c) && !c->over)
        read_some(c);
    proceed(c);
}

void admin_serve(struct admin *a, int fd)
{
    struct connection *c = xcalloc(1, sizeof *c);
    c->admin = a;
    c->fd = fd;
    buf_init(&c->in, LINE_MAX_BYTES + READ_BYTES);
    buf_init(&c->out, OUT_MAX);
    c->watch = loop_watch(a->config.loop, fd, DG_READ, on_ready, c);
    list_append(&a->connections, &c->link);
    a->count++;
}

void connections_close(struct admin *a)
{
    while (!list_empty(&a->connections))
        connection_free(list_item(a->connections.next, struct connection, link));
}
