/* ivr_engine.h - a caller's way through menus. [any thread; pure]
 *
 * Events go in, commands come out: there is no telephone in it, no store and no
 * clock (events say when they happened). Whoever carries the commands out gives
 * back what became of them under the command's number; what is told of an older
 * number is late and changes nothing.
 *
 * However events come, a session ends: every wait has a timer, the menus that
 * are entered are counted, and so is what did not fit. Only a caller who has
 * been joined to somebody is waited for without end: that is a call like others.
 * The input of a menu takes at most its timeout, and its digit timeout for each
 * further digit.
 *
 *     session        waits for                     timer
 *     PROMPT         a sound of the menu to end    play_ms
 *     WAIT           the first key                 the menu's timeout
 *     INPUT          another key                   the menu's digit timeout
 *     MESSAGE        a playback's sound to end     play_ms
 *     CONNECTING     an extension or a queue       none here: whoever rings has one
 *     CONNECTED      the end of the conversation   none
 *     RECORDING      the end of the recording      its length
 *     LEAVING        the end of the call           leave_ms
 *     OVER           nothing
 */
#ifndef DOMAIN_IVR_ENGINE_H
#define DOMAIN_IVR_ENGINE_H

#include "base/json.h"
#include "domain/ivr_menu.h"

enum ivr_state {
    IVR_NEW,
    IVR_PROMPT,
    IVR_WAIT,
    IVR_INPUT,
    IVR_MESSAGE,
    IVR_CONNECTING,
    IVR_CONNECTED,
    IVR_RECORDING,
    IVR_LEAVING,
    IVR_OVER,
    IVR_STATES,
};

enum ivr_event_type {
    IVR_EV_START,    /* the caller is there */
    IVR_EV_DIGIT,    /* `digit` */
    IVR_EV_PLAYED,   /* `number`, `failed`; `text`: it is not there */
    IVR_EV_TIMER,    /* `number` */
    IVR_EV_JOINED,   /* `number`: caller and agent hear each other */
    IVR_EV_PARTED,   /* `number`, `text`: the agent was not reached, or has gone */
    IVR_EV_RECORDED, /* `number`, `failed`, `text`: where it lies */
    IVR_EV_HANGUP,   /* the call is over */
    IVR_EV_STOP,     /* somebody wants its end */
    IVR_EV_AWAY,     /* the caller was sent elsewhere on request: he is not hung up */
    IVR_EVENTS,
};

struct ivr_event {
    enum ivr_event_type type;
    int64_t at_ms;
    uint32_t number;
    char digit;
    bool failed;
    const char *text; /* copied; may be NULL */
};

enum ivr_command_type {
    IVR_DO_PLAY,        /* `number`, `text`: a sound; `language` */
    IVR_DO_STOP_PLAY,   /* `number` */
    IVR_DO_TIMER,       /* `number`, `ms`; the one before is not needed any more */
    IVR_DO_CONNECT,     /* `number`, `action`, `text`: the value with what was entered */
    IVR_DO_RECORD,      /* `number`, `ms` */
    IVR_DO_STOP_RECORD, /* `number` */
    IVR_DO_HANG_UP,
    IVR_DO_END, /* the last one: nothing is waited for any more */
};

struct ivr_command {
    enum ivr_command_type type;
    uint32_t number;
    uint64_t ms;
    const struct ivr_action *action;
    const char *language; /* of the menu; NULL: the call's */
    char text[IVR_TEXT_MAX + 1];
};

#define IVR_COMMANDS_MAX 8 /* of one event */

struct ivr_commands {
    struct ivr_command list[IVR_COMMANDS_MAX];
    size_t count;
};

struct ivr_limits {
    unsigned menus;   /* entered in one session */
    unsigned idle;    /* entered one after the other without a key between them */
    unsigned invalid; /* inputs that did not fit */
    uint64_t play_ms; /* a sound takes no longer */
    uint64_t leave_ms;
};
extern const struct ivr_limits ivr_default_limits;

/* ---- What happened on the way -------------------------------------------------------------- */

