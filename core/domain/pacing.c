/* pacing.c - the rules of pacing: each says how many calls it would begin, and
 * the tightest bound wins. */
#include "domain/pacing.h"

#include <string.h>

static const char *const rule_names[PACING_RULES] = {"fixed", "progressive"};
static const char *const bound_names[PACING_BOUNDS] = {"numbers", "concurrency", "agents", "rate",
                                                       "backend"};

static unsigned left(unsigned limit, unsigned used)
{
    return limit > used ? limit - used : 0;
}

static void bound_by(struct pacing_output *out, unsigned room, enum pacing_bound bound)
{
    if (room < out->dial) {
        out->dial = room;
        out->bound = bound;
    }
}

static void progressive(const struct pacing_input *in, struct pacing_output *out)
{
    bound_by(out, left(in->agents_free, in->ringing + in->waiting), PACING_AGENTS);
}

struct pacing_output pacing_decide(const struct pacing_input *in)
{
    struct pacing_output out = {in->due < UINT32_MAX ? (unsigned)in->due : UINT32_MAX,
                                PACING_UNBOUND};
    bound_by(&out, left(in->concurrent, in->live), PACING_CONCURRENCY);
    switch (in->rule) {
    case PACING_PROGRESSIVE:
        progressive(in, &out);
        break;
    case PACING_FIXED:
    case PACING_RULES:
        break;
    }
    bound_by(&out, in->rate_room, PACING_RATE);
    bound_by(&out, in->backend_room, PACING_BACKEND);
    return out;
}

const char *pacing_rule_name(enum pacing_rule rule)
{
    return rule_names[rule];
}

bool pacing_rule_parse(const char *name, enum pacing_rule *out)
{
    for (int i = 0; i < PACING_RULES; i++) {
        if (strcmp(name, rule_names[i]) == 0) {
            *out = (enum pacing_rule)i;
            return true;
        }
    }
    return false;
}

const char *pacing_bound_name(enum pacing_bound bound)
{
    return bound_names[bound];
}
