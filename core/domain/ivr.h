/* ivr.h - calls that the gateway leads: through menus, or to hear a message. [control thread]
 *
 * A call with an `ivr_menu` or a plan (call_plan.h) is taken up when it is
 * answered. If that is asked for, it is found out first who has answered
 * (ivr_detect.c: "call.amd" on the bus). For a menu all that it leads to is read
 * from the store; a session of the engine (ivr_engine.h) decides, and its
 * commands are carried out on the call's backend. What happened on the way
 * stands in the call's record, and so in its CDR; each step is told on the bus
 * as "call.ivr", that of a message as "call.message".
 *
 * When the gateway was ended in the middle, the session is gone: the caller is
 * hung up when the next run finds his call, unless he is talking to somebody;
 * see ivr_left.c. Who was being listened to is listened to again, and where it
 * was known who has answered, but nothing was done yet, that is done.
 */
#ifndef DOMAIN_IVR_H
#define DOMAIN_IVR_H

#include "domain/calls.h"
#include "domain/ivr_menus.h"
#include "domain/ivr_stats.h"

struct ivr;

struct ivr_config {
    struct loop *loop;
    struct calls *calls;
    struct bus *bus;
    struct ivr_menus *menus;
    struct ivr_stats *stats;
    struct metrics *metrics;
    struct ivr_place place; /* of uploaded sounds; its texts are copied */
};

struct ivr *ivr_new(const struct ivr_config *config); /* before calls are taken up */
void ivr_stop(struct ivr *ivr);                       /* calls are let alone from now on */
void ivr_free(struct ivr *ivr);                       /* after the backends and the calls */

#endif
