/* dsn.h - where the server is: a URL or keywords as libpq reads them, made ready
 * for connecting. */
#ifndef STORAGE_PG_DSN_H
#define STORAGE_PG_DSN_H

#include "store/mem.h"

struct dsn {
    struct pool pool;
    const char **keywords,
        **values; /* as PQconnectStartParams wants them; a server's behind them */
    size_t count; /* of them, without a server's */
    struct dsn_server {
        const char *host, *hostaddr, *port; /* NULL: as libpq has it */
    } * servers;                            /* tried one after the other */
    size_t server_count;
    const char *place; /* "gateway at db.example:5432", for sentences */
};

/* False: it is none; the sentence does not repeat it, for the password in it. */
bool dsn_parse(struct dsn *d, const char *url, const char *name, struct fault *fault);
/* Keywords and values for one of the servers; valid until the next call. */
void dsn_choose(struct dsn *d, size_t server);
void dsn_free(struct dsn *d);

#endif
