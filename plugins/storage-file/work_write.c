/* work_write.c - write, change, take; see work.h.
 *
 * A put of a document that is there compares its fields with what the columns
 * hold and touches only those that differ: most updates of a call change its
 * status alone, and an index that is not touched is not written. New documents
 * that get their ids here are inserted many at a time.
 */
#include "work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "statements.h"

struct put {
    struct db *db;
    const struct table *table;
    const struct dg_write *write;
    struct dg_bytes json;
    int64_t changes; /* what the version grows by */
    struct value id;
    struct value *values; /* of the document's fields */
    struct fault *fault;
};

/* ---- One document ------------------------------------------------------- */

static bool conflict(const struct put *p, const char *why)
{
    return fault_set(p->fault, DG_ECONFLICT, "%s %s %s", p->table->name, p->write->id, why);
}

static bool bind_all(const struct put *p, sqlite3_stmt *stmt, int *at)
{
    struct value version = {.kind = VALUE_INT, .number = p->changes};
    struct value doc = {.kind = VALUE_TEXT, .text = p->json.ptr, .len = p->json.len};
    if (!db_bind(p->db, stmt, (*at)++, &p->id, p->fault) ||
        !db_bind(p->db, stmt, (*at)++, &version, p->fault))
        return false;
    for (size_t i = 0; i < p->table->column_count; i++) {
        if (!db_bind(p->db, stmt, (*at)++, &p->values[i], p->fault))
            return false;
    }
    return db_bind(p->db, stmt, (*at)++, &doc, p->fault);
}

/* The id that SQLite has chosen; one that no reader of JSON can hold is taken back. */
static bool number_ok(const struct put *p)
{
    struct value id = {.kind = VALUE_INT, .number = sqlite3_last_insert_rowid(p->db->handle)};
    if (id.number <= SERIAL_MAX)
        return true;
    const char *sql = statements_of(p->table)->delete_sql;
    sqlite3_stmt *stmt = db_prepare(p->db, sql, strlen(sql), p->fault);
    if (stmt && db_bind(p->db, stmt, 1, &id, p->fault) && db_step(p->db, stmt, p->fault) == 0)
        fault_set(p->fault, DG_ELIMIT, "%s: there are no ids left", p->table->name);
    return false;
}

static bool insert(const struct put *p)
{
    const char *sql = statements_of(p->table)->insert_sql;
    sqlite3_stmt *stmt = db_prepare(p->db, sql, strlen(sql), p->fault);
    int at = 1;
    if (!stmt || !bind_all(p, stmt, &at))
        return false;
    int rc = sqlite3_step(stmt);
    bool ok = rc == SQLITE_DONE;
    if (rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_ROWID)
        conflict(p, "exists already");
    else if (!ok)
        db_fault(p->db, p->fault);
    db_done(stmt);
    return ok && (p->id.kind != VALUE_NULL || number_ok(p));
}

static bool same(const struct value *v, sqlite3_stmt *stmt, int column)
{
    int type = sqlite3_column_type(stmt, column);
    if (v->kind == VALUE_NULL)
        return type == SQLITE_NULL;
    if (v->kind == VALUE_INT)
        return type == SQLITE_INTEGER && sqlite3_column_int64(stmt, column) == v->number;
    return type == SQLITE_TEXT && (size_t)sqlite3_column_bytes(stmt, column) == v->len &&
           memcmp(sqlite3_column_text(stmt, column), v->text, v->len) == 0;
}

/* `current` stands on the row as it is: version and fields. */
static bool update(const struct put *p, sqlite3_stmt *current)
{
    struct sql *sql = &p->db->sql;
    struct value version = {.kind = VALUE_INT,
                            .number = sqlite3_column_int64(current, 0) + p->changes};
    struct value doc = {.kind = VALUE_TEXT, .text = p->json.ptr, .len = p->json.len};
    sql_reset(sql, 0);
    text_addf(&sql->text, "UPDATE \"%s\" SET " COLUMN_VERSION "=?," COLUMN_DOC "=?",
              p->table->name);
    sql_value(sql, &version);
    sql_value(sql, &doc);
    for (size_t i = 0; i < p->table->column_count; i++) {
        if (same(&p->values[i], current, (int)i + 1))
            continue;
        text_addf(&sql->text, ",\"%s\"=?", p->table->columns[i].name);
        sql_value(sql, &p->values[i]);
    }
    text_add(&sql->text, " WHERE \"id\"=?");
    sql_value(sql, &p->id);
    db_done(current);
    sqlite3_stmt *stmt = db_prepare_sql(p->db, p->fault);
    return stmt && db_step(p->db, stmt, p->fault) == 0;
}

/* The row as it is, its version held against the one expected. NULL and no
 * fault: there is none, and that is fine. */
