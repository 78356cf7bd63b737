/* config.c - see config.h. */
#include "config.h"

#include <string.h>

#include "asterisk/text.h"

const struct dg_cfg_key config_keys[] = {
    {"host", DG_CFG_STR, "localhost", "Where the manager interface listens"},
    {"port", DG_CFG_INT, "5038", "Its port; with tls usually 5039"},
    {"username", DG_CFG_STR, "", "A user of manager.conf"},
    {"password", DG_CFG_SECRET, "", "Its secret"},
    {"login", DG_CFG_STR, "md5",
     "\"md5\": the password does not cross the network; \"plain\": it does"},
    {"tls", DG_CFG_BOOL, "false", "Connect by TLS (tlsenable in manager.conf)"},
    {"ca_file", DG_CFG_STR, "", "PEM of the authority to trust, instead of the system's"},
    {"tls_no_verify", DG_CFG_BOOL, "false", "Do not check the certificate: test servers only"},
    {"connect_timeout", DG_CFG_MS, "5s", "For connecting, for the banner and for each login step"},
    {"request_timeout", DG_CFG_MS, "15s", "For the answer to one action"},
    {"recordings", DG_CFG_PATH, "",
     "Asterisk's folder of recordings (/var/spool/asterisk/monitor), as this gateway sees it; "
     "empty: none is shared, and recordings are made, but not given out"},
    {"ping_ms", DG_CFG_MS, "1s", "How often Asterisk is pinged"},
    {"pong_ms", DG_CFG_MS, "3s", "Silence that means Asterisk is gone"},
    {.name = NULL},
};

static uint64_t at_least_one(const struct dg_host *h, const char *key)
{
    int64_t n = h->cfg_int(h, key);
    return n < 1 ? 1 : (uint64_t)n;
}

static bool is_sendable(const char *s)
{
    return text_is_plain(s, 200) && s[0] != ' ';
}

bool config_read(struct config *c, const struct dg_host *h, const char **why)
{
    const char *login = h->cfg_str(h, "login");
    int64_t port = h->cfg_int(h, "port");
    memset(c, 0, sizeof *c);
    c->host = h->cfg_str(h, "host");
    c->port = (uint16_t)port;
    c->user = h->cfg_str(h, "username");
    c->password = h->cfg_str(h, "password");
    c->ca_file = h->cfg_str(h, "ca_file");
    c->recordings = h->cfg_str(h, "recordings");
    if (c->ca_file && !*c->ca_file)
        c->ca_file = NULL;
    c->tls = h->cfg_bool(h, "tls");
    c->tls_no_verify = h->cfg_bool(h, "tls_no_verify");
    c->plain_login = text_same(login, "plain");
    c->connect_ms = at_least_one(h, "connect_timeout");
    c->request_ms = at_least_one(h, "request_timeout");
    c->ping_ms = at_least_one(h, "ping_ms");
    c->pong_ms = at_least_one(h, "pong_ms");
    if (!text_is_plain(c->host, 255))
        *why = "host: expected a name or an address";
    else if (port < 1 || port > 65535)
        *why = "port: expected a number from 1 to 65535";
    else if (!is_sendable(c->user))
        *why = "username: expected the name of a user in manager.conf";
    else if (!c->password || (*c->password && !text_is_plain(c->password, 200)))
        *why = "password: expected the secret of that user, at most 200 printable characters";
    else if (!c->plain_login && !text_same(login, "md5"))
        *why = "login: expected \"md5\" or \"plain\"";
    else
        return true;
    return false;
}
