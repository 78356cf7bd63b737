/* snapshot.h - ARI's JSON objects as the structs of dialgate/backend.h. */
#ifndef ARI_SNAPSHOT_H
#define ARI_SNAPSHOT_H

#include <jansson.h>

#include "asterisk/life.h"
#include "dialgate/backend.h"

/* Members by name; NULL when it is no object or has no such text. */
const char *json_text(const json_t *object, const char *key);
int json_number(const json_t *object, const char *key);

struct snapshot {
    struct dg_call call; /* texts are lent by the JSON object and this struct */
    char endpoint[256], callee[DG_ID_MAX + 1];
};

/* The channel as the event shows it, without what is kept in its leg (life_complete). */
void snapshot_read(struct snapshot *s, const json_t *channel);

#endif
