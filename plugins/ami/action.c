/* action.c - see action.h. */
#include "action.h"

#include <stdio.h>
#include <string.h>

static void refuse(struct action *a, const char *name, const char *why)
{
    if (!*a->why)
        snprintf(a->why, sizeof a->why, "%s %s", name, why);
}

static bool is_printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

void action_put(struct action *a, const char *name, const char *value)
{
    if (!value || *a->why)
        return;
    if (!is_printable(value)) {
        refuse(a, name, "has a line break or another control character");
    } else if (strlen(name) + 2 + strlen(value) > ACTION_LINE_MAX) {
        refuse(a, name, "is too long for the manager interface, which takes 1000 characters");
    } else if (++a->lines > ACTION_LINES_MAX) {
        refuse(a, name, "is one line too many for the manager interface, which takes 120");
    } else {
        text_puts(&a->bytes, name);
        text_puts(&a->bytes, ": ");
        text_puts(&a->bytes, value);
        text_puts(&a->bytes, "\r\n");
    }
}

/* Asterisk splits the line at commas outside of quotes and brackets, and takes a backslash from
 * before whatever it precedes. */
void action_variable(struct action *a, const char *name, const char *value)
{
    struct text t = {0};
    if (!text_is_variable(name)) {
        refuse(a, "a variable's name", "is letters, digits and _");
        return;
    }
    text_puts(&t, name);
    text_puts(&t, "=");
    for (const char *p = value ? value : ""; *p; p++) {
        if (strchr("\\\",()[]", *p))
            text_puts(&t, "\\");
        text_add(&t, p, 1);
    }
    action_put(a, "Variable", t.at);
    text_free(&t);
}

bool action_end(struct action *a)
{
    if (*a->why)
        return false;
    text_puts(&a->bytes, "\r\n");
    return true;
}

void action_free(struct action *a)
{
    text_free(&a->bytes);
}
