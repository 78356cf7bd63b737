/* ivr_engine.c - the rules of a caller's way through menus; see ivr_engine.h. */
#include "domain/ivr_engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define RECORD_S 60

const struct ivr_limits ivr_default_limits = {
    .menus = 100, .idle = 10, .invalid = 30, .play_ms = 600000, .leave_ms = 5000};

/* One event on its way through the rules. */
struct step {
    struct ivr_session *s;
    const struct ivr_event *ev;
    struct ivr_commands *out;
};

void ivr_session_init(struct ivr_session *s, struct ivr_book *book, int64_t entry,
                      const struct ivr_limits *limits)
{
    *s = (struct ivr_session){.book = ivr_book_ref(book),
                              .entry = entry,
                              .limits = limits ? *limits : ivr_default_limits};
}

void ivr_session_message(struct ivr_session *s, const struct ivr_message *message,
                         const struct ivr_limits *limits)
{
    struct ivr_menu *m = ivr_menu_new();
    struct ivr_book *book = ivr_book_new();
    m->repeats = message->repeat ? message->repeat - 1 : 0;
    m->language = xstrdup(message->language);
    m->actions = xcalloc(1, sizeof *m->actions);
    m->action_count = 1;
    m->actions[0] =
        (struct ivr_action){.keys = "t", .type = IVR_PLAYBACK, .value = xstrdup(message->sounds)};
    ivr_book_add(book, m);
    ivr_session_init(s, book, 0, limits);
    s->message = true;
    ivr_book_unref(book);
}

void ivr_session_clear(struct ivr_session *s)
{
    for (size_t i = 0; i < s->path_count; i++)
        free(s->path[i].text);
    free(s->path);
    ivr_book_unref(s->book);
    *s = (struct ivr_session){.state = IVR_OVER};
}

/* ---- Marks and commands -------------------------------------------------------------------- */

static void mark(struct step *st, enum ivr_mark_type type, const char *digits, const char *text)
{
    struct ivr_session *s = st->s;
    bool end = type == IVR_MARK_END;
    if (s->path_count >= IVR_PATH_MAX - (end ? 0u : 1u)) {
        s->path_lost++;
        return;
    }
    if (s->path_count % 16 == 0)
        s->path = xrealloc(s->path, (s->path_count + 16) * sizeof *s->path);
    struct ivr_mark *m = &s->path[s->path_count++];
    *m =
        (struct ivr_mark){.type = type,
                          .menu = s->menu ? s->menu->id : s->entry,
                          .after_ms = st->ev->at_ms > s->began_ms ? st->ev->at_ms - s->began_ms : 0,
                          .action = s->action,
                          .text = xstrdup(text)};
    if (digits)
        memcpy(m->digits, digits, strlen(digits) + 1);
}

static struct ivr_command *command(struct step *st, enum ivr_command_type type, uint32_t number)
{
    struct ivr_command *c = &st->out->list[st->out->count++];
    *c = (struct ivr_command){.type = type, .number = number};
    return c;
}

static void timer(struct step *st, uint64_t ms)
{
    command(st, IVR_DO_TIMER, ++st->s->timer)->ms = ms;
}

static void leave(struct step *st, const char *reason)
{
    struct ivr_session *s = st->s;
    s->state = IVR_LEAVING;
    s->reason = reason;
    command(st, IVR_DO_HANG_UP, 0);
    timer(st, s->limits.leave_ms);
}

static void over(struct step *st, const char *reason)
{
    struct ivr_session *s = st->s;
    s->state = IVR_OVER;
    s->reason = s->reason ? s->reason : reason;
    s->action = NULL;
    mark(st, IVR_MARK_END, NULL, s->reason);
    command(st, IVR_DO_END, 0);
}

static void stop_play(struct step *st)
{
    if (st->s->state == IVR_PROMPT || st->s->state == IVR_MESSAGE)
        command(st, IVR_DO_STOP_PLAY, st->s->number);
}

/* ---- Sounds -------------------------------------------------------------------------------- */

/* Of the menu, or of the action that is being done; false: none is left. */
static bool play(struct step *st, const char *sounds)
{
    struct ivr_session *s = st->s;
    char text[IVR_TEXT_MAX + 1];
    for (; s->sound < ivr_sound_count(sounds); s->sound++) {
        if (!ivr_sound(sounds, s->sound, s->entered, text)) {
            mark(st, IVR_MARK_UNHEARD, NULL, NULL);
            continue;
        }
        struct ivr_command *c = command(st, IVR_DO_PLAY, ++s->number);
        c->language = s->menu->language;
        memcpy(c->text, text, strlen(text) + 1);
        timer(st, s->limits.play_ms);
        return true;
    }
    return false;
}

