/* chain.c - a walk from provider to provider; see chain.h. */
#include "auth/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct walk {
    struct link link;
    const struct chain *chain; /* NULL: it is gone */
    size_t next;
    bool issues;
    struct dg_credentials c;
    op_fn *fn;
    void *arg;
};

void chain_init(struct chain *c, struct loop *loop)
{
    *c = (struct chain){.loop = loop};
    list_init(&c->walks);
}

void chain_add(struct chain *c, const char *name, struct instance *in)
{
    c->entries = xrealloc(c->entries, (c->count + 1) * sizeof *c->entries);
    c->entries[c->count++] = (struct chain_entry){.name = xstrdup(name), .in = in};
}

struct chain_entry *chain_find(struct chain *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (str_eq(c->entries[i].name, name))
            return &c->entries[i];
    return NULL;
}

void chain_clear(struct chain *c)
{
    while (!list_empty(&c->walks)) {
        struct walk *w = list_item(c->walks.next, struct walk, link);
        list_remove(&w->link);
        w->chain = NULL;
    }
    for (size_t i = 0; i < c->count; i++)
        free(c->entries[i].name);
    free(c->entries);
    c->entries = NULL;
    c->count = 0;
}

static void wipe(const char *secret)
{
    if (secret)
        explicit_bzero((char *)secret, strlen(secret));
    free((char *)secret);
}

static void walk_end(struct walk *w, const struct op_result *res)
{
    w->fn(w->arg, res);
    list_remove(&w->link);
    wipe(w->c.token);
    wipe(w->c.password);
    free((char *)w->c.user);
    free((char *)w->c.peer);
    free(w);
}

static void on_nobody(void *arg)
{
    struct walk *w = arg;
    const struct op_result issue = {.err = DG_EUNAVAILABLE, .message = "tokens are made elsewhere"};
    const struct op_result check = {.err = DG_EAUTH,
                                    .message = "the credentials are of no known kind"};
    walk_end(w, w->issues ? &issue : &check);
}

static void walk_on(struct walk *w);

static void on_judged(void *arg, const struct op_result *res)
{
    struct walk *w = arg;
    const struct dg_identity *identity = op_first(res, struct dg_identity);
    if (!w->chain) {
        walk_end(w,
                 &(struct op_result){.err = DG_EUNAVAILABLE, .message = "the gateway is stopping"});
    } else if (res->err == DG_EUNSUPPORTED) {
        walk_on(w);
    } else if (res->err == DG_OK && (!identity || str_empty(identity->subject))) {
        /* A plugin's mistake must not let anybody in. */
        walk_end(w, &(struct op_result){.err = DG_EINTERNAL,
                                        .message = "the auth provider named no subject"});
    } else {
        walk_end(w, res);
    }
}

static void walk_on(struct walk *w)
{
    const struct chain *chain = w->chain;
    while (w->next < chain->count && !chain->entries[w->next].in)
        w->next++;
    if (w->next == chain->count) {
        loop_call(chain->loop, on_nobody, w);
        return;
    }
    struct instance *in = chain->entries[w->next++].in;
    if (w->issues)
        provider_issue(in, &w->c, on_judged, w);
    else
        provider_check(in, &w->c, on_judged, w);
}

static void walk_start(struct chain *chain, bool issues, const struct dg_credentials *c, op_fn *fn,
                       void *arg)
{
    struct walk *w = xcalloc(1, sizeof *w);
    w->chain = chain;
    list_append(&chain->walks, &w->link);
    w->issues = issues;
    w->c = (struct dg_credentials){.scheme = c->scheme,
                                   .token = xstrdup(c->token),
                                   .user = xstrdup(c->user),
                                   .password = xstrdup(c->password),
                                   .peer = xstrdup(c->peer)};
    w->fn = fn;
    w->arg = arg;
    walk_on(w);
}

void chain_check(struct chain *c, const struct dg_credentials *credentials, op_fn *fn, void *arg)
{
    walk_start(c, false, credentials, fn, arg);
}

void chain_issue(struct chain *c, const struct dg_credentials *credentials, op_fn *fn, void *arg)
{
    walk_start(c, true, credentials, fn, arg);
}
