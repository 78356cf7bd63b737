/* link.c - see link.h. */
#include "link.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/backoff.h"
#include "asterisk/text.h"
#include "snapshot.h"
#include "stand_in.h"

enum {
    PROOF_MS = 2500,     /* within which our user event must be back */
    PROOF_STEP_MS = 500, /* and how often it is sent meanwhile */
    BEAT_TICKS = 5,      /* pings between two user events */
    DEAF_TICKS = 20,     /* pings without our user event: deaf. Under load events come late. */
    BEAT_FAILURES = 3,   /* refused or unanswered user events in a row: ARI is stuck */
    FIRST_WAIT_MS = 250, /* a reconnect closer than 100 ms can be deaf */
    LONGEST_WAIT_MS = 5000,
    STABLE_MS = 10000, /* up for so long, a loss begins with a short wait again */
    LEAVE_MS = 2000,
    /* Two clients of one application throw each other out: ever more seldom. */
    YIELD_MS = 5000,
    LONGEST_YIELD_MS = 60000,
    UNDISPUTED_MS = 5 * 60000,
    /* Each upgrade that hangs costs Asterisk a thread: when it is clear that they do, one is tried
     * now and then, and when Asterisk has been restarted. */
    HANGS = 2,
    HANGING_RETRY_MS = 30000,
};

/* Seen on 22.10.1 after an event socket was closed; see README.md. */
static const char HANGING[] = "Asterisk answers, but opens no event socket: its applications hang, "
                              "and only a restart of Asterisk helps";

static const char READ_ONLY[] = "ARI refuses changes: the user is read_only in ari.conf";

static void connect_now(void *arg);
static void on_tick(void *arg);
static void on_proof_step(void *arg);

static void set_timer(struct ari *a, uint64_t ms, dg_fn *fn)
{
    if (a->link.timer)
        a->h->timer_stop(a->h, a->link.timer);
    a->link.timer = fn ? a->h->timer_start(a->h, ms, fn, a) : NULL;
}

static void enter(struct ari *a, enum link_state state)
{
    a->link.state = state;
    a->link.state_since_ms = a->h->now_ms(a->h);
}

/* ---- Down ---------------------------------------------------------------------- */

static uint64_t wait_ms(const struct link *l)
{
    return backoff_jitter(
        l->yield_ms ? l->yield_ms : backoff_doubled(FIRST_WAIT_MS, l->failures, LONGEST_WAIT_MS));
}

static void say_down(struct ari *a, enum dg_level level, const char *why)
{
    struct link *l = &a->link;
    bool was_up = l->state == LINK_UP;
    if (!was_up && text_same(l->reason, why))
        return;
    /* The core logs the change to down; another reason for staying down is ours to tell. */
    if (level == DG_ERROR || (!was_up && l->reason))
        a->h->log(a->h, level, "no link: %s", why);
    text_set(&l->reason, why);
    a->h->link(a->h, DG_LINK_DOWN, why);
}

static void wait_for_retry(struct ari *a)
{
    struct link *l = &a->link;
    enter(a, LINK_WAITING);
    l->token[0] = '\0';
    l->failures++;
    set_timer(a, wait_ms(l), connect_now);
    l->yield_ms = 0;
}

/* The link, or the attempt, has failed. A socket that still talks is closed with the handshake. */
static void down(struct ari *a, enum dg_level level, const char *why, bool polite)
{
    struct link *l = &a->link;
    char copy[400];
    if (l->state == LINK_WAITING || l->state == LINK_LEAVING)
        return;
    snprintf(copy, sizeof copy, "%s", why);
    if (l->state == LINK_UP && a->h->now_ms(a->h) - l->up_since_ms > STABLE_MS)
        l->failures = 0;
    say_down(a, level, copy);
    events_clear(&a->events);
    if (l->socket && polite) {
        enter(a, LINK_WAITING);
        set_timer(a, 0, NULL);
        socket_close(l->socket, LEAVE_MS);
        return;
    }
    if (l->socket)
        socket_drop(l->socket);
    l->socket = NULL;
    wait_for_retry(a);
}

