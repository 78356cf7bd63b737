/* ari_notes.h - the event mapping of the ari plugin with a core that writes down what it is told.
 */
#ifndef TESTS_ARI_NOTES_H
#define TESTS_ARI_NOTES_H

#include "unit.h"

/* A plugin exports nothing but its descriptor: what is inside is tested from inside. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../plugins/ari/events.c"
#include "../../plugins/ari/events_legs.c"
#include "../../plugins/ari/events_media.c"
#include "../../plugins/ari/snapshot.c"
/* NOLINTEND(bugprone-suspicious-include) */
#include "asterisk/text.h"

/* ---- A core that writes down what it is told ---------------------------------------- */

struct notes {
    struct text log;
    struct events e;
    int64_t last_at_ms;
};

static inline void say(struct notes *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void say(struct notes *n, const char *fmt, ...)
{
    char line[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n->log.len)
        text_puts(&n->log, "; ");
    text_puts(&n->log, line);
}

static inline const char *or_dash(const char *s)
{
    return s ? s : "-";
}

static inline void on_emit(void *arg, const struct dg_event *ev)
{
    struct notes *n = arg;
    n->last_at_ms = ev->at_ms;
    switch (ev->type) {
    case DG_CALL_STARTED:
        assert_non_null(ev->info);
        say(n, "started %s %s %d", ev->call, ev->info->endpoint, ev->info->direction);
        break;
    case DG_CALL_CHANGED:
        say(n, "changed %s %s>%s %s,%s", ev->call, or_dash(ev->info->caller_number),
            or_dash(ev->info->callee_number), or_dash(ev->info->context),
            or_dash(ev->info->extension));
        break;
    case DG_CALL_CONTROL:
        say(n, "control %s %d %s", ev->call, ev->on, or_dash(ev->text));
        break;
    case DG_CALL_RINGING:
        say(n, "ringing %s", ev->call);
        break;
    case DG_CALL_PROGRESS:
        say(n, "progress %s", ev->call);
        break;
    case DG_CALL_ANSWERED:
        say(n, "answered %s", ev->call);
        break;
    case DG_CALL_ENDED:
        say(n, "ended %s %d sip %d %s", ev->call, ev->cause, ev->sip_code, or_dash(ev->text));
        break;
    case DG_CALL_HELD:
        say(n, "held %s %d", ev->call, ev->on);
        break;
    case DG_CALL_DTMF:
        say(n, "dtmf %s %s", ev->call, ev->text);
        break;
    case DG_CALL_BRIDGED:
        say(n, "bridged %s %s %d", ev->call, ev->bridge, ev->on);
        break;
    case DG_CALL_VARIABLE:
        say(n, "variable %s %s=%s", ev->call, ev->text, ev->target);
        break;
    case DG_CALL_TRANSFERRED:
        say(n, "transferred %s %s", ev->call, ev->target);
        break;
    case DG_BRIDGE_STARTED:
    case DG_BRIDGE_ENDED:
        say(n, "bridge %s %d", ev->bridge, ev->type == DG_BRIDGE_STARTED);
        break;
    case DG_PLAY_ENDED:
        say(n, "played %s on %s%s %d%s", ev->target, ev->call ? ev->call : "",
            ev->bridge ? ev->bridge : "", ev->on, ev->text ? " unheard" : "");
        break;
    case DG_RECORD_ENDED:
        say(n, "recorded %s on %s %s", ev->target, or_dash(ev->call), or_dash(ev->text));
        break;
    case DG_ENDPOINT_CHANGED:
        say(n, "endpoint %s %d", ev->target, ev->on);
        break;
    case DG_CALL_DETECTED:
        say(n, "detected %s %s %s %d", ev->call, or_dash(ev->text), or_dash(ev->target), ev->on);
        break;
    default:
        say(n, "event %d", ev->type);
    }
}

static inline void on_beat(void *arg, const char *token, int64_t at_ms)
{
    say(arg, "beat %s %lld", token, (long long)at_ms);
}

static inline void on_taken(void *arg)
{
    say(arg, "replaced");
}

static inline void on_unwanted(void *arg, const char *call)
{
    say(arg, "unwanted %s", call);
}

static inline void on_arrived(void *arg, const char *call, const char *context,
                              const char *extension, const char *priority)
{
    say(arg, "arrived %s %s,%s,%s", call, context, extension, priority);
}

static inline void on_lonely(void *arg, const char *bridge)
{
    say(arg, "lonely %s", bridge);
}

static inline void on_served(void *arg, const char *snoop)
{
    say(arg, "served %s", snoop);
}

static inline void notes_open(struct notes *n)
{
    memset(n, 0, sizeof *n);
    n->e.app = "dialgate";
    n->e.life.emit = on_emit;
    n->e.life.unwanted = on_unwanted;
    n->e.life.arg = n;
    n->e.sink = (struct events_sink){on_beat, on_taken, on_arrived, on_lonely, on_served, n};
}

static inline void notes_close(struct notes *n)
{
    events_free(&n->e);
    text_free(&n->log);
}

static inline void take(struct notes *n, const char *json)
{
    events_take(&n->e, json, strlen(json));
}

static inline void check(struct notes *n, const char *what, const char *expected)
{
    if (strcmp(n->log.at ? n->log.at : "", expected) != 0)
        fail_msg("%s:\n  told:     %s\n  expected: %s", what, n->log.at ? n->log.at : "", expected);
    text_free(&n->log);
}

#endif
