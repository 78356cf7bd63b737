/* legs.c - see legs.h. */
#include "legs.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

struct gone {
    struct entry entry;
    struct gone *before, *after; /* who ended before and after it */
    char id[];
};

struct leg *legs_find(const struct legs *l, const char *id)
{
    return table_find(&l->by_id, id);
}

struct leg *legs_named(const struct legs *l, const char *id_or_name)
{
    struct leg *leg = table_find(&l->by_id, id_or_name);
    return leg ? leg : table_find(&l->by_name, id_or_name);
}

struct leg *legs_add(struct legs *l, const char *id)
{
    struct leg *leg = legs_find(l, id);
    if (leg)
        return leg;
    leg = text_alloc(sizeof *leg);
    leg->id = text_copy(id);
    leg->by_id = (struct entry){.key = leg->id, .owner = leg};
    table_put(&l->by_id, &leg->by_id);
    return leg;
}

void legs_name(struct legs *l, struct leg *leg, const char *name)
{
    if (!name || text_same(leg->name, name))
        return;
    if (leg->name && table_find(&l->by_name, leg->name) == leg)
        table_take(&l->by_name, &leg->by_name);
    text_set(&leg->name, name);
    /* During a masquerade two legs have one name for a moment: the first keeps it. */
    if (table_find(&l->by_name, leg->name))
        return;
    leg->by_name = (struct entry){.key = leg->name, .owner = leg};
    table_put(&l->by_name, &leg->by_name);
}

/* '1' or '2' at the end of a Local channel's name; 0: it is no such name. */
static char half_of(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    if (len < 8 || strncmp(name, "Local/", 6) != 0 || name[len - 2] != ';')
        return 0;
    return name[len - 1];
}

struct leg *legs_twin(const struct legs *l, const struct leg *leg)
{
    char half = half_of(leg->name);
    if (half != '1' && half != '2')
        return NULL;
    char *name = text_copy(leg->name);
    name[strlen(name) - 1] = half == '1' ? '2' : '1';
    struct leg *twin = table_find(&l->by_name, name);
    free(name);
    return twin;
}

bool legs_is_far_half(const char *name)
{
    return half_of(name) == '2';
}

void legs_drop(struct legs *l, struct leg *leg)
{
    table_take(&l->by_id, &leg->by_id);
    if (leg->name && table_find(&l->by_name, leg->name) == leg)
        table_take(&l->by_name, &leg->by_name);
    l->given_up -= leg->given_up;
    free(leg->id);
    free(leg->name);
    free(leg->callee);
    free(leg->bridge);
    free(leg->arguments);
    free(leg->application);
    free(leg->application_data);
    free(leg->language);
    free(leg->spoken);
    free(leg);
}

static void forget(struct legs *l, struct gone *g)
{
    table_take(&l->gone, &g->entry);
    *(g->before ? &g->before->after : &l->first_gone) = g->after;
    *(g->after ? &g->after->before : &l->last_gone) = g->before;
    free(g);
}

static void remember(struct legs *l, const char *id)
{
    if (legs_is_gone(l, id))
        return;
    size_t size = strlen(id) + 1;
    struct gone *g = text_alloc(sizeof *g + size);
    memcpy(g->id, id, size);
    g->entry = (struct entry){.key = g->id, .owner = g};
    g->before = l->last_gone;
    *(g->before ? &g->before->after : &l->first_gone) = g;
    l->last_gone = g;
    table_put(&l->gone, &g->entry);
    if (l->gone.count > LEGS_GONE)
        forget(l, l->first_gone);
}

bool legs_is_gone(const struct legs *l, const char *id)
{
    return table_find(&l->gone, id) != NULL;
}

void legs_ended(struct legs *l, struct leg *leg)
{
    remember(l, leg->id);
    leg->ended = true;
    if (!leg->expected)
        legs_drop(l, leg);
}

static void drop_unexpected(void *arg, void *owner)
{
    struct leg *leg = owner;
    if (!leg->expected && !leg->given_up)
        legs_drop(arg, leg);
}

static void forget_all(struct legs *l)
{
    while (l->first_gone)
        forget(l, l->first_gone);
}

void legs_clear(struct legs *l)
{
    table_each(&l->by_id, drop_unexpected, l);
    forget_all(l);
}

static void drop(void *arg, void *owner)
{
    legs_drop(arg, owner);
}

void legs_free(struct legs *l)
{
    table_each(&l->by_id, drop, l);
    forget_all(l);
    table_free(&l->by_id);
    table_free(&l->by_name);
    table_free(&l->gone);
}

struct leg *legs_expect(struct legs *l, const char *id)
{
    struct gone *before = table_find(&l->gone, id);
    if (before)
        forget(l, before);
    struct leg *leg = legs_add(l, id);
    leg->expected = true;
    leg->fate.outgoing = true;
    leg->direction = DG_OUTBOUND;
    return leg;
}

void legs_settle(struct legs *l, const char *id, bool given_up)
{
    struct leg *leg = legs_find(l, id);
    if (!leg)
        return;
    leg->expected = false;
    if (given_up && !leg->started && l->given_up < LEGS_GIVEN_UP) {
        leg->given_up = true;
        l->given_up++;
    } else if (leg->ended || (given_up && !leg->started)) {
        legs_drop(l, leg);
    }
}
