/* frames.h - the frames of an HTTP/2 connection, before H2O sees them. [pure]
 *
 * H2O answers control frames by itself and tells nobody, and it writes a line
 * to standard error for each frame of a type that it does not know.
 */
#ifndef HTTP_FRAMES_H
#define HTTP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

struct frames {
    unsigned heads;      /* requests begun, and trailers */
    unsigned resets;     /* requests taken back; or attempts to make us do it */
    unsigned control;    /* what neither begins a request nor carries much of a body; resets too */
    size_t body;         /* bytes of DATA */
    size_t block;        /* bytes of the header block under way or last seen */
    bool block_open;     /* more of it is to come */
    size_t largest;      /* block, since it was last set to zero */
    size_t blocks_ended; /* tells one block under way from the next */
    size_t walked;       /* frames in all */
};

/* Adds what is complete at the beginning of `in`, from a connection's preface on, and takes frames
 * of unknown types out. Returns the length that is left. What is not complete is for the next
 * time, when it is to be at the beginning. */
size_t frames_walk(struct frames *f, char *in, size_t len);

#endif
