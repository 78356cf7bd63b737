/* sounds.c - what is played to a call. One that is under control is told to by
 * AGI. Into one of the dialplan a channel of our own speaks: its far half runs
 * ChanSpy in whisper mode, in the context that func_periodic_hook.so brings
 * along with every Asterisk. ChanSpy adds to the sound that is there: a call
 * that talks to nobody has none, and would hear nothing.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"

#define WHISPER_ENDPOINT "Local/hook@__func_periodic_hook_context__/n"
#define WHISPER_LACKS                                                                              \
    "Asterisk could not speak into the call: it needs func_periodic_hook.so, func_cut.so, "        \
    "func_uri.so and app_chanspy.so"

enum { WHISPER_MS = 5000 };

struct sound {
    struct entry entry; /* by its id */
    struct ami *a;
    char *id, *call;
    char *near, *far; /* of a whisper: the ids of our channel's halves */
    struct dg_op *op; /* of a whisper that is not heard yet */
    whisper_fn *then;
    struct dg_timer *timer;
    bool quiet, stopped;
    const char *verdict; /* the variable that says whether it was heard, or NULL */
};

static struct sound *sound_new(struct ami *a, const char *id, const char *call)
{
    struct sound *s = text_alloc(sizeof *s);
    s->a = a;
    s->id = text_copy(id);
    s->call = text_copy(call);
    s->entry = (struct entry){.key = s->id, .owner = s};
    table_put(&a->control.sounds, &s->entry);
    return s;
}

/* `unheard`: why nothing was, or NULL. */
static void sound_over(struct sound *s, bool to_the_end, const char *unheard)
{
    struct ami *a = s->a;
    if (!s->quiet)
        control_tell(a, s->call,
                     (struct dg_event){.type = DG_PLAY_ENDED,
                                       .target = s->id,
                                       .on = to_the_end && !s->stopped,
                                       .text = unheard});
    table_take(&a->control.sounds, &s->entry);
    if (s->timer)
        a->h->timer_stop(a->h, s->timer);
    free(s->id);
    free(s->call);
    free(s->near);
    free(s->far);
    free(s);
}

static void sound_end(struct sound *s, bool to_the_end)
{
    sound_over(s, to_the_end, NULL);
}

/* ---- Into a call of the dialplan -------------------------------------------------------- */

static void on_hung_up(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->err && r->err != DG_ENOTFOUND)
        a->h->log(a->h, DG_DEBUG, "a channel that spoke into a call stays: %s", r->words);
}

/* Both halves: the far one may wait for sound that never comes. */
static void hang_up(struct sound *s)
{
    const char *const halves[] = {s->near, s->far};
    for (size_t i = 0; i < 2; i++)
        session_send(s->a, NULL,
                     &(struct request){.action = "Hangup",
                                       .lines = {{"Channel", halves[i]}},
                                       .then = on_hung_up});
}

/* It was never heard. */
static void whisper_failed(struct sound *s, enum dg_err err, const char *why)
{
    struct ami *a = s->a;
    struct dg_op *op = s->op;
    whisper_fn *then = s->then;
    char *id = text_copy(s->id);
    hang_up(s);
    s->quiet = true;
    sound_end(s, false);
    then(a, op, id, err, why);
    free(id);
}

static void on_unheard(void *arg)
{
    struct sound *s = arg;
    s->timer = NULL;
    whisper_failed(s, DG_EUNSUPPORTED, WHISPER_LACKS);
}

static void on_placed(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct sound *s = table_find(&a->control.sounds, arg);
    (void)op;
    free(arg);
    if (s && s->op && r->err)
        whisper_failed(s, r->err == DG_EUPSTREAM ? DG_EUNSUPPORTED : r->err, r->words);
}

/* Percent-encoded, as that context wants it. On Asterisk 16 it takes what is before the second
 * dash, and ChanSpy then speaks into whatever channel begins so: a dash is encoded too. */
static char *encoded(const char *name)
{
    struct text t = {0};
    for (const char *p = name; *p; p++) {
        const char one[] = {*p, '\0'};
        if (*p == '-')
            text_puts(&t, "%2D");
        else
            text_encoded(&t, one);
    }
    return t.at;
}

static void place(struct sound *s, const struct leg *leg, const struct whisper *w)
{
    struct ami *a = s->a;
    struct text language = {0};
    char *target = encoded(leg->name);
    const struct dg_kv variables[] = {{"HOOK_CHANNEL", target}, {"HOOK_ID", s->id}};
    if (w->language) {
        text_puts(&language, "CHANNEL(language)=");
        text_puts(&language, w->language);
    }
    session_send(a, NULL,
                 &(struct request){.action = "Originate",
                                   .lines = {{"Channel", WHISPER_ENDPOINT},
                                             {"ChannelId", s->near},
                                             {"OtherChannelId", s->far},
                                             {"Async", "true"},
                                             {"Timeout", "4000"},
                                             {"Application", w->application},
                                             {"Data", w->data},
                                             {"Variable", language.at}},
                                   .variables = variables,
                                   .variable_count = 2,
                                   .then = on_placed,
                                   .arg = text_copy(s->id)});
    free(target);
    text_free(&language);
}

