/* ari.h - one instance of the plugin, and the functions of its table by file. */
#ifndef ARI_ARI_H
#define ARI_ARI_H

#include "asterisk/folder.h"
#include "config.h"
#include "dialgate/backend.h"
#include "events.h"
#include "link.h"
#include "rest.h"
#include "spool.h"

struct ari {
    const struct dg_host *h;
    struct config config;
    struct rest rest;
    struct link link;
    struct events events;
    struct originate *originates; /* under way */
    struct folder *folder;        /* of recordings; NULL: none is shared */
    struct spool spool;
    struct stand_in *stand_ins; /* applications of gateways that have died */
    struct dg_metric *event_count, *request_count, *retry_count, *reconnect_count;
    bool closing;
};

/* originate.c */
void ari_originate(void *self, const struct dg_originate *req, struct dg_op *op);
void ari_originates_end(struct ari *a); /* closing: those that wait for their next try */

/* control.c */
void ari_hangup(void *self, const struct dg_hangup *req, struct dg_op *op);
void ari_answer(void *self, const struct dg_call_ref *req, struct dg_op *op);
void ari_ring(void *self, const struct dg_switch *req, struct dg_op *op);
void ari_hold(void *self, const struct dg_switch *req, struct dg_op *op);
void ari_mute(void *self, const struct dg_mute *req, struct dg_op *op);
void ari_moh(void *self, const struct dg_moh *req, struct dg_op *op);
void ari_dtmf(void *self, const struct dg_dtmf *req, struct dg_op *op);
void ari_go_to(void *self, const struct dg_dialplan *req, struct dg_op *op);
void ari_get_variable(void *self, const struct dg_variable *req, struct dg_op *op);
void ari_set_variable(void *self, const struct dg_variable *req, struct dg_op *op);
/* End a leg nobody waits for; send an answered leg on to the dialplan. */
void ari_kill(struct ari *a, const char *call);
void ari_go_on(struct ari *a, const char *call, const char *context, const char *extension,
               const char *priority);

/* With observe = "own": have the events of "channel:" or "bridge:" `id` too. */
void ari_observe(struct ari *a, const char *kind, const char *id);

/* detect.c */
void ari_detect(void *self, const struct dg_detect *req, struct dg_op *op);

/* bridges.c */
void ari_join(void *self, const struct dg_join *req, struct dg_op *op);
void ari_bridge_create(void *self, const struct dg_bridge_new *req, struct dg_op *op);
void ari_bridge_destroy(void *self, const struct dg_bridge_ref *req, struct dg_op *op);
void ari_bridge_add(void *self, const struct dg_bridge_leg *req, struct dg_op *op);
void ari_bridge_remove(void *self, const struct dg_bridge_leg *req, struct dg_op *op);
void ari_bridge_dissolve(struct ari *a, const char *bridge);

/* media.c */
void ari_play(void *self, const struct dg_play *req, struct dg_op *op);
void ari_play_stop(void *self, const struct dg_stop *req, struct dg_op *op);
void ari_plays_link_up(struct ari *a); /* what ended while the link was away is told */
void ari_record(void *self, const struct dg_record *req, struct dg_op *op);
void ari_record_change(void *self, const struct dg_record_ref *req, struct dg_op *op);
void ari_snoop(void *self, const struct dg_snoop *req, struct dg_op *op);

/* stored.c */
void ari_recordings(void *self, const struct dg_filter *req, struct dg_op *op);
void ari_recording_find(void *self, const struct dg_stop *req, struct dg_op *op);
void ari_recording_read(void *self, const struct dg_recording_read *req, struct dg_op *op);
void ari_recording_delete(void *self, const struct dg_stop *req, struct dg_op *op);

/* lists.c */
void ari_calls(void *self, const struct dg_filter *req, struct dg_op *op);
void ari_bridges(void *self, const struct dg_filter *req, struct dg_op *op);

/* endpoints.c */
void ari_endpoints(void *self, const struct dg_filter *req, struct dg_op *op);

/* native.c */
void ari_native(void *self, const struct dg_native *req, struct dg_op *op);

#endif
