/* net_private.h - inside of net: the multi handle that fetches and streams share. */
#ifndef LOOP_NET_PRIVATE_H
#define LOOP_NET_PRIVATE_H

#include <curl/curl.h>

#include "base/list.h"
#include "loop/net.h"

/* One easy handle in the multi handle. */
struct transfer {
    struct link link;
    struct net *net;
    CURL *easy;
    char error[CURL_ERROR_SIZE];
    void (*done)(struct transfer *t, CURLcode rc); /* outside of curl */
    void (*drop)(struct transfer *t);              /* net_free: no callback */
};

struct net_kick;

struct net {
    struct loop *loop;
    struct net_config config;
    CURLM *multi;
    struct loop_timer *timer;
    struct net_kick *kick; /* a posted "time out now", or NULL */
    struct link transfers;
    struct link parts; /* fetches that have received something to hand on */
};

/* An easy handle with what all have in common; NULL error text. */
void transfer_init(struct transfer *t, struct net *n);
/* Hands it to curl. false: refused, `error` says why; done is not called. */
bool transfer_start(struct transfer *t);
void transfer_free(struct transfer *t); /* not from inside a curl callback */
void transfer_tls(struct transfer *t, bool no_verify, const char *ca_file);
enum dg_err transfer_err(CURLcode rc);
const char *transfer_why(const struct transfer *t, CURLcode rc);

/* fetch.c: what came in since, to those who want it in parts. */
void fetch_deliver_parts(struct net *n);

#endif