static void wait(struct step *st)
{
    st->s->state = IVR_WAIT;
    timer(st, st->s->menu->timeout_s * UINT64_C(1000));
}

static void prompt(struct step *st)
{
    struct ivr_session *s = st->s;
    s->action = NULL;
    s->digits[0] = '\0';
    s->sound = 0;
    s->state = IVR_PROMPT;
    if (!play(st, s->menu->audio_file))
        wait(st);
}

/* ---- From menu to menu --------------------------------------------------------------------- */

/* false: it goes round and round, and is ended. */
static bool count_menu(struct step *st)
{
    struct ivr_session *s = st->s;
    if (++s->menus <= s->limits.menus && ++s->idle <= s->limits.idle)
        return true;
    leave(st, "loop");
    return false;
}

static void enter(struct step *st, int64_t id)
{
    struct ivr_session *s = st->s;
    const struct ivr_menu *menu = ivr_book_find(s->book, id);
    if (!menu) {
        mark(st, IVR_MARK_MISSING, NULL, NULL);
        leave(st, "missing_menu");
        return;
    }
    s->menu = menu;
    s->action = NULL;
    if (!count_menu(st))
        return;
    s->repeats = 0;
    mark(st, IVR_MARK_MENU, NULL, NULL);
    prompt(st);
}

/* The same menu, after something was done there. */
static bool again(struct step *st)
{
    st->s->action = NULL;
    if (!count_menu(st))
        return false;
    st->s->repeats = 0;
    mark(st, IVR_MARK_REPEAT, NULL, NULL);
    return true;
}

static bool repeats_left(const struct ivr_session *s)
{
    return s->repeats < s->menu->repeats;
}

static void repeat(struct step *st)
{
    st->s->repeats++;
    mark(st, IVR_MARK_REPEAT, NULL, NULL);
    prompt(st);
}

/* ---- A message --------------------------------------------------------------------------------
 */

static void message_over(struct step *st);

static void say(struct step *st, enum ivr_mark_type type)
{
    struct ivr_session *s = st->s;
    mark(st, type, NULL, NULL);
    s->state = IVR_MESSAGE;
    s->sound = 0;
    s->heard = false;
    if (!play(st, s->action->value))
        message_over(st);
}

static void begin_message(struct step *st)
{
    struct ivr_session *s = st->s;
    s->menu = ivr_book_at(s->book, 0);
    s->action = s->menu->actions;
    say(st, IVR_MARK_MESSAGE);
}

/* What is not there now is not there the next time either. */
static void message_over(struct step *st)
{
    struct ivr_session *s = st->s;
    s->played += s->heard;
    if (s->heard && repeats_left(s)) {
        s->repeats++;
        say(st, IVR_MARK_REPEAT);
    } else {
        leave(st, s->played ? "played" : "missing");
    }
}

/* ---- Actions ------------------------------------------------------------------------------- */

static void follow(struct step *st, const char *reason)
{
    if (st->s->message)
        message_over(st);
    else if (st->s->action->next == IVR_NEXT_HANGUP)
        leave(st, reason);
    else if (again(st))
        prompt(st);
}

static void connect_to(struct step *st, const struct ivr_action *a)
{
    struct ivr_session *s = st->s;
    struct ivr_command *c = command(st, IVR_DO_CONNECT, ++s->number);
    c->action = a;
    s->state = IVR_CONNECTING;
    s->timer++; /* what was waited for is not any more */
    if (ivr_fill_in(a->value, s->entered, c->text, sizeof c->text))
        return;
    st->out->count--;
    mark(st, IVR_MARK_UNREACHED, NULL, "the extension is too long");
    follow(st, "unreached");
}

static void record(struct step *st, const struct ivr_action *a)
{
    struct ivr_session *s = st->s;
    int64_t seconds = RECORD_S;
    if (*a->value)
        str_to_int(a->value, &seconds);
    s->state = IVR_RECORDING;
    s->stopping = false;
    command(st, IVR_DO_RECORD, ++s->number)->ms = (uint64_t)seconds * 1000;
    timer(st, (uint64_t)seconds * 1000 + s->limits.leave_ms);
}

