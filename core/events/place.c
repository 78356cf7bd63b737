/* place.c - see place.h. */
#include "events/place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int64_t *place_number(struct place *p, const char *node)
{
    for (size_t i = 0; i < p->count; i++)
        if (str_eq(p->at[i].node, node))
            return &p->at[i].number;
    return NULL;
}

bool place_set(struct place *p, const char *node, int64_t number)
{
    int64_t *known = place_number(p, node);
    if (known) {
        *known = number;
        return true;
    }
    if (p->count == PLACE_NODES || str_empty(node) || strlen(node) >= PLACE_NODE_SIZE)
        return false;
    struct place_node *n = &p->at[p->count++];
    snprintf(n->node, sizeof n->node, "%s", node);
    n->number = number;
    return true;
}

void place_forget(struct place *p, const char *node)
{
    for (size_t i = 0; i < p->count; i++)
        if (str_eq(p->at[i].node, node)) {
            p->at[i] = p->at[--p->count];
            return;
        }
}

/* One "<node>-<number>"; names may have a '-' in them. */
static bool parse_one(struct place *p, const char *text, size_t len)
{
    char one[PLACE_NODE_SIZE + 21];
    int64_t number;
    if (len >= sizeof one)
        return false;
    memcpy(one, text, len);
    one[len] = '\0';
    char *end = strrchr(one, '-');
    if (!end || !str_only(end + 1, "0123456789") || !str_to_int(end + 1, &number))
        return false;
    *end = '\0';
    return !place_number(p, one) && place_set(p, one, number);
}

bool place_parse(struct place *p, const char *text)
{
    p->count = 0;
    for (;; text++) {
        size_t len = strcspn(text, ",");
        if (!parse_one(p, text, len)) {
            p->count = 0;
            return false;
        }
        text += len;
        if (!*text)
            return true;
    }
}

static size_t put(const struct place_node *n, char *out, size_t at)
{
    int len = snprintf(out + at, PLACE_TEXT_SIZE - at, "%s%s-%" PRId64, at ? "," : "", n->node,
                       n->number);
    return at + (size_t)len;
}

void place_text(const struct place *p, const char *first, char out[PLACE_TEXT_SIZE])
{
    size_t at = 0;
    *out = '\0';
    for (size_t i = 0; i < p->count; i++)
        if (str_eq(p->at[i].node, first))
            at = put(&p->at[i], out, at);
    for (size_t i = 0; i < p->count; i++)
        if (!str_eq(p->at[i].node, first))
            at = put(&p->at[i], out, at);
}
