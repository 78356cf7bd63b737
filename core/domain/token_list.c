/* token_list.c - the tokens of a user, or all, a page at a time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/token_record.h"
#include "domain/tokens_private.h"

static void list_end(struct token_ask *a, const struct token_list *list)
{
    a->list_fn(a->arg, list);
    token_ask_free(a);
}

static void on_page(void *arg, const struct op_result *res)
{
    struct token_ask *a = arg;
    struct token **tokens = xcalloc(res->count + 1, sizeof *tokens);
    struct token_list list = {.err = res->err,
                              .message = res->message,
                              .tokens = (const struct token *const *)tokens,
                              .total = a->total};
    for (size_t i = 0; res->err == DG_OK && i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        json_t *json = json_parse(doc->json.ptr, doc->json.len, 8, NULL);
        struct token *token = json ? token_read(doc->id, json) : NULL;
        json_decref(json);
        if (token)
            tokens[list.count++] = token;
        else
            log_warn("tokens", "a document of the store is no token", LOG_S("id", doc->id));
    }
    const size_t count = list.count;
    list_end(a, &list);
    for (size_t i = 0; i < count; i++)
        token_free(tokens[i]);
    free(tokens);
}

static void on_total(void *arg, const struct op_result *res)
{
    struct token_ask *a = arg;
    char user[TOKEN_ID_TEXT];
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    if (res->err != DG_OK) {
        list_end(a, &(struct token_list){.err = res->err, .message = res->message});
        return;
    }
    a->total = row ? row->count : 0;
    snprintf(user, sizeof user, "%" PRId64, a->user_id);
    const struct dg_where where = {.field = "user_id", .compare = DG_EQ, .value = user};
    const struct dg_query query = {.collection = COLLECTION_TOKENS,
                                   .where = &where,
                                   .where_count = a->user_id ? 1 : 0,
                                   .order_by = "created_at",
                                   .descending = true,
                                   .offset = a->offset,
                                   .limit = a->limit};
    store_query(a->tokens->store, &query, on_page, a);
}

void tokens_list(struct tokens *t, int64_t user_id, uint64_t offset, uint64_t limit,
                 token_list_fn *fn, void *arg)
{
    char user[TOKEN_ID_TEXT];
    struct token_ask *a = token_ask_new(t, NULL, arg);
    a->list_fn = fn;
    a->user_id = user_id;
    a->offset = offset;
    a->limit = limit;
    snprintf(user, sizeof user, "%" PRId64, user_id);
    const struct dg_where where = {.field = "user_id", .compare = DG_EQ, .value = user};
    const struct dg_tally tally = {
        .collection = COLLECTION_TOKENS, .where = &where, .where_count = user_id ? 1 : 0};
    store_tally(t->store, &tally, on_total, a);
}
