/* storage_takers.c - the contract: of several gateways on one store, no two take the same.
 *
 * Each taker is an instance of its own, with connections and a loop of its own. All open and
 * declare at the same moment, too, as gateways do that are started together. A store that only
 * one gateway may have open cannot be asked this. */
#include <pthread.h>

#include "storage_suite.h"

#define TAKERS_MAX 16
#define DOCUMENTS  1200
#define EACH       7 /* documents in a take */
#define AT_ONCE    4 /* takes of one taker under way */

struct taker {
    struct rig *rig;
    pthread_t thread;
    pthread_barrier_t *start;
    unsigned taken[DOCUMENTS]; /* how often, by this one */
    unsigned total;
    char why[512]; /* it could not be done */
};

/* cmocka's assertions are for the test's own thread. */
static void note_fault(struct taker *t, const char *why)
{
    if (!*t->why)
        snprintf(t->why, sizeof(t->why), "%s", why);
}

static void note_taken(struct taker *t, const struct answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        int64_t which = suite_member(&a->docs[i], "tries");
        if (which < 0 || which >= DOCUMENTS || a->docs[i].version != 2)
            note_fault(t, "what was taken is not what was written");
        else
            t->taken[which]++;
    }
    t->total += (unsigned)a->count;
}

/* False: there is nothing left for it. */
static bool take_some(struct taker *t, const struct dg_take *take)
{
    struct answer *all[AT_ONCE];
    size_t count = 0;
    for (size_t i = 0; i < AT_ONCE; i++)
        all[i] = rig_take_start(t->rig, take);
    for (size_t i = 0; i < AT_ONCE; i++) {
        rig_wait(t->rig, all[i]);
        if (all[i]->err != DG_OK)
            note_fault(t, all[i]->message);
        note_taken(t, all[i]);
        count += all[i]->count;
    }
    rig_forget(t->rig);
    return count > 0 && !*t->why;
}

static void *taker_main(void *arg)
{
    static const char set[] = "{\"state\":\"taken\"}";
    struct taker *t = arg;
    struct rig *r = t->rig;
    struct dg_where where = {.field = "state", .compare = DG_EQ, .value = "ready"};
    struct dg_take take = {.from = {.collection = NUMBERED,
                                    .where = &where,
                                    .where_count = 1,
                                    .order_by = "due",
                                    .limit = EACH},
                           .set = {set, sizeof(set) - 1}};
    char why[400];
    pthread_barrier_wait(t->start);
    if (rig_open(r, why, sizeof(why)))
        suite_declare(r);
    else
        note_fault(t, why);
    pthread_barrier_wait(t->start); /* all have declared; what is to be taken is written */
    pthread_barrier_wait(t->start);
    while (!*t->why && take_some(t, &take))
        ;
    return NULL;
}

static void write_documents(struct rig *r)
{
    static struct dg_write list[DOCUMENTS];
    static char docs[DOCUMENTS][64];
    for (int i = 0; i < DOCUMENTS; i++) {
        snprintf(docs[i], sizeof(docs[i]), "{\"state\":\"ready\",\"due\":%d,\"tries\":%d}",
                 i * 7919 % DOCUMENTS, i);
        list[i] = suite_write(NUMBERED, NULL, docs[i], DG_VERSION_ANY);
    }
    assert_ok(rig_write(r, list, DOCUMENTS));
}

static void assert_each_once(const struct taker *takers, unsigned count)
{
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        unsigned times = 0;
        for (unsigned t = 0; t < count; t++)
            times += takers[t].taken[i];
        if (times != 1)
            fail_msg("document %u was taken %u times", i, times);
    }
    for (unsigned t = 0; t < count; t++)
        print_message("gateway %u took %u\n", t + 1, takers[t].total);
}

void storage_takers(struct rig *r, const struct rig_config *config, unsigned count)
{
    static struct taker takers[TAKERS_MAX];
    pthread_barrier_t start;
    assert_in_range(count, 2, TAKERS_MAX);
    assert_int_equal(pthread_barrier_init(&start, NULL, count + 1), 0);
    for (unsigned i = 0; i < count; i++) {
        takers[i] = (struct taker){.rig = i ? rig_new(config) : r, .start = &start};
        assert_non_null(takers[i].rig);
        rig_suffix(takers[i].rig, getenv("CONTRACT_RUN"));
        assert_int_equal(pthread_create(&takers[i].thread, NULL, taker_main, &takers[i]), 0);
    }
    pthread_barrier_wait(&start);
    pthread_barrier_wait(&start);
    bool opened = true;
    for (unsigned i = 0; i < count; i++)
        opened = opened && !*takers[i].why;
    if (opened)
        write_documents(r);
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < count; i++)
        pthread_join(takers[i].thread, NULL);
    pthread_barrier_destroy(&start);
    for (unsigned i = 0; i < count; i++) {
        if (*takers[i].why)
            fail_msg("gateway %u: %s", i + 1, takers[i].why);
    }
    assert_each_once(takers, count);
    for (unsigned i = 1; i < count; i++)
        rig_free(takers[i].rig);
}
