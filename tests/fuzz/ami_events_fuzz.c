/* Whatever the manager interface sends, every call that ends has ended once, and nothing is left
 * behind. The input is what comes after the banner. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/ami/events.c"
#include "../../plugins/ami/events_legs.c"
#include "../../plugins/ami/events_media.c"
#include "../../plugins/ami/message.c"
#include "../../plugins/ami/snapshot.c"
#include "fuzz.h"

struct run {
    struct events e;
    json_t *ended;
    char unsettled[8][DG_ID_MAX + 1];
    size_t count;
};

static void take_event(void *arg, const struct dg_event *ev)
{
    struct run *run = arg;
    if (ev->type < DG_CALL_STARTED || ev->type > DG_CALL_DETECTED)
        abort();
    if (ev->type < DG_CALL_VARIABLE && ev->type != DG_CALL_TRANSFERRED &&
        (!ev->call || strlen(ev->call) > DG_ID_MAX))
        abort();
    if ((ev->type == DG_CALL_STARTED || ev->type == DG_CALL_CHANGED) &&
        (!ev->info || strcmp(ev->info->id, ev->call) != 0))
        abort();
    if (ev->type != DG_CALL_ENDED)
        return;
    /* An id that is not UTF-8 cannot be remembered here. */
    if (json_object_get(run->ended, ev->call))
        abort();
    json_object_set_new(run->ended, ev->call, json_true());
}

static void take_call(void *arg, const char *call)
{
    (void)arg;
    if (!call)
        abort();
}

static void take_originated(void *arg, const char *id, bool success)
{
    (void)success;
    take_call(arg, id);
}

static void take_unsettled(void *arg, const char *call)
{
    struct run *run = arg;
    size_t i = run->count++ % 8;
    if (strlen(call) > DG_ID_MAX)
        abort();
    memcpy(run->unsettled[i], call, strlen(call) + 1);
}

static void take_nothing(void *arg)
{
    (void)arg;
}

static void on_banner(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

static void on_message(void *arg, const struct message *m)
{
    struct run *run = arg;
    struct snapshot s;
    if (message_text(m, "Adopt")) {
        snapshot_read(&s, m, "");
        life_adopt(&run->e.life, &s.call);
    } else {
        events_take(&run->e, m, 1);
    }
}

/* The same in each run, and for nothing. */
static void seed_tables(struct legs *l)
{
    l->by_id.seed = l->by_name.seed = l->gone.seed = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct message_line *lines; /* the largest piece of memory by far */
    lines = lines ? lines : text_alloc(MESSAGE_LINES_MAX * sizeof *lines);
    struct run run = {.ended = json_object()};
    struct parser p = {
        .banner = on_banner, .message = on_message, .arg = &run, .lines = lines, .greeted = true};
    run.e.life.emit = take_event;
    run.e.life.unwanted = take_call;
    run.e.life.arg = &run;
    run.e.sink = (struct events_sink){take_originated, take_unsettled, take_call,
                                      take_nothing,    take_nothing,   &run};
    seed_tables(&run.e.life.legs);
    legs_expect(&run.e.life.legs, "n");
    message_feed(&p, (const char *)bytes, len);
    legs_settle(&run.e.life.legs, "n", len & 2);
    for (size_t i = 0; i < run.count && i < 8; i++)
        events_settle(&run.e, run.unsettled[i], 2);
    events_free(&run.e);
    p.lines = NULL;
    message_free(&p);
    json_decref(run.ended);
    return 0;
}
