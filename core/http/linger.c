/* linger.c - closing without losing the answer.
 *
 * When a request is refused before all of it has been read, the kernel answers
 * what the client still sends with a reset, and that can overtake our answer.
 * So the connection outlives H2O's close(2) by a second descriptor: the sending
 * half is shut down, and what comes is read and thrown away for a moment.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/inside.h"

#define LINGER_MS   2000
#define MAX_LINGERS 256 /* per thread */

struct lingering {
    struct link link;
    struct worker *worker;
    h2o_socket_t *sock;
    uint64_t until_ms;
};

static void linger_closed(void *data)
{
    struct lingering *l = data;
    list_remove(&l->link);
    l->worker->linger_count--;
    free(l);
}

static void linger_on_read(h2o_socket_t *sock, const char *err)
{
    if (err) {
        h2o_socket_close(sock);
        return;
    }
    h2o_buffer_consume(&sock->input, sock->input->size);
}

void linger_start(struct worker *w, int fd)
{
    shutdown(fd, SHUT_WR);
    struct lingering *l = xcalloc(1, sizeof(*l));
    l->worker = w;
    l->until_ms = clock_ms() + LINGER_MS;
    l->sock = h2o_evloop_socket_create(w->ctx.loop, fd, 0);
    l->sock->on_close.cb = linger_closed;
    l->sock->on_close.data = l;
    list_append(&w->lingers, &l->link);
    h2o_socket_read_start(l->sock, linger_on_read);
}

void lingers_end(struct worker *w, uint64_t now_ms)
{
    for (struct link *i = w->lingers.next, *next; i != &w->lingers; i = next) {
        next = i->next;
        struct lingering *l = list_item(i, struct lingering, link);
        if (now_ms >= l->until_ms)
            h2o_socket_close(l->sock);
    }
}

bool linger_has_room(const struct worker *w)
{
    return w->linger_count < MAX_LINGERS;
}

void conn_linger(struct conn *c)
{
    struct worker *w = c->worker;
    if (c->linger_fd >= 0 || !linger_has_room(w))
        return;
    c->linger_fd = fcntl(h2o_socket_get_fd(c->sock), F_DUPFD_CLOEXEC, 0);
    if (c->linger_fd >= 0)
        w->linger_count++;
}
