/* store_speed.c - a store alone, behind the core's plugin layer:
 *
 *     store_speed PLUGIN CONFIG creates|reads SECONDS CALLERS
 *     store_speed PLUGIN CONFIG bulk DOCUMENTS LIST
 *
 * creates: so many callers, each of which creates a document, waits until it is durable, and
 * creates the next. reads: the same with documents read by their id, of DOCUMENTS that are there.
 * bulk: documents in lists of so many. Prints documents per second. The collection is "things" of
 * the contract's suite, with the suffix "bbbb". */
#include "../contract/storage_suite.h"
#include "base/clock.h"
#include "base/id.h"

#define DOCUMENTS 10000 /* to read from */
#define FILLING   300

struct speed {
    struct rig *rig;
    const char *things;
    char filling[FILLING];
    bool reads;
    uint64_t end_us, done_count;
    unsigned running;
    bool done;
};

struct caller {
    struct speed *speed;
    char id[ID_SIZE];
    unsigned next;
};

static void ask(struct caller *c);

static void check(const struct op_result *res)
{
    if (res->err == DG_OK)
        return;
    fprintf(stderr, "%s\n", res->message);
    exit(1);
}

static int document(const struct speed *s, char *json, size_t size, unsigned long n)
{
    return snprintf(
        json, size,
        "{\"kind\":\"pending\",\"size\":%lu,\"open\":true,\"at\":%lu,\"filling\":\"%s\"}", n,
        1700000000000ul + n, s->filling);
}

static void on_answer(void *arg, const struct op_result *res)
{
    struct caller *c = arg;
    struct speed *s = c->speed;
    check(res);
    s->done_count++;
    s->running--;
    if (clock_us() < s->end_us)
        ask(c);
    else if (!s->running)
        rig_turn(s->rig, &s->done);
}

static void ask(struct caller *c)
{
    struct speed *s = c->speed;
    char json[FILLING + 128];
    s->running++;
    if (s->reads) {
        snprintf(c->id, sizeof(c->id), "doc-%06u", (c->next = c->next * 5 + 1) % DOCUMENTS);
        struct dg_key key = {.collection = s->things, .id = c->id};
        storage_get(rig_instance(s->rig), &key, on_answer, c);
        return;
    }
    id_uuid7(c->id);
    int len = document(s, json, sizeof(json), c->next++);
    struct dg_write w = {.collection = s->things,
                         .id = c->id,
                         .json = {json, (size_t)len},
                         .expect = DG_VERSION_NONE};
    storage_write(rig_instance(s->rig), &w, 1, on_answer, c);
}

static void begin(struct rig *r, void *arg)
{
    (void)r;
    for (struct caller *c = arg; c->speed; c++)
        ask(c);
}

/* ---- Lists -------------------------------------------------------------- */

/* Documents `first` and on, of which `count` make one write. */
static void write_list(struct speed *s, unsigned long first, unsigned long count)
{
    struct dg_write *list = calloc(count, sizeof(*list));
    char *text = malloc(count * (FILLING + 160)), *at = text;
    for (unsigned long i = 0; i < count; i++) {
        char *id = at;
        at += snprintf(at, 24, "doc-%06lu", first + i) + 1;
        int len = document(s, at, FILLING + 128, first + i);
        list[i] = (struct dg_write){.collection = s->things,
                                    .id = id,
                                    .json = {at, (size_t)len},
                                    .expect = DG_VERSION_NONE};
        at += len + 1;
    }
    struct answer *a = rig_write(s->rig, list, count);
    if (a->err != DG_OK) {
        fprintf(stderr, "%s\n", a->message);
        exit(1);
    }
    rig_forget(s->rig);
    free(text);
    free(list);
}

static double bulk(struct speed *s, unsigned long documents, unsigned long list)
{
    uint64_t began = clock_us();
    for (unsigned long i = 0; i < documents; i += list)
        write_list(s, i, list);
    return (double)documents * 1e6 / (double)(clock_us() - began);
}

static double repeat(struct speed *s, unsigned long seconds, unsigned long callers)
{
    struct caller *list = calloc(callers + 1, sizeof(*list));
    if (s->reads)
        write_list(s, 0, DOCUMENTS);
    for (unsigned long i = 0; i < callers; i++)
        list[i] = (struct caller){.speed = s, .next = (unsigned)i};
    uint64_t began = clock_us();
    s->end_us = began + seconds * 1000000;
    rig_on_loop(s->rig, begin, list);
    rig_wait_for(s->rig, &s->done);
    free(list);
    return (double)s->done_count * 1e6 / (double)(clock_us() - began);
}

int main(int argc, char **argv)
{
    char why[512];
    if (argc != 6) {
        fprintf(stderr, "usage: %s PLUGIN CONFIG creates|reads|bulk NUMBER NUMBER\n", argv[0]);
        return 2;
    }
    struct rig_config config = {.plugin = argv[1], .file = argv[2], .instance = "storage"};
    struct speed s = {.rig = rig_new(&config), .reads = strcmp(argv[3], "reads") == 0};
    if (!s.rig)
        return 1;
    rig_suffix(s.rig, "1111");
    if (!rig_open(s.rig, why, sizeof(why))) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    suite_declare(s.rig);
    struct rig *r = s.rig;
    s.things = THINGS;
    memset(s.filling, 'x', sizeof(s.filling) - 1);
    rig_change(r, &(struct dg_change){.collection = s.things});
    unsigned long first = strtoul(argv[4], NULL, 10), second = strtoul(argv[5], NULL, 10);
    printf("%.0f\n",
           strcmp(argv[3], "bulk") == 0 ? bulk(&s, first, second) : repeat(&s, first, second));
    rig_free(r);
    return 0;
}
