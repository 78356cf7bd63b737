/* call_plan.c - see call_plan.h. */
#include "domain/call_plan.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

#define NUMBER(name, member, min, max, help, example)                                              \
    {#name, offsetof(struct dg_detect, member), min, max},
const struct plan_number plan_numbers[] = {PLAN_NUMBERS(NUMBER){0}};

static const char *const machines[] = {[PLAN_MACHINE_CONTINUE] = "continue",
                                       [PLAN_MACHINE_HANGUP] = "hangup",
                                       [PLAN_MACHINE_MESSAGE] = "message"};

uint32_t *plan_number(struct dg_detect *amd, const struct plan_number *which)
{
    return (uint32_t *)(void *)((char *)amd + which->at);
}

bool plan_machine_parse(const char *name, enum plan_machine *out)
{
    for (size_t i = 0; name && i < PLAN_MACHINES; i++) {
        if (str_eq(name, machines[i])) {
            *out = (enum plan_machine)i;
            return true;
        }
    }
    return false;
}

struct call_plan *call_plan_new(void)
{
    struct call_plan *p = xcalloc(1, sizeof *p);
    p->repeat = 1;
    return p;
}

struct call_plan *call_plan_copy(const struct call_plan *p)
{
    if (!p)
        return NULL;
    struct call_plan *copy = xcalloc(1, sizeof *copy);
    *copy = *p;
    copy->audio = xstrdup(p->audio);
    copy->language = xstrdup(p->language);
    copy->machine_message = xstrdup(p->machine_message);
    return copy;
}

void call_plan_free(struct call_plan *p)
{
    if (!p)
        return;
    free(p->audio);
    free(p->language);
    free(p->machine_message);
    free(p);
}

static void write_amd(const struct call_plan *p, struct json_writer *w)
{
    struct dg_detect amd = p->amd;
    jw_object(w, "amd");
    for (const struct plan_number *n = plan_numbers; n->name; n++) {
        if (*plan_number(&amd, n))
            jw_int(w, n->name, *plan_number(&amd, n));
    }
    jw_end(w);
    jw_str(w, "on_machine", machines[p->on_machine]);
    if (p->machine_message)
        jw_str(w, "machine_message", p->machine_message);
}

void call_plan_write(const struct call_plan *p, struct json_writer *w, const char *key)
{
    jw_object(w, key);
    if (p->audio)
        jw_str(w, "audio", p->audio);
    jw_int(w, "repeat", p->repeat);
    if (p->language)
        jw_str(w, "language", p->language);
    if (p->detect)
        write_amd(p, w);
    jw_end(w);
}

static void read_amd(struct call_plan *p, const json_t *amd)
{
    p->detect = json_is_object(amd);
    for (const struct plan_number *n = plan_numbers; n->name; n++) {
        int64_t value = json_get_int(amd, n->name, 0);
        *plan_number(&p->amd, n) = value >= n->min && value <= n->max ? (uint32_t)value : 0;
    }
}

struct call_plan *call_plan_read(const json_t *doc)
{
    if (!json_is_object(doc))
        return NULL;
    struct call_plan *p = call_plan_new();
    int64_t repeat = json_get_int(doc, "repeat", 1);
    p->audio = xstrdup(json_get_str(doc, "audio"));
    p->repeat = repeat >= 1 && repeat <= PLAN_REPEAT_MAX ? (unsigned)repeat : 1;
    p->language = xstrdup(json_get_str(doc, "language"));
    p->machine_message = xstrdup(json_get_str(doc, "machine_message"));
    plan_machine_parse(json_get_str(doc, "on_machine"), &p->on_machine);
    read_amd(p, json_object_get(doc, "amd"));
    return p;
}
