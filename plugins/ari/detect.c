/* detect.c - a person or an answering machine? ARI has no detection: the leg is sent to a context
 * of the dialplan (conf/asterisk/dialgate-amd.conf) which runs AMD and sends it back to the
 * application with the result (events_media.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/detection.h"
#include "asterisk/text.h"
#include "snapshot.h"

#define LACKS "the dialplan has no context " DETECT_CONTEXT ": see conf/asterisk/dialgate-amd.conf"

enum { VARIABLES = 3 };

struct detecting {
    char *call;
    char *values[VARIABLES];
    unsigned set;
};

static void set_next(struct ari *a, struct dg_op *op, struct detecting *d);

static void detecting_free(struct detecting *d)
{
    free(d->call);
    for (size_t i = 0; i < VARIABLES; i++)
        free(d->values[i]);
    free(d);
}

static void on_set(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct detecting *d = arg;
    if (r->err) {
        rest_fail(a, op, r);
        detecting_free(d);
        return;
    }
    d->set++;
    set_next(a, op, d);
}

/* One after the other, each behind the one before it in the orders of the leg's thread. */
static void set_next(struct ari *a, struct dg_op *op, struct detecting *d)
{
    static const char *const names[VARIABLES] = {"DIALGATE_AMD", "DIALGATE_SILENCE",
                                                 "DIALGATE_APP"};
    if (d->set < VARIABLES) {
        rest_send(a, op,
                  &(struct rest_call){
                      .method = "POST",
                      .path = {"channels", d->call, "variable"},
                      .query = {{"variable", names[d->set]}, {"value", d->values[d->set]}},
                      .then = on_set,
                      .arg = d});
        return;
    }
    rest_send(a, op,
              &(struct rest_call){
                  .method = "POST",
                  .path = {"channels", d->call, "continue"},
                  .query = {{"context", DETECT_CONTEXT}, {"extension", "s"}, {"priority", "1"}}});
    detecting_free(d);
}

static void on_place(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct detecting *d = arg;
    if (!r->err && !text_same(json_text(r->json, "value"), "0")) {
        set_next(a, op, d);
        return;
    }
    if (r->err && r->status != 404 && r->status != 500)
        rest_fail(a, op, r);
    else if (r->err && !legs_named(&a->events.life.legs, d->call))
        a->h->fail(op, DG_ENOTFOUND, "there is no such call");
    else if (r->err) /* it cannot evaluate the function: and would end a call that it sends astray
                      */
        a->h->fail(op, DG_EUNSUPPORTED,
                   "Asterisk cannot be asked for its dialplan: "
                   "func_dialplan.so is not loaded");
    else
        a->h->fail(op, DG_EUNSUPPORTED, LACKS);
    detecting_free(d);
}

void ari_detect(void *self, const struct dg_detect *req, struct dg_op *op)
{
    struct ari *a = self;
    char text[DETECTION_TEXT];
    const struct leg *leg = legs_named(&a->events.life.legs, req->call);
    if (!leg || leg->ended || !leg->controlled) {
        a->h->fail(op, leg && !leg->ended ? DG_ECONFLICT : DG_ENOTFOUND, "%s",
                   leg && !leg->ended ? "the call is not under the gateway's control"
                                      : "there is no such call");
        return;
    }
    if (a->config.own_only)
        ari_observe(a, "channel:", leg->id);
    struct detecting *d = text_alloc(sizeof *d);
    d->call = text_copy(leg->id);
    d->values[0] = text_copy(detection_arguments(req, text));
    d->values[1] = text_copy(detection_silence(req, text));
    d->values[2] = text_copy(a->config.app);
    rest_send(
        a, op,
        &(struct rest_call){.path = {"channels", d->call, "variable"},
                            .query = {{"variable", "DIALPLAN_EXISTS(" DETECT_CONTEXT ",s,1)"}},
                            .then = on_place,
                            .arg = d});
}
