/* dialling.h - an originate request in the form that Asterisk wants, whichever
 * interface it is sent by. What is returned is the caller's to free.
 */
#ifndef ASTERISK_DIALLING_H
#define ASTERISK_DIALLING_H

#include "dialgate/backend.h"

enum { DIALLING_ID_MAX = 149 }; /* Asterisk's limit */

/* Why the request can not be sent, or NULL. */
const char *dialling_refusal(const struct dg_originate *req);
/* What to dial. Optimised away, a Local channel would take the call's name with it as soon as two
 * talk: /n keeps it. */
char *dialling_endpoint(const struct dg_originate *req);
/* The id of a Local channel's second half; NULL: there is none. */
char *dialling_other(const struct dg_originate *req);
/* "Name" <number>, so that neither can be taken for the other; NULL: neither is given. */
char *dialling_caller(const struct dg_originate *req);

#endif
