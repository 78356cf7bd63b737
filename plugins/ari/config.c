/* config.c - see config.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "asterisk/text.h"

const struct dg_cfg_key config_keys[] = {
    {"url", DG_CFG_URL, "http://localhost:8088/ari", "Where ARI listens; https is possible"},
    {"username", DG_CFG_STR, "", "A user of ari.conf, not read_only"},
    {"password", DG_CFG_SECRET, "", "Its password"},
    {"app", DG_CFG_STR, "dialgate", "Stasis application to register"},
    {"app_suffix", DG_CFG_STR, "",
     "Added to app with a dash; empty: the gateway's name, if it has one ([node] name) or shares "
     "its "
     "store"},
    {"observe", DG_CFG_STR, "all",
     "\"all\": every call on the server is seen; \"own\": only the gateway's"},
    {"connect_timeout", DG_CFG_MS, "5s", "For connecting and for the WebSocket upgrade"},
    {"request_timeout", DG_CFG_MS, "15s", "For the answer to one request"},
    {"tries", DG_CFG_INT, "3", "How often an originate is sent when Asterisk answers 5xx"},
    {"retry_wait", DG_CFG_MS, "300ms", "Before the second try; doubled for the third"},
    {"max_connections", DG_CFG_INT, "50", "Requests under way at once; more wait"},
    {"max_keepalive", DG_CFG_INT, "20", "Connections kept open after a burst of requests"},
    {"ping_ms", DG_CFG_MS, "1s", "How often the event socket is pinged"},
    {"pong_ms", DG_CFG_MS, "3s", "Silence on the event socket that means Asterisk is gone"},
    {"recordings", DG_CFG_PATH, "",
     "Asterisk's folder of recordings (/var/spool/asterisk/recording), as this gateway sees it; "
     "empty: none is shared, and they are fetched by ARI"},
    {"spool", DG_CFG_PATH, "/var/tmp",
     "Folder in which a recording that was fetched lies while it is read, without a name"},
    {"recording_max", DG_CFG_INT, "1073741824", "Largest recording to be fetched, in bytes"},
    {"ca_file", DG_CFG_STR, "", "PEM of the authority to trust, instead of the system's"},
    {"tls_no_verify", DG_CFG_BOOL, "false", "Do not check the certificate: test servers only"},
    {.name = NULL},
};

/* "host", "host:port" or "[v6]:port". */
static bool authority(struct config *c, const char *at, size_t len)
{
    const char *end = at + len, *colon = NULL, *name = at;
    size_t name_len = len;
    if (len && *at == '[') {
        const char *bracket = memchr(at, ']', len);
        if (!bracket)
            return false;
        name = at + 1;
        name_len = (size_t)(bracket - name);
        colon = bracket + 1 < end ? bracket + 1 : NULL;
    } else if ((colon = memchr(at, ':', len))) {
        name_len = (size_t)(colon - at);
    }
    if (!name_len || name_len > 255 || (colon && *colon != ':'))
        return false;
    unsigned long port = c->tls ? 443 : 80;
    for (const char *p = colon ? colon + 1 : end; p < end; p++) {
        port = (p == colon + 1 ? 0 : port * 10) + (unsigned long)(*p - '0');
        if (*p < '0' || *p > '9' || port > 65535)
            return false;
    }
    c->host = text_alloc(name_len + 1);
    memcpy(c->host, name, name_len);
    c->port = (uint16_t)port;
    return port != 0;
}

bool config_url(struct config *c, const char *url)
{
    c->tls = strncmp(url, "https://", 8) == 0;
    if (!text_is_plain(url, 1000) || (!c->tls && strncmp(url, "http://", 7) != 0) ||
        strpbrk(url, " ?#@\\\""))
        return false;
    const char *at = url + (c->tls ? 8 : 7);
    size_t len = strcspn(at, "/");
    if (!authority(c, at, len))
        return false;
    size_t url_len = strlen(url);
    while (url_len && url[url_len - 1] == '/')
        url_len--;
    c->base = text_alloc(url_len + 1);
    memcpy(c->base, url, url_len);
    size_t before = (size_t)(at + len - url);
    c->path = text_copy(url_len > before ? c->base + before : "");
    return true;
}

static bool is_app(const char *name)
{
    return text_is_plain(name, 100) && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                          "0123456789_.-")];
}

char *config_app(const char *base, const char *suffix)
{
    struct text name = {0};
    text_puts(&name, base);
    if (suffix && *suffix) {
        text_puts(&name, "-");
        text_puts(&name, suffix);
    }
    return name.at;
}

/* A second client of the same application would throw the first one out. */
static bool read_app(struct config *c, const struct dg_host *h)
{
    const char *app = h->cfg_str(h, "app"), *suffix = h->cfg_str(h, "app_suffix");
    const char *node = h->abi_minor >= 3 ? h->node : NULL;
    c->base_app = text_copy(app ? app : "");
    c->app = config_app(c->base_app, suffix && *suffix ? suffix : node);
    return is_app(c->app);
}

static unsigned at_least_one(const struct dg_host *h, const char *key)
{
    int64_t n = h->cfg_int(h, key);
    return n < 1 ? 1 : n > 100000 ? 100000 : (unsigned)n;
}

static const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

bool config_read(struct config *c, const struct dg_host *h, const char **why)
{
    const char *observe = h->cfg_str(h, "observe"), *url = h->cfg_str(h, "url");
    memset(c, 0, sizeof *c);
    c->user = h->cfg_str(h, "username");
    c->password = h->cfg_str(h, "password");
    c->ca_file = or_null(h->cfg_str(h, "ca_file"));
    c->recordings = or_null(h->cfg_str(h, "recordings"));
    c->spool = h->cfg_str(h, "spool");
    c->recording_max = (uint64_t)h->cfg_int(h, "recording_max");
    c->tls_no_verify = h->cfg_bool(h, "tls_no_verify");
    c->connect_ms = at_least_one(h, "connect_timeout");
    c->request_ms = at_least_one(h, "request_timeout");
    c->retry_ms = at_least_one(h, "retry_wait");
    c->ping_ms = at_least_one(h, "ping_ms");
    c->pong_ms = at_least_one(h, "pong_ms");
    c->tries = at_least_one(h, "tries");
    c->max_connections = at_least_one(h, "max_connections");
    c->max_keepalive = at_least_one(h, "max_keepalive");
    c->own_only = text_same(observe, "own");
    if (!url || !config_url(c, url))
        *why = "url: expected http://host:port/ari or https://host:port/ari";
    else if (!or_null(c->user) || strchr(c->user, ':'))
        *why = "username: expected the name of a user in ari.conf, without a colon";
    else if (!read_app(c, h))
        *why = "app, app_suffix: expected at most 100 letters, digits, _ . or -";
    else if (!c->own_only && !text_same(observe, "all"))
        *why = "observe: expected \"all\" or \"own\"";
    else
        return true;
    config_free(c);
    return false;
}

void config_free(struct config *c)
{
    free(c->base);
    free(c->host);
    free(c->path);
    free(c->app);
    free(c->base_app);
    memset(c, 0, sizeof *c);
}
