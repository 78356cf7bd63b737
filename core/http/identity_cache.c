/* identity_cache.c - see the header. */
#include "http/identity_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct entry {
    struct siphash_tag tag;
    uint64_t generation;
    struct known_until until;
    struct known *known; /* NULL: the entry is free */
};

struct identity_cache {
    size_t mask;
    struct entry entries[];
};

/* ---- Identities --------------------------------------------------------- */

static size_t text_size(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static const char *keep(char **space, const char *s)
{
    if (!s)
        return NULL;
    char *copy = *space;
    *space = stpcpy(copy, s) + 1;
    return copy;
}

struct known *known_new(const struct dg_identity *id)
{
    size_t size = sizeof(struct known) + id->scope_count * sizeof(char *);
    size += text_size(id->subject) + text_size(id->tenant) + text_size(id->role);
    for (size_t i = 0; i < id->scope_count; i++)
        size += text_size(id->scopes[i]);

    struct known *k = xcalloc(1, size);
    const char **scopes = (const char **)(k + 1);
    char *space = (char *)(scopes + id->scope_count);
    k->refs = 1;
    k->identity.subject = keep(&space, id->subject);
    k->identity.tenant = keep(&space, id->tenant);
    k->identity.role = keep(&space, id->role);
    for (size_t i = 0; i < id->scope_count; i++)
        scopes[i] = keep(&space, id->scopes[i]);
    k->identity.scopes = scopes;
    k->identity.scope_count = id->scope_count;
    return k;
}

void known_ref(struct known *k)
{
    k->refs++;
}

void known_unref(struct known *k)
{
    if (k && --k->refs == 0)
        free(k);
}

bool known_until(const struct dg_identity *id, uint64_t mono_ms, int64_t unix_ms,
                 struct known_until *out)
{
    uint64_t span = id->cache_ms;
    if (id->expires_at_ms) {
        if (id->expires_at_ms <= unix_ms)
            return false;
        uint64_t left = (uint64_t)(id->expires_at_ms - unix_ms);
        if (left < span)
            span = left;
    }
    if (!span)
        return false;
    if (span > INT64_MAX / 4)
        span = INT64_MAX / 4;
    *out = (struct known_until){mono_ms + span, unix_ms + (int64_t)span};
    return true;
}

/* ---- The cache ---------------------------------------------------------- */

struct identity_cache *identity_cache_new(size_t entries)
{
    size_t size = 1;
    while (size < entries)
        size *= 2;
    struct identity_cache *c = xcalloc(1, sizeof(*c) + size * sizeof(struct entry));
    c->mask = size - 1;
    return c;
}

void identity_cache_free(struct identity_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i <= c->mask; i++)
        known_unref(c->entries[i].known);
    free(c);
}

static void forget(struct entry *e)
{
    known_unref(e->known);
    e->known = NULL;
}

struct known *identity_cache_get(struct identity_cache *c, struct siphash_tag tag,
                                 uint64_t generation, uint64_t mono_ms, int64_t unix_ms)
{
    struct entry *e = &c->entries[tag.a & c->mask];
    if (!e->known || e->tag.a != tag.a || e->tag.b != tag.b)
        return NULL;
    if (e->generation == generation && mono_ms < e->until.mono_ms && unix_ms < e->until.unix_ms)
        return e->known;
    forget(e);
    return NULL;
}

void identity_cache_put(struct identity_cache *c, struct siphash_tag tag, uint64_t generation,
                        struct known_until until, struct known *k)
{
    struct entry *e = &c->entries[tag.a & c->mask];
    known_ref(k);
    forget(e);
    *e = (struct entry){tag, generation, until, k};
}
