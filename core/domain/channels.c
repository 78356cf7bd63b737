/* channels.c - the channels of each backend, and which of them count; see channels.h. */
#include "domain/channels.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/phone.h"
#include "base/str.h"
#include "domain/channel_events.h"

#define AWAY_MAX_MS (5 * 60 * 1000) /* a server that is away for longer has lost its channels */
#define ENDED_MAX   10000           /* ends remembered while a list is on its way */

/* A backend that is followed. */
struct source {
    struct link link;
    struct channels *owner;
    struct instance *in;
    struct channel_source *index;
    struct map *channels; /* id -> struct channel */
    struct map *ended;    /* ids, since a list was asked for */
    struct loop_timer *away_timer;
    bool simulated;
    bool compared; /* since the link came up */
    bool listed;   /* once at least */
    bool asking;
};

struct channel {
    struct link link; /* in the order they came */
    struct source *source;
    uint64_t number;
    uint64_t seen;        /* the moment of the last word about it */
    struct dg_call *call; /* one block with all its texts */
    bool early;
    bool told;                   /* the bus knows of it */
    struct channel_entry *entry; /* NULL: it does not count */
};

struct channels {
    struct loop *loop;
    struct channel_index *index;
    struct link sources, order;
    struct source *active;
    struct bus *bus; /* NULL: nobody is told */
    uint64_t numbers;
    uint64_t moment; /* one more with each list that is asked for */
};

/* ---- Copies ----------------------------------------------------------------------------- */

#define TEXT(member) offsetof(struct dg_call, member)
static const size_t texts[] = {
    TEXT(id),          TEXT(name),          TEXT(endpoint),    TEXT(caller_number),
    TEXT(caller_name), TEXT(callee_number), TEXT(bridge),      TEXT(connected_number),
    TEXT(context),     TEXT(extension),     TEXT(application), TEXT(application_data),
    TEXT(account),
};
#undef TEXT
#define TEXTS (sizeof texts / sizeof *texts)

static const char **text_of(struct dg_call *call, size_t index)
{
    return (const char **)(void *)((char *)call + texts[index]);
}

/* A copy in one block. */
static struct dg_call *copy_of(const struct dg_call *from)
{
    struct dg_call head = *from;
    size_t sizes[TEXTS], total = sizeof head;
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text = *text_of(&head, i);
        sizes[i] = text ? strlen(text) + 1 : 0;
        total += sizes[i];
    }
    struct dg_call *copy = xmalloc(total);
    char *space = (char *)(copy + 1);
    *copy = head;
    for (size_t i = 0; i < TEXTS; i++) {
        if (!sizes[i])
            continue;
        memcpy(space, *text_of(&head, i), sizes[i]);
        *text_of(copy, i) = space;
        space += sizes[i];
    }
    return copy;
}

/* ---- What HTTP threads may see ------------------------------------------------------------ */

static bool is_complete(const struct channels *cs)
{
    if (!cs->active || !cs->active->compared)
        return false;
    for (const struct link *l = cs->sources.next; l != &cs->sources; l = l->next) {
        const struct source *s = list_item(l, struct source, link);
        if (!s->compared && !s->simulated && map_len(s->channels) > 0)
            return false;
    }
    return true;
}

/* Readers must never find nothing in an index that is called complete: it is called so last. */
static void show(struct channels *cs)
{
    bool complete = is_complete(cs);
    if (!complete)
        channel_index_complete(cs->index, false);
    for (struct link *l = cs->sources.next; l != &cs->sources; l = l->next) {
        struct source *s = list_item(l, struct source, link);
        channel_index_show(s->index, s->compared && (!s->simulated || s == cs->active));
    }
    if (complete)
        channel_index_complete(cs->index, true);
}

static void index_channel(struct channel *c)
{
    struct channel_index *x = c->source->owner->index;
    struct channel_number numbers[CHANNEL_NUMBERS_MAX];
    if (!channel_counts(c->call->state, c->early)) {
        channel_index_remove(x, c->entry);
        c->entry = NULL;
        return;
    }
    struct channel_facts facts = {.id = c->call->id,
                                  .up = c->call->state == DG_CHANNEL_UP,
                                  .started_ms = c->call->started_at_ms,
                                  .numbers = numbers,
                                  .number_count = channel_numbers(c->call, numbers)};
    c->entry = channel_index_put(x, c->source->index, &facts, c->entry);
}

