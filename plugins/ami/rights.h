/* rights.h - which classes of manager.conf an action needs (its "write =" line). */
#ifndef AMI_RIGHTS_H
#define AMI_RIGHTS_H

#include <stddef.h>

#include "message.h"

struct ami;

/* "call or system"; NULL: any user may, or the action is not known here. */
const char *rights_for(const char *action);
/* A sentence: the user may not do this, and what to add to manager.conf. */
void rights_sentence(char *out, size_t size, const char *action);

/* Compare what the functions of the table need with what this user may do on this server: the
 * response to ListCommands. What is missing is told to the core, and once to the log. */
void rights_compare(struct ami *a, const struct message *commands);

#endif
