/* dialer_private.h - what the files of the dialer share. */
#ifndef DOMAIN_DIALER_PRIVATE_H
#define DOMAIN_DIALER_PRIVATE_H

#include "base/map.h"
#include "domain/dialer.h"
#include "domain/dialer_rules.h"

struct dialer_metrics {
    struct metric_family *attempts, *numbers, *refused, *calls, *paced, *recovered;
};

struct dialer {
    struct dialer_config config;
    struct dialer_metrics metrics; /* all NULL: none */
    const struct zone *zone;
    struct map *pacers;   /* campaign id -> struct pacer */
    struct map *attempts; /* id of either leg -> struct attempt */
    struct loop_timer *scan_timer, *pace_timer;
    bool started, stopping, closed;
    dg_fn *close_fn;
    void *close_arg;
    struct loop_timer *close_timer;
    unsigned asked; /* commands and questions under way */
    bool pace_asked, scanning, work_asked;
    struct link work; /* attempts to be looked at */
    uint64_t scans;
};

enum lease { LEASE_NONE, LEASE_ASKED, LEASE_HELD };

/* A campaign that is paced here, or has calls here. */
struct pacer {
    struct dialer *d;
    int64_t id;
    struct campaign *campaign; /* as last read; NULL: not yet */
    bool gone;                 /* it was deleted */
    bool reading, read_again;
    uint64_t scan; /* the last one that found it running */

    enum lease lease;
    uint64_t lease_since_ms; /* monotonic; when the last renewal was asked for */
    bool renewing;

    enum { RECOVERY_DUE, RECOVERY_DONE } recovery;
    bool recovering;
    uint64_t recover_again_ms; /* monotonic; attempts of other gateways were left alone; 0: none */

    bool taking;
    unsigned claimed;          /* numbers taken, or being taken, whose calls have not begun */
    uint64_t dry_until_ms;     /* monotonic; nothing was due */
    uint64_t backend_until_ms; /* monotonic; the backend wanted no more calls */
    bool counting;             /* what is left is being asked for */
    uint64_t count_at_ms;      /* monotonic; not before */
    bool exhausted;            /* that was told */
    unsigned calling, answered, agents;
    struct dial_rate rate;
    unsigned turn; /* of caller ids */
    /* Progressive pacing to a queue; see dialer_agents.c. */
    bool asking_agents, agents_unknown;
    unsigned agents_free, queue_waiting;       /* of the queue, when last asked */
    uint64_t agents_asked_ms, agents_known_ms; /* monotonic; 0: never */
    uint64_t legs;                             /* second legs that have begun, in all */
    uint64_t legs_asked[2], legs_known; /* how many there were at the last two questions, ... */
    struct link attempts;
    struct link commands; /* stops that wait for the calls to end */
};

/* One attempt on one number, until all of it is written down and both legs are over. */
struct attempt {
    struct link link; /* in pacer.attempts */
    struct link work; /* in dialer.work, or in nothing */
    struct pacer *pacer;
    struct number number; /* as it is in the store, as far as known */
    struct number after;  /* what is being written */
    char call[ID_SIZE];
    enum { STAGE_CALLING, STAGE_ANSWERED, STAGE_OVER } stage;
    int64_t began_ms;
    struct loop_timer *timer;

    bool placing;       /* calls_originate has not answered */
    bool refusing;      /* nor have we answered what it has asked */
    bool reading;       /* the number is being read */
    bool writing;       /* or a change of it is under way */
    bool known;         /* `number` is there */
    bool numberless;    /* the number is about something else by now, or gone */
    bool unrecorded;    /* then: nobody else has written its CDR */
    bool doubtful;      /* whether its beginning was written is not known */
    bool told;          /* that it was answered is written down, or tried */
    bool stopped;       /* the campaign was stopped */
    bool settled;       /* its end is written down, or there is nothing to write */
    struct call *ended; /* held: its end is to be written */
    op_fn *write_fn;    /* of originate.c, that waits for the first write */
    void *write_arg;

    char agent[ID_SIZE]; /* the second leg; "": none yet */
    enum { LEG_NONE, LEG_RINGING, LEG_UP, LEG_JOINED, LEG_OVER } leg;
    bool leg_placing, leg_joining, leg_failed, leg_hung_up, hung_up;
    char *leg_endpoint;
    const char *leg_result; /* a constant */
    unsigned joins;         /* tries */
};

