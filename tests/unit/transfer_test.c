/* transfer_test.c - export and import, between two real files. */
#include "memory_store.h"

#include <dirent.h>
#include <unistd.h>

#include "data/transfer.h"

#define MANY 1203 /* documents of one collection: more than two pages */

struct shop { /* a store in a file of its own */
    struct world w;
    char folder[UNIT_PATH_SIZE];
};

static struct settings *file_settings(const struct dg_plugin *plugin, const char *folder)
{
    char file[64], why[256], toml[128];
    snprintf(file, sizeof(file), "%s/x.toml", folder);
    snprintf(toml, sizeof(toml), "path = \"%s/x.db\"\n", folder);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_true(fputs(toml, f) >= 0);
    assert_int_equal(fclose(f), 0);
    struct toml_node *root = toml_load(file, why, sizeof(why));
    assert_non_null(root);
    struct settings *settings = world_settings(plugin->config, root);
    toml_free(root);
    return settings;
}

static void open_shop(struct shop *s)
{
    static const char *const folders[] = {PLUGIN_DIR, NULL};
    struct world *w = &s->w;
    struct problem problem = {.err = DG_OK, .text = ""};
    memcpy(s->folder, "/tmp/dialgate-XXXXXX", sizeof("/tmp/dialgate-XXXXXX"));
    assert_non_null(mkdtemp(s->folder));
    w->loop = loop_new();
    w->metrics = metrics_new();
    w->plug =
        plug_new(&(struct plug_config){.loop = w->loop, .metrics = w->metrics, .folders = folders});
    const struct dg_plugin *plugin = plug_load(w->plug, "storage-file", &problem);
    assert_string_equal(problem.text, "");
    assert_non_null(plugin);
    const struct plug_events events = {.link = world_link, .arg = w};
    w->instance = instance_open(w->plug, plugin, "storage", file_settings(plugin, s->folder),
                                &events, &problem);
    if (!w->instance)
        fail_msg("%s", problem.text);
    w->store = store_new(&(struct store_config){.loop = w->loop, .instance = w->instance});
    store_ready(w->store, world_ready, w);
    world_wait(w, &w->done);
}

static void close_shop(struct shop *s)
{
    struct world *w = &s->w;
    store_free(w->store);
    w->store = NULL;
    instance_close(w->instance, world_done, w);
    world_wait(w, &w->done);
    plug_free(w->plug);
    loop_free(w->loop);
    metrics_free(w->metrics);
    DIR *dir = opendir(s->folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] != '.')
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    assert_int_equal(rmdir(s->folder), 0);
}

static void on_written(void *arg, const struct op_result *res)
{
    if (res->err != DG_OK)
        fail_msg("%s", res->message);
    world_done(arg);
}

static void fill(struct world *w)
{
    struct store_batch b;
    store_batch_init(&b);
    for (int i = 0; i < MANY; i++) {
        char id[24], json[96];
        snprintf(id, sizeof(id), "call-%05d", i);
        snprintf(json, sizeof(json),
                 "{\"status\":\"x\xc3\xbc\",\"created_at\":%d,\"n\":[1.5,null]}", i);
        store_batch_put(&b, COLLECTION_CALLS, id, (struct dg_bytes){json, strlen(json)},
                        DG_VERSION_NONE);
    }
    for (int i = 0; i < 12; i++) {
        char json[64];
        snprintf(json, sizeof(json), "{\"username\":\"user%d\"}", i);
        store_batch_put(&b, COLLECTION_USERS, NULL, (struct dg_bytes){json, strlen(json)},
                        DG_VERSION_NONE);
    }
    store_batch_put(&b, COLLECTION_META, "a\"\n", (struct dg_bytes){"{}", 2}, DG_VERSION_ANY);
    store_write(w->store, &b, on_written, w);
    world_wait(w, &w->done);
}

/* ---- Out ---------------------------------------------------------------- */

struct out {
    struct world *w;
    struct store_export *export;
    struct buf lines;
    uint64_t documents, pages;
    enum dg_err err;
};

static void on_page(void *arg, const struct export_page *page)
{
    struct out *out = arg;
    out->err = page->err;
    out->documents = page->documents;
    buf_add(&out->lines, page->lines.ptr, page->lines.len);
    if (page->err == DG_OK && page->lines.len) {
        out->pages++;
        export_next(out->export);
        return;
    }
    export_free(out->export);
    world_done(out->w);
}

static void export_all(struct world *w, struct out *out)
{
    *out = (struct out){.w = w};
    buf_init(&out->lines, BUF_MAX);
    out->export = export_new(w->store, on_page, out);
    export_next(out->export);
    world_wait(w, &w->done);
}

/* ---- In ----------------------------------------------------------------- */

struct in {
    struct world *w;
    enum dg_err err;
    char message[256];
    uint64_t documents;
};

static void on_import(void *arg, const struct import_state *state)
{
    struct in *in = arg;
    in->err = state->err;
    in->documents = state->documents;
    snprintf(in->message, sizeof(in->message), "%s", state->message ? state->message : "");
    world_done(in->w);
}

