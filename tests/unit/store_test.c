/* store_test.c - the store over an instance that does as it is told: fails,
 * keeps silent, comes and goes. What must not be lost is not. */
#include "memory_store.h"

/* ---- A plugin on a string ----------------------------------------------- */

#define SILENT_MAX 32

struct puppet {
    const struct dg_host *host;
    enum dg_err declare_err, write_err;
    bool silent; /* leaves writes open */
    struct dg_op *open[SILENT_MAX];
    size_t open_count;
    unsigned declares, writes;
    char written[4096]; /* "calls/a={} cdr/a={};" per write that went well */
    const char *doc;    /* what get and query yield; NULL: nothing */
};

static void puppet_end(struct puppet *p, struct dg_op *op, enum dg_err err)
{
    if (err != DG_OK)
        (p->host->fail)(op, err, "as the test wants it");
    else
        p->host->done(op);
}

static void puppet_declare(void *self, const struct dg_collection *list, size_t count,
                           struct dg_op *op)
{
    struct puppet *p = self;
    assert_ptr_equal(list, collections);
    assert_int_equal(count, collection_count);
    p->declares++;
    puppet_end(p, op, p->declare_err);
}

static void puppet_yield(struct puppet *p, struct dg_op *op, bool must_be)
{
    const struct dg_doc doc = {
        DG_SIZED(struct dg_doc), "a", 3, {p->doc, p->doc ? strlen(p->doc) : 0}};
    if (p->doc)
        p->host->item(op, &doc);
    puppet_end(p, op, p->doc || !must_be ? DG_OK : DG_ENOTFOUND);
}

static void puppet_get(void *self, const struct dg_key *key, struct dg_op *op)
{
    (void)key;
    puppet_yield(self, op, true);
}

static void puppet_query(void *self, const struct dg_query *query, struct dg_op *op)
{
    assert_string_equal(query->where[0].field, "username");
    assert_int_equal(query->limit, 1);
    puppet_yield(self, op, false);
}

static void puppet_write(void *self, const struct dg_write *list, size_t count, struct dg_op *op)
{
    struct puppet *p = self;
    p->writes++;
    if (p->silent) {
        assert_true(p->open_count < SILENT_MAX);
        p->open[p->open_count++] = op;
        return;
    }
    for (size_t i = 0; p->write_err == DG_OK && i < count; i++) {
        size_t len = strlen(p->written);
        snprintf(p->written + len, sizeof(p->written) - len, "%s/%s=%.*s%s", list[i].collection,
                 list[i].id, (int)list[i].json.len, list[i].json.ptr ? list[i].json.ptr : "",
                 i + 1 < count ? " " : ";");
        p->host->item(op, list[i].id);
    }
    puppet_end(p, op, p->write_err);
}

static enum dg_link first_link = DG_LINK_UP;
static struct puppet *newest;

static enum dg_err puppet_open(const struct dg_host *h, void **self)
{
    newest = xcalloc(1, sizeof(*newest));
    newest->host = h;
    *self = newest;
    h->link(h, first_link, "of the test");
    return DG_OK;
}

static void puppet_close(void *self, struct dg_op *op)
{
    struct puppet *p = self;
    const struct dg_host *h = p->host;
    free(p);
    h->done(op);
}

static const struct dg_storage puppet_table = {
    DG_SIZED(struct dg_storage), .declare = puppet_declare, .get = puppet_get,
    .query = puppet_query,       .write = puppet_write,     .change = memory_change,
    .take = memory_take,         .tally = memory_tally,
};

static const struct dg_plugin puppet_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .abi_minor = DG_ABI_MINOR,
    .name = "puppet",
    .version = "1",
    .summary = "a store on a string",
    .config = memory_keys,
    .storage = &puppet_table,
    .open = puppet_open,
    .close = puppet_close,
};

