/* rest.c - see rest.h. */
#include "rest.h"

#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/text.h"
#include "snapshot.h"

struct request {
    struct request *next, *before;
    struct ari *a;
    struct dg_op *op;
    struct dg_http *http;
    struct dg_timer *delay;
    struct text url, body;
    char method[8];
    uint64_t timeout_ms;
    size_t max_body;
    bool urgent;
    char *leg; /* that it is about, or NULL */
    unsigned again;
    void (*part)(struct ari *a, void *arg, struct dg_bytes part);
    rest_fn *then;
    void *arg;
};

/* A leg is answered a moment before it is under control: whoever orders something in that moment
 * is told 409, and would not be told so a moment later. */
enum { AGAIN_TRIES = 10, AGAIN_WAIT_MS = 25, AGAIN_YOUNG_MS = 1000 };

/* What Asterisk's statuses mean to whoever asked. Wrong credentials are the gateway's own. */
static const struct {
    int status;
    enum dg_err err;
} errors[] = {
    {400, DG_EINVAL},    {404, DG_ENOTFOUND},    {409, DG_ECONFLICT},    {412, DG_ECONFLICT},
    {422, DG_ECONFLICT}, {501, DG_EUNSUPPORTED}, {503, DG_EUNAVAILABLE},
};

static enum dg_err error_of(int status)
{
    if (status >= 200 && status < 300)
        return DG_OK;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].status == status)
            return errors[i].err;
    return DG_EUPSTREAM;
}

void rest_fail(struct ari *a, struct dg_op *op, const struct rest_reply *r)
{
    if (!r->status && r->err == DG_ELIMIT)
        a->h->fail(op, r->err, "too many requests are waiting for ARI");
    else if (!r->status)
        a->h->fail(op, r->err, "Unable to connect to ARI");
    else if (text_same(r->words, "Channel not in Stasis application"))
        a->h->fail(op, r->err,
                   "the call runs in the dialplan; ARI does this only with one that is under the "
                   "gateway's control");
    else if (r->words)
        a->h->fail(op, r->err, "ARI error %d: %s", r->status, r->words);
    else
        a->h->fail(op, r->err, "ARI error %d", r->status);
}

static void conclude(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    (void)arg;
    if (!op)
        return;
    if (r->err)
        rest_fail(a, op, r);
    else
        a->h->done(op);
}

static void release(struct request *q)
{
    text_free(&q->url);
    text_free(&q->body);
    free(q->leg);
    free(q);
}

/* ---- Under way ------------------------------------------------------------------ */

static void put(struct request **list, struct request *q)
{
    q->before = NULL;
    q->next = *list;
    if (*list)
        (*list)->before = q;
    *list = q;
}

static void take(struct request **list, struct request *q)
{
    *(q->before ? &q->before->next : list) = q->next;
    if (q->next)
        q->next->before = q->before;
    q->next = q->before = NULL;
}

static void start(struct request *q);

static void start_waiting(struct ari *a)
{
    struct rest *rest = &a->rest;
    while (rest->first && rest->sent_count < a->config.max_connections && !a->closing) {
        struct request *q = rest->first;
        rest->first = q->next;
        rest->waiting_count--;
        start(q);
    }
}

static void delay(struct request *q, uint64_t ms);

/* Whether a refusal may be but one of the moment. */
static bool is_early(const struct request *q)
{
    const struct ari *a = q->a;
    const struct leg *leg = q->leg ? legs_named(&a->events.life.legs, q->leg) : NULL;
    return leg && !leg->controlled && leg->answered_at_ms &&
           a->h->unix_ms(a->h) - leg->answered_at_ms < AGAIN_YOUNG_MS;
}

static void on_answer(void *arg, const struct dg_http_response *res)
{
    struct request *q = arg;
    struct ari *a = q->a;
    struct rest_reply r = {.err = res->err, .body = res->body};
    json_t *json = NULL;
    take(&a->rest.sent, q);
    a->rest.sent_count--;
    if (!res->err && res->status == 409 && q->again < AGAIN_TRIES && is_early(q) && !a->closing) {
        q->again++;
        delay(q, AGAIN_WAIT_MS);
        start_waiting(a);
        return;
    }
    if (!res->err) {
        r.status = res->status;
        r.err = error_of(res->status);
        json =
            res->body.len ? json_loadb(res->body.ptr, res->body.len, JSON_DECODE_ANY, NULL) : NULL;
        r.json = json;
        r.words = json_text(json, "message");
        if (!r.words)
            r.words = json_text(json, "error");
    } else {
        a->h->log(a->h, DG_DEBUG, "%s %s: %s", q->method, q->url.at,
                  res->message ? res->message : "no answer");
        if (res->err != DG_ETIMEOUT && res->err != DG_EUNAVAILABLE) {
            r.err = DG_EUNAVAILABLE;
            r.words = res->message; /* a certificate that is not trusted, for one */
        }
    }
    q->then(a, q->op, &r, q->arg);
    json_decref(json);
    release(q);
    start_waiting(a);
}

static void on_part(void *arg, struct dg_bytes part)
{
    const struct request *q = arg;
    q->part(q->a, q->arg, part);
}