enum ivr_mark_type {
    IVR_MARK_MENU,      /* entered */
    IVR_MARK_REPEAT,    /* heard again */
    IVR_MARK_CHOICE,    /* digits, action */
    IVR_MARK_TIMEOUT,   /* action NULL: there is no t */
    IVR_MARK_INVALID,   /* digits; action NULL: nothing was done */
    IVR_MARK_UNHEARD,   /* text: a sound that could not be played */
    IVR_MARK_SILENT,    /* text: a sound that is not there */
    IVR_MARK_MESSAGE,   /* the message begins */
    IVR_MARK_JOINED,    /* the action's extension or queue */
    IVR_MARK_UNREACHED, /* text */
    IVR_MARK_RECORDED,  /* text: the file; NULL: it failed */
    IVR_MARK_MISSING,   /* the menu of the action is not there */
    IVR_MARK_END,       /* text: why */
    IVR_MARKS,
};

struct ivr_mark {
    enum ivr_mark_type type;
    int64_t menu;
    int64_t after_ms; /* the start */
    char digits[IVR_DIGITS_MAX + 1];
    const struct ivr_action *action; /* of the session's book, or NULL */
    char *text;                      /* or NULL */
};

#define IVR_PATH_MAX 300u /* marks; what comes then is counted, the end has its place */
#define IVR_KEYS_MAX 64

struct ivr_session {
    enum ivr_state state;
    struct ivr_book *book;
    struct ivr_limits limits;
    int64_t entry; /* the menu that it begins with */
    const struct ivr_menu *menu;
    const struct ivr_action *action;  /* being done, or NULL */
    size_t sound;                     /* being played, of the menu or the action */
    bool message, heard;              /* it is no menu but a message; something of it was heard */
    unsigned played;                  /* how often the message was heard to its end */
    bool stopping;                    /* the recording was told to end */
    uint32_t number, timer;           /* of the last command, of the last timer */
    char digits[IVR_DIGITS_MAX + 1];  /* of the input under way */
    char entered[IVR_DIGITS_MAX + 1]; /* the input before it */
    unsigned menus, idle, invalid, repeats;
    int64_t began_ms;
    const char *reason;          /* a constant; why it ended */
    char keys[IVR_KEYS_MAX + 1]; /* all that were pressed */
    struct ivr_mark *path;
    size_t path_count, path_lost;
};

/* `book` gets another user. limits NULL: the defaults. */
void ivr_session_init(struct ivr_session *s, struct ivr_book *book, int64_t entry,
                      const struct ivr_limits *limits);
/* Not a menu: sounds, so often, and then the call is hung up. */
struct ivr_message {
    const char *sounds, *language;
    unsigned repeat;
};
void ivr_session_message(struct ivr_session *s, const struct ivr_message *message,
                         const struct ivr_limits *limits);
void ivr_session_clear(struct ivr_session *s);
void ivr_step(struct ivr_session *s, const struct ivr_event *ev, struct ivr_commands *out);

/* "hangup" an action said so, "timeout", "invalid" too often, "loop", "missing_menu", "agent" has
 * hung up, "unreached", "caller", "transferred", "stopped"; of a message "played" or "missing";
 * NULL: it is not over. */
static inline const char *ivr_reason(const struct ivr_session *s)
{
    return s->reason;
}
const char *ivr_state_name(enum ivr_state state);
const char *ivr_mark_name(enum ivr_mark_type type);

void ivr_mark_write(const struct ivr_mark *m, struct json_writer *w, const char *key);
/* [{"at":0,"menu":1,"event":"menu"},...] */
void ivr_marks_write(const struct ivr_session *s, struct json_writer *w, const char *key);
/* {"menu":1,"keys":"2#","result":"caller","path":[...]} */
void ivr_path_write(const struct ivr_session *s, struct json_writer *w, const char *key);
/* {"audio":"welcome","to":"human","played":1,"keys":"","result":"played","path":[...]} */
void ivr_message_write(const struct ivr_session *s, const char *to, struct json_writer *w,
                       const char *key);

#endif
