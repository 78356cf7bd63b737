/* map.h - text keys to pointers: a hash table under a random key (SipHash), so
 * that nobody outside can choose colliding keys. One thread at a time. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;
typedef void map_fn(void *arg, const char *key, void *value);

struct map *map_new(void);
void map_free(struct map *m, void (*free_value)(void *value)); /* NULL map, NULL fn: fine */
void *map_get(const struct map *m, const char *key);           /* NULL: not there */
/* The key is copied. map_set and map_del return the old value. */
void *map_set(struct map *m, const char *key, void *value);
void *map_del(struct map *m, const char *key);
size_t map_len(const struct map *m);
/* In no order. `fn` may delete the entry it was given, nothing else. */
void map_each(struct map *m, map_fn *fn, void *arg);

#endif