static void start(struct request *q)
{
    struct ari *a = q->a;
    /* Connections beyond the number to be kept are not used again. */
    const struct dg_kv headers[] = {
        {"Accept", "application/json"},
        {q->body.at ? "Content-Type" : "Accept", "application/json"},
        {"Connection", "close"},
    };
    size_t first = q->body.at ? 0 : 1;
    bool extra = a->rest.sent_count >= a->config.max_keepalive;
    put(&a->rest.sent, q);
    a->rest.sent_count++;
    a->h->metric_add(a->request_count, 1);
    q->http = a->h->http_start(a->h,
                               &(struct dg_http_request){
                                   DG_SIZED(struct dg_http_request),
                                   .method = q->method,
                                   .url = q->url.at,
                                   .headers = headers + first,
                                   .header_count = (extra ? 3 : 2) - first,
                                   .body = {q->body.at, q->body.len},
                                   .user = a->config.user,
                                   .password = a->config.password,
                                   .timeout_ms = q->timeout_ms,
                                   /* After a 409 Asterisk repeats it on the same connection. */
                                   .close_on_status = 409,
                                   .tls_no_verify = a->config.tls_no_verify,
                                   .ca_file = a->config.ca_file,
                                   .max_body = q->max_body,
                                   .part = q->part ? on_part : NULL,
                               },
                               on_answer, q);
}

/* ---- Building --------------------------------------------------------------------- */

static void add_query(struct text *url, const struct rest_call *call)
{
    char mark = '?';
    for (size_t i = 0; i < sizeof call->query / sizeof *call->query && call->query[i].key; i++) {
        if (!call->query[i].value)
            continue;
        text_add(url, &mark, 1);
        text_encoded(url, call->query[i].key);
        text_add(url, "=", 1);
        text_encoded(url, call->query[i].value);
        mark = '&';
    }
}

static void add_body(struct text *body, json_t *json)
{
    char *dump = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    text_puts(body, dump ? dump : "{}");
    free(dump);
}

static struct request *build(struct ari *a, struct dg_op *op, const struct rest_call *call,
                             const char *path)
{
    struct request *q = text_alloc(sizeof *q);
    const char *method = call->method ? call->method : "GET";
    q->a = a;
    q->op = op;
    q->then = call->then ? call->then : conclude;
    q->arg = call->arg;
    q->part = call->part;
    q->timeout_ms = call->timeout_ms ? call->timeout_ms : a->config.request_ms;
    q->max_body = call->max_body;
    q->urgent = call->urgent;
    memcpy(q->method, method, strnlen(method, sizeof q->method - 1));
    text_puts(&q->url, a->config.base);
    text_puts(&q->url, "/");
    text_puts(&q->url, path);
    add_query(&q->url, call);
    if (call->body)
        add_body(&q->body, call->body);
    return q;
}

static void refuse(struct ari *a, struct request *q, enum dg_err err)
{
    q->then(a, q->op, &(struct rest_reply){.err = err}, q->arg);
    release(q);
}

static void send_or_wait(struct request *q)
{
    struct ari *a = q->a;
    struct rest *rest = &a->rest;
    if (a->closing) {
        refuse(a, q, DG_EUNAVAILABLE);
    } else if (q->urgent || (!rest->first && rest->sent_count < a->config.max_connections)) {
        start(q); /* whoever sends from inside an answer does not overtake those that wait */
    } else if (rest->waiting_count >= REST_WAITING) {
        refuse(a, q, DG_ELIMIT);
    } else {
        *(rest->first ? &rest->last->next : &rest->first) = q;
        rest->last = q;
        rest->waiting_count++;
    }
}

static void on_delay(void *arg)
{
    struct request *q = arg;
    q->delay = NULL;
    take(&q->a->rest.delayed, q);
    send_or_wait(q);
}

static void delay(struct request *q, uint64_t ms)
{
    put(&q->a->rest.delayed, q);
    q->delay = q->a->h->timer_start(q->a->h, ms, on_delay, q);
}

static void send_path(struct ari *a, struct dg_op *op, const struct rest_call *call,
                      const char *path, const char *leg)
{
    struct request *q = build(a, op, call, path);
    json_decref(call->body);
    q->leg = text_copy(leg);
    if (call->delay_ms && !a->closing)
        delay(q, call->delay_ms);
    else
        send_or_wait(q);
}

void rest_send_path(struct ari *a, struct dg_op *op, const struct rest_call *call, const char *path)
{
    send_path(a, op, call, path, NULL);
}

void rest_send(struct ari *a, struct dg_op *op, const struct rest_call *call)
{
    struct text path = {0};
    text_puts(&path, "");
    for (size_t i = 0; i < sizeof call->path / sizeof *call->path && call->path[i]; i++) {
        if (i)
            text_puts(&path, "/");
        /* A piece of dots only would climb in the path. */
        if (call->path[i][strspn(call->path[i], ".")] == '\0')
            text_puts(&path, "%20");
        text_encoded(&path, call->path[i]);
    }
    /* Something that is done to a leg, not the leg's own beginning or end. */
    bool is_order = call->path[0] && text_same(call->path[0], "channels") && call->path[2];
    send_path(a, op, call, path.at, is_order ? call->path[1] : NULL);
    text_free(&path);
}

void rest_close(struct ari *a)
{
    struct rest *rest = &a->rest;
    struct request *q;
    while ((q = rest->sent)) {
        take(&rest->sent, q);
        rest->sent_count--;
        a->h->http_stop(a->h, q->http);
        refuse(a, q, DG_EUNAVAILABLE);
    }
    while ((q = rest->delayed)) {
        take(&rest->delayed, q);
        a->h->timer_stop(a->h, q->delay);
        refuse(a, q, DG_EUNAVAILABLE);
    }
    while ((q = rest->first)) {
        rest->first = q->next;
        rest->waiting_count--;
        refuse(a, q, DG_EUNAVAILABLE);
    }
}
