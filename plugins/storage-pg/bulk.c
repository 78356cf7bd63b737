/* bulk.c - see bulk.h. New documents come in by COPY; those that may be there
 * already as arrays, in one INSERT that overwrites. The few that come behind them
 * go by their own statements, in the same transaction. */
#include "bulk.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statements.h"

#define COPY_BYTES (1u << 20) /* handed over at once */

struct bulk {
    struct sync *sync;
    struct errand *errand;
    struct job *job;
    const struct table *table;
    const struct dg_write *list;
    size_t count;
    struct pool pool; /* of one document's values */
    struct value id, *values;
    struct sql sql; /* of a write that goes by itself */
};

/* ---- Documents ---------------------------------------------------------- */

static bool read_document(struct bulk *b, const struct dg_write *w)
{
    pool_free(&b->pool);
    b->values = pool_alloc(&b->pool, (b->table->column_count + 1) * sizeof(*b->values));
    return value_of_id(b->table, w, &b->id, b->sync->fault) &&
           doc_values(b->table, w->json, &b->pool, b->values, b->sync->fault);
}

/* What makes no sense is told before what is in the way. */
static bool check_all(struct bulk *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (!read_document(b, &b->list[i]))
            return false;
    }
    struct put put;
    for (size_t i = b->count; i < b->job->ask.write.count; i++) {
        if (!put_check(b->errand->schema, b->job, &b->list[i], &put, b->sync->fault))
            return false;
    }
    return true;
}

static void answer_id(struct bulk *b, const struct dg_write *w, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, number);
    job_add_id(b->job, w->id ? w->id : text);
}

/* ---- COPY --------------------------------------------------------------- */

struct rows {
    char *ptr;
    size_t len, cap;
};

static void add_bytes(struct rows *r, const void *bytes, size_t len)
{
    if (r->len + len > r->cap) {
        r->cap = (r->len + len) * 2;
        char *grown = realloc(r->ptr, r->cap);
        if (!grown)
            abort();
        r->ptr = grown;
    }
    memcpy(r->ptr + r->len, bytes, len);
    r->len += len;
}

static void add_size(struct rows *r, int32_t size)
{
    uint32_t wire = htobe32((uint32_t)size);
    add_bytes(r, &wire, sizeof(wire));
}

static void add_int(struct rows *r, int64_t n)
{
    uint64_t wire = htobe64((uint64_t)n);
    add_size(r, sizeof(wire));
    add_bytes(r, &wire, sizeof(wire));
}

static void add_text(struct rows *r, const char *text, size_t len)
{
    add_size(r, (int32_t)len);
    add_bytes(r, text, len);
}

static void add_value(struct rows *r, enum dg_field_type type, const struct value *v)
{
    if (v->kind == VALUE_NULL) {
        add_size(r, -1);
    } else if (v->kind == VALUE_TEXT) {
        add_text(r, v->text, v->len);
    } else if (type == DG_FIELD_BOOL) {
        add_size(r, 1);
        add_bytes(r, v->number ? "\1" : "\0", 1);
    } else {
        add_int(r, v->number);
    }
}

static void add_row(struct rows *r, const struct bulk *b, const struct dg_write *w)
{
    const struct table *t = b->table;
    uint16_t fields = htobe16((uint16_t)(t->column_count + 3));
    add_bytes(r, &fields, sizeof(fields));
    add_value(r, t->serial ? DG_FIELD_INT : DG_FIELD_TEXT, &b->id);
    add_int(r, 1);
    for (size_t i = 0; i < t->column_count; i++)
        add_value(r, t->columns[i].type, &b->values[i]);
    add_text(r, w->json.ptr, w->json.len);
}

static bool hand_over(struct bulk *b, struct rows *r)
{
    bool ok = sync_copy(b->sync, r->ptr, r->len);
    r->len = 0;
    return ok;
}

static bool copy_rows(struct bulk *b, int64_t next)
{
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    struct rows r = {0};
    bool ok = true;
    add_bytes(&r, header, 19);
    for (size_t i = 0; ok && i < b->count; i++) {
        const struct dg_write *w = &b->list[i];
        ok = read_document(b, w);
        if (ok && b->id.kind == VALUE_NULL)
            b->id = (struct value){.kind = VALUE_INT, .number = next++};
        if (ok) {
            add_row(&r, b, w);
            answer_id(b, w, b->id.number);
        }
        if (ok && r.len >= COPY_BYTES)
            ok = hand_over(b, &r);
    }
    if (ok) {
        add_bytes(&r, "\377\377", 2);
        ok = hand_over(b, &r);
    }
    free(r.ptr);
    return ok;
}