void link_replaced(struct ari *a)
{
    struct link *l = &a->link;
    struct text why = {0};
    text_puts(&why, "another client has taken over the application ");
    text_puts(&why, a->config.app);
    text_puts(&why, ": give each gateway its own (app_suffix)");
    if (l->state == LINK_UP && a->h->now_ms(a->h) - l->up_since_ms > UNDISPUTED_MS)
        l->thrown_out = 0;
    l->thrown_out++;
    l->yield_ms = backoff_doubled(YIELD_MS, l->thrown_out, LONGEST_YIELD_MS);
    down(a, DG_ERROR, why.at, true);
    text_free(&why);
}

/* ---- Proof and beat --------------------------------------------------------------- */

static void on_beat_sent(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct link *l = &a->link;
    (void)op;
    (void)arg;
    if (l->state == LINK_PROVING && (r->status == 401 || r->status == 403)) {
        down(a, DG_WARN, READ_ONLY, true);
        return;
    }
    if (l->state != LINK_UP || !r->err) {
        l->beat_failures = 0;
        return;
    }
    if (r->status == 404)
        down(a, DG_WARN, "Asterisk does not know the application any more", true);
    else if (++l->beat_failures >= BEAT_FAILURES)
        down(a, DG_WARN, "Asterisk does not answer requests for the application", true);
}

static void send_beat(struct ari *a)
{
    struct link *l = &a->link;
    unsigned char random[16];
    if (!*l->token) {
        RAND_bytes(random, sizeof random);
        for (size_t i = 0; i < sizeof random; i++)
            snprintf(l->token + 2 * i, 3, "%02x", random[i]);
        l->beat_at_ms = a->h->now_ms(a->h);
    }
    rest_send(a, NULL,
              &(struct rest_call){
                  .method = "POST",
                  .path = {"events", "user", BEAT_EVENT},
                  .query = {{"application", a->config.app}},
                  .body = json_pack("{s:{s:s}}", "variables", "token", l->token),
                  .timeout_ms = a->config.connect_ms,
                  .urgent = true,
                  .then = on_beat_sent,
              });
}

static void up(struct ari *a)
{
    struct link *l = &a->link;
    struct text detail = {0};
    enter(a, LINK_UP);
    l->up_since_ms = l->last_tick_ms = a->h->now_ms(a->h);
    l->ticks = l->beat_failures = l->hangs = 0;
    text_set(&l->reason, NULL);
    text_puts(&detail, "Asterisk ");
    text_puts(&detail, l->version ? l->version : "of unknown version");
    text_puts(&detail, " as application ");
    text_puts(&detail, a->config.app);
    a->h->metric_add(a->reconnect_count, 1);
    set_timer(a, a->config.ping_ms, on_tick);
    life_link_up(&a->events.life);
    a->h->link(a->h, DG_LINK_UP, detail.at);
    ari_plays_link_up(a);
    text_free(&detail);
}

void link_beat(struct ari *a, const char *token, int64_t at_ms)
{
    struct link *l = &a->link;
    if (!*l->token || strcmp(token, l->token) != 0)
        return;
    l->token[0] = '\0';
    if (l->state != LINK_PROVING)
        return;
    int64_t skew = at_ms ? a->h->unix_ms(a->h) - at_ms : 0;
    a->events.skew_ms = skew > 1000 || skew < -1000 ? skew : 0;
    if (a->events.skew_ms)
        a->h->log(a->h, DG_WARN, "Asterisk's clock is %lld ms off ours; times are corrected",
                  (long long)-skew);
    up(a);
}

