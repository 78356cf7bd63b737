/* ivr_counts.c - statistics of a menu; see ivr_counts.h. */
#include "domain/ivr_counts.h"

#include <stddef.h>
#include <string.h>

#include "base/str.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const struct {
    const char *name;
    size_t at;
} members[] = {
    {"entries", offsetof(struct ivr_counts, entries)},
    {"repeats", offsetof(struct ivr_counts, repeats)},
    {"choices", offsetof(struct ivr_counts, choices)},
    {"timeouts", offsetof(struct ivr_counts, timeouts)},
    {"invalid", offsetof(struct ivr_counts, invalid)},
    {"joined", offsetof(struct ivr_counts, joined)},
    {"unreached", offsetof(struct ivr_counts, unreached)},
    {"recorded", offsetof(struct ivr_counts, recorded)},
    {"left", offsetof(struct ivr_counts, left)},
};

static uint64_t *member(struct ivr_counts *c, size_t index)
{
    return (uint64_t *)(void *)((char *)c + members[index].at);
}

static void add_keys(struct ivr_counts *c, const char *keys, uint64_t times)
{
    size_t i = 0;
    while (i < c->key_count && !str_eq(c->by_keys[i].keys, keys))
        i++;
    if (i == COUNT(c->by_keys) || strlen(keys) >= sizeof c->by_keys[i].keys)
        return;
    if (i == c->key_count) {
        memcpy(c->by_keys[i].keys, keys, strlen(keys) + 1);
        c->by_keys[i].times = 0;
        c->key_count++;
    }
    c->by_keys[i].times += times;
}

static void add_mark(struct ivr_counts *c, const struct ivr_mark *m, bool caller_left)
{
    c->entries += m->type == IVR_MARK_MENU;
    c->repeats += m->type == IVR_MARK_REPEAT;
    c->timeouts += m->type == IVR_MARK_TIMEOUT;
    c->invalid += m->type == IVR_MARK_INVALID;
    c->joined += m->type == IVR_MARK_JOINED;
    c->unreached += m->type == IVR_MARK_UNREACHED;
    c->recorded += m->type == IVR_MARK_RECORDED && m->text;
    c->left += m->type == IVR_MARK_END && caller_left;
    if (m->type == IVR_MARK_CHOICE) {
        c->choices++;
        add_keys(c, m->action->keys, 1);
    }
}

void ivr_counts_add_session(struct ivr_counts *c, const struct ivr_session *s, int64_t menu)
{
    bool left = str_eq(s->reason, "caller");
    for (size_t i = 0; i < s->path_count; i++) {
        if (s->path[i].menu == menu)
            add_mark(c, &s->path[i], left);
    }
}

void ivr_counts_add(struct ivr_counts *c, const struct ivr_counts *more)
{
    struct ivr_counts other = *more;
    for (size_t i = 0; i < COUNT(members); i++)
        *member(c, i) += *member(&other, i);
    for (size_t i = 0; i < more->key_count; i++)
        add_keys(c, more->by_keys[i].keys, more->by_keys[i].times);
}

void ivr_counts_members(const struct ivr_counts *c, struct json_writer *w)
{
    struct ivr_counts copy = *c;
    for (size_t i = 0; i < COUNT(members); i++)
        jw_int(w, members[i].name, (int64_t)*member(&copy, i));
    jw_object(w, "by_digit");
    for (size_t i = 0; i < c->key_count; i++)
        jw_int(w, c->by_keys[i].keys, (int64_t)c->by_keys[i].times);
    jw_end(w);
}

void ivr_counts_write(const struct ivr_counts *c, struct json_writer *w)
{
    jw_object(w, NULL);
    ivr_counts_members(c, w);
    jw_end(w);
}

void ivr_counts_read(struct ivr_counts *c, const json_t *doc)
{
    const char *keys;
    json_t *times;
    *c = (struct ivr_counts){0};
    for (size_t i = 0; i < COUNT(members); i++) {
        int64_t value = json_get_int(doc, members[i].name, 0);
        *member(c, i) = value > 0 ? (uint64_t)value : 0;
    }
    json_object_foreach(json_object_get(doc, "by_digit"), keys, times)
    {
        if (json_integer_value(times) > 0)
            add_keys(c, keys, (uint64_t)json_integer_value(times));
    }
}
