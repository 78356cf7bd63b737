/* recordings_keep.c - the retention rule: recordings that are older go, one after the other.
 *
 * Each gateway does so for the backends that it has, by its own rule: another
 * one on the store may have no way to delete, or another rule. Two at once do
 * no harm: what is gone is gone, and not counted twice.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/recordings_private.h"

#define EVERY_MAX_MS 3600000
#define EVERY_MIN_MS 1000

struct old {
    char name[RECORDING_NAME_MAX + 1];
    const char *backend;
};

struct sweep {
    struct recordings *rs;
    struct arena *arena;
    struct old *list;
    size_t count, next, gone;
    bool failed;
};

/* ---- What goes ------------------------------------------------------------------------------- */

static bool is_old(const struct recordings *rs, const struct recording *r, int64_t now_ms)
{
    int64_t at_ms = r->at_ms ? r->at_ms : r->told.created_at_ms;
    return at_ms && at_ms < now_ms - (int64_t)rs->config.settings.keep_ms &&
           (rs->config.settings.foreign || recording_name_is_ours(r->name));
}

static void sweep_end(struct sweep *s)
{
    struct recordings *rs = s->rs;
    if (s->gone)
        log_info("recordings", "old recordings deleted", LOG_I("count", s->gone));
    rs->sweep = NULL;
    arena_free(s->arena);
    free(s->list);
    free(s);
    if (!rs->freed)
        recordings_keep_start(rs);
    recordings_over(rs);
}

static void delete_next(struct sweep *s);

static void on_deleted(void *arg, const struct recordings_answer *answer)
{
    struct sweep *s = arg;
    const struct old *o = &s->list[s->next++];
    if (answer->err == DG_OK) {
        s->gone++;
        recordings_count(s->rs, "deleted");
    } else if (answer->err != DG_ENOTFOUND && answer->err != DG_ECONFLICT) { /* nor still made */
        recordings_count(s->rs, "failed");
        if (!s->failed)
            log_warn("recordings", "an old recording cannot be deleted", LOG_S("name", o->name),
                     LOG_S("instance", o->backend), LOG_S("why", answer->message));
        s->failed = true;
    }
    delete_next(s);
}

static void delete_next(struct sweep *s)
{
    if (s->next == s->count || s->rs->freed) {
        sweep_end(s);
        return;
    }
    const struct old *o = &s->list[s->next];
    recordings_delete(s->rs, o->name, o->backend, on_deleted, s);
}

static void on_list(void *arg, const struct recordings_answer *answer)
{
    struct sweep *s = arg; /* whose calls may be gone already */
    int64_t now_ms = clock_unix_ms();
    s->list = xcalloc(answer->count + 1, sizeof *s->list);
    for (size_t i = 0; i < answer->count && !s->rs->freed; i++) {
        const struct recording *r = &answer->list[i];
        if (!is_old(s->rs, r, now_ms))
            continue;
        struct old *o = &s->list[s->count++];
        memcpy(o->name, r->name, strlen(r->name) + 1);
        o->backend = arena_strdup(s->arena, r->backend);
    }
    delete_next(s);
}

/* ---- When ------------------------------------------------------------------------------------ */

static void on_time(void *arg)
{
    struct recordings *rs = arg;
    const struct gather_question question = {.function = "recording_delete", .apart = true};
    struct instance *whom[GATHER_MAX];
    rs->timer = NULL;
    if (!gather_whom(rs->config.calls, &question, whom)) { /* nobody can, or nobody is connected */
        recordings_keep_start(rs);
        return;
    }
    struct sweep *s = rs->sweep = xcalloc(1, sizeof *s);
    *s = (struct sweep){.rs = rs, .arena = arena_new()};
    rs->active++;
    recordings_list(rs, on_list, s);
}

void recordings_keep_start(struct recordings *rs)
{
    uint64_t every_ms = rs->config.settings.keep_ms / 10;
    if (!rs->config.settings.keep_ms || rs->timer || rs->sweep)
        return;
    every_ms = every_ms < EVERY_MIN_MS ? EVERY_MIN_MS : every_ms;
    every_ms = every_ms > EVERY_MAX_MS ? EVERY_MAX_MS : every_ms;
    rs->timer = loop_timer(rs->config.loop, every_ms, on_time, rs);
}

void recordings_keep_stop(struct recordings *rs)
{
    loop_timer_stop(rs->config.loop, rs->timer);
    rs->timer = NULL;
}

void recordings_set(struct recordings *rs, const struct recordings_settings *settings)
{
    rs->config.settings = *settings;
    recordings_keep_stop(rs);
    recordings_keep_start(rs);
}
