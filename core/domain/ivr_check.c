/* ivr_check.c - faults in menus; see ivr_check.h. */
#include "domain/ivr_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *name;
    bool error;
} faults[] = {
    [IVR_FAULT_GOTO] = {"unknown_goto", true},
    [IVR_FAULT_AUDIO] = {"missing_audio", true},
    [IVR_FAULT_SILENT] = {"no_audio", false},
    [IVR_FAULT_NO_KEYS] = {"no_keys", false},
    [IVR_FAULT_KEYS] = {"keys_too_long", true},
    [IVR_FAULT_SHADOWED] = {"never_invalid", false},
    [IVR_FAULT_UNREACHABLE] = {"unreachable", false},
    [IVR_FAULT_LOOP] = {"loop", false},
};

const char *ivr_fault_name(enum ivr_fault fault)
{
    return faults[fault].name;
}

/* ---- Findings ------------------------------------------------------------------------------ */

static void find(struct ivr_findings *out, enum ivr_fault fault, const struct ivr_menu *menu,
                 const struct ivr_action *action, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static void find(struct ivr_findings *out, enum ivr_fault fault, const struct ivr_menu *menu,
                 const struct ivr_action *action, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    out->list = xrealloc(out->list, (out->count + 1) * sizeof *out->list);
    out->list[out->count++] = (struct ivr_finding){.fault = fault,
                                                   .error = faults[fault].error,
                                                   .menu = menu->id,
                                                   .action = action,
                                                   .text = xstrdup(text)};
    out->errors |= faults[fault].error;
}

void ivr_findings_only(struct ivr_findings *f, const int64_t *menus, size_t count)
{
    size_t kept = 0;
    f->errors = false;
    for (size_t i = 0; i < f->count; i++) {
        bool wanted = false;
        for (size_t k = 0; k < count; k++)
            wanted |= f->list[i].menu == menus[k];
        if (!wanted) {
            free(f->list[i].text);
            continue;
        }
        f->errors |= f->list[i].error;
        f->list[kept++] = f->list[i];
    }
    f->count = kept;
}

void ivr_findings_clear(struct ivr_findings *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->list[i].text);
    free(f->list);
    *f = (struct ivr_findings){0};
}

void ivr_findings_write(const struct ivr_findings *f, struct json_writer *w, const char *key)
{
    jw_array(w, key);
    for (size_t i = 0; i < f->count; i++) {
        const struct ivr_finding *one = &f->list[i];
        jw_object(w, NULL);
        jw_int(w, "menu_id", one->menu);
        jw_str(w, "dtmf_digit", one->action ? one->action->keys : NULL);
        jw_str(w, "type", faults[one->fault].name);
        jw_str(w, "severity", one->error ? "error" : "warning");
        jw_str(w, "message", one->text);
        jw_end(w);
    }
    jw_end(w);
}

/* ---- A menu by itself ----------------------------------------------------------------------- */

static void check_sounds(const struct ivr_check *c, struct ivr_findings *out,
                         const struct ivr_menu *m, const struct ivr_action *a, const char *sounds)
{
    char one[IVR_TEXT_MAX + 1], file[IVR_TEXT_MAX + 1];
    for (size_t i = 0; c->has_file && i < ivr_sound_count(sounds); i++) {
        bool named = !strstr(sounds, IVR_DIGITS_MARK) && ivr_sound(sounds, i, "", one) &&
                     ivr_sound_file(one, file);
        if (!named || c->has_file(c->arg, m->language, file))
            continue;
        if (m->language)
            find(out, IVR_FAULT_AUDIO, m, a,
                 "There is no audio file %s in %s, nor for all languages", one, m->language);
        else
            find(out, IVR_FAULT_AUDIO, m, a, "There is no audio file %s", one);
    }
}

/* Whether every key leads somewhere, so that i never comes. */
static bool takes_every_key(const struct ivr_menu *m)
{
    char key[2] = "";
    bool longer = false;
    for (const char *k = "0123456789*#"; *k; k++) {
        key[0] = *k;
        if (!ivr_menu_match(m, key, &longer) || longer)
            return false;
    }
    return true;
}