/* ---- Channels ------------------------------------------------------------------------------- */

static struct channel *channel_new(struct source *s, const char *id)
{
    struct channels *cs = s->owner;
    struct channel *c = xcalloc(1, sizeof *c);
    const struct dg_call nothing = {DG_SIZED(struct dg_call), .id = id};
    c->source = s;
    c->number = ++cs->numbers;
    c->call = copy_of(&nothing);
    list_append(&cs->order, &c->link);
    map_set(s->channels, id, c);
    return c;
}

static void channel_free(struct channel *c)
{
    channel_index_remove(c->source->owner->index, c->entry);
    list_remove(&c->link);
    free(c->call);
    free(c);
}

static void free_value(void *value)
{
    channel_free(value);
}

static void change(struct channel *c, const struct dg_call *to)
{
    struct dg_call *copy = copy_of(to);
    free(c->call);
    c->call = copy;
    index_channel(c);
}

/* What a backend shows of a channel; what it does not know stays as it was. */
static void take_info(struct channel *c, const struct dg_call *info, int64_t at_ms)
{
    const struct dg_call *was = c->call;
    struct dg_call now = *info;
    now.id = was->id;
    if (now.state == DG_CHANNEL_UNKNOWN)
        now.state = was->state;
    if (was->started_at_ms)
        now.started_at_ms = was->started_at_ms;
    else if (!now.started_at_ms)
        now.started_at_ms = at_ms;
    if (!now.answered_at_ms)
        now.answered_at_ms = was->answered_at_ms;
    change(c, &now);
}

/* ---- Telling ----------------------------------------------------------------------------------
 */

static struct channel_view view_of(const struct channel *c)
{
    return (struct channel_view){.call = c->call,
                                 .in = c->source->in,
                                 .simulated = c->source->simulated,
                                 .early = c->early,
                                 .number = c->number};
}

static bool is_told(const struct channels *cs, const struct channel *c)
{
    if (!c->source->compared)
        return false;
    return c->source == cs->active || !cs->active || !map_get(cs->active->channels, c->call->id);
}

/* Whether the bus is told of it: what a stand-in plays is no channel of the PBX. */
static bool is_news(const struct channel *c)
{
    const struct source *s = c->source;
    const struct channels *cs = s->owner;
    return cs->bus && is_told(cs, c) && (!s->simulated || s == cs->active);
}

static void before_of(const struct channel *c, struct channel_before *out)
{
    struct channel_view view = view_of(c);
    channel_before(&view, out);
}

static void tell_change(struct channel *c, const struct channel_before *before)
{
    struct channel_view view = view_of(c);
    if (!is_news(c))
        return;
    if (c->told)
        channel_tell_changed(c->source->owner->bus, &view, before);
    else
        channel_tell_created(c->source->owner->bus, &view);
    c->told = true;
}

static void tell_end(struct channel *c, int cause)
{
    struct channel_view view = view_of(c);
    if (c->told && c->source->owner->bus)
        channel_tell_ended(c->source->owner->bus, &view, cause);
}

void channels_tell(struct channels *cs, struct bus *bus)
{
    cs->bus = bus;
}

/* ---- Backends ---------------------------------------------------------------------------------
 */

struct channels *channels_new(struct loop *loop, unsigned readers)
{
    struct channels *cs = xcalloc(1, sizeof *cs);
    cs->loop = loop;
    cs->index = channel_index_new(readers);
    list_init(&cs->sources);
    list_init(&cs->order);
    return cs;
}

static struct source *source_of(const struct channels *cs, const struct instance *in)
{
    for (const struct link *l = cs->sources.next; l != &cs->sources; l = l->next) {
        struct source *s = list_item(l, struct source, link);
        if (s->in == in)
            return s;
    }
    return NULL;
}

void channels_follow(struct channels *cs, struct instance *in, bool simulated)
{
    if (source_of(cs, in))
        return;
    struct source *s = xcalloc(1, sizeof *s);
    s->owner = cs;
    s->in = in;
    s->simulated = simulated;
    s->index = channel_index_source(cs->index);
    s->channels = map_new();
    s->ended = map_new();
    list_append(&cs->sources, &s->link);
}

void channels_use(struct channels *cs, struct instance *in)
{
    cs->active = source_of(cs, in);
    show(cs);
}