static struct world *start(enum dg_link link, size_t max_kept)
{
    struct world *w = xcalloc(1, sizeof(*w));
    static const char *const folders[] = {NULL};
    const struct plug_events events = {.link = world_link, .arg = w};
    struct problem problem;
    first_link = link;
    w->loop = loop_new();
    w->metrics = metrics_new();
    w->plug =
        plug_new(&(struct plug_config){.loop = w->loop, .metrics = w->metrics, .folders = folders});
    assert_true(plug_accept(&puppet_plugin, "test", &problem));
    w->instance = instance_open(w->plug, &puppet_plugin, "storage",
                                world_settings(memory_keys, NULL), &events, &problem);
    assert_non_null(w->instance);
    w->store = store_new(&(struct store_config){
        .loop = w->loop, .instance = w->instance, .metrics = w->metrics, .max_kept = max_kept});
    return w;
}

static struct world *start_up(void)
{
    struct world *w = start(DG_LINK_UP, 0);
    store_ready(w->store, world_ready, w);
    world_wait(w, &w->done);
    return w;
}

/* ---- Waiting ------------------------------------------------------------ */

struct outcome {
    bool done;
    enum dg_err err;
    char message[128];
};

static void on_outcome(void *arg, const struct op_result *res)
{
    struct outcome *o = arg;
    o->done = true;
    o->err = res->err;
    snprintf(o->message, sizeof(o->message), "%s", res->message ? res->message : "");
}

/* Turns the loop until the store is in this state with so many batches kept. */
static void until(struct world *w, enum store_state state, size_t kept)
{
    struct store_status status;
    struct loop_timer *late = loop_timer(w->loop, 30000, world_late, NULL);
    for (;;) {
        store_status(w->store, &status);
        if (status.state == state && status.kept == kept)
            break;
        uv_run(loop_uv(w->loop), UV_RUN_ONCE);
    }
    loop_timer_stop(w->loop, late);
}

static void until_written(struct world *w, const char *expected)
{
    struct loop_timer *late = loop_timer(w->loop, 30000, world_late, NULL);
    while (strlen(newest->written) < strlen(expected))
        uv_run(loop_uv(w->loop), UV_RUN_ONCE);
    loop_timer_stop(w->loop, late);
    assert_string_equal(newest->written, expected);
}

static bool keep(struct world *w, const char *call, const char *cdr, const char *json)
{
    struct store_batch b;
    store_batch_init(&b);
    if (call)
        store_batch_put(&b, COLLECTION_CALLS, call, (struct dg_bytes){json, strlen(json)},
                        DG_VERSION_ANY);
    if (cdr)
        store_batch_put(&b, COLLECTION_CDR, cdr, (struct dg_bytes){json, strlen(json)},
                        DG_VERSION_ANY);
    bool kept = store_write_kept(w->store, &b);
    assert_null(b.arena);
    store_batch_free(&b);
    return kept;
}

/* ---- Tests -------------------------------------------------------------- */

static void on_doc_refused(void *arg, const struct store_doc *doc)
{
    assert_int_equal(doc->err, DG_EUNAVAILABLE);
    assert_string_equal(doc->message, STORE_DISABLED_TEXT);
    world_done(arg);
}

static void says_that_it_is_disabled(void **state)
{
    struct world w = {.loop = loop_new()};
    struct outcome o = {0};
    struct store_status status;
    (void)state;
    w.store = store_new(&(struct store_config){.loop = w.loop});
    store_status(w.store, &status);
    assert_int_equal(status.state, STORE_DISABLED);
    assert_string_equal(store_state_name(status.state), "disabled");
    store_ready(w.store, on_outcome, &o);
    assert_false(o.done); /* on a later turn */
    world_wait(&w, &o.done);
    assert_int_equal(o.err, DG_OK);
    store_put(w.store, COLLECTION_CALLS, "a", (struct dg_bytes){"{}", 2}, DG_VERSION_NONE,
              on_outcome, &o);
    assert_false(o.done);
    world_wait(&w, &o.done);
    assert_int_equal(o.err, DG_EUNAVAILABLE);
    assert_string_equal(o.message, STORE_DISABLED_TEXT);
    store_get_json(w.store, COLLECTION_CALLS, "a", on_doc_refused, &w);
    world_wait(&w, &w.done);
    assert_false(keep(&w, "a", NULL, "{}"));
    store_drain(w.store, 10000, world_done, &w);
    world_wait(&w, &w.done);
    store_free(w.store);
    loop_free(w.loop);
}

