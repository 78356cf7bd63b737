/* message.h - what comes from the manager interface: bytes in, messages out.
 *
 * A message is a block of "Name: value" lines that an empty line ends. Nothing
 * is trusted: a message may come in any pieces, and is bounded in its size and
 * in its number of lines. One that passes a bound is skipped to its end and
 * counted; the messages after it are read as ever.
 */
#ifndef AMI_MESSAGE_H
#define AMI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MESSAGE_SIZE_MAX = 256 * 1024, /* bytes of one message; a list of all actions has 20 KiB */
    MESSAGE_LINES_MAX = 1024,
    BANNER_SIZE_MAX = 200,
};

struct message_line {
    const char *name, *value;
};

/* Lent for the call it is passed to. Lines without a colon are left out. */
struct message {
    const struct message_line *lines;
    size_t count;
};

/* The first line of that name, upper and lower case being the same; NULL: there is none. */
const char *message_text(const struct message *m, const char *name);
/* The same as a number; 0 when there is none or it is none. */
int message_number(const struct message *m, const char *name);
/* Whether the line is there and has this value, upper and lower case being the same. */
bool message_is(const struct message *m, const char *name, const char *value);

/* In one piece of memory: free() lets go of it. */
struct message *message_copy(const struct message *m);

typedef void message_fn(void *arg, const struct message *m);
typedef void banner_fn(void *arg, const char *line);

/* Start with {0} and the functions; message_feed calls them. They may set `stopped`: what has come
 * after the present message is then dropped, and nothing is taken any more. */
struct parser {
    banner_fn *banner; /* the first line of a connection; "" when it is too long: then it stops */
    message_fn *message;
    void *arg;
    char *at;
    size_t len, size, scanned;
    struct message_line *lines;
    size_t skipped; /* messages that passed a bound */
    bool greeted, skipping, stopped;
    bool line_seen; /* while skipping: the line being skipped is not empty */
};

void message_feed(struct parser *p, const char *bytes, size_t len);
void message_free(struct parser *p);

#endif
