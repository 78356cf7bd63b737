/* witness.c - a backend that does nothing but write down what it was asked: a
 * line per request, "function text text ...", each text in hex, "-" for none.
 * Calls are answered at once and stay until they are hung up. Compiled with
 * BARE it can do no more than a backend must, and says of play that its server
 * lacks it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialgate/backend.h"

struct witness {
    const struct dg_host *h;
    FILE *file;
};

static void put(FILE *file, const char *text)
{
    fputc(' ', file);
    if (!text)
        fputc('-', file);
    for (const char *c = text; c && *c; c++)
        fprintf(file, "%02x", (unsigned char)*c);
    if (text && !*text)
        fputs("00", file); /* an empty text is not none */
}

static void witness(struct witness *w, const char *function, const char *const *texts, size_t count)
{
    fputs(function, w->file);
    for (size_t i = 0; i < count; i++)
        put(w->file, texts[i]);
    fputc('\n', w->file);
    fflush(w->file);
}

#define WITNESS(w, function, ...)                                                                  \
    witness((w), (function), (const char *const[]){__VA_ARGS__},                                   \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void emit(struct witness *w, enum dg_event_type type, const char *call, int cause)
{
    const struct dg_event ev = {DG_SIZED(struct dg_event), .type = type, .call = call,
                                .cause = cause};
    w->h->emit(w->h, &ev);
}

static void do_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    struct witness *w = self;
    WITNESS(w, "originate", req->call, req->endpoint, req->context, req->extension, req->priority,
            req->caller_number, req->caller_name);
    for (size_t i = 0; i < req->variable_count; i++)
        WITNESS(w, "variable", req->variables[i].key, req->variables[i].value);
    w->h->done(op);
    emit(w, DG_CALL_STARTED, req->call, 0);
    emit(w, DG_CALL_ANSWERED, req->call, 0);
}

static void do_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    struct witness *w = self;
    WITNESS(w, "hangup", req->call);
    w->h->done(op);
    emit(w, DG_CALL_ENDED, req->call, 16);
}

#define SIMPLE(name, type, ...)                                                                    \
    static void do_##name(void *self, const struct type *req, struct dg_op *op)                    \
    {                                                                                              \
        struct witness *w = self;                                                                  \
        WITNESS(w, #name, __VA_ARGS__);                                                            \
        w->h->done(op);                                                                            \
    }

SIMPLE(dtmf, dg_dtmf, req->call, req->digits)
SIMPLE(play, dg_play, req->on, req->media, req->language)

#ifndef BARE
SIMPLE(hold, dg_switch, req->call)
SIMPLE(mute, dg_mute, req->call)
SIMPLE(go_to, dg_dialplan, req->call, req->context, req->extension, req->priority)
SIMPLE(transfer, dg_transfer, req->call, req->context, req->extension, req->priority, req->consult)
SIMPLE(set_variable, dg_variable, req->call, req->name, req->value)
SIMPLE(join, dg_join, req->call, req->other)
SIMPLE(record, dg_record, req->on, req->record, req->file, req->format)
SIMPLE(record_change, dg_record_ref, req->record)

static void do_get_variable(void *self, const struct dg_variable *req, struct dg_op *op)
{
    struct witness *w = self;
    WITNESS(w, "get_variable", req->call, req->name);
    w->h->item(op, "value");
    w->h->done(op);
}

static void do_park(void *self, const struct dg_park *req, struct dg_op *op)
{
    struct witness *w = self;
    const struct dg_event ev = {DG_SIZED(struct dg_event), .type = DG_CALL_PARKED,
                                .call = req->call, .target = "default/701", .on = true};
    WITNESS(w, "park", req->call, req->lot, req->preferred_slot);
    w->h->emit(w->h, &ev);
    w->h->done(op);
}

/* Somebody waits in slot 701. */
static void do_parked(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct witness *w = self;
    const struct dg_parked parked = {DG_SIZED(struct dg_parked), .call = "somebody",
                                     .lot = "default", .slot = "701"};
    (void)req;
    w->h->item(op, &parked);
    w->h->done(op);
}

#endif

static void do_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    (void)req;
    ((struct witness *)self)->h->done(op);
}

static enum dg_err witness_open(const struct dg_host *h, void **self)
{
    struct witness *w = calloc(1, sizeof *w);
    w->h = h;
    w->file = fopen(h->cfg_str(h, "file"), "a");
    if (!w->file) {
        free(w);
        return DG_EINVAL;
    }
    *self = w;
#ifdef BARE
    h->lacks(h, "play", "its server has no sounds");
#endif
    h->link(h, DG_LINK_UP, NULL);
    return DG_OK;
}

static void witness_close(void *self, struct dg_op *op)
{
    struct witness *w = self;
    const struct dg_host *h = w->h;
    fclose(w->file);
    free(w);
    h->done(op);
}

static const struct dg_backend backend = {
    DG_SIZED(struct dg_backend),
    .originate = do_originate,
    .hangup = do_hangup,
    .calls = do_calls,
#ifdef BARE
    .dtmf = do_dtmf,
    .play = do_play,
    .needs_control = (const char *const[]){"dtmf", NULL},
#else
    .hold = do_hold,
    .mute = do_mute,
    .dtmf = do_dtmf,
    .go_to = do_go_to,
    .transfer = do_transfer,
    .get_variable = do_get_variable,
    .set_variable = do_set_variable,
    .join = do_join,
    .park = do_park,
    .parked = do_parked,
    .play = do_play,
    .record = do_record,
    .record_change = do_record_change,
#endif
};

static const struct dg_cfg_key keys[] = {
    {"file", DG_CFG_PATH, NULL, "where requests are written down"},
    {0},
};

DG_PLUGIN(.name = PLUGIN_NAME, .version = "1", .summary = "writes down what it is asked",
          .config = keys, .backend = &backend, .open = witness_open, .close = witness_close);
