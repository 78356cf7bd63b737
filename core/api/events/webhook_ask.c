/* webhook_ask.c - see webhooks_private.h. */
#include "api/events/webhooks_private.h"

#include <stdlib.h>
#include <string.h>

#include "api/contact_center/private.h"
#include "base/mem.h"
#include "base/str.h"

struct webhook_ask *webhook_ask_new(struct request *req)
{
    struct webhook_ask *a = xcalloc(1, sizeof *a);
    a->arena = arena_new();
    a->status = 200;
    a->id = arena_strdup(a->arena, request_param(req, "id"));
    a->delivery = arena_strdup(a->arena, request_param(req, "delivery"));
    buf_init(&a->body, BUF_MAX);
    return a;
}

void webhook_ask_free(void *ask)
{
    struct webhook_ask *a = ask;
    if (a->body.ptr)
        explicit_bzero(a->body.ptr, a->body.len);
    arena_free(a->arena);
    buf_free(&a->body);
    free(a);
}

static void back(struct request *req, void *data)
{
    struct webhook_ask *a = data;
    if (a->err != DG_OK)
        contact_center_problem(req, a->err, a->message);
    else if (a->body.len)
        reply_json(req, a->status, &a->body);
    else
        reply_empty(req, 204);
}

void webhook_ask_start(struct request *req, struct webhook_ask *a, hop_run_fn *run)
{
    hop_start(req, a, run, back, webhook_ask_free);
}

void webhook_ask_failed(struct webhook_ask *a, enum dg_err err, const char *message)
{
    a->err = err;
    a->message = arena_strdup(a->arena, message);
}

struct webhooks *webhooks_of(struct hop *hop)
{
    return ((struct api *)hop_app(hop))->webhooks;
}