#define LEASE_MS        10000
#define LEASE_RENEW_MS  3000
#define LEASE_MARGIN_MS 1000 /* before its end nothing new is begun */
#define CLAIM_MS        30000
#define TAKE_MAX        200

/* dialer.c */
/* The other gateways: look at it again. */
void dialer_tell(struct dialer *d, int64_t campaign);
struct pacer *pacer_find(const struct dialer *d, int64_t id); /* or NULL */
struct pacer *pacer_get(struct dialer *d, int64_t id);        /* also a new one */
void pacer_read(struct pacer *p);                             /* its campaign, anew */
void pacer_use(struct pacer *p, struct campaign *c);          /* taken over */
void pacer_let_go(struct pacer *p);     /* frees it when nothing is left to do */
bool pacer_runs(const struct pacer *p); /* and may begin calls */
const char *pacer_key(int64_t id, char out[24]);

/* dialer_pace.c */
void pace_start(void *dialer);      /* and again, now and then */
void dialer_pace(struct dialer *d); /* soon, once per turn */
struct pacing_output pacer_decide(const struct pacer *p, size_t backend_room, uint64_t due);
size_t dialer_backend_room(const struct dialer *d);

/* dialer_agents.c */
/* Whether a campaign can be paced as it wants to be, with the backend that there is. */
bool agents_check(const struct dialer *d, const struct campaign *c, struct problem *problem);
void agents_ask(struct pacer *p, uint64_t now_ms); /* when it is time */
unsigned agents_free(const struct pacer *p);

/* dialer_follow.c */
void follow_calls(struct dialer *d); /* not from inside an event of the bus */

/* dialer_metrics.c */
enum refused { REFUSED_DNC, REFUSED_HOURS, REFUSED_NUMBER };
enum live { LIVE_CALLING, LIVE_ANSWERED, LIVE_AGENT };
void dialer_metrics_init(struct dialer *d);
void count_attempt(struct dialer *d, const struct call *c, const struct number *after);
void count_refused(struct dialer *d, enum refused reason);
void count_recovered(struct dialer *d);
void count_live(struct dialer *d, enum live live, int more);
void count_paced(struct dialer *d, int more);

/* dialer_lease.c */
void lease_ask(struct pacer *p);
void lease_give_back(struct pacer *p);
bool lease_valid(const struct pacer *p);

/* dialer_claim.c */
void claim_take(struct pacer *p, unsigned count);
void claims_release(struct pacer *p); /* those of this gateway that are not being dialled */

void claim_release(struct pacer *p, int64_t number);

/* dialer_attempt.c */
/* The number is copied. `endpoint` is what is dialled. */
void attempt_begin(struct pacer *p, const struct number *n, const char *endpoint);
struct attempt *attempt_adopt(struct pacer *p, struct call *c); /* a call that has none yet */
void attempts_resume(struct pacer *p);                          /* its campaign is known now */
void attempts_stop(struct pacer *p);
void attempt_soon(struct attempt *a); /* not from inside an event of the bus */
void attempt_later(struct attempt *a, uint64_t ms);
void attempt_hang_up(struct dialer *d, const char *call);
void attempt_lose(struct attempt *a); /* its call is another gateway's by now */
void attempt_free(struct attempt *a);
bus_fn attempts_event;
calls_ended_fn attempts_ended;
/* Where it stands now. */
struct attempt_end attempt_end_of(const struct call *c, bool stopped);

/* dialer_agent.c */
void agent_adopt(struct attempt *a, const struct call *leg);
void agent_event(struct attempt *a, const struct bus_event *ev);
void agent_lose(struct attempt *a);
void agent_work(struct attempt *a);
bool agent_idle(const struct attempt *a); /* nothing of the second leg is left */

/* dialer_recover.c */
void recover_campaign(struct pacer *p);

/* dialer_notice.c: not from inside an event of the bus */
void notice_campaign(struct dialer *d, const char *type, int64_t campaign);
void notice_number(struct dialer *d, const struct number *n);

/* dialer_orders.c */
void commands_advance(struct pacer *p);
void commands_drop(struct pacer *p);
/* Another gateway has stopped the campaign: what a stop leaves is left here as well. */
void command_follow(struct pacer *p);

#endif