/* In parts of `part` bytes, which end anywhere within lines. */
static void import_all(struct world *w, const char *text, size_t len, size_t part, struct in *in)
{
    *in = (struct in){.w = w};
    struct store_import *im = import_new(w->store, on_import, in);
    for (size_t at = 0; at < len && in->err == DG_OK; at += part) {
        import_bytes(im, (struct dg_bytes){text + at, len - at < part ? len - at : part});
        assert_false(w->done); /* on a later turn */
        world_wait(w, &w->done);
    }
    import_end(im);
    world_wait(w, &w->done);
    import_free(im);
}

/* ---- Tests -------------------------------------------------------------- */

static void moves_everything(void **state)
{
    static struct shop from, to;
    struct out first, second;
    struct in in;
    (void)state;
    open_shop(&from);
    open_shop(&to);
    fill(&from.w);
    export_all(&from.w, &first);
    assert_int_equal(first.err, DG_OK);
    assert_int_equal(first.documents, MANY + 12 + 1);
    assert_true(first.pages >= 5);
    static const char start[] = "{\"collection\":\"users\",\"id\":\"1\",\"version\":1,"
                                "\"doc\":{\"username\":\"user0\"}}\n";
    assert_memory_equal(first.lines.ptr, start, sizeof(start) - 1);
    const size_t parts[] = {997, 1 << 20};
    for (size_t i = 0; i < COUNT(parts); i++) {
        import_all(&to.w, first.lines.ptr, first.lines.len, parts[i], &in);
        assert_string_equal(in.message, "");
        assert_int_equal(in.documents, first.documents);
    }
    /* What went in twice comes out once, with versions of its own. */
    export_all(&to.w, &second);
    assert_int_equal(second.documents, first.documents);
    assert_int_equal(second.lines.len, first.lines.len);
    buf_addc(&second.lines, '\0');
    assert_non_null(strstr(second.lines.ptr, "\"id\":\"call-01202\",\"version\":2,"));
    assert_non_null(strstr(second.lines.ptr, "\"id\":\"a\\\"\\n\",\"version\":2,\"doc\":{}}"));
    buf_free(&first.lines);
    buf_free(&second.lines);
    close_shop(&from);
    close_shop(&to);
}

static void refuses_bad_lines(void **state)
{
#define GOOD "{\"collection\":\"meta\",\"id\":\"g\",\"doc\":{}}\n"
    static const struct {
        const char *text, *message;
    } cases[] = {
        {GOOD "\n \n" GOOD "nonsense\n" GOOD, "line 5: "},
        {GOOD "{\"collection\":\"nowhere\",\"id\":\"a\",\"doc\":{}}\n", "line 2: \"collection\""},
        {"{\"collection\":\"meta\",\"id\":5,\"doc\":{}}\n", "line 1: \"id\""},
        {"{\"collection\":\"meta\",\"id\":\"\",\"doc\":{}}\n", "line 1: \"id\""},
        {"{\"collection\":\"meta\",\"id\":\"a\",\"doc\":[]}\n", "line 1: \"id\""},
        {"{\"collection\":\"meta\",\"id\":\"a\"", "line 1: "},
        {"{\"collection\":\"calls\",\"id\":\"a\",\"doc\":{\"status\":1}}",
         "the documents up to line 1: "},
    };
    static struct shop shop;
    struct in in;
    (void)state;
    open_shop(&shop);
    for (size_t i = 0; i < COUNT(cases); i++) {
        import_all(&shop.w, cases[i].text, strlen(cases[i].text), 4096, &in);
        assert_int_equal(in.err, DG_EINVAL);
        assert_int_equal(in.documents, 0);
        if (strncmp(in.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("case %zu: %s", i, in.message);
    }
    /* The last line needs no newline. */
    import_all(&shop.w, GOOD, strlen(GOOD) - 1, 7, &in);
    assert_int_equal(in.err, DG_OK);
    assert_int_equal(in.documents, 1);
    close_shop(&shop);
}

static void lets_go(void **state)
{
    static struct shop shop;
    struct out out = {.w = &shop.w};
    struct in in = {.w = &shop.w};
    (void)state;
    open_shop(&shop);
    struct store_export *e = export_new(shop.w.store, on_page, &out);
    export_next(e);
    export_free(e);
    struct store_import *im = import_new(shop.w.store, on_import, &in);
    import_bytes(im, (struct dg_bytes){GOOD, strlen(GOOD)});
    import_free(im);
    im = import_new(shop.w.store, on_import, &in);
    import_bytes(im, (struct dg_bytes){GOOD, strlen(GOOD)});
    world_wait(&shop.w, &shop.w.done);
    import_end(im);
    import_free(im);
    close_shop(&shop);
}

static void says_that_it_is_disabled(void **state)
{
    struct world w = {.loop = loop_new()};
    struct out out;
    struct in in;
    (void)state;
    w.store = store_new(&(struct store_config){.loop = w.loop});
    export_all(&w, &out);
    assert_int_equal(out.err, DG_EUNAVAILABLE);
    buf_free(&out.lines);
    import_all(&w, GOOD, strlen(GOOD), 100, &in);
    assert_int_equal(in.err, DG_EUNAVAILABLE);
    store_free(w.store);
    loop_free(w.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_everything),
        cmocka_unit_test(refuses_bad_lines),
        cmocka_unit_test(lets_go),
        cmocka_unit_test(says_that_it_is_disabled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
