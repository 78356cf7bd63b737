/* endpoints.h - the telephone systems' lines and trunks. [control thread]
 *
 * Nothing is kept of them but the list of a second ago: to make it, some
 * systems are asked a question for each line, and whoever shows it on a screen
 * asks for it again and again.
 */
#ifndef DOMAIN_ENDPOINTS_H
#define DOMAIN_ENDPOINTS_H

#include "domain/gather.h"

struct endpoints;

struct endpoints *endpoints_new(struct loop *loop, struct calls *calls);
void endpoints_free(struct endpoints *es); /* after the backends were closed */

/* Of all backends, or of the one of this name; gathered ones are dg_endpoints, never NULL. As of a
 * second ago at most where no backend has told of a change since. */
void endpoints_list(struct endpoints *es, const char *backend, gather_fn *fn, void *arg);
/* "PJSIP/100", as it is now. Others may be in the answer. */
void endpoints_find(struct endpoints *es, const char *name, const char *backend, gather_fn *fn,
                    void *arg);

void endpoints_changed(struct endpoints *es); /* some may be other than they were; NULL is fine */

#endif
