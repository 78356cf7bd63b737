/* token_record.h - a token and its document in the store. */
#ifndef DOMAIN_TOKEN_RECORD_H
#define DOMAIN_TOKEN_RECORD_H

#include "base/json.h"
#include "domain/tokens.h"

/* Of a new token. */
void token_write(const struct token_request *req, int64_t now_ms, struct buf *out);
/* NULL: it is no token's. */
struct token *token_read(const char *id, const json_t *json);
void token_free(struct token *token); /* NULL is fine */
/* The ends of a secret, as they are shown. */
char *token_shown(const char *secret);

#endif