static sqlite3_stmt *current(const struct put *p)
{
    const char *sql = statements_of(p->table)->current_sql;
    sqlite3_stmt *stmt = db_prepare(p->db, sql, strlen(sql), p->fault);
    if (!stmt || !db_bind(p->db, stmt, 1, &p->id, p->fault))
        return NULL;
    int found = db_step(p->db, stmt, p->fault);
    uint64_t expect = p->write->expect;
    if (found < 0)
        return NULL;
    if (found == 0) {
        if (expect != DG_VERSION_ANY)
            conflict(p, "does not exist");
        return NULL;
    }
    if (expect != DG_VERSION_ANY && (uint64_t)sqlite3_column_int64(stmt, 0) != expect) {
        conflict(p, "was changed by somebody else");
        db_done(stmt);
        return NULL;
    }
    return stmt;
}

static bool put(struct put *p)
{
    if (p->id.kind == VALUE_NULL || p->write->expect == DG_VERSION_NONE)
        return insert(p);
    sqlite3_stmt *row = current(p);
    if (p->fault->err != DG_OK)
        return false;
    return row ? update(p, row) : insert(p);
}

static bool delete (struct put *p)
{
    sqlite3_stmt *row = current(p);
    if (!row)
        return p->fault->err == DG_OK;
    db_done(row);
    const char *sql = statements_of(p->table)->delete_sql;
    sqlite3_stmt *stmt = db_prepare(p->db, sql, strlen(sql), p->fault);
    return stmt && db_bind(p->db, stmt, 1, &p->id, p->fault) && db_step(p->db, stmt, p->fault) == 0;
}

static void add_number(struct job *j, int64_t id)
{
    char number[24];
    snprintf(number, sizeof(number), "%" PRId64, id);
    job_add_id(j, number);
}

static void add_id(struct job *j, const struct put *p)
{
    if (p->write->id)
        job_add_id(j, p->write->id);
    else
        add_number(j, sqlite3_last_insert_rowid(p->db->handle));
}

/* What makes no sense is told. */
static bool read_put(struct db *db, const struct schema *schema, struct job *j,
                     const struct dg_write *w, struct put *p)
{
    *p = (struct put){.db = db,
                      .table = schema_table(schema, w->collection, &j->fault),
                      .write = w,
                      .json = j->newest ? j->newest->ask.write.list[0].json : w->json,
                      .changes = 1 + (int64_t)j->follower_count,
                      .fault = &j->fault};
    if (!p->table || !value_of_id(p->table, w, &p->id, p->fault))
        return false;
    if (!p->json.ptr)
        return true;
    p->values = pool_alloc(&j->pool, (p->table->column_count + 1) * sizeof(*p->values));
    return doc_values(p->table, p->json, &j->pool, p->values, p->fault);
}

static bool write_one(struct job *j, struct put *p)
{
    if (p->json.ptr ? !put(p) : !delete (p))
        return false;
    add_id(j, p);
    return true;
}

/* Whether INSERT_ROWS of them can go together: nothing that is there can be in their way. */
static bool are_many(const struct put *puts, size_t count)
{
    const struct table *t = puts[0].table;
    if (count < INSERT_ROWS || t->has_unique || !statements_of(t)->insert_many_sql)
        return false;
    for (size_t i = 0; i < INSERT_ROWS; i++) {
        if (puts[i].table != t || puts[i].id.kind != VALUE_NULL)
            return false;
    }
    return true;
}

/* SQLite numbers the rows of a statement one after the other. */
static bool write_many(struct job *j, const struct put *puts)
{
    struct db *db = puts[0].db;
    const char *sql = statements_of(puts[0].table)->insert_many_sql;
    sqlite3_stmt *stmt = db_prepare(db, sql, strlen(sql), &j->fault);
    int at = 1;
    for (size_t i = 0; stmt && i < INSERT_ROWS; i++) {
        if (!bind_all(&puts[i], stmt, &at))
            return false;
    }
    if (!stmt || db_step(db, stmt, &j->fault) != 0)
        return false;
    const int64_t last = sqlite3_last_insert_rowid(db->handle);
    if (last > SERIAL_MAX)
        return fault_set(&j->fault, DG_ELIMIT, "%s: there are no ids left", puts[0].table->name);
    for (int64_t id = last - INSERT_ROWS + 1; id <= last; id++)
        add_number(j, id);
    return true;
}

static bool doc_ok(const struct table *t, struct job *j)
{
    struct value *values = pool_alloc(&j->pool, (t->column_count + 1) * sizeof(*values));
    return doc_values(t, j->ask.write.list[0].json, &j->pool, values, &(struct fault){0});
}

bool work_must_split(const struct schema *schema, struct job *j)
{
    if (!j->followers)
        return false;
    const struct table *t =
        schema_table(schema, j->ask.write.list[0].collection, &(struct fault){0});
    if (!t || t->has_unique || !doc_ok(t, j))
        return true;
    for (struct job *f = j->followers; f != j->newest; f = f->next) {
        if (!doc_ok(t, f))
            return true;
    }
    return false; /* the newest is seen when it is written */
}

