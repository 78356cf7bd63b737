/* error.h - what the server refused, as a fault of the contract. */
#ifndef STORAGE_PG_ERROR_H
#define STORAGE_PG_ERROR_H

#include <libpq-fe.h>

#include "store/mem.h"

/* What is to be done about an error. */
enum remedy {
    REMEDY_NONE,    /* it is the asker's */
    REMEDY_AGAIN,   /* the same once more: others were in the way */
    REMEDY_CONNECT, /* this connection is of no use any more */
    REMEDY_WAIT,    /* the server cannot at the moment: no space, no memory, locked */
};

enum remedy error_remedy(const char *sqlstate);
/* "23505" or "". */
const char *error_state(const PGresult *res);
/* The fault of a result that is one. `read_ms`: how long it was given, for sentences. */
bool error_fault(const PGresult *res, struct fault *fault);
/* One line of what libpq says about a connection. */
void error_line(char *out, size_t size, const char *message);

#endif