static void on_proof_step(void *arg)
{
    struct ari *a = arg;
    a->link.timer = NULL;
    if (a->h->now_ms(a->h) - a->link.state_since_ms >= PROOF_MS) {
        down(a, DG_WARN, "the event socket is deaf: our own event did not come back", true);
        return;
    }
    send_beat(a);
    set_timer(a, PROOF_STEP_MS, on_proof_step);
}

/* While up: is the other side alive (ping), and does it still send us events (beat)? */
static void on_tick(void *arg)
{
    struct ari *a = arg;
    struct link *l = &a->link;
    uint64_t now = a->h->now_ms(a->h), heard = socket_heard_ms(l->socket);
    /* When this program itself was stopped, what has come meanwhile is not read yet. */
    bool late = now - l->last_tick_ms > 2 * a->config.ping_ms + 500;
    l->timer = NULL;
    l->last_tick_ms = now;
    if (!late && now - heard > a->config.pong_ms) {
        down(a, DG_WARN, "Asterisk is silent: no answer to a ping", false);
        return;
    }
    if (!late && *l->token && now - l->beat_at_ms > DEAF_TICKS * a->config.ping_ms) {
        down(a, DG_WARN, "the event socket has become deaf", true);
        return;
    }
    socket_ping(l->socket);
    if (l->state != LINK_UP)
        return;
    set_timer(a, a->config.ping_ms, on_tick);
    if (++l->ticks % BEAT_TICKS == 0)
        send_beat(a);
}

/* ---- Connecting ------------------------------------------------------------------- */

static void prove(struct ari *a)
{
    a->link.token[0] = '\0';
    send_beat(a);
    set_timer(a, PROOF_STEP_MS, on_proof_step);
}

static void on_subscribed(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char why[400];
    (void)op;
    (void)arg;
    if (a->link.state != LINK_PROVING)
        return;
    if (!r->err) {
        prove(a);
        return;
    }
    if (r->status == 401 || r->status == 403)
        snprintf(why, sizeof why, "%s", READ_ONLY);
    else
        snprintf(why, sizeof why, "the events of all calls are not to be had: %s",
                 r->words ? r->words : "no answer");
    down(a, DG_WARN, why, true);
}

/* Not by subscribeAll=true, which means device states too: with these Asterisk 22 has a deadlock
 * that an event socket which is cut off brings about (asterisk#2170). */
static void subscribe(struct ari *a)
{
    rest_send(a, NULL,
              &(struct rest_call){.method = "POST",
                                  .path = {"applications", a->config.app, "subscription"},
                                  .query = {{"eventSource", "channel:,bridge:,endpoint:"}},
                                  .timeout_ms = a->config.connect_ms,
                                  .urgent = true,
                                  .then = on_subscribed});
}

static void on_opened(void *arg)
{
    struct ari *a = arg;
    enter(a, LINK_PROVING);
    if (a->config.own_only)
        prove(a);
    else
        subscribe(a);
}

static void on_message(void *arg, struct dg_bytes text)
{
    struct ari *a = arg;
    a->h->metric_add(a->event_count, 1);
    events_take(&a->events, text.ptr, text.len);
}

static void finish_close(void *arg);

static void on_closed(void *arg, enum dg_err err, int status, const char *why)
{
    struct ari *a = arg;
    struct link *l = &a->link;
    (void)status;
    l->socket = NULL;
    if (l->state == LINK_OPENING) {
        l->hangs = err == DG_ETIMEOUT ? l->hangs + 1 : 0;
        if (l->hangs >= HANGS)
            why = HANGING;
    }
    if (l->state == LINK_LEAVING)
        set_timer(a, 0, finish_close);
    else if (l->state == LINK_WAITING)
        wait_for_retry(a);
    else
        down(a, DG_WARN, why, false);
}

static const struct socket_events socket_events = {
    .opened = on_opened, .message = on_message, .closed = on_closed};

