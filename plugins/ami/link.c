/* link.c - see link.h. */
#include "link.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ami.h"
#include "asterisk/backoff.h"
#include "asterisk/text.h"
#include "rights.h"

enum {
    FIRST_WAIT_MS = 250,
    LONGEST_WAIT_MS = 5000,
    REFUSED_WAIT_MS = 15000, /* each refused login costs Asterisk a second and a security event */
    STABLE_MS = 10000,       /* up for so long, a loss begins with a short wait again */
    PROOF_MS = 5000,         /* within which our own event must be back */
    BOOT_MS = 3000,          /* for FullyBooted, of a server that may not tell this user */
    LONGEST_BOOT_MS = 120000,
    STEP_MS = 500, /* how often PROVING is looked at */
    MISSED_MAX = 3,
};

static void connect_now(void *arg);
static void on_tick(void *arg);

static void set_timer(struct ami *a, uint64_t ms, dg_fn *fn)
{
    if (a->link.timer)
        a->h->timer_stop(a->h, a->link.timer);
    a->link.timer = fn ? a->h->timer_start(a->h, ms, fn, a) : NULL;
}

static void enter(struct ami *a, enum link_state state)
{
    a->link.state = state;
    a->link.since_ms = a->h->now_ms(a->h);
}

/* ---- Down ------------------------------------------------------------------------- */

static void say_down(struct ami *a, bool was_up, const char *why)
{
    struct link *l = &a->link;
    if (!was_up && text_same(l->reason, why))
        return;
    /* The core logs the change to down; another reason for staying down is ours to tell. */
    if (!was_up)
        a->h->log(a->h, DG_WARN, "no link: %s", why);
    text_set(&l->reason, why);
    a->h->link(a->h, DG_LINK_DOWN, why);
}

/* The link, or the attempt, has failed. */
static void down(struct ami *a, const char *why)
{
    struct link *l = &a->link;
    bool was_up = l->state == LINK_UP;
    struct dg_stream *stream = a->session.stream;
    char copy[300];
    if (l->state == LINK_WAITING || l->state == LINK_LEAVING)
        return;
    snprintf(copy, sizeof copy, "%s", why);
    if (was_up && a->h->now_ms(a->h) - l->up_since_ms > STABLE_MS)
        l->failures = 0;
    enter(a, LINK_WAITING);
    calls_clear(a);
    say_down(a, was_up, copy);
    control_lost_link(a);
    events_clear(&a->events);
    session_end(a, "Unable to connect to AMI");
    if (stream)
        a->h->stream_close(stream);
    l->failures++;
    set_timer(a,
              backoff_jitter(backoff_doubled(FIRST_WAIT_MS, l->failures,
                                             l->refused ? REFUSED_WAIT_MS : LONGEST_WAIT_MS)),
              connect_now);
}

/* By Asterisk's own word: what it takes is another configuration, not another attempt. */
static void refused(struct ami *a, const char *what, const char *words)
{
    char why[300];
    snprintf(why, sizeof why, "%s: %s", what, words);
    a->link.refused = true;
    down(a, why);
}

void link_shutdown(void *arg)
{
    down(arg, "Asterisk is shutting down");
}

/* ---- Proving, then up ---------------------------------------------------------------- */

static void up(struct ami *a)
{
    struct link *l = &a->link;
    struct text detail = {0};
    enter(a, LINK_UP);
    l->up_since_ms = l->last_tick_ms = l->since_ms;
    l->missed = 0;
    l->refused = false;
    text_set(&l->reason, NULL);
    text_puts(&detail, "Asterisk ");
    text_puts(&detail, l->version ? l->version : "of unknown version");
    text_puts(&detail, " as manager ");
    text_puts(&detail, a->config.user);
    a->h->metric_add(a->connect_count, 1);
    set_timer(a, a->config.ping_ms, on_tick);
    life_link_up(&a->events.life);
    a->h->link(a->h, DG_LINK_UP, detail.at);
    text_free(&detail);
    originates_link_up(a);
}

static void look_at_proof(struct ami *a);

static void on_step(void *arg)
{
    struct ami *a = arg;
    a->link.timer = NULL;
    look_at_proof(a);
}

static void look_at_proof(struct ami *a)
{
    struct link *l = &a->link;
    uint64_t waited = a->h->now_ms(a->h) - l->since_ms;
    if (l->state != LINK_PROVING)
        return;
    if (l->asked && l->proven && (l->booted || (!l->tells_boot && waited >= BOOT_MS))) {
        up(a);
    } else if (!l->proven && waited >= PROOF_MS) {
        refused(a, "no events come", "give the user call in the \"read\" line of manager.conf");
    } else if (waited >= LONGEST_BOOT_MS) {
        down(a, "Asterisk does not finish booting");
    } else {
        set_timer(a, STEP_MS, on_step);
    }
}

void link_booted(void *arg)
{
    struct ami *a = arg;
    a->link.booted = a->link.tells_boot = true;
    look_at_proof(a);
}

void link_proven(void *arg, const char *action_id)
{
    struct ami *a = arg;
    if (strcmp(action_id, a->link.proof) != 0)
        return;
    a->link.proven = true;
    look_at_proof(a);
}

