/* Whatever Asterisk sends, every call that ends has ended once, and nothing is left behind. Each
 * line of the input is one message of the event socket. */
#include <stdlib.h>
#include <string.h>

#include "../../plugins/ari/events.c"
#include "../../plugins/ari/events_legs.c"
#include "../../plugins/ari/events_media.c"
#include "../../plugins/ari/snapshot.c"
#include "fuzz.h"

struct run {
    struct events e;
    json_t *ended;
};

static void take_event(void *arg, const struct dg_event *ev)
{
    struct run *run = arg;
    if (ev->type < DG_CALL_STARTED || ev->type > DG_CALL_DETECTED)
        abort();
    if (ev->type >= DG_CALL_STARTED && ev->type <= DG_CALL_ENDED &&
        (!ev->call || strlen(ev->call) > DG_ID_MAX) && ev->type != DG_CALL_VARIABLE &&
        ev->type != DG_CALL_TRANSFERRED)
        abort();
    if (ev->type == DG_CALL_STARTED || ev->type == DG_CALL_CHANGED) {
        if (!ev->info || strcmp(ev->info->id, ev->call) != 0)
            abort();
    }
    if (ev->type == DG_CALL_ENDED) {
        if (json_object_get(run->ended, ev->call))
            abort();
        json_object_set_new(run->ended, ev->call, json_true());
    }
}

static void take_beat(void *arg, const char *token, int64_t at_ms)
{
    (void)arg;
    (void)at_ms;
    if (!token)
        abort();
}

static void take_nothing(void *arg)
{
    (void)arg;
}

static void take_name(void *arg, const char *name)
{
    (void)arg;
    if (!name)
        abort();
}

static void take_place(void *arg, const char *call, const char *context, const char *extension,
                       const char *priority)
{
    (void)context;
    (void)extension;
    (void)priority;
    take_name(arg, call);
}

static void adopt(struct run *run, const char *line, size_t len)
{
    json_t *root = json_loadb(line, len, 0, NULL);
    if (root)
        events_adopt(&run->e, json_object_get(root, "channel"));
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct run run = {.ended = json_object()};
    const char *at = (const char *)bytes, *end = at + len;
    run.e.app = "dialgate";
    run.e.own_only = len & 1;
    run.e.life.emit = take_event;
    run.e.life.unwanted = take_name;
    run.e.life.arg = &run;
    run.e.sink =
        (struct events_sink){take_beat, take_nothing, take_place, take_name, take_name, &run};
    legs_expect(&run.e.life.legs, "n");
    for (unsigned lines = 0; at < end; lines++) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((eol ? eol : end) - at);
        if (lines % 7 == 5)
            adopt(&run, at, line);
        else
            events_take(&run.e, at, line);
        at += line + 1;
    }
    legs_settle(&run.e.life.legs, "n", len & 2);
    events_free(&run.e);
    json_decref(run.ended);
    return 0;
}
