/* stream.h - answers whose body comes bit by bit. [the request's HTTP thread]
 *
 * A handler opens a stream where it would have answered. From then on the
 * stream asks for more whenever its client has taken what there was: whoever
 * produces is never ahead of a slow client by more than he added himself.
 * Producing may need the control thread: `more` may start a hop, whose `back`
 * adds what it brought. Who has nothing now adds and sends later.
 *
 * A client that goes away ends the request: see request_on_end. Nothing of a
 * stream is called afterwards. One that takes nothing for `write_ms` is cut off;
 * a stream that has nothing to send may last for ever.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "http/request.h"

struct stream_use {
    /* The client has room: add, end, start a hop, or do nothing and send later. */
    void (*more)(struct request *req, void *arg);
    /* The gateway is stopping: say goodbye and end. NULL: the stream goes on until it has ended
     * or the time for that is up. */
    void (*drain)(struct request *req, void *arg);
};

/* Takes the place of a reply_...(); headers come before. `more` is called from inside. false: it
 * was a HEAD request, which is answered. `use` is kept. */
bool stream_begin(struct request *req, int status, const char *type, const struct stream_use *use,
                  void *arg);
void *stream_user(const struct request *req); /* the `arg` of stream_begin */
bool stream_open(const struct request *req);  /* begun, and neither ended nor broken off */
/* To the end of what waits. Copied. */
void stream_add(struct request *req, const char *bytes, size_t len);
/* Not copied: release(owner) when they are not needed any more, sent or not. */
void stream_lend(struct request *req, const char *bytes, size_t len, dg_fn *release, void *owner);
/* Sends what was added; inside `more` and the `back` of a hop that happens by itself. */
void stream_send(struct request *req);
bool stream_ready(const struct request *req);     /* the client has taken all that was sent */
size_t stream_waiting(const struct request *req); /* bytes that H2O has not got rid of */
/* Drops what was added and not sent yet. */
void stream_drop(struct request *req);
void stream_end(struct request *req);   /* after what was added */
void stream_break(struct request *req); /* at once: the client sees that it is not complete */

#endif