static void on_proof_sent(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    (void)arg;
    /* Who may not originate is told so by rights_compare. */
    if (r->err == DG_EUNSUPPORTED)
        link_proven(a, a->link.proof);
}

static void send_proof(struct ami *a)
{
    unsigned char random[16];
    char *at = a->link.proof + snprintf(a->link.proof, sizeof a->link.proof, EVENTS_PROOF);
    RAND_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++, at += 2)
        snprintf(at, 3, "%02x", random[i]);
    session_send(a, NULL,
                 &(struct request){.action = "Originate",
                                   .id = a->link.proof,
                                   .lines = {{"Channel", "Dialgate/proof"},
                                             {"Application", "Wait"},
                                             {"Data", "1"},
                                             {"Async", "true"}},
                                   .early = true,
                                   .then = on_proof_sent});
}

/* Among several gateways the time of the start does not tell servers apart: two may have begun in
 * one second. Who is reached by the same name is the same one; what is reached by "localhost" is of
 * this machine. */
static void add_place(const struct ami *a, struct text *run)
{
    char here[256] = "", port[16];
    const char *host = a->config.host;
    bool local =
        text_same(host, "localhost") || text_same(host, "::1") || strncmp(host, "127.", 4) == 0;
    if (a->h->abi_minor < 3 || !a->h->node)
        return;
    if (local && gethostname(here, sizeof here - 1) == 0)
        host = here;
    snprintf(port, sizeof port, ":%u", a->config.port);
    text_puts(run, " at ");
    text_puts(run, host);
    text_puts(run, port);
}

/* The times are Asterisk's own, in its zone: they only tell one run from another. */
static void on_status(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct link *l = &a->link;
    struct text run = {0};
    (void)op;
    (void)arg;
    if (!r->sent || l->state != LINK_PROVING)
        return;
    const char *date = r->message ? message_text(r->message, "CoreStartupDate") : NULL;
    const char *time = r->message ? message_text(r->message, "CoreStartupTime") : NULL;
    if (date && time) {
        text_puts(&run, date);
        text_puts(&run, " ");
        text_puts(&run, time);
        add_place(a, &run);
    }
    if (l->startup && run.at && !text_same(l->startup, run.at))
        a->h->log(a->h, DG_WARN, "Asterisk has been restarted: calls from before are gone");
    text_set(&l->startup, run.at);
    a->h->server_run(a->h, run.at);
    text_free(&run);
    l->asked = true;
    look_at_proof(a);
}

static void on_settings(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->message && !r->err)
        text_set(&a->link.version, message_text(r->message, "AsteriskVersion"));
}

static void on_commands(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->message && !r->err)
        rights_compare(a, r->message);
}

static void prove(struct ami *a)
{
    struct link *l = &a->link;
    enter(a, LINK_PROVING);
    l->asked = l->booted = l->proven = false;
    session_send(a, NULL,
                 &(struct request){.action = "ListCommands", .early = true, .then = on_commands});
    session_send(a, NULL,
                 &(struct request){.action = "CoreSettings", .early = true, .then = on_settings});
    session_send(a, NULL,
                 &(struct request){.action = "CoreStatus", .early = true, .then = on_status});
    send_proof(a);
    set_timer(a, STEP_MS, on_step);
}

/* ---- While it is up -------------------------------------------------------------------- */

static void on_pong(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (!r->err)
        a->link.missed = 0;
    else if (r->err == DG_ETIMEOUT && ++a->link.missed >= MISSED_MAX)
        down(a, "Asterisk answers no actions");
}

static void on_tick(void *arg)
{
    struct ami *a = arg;
    struct link *l = &a->link;
    uint64_t now = a->h->now_ms(a->h);
    /* When this program itself was stopped, what has come meanwhile is not read yet. */
    bool late = now - l->last_tick_ms > 2 * a->config.ping_ms + 500;
    l->timer = NULL;
    l->last_tick_ms = now;
    if (!late && now - a->session.heard_ms > a->config.pong_ms) {
        down(a, "Asterisk is silent: no answer to a ping");
        return;
    }
    set_timer(a, a->config.ping_ms, on_tick);
    session_send(
        a, NULL,
        &(struct request){.action = "Ping", .timeout_ms = a->config.pong_ms, .then = on_pong});
}

/* ---- Login ------------------------------------------------------------------------------- */

static void on_login(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (a->link.state != LINK_LOGIN)
        return;
    if (!r->err)
        prove(a);
    else if (r->message)
        refused(a, "Asterisk refuses the login: check username and password", r->words);
    else
        down(a, r->words);
}

/* Asterisk's challenge and the password, as MD5 in hexadecimal. */
static bool md5_key(char out[33], const char *challenge, const char *password)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, challenge, strlen(challenge)) == 1 &&
                EVP_DigestUpdate(ctx, password, strlen(password)) == 1 &&
                EVP_DigestFinal_ex(ctx, digest, &len) == 1 && len == 16;
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; done && i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return done;
}

