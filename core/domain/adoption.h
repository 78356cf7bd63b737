/* adoption.h - the calls of a gateway that died, taken over by one that sees
 * them. [control thread]
 *
 * A call's record names the gateway that it belongs to (node), the backend's
 * instance there and the run of the server that carries it (server_run). A
 * living gateway with a backend that is connected to the same run of the same
 * server takes the records over, in one statement of the store's per page, so
 * that each is one gateway's; what became of the calls is then found out by
 * comparing with that server, as after a restart. Calls that were played (mock)
 * went down with their gateway. Others that nobody can see are left to their
 * gateway until it has been dead for `lost_after`: they may live on a server
 * that only it can reach. Then they are ended, marked as estimated.
 *
 * A gateway that was taken for dead and is not lets go of what was taken over.
 */
#ifndef DOMAIN_ADOPTION_H
#define DOMAIN_ADOPTION_H

#include "domain/calls.h"
#include "domain/nodes.h"

struct adoption;

struct adoption_config {
    struct loop *loop;
    struct store *store;
    struct nodes *nodes;
    struct calls *calls;
    struct metrics *metrics; /* NULL: none */
    uint64_t lost_after_ms;
};

struct adoption *adoption_new(const struct adoption_config *config);
void adoption_free(struct adoption *a); /* what is under way is forgotten */

#endif
