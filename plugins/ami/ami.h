/* ami.h - one instance of the plugin, and the functions of its table by file. */
#ifndef AMI_AMI_H
#define AMI_AMI_H

#include "config.h"
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

/* lists.c */
void ami_calls(void *self, const struct dg_filter *req, struct dg_op *op);
void ami_bridges(void *self, const struct dg_filter *req, struct dg_op *op);
void ami_endpoints(void *self, const struct dg_filter *req, struct dg_op *op);

#endif
