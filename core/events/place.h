/* place.h - how far somebody has read the events of all gateways on the store: for
 * each of them the number of its last event.
 *
 * As text it is the id of an event, and behind it, with commas between, where the
 * other gateways were then: "gw1-1759320000000017,gw2-1759320000000003".
 */
#ifndef EVENTS_PLACE_H
#define EVENTS_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_NODES     32
#define PLACE_NODE_SIZE 72 /* of a name, with its end */
#define PLACE_TEXT_SIZE ((size_t)PLACE_NODES * (PLACE_NODE_SIZE + 21))

struct place {
    size_t count;
    struct place_node {
        char node[PLACE_NODE_SIZE];
        int64_t number;
    } at[PLACE_NODES];
};

/* false: it is none, and nothing is in it. */
bool place_parse(struct place *p, const char *text);
/* NULL: that gateway is not in it. */
int64_t *place_number(struct place *p, const char *node);
/* false: it is not in it, and there is no room for it. */
bool place_set(struct place *p, const char *node, int64_t number);
void place_forget(struct place *p, const char *node);
/* With `first` at the beginning. */
void place_text(const struct place *p, const char *first, char out[PLACE_TEXT_SIZE]);

#endif
