/* action.h - what goes to the manager interface: one action, built line by line.
 *
 * Asterisk ends a line at a bare LF too, cuts what follows 1023 characters and
 * takes 128 lines: so whatever could become another line, another header or
 * half a value is refused here, and nothing of such an action is ever sent.
 */
#ifndef AMI_ACTION_H
#define AMI_ACTION_H

#include <stdbool.h>

#include "asterisk/text.h"

enum {
    ACTION_LINE_MAX = 1000, /* "Name: value" */
    ACTION_LINES_MAX = 120,
};

/* Start with {0}. */
struct action {
    struct text bytes;
    unsigned lines;
    char why[160]; /* it is refused; empty: it is not */
};

/* A NULL value leaves the line out; an empty one is kept. `name` is our own word. */
void action_put(struct action *a, const char *name, const char *value);
/* A channel variable. Commas, quotes and brackets of the value mean themselves. */
void action_variable(struct action *a, const char *name, const char *value);
/* The empty line. False: it is refused, `why` tells; there is nothing to send then. */
bool action_end(struct action *a);
void action_free(struct action *a);

#endif
