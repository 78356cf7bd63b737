/* keys.c - what the far end presses, at its pace, while it is under control. */
#include "mock.h"

static void on_key(void *arg);

static void wait(struct mock_call *c)
{
    const struct dg_host *h = c->mock->h;
    if (c->keys && *c->keys)
        c->key_timer = h->timer_start(h, (uint64_t)c->mock->key_ms, on_key, c);
}

static void on_key(void *arg)
{
    struct mock_call *c = arg;
    const char digit[] = {*c->keys++, '\0'};
    c->key_timer = NULL;
    wait(c);
    if (digit[0] != ',')
        call_emit(c, (struct dg_event){.type = DG_CALL_DTMF, .text = digit});
}

void keys_begin(struct mock_call *c)
{
    if (!c->key_timer)
        wait(c);
}

void keys_end(struct mock_call *c)
{
    c->mock->h->timer_stop(c->mock->h, c->key_timer);
    c->key_timer = NULL;
}