static void tell_gone(void *arg, const char *id, void *value)
{
    (void)arg;
    (void)id;
    tell_end(value, 0);
}

static void forget_all(struct source *s)
{
    map_each(s->channels, tell_gone, NULL);
    map_free(s->channels, free_value);
    s->channels = map_new();
}

static void source_free(struct source *s)
{
    loop_timer_stop(s->owner->loop, s->away_timer);
    map_free(s->channels, free_value);
    map_free(s->ended, NULL);
    list_remove(&s->link);
    free(s);
}

void channels_unfollow(struct channels *cs, struct instance *in)
{
    struct source *s = source_of(cs, in);
    if (!s)
        return;
    if (cs->active == s)
        cs->active = NULL;
    s->compared = false;
    show(cs);
    source_free(s);
    show(cs);
}

void channels_free(struct channels *cs)
{
    if (!cs)
        return;
    while (!list_empty(&cs->sources))
        source_free(list_item(cs->sources.next, struct source, link));
    channel_index_free(cs->index);
    free(cs);
}

/* ---- The link, and lists ------------------------------------------------------------------------
 */

static void on_away(void *arg)
{
    struct source *s = arg;
    s->away_timer = NULL;
    forget_all(s);
    show(s->owner);
}

void channels_link(struct channels *cs, struct instance *in, enum dg_link link)
{
    struct source *s = source_of(cs, in);
    if (!s)
        return;
    if (link == DG_LINK_UP) {
        loop_timer_stop(cs->loop, s->away_timer);
        s->away_timer = NULL;
        return;
    }
    if (!s->away_timer)
        s->away_timer = loop_timer(cs->loop, AWAY_MAX_MS, on_away, s);
    s->compared = false;
    show(cs);
}

static void forget_ends(struct source *s)
{
    map_free(s->ended, NULL);
    s->ended = map_new();
}

uint64_t channels_asked(struct channels *cs, struct instance *in)
{
    struct source *s = source_of(cs, in);
    if (s)
        s->asking = true;
    return ++cs->moment;
}

static void take_listed(struct source *s, const struct dg_call *shown)
{
    if (str_empty(shown->id) || map_get(s->ended, shown->id))
        return;
    struct channel *c = map_get(s->channels, shown->id);
    struct channel_before before;
    if (!c)
        c = channel_new(s, shown->id);
    c->seen = s->owner->moment;
    before_of(c, &before);
    take_info(c, shown, clock_unix_ms());
    if (s->listed)
        tell_change(c, &before);
    else
        c->told = is_news(c); /* it was there before */
}

struct sweep {
    struct source *source;
    uint64_t asked;
};

static void drop_unlisted(void *arg, const char *id, void *value)
{
    struct sweep *sweep = arg;
    struct channel *c = value;
    if (c->seen >= sweep->asked)
        return;
    map_del(sweep->source->channels, id);
    tell_end(c, 0);
    channel_free(c);
}

void channels_listed(struct channels *cs, struct instance *in, uint64_t asked,
                     const struct op_result *calls)
{
    struct source *s = source_of(cs, in);
    if (!s)
        return;
    s->compared = true;
    for (size_t i = 0; i < calls->count; i++)
        take_listed(s, calls->items[i]);
    struct sweep sweep = {s, asked};
    map_each(s->channels, drop_unlisted, &sweep);
    forget_ends(s);
    s->asking = false;
    s->listed = true;
    show(cs);
}

/* ---- Events
 * ----------------------------------------------------------------------------------------- */

static void on_end(struct source *s, const char *id, int cause)
{
    struct channel *c = map_del(s->channels, id);
    if (c) {
        tell_end(c, cause);
        channel_free(c);
    }
    if (!s->asking)
        return;
    if (map_len(s->ended) >= ENDED_MAX)
        forget_ends(s);
    map_set(s->ended, id, s);
}

static void on_state(struct channel *c, enum dg_channel_state state, int64_t at_ms)
{
    struct dg_call now = *c->call;
    if (now.state == state)
        return;
    now.state = state;
    now.state_since_ms = at_ms;
    if (state == DG_CHANNEL_UP && !now.answered_at_ms)
        now.answered_at_ms = at_ms;
    change(c, &now);
}

static void on_progress(struct channel *c)
{
    c->early = true;
    index_channel(c);
}

