/* ami_world.h - the ami plugin as a .so, against a host and an Asterisk that are both played by the
 * test. No time passes but what the test lets pass. */
#ifndef TESTS_AMI_WORLD_H
#define TESTS_AMI_WORLD_H

#define WORLD_OWN                                                                                  \
    const char *login;                                                                             \
    char action[4000]; /* the one taken last */
#include "fake_host.h"

/* ---- The host ----------------------------------------------------------------------- */

static inline const char *cfg_str(const struct dg_host *h, const char *key)
{
    if (strcmp(key, "host") == 0)
        return "pbx";
    if (strcmp(key, "username") == 0)
        return "gateway";
    if (strcmp(key, "password") == 0)
        return "secret";
    if (strcmp(key, "login") == 0)
        return world_of(h)->login;
    if (strcmp(key, "recordings") == 0)
        return "/nowhere";
    return "";
}

static inline int64_t cfg_int(const struct dg_host *h, const char *key)
{
    (void)h;
    return strcmp(key, "port") == 0              ? 5038
           : strcmp(key, "connect_timeout") == 0 ? 5000
           : strcmp(key, "request_timeout") == 0 ? 15000
           : strcmp(key, "ping_ms") == 0         ? 1000
           : strcmp(key, "pong_ms") == 0         ? 3000
                                                 : 1;
}

static inline bool cfg_bool(const struct dg_host *h, const char *key)
{
    (void)h;
    (void)key;
    return false;
}

static inline struct dg_stream *stream_open(const struct dg_host *h,
                                            const struct dg_stream_request *req,
                                            const struct dg_stream_events *ev, void *arg)
{
    struct world *w = world_of(h);
    assert_string_equal(req->host, "pbx");
    assert_int_equal(req->port, 5038);
    if (w->stream) {
        assert_true(w->stream->closed);
        gone(w);
    }
    w->stream = calloc(1, sizeof *w->stream);
    w->stream->ev = ev;
    w->stream->arg = arg;
    note(w, "connects", NULL);
    return w->stream;
}

/* ---- Asterisk -------------------------------------------------------------------------- */

static inline void says(struct world *w, const char *text)
{
    w->stream->ev->data(w->stream->arg, (struct dg_bytes){text, strlen(text)});
}

static inline bool has_action(const struct world *w)
{
    return w->stream && w->stream->sent.len != 0;
}

/* The oldest action that was sent must be this; gives its text. */
static inline const char *takes(struct world *w, const char *action)
{
    char first[100];
    struct text *sent = &w->stream->sent;
    const char *end = sent->at ? strstr(sent->at, "\r\n\r\n") : NULL;
    if (!end)
        fail_msg("nothing was sent, but expected %s", action);
    size_t len = (size_t)(end - sent->at) + 4;
    assert_true(len < sizeof w->action);
    memcpy(w->action, sent->at, len);
    w->action[len] = '\0';
    memmove(sent->at, sent->at + len, sent->len - len + 1);
    sent->len -= len;
    snprintf(first, sizeof first, "Action: %s\r\n", action);
    if (strncmp(w->action, first, strlen(first)) != 0)
        fail_msg("expected %s, but sent was\n%s", action, w->action);
    return w->action;
}

/* The value of a line of the action taken last; "" when it has none. */
static inline const char *line_of(const struct world *w, const char *name)
{
    static char value[1100];
    char start[100];
    snprintf(start, sizeof start, "\n%s: ", name);
    const char *at = strstr(w->action, start);
    snprintf(value, sizeof value, "%.*s", at ? (int)strcspn(at + strlen(start), "\r") : 0,
             at ? at + strlen(start) : "");
    return value;
}

/* A message with the id of the action taken last; `lines` each with its end. */
static inline void says_to(struct world *w, const char *first, const char *lines)
{
    char text[2000];
    snprintf(text, sizeof text, "%s\r\nActionID: %s\r\n%s\r\n", first, line_of(w, "ActionID"),
             lines);
    says(w, text);
}

