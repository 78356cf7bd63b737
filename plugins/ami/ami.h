/* ami.h - one instance of the plugin, and the functions of its table by file. */
#ifndef AMI_AMI_H
#define AMI_AMI_H

#include "asterisk/folder.h"
#include "config.h"
#include "control.h"
#include "dialgate/backend.h"
#include "events.h"
#include "link.h"
#include "session.h"

struct ami {
    const struct dg_host *h;
    struct config config;
    struct session session;
    struct link link;
    struct events events;
    struct originate *originates; /* that are not accepted yet */
    struct grace *graces;         /* legs whose end is not explained yet */
    struct control control;
    struct folder *folder; /* of recordings; NULL: none is shared */
    struct dg_metric *message_count, *action_count, *skipped_count, *late_count, *connect_count;
    bool closing;
};

/* What a client calls a channel, as an action takes it: a call's id or a channel's name. NULL: it
 * can be none, and `op` has been failed. */
const char *ami_channel(struct ami *a, struct dg_op *op, const char *call);

/* originate.c */
void ami_originate(void *self, const struct dg_originate *req, struct dg_op *op);
void originate_seen(struct ami *a, const char *call); /* its channel is there */
void originate_response(void *arg, const char *action_id, bool success);
void originates_link_up(struct ami *a); /* those whose response went with the last link */
void originates_end(struct ami *a);     /* closing */

/* calls.c */
void ami_hangup(void *self, const struct dg_hangup *req, struct dg_op *op);
/* End a leg nobody waits for. */
void ami_kill(struct ami *a, const char *call);
/* A leg has ended, and why may be told in a moment; the link is down: no more is told. */
void calls_unsettled(void *arg, const char *call);
void calls_clear(struct ami *a);

/* control.c, hold.c */
void ami_answer(void *self, const struct dg_call_ref *req, struct dg_op *op);
void ami_hold(void *self, const struct dg_switch *req, struct dg_op *op);
void ami_mute(void *self, const struct dg_mute *req, struct dg_op *op);
void ami_moh(void *self, const struct dg_moh *req, struct dg_op *op);
void ami_dtmf(void *self, const struct dg_dtmf *req, struct dg_op *op);
void ami_get_variable(void *self, const struct dg_variable *req, struct dg_op *op);
void ami_set_variable(void *self, const struct dg_variable *req, struct dg_op *op);

/* places.c */
void ami_go_to(void *self, const struct dg_dialplan *req, struct dg_op *op);
void ami_transfer(void *self, const struct dg_transfer *req, struct dg_op *op);
void ami_join(void *self, const struct dg_join *req, struct dg_op *op);

/* parking.c */
void ami_park(void *self, const struct dg_park *req, struct dg_op *op);
void ami_parked(void *self, const struct dg_filter *req, struct dg_op *op);

/* sounds.c, recordings.c */
void ami_play(void *self, const struct dg_play *req, struct dg_op *op);
void ami_detect(void *self, const struct dg_detect *req, struct dg_op *op);
void ami_play_stop(void *self, const struct dg_stop *req, struct dg_op *op);
void ami_record(void *self, const struct dg_record *req, struct dg_op *op);
void ami_record_change(void *self, const struct dg_record_ref *req, struct dg_op *op);

/* stored.c: recordings that lie in the shared folder */
void ami_recordings(void *self, const struct dg_filter *req, struct dg_op *op);
void ami_recording_find(void *self, const struct dg_stop *req, struct dg_op *op);
void ami_recording_read(void *self, const struct dg_recording_read *req, struct dg_op *op);
void ami_recording_delete(void *self, const struct dg_stop *req, struct dg_op *op);
void stored_lacks(struct ami *a); /* says so, where there is no folder */

/* unheard.c: the same, of a leg that no event has told of yet too */
void heard_answer(void *self, const struct dg_call_ref *req, struct dg_op *op);
void heard_hold(void *self, const struct dg_switch *req, struct dg_op *op);
void heard_moh(void *self, const struct dg_moh *req, struct dg_op *op);
void heard_park(void *self, const struct dg_park *req, struct dg_op *op);
void heard_join(void *self, const struct dg_join *req, struct dg_op *op);
void heard_transfer(void *self, const struct dg_transfer *req, struct dg_op *op);
void heard_play(void *self, const struct dg_play *req, struct dg_op *op);
void heard_detect(void *self, const struct dg_detect *req, struct dg_op *op);
void heard_record(void *self, const struct dg_record *req, struct dg_op *op);

/* queues.c */
void ami_queues(void *self, const struct dg_filter *req, struct dg_op *op);
void ami_members(void *self, const struct dg_filter *req, struct dg_op *op);
void ami_callers(void *self, const struct dg_filter *req, struct dg_op *op);
void ami_queue_change(void *self, const struct dg_queue_change *req, struct dg_op *op);

/* native.c */
void ami_native(void *self, const struct dg_native *req, struct dg_op *op);

/* lists.c */
void ami_calls(void *self, const struct dg_filter *req, struct dg_op *op);
void ami_bridges(void *self, const struct dg_filter *req, struct dg_op *op);
void ami_endpoints(void *self, const struct dg_filter *req, struct dg_op *op);

#endif
