/* admin_client.h - the other end of the control socket, for a program that may
 * block: one question at a time. */
#ifndef ADMIN_CLIENT_H
#define ADMIN_CLIENT_H

#include <jansson.h>
#include <stdio.h>

#include "base/err.h"

/* -1: `problem` says why not; its err is DG_ENOTFOUND when nobody listens there. */
int client_connect(const char *path, struct problem *problem);

/* Sends the request, an object; NULL: it was refused or failed, as `problem` says. The caller owns
 * the answer. */
json_t *client_ask(int fd, const json_t *request, struct problem *problem);
/* Likewise, but an answer that refuses is handed over as well; NULL: there was none. */
json_t *client_ask_any(int fd, const json_t *request, struct problem *problem);
/* Documents from the gateway to `out`, from `in` to the gateway. */
/* `progress`, if it is not NULL, is called now and then with the number of documents so far. */
typedef void client_progress_fn(int64_t documents);
bool client_export(int fd, FILE *out, client_progress_fn *progress, int64_t *documents,
                   struct problem *problem);
/* A file behind a request; NULL: there was no answer. One that refuses is handed over as well. */
json_t *client_upload(int fd, const json_t *request, FILE *in, client_progress_fn *progress,
                      struct problem *problem);
bool client_import(int fd, FILE *in, client_progress_fn *progress, int64_t *documents,
                   struct problem *problem);

#endif
