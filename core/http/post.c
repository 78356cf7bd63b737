/* post.c - a queue under a lock that an HTTP thread looks at in every turn; see post.h. */
#include "http/post.h"

#include <stdlib.h>

#include "http/inside.h"

struct port {
    atomic_uint refs;
    _Atomic bool any; /* a hint: something is in the queue */
    pthread_mutex_t lock;
    h2o_multithread_receiver_t *inbox; /* under the lock; NULL: the thread has ended */
    struct port_msg *first, *last;     /* under the lock */
};

void posts_init(struct worker *w)
{
    struct port *p = xcalloc(1, sizeof(*p));
    atomic_init(&p->refs, 1);
    pthread_mutex_init(&p->lock, NULL);
    p->inbox = &w->inbox;
    w->posts = p;
}

struct port *request_port(struct request *req)
{
    return port_ref(req->worker->posts);
}

struct port *port_ref(struct port *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void port_unref(struct port *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

bool port_post(struct port *p, struct port_msg *msg)
{
    msg->next = NULL;
    pthread_mutex_lock(&p->lock);
    bool open = p->inbox != NULL;
    if (open) {
        bool wake = !p->first;
        if (p->last)
            p->last->next = msg;
        else
            p->first = msg;
        p->last = msg;
        atomic_store(&p->any, true);
        if (wake)
            h2o_multithread_send_message(p->inbox, NULL);
    }
    pthread_mutex_unlock(&p->lock);
    return open;
}

static struct port_msg *take(struct port *p)
{
    pthread_mutex_lock(&p->lock);
    struct port_msg *all = p->first;
    p->first = p->last = NULL;
    atomic_store(&p->any, false);
    pthread_mutex_unlock(&p->lock);
    return all;
}

void posts_run(struct worker *w)
{
    struct port *p = w->posts;
    if (!atomic_load_explicit(&p->any, memory_order_relaxed))
        return;
    for (struct port_msg *msg = take(p), *next; msg; msg = next) {
        next = msg->next;
        msg->fn(msg);
    }
}

void posts_close(struct worker *w)
{
    struct port *p = w->posts;
    pthread_mutex_lock(&p->lock);
    p->inbox = NULL;
    pthread_mutex_unlock(&p->lock);
    posts_run(w);
}
