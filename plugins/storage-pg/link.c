/* link.c - the connections: made one after the other, made again when they end,
 * and given up when the server does not answer.
 *
 * A server that is slow and one that hangs look the same from a connection. So
 * when one is silent for a while, another is tried: if the server takes it, it is
 * slow and is waited for; if not, all that are silent are given up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attempt.h"

#define TICK_MS       500
#define SILENT_MS     2000   /* then it is seen whether the server answers at all */
#define BEAT_MS       2000   /* so often the connection that listens is asked something */
#define GIVE_UP_MS    150000 /* longer than any statement may take */
#define RETRY_MS      100
#define RETRY_MOST_MS 1600

static void connect_next(struct pg *p);

/* ---- Up and down -------------------------------------------------------- */

static bool can_read(const struct pg *p)
{
    for (size_t i = 0; i < p->reader_count; i++) {
        if (p->readers[i].pg)
            return true;
    }
    return false;
}

static bool can_work(const struct pg *p)
{
    return p->writer.pg && can_read(p);
}

static void go_up(struct pg *p)
{
    if (p->link == DG_LINK_UP || !can_work(p))
        return;
    p->link = DG_LINK_UP;
    p->failures = 0;
    p->host->log(p->host, DG_INFO, "connected to %s, PostgreSQL %d", p->dsn.place,
                 PQserverVersion(p->writer.pg) / 10000);
    p->host->link(p->host, DG_LINK_UP, p->dsn.place);
}

/* All that waits is told; the core keeps what must not be lost. */
static void go_down(struct pg *p, const struct fault *why)
{
    char detail[600];
    snprintf(detail, sizeof(detail), "%s: %s", p->dsn.place, why->text);
    if (p->link != DG_LINK_DOWN || strcmp(detail, p->why) != 0) {
        p->link = DG_LINK_DOWN;
        snprintf(p->why, sizeof(p->why), "%s", detail);
        p->host->log(p->host, DG_ERROR, "%s", detail);
        p->host->link(p->host, DG_LINK_DOWN, detail);
    }
    struct fault fault = {0};
    fault_set(&fault, DG_EUNAVAILABLE, "%s", detail);
    writer_fail(p, &fault);
    reader_fail(p, &fault);
}

/* ---- Silence ------------------------------------------------------------ */

static struct conn *conn_at(struct pg *p, size_t i)
{
    if (i == 0)
        return &p->writer;
    if (i == 1)
        return &p->readers[0];
    return i == 2 ? &p->listener : &p->readers[i - 2];
}

static size_t conn_count(const struct pg *p)
{
    return p->reader_count + 2;
}

static bool is_silent(const struct conn *c, uint64_t since_ms)
{
    return conn_up(c) && !conn_idle(c) && c->heard_ms <= since_ms;
}

static void lose_silent(struct pg *p, uint64_t since_ms, const char *why)
{
    for (size_t i = 0; i < conn_count(p); i++) {
        if (is_silent(conn_at(p, i), since_ms))
            conn_lose(conn_at(p, i), why);
    }
}

static bool any_silent(struct pg *p, uint64_t since_ms)
{
    for (size_t i = 0; i < conn_count(p); i++) {
        if (is_silent(conn_at(p, i), since_ms))
            return true;
    }
    return false;
}

/* ---- Connecting --------------------------------------------------------- */

static void on_retry(void *arg)
{
    struct pg *p = arg;
    p->retry = NULL;
    connect_next(p);
}

/* Twice as long each time, and half of it chance, so that gateways do not come in step. */
static void retry_later(struct pg *p)
{
    uint64_t ms = RETRY_MS;
    for (unsigned i = 1; i < p->failures && ms < RETRY_MOST_MS; i++)
        ms *= 2;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t chance = ((uint64_t)now.tv_nsec ^ (uintptr_t)p >> 6) * 2654435761u >> 8;
    if (!p->retry)
        p->retry = p->host->timer_start(p->host, ms / 2 + chance % (ms / 2 + 1), on_retry, p);
}

