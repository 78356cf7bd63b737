/* status.c - GET of one call: from its snapshot, or, when it is older, from the store. */
#include <stdlib.h>

#include "api/contact_center/private.h"
#include "base/mem.h"

struct look_up {
    char *id;
    enum dg_err err;
    char *message;
    struct buf body;
};

static void look_up_free(void *data)
{
    struct look_up *l = data;
    free(l->id);
    free(l->message);
    buf_free(&l->body);
    free(l);
}

/* What the control thread was asked for, and the hop that waits for it. */
struct waiting {
    struct hop *hop;
    struct look_up *look_up;
};

static void on_call(void *arg, const struct call_answer *answer)
{
    struct waiting *w = arg;
    w->look_up->err = answer->err;
    w->look_up->message = xstrdup(answer->message);
    if (answer->err == DG_OK)
        contact_center_render(answer->call, &w->look_up->body);
    hop_done(w->hop);
    free(w);
}

static void run(struct hop *hop, void *data)
{
    struct look_up *l = data;
    struct waiting *w = xmalloc(sizeof *w);
    *w = (struct waiting){hop, l};
    calls_get(((struct api *)hop_app(hop))->calls, l->id, on_call, w);
}

static void back(struct request *req, void *data)
{
    struct look_up *l = data;
    if (l->err == DG_OK)
        reply_json(req, 200, &l->body);
    else
        contact_center_problem(req, l->err, l->message);
}

static void from_snapshot(void *arg, const void *bytes, size_t len)
{
    reply_bytes(arg, 200, "application/json", bytes, len);
}

void contact_center_status(struct request *req)
{
    struct api *api = api_of(req);
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    if (check_failed(check))
        return;
    if (api->store_disabled) {
        contact_center_problem(req, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
        return;
    }
    const char *id = request_param(req, "call_id");
    if (snapshots_read(api->snapshots, request_thread(req), id, from_snapshot, req))
        return;
    struct look_up *l = xcalloc(1, sizeof *l);
    l->id = xstrdup(id);
    buf_init(&l->body, BUF_MAX);
    hop_start(req, l, run, back, look_up_free);
}