/* Stops a COPY that has been begun; the fault that is there stays. */
static void stop_copy(struct bulk *b)
{
    struct fault second = {0}, *first = b->sync->fault;
    b->sync->fault = &second;
    PQclear(sync_copied(b->sync, "what came before makes no sense"));
    b->sync->fault = first;
}

static bool copy_in(struct bulk *b, int64_t next)
{
    PGresult *res = sync_ask(b->sync, statements_of(b->table)->copy, NULL);
    bool begun = res && PQresultStatus(res) == PGRES_COPY_IN;
    PQclear(res);
    if (!begun)
        return false;
    if (!copy_rows(b, next)) {
        stop_copy(b);
        return false;
    }
    res = sync_copied(b->sync, NULL);
    PQclear(res);
    return res != NULL;
}

/* ---- Numbers ------------------------------------------------------------ */

/* So many numbers, or all up to an id that was given. The first one, or 0: a fault. */
static int64_t take_numbers(struct bulk *b, size_t fresh)
{
    struct text sql = {0};
    text_addf(&sql,
              "UPDATE " TABLE_COUNTERS " SET last=last+%zu WHERE collection='%s' AND "
              "last<=%" PRId64 " RETURNING last",
              fresh, b->table->name, (int64_t)SERIAL_MAX - (int64_t)fresh);
    PGresult *res = sync_ask(b->sync, sql.ptr, NULL);
    text_free(&sql);
    int64_t last = 0;
    if (res && PQntuples(res) == 1)
        last = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
    else if (res)
        fault_set(b->sync->fault, DG_ELIMIT, "%s: there are no ids left", b->table->name);
    PQclear(res);
    return last ? last - (int64_t)fresh + 1 : 0;
}

static bool raise_counter(struct bulk *b)
{
    struct text sql = {0};
    text_addf(&sql,
              "UPDATE " TABLE_COUNTERS " SET last=greatest(last,(SELECT max(\"id\") FROM \"%s\")) "
              "WHERE collection='%s'",
              b->table->name, b->table->name);
    bool ok = sync_run(b->sync, sql.ptr);
    text_free(&sql);
    return ok;
}

static bool write_new(struct bulk *b)
{
    size_t fresh = 0;
    for (size_t i = 0; i < b->count; i++)
        fresh += b->list[i].id == NULL;
    if (!b->table->serial)
        return copy_in(b, 0);
    int64_t next = fresh ? take_numbers(b, fresh) : 1;
    return next && copy_in(b, next) && (fresh == b->count || raise_counter(b));
}

/* ---- Overwriting -------------------------------------------------------- */

/* Arrays as PostgreSQL writes them: {"a","b",NULL}. */
struct arrays {
    struct text *list; /* id, fields, document */
    size_t count;
    const char **seen; /* ids of this statement: each only once */
    size_t slots;
};

static void add_quoted(struct text *t, const char *text, size_t len)
{
    text_add(t, "\"");
    while (len) {
        size_t plain = 0;
        while (plain < len && text[plain] != '"' && text[plain] != '\\')
            plain++;
        text_addb(t, text, plain);
        if (plain < len) {
            text_add(t, "\\");
            text_addb(t, text + plain++, 1);
        }
        text += plain;
        len -= plain;
    }
    text_add(t, "\"");
}

static void add_element(struct text *t, enum dg_field_type type, const struct value *v)
{
    text_add(t, t->len ? "," : "{");
    if (v->kind == VALUE_NULL)
        text_add(t, "NULL");
    else if (v->kind == VALUE_TEXT)
        add_quoted(t, v->text, v->len);
    else if (type == DG_FIELD_BOOL)
        text_add(t, v->number ? "t" : "f");
    else
        text_addf(t, "%" PRId64, v->number);
}

static bool seen_before(struct arrays *a, const char *id)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *c = id; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = hash % a->slots;; i = (i + 1) % a->slots) {
        if (!a->seen[i]) {
            a->seen[i] = id;
            return false;
        }
        if (strcmp(a->seen[i], id) == 0)
            return true;
    }
}