static void succeeded(struct pg *p, const struct attempt *a)
{
    p->alive_ms = p->host->now_ms(p->host);
    if (!a->made)
        return; /* it answers, and that was the question */
    conn_attach(a->conn, a->made);
    p->host->metric_add(p->metrics.connections, 1);
    bool was_up = p->link == DG_LINK_UP;
    if (a->conn == &p->writer)
        writer_back(p, a->last);
    go_up(p);
    reader_next(p);
    /* Notes may have been missed meanwhile. */
    if (a->conn == &p->listener && was_up && p->listener.numbered)
        p->host->link(p->host, DG_LINK_UP, p->dsn.place);
    p->listener.numbered += a->conn == &p->listener;
}

static void failed(struct pg *p, const struct attempt *a)
{
    p->failures++;
    lose_silent(p, a->began_ms, a->fault.text);
    if (!can_work(p))
        go_down(p, &a->fault);
    else if (a->conn)
        p->host->log(p->host, DG_WARN, "%s: one more connection: %s", p->dsn.place, a->fault.text);
    retry_later(p);
}

static void on_attempt(void *arg)
{
    struct attempt *a = arg;
    struct pg *p = a->pg;
    p->attempt = NULL;
    if (p->ending && (a->fault.err != DG_OK || a->conn != &p->writer)) {
        PQfinish(a->made);
    } else if (a->fault.err == DG_OK) {
        succeeded(p, a);
        connect_next(p);
    } else {
        failed(p, a);
    }
    free(a);
    pg_closed(p);
}

static void attempt(struct pg *p, struct conn *c)
{
    struct attempt *a = mem_alloc(sizeof(*a));
    *a = (struct attempt){.pg = p, .conn = c, .began_ms = p->host->now_ms(p->host)};
    p->attempt = a;
    p->host->work(p->host, attempt_work, on_attempt, a);
}

static void connect_next(struct pg *p)
{
    if (p->attempt || p->retry || p->ending)
        return;
    for (size_t i = 0; i < conn_count(p); i++) {
        if (!conn_at(p, i)->pg) {
            attempt(p, conn_at(p, i));
            return;
        }
    }
}

static void on_lost(void *arg, struct conn *c, const char *why)
{
    struct pg *p = arg;
    p->host->metric_add(p->metrics.connections, -1);
    p->host->metric_add(p->metrics.reconnects, 1);
    p->host->log(p->host, DG_WARN, "%s: a connection ended: %s", p->dsn.place, why);
    if (c == &p->writer)
        writer_lost(p);
    reader_next(p);
    connect_next(p);
    pg_closed(p);
}

/* ---- Time --------------------------------------------------------------- */

static void on_tick(void *arg)
{
    struct pg *p = arg;
    uint64_t now = p->host->now_ms(p->host);
    p->tick = p->host->timer_start(p->host, TICK_MS, on_tick, p);
    if (conn_up(&p->listener) && conn_idle(&p->listener) && now - p->listener.heard_ms >= BEAT_MS) {
        conn_command(&p->listener, "SELECT 1", NULL, NULL);
        conn_sync(&p->listener, NULL, NULL);
    }
    if (now > GIVE_UP_MS) /* a clock that began with the machine */
        lose_silent(p, now - GIVE_UP_MS, "the database server does not answer");
    bool silent = now > SILENT_MS && any_silent(p, now - SILENT_MS);
    if (silent && !p->attempt && now - p->alive_ms >= SILENT_MS)
        attempt(p, NULL);
}

static void on_noted(void *arg, const PGnotify *note)
{
    note_came(arg, note);
}

void link_start(struct pg *p)
{
    const struct conn_events events = {.lost = on_lost, .noted = on_noted, .arg = p};
    for (size_t i = 0; i < conn_count(p); i++)
        conn_init(conn_at(p, i), p->host, &events);
    p->link = DG_LINK_CONNECTING;
    p->host->link(p->host, DG_LINK_CONNECTING, p->dsn.place);
    p->tick = p->host->timer_start(p->host, TICK_MS, on_tick, p);
    connect_next(p);
}

void link_stop(struct pg *p)
{
    if (p->retry)
        p->host->timer_stop(p->host, p->retry);
    if (p->tick)
        p->host->timer_stop(p->host, p->tick);
    p->retry = p->tick = NULL;
    for (size_t i = 0; i < conn_count(p); i++)
        conn_close(conn_at(p, i));
}

bool link_busy(const struct pg *p)
{
    return p->attempt != NULL;
}