static inline void answers(struct world *w, const char *action, const char *lines)
{
    takes(w, action);
    says_to(w, "Response: Success", lines);
}

static inline void refuses(struct world *w, const char *action, const char *words)
{
    char lines[300];
    takes(w, action);
    snprintf(lines, sizeof lines, "Message: %s\r\n", words);
    says_to(w, "Response: Error", lines);
}

#define BANNER "Asterisk Call Manager/11.0.0\r\n"
#define BOOTED "Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"
/* All that the plugin wants, but for the endpoints of PJSIP. */
#define MAY                                                                                        \
    "Originate: x (Priv: originate,all)\r\nHangup: x (Priv: call,all)\r\n"                         \
    "CoreShowChannels: x (Priv: system,all)\r\nBridgeList: x (Priv: <none>)\r\n"                   \
    "Setvar: x\r\nModuleCheck: x\r\nMuteAudio: x\r\nAGI: x\r\nPlayDTMF: x\r\nRedirect: x\r\n"      \
    "Getvar: x\r\nBridge: x\r\nPark: x\r\nParkedCalls: x\r\nControlPlayback: x\r\n"                \
    "MixMonitor: x\r\nStopMixMonitor: x\r\nQueueStatus: x\r\nQueueAdd: x\r\n"

static inline void logs_in(struct world *w)
{
    w->stream->ev->opened(w->stream->arg);
    says(w, BANNER);
    answers(w, "Challenge", "Challenge: 4711\r\n");
    takes(w, "Login");
    assert_string_equal(line_of(w, "AuthType"), "MD5");
    /* md5sum of 4711secret */
    assert_string_equal(line_of(w, "Key"), "1fc1574b8cc568b4801db061effeb1ed");
    assert_null(strstr(w->action, "Secret"));
    says_to(w, "Response: Success", "Message: Authentication accepted\r\n");
}

static inline void proves(struct world *w, const char *startup)
{
    char lines[100];
    answers(w, "ListCommands", MAY);
    answers(w, "CoreSettings", "AsteriskVersion: 22.1\r\n");
    snprintf(lines, sizeof lines, "CoreStartupDate: 2026-11-21\r\nCoreStartupTime: %s\r\n",
             startup);
    answers(w, "CoreStatus", lines);
    answers(w, "Originate", "Message: Originate successfully queued\r\n");
    says_to(w, "Event: OriginateResponse", "Response: Failure\r\nReason: 0\r\n");
}

static inline void world_open(struct world *w)
{
    const char *login = w->login ? w->login : "md5";
    memset(w, 0, sizeof *w);
    w->now_ms = 1000000;
    w->login = login;
    w->link = DG_LINK_DOWN;
    w->host = fake_host();
    w->host.cfg_str = cfg_str;
    w->host.cfg_int = cfg_int;
    w->host.cfg_bool = cfg_bool;
    w->host.stream_open = stream_open;
    world_load(w, PLUGIN_DIR "/ami.so");
}

/* What this Asterisk lacks has been told on the way. */
static inline void come_up(struct world *w)
{
    logs_in(w);
    says(w, BOOTED);
    proves(w, "10:00:00");
    assert_int_equal(w->link, DG_LINK_UP);
    text_free(&w->log);
}

static inline void world_up(struct world *w)
{
    world_open(w);
    come_up(w);
}

/* Close as the core does; nothing may be left behind. */
static inline void world_close(struct world *w)
{
    struct dg_op op = {0};
    w->plugin->close(w->self, &op);
    if (w->stream)
        assert_true(w->stream->closed || !w->stream->ev);
    pass(w, 0);
    assert_int_equal(op.ended, 1);
    assert_null(w->timers);
    if (w->stream)
        gone(w);
    text_free(&w->log);
}

#define CHANNEL(id, state)                                                                         \
    "Channel: PJSIP/trunk-1\r\nChannelStateDesc: " state "\r\nUniqueid: " id "\r\n"

#endif
