/* detect.c - whether a person or a machine has answered: what the number's rule says, after a
 * while. One that hangs up meanwhile is not told of.
 */
#include "mock.h"

#include <string.h>

static void on_heard(void *arg);

static void tell_variables(struct mock_call *c)
{
    const struct dg_kv found[] = {{"AMDSTATUS", c->amd}, {"AMDCAUSE", "PLAYED-0-0"}};
    for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++) {
        variable_set(&c->variables, found[i].key, found[i].value);
        call_emit(c, (struct dg_event){
                         .type = DG_CALL_VARIABLE, .text = found[i].key, .target = found[i].value});
    }
}

static void wait(struct mock_call *c)
{
    const struct dg_host *h = c->mock->h;
    c->amd_timer = h->timer_start(h, (uint64_t)c->mock->detect_ms, on_heard, c);
}

static void on_heard(void *arg)
{
    struct mock_call *c = arg;
    c->amd_timer = NULL;
    if (c->amd_waits && !c->amd_silent && strcmp(c->amd, "MACHINE") == 0) {
        c->amd_silent = true;
        wait(c);
        return;
    }
    tell_variables(c);
    call_emit(c, (struct dg_event){.type = DG_CALL_DETECTED,
                                   .text = c->amd,
                                   .target = "PLAYED-0-0",
                                   .on = c->amd_silent});
}

void mock_detect(void *self, const struct dg_detect *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_call *c = call_or_fail(m, req->call, true, op);
    if (!c)
        return;
    if (!c->controlled || c->amd_timer) {
        m->h->fail(op, DG_ECONFLICT, "the call is not under control, or is listened to already");
        return;
    }
    c->amd_waits = req->silence_ms != 0;
    c->amd_silent = false;
    wait(c);
    m->h->done(op);
}

void detect_end(struct mock_call *c)
{
    c->mock->h->timer_stop(c->mock->h, c->amd_timer);
    c->amd_timer = NULL;
}
