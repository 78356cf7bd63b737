/* error.c - see error.h. The codes are those of appendix A of PostgreSQL's manual. */
#include "error.h"

#include <stdio.h>
#include <string.h>

static bool is_class(const char *state, const char *class)
{
    return strncmp(state, class, 2) == 0;
}

static bool is_any(const char *state, const char *list)
{
    return *state && strstr(list, state);
}

enum remedy error_remedy(const char *state)
{
    /* serialization, deadlock; a plan or a prepared statement that is gone */
    if (is_any(state, "40001 40P01 0A000 26000"))
        return REMEDY_AGAIN;
    /* shut down, crashed, starting; a standby; an idle session ended */
    if (is_class(state, "08") || is_any(state, "57P01 57P02 57P03 57P04 57P05 25006 25P03"))
        return REMEDY_CONNECT;
    /* out of disk, memory, ...; locked; permission, system errors */
    if (is_class(state, "53") || is_class(state, "58") || is_any(state, "55P03 42501"))
        return REMEDY_WAIT;
    return REMEDY_NONE;
}

const char *error_state(const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    return state ? state : "";
}

void error_line(char *out, size_t size, const char *message)
{
    size_t len = 0;
    for (; message && *message && len + 3 < size; message++) {
        if (*message != '\n' && *message != '\r')
            out[len++] = (char)((unsigned char)*message < 0x20 ? ' ' : *message);
        else if (message[1] && len && out[len - 1] != ' ')
            len += (size_t)snprintf(out + len, size - len, "; ");
    }
    out[len] = '\0';
}

/* "calls:phone_number,created_at unique" names the fields; the key of a table is its ids. */
static bool unique_fault(const PGresult *res, struct fault *fault)
{
    const char *name = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
    const char *table = PQresultErrorField(res, PG_DIAG_TABLE_NAME);
    const char *fields = name ? strchr(name, ':') : NULL;
    if (!table)
        table = "the collection";
    if (!fields)
        return fault_set(fault, DG_ECONFLICT, "%s: the document exists already", table);
    return fault_set(fault, DG_ECONFLICT, "%s: another document has the same %.*s", table,
                     (int)strcspn(fields + 1, " "), fields + 1);
}

bool error_fault(const PGresult *res, struct fault *fault)
{
    const char *state = error_state(res);
    const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    char why[300];
    error_line(why, sizeof(why), primary ? primary : PQresultErrorMessage(res));
    if (strcmp(state, "23505") == 0)
        return unique_fault(res, fault);
    if (strcmp(state, "22003") == 0)
        return fault_set(fault, DG_EINVAL, "a number does not fit into 64 bits");
    if (is_class(state, "22") || is_class(state, "23") || is_class(state, "54"))
        return fault_set(fault, DG_EINVAL, "%s", why);
    if (strcmp(state, "57014") == 0)
        return fault_set(fault, DG_ETIMEOUT, "it took longer than it may: %s", why);
    if (strcmp(state, "53100") == 0)
        return fault_set(fault, DG_EUNAVAILABLE,
                         "the database server has no space left (%s): nothing was written", why);
    if (strcmp(state, "55P03") == 0)
        return fault_set(fault, DG_EUNAVAILABLE,
                         "another program has it locked in the database; end what it does there");
    if (strcmp(state, "42501") == 0)
        return fault_set(fault, DG_EUNAVAILABLE, "%s; grant it to the user of the url", why);
    if (strcmp(state, "25006") == 0)
        return fault_set(fault, DG_EUNAVAILABLE, "the database server only reads: %s", why);
    if (error_remedy(state) != REMEDY_NONE || !*state)
        return fault_set(fault, DG_EUNAVAILABLE, "the database server: %s", why);
    return fault_set(fault, DG_EINTERNAL, "the database server: %s (%s)", why, state);
}
