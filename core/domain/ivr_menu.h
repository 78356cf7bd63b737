/* ivr_menu.h - a menu: what a caller hears, and what his keys lead to.
 * [any thread; nothing here asks anybody]
 *
 * A menu is a document with its actions in it. `audio_file` and the value of a
 * playback are sounds, one after the other with & between them:
 *
 *     welcome.wav        a file that was uploaded, with or without its ending
 *     sound:vm-goodbye   one that Asterisk brings
 *     number:42  digits:007  characters:ab   spoken
 *
 * `{digits}` in it, and in an extension, stands for what the caller entered last.
 *
 * The keys of an action are those that must be pressed (0-9 * #), or a pattern
 * as in a dialplan ("_1XX": X any digit, Z not 0, N neither 0 nor 1), or t or i:
 * what is done when nothing comes in time, or nothing that fits.
 */
#ifndef DOMAIN_IVR_MENU_H
#define DOMAIN_IVR_MENU_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define IVR_DIGITS_MAX    16
#define IVR_ACTIONS_MAX   64
#define IVR_SOUNDS_MAX    20 /* in one text */
#define IVR_TEXT_MAX      255
#define IVR_TIMEOUT_MAX_S 300
#define IVR_REPEATS_MAX   10
#define IVR_RECORD_MAX_S  3600
#define IVR_DIGITS_MARK   "{digits}"

enum ivr_action_type {
    IVR_EXTEN, /* `value` is rung, and joined to the caller */
    IVR_QUEUE,
    IVR_HANGUP,
    IVR_PLAYBACK, /* sounds */
    IVR_GOTO,     /* the menu of that id */
    IVR_RECORD,   /* what the caller says, until a key or for so many seconds */
    IVR_ACTION_TYPES,
};

/* What follows when an action is done and the caller is still there: after an extension or a queue
 * that could not be reached, a playback, a recording. */
enum ivr_next { IVR_NEXT_HANGUP, IVR_NEXT_MENU, IVR_NEXTS };

struct ivr_action {
    int64_t id;
    char keys[IVR_DIGITS_MAX + 2]; /* a pattern has its _ in front */
    enum ivr_action_type type;
    char *value;  /* never NULL */
    int64_t menu; /* of a goto: 0 if `value` is no id */
    enum ivr_next next;
    int64_t created_at_ms;
};

struct ivr_menu {
    int64_t id;
    uint64_t version;
    int64_t campaign_id; /* 0: it belongs to none */
    char *name;
    char *audio_file;         /* never NULL; "": nothing is heard */
    char *language;           /* NULL: that of the call */
    unsigned timeout_s;       /* from the end of the sounds to the first key */
    unsigned digit_timeout_s; /* from one key to the next */
    unsigned max_digits;
    unsigned repeats; /* so often it is heard again before t and i are followed */
    bool barge_in;    /* a key ends the sounds; else keys count after them only */
    struct ivr_action *actions;
    size_t action_count;
    int64_t created_at_ms, updated_at_ms; /* updated 0: never */
};

struct ivr_menu *ivr_menu_new(void); /* with the defaults */
struct ivr_menu *ivr_menu_copy(const struct ivr_menu *m);
void ivr_menu_free(struct ivr_menu *m); /* NULL is fine */

/* ---- As documents -------------------------------------------------------------------------- */

/* What the store keeps; the id is not in it. */
void ivr_menu_write(const struct ivr_menu *m, struct buf *out);
/* NULL: the document is none of a menu. */
struct ivr_menu *ivr_menu_read(const char *id, uint64_t version, const json_t *doc);

/* What somebody sends of a menu: members that are not there leave it as it is, the actions are
 * replaced as a whole. false: `problem` names the member ("actions[2].action_type: ..."), `m` may
 * hold a part of it. */
bool ivr_menu_accept(struct ivr_menu *m, const json_t *from, struct problem *problem);

const char *ivr_action_type_name(enum ivr_action_type type);
bool ivr_action_type_parse(const char *name, enum ivr_action_type *out);
const char *ivr_next_name(enum ivr_next next); /* "hangup", "menu" */

/* ---- Keys ---------------------------------------------------------------------------------- */

/* The action for exactly these digits; one with the digits themselves goes before a pattern. NULL:
 * none. *longer: more digits could fit another one. */
const struct ivr_action *ivr_menu_match(const struct ivr_menu *m, const char *digits, bool *longer);
/* The action t or i, or NULL. */
const struct ivr_action *ivr_menu_special(const struct ivr_menu *m, char which);

/* ---- Sounds -------------------------------------------------------------------------------- */

size_t ivr_sound_count(const char *sounds);
/* The sound `index` with {digits} filled in; false: it does not fit into `out`. */
bool ivr_sound(const char *sounds, size_t index, const char *digits, char out[IVR_TEXT_MAX + 1]);
/* "welcome" of "welcome.wav"; false: it is no uploaded file. */
bool ivr_sound_file(const char *sound, char out[IVR_TEXT_MAX + 1]);
/* Where uploaded files are, as the telephone system names them. */
struct ivr_place {
    const char *folder; /* below its own folder of sounds */
    const char *url;    /* of this gateway, from which it fetches them; NULL or "": the folder */
    const char *key;    /* of the signatures in the addresses there */
};
#define IVR_MEDIA_MAX 500
/* For the backend: "sound:dialer/welcome", or "sound:http://gateway/sounds/<signature>/de/
 * welcome.wav" ("-" in the place of the language: that of all). false: it does not fit. */
bool ivr_sound_media(const char *sound, const struct ivr_place *place, const char *language,
                     char *out, size_t size);

/* Whoever does not know the key cannot name an address. */
#define IVR_SIGNATURE_SIZE 33
void ivr_sound_sign(const char *key, const char *language, const char *file,
                    char out[IVR_SIGNATURE_SIZE]);
/* NULL: the text can be played; else what is wrong with it. */
const char *ivr_sounds_refusal(const char *sounds);
bool ivr_fill_in(const char *text, const char *digits, char *out, size_t size);

/* ---- Several of them ----------------------------------------------------------------------- */

/* Menus that lead to each other, as they were when they were read. Whoever needs them counts. */
struct ivr_book;
struct ivr_book *ivr_book_new(void);
struct ivr_book *ivr_book_ref(struct ivr_book *b);
void ivr_book_unref(struct ivr_book *b);                   /* NULL is fine */
bool ivr_book_add(struct ivr_book *b, struct ivr_menu *m); /* taken over; false: there, or full */
const struct ivr_menu *ivr_book_find(const struct ivr_book *b, int64_t id); /* or NULL */
size_t ivr_book_count(const struct ivr_book *b);
const struct ivr_menu *ivr_book_at(const struct ivr_book *b, size_t index);

#define IVR_BOOK_MAX 500

#endif
