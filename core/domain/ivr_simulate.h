/* ivr_simulate.h - where certain keys would lead a caller. [any thread; pure]
 *
 * The engine itself walks, with a caller who presses the keys one after the
 * other: 0-9 * #, `t` waits for the menu's timeout, a comma for the time between
 * two keys. He hears a menu to its end only where keys do not interrupt it. Who is rung
 * answers, talks and hangs up.
 */
#ifndef DOMAIN_IVR_SIMULATE_H
#define DOMAIN_IVR_SIMULATE_H

#include "domain/ivr_engine.h"

#define IVR_SIMULATE_KEYS_MAX 200

/* NULL: they can be pressed. */
const char *ivr_simulate_refusal(const char *keys);

/* After the last key what was entered counts as complete. The session is where the keys led to: its
 * state says whether it waits for more. To be cleared. */
void ivr_simulate(struct ivr_session *s, struct ivr_book *book, int64_t entry, const char *keys);

#endif