static bool send_arrays(struct bulk *b, struct arrays *a)
{
    const char **values = mem_alloc(a->count * sizeof(*values));
    for (size_t i = 0; i < a->count; i++) {
        text_add(&a->list[i], "}");
        values[i] = a->list[i].ptr;
    }
    PGresult *res = sync_ask_binary(b->sync, statements_of(b->table)->put_many, (int)a->count, NULL,
                                    values, NULL, NULL);
    PQclear(res);
    free(values);
    for (size_t i = 0; i < a->count; i++)
        text_clear(&a->list[i]);
    memset(a->seen, 0, a->slots * sizeof(*a->seen));
    return res != NULL;
}

static void add_elements(struct arrays *a, const struct bulk *b, const struct dg_write *w)
{
    const struct table *t = b->table;
    struct value doc = {.kind = VALUE_TEXT, .text = w->json.ptr, .len = w->json.len};
    add_element(&a->list[0], t->serial ? DG_FIELD_INT : DG_FIELD_TEXT, &b->id);
    for (size_t i = 0; i < t->column_count; i++)
        add_element(&a->list[i + 1], t->columns[i].type, &b->values[i]);
    add_element(&a->list[a->count - 1], DG_FIELD_TEXT, &doc);
}

static bool write_over(struct bulk *b)
{
    struct arrays a = {.count = b->table->column_count + 2, .slots = b->count * 2 + 1};
    a.list = mem_alloc(a.count * sizeof(*a.list));
    a.seen = mem_alloc(a.slots * sizeof(*a.seen));
    bool ok = true;
    for (size_t i = 0; ok && i < b->count; i++) {
        const struct dg_write *w = &b->list[i];
        bool full = a.list[a.count - 1].len > COPY_BYTES * 8;
        ok = read_document(b, w);
        if (ok && (full || seen_before(&a, w->id))) {
            ok = send_arrays(b, &a);
            seen_before(&a, w->id);
        }
        if (ok) {
            add_elements(&a, b, w);
            answer_id(b, w, 0);
        }
    }
    ok = ok && send_arrays(b, &a);
    for (size_t i = 0; i < a.count; i++)
        text_free(&a.list[i]);
    free(a.list);
    free(a.seen);
    return ok && (!b->table->serial || raise_counter(b));
}

/* ---- The others ---------------------------------------------------------- */

static bool write_other(struct bulk *b, const struct dg_write *w)
{
    struct put put;
    if (!put_check(b->errand->schema, b->job, w, &put, b->sync->fault))
        return false;
    struct sql *sql = &b->sql;
    const char *text = put_statement(&put, sql);
    PGresult *res = sync_ask_binary(b->sync, text, sql->count, sql->types, sql->values,
                                    sql->lengths, sql->formats);
    bool ok = res && put_done(&put, res, b->sync->fault);
    PQclear(res);
    return ok;
}

static bool write_others(struct bulk *b)
{
    for (size_t i = b->count; i < b->job->ask.write.count; i++) {
        if (!write_other(b, &b->list[i]))
            return false;
    }
    return true;
}

/* ---- The transaction ---------------------------------------------------- */

static bool note_group(struct bulk *b)
{
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, b->errand->number);
    const char *values[] = {b->errand->pg->name, number, NULL};
    PGresult *res = sync_ask(b->sync, WRITER_NOTE_GROUP, values);
    PQclear(res);
    return res != NULL;
}

static void roll_back(struct sync *s)
{
    struct fault second = {0}, *first = s->fault;
    if (PQstatus(s->conn) != CONNECTION_OK)
        return;
    s->fault = &second;
    sync_run(s, "ROLLBACK");
    s->fault = first;
}

bool bulk_write(struct sync *s, struct errand *e)
{
    struct job *j = e->job;
    struct bulk b = {.sync = s, .errand = e, .job = j, .list = j->ask.write.list, .count = e->bulk};
    b.table = schema_table(e->schema, b.list[0].collection, s->fault);
    bool fresh = !b.list[0].id || b.list[0].expect == DG_VERSION_NONE;
    if (!b.table || !check_all(&b)) {
        pool_free(&b.pool);
        return false;
    }
    bool ok = sync_run(s, "BEGIN") && (fresh ? write_new(&b) : write_over(&b)) &&
              write_others(&b) && note_group(&b);
    bool doubt = false;
    if (ok && !sync_run(s, "COMMIT"))
        doubt = PQstatus(s->conn) != CONNECTION_OK || PQtransactionStatus(s->conn) != PQTRANS_IDLE;
    if (!ok)
        roll_back(s);
    sql_free(&b.sql);
    pool_free(&b.pool);
    return doubt;
}