static void act(struct step *st, const struct ivr_action *a)
{
    struct ivr_session *s = st->s;
    s->action = a;
    switch (a->type) {
    case IVR_EXTEN:
    case IVR_QUEUE:
        connect_to(st, a);
        break;
    case IVR_PLAYBACK:
        s->state = IVR_MESSAGE;
        s->sound = 0;
        if (!play(st, a->value))
            follow(st, "hangup");
        break;
    case IVR_GOTO:
        enter(st, a->menu);
        break;
    case IVR_RECORD:
        record(st, a);
        break;
    default:
        leave(st, "hangup");
        break;
    }
}

/* ---- Input --------------------------------------------------------------------------------- */

static void invalid(struct step *st, const char *digits)
{
    struct ivr_session *s = st->s;
    const struct ivr_action *i = ivr_menu_special(s->menu, 'i');
    bool repeats = repeats_left(s);
    s->action = repeats ? NULL : i;
    mark(st, IVR_MARK_INVALID, digits, NULL);
    if (++s->invalid > s->limits.invalid)
        leave(st, "invalid");
    else if (repeats)
        repeat(st);
    else if (i)
        act(st, i);
    else
        wait(st);
}

static void complete(struct step *st)
{
    struct ivr_session *s = st->s;
    bool longer;
    const struct ivr_action *a = ivr_menu_match(s->menu, s->digits, &longer);
    memcpy(s->entered, s->digits, sizeof s->entered);
    s->digits[0] = '\0';
    if (!a) {
        invalid(st, s->entered);
        return;
    }
    s->action = a;
    mark(st, IVR_MARK_CHOICE, s->entered, NULL);
    act(st, a);
}

/* A key that means nothing here, and for which nothing is to be done: sounds and timer go on. */
static bool ignored(struct step *st)
{
    struct ivr_session *s = st->s;
    if (s->menu->max_digits > 1 || repeats_left(s) || ivr_menu_special(s->menu, 'i'))
        return false;
    mark(st, IVR_MARK_INVALID, s->digits, NULL);
    s->digits[0] = '\0';
    if (++s->invalid > s->limits.invalid) {
        stop_play(st);
        leave(st, "invalid");
    }
    return true;
}

static void input(struct step *st, char digit)
{
    struct ivr_session *s = st->s;
    bool longer;
    size_t len = strlen(s->digits);
    s->digits[len] = digit;
    s->digits[len + 1] = '\0';
    const struct ivr_action *a = ivr_menu_match(s->menu, s->digits, &longer);
    if (!a && !longer && len && digit == '#') { /* it says that all is there */
        s->digits[len] = '\0';
        complete(st);
        return;
    }
    if (!a && !longer && ignored(st))
        return;
    stop_play(st);
    if ((a && !longer) || len + 1 >= s->menu->max_digits) {
        complete(st);
        return;
    }
    s->state = IVR_INPUT;
    timer(st, s->menu->digit_timeout_s * UINT64_C(1000));
}

/* Whoever knows the message goes on with the menu behind it. */
static void interrupt_message(struct step *st, char digit)
{
    struct ivr_session *s = st->s;
    if (s->action->next == IVR_NEXT_HANGUP)
        return;
    stop_play(st);
    if (!again(st))
        return;
    s->digits[0] = '\0';
    wait(st);
    input(st, digit);
}

static void on_digit(struct step *st)
{
    struct ivr_session *s = st->s;
    char digit = st->ev->digit;
    size_t len = strlen(s->keys);
    if (!digit || !strchr("0123456789*#", digit) || s->state == IVR_NEW || s->state >= IVR_LEAVING)
        return;
    if (len < IVR_KEYS_MAX) {
        s->keys[len] = digit;
        s->keys[len + 1] = '\0';
    }
    s->idle = 0;
    if (s->state == IVR_WAIT || s->state == IVR_INPUT ||
        (s->state == IVR_PROMPT && s->menu->barge_in)) {
        input(st, digit);
    } else if (s->state == IVR_MESSAGE) {
        interrupt_message(st, digit);
    } else if (s->state == IVR_RECORDING && !s->stopping) {
        s->stopping = true;
        command(st, IVR_DO_STOP_RECORD, s->number);
        timer(st, s->limits.leave_ms);
    }
}