static void on_bridged(struct channel *c, const struct dg_event *ev)
{
    struct dg_call now = *c->call;
    if (ev->on)
        now.bridge = ev->bridge;
    else if (!ev->bridge || str_eq(now.bridge, ev->bridge))
        now.bridge = NULL;
    change(c, &now);
}

static void take_event(struct channel *c, const struct dg_event *ev)
{
    switch (ev->type) {
    case DG_CALL_STARTED:
    case DG_CALL_CHANGED:
        if (ev->info)
            take_info(c, ev->info, ev->at_ms);
        break;
    case DG_CALL_RINGING:
        on_state(c, DG_CHANNEL_RINGING, ev->at_ms);
        break;
    case DG_CALL_PROGRESS:
        on_progress(c);
        break;
    case DG_CALL_ANSWERED:
        on_state(c, DG_CHANNEL_UP, ev->at_ms);
        break;
    case DG_CALL_HELD:
        c->call->held = ev->on;
        break;
    case DG_CALL_MUTED:
        c->call->muted = ev->on;
        break;
    case DG_CALL_CONTROL:
        c->call->controlled = ev->on;
        break;
    case DG_CALL_BRIDGED:
        on_bridged(c, ev);
        break;
    default:
        break;
    }
}

void channels_event(struct channels *cs, struct instance *in, const struct dg_event *ev)
{
    struct source *s = ev->call ? source_of(cs, in) : NULL;
    if (!s)
        return;
    if (ev->type == DG_CALL_ENDED) {
        on_end(s, ev->call, ev->cause);
        return;
    }
    struct channel *c = map_get(s->channels, ev->call);
    if (!c && (ev->type == DG_CALL_STARTED || ev->type == DG_CALL_CHANGED))
        c = channel_new(s, ev->call);
    if (!c)
        return;
    struct channel_before before;
    c->seen = cs->moment;
    before_of(c, &before);
    take_event(c, ev);
    tell_change(c, &before);
}

/* ---- Asking
 * ----------------------------------------------------------------------------------------- */

enum channel_found channels_find(struct channels *cs, unsigned reader, const char *dialed,
                                 const char *caller, char id[DG_ID_MAX + 1])
{
    uint32_t key = phone_key(dialed);
    return key ? channel_index_find(cs->index, reader, key, phone_key(caller), id)
               : CHANNEL_NOT_FOUND;
}

static struct channel *named(const struct source *s, const char *id_or_name)
{
    struct channel *c = map_get(s->channels, id_or_name);
    const struct channels *cs = s->owner;
    for (const struct link *l = cs->order.next; !c && l != &cs->order; l = l->next) {
        struct channel *other = list_item(l, struct channel, link);
        if (other->source == s && str_eq(other->call->name, id_or_name))
            c = other;
    }
    return c;
}

/* The configured backend's word comes before that of others. */
static struct channel *look_up(const struct channels *cs, const char *id_or_name)
{
    struct channel *c = cs->active ? named(cs->active, id_or_name) : NULL;
    for (const struct link *l = cs->sources.next; !c && l != &cs->sources; l = l->next)
        c = named(list_item(l, struct source, link), id_or_name);
    return c;
}

enum channel_found channels_get(struct channels *cs, const char *id_or_name,
                                struct channel_view *out)
{
    struct channel *c = look_up(cs, id_or_name);
    if (c && c->source->compared) {
        *out = view_of(c);
        return CHANNEL_FOUND;
    }
    return is_complete(cs) ? CHANNEL_NOT_FOUND : CHANNEL_UNCERTAIN;
}

bool channels_list(struct channels *cs, struct channels_page *page, channels_fn *fn, void *arg)
{
    size_t skip = page->skip, left = page->limit;
    page->total = 0;
    page->more = false;
    if (!is_complete(cs))
        return false;
    for (struct link *l = cs->order.prev; l != &cs->order; l = l->prev) {
        const struct channel *c = list_item(l, struct channel, link);
        if (!is_told(cs, c))
            continue;
        page->total++;
        if (page->before && c->number >= page->before)
            continue;
        if (skip) {
            skip--;
        } else if (left) {
            struct channel_view view = view_of(c);
            fn(arg, &view);
            left--;
        } else {
            page->more = true;
        }
    }
    return true;
}

struct instance *channels_carrier(struct channels *cs, const char *id_or_name)
{
    struct channel *c = look_up(cs, id_or_name);
    if (c)
        return c->source->in;
    return cs->active ? cs->active->in : NULL;
}
