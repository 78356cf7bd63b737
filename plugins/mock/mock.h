/* mock.h - inside of the mock backend: a telephony server that is played.
 *
 * mock.c      descriptor, opening and closing
 * index.c     things by their ids
 * rules.c     which number has which fate
 * calls.c     a call's life, from originate to its end
 * control.c   what is done to a call
 * media.c     playing
 * keys.c      what the far end presses
 * detect.c    whether it is a person or a machine
 * recordings.c  recording
 * stored.c    what was recorded
 * bridges.c   bridges, joining, transfers
 * parking.c   parked calls
 * queues.c    queues, their members and callers; lines
 */
#ifndef MOCK_H
#define MOCK_H

#include "dialgate/backend.h"

struct mock_link {
    struct mock_link *next, *prev;
};

/* Things of one kind by their ids; they begin with a struct mock_thing. */
struct mock_thing {
    struct mock_link link; /* in the order they came */
    struct mock_thing *same_bucket;
    char *id;
};

struct mock_index {
    struct mock_thing **buckets;
    size_t bucket_count, count;
    struct mock_link order;
};

enum mock_outcome {
    MOCK_ANSWERS,
    MOCK_BUSY,
    MOCK_DECLINES,
    MOCK_UNKNOWN,
    MOCK_CONGESTION,
    MOCK_RINGS,    /* until the timeout */
    MOCK_SILENT,   /* until the timeout, without ringing */
    MOCK_EARLY,    /* early media, then answers */
    MOCK_HANGS_UP, /* answers, then hangs up itself */
};

struct mock_rule {
    char *suffix;
    enum mock_outcome outcome;
    char *keys;      /* pressed by whoever answers; NULL: none */
    const char *amd; /* what detection finds; a constant */
};

struct mock_variable {
    struct mock_variable *next;
    char *name, *value;
};

enum mock_step { STEP_NONE, STEP_RING, STEP_ANSWER, STEP_REFUSE, STEP_TIMEOUT, STEP_END };

struct mock_call {
    struct mock_thing thing; /* first */
    struct mock *mock;
    char *name, *endpoint, *number;
    char *caller_number, *caller_name, *arguments;
    char *context, *extension, *priority; /* where it goes, or is */
    enum mock_outcome outcome;
    enum dg_channel_state state;
    bool held, muted, controlled, detect_machine;
    int64_t started_at_ms, answered_at_ms, state_since_ms;
    uint64_t ring_until_ms;
    struct dg_timer *timer;
    enum mock_step step;
    const char *keys; /* of its rule, those that are still to be pressed */
    struct dg_timer *key_timer;
    const char *amd; /* of its rule */
    bool amd_waits;  /* for the end of a machine's greeting */
    bool amd_silent; /* which has come */
    struct dg_timer *amd_timer;
    struct mock_variable *variables;
    struct mock_bridge *bridge;
    /* parked */
    char *lot;
    unsigned slot;
    int64_t parked_at_ms;
    uint64_t park_ms;
    struct dg_timer *park_timer;
    /* In a queue: waiting, or served by a member. */
    struct mock_queue *queue;
    struct mock_member *member;
    uint64_t queued_ms;
    struct dg_timer *queue_timer;
};

struct mock_member {
    struct mock_member *next;
    char *interface, *name;
    char *reason;           /* why it is paused */
    struct mock_call *call; /* that it talks to */
    bool paused;
    uint32_t penalty, taken;
    uint64_t served_ms; /* when that call came to it */
    int64_t last_at_ms;
};

struct mock_queue {
    struct mock_thing thing; /* first; its id is the name */
    struct mock *mock;
    struct mock_member *members;
    uint32_t completed, abandoned, served;
    uint64_t waited_ms, talked_ms; /* all of them together */
};

struct mock_bridge {
    struct mock_thing thing; /* first */
    char *name;
    bool joined; /* made by join, and gone when it is empty */
    size_t call_count;
};

struct mock_play {
    struct mock_thing thing; /* first */
    struct mock *mock;
    struct mock_call *call; /* one of these two */
    struct mock_bridge *bridge;
    struct dg_timer *timer;
};

struct mock_recording {
    struct mock_thing thing; /* first */
    struct mock *mock;
    struct mock_call *call; /* one of these two */
    struct mock_bridge *bridge;
    struct dg_timer *timer; /* of its greatest length */
    char *file;
    bool paused;
    uint64_t since_ms, ms; /* when it went on, 0: paused; how long it was before */
};

struct mock {
    const struct dg_host *h;
    struct mock_index calls, bridges, plays, recordings, stored, queues;
    struct mock_variable *globals;
    struct mock_rule *rules;
    size_t rule_count;
    uint64_t random;
    int64_t ring_ms, answer_ms, talk_ms, hangup_ms, jitter_ms, play_ms, key_ms, queue_ms, detect_ms;
    unsigned names; /* numbers given to names and joined bridges */
    struct dg_timer *link_timer;
};

/* index.c */
void index_init(struct mock_index *x);
void index_free(struct mock_index *x);
void *index_get(const struct mock_index *x, const char *id);
void index_add(struct mock_index *x, struct mock_thing *thing, const char *id);
void index_remove(struct mock_index *x, struct mock_thing *thing); /* frees its id */
void *index_first(const struct mock_index *x);
void *index_next(const struct mock_index *x, const void *thing);
void *mock_alloc(size_t size); /* zeroed; the process ends without memory */
char *mock_strdup(const char *s);

