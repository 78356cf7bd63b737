/* ivr_menu.c - menus in memory: their keys, and books of them; see ivr_menu.h. */
#include "domain/ivr_menu.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define TIMEOUT_S       10
#define DIGIT_TIMEOUT_S 3

struct ivr_menu *ivr_menu_new(void)
{
    struct ivr_menu *m = xcalloc(1, sizeof *m);
    m->audio_file = xstrdup("");
    m->timeout_s = TIMEOUT_S;
    m->digit_timeout_s = DIGIT_TIMEOUT_S;
    m->max_digits = 1;
    m->barge_in = true;
    return m;
}

struct ivr_menu *ivr_menu_copy(const struct ivr_menu *m)
{
    struct ivr_menu *copy = xmalloc(sizeof *copy);
    *copy = *m;
    copy->name = xstrdup(m->name);
    copy->audio_file = xstrdup(m->audio_file);
    copy->language = xstrdup(m->language);
    copy->actions = xcalloc(m->action_count + 1, sizeof *copy->actions);
    for (size_t i = 0; i < m->action_count; i++) {
        copy->actions[i] = m->actions[i];
        copy->actions[i].value = xstrdup(m->actions[i].value);
    }
    return copy;
}

void ivr_menu_free(struct ivr_menu *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->action_count; i++)
        free(m->actions[i].value);
    free(m->actions);
    free(m->name);
    free(m->audio_file);
    free(m->language);
    free(m);
}

/* ---- Keys ---------------------------------------------------------------------------------- */

static bool key_fits(char pattern, char digit)
{
    switch (pattern) {
    case 'X':
        return digit >= '0' && digit <= '9';
    case 'Z':
        return digit >= '1' && digit <= '9';
    case 'N':
        return digit >= '2' && digit <= '9';
    default:
        return pattern == digit;
    }
}

enum fit { FITS_NOT, FITS_BEGINNING, FITS };

static enum fit fit_keys(const char *keys, const char *digits)
{
    size_t i = 0;
    keys += *keys == '_';
    for (; digits[i] && keys[i]; i++) {
        if (!key_fits(keys[i], digits[i]))
            return FITS_NOT;
    }
    if (digits[i])
        return FITS_NOT;
    return keys[i] ? FITS_BEGINNING : FITS;
}

const struct ivr_action *ivr_menu_match(const struct ivr_menu *m, const char *digits, bool *longer)
{
    const struct ivr_action *exact = NULL, *pattern = NULL;
    *longer = false;
    for (size_t i = 0; i < m->action_count; i++) {
        const struct ivr_action *a = &m->actions[i];
        enum fit fit = strchr("ti", a->keys[0]) ? FITS_NOT : fit_keys(a->keys, digits);
        const struct ivr_action **best = a->keys[0] == '_' ? &pattern : &exact;
        *longer |= fit == FITS_BEGINNING;
        if (fit == FITS && !*best)
            *best = a;
    }
    return exact ? exact : pattern;
}

const struct ivr_action *ivr_menu_special(const struct ivr_menu *m, char which)
{
    for (size_t i = 0; i < m->action_count; i++) {
        if (m->actions[i].keys[0] == which)
            return &m->actions[i];
    }
    return NULL;
}

/* ---- Books --------------------------------------------------------------------------------- */

struct ivr_book {
    unsigned users;
    struct ivr_menu **menus;
    size_t count;
};

struct ivr_book *ivr_book_new(void)
{
    struct ivr_book *b = xcalloc(1, sizeof *b);
    b->users = 1;
    return b;
}

struct ivr_book *ivr_book_ref(struct ivr_book *b)
{
    b->users++;
    return b;
}

void ivr_book_unref(struct ivr_book *b)
{
    if (!b || --b->users)
        return;
    for (size_t i = 0; i < b->count; i++)
        ivr_menu_free(b->menus[i]);
    free(b->menus);
    free(b);
}

bool ivr_book_add(struct ivr_book *b, struct ivr_menu *m)
{
    if (b->count == IVR_BOOK_MAX || ivr_book_find(b, m->id)) {
        ivr_menu_free(m);
        return false;
    }
    b->menus = xrealloc(b->menus, (b->count + 1) * sizeof *b->menus);
    b->menus[b->count++] = m;
    return true;
}

const struct ivr_menu *ivr_book_find(const struct ivr_book *b, int64_t id)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->menus[i]->id == id)
            return b->menus[i];
    }
    return NULL;
}

size_t ivr_book_count(const struct ivr_book *b)
{
    return b->count;
}

const struct ivr_menu *ivr_book_at(const struct ivr_book *b, size_t index)
{
    return index < b->count ? b->menus[index] : NULL;
}
