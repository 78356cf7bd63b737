/* ivr_simulate.c - a dry run through menus; see ivr_simulate.h. */
#include "domain/ivr_simulate.h"

#include <string.h>

#include "base/str.h"

#define SOUND_MS  1000 /* each takes so long */
#define KEY_MS    500
#define TALK_MS   10000
#define STEPS_MAX 10000 /* more than any session takes */

/* The simulated caller and his telephone. */
struct walk {
    struct ivr_session *s;
    int64_t now_ms;
    uint32_t play, timer, place; /* numbers of what is under way; 0: nothing */
    uint64_t timer_ms;
    unsigned steps;
};

const char *ivr_simulate_refusal(const char *keys)
{
    if (strlen(keys) > IVR_SIMULATE_KEYS_MAX)
        return "at most 200 characters";
    return str_only(keys, "0123456789*#t,") ? NULL : "must be of 0-9 * # t and comma";
}

static void tell(struct walk *w, struct ivr_event ev)
{
    struct ivr_commands out;
    ev.at_ms = w->now_ms;
    ivr_step(w->s, &ev, &out);
    for (size_t i = 0; i < out.count; i++) {
        const struct ivr_command *c = &out.list[i];
        if (c->type == IVR_DO_PLAY)
            w->play = c->number;
        else if (c->type == IVR_DO_TIMER)
            w->timer = c->number, w->timer_ms = c->ms;
        else if (c->type == IVR_DO_CONNECT || c->type == IVR_DO_RECORD)
            w->place = c->number;
    }
}

static void pass(struct walk *w, uint64_t ms)
{
    w->now_ms += (int64_t)ms;
}

/* What comes by itself, until a key is waited for or the end is there. With `listen` sounds are
 * heard to their end also where a key would interrupt them. */
static void run(struct walk *w, bool listen)
{
    while (w->steps++ < STEPS_MAX) {
        switch (w->s->state) {
        case IVR_PROMPT:
            if (!listen && w->s->menu->barge_in)
                return;
            /* fallthrough */
        case IVR_MESSAGE:
            pass(w, SOUND_MS);
            tell(w, (struct ivr_event){.type = IVR_EV_PLAYED, .number = w->play});
            break;
        case IVR_CONNECTING:
            tell(w, (struct ivr_event){.type = IVR_EV_JOINED, .number = w->place});
            break;
        case IVR_CONNECTED:
            pass(w, TALK_MS);
            tell(w, (struct ivr_event){.type = IVR_EV_PARTED, .number = w->place});
            break;
        case IVR_RECORDING:
            pass(w, TALK_MS);
            tell(w, (struct ivr_event){.type = IVR_EV_RECORDED, .number = w->place});
            break;
        case IVR_LEAVING:
            tell(w, (struct ivr_event){.type = IVR_EV_HANGUP});
            break;
        default:
            return;
        }
    }
}

static void let_time_pass(struct walk *w)
{
    pass(w, w->timer_ms);
    tell(w, (struct ivr_event){.type = IVR_EV_TIMER, .number = w->timer});
}

static void press(struct walk *w, char key)
{
    if (key == ',') {
        if (w->s->state == IVR_INPUT)
            let_time_pass(w);
    } else if (key == 't') {
        run(w, true);
        if (w->s->state == IVR_WAIT || w->s->state == IVR_INPUT)
            let_time_pass(w);
    } else {
        pass(w, KEY_MS);
        tell(w, (struct ivr_event){.type = IVR_EV_DIGIT, .digit = key});
    }
    run(w, false);
}

void ivr_simulate(struct ivr_session *s, struct ivr_book *book, int64_t entry, const char *keys)
{
    struct walk w = {.s = s};
    ivr_session_init(s, book, entry, NULL);
    tell(&w, (struct ivr_event){.type = IVR_EV_START});
    run(&w, false);
    for (; *keys && s->state != IVR_OVER; keys++)
        press(&w, *keys);
    press(&w, ',');
}
