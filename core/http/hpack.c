/* hpack.c - how far back an HTTP/2 connection looks when it compresses the headers of an answer.
 *
 * Every answer has an X-Request-ID of its own. H2O enters each into its table
 * of recent headers, and for every header of every answer it searches that
 * table from end to end. A short table still has what repeats: server, date,
 * type. Nobody is told, and nobody needs to be: an encoder is free not to
 * refer to what is older, however much the other side keeps (RFC 7541).
 */
#include "http/inside.h"

/* Needs what the above brings. */
#include <h2o/http2_internal.h>

#define LOOK_BACK 700 /* as RFC 7541 counts: 32 and both texts, so eight or nine headers */

void hpack_shorten(h2o_req_t *h2o)
{
    if (h2o->version < 0x200)
        return;
    h2o_hpack_header_table_t *table = &((h2o_http2_conn_t *)h2o->conn)->_output_header_table;
    if (table->hpack_capacity == H2O_HTTP2_SETTINGS_HOST.header_table_size)
        table->hpack_capacity = LOOK_BACK;
}
