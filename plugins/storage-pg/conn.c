/* conn.c - see conn.h. */
#include "conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

void conn_init(struct conn *c, const struct dg_host *h, const struct conn_events *events)
{
    c->host = h;
    c->events = *events;
}

bool conn_up(const struct conn *c)
{
    return c->pg && !c->lent && !c->broken;
}

bool conn_idle(const struct conn *c)
{
    return c->count == 0;
}

/* ---- Steps -------------------------------------------------------------- */

static void push(struct conn *c, struct conn_step step)
{
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 64;
        struct conn_step *steps = mem_alloc(cap * sizeof(*steps));
        for (size_t i = 0; i < c->count; i++)
            steps[i] = c->steps[(c->first + i) % c->cap];
        free(c->steps);
        c->steps = steps;
        c->first = 0;
        c->cap = cap;
    }
    if (c->count == 0)
        c->heard_ms = c->host->now_ms(c->host);
    c->steps[(c->first + c->count++) % c->cap] = step;
}

static struct conn_step pop(struct conn *c)
{
    struct conn_step step = c->steps[c->first];
    c->first = (c->first + 1) % c->cap;
    c->count--;
    return step;
}

/* ---- The end ------------------------------------------------------------ */

static void forget_statements(struct conn *c)
{
    for (size_t i = 0; i < CONN_STATEMENTS; i++)
        free(c->statements[i].text);
    memset(c->statements, 0, sizeof(c->statements));
}

void conn_close(struct conn *c)
{
    if (c->watch)
        c->host->watch_stop(c->host, c->watch);
    if (c->broken)
        c->host->timer_stop(c->host, c->broken);
    c->watch = NULL;
    c->broken = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
    c->lent = false;
    forget_statements(c);
    struct conn_step *steps = c->steps;
    size_t first = c->first, count = c->count, cap = c->cap;
    c->steps = NULL;
    c->first = c->count = c->cap = 0;
    for (size_t i = 0; i < count; i++) {
        const struct conn_step *step = &steps[(first + i) % cap];
        if (step->fn)
            step->fn(step->arg, NULL);
    }
    free(steps);
}

void conn_lose(struct conn *c, const char *why)
{
    char text[400];
    if (!c->pg)
        return;
    error_line(text, sizeof(text), why);
    conn_close(c);
    c->events.lost(c->events.arg, c,
                   *text ? text : "the connection to the database server is lost");
}

static void on_broken(void *arg)
{
    struct conn *c = arg;
    c->broken = NULL;
    conn_lose(c, PQerrorMessage(c->pg));
}

/* Not at once: whoever asks is in the middle of something. */
static void break_soon(struct conn *c)
{
    if (!c->broken)
        c->broken = c->host->timer_start(c->host, 0, on_broken, c);
}

/* ---- Going out ---------------------------------------------------------- */

static void flush(struct conn *c)
{
    int left = PQflush(c->pg);
    if (left < 0)
        break_soon(c);
    else
        c->host->watch_want(c->host, c->watch, DG_READ | (left ? DG_WRITE : 0u));
}

static uint64_t hash_text(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static void name_of(char out[16], unsigned number)
{
    snprintf(out, 16, "s%u", number);
}

static struct conn_statement *find(struct conn *c, const char *text, uint64_t hash)
{
    for (size_t i = 0; i < CONN_STATEMENTS; i++) {
        struct conn_statement *s = &c->statements[i];
        if (s->text && s->hash == hash && strcmp(s->text, text) == 0)
            return s;
    }
    return NULL;
}

static void give_up(struct conn *c, struct conn_statement *s)
{
    char sql[32];
    if (!s->text)
        return;
    snprintf(sql, sizeof(sql), "DEALLOCATE s%u", s->number);
    free(s->text);
    s->text = NULL;
    push(c, (struct conn_step){.kind = STEP_PREPARE});
    if (!PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0))
        break_soon(c);
}

static struct conn_statement *prepare(struct conn *c, const char *text, uint64_t hash,
                                      const struct sql *sql)
{
    struct conn_statement *oldest = &c->statements[0];
    for (size_t i = 1; i < CONN_STATEMENTS && oldest->text; i++) {
        if (!c->statements[i].text || c->statements[i].used < oldest->used)
            oldest = &c->statements[i];
    }
    give_up(c, oldest);
    char name[16], *copy = mem_alloc(strlen(text) + 1);
    memcpy(copy, text, strlen(text));
    *oldest = (struct conn_statement){.text = copy, .hash = hash, .number = ++c->numbered};
    name_of(name, oldest->number);
    push(c, (struct conn_step){.kind = STEP_PREPARE, .statement = oldest->number});
    if (!PQsendPrepare(c->pg, name, text, sql ? sql->count : 0, sql ? sql->types : NULL))
        break_soon(c);
    return oldest;
}

