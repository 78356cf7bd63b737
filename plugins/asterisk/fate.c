/* fate.c - see fate.h. */
#include "fate.h"

#include <stddef.h>
#include <string.h>

enum {
    CAUSE_NO_ROUTE = 3,
    CAUSE_NORMAL = 16,
    CAUSE_BUSY = 17,
    CAUSE_NO_ANSWER = 19,
    CAUSE_CONGESTION = 34,
};

static const struct {
    const char *text;
    enum dial_status status;
} statuses[] = {
    {"ANSWER", DIAL_ANSWER},         {"BUSY", DIAL_BUSY},
    {"CONGESTION", DIAL_CONGESTION}, {"CHANUNAVAIL", DIAL_UNAVAILABLE},
    {"NOANSWER", DIAL_NO_ANSWER},    {"CANCEL", DIAL_CANCELLED},
};

enum dial_status fate_status(const char *text)
{
    for (size_t i = 0; text && i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(text, statuses[i].text) == 0)
            return statuses[i].status;
    return DIAL_NONE;
}

static int of_status(enum dial_status status)
{
    switch (status) {
    case DIAL_BUSY:
        return CAUSE_BUSY;
    case DIAL_CONGESTION:
        return CAUSE_CONGESTION;
    case DIAL_UNAVAILABLE:
        return CAUSE_NO_ROUTE;
    case DIAL_NO_ANSWER:
        return CAUSE_NO_ANSWER;
    case DIAL_NONE:
    case DIAL_ANSWER:
    case DIAL_CANCELLED:
        break;
    }
    return 0;
}

/* 0, and 16 on a leg that was never answered, tell nothing. */
static bool tells(int cause)
{
    return cause != 0 && cause != CAUSE_NORMAL;
}

static int unanswered(const struct fate *f)
{
    if (tells(f->cause))
        return f->cause;
    if (tells(f->learned_cause))
        return f->learned_cause;
    if (of_status(f->status))
        return of_status(f->status);
    if (of_status(f->learned))
        return of_status(f->learned);
    if (!f->outgoing)
        return f->cause ? f->cause : CAUSE_NORMAL; /* a caller who gave up */
    /* Asterisk 16 is silent about a ring timeout; a leg that nobody ever dialled had no way. */
    return f->dialled ? CAUSE_NO_ANSWER : CAUSE_NO_ROUTE;
}

int fate_cause(const struct fate *f)
{
    if (f->asked)
        return f->asked_cause ? f->asked_cause : CAUSE_NORMAL;
    if (f->answered)
        return f->cause ? f->cause : CAUSE_NORMAL;
    return unanswered(f);
}

bool fate_is_known(const struct fate *f)
{
    return f->asked || f->answered || !f->outgoing || tells(f->cause) || tells(f->learned_cause) ||
           of_status(f->status) || of_status(f->learned);
}
