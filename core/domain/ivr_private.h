/* ivr_private.h - one call on its way through menus. */
#ifndef DOMAIN_IVR_PRIVATE_H
#define DOMAIN_IVR_PRIVATE_H

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "domain/ivr.h"
#include "domain/ivr_engine.h"

struct ivr {
    struct ivr_config config;
    struct map *runs;        /* id of the call, and of its second leg -> struct ivr_run */
    struct link all, ending; /* ending: struct ivr_end */
    bool stopped;
    struct loop_timer *settle;
    struct metric *sessions;
    struct metric_family *ended;
};

enum ivr_leg { IVR_LEG_NONE, IVR_LEG_RINGING, IVR_LEG_UP, IVR_LEG_JOINED, IVR_LEG_OVER };

struct ivr_run {
    struct link link; /* in ivr.all */
    struct ivr *ivr;
    struct call *call; /* held */
    struct ivr_session session;
    bool started, over;
    bool detecting;
    bool sending;                   /* a request to send the call elsewhere is under way */
    enum dg_event_type missed;      /* what was told meanwhile and may mean just that */
    bool taken_up;                  /* it was answered before this run of the gateway */
    bool resumed;                   /* and who has answered was found out before, too */
    const char *to;                 /* whom the message is for, a constant */
    char early[IVR_DIGITS_MAX + 1]; /* keys that were pressed before the menu was read */
    unsigned asked;                 /* operations under way */
    bool work_asked;
    struct loop_timer *timer; /* the engine's */
    uint32_t timer_number;
    size_t told; /* marks of the path */

    /* A sound or a recording. */
    struct ivr_command playing; /* IVR_DO_PLAY; number 0: none */
    bool heard;                 /* its play was accepted */
    bool plain;                 /* without the language: the backend knows none */
    unsigned tries;
    struct loop_timer *again;

    /* The second leg. */
    char leg_id[ID_SIZE];
    enum ivr_leg leg;
    bool leg_placing, leg_joining;
    unsigned joins;
    uint32_t place; /* number of the command */
    char *leg_endpoint;
    const char *leg_result; /* a constant */
    struct loop_timer *join_again;
};

/* ivr.c */
void run_tell(struct ivr_run *run, struct ivr_event ev);
void run_soon(struct ivr_run *run);   /* run_work, not from inside an event of the bus */
void run_let_go(struct ivr_run *run); /* frees it when nothing is under way */
void ivr_count_end(struct ivr *ivr, const char *result);

#define IVR_SENDING_MS 100 /* a timer waits so long for what becomes of a request */
/* ivr_again.c: to be asked again in a moment, by `fn`; false: that is of no use any more */
bool run_again(struct ivr_run *run, enum dg_err err, void (*fn)(void *run));

/* ivr_ends.c */
void ivr_hang_up(struct ivr *ivr, const char *call);
void ends_stop(struct ivr *ivr);
void ends_free(struct ivr *ivr);

/* ivr_left.c: what happens to calls and second legs without a session */
void left_found(struct ivr *ivr);
void left_in_message(struct ivr *ivr, struct call *c);
void left_leg(struct ivr *ivr, const struct call *leg);
void left_ending(struct ivr *ivr, struct call *c); /* about to be written down */
void left_ended(struct ivr *ivr, const struct call *c);

/* It is known who has answered, or that it cannot be. */
void run_detected(struct ivr_run *run, bool machine);
/* It ends without a session, or goes where no session is needed. */
void run_drop(struct ivr_run *run);

/* To the bus; `json` begins with what run_name writes. */
void run_publish(struct ivr_run *run, const char *type, struct buf *json);
void run_name(const struct ivr_run *run, struct json_writer *w);

/* ivr_detect.c */
void detect_begin(struct ivr_run *run);
void detect_event(struct ivr_run *run, const struct dg_event *ev);
void detect_hangup(struct ivr_run *run);
void detect_lost(struct ivr_run *run);         /* it was told, and not heard */
bool detect_was_machine(const struct call *c); /* of a call with `detected` */

/* ivr_media.c */
void media_play(struct ivr_run *run, const struct ivr_command *c);
void media_stop(struct ivr_run *run, uint32_t number);
void media_record(struct ivr_run *run, const struct ivr_command *c);
void media_stop_record(struct ivr_run *run, uint32_t number);
void media_event(struct ivr_run *run, const struct dg_event *ev);
void media_ended(struct ivr_run *run); /* what was being played */

/* ivr_leg.c */
void leg_connect(struct ivr_run *run, const struct ivr_command *c);
void leg_event(struct ivr_run *run, const struct call *leg);
void leg_work(struct ivr_run *run);
void leg_end(struct ivr_run *run);

#endif
