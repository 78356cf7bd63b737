/* A yardstick: SQLite without anything around it, writing the rows of calls as the gateway does.
 *
 *     group_commit FILE SECONDS CLIENTS REPLACED
 *
 * FILE is a gateway's database with at least one finished call in it, which is
 * the model of all that follow. As many CLIENTS as were told wait for their
 * call to be durable and then place the next one, so that each transaction has
 * that many new calls, and the updates and CDRs of those before. REPLACED is
 * the share (0 to 1) of calls whose second state is never written, because the
 * gateway finds the third one queued behind it. Prints calls per second and
 * the 99th percentile of a transaction in milliseconds.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ID_LEN      36
#define MAX_COLUMNS 32
#define MAX_CLIENTS 1024
#define MAX_GROUPS  10000000
#define DOC_COLUMN  "@doc"

struct row {
    const char *table;
    int count;
    char *names[MAX_COLUMNS];
    sqlite3_value *values[MAX_COLUMNS];
    sqlite3_stmt *insert;
};

struct group {
    int count;
    unsigned long first; /* the number of its first call */
    char ids[MAX_CLIENTS][ID_LEN + 1];
};

static sqlite3 *db;
static char model_id[ID_LEN + 1];
static unsigned long call_count;

static void check(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "group_commit: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *stmt;
    check(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    return stmt;
}

static void execute(const char *sql)
{
    check(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- Rows --------------------------------------------------------------- */

static void read_model(struct row *row, const char *table)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT * FROM \"%s\" WHERE id = coalesce(nullif(?1, ''), id) LIMIT 1", table);
    sqlite3_stmt *stmt = prepare(sql);
    sqlite3_bind_text(stmt, 1, model_id, -1, SQLITE_STATIC);
    check(sqlite3_step(stmt) == SQLITE_ROW);
    row->table = table;
    row->count = sqlite3_column_count(stmt);
    check(row->count <= MAX_COLUMNS);
    for (int i = 0; i < row->count; i++) {
        row->names[i] = strdup(sqlite3_column_name(stmt, i));
        row->values[i] = sqlite3_value_dup(sqlite3_column_value(stmt, i));
    }
    snprintf(model_id, sizeof model_id, "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    int len = snprintf(sql, sizeof sql, "INSERT INTO \"%s\" VALUES(?", table);
    for (int i = 1; i < row->count; i++)
        len += snprintf(sql + len, sizeof sql - (size_t)len, ",?");
    snprintf(sql + len, sizeof sql - (size_t)len, ")");
    row->insert = prepare(sql);
}

/* A text of the model's with another id in the place of its own. */
static void bind_text(sqlite3_stmt *stmt, int at, sqlite3_value *value, const char *id)
{
    const char *text = (const char *)sqlite3_value_text(value);
    size_t len = (size_t)sqlite3_value_bytes(value);
    char *copy = sqlite3_malloc64(len + 1);
    memcpy(copy, text, len + 1);
    char *found = strstr(copy, model_id);
    if (found)
        memcpy(found, id, ID_LEN);
    sqlite3_bind_text(stmt, at, copy, (int)len, sqlite3_free);
}

static sqlite3_value *value_of(const struct row *row, const char *name)
{
    for (int i = 0; i < row->count; i++)
        if (strcmp(row->names[i], name) == 0)
            return row->values[i];
    return NULL;
}

static void run(sqlite3_stmt *stmt)
{
    check(sqlite3_step(stmt) == SQLITE_DONE);
    sqlite3_reset(stmt);
}

/* `status`: instead of the model's; then it has not ended either. */
static void insert(struct row *row, const char *id, const char *status)
{
    for (int i = 0; i < row->count; i++) {
        const char *name = row->names[i];
        if (strcmp(name, "@version") == 0)
            sqlite3_bind_int(row->insert, i + 1, 1);
        else if (status && strcmp(name, "status") == 0)
            sqlite3_bind_text(row->insert, i + 1, status, -1, SQLITE_STATIC);
        else if (status && strcmp(name, "ended_at") == 0)
            sqlite3_bind_null(row->insert, i + 1);
        else if (sqlite3_value_type(row->values[i]) == SQLITE_TEXT)
            bind_text(row->insert, i + 1, row->values[i], id);
        else
            sqlite3_bind_value(row->insert, i + 1, row->values[i]);
    }
    run(row->insert);
}

/* ---- The states of a call ----------------------------------------------- */

struct calls {
    struct row call, cdr;
    sqlite3_stmt *dialing, *ended;
    double replaced;
};

static void name_call(char id[ID_LEN + 1])
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    unsigned long ms = (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000;
    unsigned random[3];
    sqlite3_randomness(sizeof random, random);
    snprintf(id, ID_LEN + 1, "%08x-%04x-7%03x-8%03x-%04x%08x", (unsigned)(ms >> 16),
             (unsigned)(ms & 0xffff), (unsigned)(call_count++ & 0xfff), random[0] & 0xfff,
             random[1] & 0xffff, random[2]);
}

static void create(struct calls *c, struct group *g, int clients)
{
    g->count = clients;
    g->first = call_count;
    for (int i = 0; i < clients; i++) {
        name_call(g->ids[i]);
        insert(&c->call, g->ids[i], "pending");
    }
}

static int is_replaced(const struct calls *c, unsigned long number)
{
    double before = (double)number * c->replaced;
    return (unsigned long)(before + c->replaced) > (unsigned long)before;
}

static void dial(struct calls *c, const struct group *g)
{
    for (int i = 0; i < g->count; i++) {
        if (is_replaced(c, g->first + (unsigned long)i))
            continue;
        bind_text(c->dialing, 1, value_of(&c->call, DOC_COLUMN), g->ids[i]);
        sqlite3_bind_text(c->dialing, 2, g->ids[i], -1, SQLITE_STATIC);
        run(c->dialing);
    }
}

static void end(struct calls *c, const struct group *g)
{
    for (int i = 0; i < g->count; i++) {
        bind_text(c->ended, 1, value_of(&c->call, DOC_COLUMN), g->ids[i]);
        sqlite3_bind_value(c->ended, 2, value_of(&c->call, "status"));
        sqlite3_bind_value(c->ended, 3, value_of(&c->call, "ended_at"));
        sqlite3_bind_text(c->ended, 4, g->ids[i], -1, SQLITE_STATIC);
        run(c->ended);
        insert(&c->cdr, g->ids[i], NULL);
    }
}

static void transact(struct calls *c, struct group groups[3], unsigned long turn, int clients)
{
    execute("BEGIN IMMEDIATE");
    create(c, &groups[turn % 3], clients);
    dial(c, &groups[(turn + 2) % 3]);
    end(c, &groups[(turn + 1) % 3]);
    execute("COMMIT");
}

/* ---- Main --------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct calls *c, double seconds, int clients)
{
    static struct group groups[3];
    double *spent = malloc(MAX_GROUPS * sizeof *spent);
    unsigned long turn = 0;
    double start = now_seconds(), before = start, after;
    do {
        transact(c, groups, turn, clients);
        after = now_seconds();
        spent[turn++] = after - before;
        before = after;
    } while (after - start < seconds && turn < MAX_GROUPS);
    qsort(spent, turn, sizeof *spent, ascending);
    printf("%.0f %.2f\n", (double)call_count / (after - start), spent[turn * 99 / 100] * 1000);
    free(spent);
}

int main(int argc, char **argv)
{
    int clients = argc == 5 ? (int)strtol(argv[3], NULL, 10) : 0;
    if (clients < 1 || clients > MAX_CLIENTS) {
        fprintf(stderr, "usage: group_commit FILE SECONDS CLIENTS REPLACED\n");
        return 2;
    }
    struct calls c = {.replaced = strtod(argv[4], NULL)};
    check(sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384");
    read_model(&c.call, "calls");
    read_model(&c.cdr, "cdr");
    c.dialing = prepare("UPDATE calls SET \"@version\"=2,\"@doc\"=?,status='dialing' WHERE id=?");
    c.ended = prepare("UPDATE calls SET \"@version\"=3,\"@doc\"=?,status=?,ended_at=? WHERE id=?");
    measure(&c, strtod(argv[2], NULL), clients);
    return 0;
}
