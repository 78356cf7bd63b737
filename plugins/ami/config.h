/* config.h - the configuration of one instance, checked. */
#ifndef AMI_CONFIG_H
#define AMI_CONFIG_H

#include "dialgate/plugin.h"

struct config {
    const char *host, *user, *password, *ca_file, *recordings;
    uint16_t port;
    bool tls, tls_no_verify, plain_login;
    uint64_t connect_ms, request_ms, ping_ms, pong_ms;
};

extern const struct dg_cfg_key config_keys[];

/* False: `why` says which key is wrong and how. */
bool config_read(struct config *c, const struct dg_host *h, const char **why);

#endif