static void login(struct ami *a, const char *key)
{
    session_send(a, NULL,
                 &(struct request){.action = "Login",
                                   .lines = {{"Username", a->config.user},
                                             {"AuthType", key ? "MD5" : NULL},
                                             {"Key", key},
                                             {"Secret", key ? NULL : a->config.password},
                                             {"Events", EVENTS_MASK}},
                                   .timeout_ms = a->config.connect_ms,
                                   .early = true,
                                   .then = on_login});
}

static void on_challenge(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    const char *challenge = r->message ? message_text(r->message, "Challenge") : NULL;
    char key[33];
    (void)op;
    (void)arg;
    if (a->link.state != LINK_LOGIN)
        return;
    if (r->err || !challenge)
        down(a, r->err ? r->words : "Asterisk gives no challenge for the login");
    else if (!md5_key(key, challenge, a->config.password))
        refused(a, "MD5 is not to be had here", "set login = \"plain\"");
    else
        login(a, key);
}

static void on_banner(void *arg, const char *line)
{
    struct ami *a = arg;
    char why[200], said[80] = "";
    if (!strstr(line, "Asterisk Call Manager")) {
        for (size_t i = 0; line[i] && i + 1 < sizeof said; i++)
            said[i] = line[i] >= ' ' && line[i] < 0x7f ? line[i] : '?';
        snprintf(why, sizeof why, "what answers is no Asterisk manager: it says \"%s\"", said);
        down(a, why);
        return;
    }
    enter(a, LINK_LOGIN);
    set_timer(a, 0, NULL);
    if (a->config.plain_login)
        login(a, NULL);
    else
        session_send(a, NULL,
                     &(struct request){.action = "Challenge",
                                       .lines = {{"AuthType", "MD5"}},
                                       .timeout_ms = a->config.connect_ms,
                                       .early = true,
                                       .then = on_challenge});
}

/* ---- The stream -------------------------------------------------------------------------- */

static void on_opened(void *arg)
{
    (void)arg;
}

static void on_data(void *arg, struct dg_bytes bytes)
{
    session_take(arg, bytes);
}

static void on_closed(void *arg, enum dg_err err, const char *why)
{
    struct ami *a = arg;
    struct link *l = &a->link;
    char words[300];
    bool opening = l->state == LINK_OPENING;
    (void)err;
    a->session.stream = NULL;
    /* Clients are shown one sentence; where and why is for the log. */
    snprintf(words, sizeof words, "%s:%u: %s", a->config.host, a->config.port, why);
    if (opening && !text_same(l->reason, "Unable to connect to AMI"))
        a->h->log(a->h, DG_WARN, "Asterisk is not to be reached at %s", words);
    down(a, opening ? "Unable to connect to AMI" : "the connection to Asterisk was lost");
}

static const struct dg_stream_events stream_events = {
    DG_SIZED(struct dg_stream_events), .opened = on_opened, .data = on_data, .closed = on_closed};

static void on_no_banner(void *arg)
{
    struct ami *a = arg;
    a->link.timer = NULL;
    down(a, "Asterisk does not answer: no banner of the manager interface");
}

static void connect_now(void *arg)
{
    struct ami *a = arg;
    a->link.timer = NULL;
    enter(a, LINK_OPENING);
    session_begin(a, on_banner);
    /* The stream's own limit is for connecting; then the banner must come. */
    set_timer(a, 2 * a->config.connect_ms, on_no_banner);
    a->session.stream = a->h->stream_open(
        a->h,
        &(struct dg_stream_request){
            DG_SIZED(struct dg_stream_request), .host = a->config.host, .port = a->config.port,
            .tls = a->config.tls, .tls_no_verify = a->config.tls_no_verify,
            .ca_file = a->config.ca_file, .connect_ms = a->config.connect_ms},
        &stream_events, a);
}

void link_start(struct ami *a)
{
    a->h->link(a->h, DG_LINK_CONNECTING, a->config.host);
    connect_now(a);
}

/* ---- The end ------------------------------------------------------------------------------ */

static void let_go(void *arg)
{
    struct ami *a = arg;
    const struct dg_host *h = a->h;
    struct dg_op *op = a->link.closing;
    events_free(&a->events);
    message_free(&a->session.parser);
    table_free(&a->session.asked);
    control_free(a);
    free(a->link.reason);
    free(a->link.lacking);
    free(a->link.version);
    free(a->link.startup);
    free(a);
    h->done(op);
}

static void finish_close(void *arg)
{
    struct ami *a = arg;
    folder_close(a->folder, let_go, a);
}

void link_close(struct ami *a, struct dg_op *op)
{
    static const char farewell[] = "Action: Logoff\r\n\r\n";
    struct dg_stream *stream = a->session.stream;
    bool logged_in = a->link.state == LINK_UP || a->link.state == LINK_PROVING;
    a->link.closing = op;
    enter(a, LINK_LEAVING);
    calls_clear(a);
    control_lost_link(a);
    session_end(a, "Unable to connect to AMI");
    originates_end(a);
    if (stream && logged_in)
        a->h->stream_write(stream, (struct dg_bytes){farewell, sizeof farewell - 1});
    if (stream)
        a->h->stream_close(stream);
    set_timer(a, 0, finish_close);
}
