/* control_record.c - recordings of a call: files that say which call and when. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/control_private.h"

#define RECORDINGS_MAX 100 /* of one call; its record names them all */

#define NOT_RECORDED "Call is not being recorded"

/* "20261121-154210-CALL"; a second one of the same second has "-2" behind it. */
static const char *file_name(const struct order *o)
{
    const struct call_doing *d = &o->call->doing;
    char iso[CLOCK_ISO_SIZE], name[128];
    unsigned earlier = 0;
    clock_iso_utc(clock_unix_ms(), iso);
    int len = snprintf(name, sizeof name, "%.4s%.2s%.2s-%.2s%.2s%.2s-%s", iso, iso + 5, iso + 8,
                       iso + 11, iso + 14, iso + 17, o->call->id);
    for (size_t i = 0; i < d->recording_count; i++)
        earlier += str_starts(d->recordings[i], name);
    if (earlier)
        snprintf(name + len, sizeof name - (size_t)len, "-%u", earlier + 1);
    return arena_strdup(o->arena, name);
}

static bool check_record(struct order *o)
{
    struct call_doing *d = &o->call->doing;
    if (d->recording || d->recording_starting)
        order_refuse(o, DG_ECONFLICT, NULL, "Call is being recorded already");
    else if (d->recording_count >= RECORDINGS_MAX)
        order_refuse(o, DG_ECONFLICT, NULL, "Call has too many recordings");
    if (o->err != DG_OK)
        return false;
    d->recording_starting = true;
    o->text = o->req.name ? o->req.name : file_name(o);
    return true;
}

/* The recording's id is the file's name. */
static void ask_record(struct order *o, struct instance *in)
{
    const struct dg_record req = {.record = o->text,
                                  .on = o->call->id,
                                  .file = o->text,
                                  .format = o->req.format ? o->req.format : "wav",
                                  .max_ms = o->req.max_ms,
                                  .beep = o->req.beep};
    backend_record(in, &req, order_sent, o);
}

static void note_record(struct order *o)
{
    struct call_doing *d = &o->call->doing;
    d->recording_starting = d->recording_paused = false;
    d->recording = true;
    d->recording_way = o->tried;
    call_add_recording(o->call, o->text);
    log_info("calls", "recording", LOG_S("call", o->call->id), LOG_S("file", o->text));
    calls_refresh(o->ct->calls, o->call);
}

static void failed_record(struct order *o)
{
    o->call->doing.recording_starting = false;
}

/* clang-format off */
const struct action control_record = {
    .name = "recording", .from = CALL_ANSWERED, .ways = {{"record", ask_record}},
    .check = check_record, .note = note_record, .failed = failed_record,
};
/* clang-format on */

/* ---- Pause, resume, stop ----------------------------------------------------------------- */

static bool check_change(struct order *o)
{
    const struct call_doing *d = &o->call->doing;
    enum dg_record_change change = o->req.change;
    if (!d->recording)
        order_refuse(o, DG_ECONFLICT, NULL, NOT_RECORDED);
    else if (change == DG_RECORD_PAUSE && d->recording_paused)
        order_refuse(o, DG_ECONFLICT, NULL, "Recording is paused already");
    else if (change == DG_RECORD_RESUME && !d->recording_paused)
        order_refuse(o, DG_ECONFLICT, NULL, "Recording is not paused");
    if (o->err != DG_OK)
        return false;
    o->text = arena_strdup(o->arena, d->recordings[d->recording_count - 1]);
    return true;
}

static void ask_change(struct order *o, struct instance *in)
{
    const struct dg_record_ref req = {.record = o->text, .change = o->req.change};
    backend_record_change(in, &req, order_sent, o);
}

/* Another may have been begun meanwhile. */
static bool is_last(const struct order *o)
{
    const struct call_doing *d = &o->call->doing;
    return d->recording && str_eq(d->recordings[d->recording_count - 1], o->text);
}

static void note_change(struct order *o)
{
    struct call_doing *d = &o->call->doing;
    if (!is_last(o))
        return;
    d->recording_paused = o->req.change == DG_RECORD_PAUSE;
    d->recording = o->req.change != DG_RECORD_STOP;
    calls_refresh(o->ct->calls, o->call);
}

/* It has ended by itself, and nobody told us. */
static void failed_change(struct order *o)
{
    if (o->err != DG_ENOTFOUND || !is_last(o))
        return;
    o->call->doing.recording = o->call->doing.recording_paused = false;
    calls_refresh(o->ct->calls, o->call);
    order_refuse(o, DG_ECONFLICT, NULL, NOT_RECORDED);
}

static unsigned undo_record(const struct order *o)
{
    return o->call->doing.recording_way;
}

/* clang-format off */
const struct action control_record_change = {
    .name = "recording_change", .from = CALL_ANSWERED, .ways = {{"record_change", ask_change}},
    .missing = NOT_RECORDED, .check = check_change, .note = note_change,
    .failed = failed_change, .undo = undo_record,
};
/* clang-format on */