/* ---- The three requests ------------------------------------------------- */

/* What makes no sense is told before what is in the way. */
static bool write_list(struct db *db, const struct schema *schema, struct job *j)
{
    const size_t count = j->ask.write.count;
    struct put *puts = pool_alloc(&j->pool, (count + 1) * sizeof(*puts));
    for (size_t i = 0; i < count; i++) {
        if (!read_put(db, schema, j, &j->ask.write.list[i], &puts[i]))
            return false;
    }
    for (size_t i = 0; i < count;) {
        const bool many = are_many(&puts[i], count - i);
        if (many ? !write_many(j, &puts[i]) : !write_one(j, &puts[i]))
            return false;
        i += many ? INSERT_ROWS : 1;
    }
    return true;
}

static bool change(struct db *db, const struct schema *schema, struct job *j, int64_t now_ms)
{
    const struct table *t = schema_table(schema, j->ask.change.collection, &j->fault);
    sql_reset(&db->sql, now_ms);
    if (!t || !sql_change(&db->sql, t, &j->ask.change, &j->fault))
        return false;
    sqlite3_stmt *stmt = db_prepare_sql(db, &j->fault);
    if (!stmt || db_step(db, stmt, &j->fault) != 0)
        return false;
    j->changed = (uint64_t)sqlite3_changes64(db->handle);
    return true;
}

/* The ids that match, in order. */
static struct value *matching(struct db *db, const struct table *t, struct job *j, size_t *count)
{
    struct value *list = NULL;
    size_t cap = 0;
    sqlite3_stmt *stmt = db_prepare_sql(db, &j->fault);
    while (stmt && db_step(db, stmt, &j->fault) > 0) {
        if (*count == cap) {
            cap = cap ? cap * 2 : 64;
            struct value *grown = pool_alloc(&j->pool, cap * sizeof(*grown));
            if (*count)
                memcpy(grown, list, *count * sizeof(*grown));
            list = grown;
        }
        size_t len = (size_t)sqlite3_column_bytes(stmt, 0);
        list[(*count)++] = (struct value){
            .kind = t->serial ? VALUE_INT : VALUE_TEXT,
            .number = t->serial ? sqlite3_column_int64(stmt, 0) : 0,
            .text = pool_dup(&j->pool, sqlite3_column_text(stmt, 0), len),
            .len = len,
        };
    }
    return list;
}

/* Merges `set` into one document; `db->sql` holds the statement, its last value the id. */
static bool take_one(struct db *db, struct job *j, const struct value *id)
{
    db->sql.values[db->sql.count - 1] = *id;
    sqlite3_stmt *stmt = db_prepare_sql(db, &j->fault);
    if (!stmt || db_step(db, stmt, &j->fault) <= 0)
        return false;
    job_add_doc(j, id->text, (uint64_t)sqlite3_column_int64(stmt, 0), sqlite3_column_text(stmt, 1),
                (size_t)sqlite3_column_bytes(stmt, 1));
    /* To its end, so that the change is complete. */
    return db_step(db, stmt, &j->fault) == 0;
}

/* Each is merged by itself, because the order of an UPDATE's own rows is not defined. */
static bool take(struct db *db, const struct schema *schema, struct job *j, int64_t now_ms)
{
    struct dg_bytes set = j->ask.take.set;
    const struct table *t = schema_table(schema, j->ask.take.from.collection, &j->fault);
    sql_reset(&db->sql, now_ms);
    if (!t || !sql_query(&db->sql, t, &j->ask.take.from, true, &j->fault))
        return false;
    size_t count = 0;
    const struct value *ids = matching(db, t, j, &count);
    sql_reset(&db->sql, now_ms);
    if (j->fault.err != DG_OK ||
        !sql_merge(&db->sql, t, set.ptr ? set : (struct dg_bytes){"{}", 2}, &j->fault))
        return false;
    sql_value(&db->sql, &(struct value){0});
    for (size_t i = 0; i < count; i++) {
        if (!take_one(db, j, &ids[i]))
            return false;
    }
    return true;
}

static bool several_statements(const struct job *j)
{
    return j->kind == JOB_TAKE || (j->kind == JOB_WRITE && j->ask.write.count > 1);
}

void work_write(struct db *db, const struct schema *schema, struct job *j, int64_t now_ms)
{
    bool savepoint = several_statements(j);
    if (savepoint && !db_exec(db, "SAVEPOINT job", &j->fault))
        return;
    bool ok = j->kind == JOB_WRITE    ? write_list(db, schema, j)
              : j->kind == JOB_CHANGE ? change(db, schema, j, now_ms)
                                      : take(db, schema, j, now_ms);
    if (!savepoint || !db_in_transaction(db))
        return;
    struct fault second = {0};
    if (!ok)
        db_exec(db, "ROLLBACK TO job", &second);
    db_exec(db, "RELEASE job", ok ? &j->fault : &second);
}