static void waits_for_the_link(void **state)
{
    struct world *w = start(DG_LINK_CONNECTING, 0);
    struct outcome o = {0};
    (void)state;
    store_ready(w->store, on_outcome, &o);
    until(w, STORE_STARTING, 0);
    assert_int_equal(newest->declares, 0);
    assert_true(keep(w, "a", NULL, "{}"));
    newest->host->link(newest->host, DG_LINK_UP, "now");
    world_wait(w, &o.done);
    assert_int_equal(o.err, DG_OK);
    assert_int_equal(newest->declares, 1);
    until_written(w, "calls/a={};");
    world_free(w);
}

static void says_why_it_does_not_start(void **state)
{
    struct world *w = start(DG_LINK_CONNECTING, 0);
    struct outcome o = {0};
    (void)state;
    store_ready(w->store, on_outcome, &o);
    newest->host->link(newest->host, DG_LINK_DOWN, "the file is somebody else's");
    world_wait(w, &o.done);
    assert_int_equal(o.err, DG_EUNAVAILABLE);
    assert_string_equal(o.message, "the file is somebody else's");
    until(w, STORE_DOWN, 0);
    world_free(w);
}

static void declares_until_it_succeeds(void **state)
{
    struct world *w = start(DG_LINK_CONNECTING, 0);
    struct outcome o = {0};
    (void)state;
    newest->declare_err = DG_EINTERNAL;
    store_ready(w->store, on_outcome, &o);
    newest->host->link(newest->host, DG_LINK_UP, "now");
    world_wait(w, &o.done);
    assert_int_equal(o.err, DG_EINTERNAL);
    assert_string_equal(o.message, "as the test wants it");
    until(w, STORE_DOWN, 0);
    newest->declare_err = DG_OK;
    until(w, STORE_UP, 0);
    assert_int_equal(newest->declares, 2);
    world_free(w);
}

static void keeps_the_newest_of_each(void **state)
{
    struct world *w = start_up();
    (void)state;
    assert_true(keep(w, "a", NULL, "0"));
    until_written(w, "calls/a=0;");
    newest->write_err = DG_EUNAVAILABLE;
    newest->written[0] = '\0';
    assert_true(keep(w, "a", NULL, "1"));
    until(w, STORE_DOWN, 1);
    assert_true(keep(w, "b", "b", "2"));
    assert_true(keep(w, "a", NULL, "3")); /* the first is not needed any more */
    assert_true(keep(w, "c", NULL, "4"));
    assert_true(keep(w, "b", NULL, "5")); /* of the second, the record is */
    struct store_status status;
    store_status(w->store, &status);
    assert_int_equal(status.kept, 4);
    assert_string_equal(status.detail, "as the test wants it");
    newest->write_err = DG_OK;
    until(w, STORE_UP, 0);
    until_written(w, "cdr/b=2;calls/a=3;calls/c=4;calls/b=5;");
    /* And then at once again. */
    newest->written[0] = '\0';
    assert_true(keep(w, "a", "a", "6"));
    until_written(w, "calls/a=6 cdr/a=6;");
    world_free(w);
}

