/* snapshot.h - ARI's JSON objects as the structs of dialgate/backend.h. */
#ifndef ARI_SNAPSHOT_H
#define ARI_SNAPSHOT_H

#include <jansson.h>

#include "asterisk/legs.h"
#include "dialgate/backend.h"

/* Members by name; NULL when it is no object or has no such text. */
const char *json_text(const json_t *object, const char *key);
int json_number(const json_t *object, const char *key);

struct snapshot {
    struct dg_call call; /* texts are lent by the JSON object, the leg and this struct */
    char endpoint[256], callee[DG_ID_MAX + 1];
};

/* `leg` may be NULL. */
void snapshot_read(struct snapshot *s, const json_t *channel, const struct leg *leg);
enum dg_channel_state snapshot_state(const json_t *channel);
enum dg_direction snapshot_direction(const json_t *channel);
/* What of it the core would want to be told again when it changes. */
uint64_t snapshot_hash(const struct snapshot *s);

/* The number in a dial string: "7900486" of "7900486@trunk". */
void snapshot_callee(char *out, size_t size, const char *dialstring);

#endif
