/* queues.c - queues as they are: up to three questions, one after the other. */
#include "domain/queues.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

const char *queue_name_refusal(const char *name)
{
    return !str_empty(name) && strlen(name) <= QUEUE_NAME_MAX && str_only(name, LETTERS "_.@+-") &&
                   *name != '-' && *name != '.'
               ? NULL
               : "A queue's name is 1 to 80 letters, digits and _ . @ + -";
}

const char *member_refusal(const char *interface)
{
    const char *slash = interface ? strchr(interface, '/') : NULL;
    if (!slash || slash == interface || !slash[1] || strlen(interface) > MEMBER_MAX ||
        strspn(interface, LETTERS) != (size_t)(slash - interface) ||
        !str_only(slash, LETTERS "_.+*#@/-") || strstr(interface, ".."))
        return "A member is a technology and who is rung by it, as PJSIP/8001";
    return NULL;
}

/* ---- Looking -----------------------------------------------------------------------------------
 */

enum look { LOOK_QUEUES, LOOK_MEMBERS, LOOK_CALLERS, LOOKS };

static const struct gather_question questions[LOOKS] = {
    [LOOK_QUEUES] = {.function = "queues",
                     .ask = backend_queues,
                     .kind = &op_queue,
                     .what = "queues"},
    [LOOK_MEMBERS] = {.function = "members",
                      .ask = backend_members,
                      .kind = &op_member,
                      .what = "queue members"},
    [LOOK_CALLERS] = {.function = "callers",
                      .ask = backend_callers,
                      .kind = &op_caller,
                      .what = "queue callers"},
};

struct asking {
    struct calls *cs;
    struct arena *arena;
    const char *name, *backend;
    enum look look;
    struct gathered *found[LOOKS];
    size_t count[LOOKS];
    queues_fn *fn;
    void *arg;
};

static void finish(struct asking *a, enum dg_err err, const char *message)
{
    const struct queues_answer answer = {
        .err = err,
        .message = message,
        .queues = a->found[LOOK_QUEUES],
        .queue_count = a->count[LOOK_QUEUES],
        .members = a->found[LOOK_MEMBERS],
        .member_count = a->count[LOOK_MEMBERS],
        .callers = a->found[LOOK_CALLERS],
        .caller_count = a->count[LOOK_CALLERS],
    };
    a->fn(a->arg, &answer);
    arena_free(a->arena);
    free(a);
}

/* The filter of a backend takes more than the one that is meant. */
static bool is_meant(const struct asking *a, const void *item)
{
    if (!item)
        return false;
    if (!a->name)
        return true;
    switch (a->look) {
    case LOOK_QUEUES:
        return str_eq(((const struct dg_queue *)item)->name, a->name);
    case LOOK_MEMBERS:
        return str_eq(((const struct dg_queue_member *)item)->queue, a->name);
    default:
        return str_eq(((const struct dg_queue_caller *)item)->queue, a->name);
    }
}

static void ask(struct asking *a);

static void on_gathered(void *arg, const struct gather_answer *answer)
{
    struct asking *a = arg;
    enum look look = a->look;
    if (answer->err != DG_OK && (look != LOOK_CALLERS || answer->err != DG_EUNSUPPORTED)) {
        finish(a, answer->err, answer->message);
        return;
    }
    a->found[look] = arena_alloc(a->arena, (answer->count + 1) * sizeof(struct gathered));
    for (size_t i = 0; i < answer->count; i++)
        if (is_meant(a, answer->items[i].item))
            a->found[look][a->count[look]++] =
                (struct gathered){questions[look].kind->copy(a->arena, answer->items[i].item, 0),
                                  arena_strdup(a->arena, answer->items[i].backend)};
    if (look == LOOK_QUEUES && a->name && !a->count[look]) {
        finish(a, DG_ENOTFOUND, "Queue not found");
        return;
    }
    if (++a->look == LOOKS)
        finish(a, DG_OK, NULL);
    else
        ask(a);
}

static void ask(struct asking *a)
{
    struct gather_question question = questions[a->look];
    question.text = a->name;
    question.backend = a->backend;
    gather(a->cs, &question, on_gathered, a);
}

void queues_ask(struct calls *cs, const char *name, const char *backend, queues_fn *fn, void *arg)
{
    struct asking *a = xcalloc(1, sizeof *a);
    *a = (struct asking){.cs = cs, .arena = arena_new(), .fn = fn, .arg = arg};
    a->name = arena_strdup(a->arena, name);
    a->backend = arena_strdup(a->arena, backend);
    ask(a);
}