void conn_ask(struct conn *c, const char *text, const struct sql *sql, conn_fn *fn, void *arg)
{
    uint64_t hash = hash_text(text);
    struct conn_statement *s = find(c, text, hash);
    char name[16];
    if (!s)
        s = prepare(c, text, hash, sql);
    s->used = ++c->uses;
    name_of(name, s->number);
    push(c, (struct conn_step){.kind = STEP_ASK, .statement = s->number, .fn = fn, .arg = arg});
    if (!PQsendQueryPrepared(c->pg, name, sql ? sql->count : 0, sql ? sql->values : NULL,
                             sql ? sql->lengths : NULL, sql ? sql->formats : NULL, 0))
        break_soon(c);
}

void conn_command(struct conn *c, const char *text, conn_fn *fn, void *arg)
{
    push(c, (struct conn_step){.kind = STEP_ASK, .fn = fn, .arg = arg});
    if (!PQsendQueryParams(c->pg, text, 0, NULL, NULL, NULL, NULL, 0))
        break_soon(c);
}

void conn_sync(struct conn *c, conn_fn *fn, void *arg)
{
    push(c, (struct conn_step){.kind = STEP_SYNC, .fn = fn, .arg = arg});
    if (!PQpipelineSync(c->pg))
        break_soon(c);
    flush(c);
}

/* ---- Coming in ---------------------------------------------------------- */

static bool is_error(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_FATAL_ERROR || status == PGRES_PIPELINE_ABORTED ||
           status == PGRES_BAD_RESPONSE;
}

/* A statement that is not there after all: refused, left out, or lost by the server. */
static void unlearn(struct conn *c, unsigned number)
{
    for (size_t i = 0; i < CONN_STATEMENTS; i++) {
        if (c->statements[i].text && c->statements[i].number == number) {
            free(c->statements[i].text);
            c->statements[i].text = NULL;
        }
    }
}

static void tell(struct conn *c, const PGresult *res)
{
    struct conn_step *step = &c->steps[c->first];
    bool prepare = step->kind == STEP_PREPARE;
    step->answered = true;
    if (is_error(res) && (prepare || strcmp(error_state(res), "26000") == 0))
        unlearn(c, step->statement);
    /* An error of preparing is that of the statement it was for. */
    if (prepare && PQresultStatus(res) == PGRES_FATAL_ERROR && c->count > 1)
        step = &c->steps[(c->first + 1) % c->cap];
    else if (prepare)
        return;
    conn_fn *fn = step->fn;
    void *arg = step->arg;
    step->fn = NULL; /* once; and more may be asked now, which moves the steps */
    if (fn)
        fn(arg, res);
}

/* One result; false: nothing more is there, or the connection is no more. */
static bool next_result(struct conn *c)
{
    PGresult *res = PQgetResult(c->pg);
    if (PQstatus(c->pg) == CONNECTION_BAD ||
        (res && error_remedy(error_state(res)) == REMEDY_CONNECT)) {
        char why[400];
        error_line(why, sizeof(why), res ? PQresultErrorMessage(res) : PQerrorMessage(c->pg));
        PQclear(res);
        conn_lose(c, why);
        return false;
    }
    if (!res) {
        if (!c->steps[c->first].answered)
            return false;
        pop(c);
        return true;
    }
    if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
        struct conn_step step = pop(c);
        if (step.fn)
            step.fn(step.arg, res);
    } else {
        tell(c, res);
    }
    PQclear(res);
    return c->pg != NULL;
}

static void take_notes(struct conn *c)
{
    PGnotify *note;
    while (c->pg && !c->lent && (note = PQnotifies(c->pg))) {
        c->events.noted(c->events.arg, note);
        PQfreemem(note);
    }
}

static void on_ready(void *arg, unsigned ready)
{
    struct conn *c = arg;
    if ((ready & DG_READ) && !PQconsumeInput(c->pg)) {
        /* What came before the end may say why. */
        while (c->pg && c->count && !PQisBusy(c->pg) && next_result(c))
            ;
        if (c->pg)
            conn_lose(c, PQerrorMessage(c->pg));
        return;
    }
    if (ready & DG_READ)
        c->heard_ms = c->host->now_ms(c->host);
    while (c->pg && !c->lent && c->count && !PQisBusy(c->pg) && next_result(c))
        ;
    take_notes(c);
    if (c->pg && !c->lent)
        flush(c);
}

/* ---- Taking over -------------------------------------------------------- */

static void watch(struct conn *c)
{
    PQsetnonblocking(c->pg, 1);
    PQenterPipelineMode(c->pg);
    c->watch = c->host->watch_start(c->host, PQsocket(c->pg), DG_READ, on_ready, c);
    c->heard_ms = c->host->now_ms(c->host);
}

void conn_attach(struct conn *c, PGconn *pg)
{
    c->pg = pg;
    c->weight = 0;
    c->unsynced = false;
    watch(c);
}

PGconn *conn_lend(struct conn *c)
{
    c->host->watch_stop(c->host, c->watch);
    c->watch = NULL;
    c->lent = true;
    PQexitPipelineMode(c->pg);
    return c->pg;
}

void conn_return(struct conn *c)
{
    c->lent = false;
    if (PQstatus(c->pg) == CONNECTION_BAD || PQtransactionStatus(c->pg) != PQTRANS_IDLE)
        conn_lose(c, PQerrorMessage(c->pg));
    else
        watch(c);
}
