/* ivr_media.c - what a caller in a menu hears, and what he says: sounds and recordings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/calls_private.h"
#include "domain/ivr_private.h"

/* "<call>-7": the command's number is in it. */
static const char *media_id(const struct ivr_run *run, char kind, uint32_t number, char out[64])
{
    snprintf(out, 64, "%s-%c%u", run->call->id, kind, number);
    return out;
}

static bool is_media(const struct ivr_run *run, char kind, const char *id, uint32_t *number)
{
    size_t len = strlen(run->call->id);
    int64_t value;
    if (!id || strncmp(id, run->call->id, len) != 0 || id[len] != '-' || id[len + 1] != kind ||
        !str_to_int(id + len + 2, &value) || value < 1 || value > UINT32_MAX)
        return false;
    *number = (uint32_t)value;
    return true;
}

/* ---- Operations ----------------------------------------------------------------------------- */

struct media_ask {
    struct ivr_run *run;
    uint32_t number;
};

static struct media_ask *asking(struct ivr_run *run, uint32_t number)
{
    struct media_ask *op = xcalloc(1, sizeof *op);
    *op = (struct media_ask){run, number};
    run->asked++;
    return op;
}

static struct ivr_run *answered(struct media_ask *op)
{
    struct ivr_run *run = op->run;
    free(op);
    run->asked--;
    return run;
}

static void on_ignored(void *arg, const struct op_result *res)
{
    (void)res;
    run_let_go(answered(arg));
}

/* ---- Sounds -------------------------------------------------------------------------------- */

static void play(struct ivr_run *run);

static void play_again(void *arg)
{
    struct ivr_run *run = arg;
    run->again = NULL;
    if (run->playing.number && run->sending)
        run->again = loop_timer(run->ivr->config.loop, IVR_SENDING_MS, play_again, run);
    else if (run->playing.number)
        play(run);
}

static void play_failed(struct ivr_run *run, const struct op_result *res)
{
    if (run_again(run, res->err, play_again))
        return;
    if (res->err == DG_EUNSUPPORTED && run->playing.language && !run->plain) {
        run->plain = true;
        play(run);
        return;
    }
    log_warn("ivr", "a sound could not be played", LOG_S("call", run->call->id),
             LOG_S("sound", run->playing.text), LOG_S("why", res->message));
    uint32_t number = run->playing.number;
    run->playing.number = 0;
    run_tell(run, (struct ivr_event){.type = IVR_EV_PLAYED, .number = number, .failed = true});
}

static void on_playing(void *arg, const struct op_result *res)
{
    struct media_ask *op = arg;
    uint32_t number = op->number;
    struct ivr_run *run = answered(op);
    bool wanted = run->playing.number == number;
    if (run->ivr->stopped || run->over) {
        run_let_go(run);
        return;
    }
    if (wanted && res->err != DG_OK)
        play_failed(run, res);
    else if (wanted)
        run->heard = true;
    else if (res->err == DG_OK) /* it was to stop before it had begun */
        media_stop(run, number);
}

static void play(struct ivr_run *run)
{
    char id[64], media[IVR_MEDIA_MAX];
    const struct ivr_command *c = &run->playing;
    const char *language = run->plain ? NULL : c->language;
    if (!run->call->carrier ||
        !ivr_sound_media(c->text, &run->ivr->config.place, language, media, sizeof media)) {
        const struct op_result gone = {.err = DG_ECONFLICT,
                                       .message = "The call's backend is not connected"};
        run->again = NULL;
        play_failed(run, &gone);
        return;
    }
    const struct dg_play req = {.play = media_id(run, 'p', c->number, id),
                                .on = run->call->id,
                                .media = media,
                                .language = language};
    backend_play(run->call->carrier, &req, on_playing, asking(run, c->number));
}

void media_play(struct ivr_run *run, const struct ivr_command *c)
{
    loop_timer_stop(run->ivr->config.loop, run->again);
    run->again = NULL;
    run->playing = *c;
    run->heard = false;
    run->tries = 0;
    play(run);
}

void media_stop(struct ivr_run *run, uint32_t number)
{
    char id[64];
    bool heard = run->playing.number != number || run->heard;
    if (run->playing.number == number)
        run->playing.number = 0;
    if (!heard || !run->call->carrier)
        return; /* it is stopped as soon as it has begun */
    const struct dg_stop req = {.id = media_id(run, 'p', number, id)};
    backend_play_stop(run->call->carrier, &req, on_ignored, asking(run, number));
}

/* ---- Recordings ---------------------------------------------------------------------------- */

static void on_recording(void *arg, const struct op_result *res)
{
    struct media_ask *op = arg;
    uint32_t number = op->number;
    struct ivr_run *run = answered(op);
    if (res->err != DG_OK) {
        log_warn("ivr", "a caller could not be recorded", LOG_S("call", run->call->id),
                 LOG_S("why", res->message));
        run_tell(run,
                 (struct ivr_event){.type = IVR_EV_RECORDED, .number = number, .failed = true});
    }
    run_let_go(run);
}

void media_record(struct ivr_run *run, const struct ivr_command *c)
{
    char id[64];
    media_id(run, 'r', c->number, id);
    const struct dg_record req = {.record = id,
                                  .on = run->call->id,
                                  .file = id,
                                  .format = "wav",
                                  .max_ms = c->ms,
                                  .beep = true};
    if (!run->call->carrier) {
        run_soon(run); /* its time ends it */
        return;
    }
    call_add_recording(run->call, id);
    backend_record(run->call->carrier, &req, on_recording, asking(run, c->number));
}

void media_stop_record(struct ivr_run *run, uint32_t number)
{
    char id[64];
    const struct dg_record_ref req = {.record = media_id(run, 'r', number, id),
                                      .change = DG_RECORD_STOP};
    if (run->call->carrier)
        backend_record_change(run->call->carrier, &req, on_ignored, asking(run, number));
}

void media_ended(struct ivr_run *run)
{
    uint32_t number = run->playing.number;
    run->playing.number = 0;
    if (number)
        run_tell(run, (struct ivr_event){.type = IVR_EV_PLAYED, .number = number});
}

/* ---- What the backend tells ----------------------------------------------------------------- */

void media_event(struct ivr_run *run, const struct dg_event *ev)
{
    uint32_t number;
    size_t early = strlen(run->early);
    if (ev->type == DG_CALL_DTMF && ev->text && !run->started) {
        if (early < IVR_DIGITS_MAX)
            run->early[early] = ev->text[0];
    } else if (ev->type == DG_CALL_DTMF && ev->text) {
        run_tell(run, (struct ivr_event){.type = IVR_EV_DIGIT, .digit = ev->text[0]});
    } else if (ev->type == DG_PLAY_ENDED && is_media(run, 'p', ev->target, &number)) {
        if (run->playing.number == number)
            run->playing.number = 0;
        run_tell(run, (struct ivr_event){.type = IVR_EV_PLAYED,
                                         .number = number,
                                         .failed = ev->text != NULL,
                                         .text = ev->text});
    } else if (ev->type == DG_RECORD_ENDED && is_media(run, 'r', ev->target, &number)) {
        run_tell(run,
                 (struct ivr_event){.type = IVR_EV_RECORDED, .number = number, .text = ev->target});
    }
}