/* Two are under way, the older fails: it does not come again over the newer. */
static void does_not_bring_back_the_old(void **state)
{
    struct world *w = start_up();
    (void)state;
    newest->silent = true;
    assert_true(keep(w, "a", NULL, "1"));
    assert_true(keep(w, "a", NULL, "2"));
    assert_int_equal(newest->open_count, 2);
    newest->silent = false;
    puppet_end(newest, newest->open[0], DG_EUNAVAILABLE);
    puppet_end(newest, newest->open[1], DG_OK);
    assert_true(keep(w, "b", NULL, "3"));
    store_drain(w->store, 30000, world_done, w);
    world_wait(w, &w->done);
    assert_string_equal(newest->written, "calls/b=3;");
    until(w, STORE_UP, 0);
    world_free(w);
}

static void drops_what_is_refused_for_good(void **state)
{
    struct world *w = start_up();
    (void)state;
    newest->write_err = DG_EINVAL;
    assert_true(keep(w, "a", NULL, "1"));
    store_drain(w->store, 30000, world_done, w);
    world_wait(w, &w->done);
    newest->write_err = DG_OK;
    assert_true(keep(w, "b", NULL, "2"));
    until_written(w, "calls/b=2;");
    assert_int_equal(newest->writes, 2);
    world_free(w);
}

static void keeps_no_more_than_allowed(void **state)
{
    struct world *w = start(DG_LINK_CONNECTING, 2);
    (void)state;
    assert_true(keep(w, "a", NULL, "1"));
    assert_true(keep(w, "b", NULL, "2"));
    assert_false(keep(w, "c", NULL, "3"));
    assert_true(keep(w, NULL, NULL, ""));
    newest->host->link(newest->host, DG_LINK_UP, "now");
    until_written(w, "calls/a=1;calls/b=2;");
    world_free(w);
}

static void tries_by_itself(void **state)
{
    struct world *w = start_up();
    struct outcome o = {0};
    (void)state;
    newest->write_err = DG_EINTERNAL;
    store_put(w->store, COLLECTION_CALLS, "a", (struct dg_bytes){"1", 1}, DG_VERSION_NONE,
              on_outcome, &o);
    world_wait(w, &o.done);
    assert_int_equal(o.err, DG_EINTERNAL);
    until(w, STORE_DOWN, 0);
    newest->write_err = DG_OK;
    until(w, STORE_UP, 0);
    assert_string_equal(newest->written, "meta/store_probe={};");
    /* A conflict, or too many at once, says nothing about the disk. */
    newest->write_err = DG_ECONFLICT;
    store_delete(w->store, COLLECTION_CALLS, "a", 1, on_outcome, &o);
    world_wait(w, &o.done);
    assert_int_equal(o.err, DG_ECONFLICT);
    until(w, STORE_UP, 0);
    world_free(w);
}

static void follows_the_link(void **state)
{
    struct world *w = start_up();
    (void)state;
    newest->host->link(newest->host, DG_LINK_DOWN, "gone");
    until(w, STORE_DOWN, 0);
    assert_true(keep(w, "a", NULL, "1"));
    until(w, STORE_DOWN, 1);
    newest->host->link(newest->host, DG_LINK_UP, "back");
    until(w, STORE_UP, 0);
    until_written(w, "calls/a=1;");
    assert_int_equal(newest->declares, 1);
    world_free(w);
}

static void drains(void **state)
{
    struct world *w = start_up();
    (void)state;
    newest->write_err = DG_EUNAVAILABLE;
    assert_true(keep(w, "a", NULL, "1"));
    until(w, STORE_DOWN, 1);
    store_drain(w->store, 50, world_done, w); /* too short: it comes all the same */
    world_wait(w, &w->done);
    assert_string_equal(newest->written, "");
    newest->write_err = DG_OK;
    store_drain(w->store, 30000, world_done, w);
    world_wait(w, &w->done);
    assert_string_equal(newest->written, "calls/a=1;");
    world_free(w);
}

static void on_never(void *arg, const struct op_result *res)
{
    (void)arg;
    (void)res;
    fail_msg("called back after the store was freed");
}

static void on_never_doc(void *arg, const struct store_doc *doc)
{
    (void)arg;
    (void)doc;
    fail_msg("called back after the store was freed");
}