static void open_socket(struct ari *a)
{
    struct text path = {0};
    text_puts(&path, a->config.path);
    text_puts(&path, "/events?app=");
    text_encoded(&path, a->config.app);
    text_puts(&path, "&subscribeAll=false");
    enter(a, LINK_OPENING);
    a->link.opened_ms = a->h->now_ms(a->h);
    a->link.socket = socket_open(a->h, &a->config, path.at, &socket_events, a);
    text_free(&path);
}

/* Clients are shown the documented sentence; where and why is for the log. */
static void unreachable(struct ari *a, const struct rest_reply *r, char *why, size_t size)
{
    snprintf(why, size, "Unable to connect to ARI");
    if (!text_same(a->link.reason, why))
        a->h->log(a->h, DG_WARN, "%s is not to be reached%s%s", a->config.base,
                  r->words ? ": " : "", r->words ? r->words : "");
}

/* Two servers may have been started in the same moment; and one be asked by several gateways. */
static void say_run(struct ari *a, const char *startup, const char *entity)
{
    struct text run = {0};
    text_puts(&run, startup);
    text_puts(&run, entity ? " " : "");
    text_puts(&run, entity ? entity : "");
    a->h->server_run(a->h, run.at);
    text_free(&run);
}

static void on_info(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct link *l = &a->link;
    char why[400];
    (void)op;
    (void)arg;
    if (l->state != LINK_ASKING)
        return;
    const char *startup = json_text(json_object_get(r->json, "status"), "startup_time");
    if (r->err || !startup) {
        l->hangs = 0;
        if (r->status == 401 || r->status == 403)
            snprintf(why, sizeof why, "ARI refuses the user: check username and password");
        else if (r->status)
            snprintf(why, sizeof why, "ARI error %d%s%s", r->status, r->words ? ": " : "",
                     r->words ? r->words : "");
        else
            unreachable(a, r, why, sizeof why);
        down(a, DG_WARN, why, false);
        return;
    }
    bool restarted = l->startup && !text_same(l->startup, startup);
    if (restarted)
        a->h->log(a->h, DG_WARN, "Asterisk has been restarted: calls from before are gone");
    if (!restarted && l->hangs >= HANGS && a->h->now_ms(a->h) - l->opened_ms < HANGING_RETRY_MS) {
        down(a, DG_WARN, HANGING, false);
        return;
    }
    text_set(&l->startup, startup);
    say_run(a, startup, json_text(json_object_get(r->json, "system"), "entity_id"));
    text_set(&l->version, json_text(json_object_get(r->json, "system"), "version"));
    open_socket(a);
}

static void connect_now(void *arg)
{
    struct ari *a = arg;
    a->link.timer = NULL;
    enter(a, LINK_ASKING);
    rest_send(a, NULL,
              &(struct rest_call){.path = {"asterisk", "info"},
                                  .timeout_ms = a->config.connect_ms,
                                  .urgent = true,
                                  .then = on_info});
}

void link_start(struct ari *a)
{
    a->h->link(a->h, DG_LINK_CONNECTING, a->config.base);
    connect_now(a);
}

/* ---- The end ------------------------------------------------------------------------ */

static void let_go(void *arg)
{
    struct ari *a = arg;
    const struct dg_host *h = a->h;
    struct dg_op *op = a->link.closing;
    stand_ins_free(a);
    events_free(&a->events);
    config_free(&a->config);
    free(a->link.reason);
    free(a->link.version);
    free(a->link.startup);
    free(a);
    h->done(op);
}

static void on_folder_closed(void *arg)
{
    spool_close(arg, let_go);
}

static void finish_close(void *arg)
{
    struct ari *a = arg;
    folder_close(a->folder, on_folder_closed, a);
}

void link_close(struct ari *a, struct dg_op *op)
{
    struct link *l = &a->link;
    bool closing_already = l->state == LINK_WAITING && l->socket;
    l->closing = op;
    enter(a, LINK_LEAVING);
    set_timer(a, 0, l->socket ? NULL : finish_close);
    if (l->socket && !closing_already)
        socket_close(l->socket, LEAVE_MS);
}
