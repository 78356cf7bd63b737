/* marks.h - how gateways on one store notice what another of them has changed.
 * [loop thread]
 *
 * A mark is a document whose version rises with each change of what
 * it stands for, in the same write. Each gateway looks at all of them twice a
 * second and when it is told to, and reads anew what they stand for. No clocks
 * are compared, and a look that fails or comes late misses nothing: the next
 * one sees a higher version.
 */
#ifndef DATA_MARKS_H
#define DATA_MARKS_H

#include "data/store.h"
#include "loop/loop.h"

#define MARK_USERS  "users"  /* any user, added, changed or deleted */
#define MARK_TOKENS "tokens" /* a token that was good is not any more */

#define MARKS_EVERY_MS 500

/* Adds the rise of a mark to a batch. `expect` as in dialgate/storage.h: a version makes the batch
 * fail if there was another change since then. */
void mark_add(struct store_batch *b, const char *mark, uint64_t expect);
/* A batch of that alone. */
void mark_raise(struct store *s, const char *mark, op_fn *fn, void *arg);

struct marks;

struct marks *marks_new(struct loop *loop, struct store *store, uint64_t every_ms);
/* Waits for the look that is under way, then calls `fn`; before store_free. */
void marks_close(struct marks *m, dg_fn *fn, void *arg);
/* `fn` is called when the mark has risen, changes of this gateway included, and once at the
 * beginning if there ever was one. Before the loop turns. */
void marks_watch(struct marks *m, const char *mark, dg_fn *fn, void *arg);
void marks_look(struct marks *m); /* now */
/* What the mark stands for could not be read: `fn` is called again at the next look. */
void marks_again(struct marks *m, const char *mark);

#endif
