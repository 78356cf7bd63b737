/* post.h - from any thread to an HTTP thread: something is to be done there.
 *
 * A port is the end of an HTTP thread that others may hold; it outlives the
 * thread. Messages are embedded in what they are about and come in order. */
#ifndef HTTP_POST_H
#define HTTP_POST_H

#include "http/request.h"

struct port;

struct port_msg {
    struct port_msg *next;
    void (*fn)(struct port_msg *msg); /* on the HTTP thread */
};

struct port *request_port(struct request *req); /* [HTTP thread] a reference to its thread's */
struct port *port_ref(struct port *p);          /* [any thread], and all below */
void port_unref(struct port *p);                /* NULL is fine */
/* false: the thread has ended, and fn is not called. */
bool port_post(struct port *p, struct port_msg *msg);

#endif
