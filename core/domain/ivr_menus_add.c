/* ivr_menus_add.c - new menus, one or many that lead to each other; see ivr_menus.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "data/serials.h"
#include "domain/ivr_menus_private.h"

#define TRIES_MAX 10

unsigned ivr_fresh_actions(const struct ivr_menu *m)
{
    unsigned count = 0;
    for (size_t i = 0; i < m->action_count; i++)
        count += m->actions[i].id == 0;
    return count;
}

void ivr_number_actions(struct ivr_menu *m, int64_t *next, int64_t now_ms)
{
    for (size_t i = 0; i < m->action_count; i++) {
        if (m->actions[i].id == 0) {
            m->actions[i].id = (*next)++;
            m->actions[i].created_at_ms = now_ms;
        }
    }
}

struct adding {
    struct ivr_menus *owner;
    struct ivr_menu **menus;
    int64_t *were; /* ids before */
    size_t count;
    int64_t first; /* of the new ids */
    unsigned tries;
    ivr_added_fn *fn;
    void *arg;
};

static void answer(struct adding *a, enum dg_err err, const char *message)
{
    const struct ivr_added out = {.err = err,
                                  .message = err == DG_OK ? NULL : message,
                                  .menus = a->menus,
                                  .were = a->were,
                                  .count = err == DG_OK ? a->count : 0};
    a->fn(a->arg, &out);
    for (size_t i = 0; i < a->count; i++)
        ivr_menu_free(a->menus[i]);
    free(a->menus);
    free(a->were);
    free(a);
}

static void on_ids(void *arg, enum dg_err err, const char *message, int64_t first);

/* An id that somebody else gave by hand is passed over. */
static void on_added(void *arg, const struct op_result *res)
{
    struct adding *a = arg;
    if (res->err == DG_ECONFLICT && ++a->tries < TRIES_MAX) {
        serials_take(a->owner->store, SERIAL_IVR_MENUS, (unsigned)a->count, on_ids, a);
        return;
    }
    ivr_books_forget(a->owner);
    answer(a, res->err, res->message);
}

static void write_menus(struct adding *a)
{
    struct store_batch batch;
    store_batch_init(&batch);
    for (size_t i = 0; i < a->count; i++) {
        a->menus[i]->version = 1;
        ivr_menu_put(&batch, a->menus[i], DG_VERSION_NONE);
    }
    store_write(a->owner->store, &batch, on_added, a);
}

static void on_action_ids(void *arg, enum dg_err err, const char *message, int64_t first)
{
    struct adding *a = arg;
    if (err != DG_OK) {
        answer(a, err, message);
        return;
    }
    for (size_t i = 0; i < a->count; i++)
        ivr_number_actions(a->menus[i], &first, a->menus[i]->created_at_ms);
    write_menus(a);
}

/* Where an action led to one of them by the id `from`, it leads there by `to`. */
static void lead_to(struct adding *a, int64_t from, int64_t to)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < a->menus[i]->action_count; k++) {
            struct ivr_action *action = &a->menus[i]->actions[k];
            if (action->type != IVR_GOTO || action->id || action->menu != from)
                continue;
            free(action->value);
            action->value = xasprintf("%" PRId64, to);
            action->id = -1; /* done: `to` may be what another one was called before */
        }
    }
}

static void renumber(struct adding *a, int64_t first)
{
    for (size_t i = 0; i < a->count; i++) {
        int64_t before = a->menus[i]->id;
        a->menus[i]->id = first + (int64_t)i;
        if (before)
            lead_to(a, before, a->menus[i]->id);
    }
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < a->menus[i]->action_count; k++) {
            struct ivr_action *action = &a->menus[i]->actions[k];
            if (action->id == -1)
                action->menu = strtoll(action->value, NULL, 10);
            action->id = 0;
        }
    }
}

static void on_ids(void *arg, enum dg_err err, const char *message, int64_t first)
{
    struct adding *a = arg;
    unsigned actions = 0;
    if (err != DG_OK) {
        answer(a, err, message);
        return;
    }
    renumber(a, first);
    for (size_t i = 0; i < a->count; i++)
        actions += ivr_fresh_actions(a->menus[i]);
    if (actions)
        serials_take(a->owner->store, SERIAL_IVR_ACTIONS, actions, on_action_ids, a);
    else
        write_menus(a);
}

void ivr_menus_add(struct ivr_menus *ms, struct ivr_menu **menus, size_t count, ivr_added_fn *fn,
                   void *arg)
{
    struct adding *a = xcalloc(1, sizeof *a);
    int64_t now_ms = clock_unix_ms();
    *a = (struct adding){.owner = ms, .menus = menus, .count = count, .fn = fn, .arg = arg};
    a->were = xcalloc(count + 1, sizeof *a->were);
    for (size_t i = 0; i < count; i++) {
        a->were[i] = menus[i]->id;
        menus[i]->created_at_ms = now_ms;
        menus[i]->updated_at_ms = 0;
        for (size_t k = 0; k < menus[i]->action_count; k++)
            menus[i]->actions[k].id = 0;
    }
    serials_take(ms->store, SERIAL_IVR_MENUS, (unsigned)count, on_ids, a);
}
