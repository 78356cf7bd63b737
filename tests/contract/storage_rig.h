/* storage_rig.h - a store under test: any plugin, opened by the core's own
 * plugin layer on a loop of its own thread, asked from the test's thread. */
#ifndef TESTS_STORAGE_RIG_H
#define TESTS_STORAGE_RIG_H

#include "base/mem.h"
#include "plug/storage.h"

struct rig;

struct rig_config {
    const char *plugin;   /* path of the .so */
    const char *file;     /* configuration, TOML */
    const char *instance; /* its table: "storage", "a.b" */
};

/* NULL: said on stderr why. */
struct rig *rig_new(const struct rig_config *config);
void rig_free(struct rig *r);

/* An instance: opened until its link is up or down, closed until it is gone.
 * False: it could not be opened, or is not up; `why` says it. */
bool rig_open(struct rig *r, char *why, size_t size);
void rig_close(struct rig *r);
struct instance *rig_instance(struct rig *r);

/* "things" -> "things_kqwzpa": the same for one run, so that a store that is
 * used again does not know the names yet. Lives as long as the rig. */
const char *rig_name(struct rig *r, const char *name);
void rig_suffix(struct rig *r, const char *digits); /* instead of a random one */

/* What an op said. Lives until rig_forget. */
struct answer {
    enum dg_err err;
    const char *message;
    size_t count;
    struct dg_doc *docs;
    const char **ids;
    struct dg_tally_row *rows;
    uint64_t changed;
    bool done;
};

/* Ask and wait. */
struct answer *rig_declare(struct rig *r, const struct dg_collection *list, size_t count);
struct answer *rig_get(struct rig *r, const char *collection, const char *id);
struct answer *rig_query(struct rig *r, const struct dg_query *q);
struct answer *rig_write(struct rig *r, const struct dg_write *list, size_t count);
struct answer *rig_change(struct rig *r, const struct dg_change *c);
struct answer *rig_take(struct rig *r, const struct dg_take *t);
struct answer *rig_tally(struct rig *r, const struct dg_tally *t);

/* Ask only: several may be under way, begun in the order of the calls. */
struct answer *rig_write_start(struct rig *r, const struct dg_write *list, size_t count);
struct answer *rig_change_start(struct rig *r, const struct dg_change *c);
struct answer *rig_take_start(struct rig *r, const struct dg_take *t);
struct answer *rig_query_start(struct rig *r, const struct dg_query *q);
struct answer *rig_wait(struct rig *r, struct answer *a);

/* For work on the loop's own thread: runs `fn` there; then waits for a flag that
 * the loop's thread sets with rig_turn. */
void rig_on_loop(struct rig *r, void (*fn)(struct rig *r, void *arg), void *arg);
void rig_turn(struct rig *r, bool *flag);
void rig_wait_for(struct rig *r, const bool *flag);

/* Frees all answers; none may be under way. */
void rig_forget(struct rig *r);

#endif
