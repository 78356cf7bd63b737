/* call_plan.h - what the gateway itself does with a call when it is answered: finds out whether a
 * person or a machine has answered, plays a message. [any thread; pure]
 *
 * What follows for a person is the message, or without one the call's menu or its place in the
 * dialplan. A machine is hung up, gets a message of its own, or is taken for a person; so is
 * whoever could not be told from one.
 *
 * Sounds are texts as in menus (ivr_menu.h).
 */
#ifndef DOMAIN_CALL_PLAN_H
#define DOMAIN_CALL_PLAN_H

#include <jansson.h>

#include "base/json.h"
#include "dialgate/backend.h"

enum plan_machine {
    PLAN_MACHINE_CONTINUE, /* as if it were a person */
    PLAN_MACHINE_HANGUP,
    PLAN_MACHINE_MESSAGE, /* when its greeting is over */
    PLAN_MACHINES,
};

#define PLAN_REPEAT_MAX 10

struct call_plan {
    char *audio;     /* NULL: the menu or the place follows */
    unsigned repeat; /* how often it is heard, at least once */
    char *language;  /* NULL: the call's */
    bool detect;
    struct dg_detect amd; /* 0: as the telephone system is configured; `call` is not used */
    enum plan_machine on_machine;
    char *machine_message; /* with PLAN_MACHINE_MESSAGE */
};

struct call_plan *call_plan_new(void);
struct call_plan *call_plan_copy(const struct call_plan *p); /* NULL gives NULL */
void call_plan_free(struct call_plan *p);                    /* NULL is fine */

void call_plan_write(const struct call_plan *p, struct json_writer *w, const char *key);
struct call_plan *call_plan_read(const json_t *doc); /* NULL: no object */

/* "continue", "hangup", "message" */
bool plan_machine_parse(const char *name, enum plan_machine *out);

/* The numbers of an `amd`, by the names that Asterisk's amd.conf has for them, and `silence` and
 * `wait`: X(name, member of struct dg_detect, least, greatest, what it is, example). */
/* clang-format off */
#define PLAN_NUMBERS(X)                                                                            \
    X(initial_silence, initial_silence, 100, 30000,                                                \
      "Longest silence before a person's greeting, in ms", "2500")                                 \
    X(greeting, greeting, 100, 30000, "Longest greeting of a person, in ms", "1500")               \
    X(after_greeting_silence, after_greeting_silence, 50, 10000,                                   \
      "Silence after a greeting by which a person is known, in ms", "800")                         \
    X(total_analysis_time, total_analysis_time, 500, 60000,                                        \
      "After so many ms it is not known who has answered", "5000")                                 \
    X(min_word_length, min_word_length, 10, 5000, "The shortest word, in ms", "100")               \
    X(maximum_word_length, max_word_length, 100, 60000,                                            \
      "The longest word of a person, in ms", "5000")                                               \
    X(between_words_silence, between_words_silence, 10, 5000,                                      \
      "The shortest silence between words, in ms", "50")                                           \
    X(maximum_number_of_words, max_words, 1, 100, "Most words of a person's greeting", "2")        \
    X(silence_threshold, silence_threshold, 1, 32767, "What is less loud is silence", "256")       \
    X(silence, silence_ms, 100, 10000,                                                             \
      "A machine's greeting is over after so much silence, in ms", "1000")                         \
    X(wait, wait_ms, 1000, 120000,                                                                 \
      "So long that is waited for, in ms; then the message is played all the same", "30000")
/* clang-format on */

struct plan_number {
    const char *name;
    size_t at; /* in struct dg_detect, a uint32_t */
    int64_t min, max;
};
extern const struct plan_number plan_numbers[]; /* ends with name NULL */
uint32_t *plan_number(struct dg_detect *amd, const struct plan_number *which);

#define PLAN_SILENCE_MS                                                                            \
    1000 /* of a machine whose greeting is over, unless something else is said */
#define PLAN_WAIT_MS 30000

#endif