static void lets_go_of_what_is_under_way(void **state)
{
    struct world *w = start_up();
    (void)state;
    newest->silent = true;
    newest->doc = "{}";
    store_put(w->store, COLLECTION_CALLS, "a", (struct dg_bytes){"1", 1}, DG_VERSION_NONE, on_never,
              NULL);
    assert_true(keep(w, "b", "b", "1"));
    store_get_json(w->store, COLLECTION_CALLS, "a", on_never_doc, NULL);
    store_drain(w->store, 10000, world_done, w);
    world_free(w);
}

/* ---- Documents ---------------------------------------------------------- */

struct expected_doc {
    struct world *w;
    enum dg_err err;
    json_t *kept;
};

static void on_expected(void *arg, const struct store_doc *doc)
{
    struct expected_doc *e = arg;
    assert_int_equal(doc->err, e->err);
    if (doc->err == DG_OK) {
        assert_string_equal(doc->id, "a");
        assert_int_equal(doc->version, 3);
        e->kept = json_incref(doc->json);
    } else {
        assert_non_null(doc->message);
    }
    world_done(e->w);
}

static void parses_documents(void **state)
{
    static const struct {
        const char *doc;
        enum dg_err err;
    } cases[] = {
        {"{\"status\":\"ringing\"}", DG_OK},
        {NULL, DG_ENOTFOUND},
        {"{\"status\":", DG_EINTERNAL},
        {"[]", DG_EINTERNAL},
    };
    struct world *w = start_up();
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        struct expected_doc e = {.w = w, .err = cases[i / 2].err};
        newest->doc = cases[i / 2].doc;
        if (i % 2)
            store_find_json(w->store, COLLECTION_USERS, "username", "x", on_expected, &e);
        else
            store_get_json(w->store, COLLECTION_CALLS, "a", on_expected, &e);
        world_wait(w, &w->done);
        if (e.err == DG_OK)
            assert_string_equal(json_get_str(e.kept, "status"), "ringing");
        json_decref(e.kept);
    }
    world_free(w);
}

static void writes_parsed_documents(void **state)
{
    struct world *w = start_up();
    struct outcome o = {0};
    struct store_batch b;
    json_t *json = json_pack("{s:i}", "n", 1);
    (void)state;
    store_batch_init(&b);
    for (int i = 0; i < 6; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        store_batch_put_json(&b, COLLECTION_CALLS, id, json, DG_VERSION_ANY);
    }
    store_batch_delete(&b, COLLECTION_CDR, "z", DG_VERSION_ANY);
    store_write(w->store, &b, on_outcome, &o);
    world_wait(w, &o.done);
    assert_int_equal(o.err, DG_OK);
    store_put_json(w->store, COLLECTION_CALLS, "g", json, DG_VERSION_NONE, on_outcome, &o);
    json_decref(json);
    world_wait(w, &o.done);
    assert_string_equal(newest->written,
                        "calls/a={\"n\":1} calls/b={\"n\":1} calls/c={\"n\":1} calls/d={\"n\":1} "
                        "calls/e={\"n\":1} calls/f={\"n\":1} cdr/z=;calls/g={\"n\":1};");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_that_it_is_disabled),
        cmocka_unit_test(waits_for_the_link),
        cmocka_unit_test(says_why_it_does_not_start),
        cmocka_unit_test(declares_until_it_succeeds),
        cmocka_unit_test(keeps_the_newest_of_each),
        cmocka_unit_test(does_not_bring_back_the_old),
        cmocka_unit_test(drops_what_is_refused_for_good),
        cmocka_unit_test(keeps_no_more_than_allowed),
        cmocka_unit_test(tries_by_itself),
        cmocka_unit_test(follows_the_link),
        cmocka_unit_test(drains),
        cmocka_unit_test(lets_go_of_what_is_under_way),
        cmocka_unit_test(parses_documents),
        cmocka_unit_test(writes_parsed_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