/* rules.c */
enum dg_err rules_read(struct mock *m, const char *json);
void rules_free(struct mock *m);
enum mock_outcome rules_outcome(const struct mock *m, const char *number);
const char *rules_keys(const struct mock *m, const char *number); /* or NULL */
const char *rules_amd(const struct mock *m, const char *number);  /* "HUMAN", ... */
char *number_of_endpoint(const char *endpoint); /* the caller frees; NULL: no number in it */

/* calls.c */
void mock_originate(void *self, const struct dg_originate *req, struct dg_op *op);
void mock_hangup(void *self, const struct dg_hangup *req, struct dg_op *op);
void mock_calls(void *self, const struct dg_filter *req, struct dg_op *op);
void call_emit(struct mock_call *c, struct dg_event ev);
void call_changed(struct mock_call *c);
void call_free(struct mock_call *c); /* without an event */
/* The call, or NULL and the op is failed. `up`: it must be answered. */
struct mock_call *call_or_fail(struct mock *m, const char *id, bool up, struct dg_op *op);
void set_text(char **where, const char *text);
bool matches(const struct dg_filter *filter, const char *id, const char *name);

/* control.c */
void mock_answer(void *self, const struct dg_call_ref *req, struct dg_op *op);
void mock_ring(void *self, const struct dg_switch *req, struct dg_op *op);
void mock_hold(void *self, const struct dg_switch *req, struct dg_op *op);
void mock_mute(void *self, const struct dg_mute *req, struct dg_op *op);
void mock_moh(void *self, const struct dg_moh *req, struct dg_op *op);
void mock_dtmf(void *self, const struct dg_dtmf *req, struct dg_op *op);
void mock_go_to(void *self, const struct dg_dialplan *req, struct dg_op *op);
void mock_get_variable(void *self, const struct dg_variable *req, struct dg_op *op);
void mock_set_variable(void *self, const struct dg_variable *req, struct dg_op *op);
void call_go_to(struct mock_call *c, const char *context, const char *extension,
                const char *priority);
void variable_set(struct mock_variable **list, const char *name, const char *value);
void variables_free(struct mock_variable **list);

/* media.c */
void mock_play(void *self, const struct dg_play *req, struct dg_op *op);
void mock_play_stop(void *self, const struct dg_stop *req, struct dg_op *op);
void plays_end(struct mock *m, const struct mock_call *c, const struct mock_bridge *b);
void plays_free(struct mock *m);

/* keys.c */
void keys_begin(struct mock_call *c); /* it is under control */
void keys_end(struct mock_call *c);

/* detect.c */
void mock_detect(void *self, const struct dg_detect *req, struct dg_op *op);
void detect_end(struct mock_call *c);

/* recordings.c */
void mock_record(void *self, const struct dg_record *req, struct dg_op *op);
void mock_record_change(void *self, const struct dg_record_ref *req, struct dg_op *op);
void recording_free(struct mock_recording *r); /* without an event */
void recordings_end(struct mock *m, const struct mock_call *c, const struct mock_bridge *b);
void recordings_free(struct mock *m);

/* stored.c */
void stored_keep(struct mock *m, const char *file, uint64_t ms);
void stored_free_all(struct mock *m);
void mock_recordings(void *self, const struct dg_filter *req, struct dg_op *op);
void mock_recording_find(void *self, const struct dg_stop *req, struct dg_op *op);
void mock_recording_read(void *self, const struct dg_recording_read *req, struct dg_op *op);
void mock_recording_delete(void *self, const struct dg_stop *req, struct dg_op *op);

/* bridges.c */
void mock_bridge_create(void *self, const struct dg_bridge_new *req, struct dg_op *op);
void mock_bridge_destroy(void *self, const struct dg_bridge_ref *req, struct dg_op *op);
void mock_bridge_add(void *self, const struct dg_bridge_leg *req, struct dg_op *op);
void mock_bridge_remove(void *self, const struct dg_bridge_leg *req, struct dg_op *op);
void mock_bridges(void *self, const struct dg_filter *req, struct dg_op *op);
void mock_join(void *self, const struct dg_join *req, struct dg_op *op);
void mock_transfer(void *self, const struct dg_transfer *req, struct dg_op *op);
void bridge_join(struct mock *m, struct mock_call *a, struct mock_call *b);
void bridge_leave(struct mock_call *c);
void bridges_free(struct mock *m);

/* parking.c */
void mock_park(void *self, const struct dg_park *req, struct dg_op *op);
void mock_parked(void *self, const struct dg_filter *req, struct dg_op *op);
void park_leave(struct mock_call *c);
/* A call that was sent to a lot's context, to the slot of another: they talk to each other. */
void park_retrieve(struct mock_call *c);

/* queues.c */
enum dg_err queues_read(struct mock *m, const char *json);
void queues_free(struct mock *m); /* after the calls */
/* A call that is in the dialplan now: at a queue's name it waits; it leaves its place. */
void queue_enter(struct mock_call *c);
void queue_leave(struct mock_call *c);
void mock_queues(void *self, const struct dg_filter *req, struct dg_op *op);
void mock_members(void *self, const struct dg_filter *req, struct dg_op *op);
void mock_callers(void *self, const struct dg_filter *req, struct dg_op *op);
void mock_queue_change(void *self, const struct dg_queue_change *req, struct dg_op *op);
void mock_endpoints(void *self, const struct dg_filter *req, struct dg_op *op);

#endif