static void check_action(const struct ivr_check *c, struct ivr_findings *out,
                         const struct ivr_menu *m, const struct ivr_action *a)
{
    size_t len = strlen(a->keys) - (a->keys[0] == '_');
    if (a->type == IVR_GOTO && !ivr_book_find(c->book, a->menu))
        find(out, IVR_FAULT_GOTO, m, a, "There is no menu %s", a->value);
    if (a->type == IVR_PLAYBACK)
        check_sounds(c, out, m, a, a->value);
    if (len > m->max_digits)
        find(out, IVR_FAULT_KEYS, m, a, "%s cannot be entered: max_digits is %u", a->keys,
             m->max_digits);
    if (a->keys[0] == 'i' && takes_every_key(m))
        find(out, IVR_FAULT_SHADOWED, m, a, "Every key has an action, so nothing is ever invalid");
}

static void check_menu(const struct ivr_check *c, struct ivr_findings *out,
                       const struct ivr_menu *m)
{
    bool keys = false;
    check_sounds(c, out, m, NULL, m->audio_file);
    for (size_t i = 0; i < m->action_count; i++) {
        check_action(c, out, m, &m->actions[i]);
        keys |= !strchr("ti", m->actions[i].keys[0]);
    }
    if (!*m->audio_file)
        find(out, IVR_FAULT_SILENT, m, NULL, "Nothing is heard in this menu: it has no audio_file");
    if (!keys)
        find(out, IVR_FAULT_NO_KEYS, m, NULL, "No key does anything in this menu");
}

/* ---- Ways between them ----------------------------------------------------------------------- */

struct map_of {
    const struct ivr_book *book;
    bool seen[IVR_BOOK_MAX];
    size_t todo[IVR_BOOK_MAX], todo_count;
};

static void reach(struct map_of *map, int64_t id)
{
    for (size_t i = 0; i < ivr_book_count(map->book); i++) {
        if (ivr_book_at(map->book, i)->id == id && !map->seen[i]) {
            map->seen[i] = true;
            map->todo[map->todo_count++] = i;
        }
    }
}

static void begin_with(struct map_of *map, const struct ivr_check *c)
{
    for (size_t i = 0; i < c->entry_count; i++)
        reach(map, c->entries[i]);
    if (!c->entry_count && ivr_book_count(c->book))
        reach(map, ivr_book_at(c->book, 0)->id);
}

static void check_reach(const struct ivr_check *c, struct ivr_findings *out)
{
    struct map_of *map = xcalloc(1, sizeof *map);
    map->book = c->book;
    begin_with(map, c);
    while (map->todo_count) {
        const struct ivr_menu *m = ivr_book_at(c->book, map->todo[--map->todo_count]);
        for (size_t k = 0; k < m->action_count; k++) {
            if (m->actions[k].type == IVR_GOTO)
                reach(map, m->actions[k].menu);
        }
    }
    for (size_t i = 0; i < ivr_book_count(c->book); i++) {
        if (!map->seen[i])
            find(out, IVR_FAULT_UNREACHABLE, ivr_book_at(c->book, i), NULL,
                 "No menu that calls begin with leads to this one");
    }
    free(map);
}

/* Where a caller gets who presses no key; NULL: the call ends, or somebody is rung. */
static const struct ivr_menu *without_keys(const struct ivr_book *book, const struct ivr_menu *m)
{
    const struct ivr_action *t = ivr_menu_special(m, 't');
    if (!t)
        return NULL;
    if (t->type == IVR_GOTO)
        return ivr_book_find(book, t->menu);
    return t->type != IVR_HANGUP && t->next == IVR_NEXT_MENU ? m : NULL;
}

/* Each loop once: at its menu with the smallest id. */
static void check_loop(const struct ivr_check *c, struct ivr_findings *out,
                       const struct ivr_menu *first)
{
    char way[200];
    size_t steps = 0, len = (size_t)snprintf(way, sizeof way, "%" PRId64, first->id);
    const struct ivr_menu *m = first;
    while ((m = without_keys(c->book, m)) && steps++ < ivr_book_count(c->book)) {
        if (m->id < first->id)
            return;
        if (len < sizeof way - 24)
            len += (size_t)snprintf(way + len, sizeof way - len, " -> %" PRId64, m->id);
        if (m != first)
            continue;
        find(out, IVR_FAULT_LOOP, first, ivr_menu_special(first, 't'),
             "Who presses no key goes round and round (%s), until the call is hung up", way);
        return;
    }
}

void ivr_check(const struct ivr_check *check, struct ivr_findings *out)
{
    *out = (struct ivr_findings){0};
    for (size_t i = 0; i < ivr_book_count(check->book); i++)
        check_menu(check, out, ivr_book_at(check->book, i));
    check_reach(check, out);
    for (size_t i = 0; i < ivr_book_count(check->book); i++)
        check_loop(check, out, ivr_book_at(check->book, i));
}
