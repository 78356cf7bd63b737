/* retry.h - whether a number that was not reached is dialled again, and when.
 * [any thread; pure but for zone.h]
 *
 * By default a number is retried `times` times, `delay_s` after the end of the
 * attempt before. Rules say otherwise for some outcomes, as JSON:
 *
 *     [{"disposition":"busy","times":5,"delay":60},
 *      {"cause":1,"times":0}]
 *
 * The first rule for the hangup cause decides, else the first for the
 * disposition, else the default. `times` is how often the number may have been
 * retried in all, for whatever reason, so no rule can make it be dialled
 * without end.
 */
#ifndef DOMAIN_RETRY_H
#define DOMAIN_RETRY_H

#include "domain/call.h"
#include "domain/calling_hours.h"

#define RETRY_RULES_MAX   32
#define RETRY_TIMES_MAX   100
#define RETRY_DELAY_MAX_S (30 * 86400)

struct retry_rule {
    enum call_state outcome; /* when `cause` is 0 */
    int cause;               /* ITU-T Q.850 */
    unsigned times;
    int64_t delay_s;
};

struct retry_plan {
    unsigned times;
    int64_t delay_s;
    struct retry_rule rules[RETRY_RULES_MAX];
    size_t count;
    bool spread; /* each retry in another part of the calling hours of the day */
};

/* The list of rules; `times` and `delay_s` of the plan stand where a rule names none, so they are
 * to be set before. null: no rules. false: `problem` names the member that is wrong. */
bool retry_read_rules(const json_t *json, struct retry_plan *plan, struct problem *problem);

struct retry_attempt {
    unsigned attempts;       /* of this number so far, this one counted */
    enum call_state outcome; /* how it ended */
    int cause;               /* 0: not known */
    int64_t began_s, ended_s;
};

struct retry_next {
    bool again;
    int64_t not_before_s; /* Unix time */
};

/* Only busy, no_answer and failed are retried. `hours` and `zone` matter to `spread` alone: the
 * hours are divided into as many parts as there are attempts, and the next one waits for the part
 * after that of the last; after the last part it is the first of the next window's. */
struct retry_next retry_decide(const struct retry_plan *plan, const struct retry_attempt *attempt,
                               const struct calling_hours *hours, const struct zone *zone);

#endif
