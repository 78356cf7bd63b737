/* control.h - what is under way on living calls: commands, sounds, recordings,
 * calls on their way into a parking lot. The functions of the table that use it
 * are in control.c, places.c, parking.c, sounds.c and recordings.c.
 *
 * All ends with its call, and with the link; but what a leg's AGI is doing when
 * the link is lost goes on there, and its end is told when it can be known again.
 */
#ifndef AMI_CONTROL_H
#define AMI_CONTROL_H

#include "asterisk/legs.h"
#include "asterisk/table.h"
#include "dialgate/backend.h"
#include "message.h"

struct ami;

struct control {
    uint64_t last_id;
    struct table commands;     /* sent to a leg's AGI, by CommandID */
    struct table sounds;       /* by the id they were given */
    struct table records;      /* likewise */
    struct table parks;        /* by call id */
    struct table holds;        /* likewise */
    struct dialling *dialling; /* digits whose next one waits for its time */
};

/* An event, before events.h takes it: so what ends with a call ends before the call does. */
void control_take(struct ami *a, const struct message *m);
/* The link is down, or the instance closes: all that waits ends. Recordings go on, and commands
 * that a leg's AGI carries out. */
void control_lost_link(struct ami *a);
void control_free(struct ami *a);

/* The living leg that is meant, or NULL: `op` has been failed. */
struct leg *control_leg(struct ami *a, struct dg_op *op, const char *call);
/* The one other leg in its bridge; NULL: there is none, or several. */
struct leg *control_peer(struct ami *a, const struct leg *leg);
bool control_is_alone(struct ami *a, const struct leg *leg); /* no bridge, or nobody else in it */
void control_tell(struct ami *a, const char *call, struct dg_event ev);
/* It waits in its AGI, as Asterisk says when it is asked. */
void control_found(struct ami *a, struct leg *leg);
/* Asterisk has taken it out of there: into a bridge or a parking lot. */
void control_lost(struct ami *a, struct leg *leg);

/* agi.c - a command for a leg under control, in the words of AGI. `then` is called exactly once
 * when it has been carried out, with DG_OK, or cannot be. `text` must be made of checked pieces. */
struct agi_reply {
    enum dg_err err;
    int result; /* "200 result=-1": -1, something went wrong; -2: EXEC knows no such application */
    const char *words;
};
#define AGI_NO_APPLICATION (-2)
typedef void agi_fn(struct ami *a, struct dg_op *op, const struct agi_reply *r, void *arg);
void agi_send(struct ami *a, struct dg_op *op, const struct leg *leg, const char *text,
              agi_fn *then, void *arg);
/* The same for what takes its time: `op` has ended well when it is queued; `then` is given NULL for
 * it, or `op` when it could not be queued. */
void agi_start(struct ami *a, struct dg_op *op, const struct leg *leg, const char *text,
               agi_fn *then, void *arg);
void agi_exec(struct ami *a, const struct message *m); /* AsyncAGIExec */
/* No more answers come for this call; NULL: for none. */
void agi_end(struct ami *a, const char *call, enum dg_err err, const char *why);
/* The link is lost: commands whose op waits for them end, others are kept. */
void agi_keep(struct ami *a, const char *why);
/* All legs have been listed: of those that were kept, what has ended meanwhile is told. */
void agi_listed(struct ami *a);
bool agi_is_busy(struct ami *a, const char *call); /* with a command */
/* The then of a command whose success is the op's. */
void agi_done(struct ami *a, struct dg_op *op, const struct agi_reply *r, void *arg);
#define AGI_DIALPLAN                                                                               \
    "the call runs in the dialplan; this works only on one that is under the gateway's control"

void digits_end(struct ami *a); /* digits.c */

/* sounds.c - `then` with DG_OK when `application` speaks into a call of the dialplan; its end is
 * told as that of what is played, unless `quiet`. */
struct whisper {
    const char *id; /* of what is played */
    const char *application, *data, *language;
    bool quiet;
};
typedef void whisper_fn(struct ami *a, struct dg_op *op, const char *id, enum dg_err err,
                        const char *why);
void sounds_whisper(struct ami *a, struct dg_op *op, const struct leg *leg, const struct whisper *w,
                    whisper_fn *then);
bool sounds_stop(struct ami *a, const char *id); /* a whisper; false: there is none */
void sounds_take(struct ami *a, const struct message *m);
void sounds_end(struct ami *a, const char *call); /* NULL: all */

/* recordings.c, parking.c, hold.c: what ends with a call; NULL: all. */
void records_end(struct ami *a, const char *call);
void parks_take(struct ami *a, const struct message *m);
void parks_end(struct ami *a, const char *call);
void holds_end(struct ami *a, const char *call);

#endif
