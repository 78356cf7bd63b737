/* control_capability.c - which actions are to be had with the calls of a backend, and by whom. */
#include <stddef.h>

#include "domain/control_private.h"

/* A consultation is as good as its end: joining the two. Its leg can always be dropped. */
static const struct action *judged(enum control_action action)
{
    if (action == CONTROL_CONSULT)
        action = CONTROL_COMPLETE;
    return control_action(action == CONTROL_CANCEL ? CONTROL_HANGUP : action);
}

/* Better replaces worse; the first reason stays. */
static void consider(struct control_capability *best, const struct action *a,
                     const struct instance *in)
{
    for (size_t i = 0; i < WAYS_MAX && a->ways[i].function; i++) {
        const char *why = NULL;
        enum backend_ability ability = backend_ability(in, a->ways[i].function, &why);
        if (ability >= best->ability)
            continue;
        best->ability = ability;
        best->by = ability <= BACKEND_CONTROLLED ? in : NULL;
        best->why = why;
    }
}

struct control_capability control_capability(const struct control *ct, const struct instance *in,
                                             enum control_action action)
{
    const struct instance *companion = calls_companion(ct->calls, in);
    struct control_capability best = {.action = control_action(action)->name,
                                      .ability = BACKEND_NEVER,
                                      .why = "this backend's plugin cannot do it"};
    consider(&best, judged(action), in);
    if (companion)
        consider(&best, judged(action), companion);
    return best;
}
