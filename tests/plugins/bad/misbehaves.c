/* misbehaves.c - a backend that breaks the rules while it runs, as the
 * endpoint of originate, or `close_how`, says. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dialgate/backend.h"

struct plugin {
    const struct dg_host *h;
    struct dg_op *kept; /* an op that is not ended in time */
    const char *close_how;
};

static const struct dg_cfg_key keys[] = {
    {"open_how", DG_CFG_STR, "well", "well, fails, fails-silently"},
    {"close_how", DG_CFG_STR, "well", "well, never, leaves"},
    {0},
};

static struct plugin *volatile left_behind; /* no leak, only rude */

static void nothing(void *arg)
{
    (void)arg;
}

static void *end_on_thread(void *arg)
{
    struct plugin *p = arg;
    p->h->done(p->kept);
    return NULL;
}

static void on_other_thread(struct plugin *p, struct dg_op *op)
{
    pthread_t thread;
    p->kept = op;
    pthread_create(&thread, NULL, end_on_thread, p);
    pthread_join(thread, NULL);
    p->h->done(op);
}

static void emit_garbage(struct plugin *p)
{
    char long_id[DG_ID_MAX + 2];
    memset(long_id, 'x', sizeof(long_id));
    long_id[DG_ID_MAX + 1] = '\0';
    const struct dg_call anonymous = {DG_SIZED(struct dg_call)};
    const struct dg_event events[] = {
        {.type = DG_CALL_STARTED, .call = "no size"},
        {DG_SIZED(struct dg_event), .type = (enum dg_event_type)0, .call = "x"},
        {DG_SIZED(struct dg_event), .type = (enum dg_event_type)9999, .call = "x"},
        {DG_SIZED(struct dg_event), .type = DG_CALL_RINGING},
        {DG_SIZED(struct dg_event), .type = DG_CALL_RINGING, .call = ""},
        {DG_SIZED(struct dg_event), .type = DG_CALL_RINGING, .call = long_id},
        {DG_SIZED(struct dg_event), .type = DG_CALL_RINGING, .call = "bad \xff utf-8"},
        {DG_SIZED(struct dg_event), .type = DG_CALL_RINGING, .call = "two\nlines"},
        {DG_SIZED(struct dg_event), .type = DG_BRIDGE_STARTED},
        {DG_SIZED(struct dg_event), .type = DG_PLAY_ENDED},
        {DG_SIZED(struct dg_event), .type = DG_CALL_STARTED, .call = "x", .info = &anonymous},
    };
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        p->h->emit(p->h, &events[i]);
    p->h->emit(p->h, NULL);
    p->h->link(p->h, (enum dg_link)77, NULL);
    p->h->lacks(p->h, "frobnicate", "there is none");
    p->h->noted(p->h, NULL);
}

static void originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    struct plugin *p = self;
    const char *how = req->endpoint;
    if (strcmp(how, "never") == 0) {
        p->kept = op;
        return;
    }
    if (strcmp(how, "blocks") == 0)
        nanosleep(&(struct timespec){.tv_nsec = 60000000}, NULL);
    if (strcmp(how, "thread") == 0) {
        on_other_thread(p, op);
        return;
    }
    if (strcmp(how, "garbage") == 0)
        emit_garbage(p);
    if (strcmp(how, "success fails") == 0) {
        p->h->fail(op, DG_OK, "all is well");
        return;
    }
    p->h->done(op);
    if (strcmp(how, "twice") == 0)
        p->h->done(op);
    if (strcmp(how, "fails done") == 0)
        p->h->fail(op, DG_EINTERNAL, "after all");
    if (strcmp(how, "item late") == 0)
        p->h->item(op, "x");
}

/* Ends what originate has kept. */
static void hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    struct plugin *p = self;
    (void)req;
    if (p->kept)
        p->h->done(p->kept);
    p->h->done(op);
}

static void calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct plugin *p = self;
    const struct dg_call unsized = {.id = "x"};
    const struct dg_call nameless = {DG_SIZED(struct dg_call)};
    if (req->text && strcmp(req->text, "unsized") == 0)
        p->h->item(op, &unsized);
    else if (req->text && strcmp(req->text, "nameless") == 0)
        p->h->item(op, &nameless);
    else
        p->h->item(op, NULL);
    p->h->done(op);
}

static const struct dg_backend backend = {DG_SIZED(struct dg_backend), .originate = originate,
                                          .hangup = hangup, .calls = calls};

static enum dg_err plugin_open(const struct dg_host *h, void **self)
{
    const char *how = h->cfg_str(h, "open_how");
    if (strcmp(how, "fails") == 0)
        h->log(h, DG_ERROR, "the server's address %s makes no sense", "x:y");
    if (strncmp(how, "fails", 5) == 0) {
        h->link(h, DG_LINK_UP, "nonsense");
        h->timer_start(h, 50, nothing, NULL);
        return DG_EINVAL;
    }
    struct plugin *p = calloc(1, sizeof(*p));
    p->h = h;
    p->close_how = h->cfg_str(h, "close_how");
    h->link(h, DG_LINK_UP, NULL);
    *self = p;
    return DG_OK;
}

static void plugin_close(void *self, struct dg_op *op)
{
    struct plugin *p = self;
    const struct dg_host *h = p->h;
    if (strcmp(p->close_how, "never") == 0) {
        left_behind = p;
        return;
    }
    if (strcmp(p->close_how, "leaves") == 0) {
        h->timer_start(h, 50, nothing, NULL);
        h->timer_start(h, 100000, nothing, NULL);
    }
    free(p);
    h->done(op);
}

DG_PLUGIN(.name = "misbehaves", .version = "1", .summary = "breaks the rules", .config = keys,
          .backend = &backend, .open = plugin_open, .close = plugin_close);