void sounds_whisper(struct ami *a, struct dg_op *op, const struct leg *leg, const struct whisper *w,
                    whisper_fn *then)
{
    struct text near = {0}, far = {0};
    if (!leg->name || !leg->bridge) {
        then(a, op, w->id, DG_ECONFLICT,
             "the call runs in the dialplan and talks to nobody: nothing can be played into it");
        return;
    }
    struct sound *s = sound_new(a, w->id, leg->id);
    text_puts(&near, LIFE_HIDDEN);
    text_puts(&near, w->id);
    text_puts(&far, near.at);
    text_puts(&far, "-2");
    s->near = near.at;
    s->far = far.at;
    s->op = op;
    s->then = then;
    s->quiet = w->quiet;
    s->timer = a->h->timer_start(a->h, WHISPER_MS, on_unheard, s);
    place(s, leg, w);
}

bool sounds_stop(struct ami *a, const char *id)
{
    struct sound *s = table_find(&a->control.sounds, id);
    if (!s || !s->near)
        return false;
    s->stopped = true;
    hang_up(s);
    return true;
}

/* The sound whose channel this is, or NULL. */
static struct sound *speaking(struct ami *a, const char *channel, bool far)
{
    size_t skip = strlen(LIFE_HIDDEN), len = channel ? strlen(channel) : 0;
    if (len <= skip + 2 || strncmp(channel, LIFE_HIDDEN, skip) != 0)
        return NULL;
    char *id = text_copy(channel + skip);
    if (far)
        id[len - skip - 2] = '\0';
    struct sound *s = table_find(&a->control.sounds, id);
    free(id);
    return s;
}

void sounds_take(struct ami *a, const struct message *m)
{
    struct sound *s;
    if (message_is(m, "Event", "ChanSpyStart")) {
        s = speaking(a, message_text(m, "SpyerUniqueid"), true);
        if (!s || !s->op)
            return;
        if (!message_is(m, "SpyeeUniqueid", s->call)) {
            whisper_failed(s, DG_EUPSTREAM, "Asterisk would have spoken into another call");
            return;
        }
        struct dg_op *op = s->op;
        a->h->timer_stop(a->h, s->timer);
        s->timer = NULL;
        s->op = NULL;
        s->then(a, op, s->id, DG_OK, NULL);
        return;
    }
    s = speaking(a, message_text(m, "Uniqueid"), false);
    if (!s || message_is(m, "Event", "ChanSpyStop") ||
        (message_is(m, "Event", "OriginateResponse") && !message_is(m, "Response", "Failure")))
        return;
    if (s->op) {
        whisper_failed(s, DG_EUNSUPPORTED, WHISPER_LACKS);
        return;
    }
    hang_up(s);
    sound_end(s, true);
}

struct sweep {
    struct ami *a;
    const char *call;
};

static void end_one(void *arg, void *owner)
{
    const struct sweep *e = arg;
    struct sound *s = owner;
    if (!s->near || (e->call && !text_same(e->call, s->call)))
        return;
    if (s->op)
        whisper_failed(s, e->call ? DG_ENOTFOUND : DG_EUNAVAILABLE,
                       e->call ? "the call has ended" : "the link to Asterisk was lost");
    else {
        hang_up(s);
        sound_end(s, false);
    }
}

/* Those by AGI end with their command. */
void sounds_end(struct ami *a, const char *call)
{
    table_each(&a->control.sounds, end_one, &(struct sweep){a, call});
}

/* ---- What is to be played ----------------------------------------------------------------- */

struct kind {
    const char *prefix, *application;
    const char *allowed; /* besides letters and digits */
};

static const struct kind kinds[] = {
    {"sound:", "Playback", "/_.-+"},
    {"number:", "SayNumber", "-"},
    {"digits:", "SayDigits", "*#"},
    {"characters:", "SayAlpha", "*#+-."},
};

/* NULL: `media` is none of these; *value is what follows the prefix. */
static const struct kind *kind_of(const char *media, const char **value)
{
    for (size_t i = 0; media && i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(kinds[i].prefix), n = 0;
        if (strncmp(media, kinds[i].prefix, len) != 0)
            continue;
        *value = media + len;
        if (i == 0 && text_is_address(*value))
            return &kinds[i];
        for (const char *p = *value; *p; p++, n++)
            if (!isalnum((unsigned char)*p) && !strchr(kinds[i].allowed, *p))
                return NULL;
        return n && n <= 200 && !strstr(*value, "..") && **value != '/' ? &kinds[i] : NULL;
    }
    return NULL;
}

