/* backend.h - the telephony backend as the domain sees it: one wrapper per
 * function of struct dg_backend. A wrapper refuses what cannot be done
 * (DG_EUNSUPPORTED when the function is NULL or lacking on this server,
 * DG_EUNAVAILABLE while the link is not up), opens the op, sets its deadline,
 * counts, times the call (a plugin that holds the loop is named in a warning)
 * and traces. `fn` is called exactly once, on a later turn.
 */
#ifndef PLUG_BACKEND_H
#define PLUG_BACKEND_H

#include "plug/plug.h"

#define BACKEND_FUNCTIONS(X)                                                                       \
    X(originate, dg_originate, op_nothing)                                                         \
    X(hangup, dg_hangup, op_nothing)                                                               \
    X(answer, dg_call_ref, op_nothing)                                                             \
    X(ring, dg_switch, op_nothing)                                                                 \
    X(hold, dg_switch, op_nothing)                                                                 \
    X(mute, dg_mute, op_nothing)                                                                   \
    X(moh, dg_moh, op_nothing)                                                                     \
    X(dtmf, dg_dtmf, op_nothing)                                                                   \
    X(go_to, dg_dialplan, op_nothing)                                                              \
    X(transfer, dg_transfer, op_nothing)                                                           \
    X(get_variable, dg_variable, op_text)                                                          \
    X(set_variable, dg_variable, op_nothing)                                                       \
    X(join, dg_join, op_nothing)                                                                   \
    X(park, dg_park, op_nothing)                                                                   \
    X(parked, dg_filter, op_parked)                                                                \
    X(play, dg_play, op_nothing)                                                                   \
    X(play_stop, dg_stop, op_nothing)                                                              \
    X(record, dg_record, op_nothing)                                                               \
    X(record_change, dg_record_ref, op_nothing)                                                    \
    X(snoop, dg_snoop, op_nothing)                                                                 \
    X(bridge_create, dg_bridge_new, op_nothing)                                                    \
    X(bridge_destroy, dg_bridge_ref, op_nothing)                                                   \
    X(bridge_add, dg_bridge_leg, op_nothing)                                                       \
    X(bridge_remove, dg_bridge_leg, op_nothing)                                                    \
    X(calls, dg_filter, op_call)                                                                   \
    X(bridges, dg_filter, op_bridge)                                                               \
    X(endpoints, dg_filter, op_endpoint)                                                           \
    X(queues, dg_filter, op_queue)                                                                 \
    X(members, dg_filter, op_member)                                                               \
    X(callers, dg_filter, op_caller)                                                               \
    X(queue_change, dg_queue_change, op_nothing)                                                   \
    X(recordings, dg_filter, op_recording)                                                         \
    X(recording_find, dg_stop, op_recording)                                                       \
    X(recording_read, dg_recording_read, op_bytes)                                                 \
    X(recording_delete, dg_stop, op_nothing)                                                       \
    X(native, dg_native, op_bytes)                                                                 \
    X(detect, dg_detect, op_nothing)

#define X(name, request, kind)                                                                     \
    void backend_##name(struct instance *in, const struct request *req, op_fn *fn, void *arg);
BACKEND_FUNCTIONS(X)
#undef X

/* What a backend can do, function by function. */
enum backend_ability {
    BACKEND_WORKS,
    BACKEND_CONTROLLED,  /* only with a call that is under this gateway's control */
    BACKEND_UNAVAILABLE, /* not on this server, or not now */
    BACKEND_NEVER,
};
/* `why`: a sentence, when it does not work; may be NULL. */
enum backend_ability backend_ability(const struct instance *in, const char *function,
                                     const char **why);
/* The names of all functions; ends with NULL. */
extern const char *const backend_functions[];

/* NULL: works. Else why not, in a sentence; *never is set when this plugin never can. */
const char *backend_refusal(const struct instance *in, const char *function, bool *never);

/* See dg_backend.stand_in. */
bool backend_stands_in(const struct instance *in);
void backend_stand_in(struct instance *in, const struct dg_stand_in *req, op_fn *fn, void *arg);

#endif
