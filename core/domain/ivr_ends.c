/* ivr_ends.c - ends of calls in menus that must come about: asked for again while the backend is
 * away.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "domain/ivr_private.h"

#define AGAIN_MS 500

struct ivr_end {
    struct link link;
    struct ivr *ivr;
    char call[ID_SIZE];
    struct loop_timer *again;
};

static void ask_end(void *arg);

static void end_free(struct ivr_end *e)
{
    list_remove(&e->link);
    free(e);
}

static void on_ended(void *arg, const struct call_answer *answer)
{
    struct ivr_end *e = arg;
    if (answer->err == DG_OK || answer->err == DG_ENOTFOUND || answer->err == DG_ECONFLICT ||
        e->ivr->stopped)
        end_free(e);
    else
        e->again = loop_timer(e->ivr->config.loop, AGAIN_MS, ask_end, e);
}

static void ask_end(void *arg)
{
    struct ivr_end *e = arg;
    e->again = NULL;
    calls_hangup(e->ivr->config.calls, e->call, 0, on_ended, e);
}

static bool is_ending(const struct ivr *ivr, const char *call)
{
    for (const struct link *i = ivr->ending.next; i != &ivr->ending; i = i->next)
        if (str_eq(list_item(i, struct ivr_end, link)->call, call))
            return true;
    return false;
}

void ivr_hang_up(struct ivr *ivr, const char *call)
{
    if (ivr->stopped || is_ending(ivr, call))
        return;
    struct ivr_end *e = xcalloc(1, sizeof *e);
    e->ivr = ivr;
    memcpy(e->call, call, strlen(call) + 1);
    list_append(&ivr->ending, &e->link);
    e->again = loop_timer(ivr->config.loop, 0, ask_end, e);
}

void ends_stop(struct ivr *ivr)
{
    for (struct link *i = ivr->ending.next; i != &ivr->ending; i = i->next) {
        struct ivr_end *e = list_item(i, struct ivr_end, link);
        loop_timer_stop(ivr->config.loop, e->again);
        e->again = NULL;
    }
}

void ends_free(struct ivr *ivr)
{
    while (!list_empty(&ivr->ending))
        end_free(list_item(ivr->ending.next, struct ivr_end, link));
}
