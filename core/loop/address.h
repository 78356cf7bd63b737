/* address.h - whether an address is one of the public Internet. [any thread] */
#ifndef LOOP_ADDRESS_H
#define LOOP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* false: private, loopback, link-local, multicast, reserved, or IPv6 that carries such an IPv4
 * address; and all that is neither IPv4 nor IPv6. */
bool address_is_public(const struct sockaddr *address);

#endif
