/* config.h - the configuration of one instance, checked. */
#ifndef ARI_CONFIG_H
#define ARI_CONFIG_H

#include "dialgate/plugin.h"

struct config {
    char *base; /* "http://localhost:8088/ari", no slash at the end */
    char *host; /* without brackets */
    char *path; /* "/ari" */
    uint16_t port;
    bool tls, tls_no_verify;
    const char *ca_file, *user, *password;
    char *app, *base_app;           /* as registered; without what tells gateways apart */
    const char *recordings, *spool; /* folders; recordings NULL: none is shared */
    uint64_t recording_max;
    bool own_only;
    uint64_t connect_ms, request_ms, retry_ms, ping_ms, pong_ms;
    unsigned tries, max_connections, max_keepalive;
};

extern const struct dg_cfg_key config_keys[];

/* False: `why` says which key is wrong and how. */
bool config_read(struct config *c, const struct dg_host *h, const char **why);
void config_free(struct config *c);

/* "dialgate-a"; suffix NULL or empty: the base alone. The caller frees. */
char *config_app(const char *base, const char *suffix);

/* Split an http or https URL. False: it is none. */
bool config_url(struct config *c, const char *url);

#endif