static void on_verdict(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct sound *s = table_find(&a->control.sounds, arg);
    const char *status = !r->err && r->message ? message_text(r->message, "Value") : NULL;
    bool failed = text_same(status, "FAILED") || text_same(status, "NOAPP");
    (void)op;
    free(arg);
    if (s)
        sound_over(s, !failed, failed && !s->stopped ? "Asterisk could not play it" : NULL);
}

static void on_played(struct ami *a, struct dg_op *op, const struct agi_reply *r, void *arg)
{
    struct sound *s = arg;
    if (op) {
        a->h->fail(op, r->err, "%s", r->words);
        s->quiet = true; /* it has not begun */
    }
    if (r->err || r->result < 0 || !s->verdict || s->stopped)
        sound_over(s, !r->err && r->result >= 0,
                   r->result == AGI_NO_APPLICATION ? "Asterisk lacks the application for it"
                                                   : NULL);
    else
        session_send(a, NULL,
                     &(struct request){.action = "Getvar",
                                       .lines = {{"Channel", s->call}, {"Variable", s->verdict}},
                                       .then = on_verdict,
                                       .arg = text_copy(s->id)});
}

/* A command of AGI that plays what is not there ends the leg's AGI, and with it the call; an
 * application leaves a word about it. Only the command can begin in the middle of a sound. */
static void play_by_agi(struct ami *a, struct dg_op *op, const struct leg *leg,
                        const struct dg_play *req, const struct kind *kind, const char *value)
{
    char text[500];
    bool sound = kind == &kinds[0];
    struct sound *s = sound_new(a, req->play, leg->id);
    if (sound && req->skip_ms) {
        snprintf(text, sizeof text, "STREAM FILE \"%s\" \"\" %u", value, req->skip_ms * 8);
    } else if (sound) {
        snprintf(text, sizeof text, "EXEC %s \"%s\"", kind->application, value);
        s->verdict = "PLAYBACKSTATUS";
    } else {
        snprintf(text, sizeof text, "EXEC TryExec \"%s(%s)\"", kind->application, value);
        s->verdict = "TRYSTATUS";
    }
    agi_start(a, op, leg, text, on_played, s);
}

/* Set before what is then played; without one it hears its own again. */
static void speak(struct ami *a, struct leg *leg, const char *language)
{
    const char *own = leg->language && *leg->language ? leg->language : "en";
    if (!language && !leg->spoken)
        return;
    if (text_same(leg->spoken, language ? language : own))
        return;
    text_set(&leg->spoken, language ? language : own);
    session_send(a, NULL,
                 &(struct request){.action = "Setvar",
                                   .lines = {{"Channel", leg->id},
                                             {"Variable", "CHANNEL(language)"},
                                             {"Value", leg->spoken}}});
}

static void on_whispered(struct ami *a, struct dg_op *op, const char *id, enum dg_err err,
                         const char *why)
{
    (void)id;
    if (err)
        a->h->fail(op, err, "%s", why);
    else
        a->h->done(op);
}

static void play(struct ami *a, struct dg_op *op, struct leg *leg, const struct dg_play *req)
{
    const char *value = NULL, *language = req->language && *req->language ? req->language : NULL;
    const struct kind *kind = kind_of(req->media, &value);
    if (!kind) {
        a->h->fail(op, DG_EINVAL,
                   "media is sound:, number:, digits: or characters: and what is to be played");
    } else if (language && !text_is_number(language)) {
        a->h->fail(op, DG_EINVAL, "a language is letters, digits and _-");
    } else if (leg->controlled) {
        speak(a, leg, language);
        play_by_agi(a, op, leg, req, kind, value);
    } else if (req->skip_ms) {
        a->h->fail(op, DG_EUNSUPPORTED,
                   "the call runs in the dialplan: a sound can be played to it from its beginning");
    } else {
        sounds_whisper(a, op, leg,
                       &(struct whisper){.id = req->play,
                                         .application = kind->application,
                                         .data = value,
                                         .language = language},
                       on_whispered);
    }
}

void ami_play(void *self, const struct dg_play *req, struct dg_op *op)
{
    struct ami *a = self;
    struct leg *leg = control_leg(a, op, req->on);
    if (!leg)
        return;
    if (!text_is_plain(req->play, 100) || table_find(&a->control.sounds, req->play))
        a->h->fail(op, DG_ECONFLICT, "something of this id is being played");
    else
        play(a, op, leg, req);
}

void ami_play_stop(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct ami *a = self;
    struct sound *s = req->id ? table_find(&a->control.sounds, req->id) : NULL;
    if (!s || s->quiet) {
        a->h->fail(op, DG_ENOTFOUND, "nothing of this id is being played");
    } else if (sounds_stop(a, req->id)) {
        a->h->done(op);
    } else {
        s->stopped = true;
        session_send(a, op,
                     &(struct request){.action = "ControlPlayback",
                                       .lines = {{"Channel", s->call}, {"Control", "stop"}}});
    }
}