/* ---- What came of commands ------------------------------------------------------------------ */

static void sound_failed(struct step *st, bool missing)
{
    const struct ivr_session *s = st->s;
    char text[IVR_TEXT_MAX + 1];
    const char *sounds = s->state == IVR_PROMPT ? s->menu->audio_file : s->action->value;
    bool named = ivr_sound(sounds, s->sound, s->entered, text);
    mark(st, missing ? IVR_MARK_SILENT : IVR_MARK_UNHEARD, NULL, named ? text : NULL);
}

static void sound_over(struct step *st, bool failed, bool missing)
{
    struct ivr_session *s = st->s;
    if (failed)
        sound_failed(st, missing);
    else
        s->heard = true;
    s->sound++;
    if (s->state == IVR_PROMPT) {
        if (!play(st, s->menu->audio_file))
            wait(st);
    } else if (!play(st, s->action->value)) {
        follow(st, "hangup");
    }
}

static void recorded(struct step *st, const char *file)
{
    mark(st, IVR_MARK_RECORDED, NULL, file);
    follow(st, "hangup");
}

static void timed_out(struct step *st)
{
    struct ivr_session *s = st->s;
    const struct ivr_action *t = ivr_menu_special(s->menu, 't');
    bool repeats = repeats_left(s);
    s->action = repeats ? NULL : t;
    mark(st, IVR_MARK_TIMEOUT, NULL, NULL);
    if (repeats)
        repeat(st);
    else if (t)
        act(st, t);
    else
        leave(st, "timeout");
}

static void on_timer(struct step *st)
{
    struct ivr_session *s = st->s;
    switch (s->state) {
    case IVR_PROMPT:
    case IVR_MESSAGE:
        stop_play(st);
        sound_over(st, true, false);
        break;
    case IVR_WAIT:
        timed_out(st);
        break;
    case IVR_INPUT:
        complete(st);
        break;
    case IVR_RECORDING:
        command(st, IVR_DO_STOP_RECORD, s->number);
        recorded(st, NULL);
        break;
    case IVR_LEAVING:
        over(st, NULL);
        break;
    default:
        break;
    }
}

static void on_parted(struct step *st)
{
    struct ivr_session *s = st->s;
    if (s->state == IVR_CONNECTED) {
        leave(st, "agent");
    } else if (s->state == IVR_CONNECTING) {
        mark(st, IVR_MARK_UNREACHED, NULL, st->ev->text);
        follow(st, "unreached");
    }
}

static void on_stop(struct step *st)
{
    if (st->s->state >= IVR_LEAVING)
        return;
    stop_play(st);
    leave(st, "stopped");
}

static void on_result(struct step *st)
{
    struct ivr_session *s = st->s;
    const struct ivr_event *ev = st->ev;
    if (ev->number != s->number)
        return;
    if (ev->type == IVR_EV_PLAYED && (s->state == IVR_PROMPT || s->state == IVR_MESSAGE)) {
        sound_over(st, ev->failed, ev->failed && ev->text);
    } else if (ev->type == IVR_EV_JOINED && s->state == IVR_CONNECTING) {
        s->state = IVR_CONNECTED;
        mark(st, IVR_MARK_JOINED, NULL, NULL);
    } else if (ev->type == IVR_EV_PARTED) {
        on_parted(st);
    } else if (ev->type == IVR_EV_RECORDED && s->state == IVR_RECORDING) {
        recorded(st, ev->failed ? NULL : ev->text);
    }
}

void ivr_step(struct ivr_session *s, const struct ivr_event *ev, struct ivr_commands *out)
{
    struct step st = {s, ev, out};
    out->count = 0;
    if (s->state == IVR_OVER)
        return;
    switch (ev->type) {
    case IVR_EV_START:
        if (s->state != IVR_NEW)
            break;
        s->began_ms = ev->at_ms;
        if (s->message)
            begin_message(&st);
        else
            enter(&st, s->entry);
        break;
    case IVR_EV_DIGIT:
        on_digit(&st);
        break;
    case IVR_EV_TIMER:
        if (ev->number == s->timer)
            on_timer(&st);
        break;
    case IVR_EV_HANGUP:
        over(&st, "caller");
        break;
    case IVR_EV_AWAY:
        over(&st, "transferred");
        break;
    case IVR_EV_STOP:
        on_stop(&st);
        break;
    default:
        on_result(&st);
        break;
    }
}
