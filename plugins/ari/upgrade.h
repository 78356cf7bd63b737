/* upgrade.h - the HTTP exchange that opens a WebSocket (RFC 6455, section 4). */
#ifndef ARI_UPGRADE_H
#define ARI_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>

#include "asterisk/text.h"

#define UPGRADE_KEY_SIZE    25 /* base64 of 16 random bytes, and NUL */
#define UPGRADE_ACCEPT_SIZE 29 /* base64 of a SHA-1 sum, and NUL */
#define UPGRADE_MAX_HEAD    16384

void upgrade_key(char key[UPGRADE_KEY_SIZE]);
void upgrade_accept(char accept[UPGRADE_ACCEPT_SIZE], const char *key);

struct upgrade_request {
    const char *host, *path, *user, *password, *key;
    unsigned port;
};
void upgrade_request(struct text *out, const struct upgrade_request *r);

enum upgrade_result { UPGRADE_MORE, UPGRADE_DONE, UPGRADE_REFUSED };

struct upgrade_answer {
    size_t head_len; /* what follows belongs to the WebSocket */
    int status;      /* 0: it was no HTTP */
    char why[160];   /* REFUSED */
};

/* Look at what has come so far. */
enum upgrade_result upgrade_read(struct upgrade_answer *a, const char *buf, size_t len,
                                 const char *accept);

#endif
