/* tokens_private.h - what tokens.c and token_list.c share. */
#ifndef DOMAIN_TOKENS_PRIVATE_H
#define DOMAIN_TOKENS_PRIVATE_H

#include "base/buf.h"
#include "domain/tokens.h"

#define TOKEN_ID_TEXT 24

struct tokens {
    struct store *store;
    struct loop *loop;
    struct users *users;
    size_t under_way;
    struct buf used; /* ids of tokens, a JSON array without its end */
    size_t used_count;
    struct loop_timer *used_timer;
    dg_fn *on_revoked, *on_closed;
    void *on_revoked_arg, *on_closed_arg;
};

struct token_ask {
    struct tokens *tokens;
    int64_t id, user_id; /* what is asked for, by whom */
    uint64_t offset, limit, total;
    enum dg_err refused;
    const char *refusal;
    token_fn *fn;
    token_list_fn *list_fn;
    void *arg;
};

/* Of a request to the store; closing waits until it is freed. */
struct token_ask *token_ask_new(struct tokens *t, token_fn *fn, void *arg);
void token_ask_free(struct token_ask *a);

#endif
