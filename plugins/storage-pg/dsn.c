/* dsn.c - see dsn.h. */
#include "dsn.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a connection needs; where the operator has said something else, that counts,
 * unless it is `ours`. */
struct setting {
    const char *keyword, *value;
    bool ours;
};

/* "postgresql+asyncpg://..." names a driver of another language too. */
static char *without_driver(struct pool *p, const char *url)
{
    const char *plus = strchr(url, '+'), *colon = strstr(url, "://");
    if (!plus || !colon || plus > colon || strncmp(url, "postgres", 8) != 0)
        return pool_strdup(p, url);
    size_t scheme = (size_t)(plus - url);
    char *out = pool_alloc(p, strlen(url) + 1);
    memcpy(out, url, scheme);
    memcpy(out + scheme, colon, strlen(colon));
    return out;
}

/* libpq quotes what it could not read, which may hold the password. */
static bool refuse(struct fault *fault, const char *url, const char *why)
{
    const char *at = strstr(url, "://");
    bool quotes = strstr(why, at ? at + 3 : url) || strstr(why, "://") || strchr(why, '"');
    bool parameter = strstr(why, "parameter") && !strstr(why, "://");
    char text[300];
    snprintf(text, sizeof(text), "%s", quotes && !parameter ? "it cannot be read" : why);
    text[strcspn(text, "\r\n")] = '\0';
    return fault_set(fault, DG_EINVAL,
                     "url: %s; give postgresql://USER:PASSWORD@HOST:PORT/DATABASE or \"host=... "
                     "dbname=...\"",
                     text);
}

static const char *option(const PQconninfoOption *list, const char *keyword)
{
    for (; list->keyword; list++) {
        if (strcmp(list->keyword, keyword) == 0)
            return list->val && *list->val ? list->val : NULL;
    }
    return NULL;
}

static const char *place(struct pool *p, const PQconninfoOption *list)
{
    struct text t = {0};
    const char *host = option(list, "host"), *port = option(list, "port");
    const char *database = option(list, "dbname");
    if (!host)
        host = option(list, "hostaddr");
    text_addf(&t, "%s at %s%s%s", database ? database : "the database",
              host ? host : "the local socket", port ? ":" : "", port ? port : "");
    const char *out = pool_strdup(p, t.ptr);
    text_free(&t);
    return out;
}

/* The i-th of a list with commas, where a single one stands for all; NULL: absent or empty. */
static const char *element(struct pool *p, const char *list, size_t i)
{
    if (!list)
        return NULL;
    if (!strchr(list, ','))
        i = 0;
    for (; i > 0 && *list; i--) {
        list += strcspn(list, ",");
        list += *list == ',';
    }
    size_t len = strcspn(list, ",");
    return len ? pool_dup(p, list, len) : NULL;
}

static size_t elements(const char *list)
{
    size_t n = list ? 1 : 0;
    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

static void list_servers(struct dsn *d, const PQconninfoOption *list)
{
    const char *host = option(list, "host"), *hostaddr = option(list, "hostaddr");
    const char *port = option(list, "port");
    d->server_count = elements(host) > elements(hostaddr) ? elements(host) : elements(hostaddr);
    if (!d->server_count)
        d->server_count = 1;
    d->servers = pool_alloc(&d->pool, d->server_count * sizeof(*d->servers));
    for (size_t i = 0; i < d->server_count; i++)
        d->servers[i] = (struct dsn_server){.host = element(&d->pool, host, i),
                                            .hostaddr = element(&d->pool, hostaddr, i),
                                            .port = element(&d->pool, port, i)};
}

void dsn_choose(struct dsn *d, size_t server)
{
    const struct dsn_server *s = &d->servers[server];
    const char *const pairs[][2] = {
        {"host", s->host}, {"hostaddr", s->hostaddr}, {"port", s->port}};
    size_t n = d->count;
    for (size_t i = 0; i < 3; i++) {
        if (!pairs[i][1])
            continue;
        d->keywords[n] = pairs[i][0];
        d->values[n++] = pairs[i][1];
    }
    d->keywords[n] = d->values[n] = NULL;
}

static bool names_server(const char *keyword)
{
    return strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
           strcmp(keyword, "port") == 0;
}

static void add(struct dsn *d, const char *keyword, const char *value)
{
    d->keywords[d->count] = pool_strdup(&d->pool, keyword);
    d->values[d->count++] = pool_strdup(&d->pool, value);
}

bool dsn_parse(struct dsn *d, const char *url, const char *name, struct fault *fault)
{
    char *why = NULL;
    *d = (struct dsn){0};
    char *read = without_driver(&d->pool, url);
    PQconninfoOption *list = *read ? PQconninfoParse(read, &why) : NULL;
    if (!list) {
        refuse(fault, read, why ? why : "it is empty");
        PQfreemem(why);
        dsn_free(d);
        return false;
    }
    const struct setting settings[] = {
        {"application_name", name, true},
        {"client_encoding", "UTF8", true},
        {"target_session_attrs", "read-write", false},
        {"keepalives_idle", "30", false},
        {"tcp_user_timeout", "20000", false},
    };
    size_t most = sizeof(settings) / sizeof(*settings) + 3;
    for (const PQconninfoOption *o = list; o->keyword; o++)
        most++;
    d->keywords = pool_alloc(&d->pool, (most + 1) * sizeof(*d->keywords));
    d->values = pool_alloc(&d->pool, (most + 1) * sizeof(*d->values));
    for (const PQconninfoOption *o = list; o->keyword; o++) {
        if (o->val && *o->val && !names_server(o->keyword))
            add(d, o->keyword, o->val);
    }
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        if (settings[i].ours || !option(list, settings[i].keyword))
            add(d, settings[i].keyword, settings[i].value); /* of two the last one counts */
    }
    list_servers(d, list);
    d->place = place(&d->pool, list);
    PQconninfoFree(list);
    return true;
}

void dsn_free(struct dsn *d)
{
    pool_free(&d->pool);
    *d = (struct dsn){0};
}
