/* bridges.c - legs that talk to each other. */
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/text.h"

static bool is_one_id(const char *s)
{
    return text_is_plain(s, DG_ID_MAX) && !strchr(s, ','); /* a comma would make two of it */
}

static void on_added(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct rest_reply reply = *r;
    (void)arg;
    if (r->status == 400)
        reply.err = DG_ENOTFOUND; /* "Channel not found" */
    if (r->err)
        rest_fail(a, op, &reply);
    else
        a->h->done(op);
}

static void bridge_leg(struct ari *a, struct dg_op *op, const struct dg_bridge_leg *req,
                       const char *verb)
{
    if (!is_one_id(req->call)) {
        a->h->fail(op, DG_ENOTFOUND, "no such call");
        return;
    }
    rest_send(a, op,
              &(struct rest_call){.method = "POST",
                                  .path = {"bridges", req->bridge, verb},
                                  .query = {{"channel", req->call}},
                                  .then = on_added});
}

void ari_bridge_add(void *self, const struct dg_bridge_leg *req, struct dg_op *op)
{
    bridge_leg(self, op, req, "addChannel");
}

void ari_bridge_remove(void *self, const struct dg_bridge_leg *req, struct dg_op *op)
{
    bridge_leg(self, op, req, "removeChannel");
}

/* Its beginning is not reported to who only has the events of his own. */
static void on_bridge_created(struct ari *a, struct dg_op *op, const struct rest_reply *r,
                              void *arg)
{
    char *bridge = arg;
    if (!r->err && a->config.own_only) {
        ari_observe(a, "bridge:", bridge);
        a->h->emit(a->h, &(struct dg_event){DG_SIZED(struct dg_event), .type = DG_BRIDGE_STARTED,
                                            .bridge = bridge});
    }
    free(bridge);
    if (r->err)
        rest_fail(a, op, r);
    else
        a->h->done(op);
}

/* Asterisk itself takes the cheaper way while only two are in it. */
void ari_bridge_create(void *self, const struct dg_bridge_new *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){
                  .method = "POST",
                  .path = {"bridges"},
                  .query = {{"type", "mixing"}, {"bridgeId", req->bridge}, {"name", req->name}},
                  .then = on_bridge_created,
                  .arg = text_copy(req->bridge)});
}

void ari_bridge_destroy(void *self, const struct dg_bridge_ref *req, struct dg_op *op)
{
    rest_send(self, op, &(struct rest_call){.method = "DELETE", .path = {"bridges", req->bridge}});
}

static void on_dissolved(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    (void)a;
    (void)op;
    (void)r;
    (void)arg;
}

void ari_bridge_dissolve(struct ari *a, const char *bridge)
{
    rest_send(
        a, NULL,
        &(struct rest_call){.method = "DELETE", .path = {"bridges", bridge}, .then = on_dissolved});
}

/* ---- Join: a bridge of its own, gone when one of the two leaves ---------------------- */

struct join {
    char *call, *other, *bridge;
};

static void join_free(struct join *j)
{
    free(j->call);
    free(j->other);
    free(j->bridge);
    free(j);
}

static void on_joined(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct join *j = arg;
    if (r->err)
        ari_bridge_dissolve(a, j->bridge);
    on_added(a, op, r, NULL);
    join_free(j);
}

static void on_created(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct join *j = arg;
    struct text both = {0};
    if (r->err && r->status != 409) { /* 409: one of an earlier join, still there */
        rest_fail(a, op, r);
        join_free(j);
        return;
    }
    text_puts(&both, j->call);
    text_puts(&both, ",");
    text_puts(&both, j->other);
    rest_send(a, op,
              &(struct rest_call){.method = "POST",
                                  .path = {"bridges", j->bridge, "addChannel"},
                                  .query = {{"channel", both.at}},
                                  .then = on_joined,
                                  .arg = j});
    text_free(&both);
}

void ari_join(void *self, const struct dg_join *req, struct dg_op *op)
{
    struct ari *a = self;
    if (!is_one_id(req->call) || !is_one_id(req->other)) {
        a->h->fail(op, DG_ENOTFOUND, "no such call");
        return;
    }
    struct join *j = text_alloc(sizeof *j);
    struct text bridge = {0};
    text_puts(&bridge, JOIN_PREFIX);
    text_puts(&bridge, req->call);
    j->call = text_copy(req->call);
    j->other = text_copy(req->other);
    j->bridge = bridge.at;
    rest_send(a, op,
              &(struct rest_call){.method = "POST",
                                  .path = {"bridges"},
                                  .query = {{"type", "mixing"}, {"bridgeId", j->bridge}},
                                  .then = on_created,
                                  .arg = j});
}
