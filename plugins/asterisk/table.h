/* table.h - a hash table by text, its entries embedded in what they are about. */
#ifndef ASTERISK_TABLE_H
#define ASTERISK_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* `key` must stay as it is while the entry is in a table; `owner` is what the entry is part of. */
struct entry {
    struct entry *next;
    uint64_t hash;
    const char *key;
    void *owner;
};

/* Start with {0}. */
struct table {
    struct entry **slots;
    size_t count, size;
    uint64_t seed;
};

void *table_find(const struct table *t, const char *key); /* the owner, or NULL */
void table_put(struct table *t, struct entry *e);         /* the key must not be there yet */
void table_take(struct table *t, struct entry *e);        /* out of the table; absent is fine */
/* Calls fn for every owner; fn may take out (and free) the one it is given. */
void table_each(struct table *t, void (*fn)(void *arg, void *owner), void *arg);
void table_free(struct table *t);

#endif
