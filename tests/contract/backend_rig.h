/* backend_rig.h - a backend under test: any plugin, opened by the core's own
 * plugin layer, asked and waited for on the test's thread.
 *
 * Everything that is heard is written down; tests look at it between turns of
 * the loop, never from inside one.
 */
#ifndef TESTS_BACKEND_RIG_H
#define TESTS_BACKEND_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include "plug/backend.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

struct rig_config {
    const char *plugin;              /* path of the .so */
    const char *file;                /* configuration, TOML */
    const char *instance;            /* its table: "mock" of [backend.mock] */
    const char *endpoint;            /* "PJSIP/{number}@trunk" */
    const char *context, *extension; /* a place that keeps a call up */
    const char *sounding;            /* one of that context that sends sound */
    const char *media;
    uint64_t patience_ms;
};

/* Something heard. */
struct heard {
    enum dg_event_type type;
    char *call, *bridge, *target, *text;
    bool on, estimated, has_info;
    int cause, sip_code;
    enum dg_channel_state state; /* of info */
    int64_t at_ms;
};

/* What an op said; the items as they are copied below. */
struct answer {
    struct rig *rig;
    int count_answers;
    enum dg_err err;
    char message[300];
    size_t count;
    struct dg_call calls[64];
    char call_ids[64][DG_ID_MAX + 1];
    char bridge_calls[400]; /* of the bridge that was looked for, "a b" */
    char text[400];
    const char *look_for; /* a bridge's id, or RIG_PARKED and a call's */
};

struct rig {
    struct rig_config config;
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    struct plug *plug;
    const struct dg_plugin *plugin;
    struct env *env;
    struct toml_node *root;
    struct instance *in;
    bool closed;
    struct heard *heard;
    size_t heard_count, heard_room;
    unsigned next_number;
};

/* False: said on stderr why. */
bool rig_init(struct rig *r, const struct rig_config *config);
void rig_free(struct rig *r);
bool rig_open(struct rig *r);  /* opened, and the link is up */
bool rig_close(struct rig *r); /* false: it did not close in time */

/* Turns the loop until `done` says so or patience is at an end. */
typedef bool rig_fn(struct rig *r, const void *arg);
bool rig_until(struct rig *r, rig_fn *done, const void *arg);
void rig_sleep(struct rig *r, uint64_t ms); /* turns the loop so long */

#define RIG_PARKED "parked:"

/* The op_fn of struct answer, and waiting for it. */
void rig_answer(void *arg, const struct op_result *res);
enum dg_err rig_wait(struct rig *r, struct answer *a);
#define ASK(r, a, function, ...)                                                                   \
    (*(a) = (struct answer){.rig = (r), .look_for = (a)->look_for},                                \
     backend_##function((r)->in, __VA_ARGS__, rig_answer, (a)), rig_wait((r), (a)))
/* Does the plugin have it, and the server? If not, what was asked for is not tested. */
bool rig_can(struct rig *r, const char *function);

/* A call to a number with this end; its id goes to `id`. `context` NULL: under control. */
struct dial {
    const char *suffix;
    uint64_t ring_ms;
    const char *context, *extension;
    const char *arguments;
    const struct dg_kv *variables;
    size_t variable_count;
};
enum dg_err rig_dial(struct rig *r, const struct dial *d, char id[ID_SIZE]);
enum dg_err rig_dial_as(struct rig *r, const struct dial *d, const char *id);
enum dg_err rig_hangup(struct rig *r, const char *id);

/* The nth (0...) event of this type about a call, bridge or target; NULL: none. */
const struct heard *rig_event(struct rig *r, enum dg_event_type type, const char *id, size_t nth);
size_t rig_count(struct rig *r, enum dg_event_type type, const char *id);
bool rig_saw(struct rig *r, enum dg_event_type type, const char *id); /* waits for it */
/* The events of a call in words, "started ringing answered ended"; valid until the next call. */
const char *rig_story(struct rig *r, const char *id);
/* Waits for the end, and a moment more for what must not come after it. */
const struct heard *rig_ended(struct rig *r, const char *id);

/* The rules that hold for every call: started first, ended last and once, times in order. */
void rig_check_call(struct rig *r, const char *id);

int suite_outcomes(struct rig *r);
int suite_control(struct rig *r);
int suite_bridges(struct rig *r);
int suite_places(struct rig *r);
int suite_stored(struct rig *r);
int suite_queues(struct rig *r);
int suite_refusals(struct rig *r);
int suite_end(struct rig *r);

#define RIG_TEST(name) cmocka_unit_test_prestate(name, r)

#endif
