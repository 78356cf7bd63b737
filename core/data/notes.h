/* notes.h - short hints between the gateways on one store: "look at this
 * again". [control thread]
 *
 * A note may be lost, come twice, or come late: what must be known is in the
 * store, and whoever waits for a note looks there now and then as well. Notes
 * of a store that passes none on (one that belongs to this gateway alone) go
 * nowhere. A note is told to the other gateways, not to who published it.
 *
 * A topic's line below says what its text is.
 */
#ifndef DATA_NOTES_H
#define DATA_NOTES_H

#include "base/metrics.h"
#include "data/store.h"

enum note_topic {
    NOTE_USERS,        /* users or their tokens were changed; the text may name one */
    NOTE_COMMAND,      /* something is to be done; the node's name */
    NOTE_COMMAND_DONE, /* it was done, or refused; the command's id */
    NOTE_IDEMPOTENCY,  /* a key's answer is there; the record's id */
    NOTE_MOCK_NUMBERS, /* they were changed; the change's id */
    NOTE_NODES,        /* one has started, stopped, or was given up; its name */
    NOTE_LOGINS,       /* an attempt to sign in was counted; the address */
    NOTE_EVENTS,       /* events were written down; the name of the gateway that they are of */
    NOTE_WEBHOOKS,     /* they were changed; the id of one */
    NOTE_CAMPAIGN,     /* it was started, stopped, paused, or is paced by nobody; its id */
    NOTE_TOPICS,
};

struct notes;

struct notes *notes_new(struct store *store, struct metrics *metrics); /* metrics may be NULL */
void notes_free(struct notes *n); /* after the store, which has forgotten what was under way */

/* `text` is lent. NULL: notes may have been missed, all of the topic is to be looked at again. */
typedef void note_fn(void *arg, const char *text);
/* As many as like. Not from inside a note. `n` may be NULL here and in notes_publish: then there
 * are no others. */
void notes_subscribe(struct notes *n, enum note_topic topic, note_fn *fn, void *arg);
void notes_unsubscribe(struct notes *n, enum note_topic topic, note_fn *fn, void *arg);

/* At most NOTE_TEXT_MAX bytes. Copied; nobody is told whether it went. */
#define NOTE_TEXT_MAX 200
void notes_publish(struct notes *n, enum note_topic topic, const char *text);

/* To be called from plug_events of the store's instance. */
void notes_come(struct notes *n, const struct dg_note *note);
void notes_link(struct notes *n, enum dg_link link);

#endif
