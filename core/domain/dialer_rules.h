/* dialer_rules.h - the rules of the dialer that need no store and no telephone:
 * what is dialled for a number, and what becomes of it. [any thread; pure but
 * for zone.h]
 *
 * What stands in a campaign and in its numbers comes from outside. A dial
 * string is therefore put together from characters that mean nothing to
 * Asterisk's dialplan: no option, no second destination, no variable.
 */
#ifndef DOMAIN_DIALER_RULES_H
#define DOMAIN_DIALER_RULES_H

#include "domain/call.h"
#include "domain/campaigns.h"

/* Digits, * and #, and a + in front; what people write between them (" ", "-", ".", "(", ")") is
 * left out. NULL: it cannot be dialled. The caller frees. */
char *dial_number(const char *phone_number);

/* "PJSIP/15550100@trunk". NULL: `problem` says why. The caller frees. */
char *dial_endpoint(const struct campaign *c, const char *phone_number, struct problem *problem);
/* Where those who answer are joined to: "Local/100@from-internal". Likewise. */
char *dial_destination(const struct campaign *c, struct problem *problem);
/* The same of an extension, a queue, or a technology and resource. */
char *dial_place(const char *value, struct problem *problem);
/* The menu that those who answer are led through; 0: none. */
int64_t dial_menu(const struct campaign *c);
/* Whether the campaign can be dialled as it is; what is wrong stands in `problem`. */
bool dial_check(const struct campaign *c, struct problem *problem);
/* What the call of this turn shows; NULL: the backend's default. */
const char *dial_caller_id(const struct campaign *c, unsigned turn);

/* How an attempt ended. */
struct attempt_end {
    enum call_state state;
    int cause;
    int64_t began_ms, ended_ms;
    bool stopped; /* by a stop of the campaign */
};

/* The number as it is after the attempt: done with, or to be dialled again. Its attempts are
 * counted already. `zone` is that of the number. */
void attempt_settle(struct number *n, const struct campaign *c, const struct zone *zone,
                    const struct attempt_end *end);

/* An attempt that was written down, and for certain never dialled. */
void attempt_undo(struct number *n);

/* The zone of the number, of its campaign, or `fallback`. */
const struct zone *dial_zone(const struct campaign *c, const struct number *n,
                             const struct zone *fallback);

/* ---- Calls per second ------------------------------------------------------------------- */

/* A token bucket that holds a tenth of a second's worth, at least one token. */
struct dial_rate {
    uint64_t full_us; /* when it will be full again */
};
/* How many calls may begin now; UINT_MAX without a limit (0). */
unsigned dial_rate_room(const struct dial_rate *rate, unsigned per_second, uint64_t now_us);
void dial_rate_use(struct dial_rate *rate, unsigned per_second, uint64_t now_us);
/* Until there is room; 0: there is. */
uint64_t dial_rate_wait_us(const struct dial_rate *rate, unsigned per_second, uint64_t now_us);

#endif
