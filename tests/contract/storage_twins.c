/* storage_twins.c - two stores are asked the same, and must answer the same:
 *
 *     storage_twins PLUGIN CONFIG PLUGIN CONFIG [SEED [REQUESTS]]
 *
 * Random requests, the same for the same seed; every answer is compared, documents byte for
 * byte, and in the end all that is there. */
#include <unistd.h>

#include "loop/loop.h"
#include "storage_random.h"

#define REQUESTS 10000

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_docs(const struct answer *a, const struct answer *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct dg_doc *x = &a->docs[i], *y = &b->docs[i];
        if (!same_text(x->id, y->id) || x->version != y->version || x->json.len != y->json.len ||
            memcmp(x->json.ptr, y->json.ptr, x->json.len) != 0)
            return false;
    }
    return true;
}

static bool same_rows(const struct answer *a, const struct answer *b, bool sum)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct dg_tally_row *x = &a->rows[i], *y = &b->rows[i];
        if (!same_text(x->value, y->value) || x->count != y->count ||
            (sum && x->sums[0] != y->sums[0]))
            return false;
    }
    return true;
}

static bool same_ids(const struct answer *a, const struct answer *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!same_text(a->ids[i], b->ids[i]))
            return false;
    }
    return true;
}

static bool same(const struct request *r, const struct answer *a, const struct answer *b)
{
    if (a->err != b->err || a->count != b->count || a->changed != b->changed)
        return false;
    if (r->kind == REQUEST_WRITE)
        return same_ids(a, b);
    return r->kind == REQUEST_TALLY ? same_rows(a, b, r->sum != NULL) : same_docs(a, b);
}

static void show(const char *which, const struct request *r, const struct answer *a)
{
    fprintf(stderr, "%s: %s %s, %zu items, %llu changed\n", which, err_name(a->err), a->message,
            a->count, (unsigned long long)a->changed);
    for (size_t i = 0; i < a->count && i < 50; i++) {
        if (r->kind == REQUEST_WRITE)
            fprintf(stderr, "  %s\n", a->ids[i]);
        else if (r->kind == REQUEST_TALLY)
            fprintf(stderr, "  %s: %llu, %lld\n", a->rows[i].value ? a->rows[i].value : "-",
                    (unsigned long long)a->rows[i].count,
                    (long long)(r->sum ? a->rows[i].sums[0] : 0));
        else
            fprintf(stderr, "  %s v%llu %.*s\n", a->docs[i].id,
                    (unsigned long long)a->docs[i].version, (int)a->docs[i].json.len,
                    a->docs[i].json.ptr);
    }
}

struct tallies {
    unsigned good, refused;
    uint64_t items;
};

static bool ask_both(struct rig *const rigs[2], const struct request *r, struct tallies *t)
{
    struct answer *a = request_ask(r, rigs[0]), *b = request_ask(r, rigs[1]);
    bool ok = same(r, a, b);
    if (!ok) {
        request_print(r, stderr);
        show("first", r, a);
        show("second", r, b);
    }
    t->good += a->err == DG_OK;
    t->refused += a->err != DG_OK;
    t->items += a->count;
    rig_forget(rigs[0]);
    rig_forget(rigs[1]);
    return ok;
}

static bool compare_all(struct rig *const rigs[2], struct tallies *t)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < SUITE_COLLECTIONS; i++)
        ok = ask_both(rigs, &(struct request){.kind = REQUEST_QUERY, .collection = i, .id = ""}, t);
    return ok;
}

static bool run(struct rig *const rigs[2], uint64_t seed, unsigned long requests)
{
    static struct request r;
    struct dice dice = {.state = seed};
    struct tallies t = {0};
    bool ok = true;
    for (unsigned long i = 0; ok && i < requests; i++) {
        request_roll(&r, &dice);
        ok = ask_both(rigs, &r, &t);
        if (!ok)
            fprintf(stderr, "request %lu of seed %llu\n", i, (unsigned long long)seed);
    }
    arena_free(r.arena);
    ok = ok && compare_all(rigs, &t);
    printf("%s: seed %llu, %lu requests: %u done, %u refused, %llu items\n",
           ok ? "the same" : "DIFFERENT", (unsigned long long)seed, requests, t.good, t.refused,
           (unsigned long long)t.items);
    /* A run that is mostly refused, or finds nothing, compares little. */
    return ok && t.good > requests / 3 && t.refused > requests / 100 && t.items > requests;
}

static struct rig *open_one(const char *plugin, const char *file)
{
    char why[512], run[16];
    struct rig_config config = {.plugin = plugin, .file = file, .instance = "storage"};
    struct rig *r = rig_new(&config);
    if (!r)
        return NULL;
    snprintf(run, sizeof(run), "%ld", (long)getpid()); /* one of them may hold other things */
    rig_suffix(r, run);
    if (rig_open(r, why, sizeof(why))) {
        suite_declare(r);
        return r;
    }
    fprintf(stderr, "%s: %s\n", plugin, why);
    rig_free(r);
    return NULL;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/storage-twins-XXXXXX", file[64];
    if (argc < 5 || argc > 7 || !mkdtemp(folder)) {
        fprintf(stderr, "usage: %s PLUGIN CONFIG PLUGIN CONFIG [SEED [REQUESTS]]\n", argv[0]);
        return 2;
    }
    setenv("CONTRACT_DIR", folder, 1);
    struct rig *rigs[2] = {open_one(argv[1], argv[2]), open_one(argv[3], argv[4])};
    uint64_t seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
    unsigned long requests = argc > 6 ? strtoul(argv[6], NULL, 10) : REQUESTS;
    bool ok = rigs[0] && rigs[1] && run(rigs, seed, requests);
    for (size_t i = 0; i < 2; i++) {
        if (rigs[i])
            rig_free(rigs[i]);
    }
    loop_end_workers();
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < COUNT(ends); i++) {
        snprintf(file, sizeof(file), "%s/contract.db%s", folder, ends[i]);
        unlink(file);
    }
    rmdir(folder);
    return ok ? 0 : 1;
}
