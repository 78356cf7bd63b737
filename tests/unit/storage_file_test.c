/* storage_file_test.c - the inside of plugins/storage-file that needs no file:
 * names, values, the texts of SQL, and the order in which its queue hands out. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../plugins/storage-file/sql.c"
#include "../../plugins/storage-file/statements.c"
#include "../../plugins/store/job.c"
#include "../../plugins/store/mem.c"
#include "../../plugins/store/merge.c"
#include "../../plugins/store/queue.c"
#include "../../plugins/store/scan.c"
#include "../../plugins/store/schema.c"
#include "../../plugins/store/value.c"
/* NOLINTEND(bugprone-suspicious-include) */

#include "unit.h" /* last: cmocka has a macro named fail */

/* ---- Memory ------------------------------------------------------------- */

static void pools_give_room(void **state)
{
    struct pool p = {0};
    char *small[300];
    (void)state;
    for (size_t i = 0; i < COUNT(small); i++) {
        size_t size = i % 50 == 49 ? 5000 : i;
        small[i] = pool_alloc(&p, size);
        assert_int_equal((uintptr_t)small[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(small[i][k], 0);
        memset(small[i], (int)(i & 0x7f), size);
    }
    for (size_t i = 0; i < COUNT(small); i++) {
        if (i % 50 != 0)
            assert_int_equal(small[i][i - 1], (int)(i & 0x7f));
    }
    assert_string_equal(pool_dup(&p, "abcdef", 3), "abc");
    assert_null(pool_strdup(&p, NULL));
    pool_free(&p);
    assert_null(p.chunks);
}

static void the_first_fault_stays(void **state)
{
    struct fault f = {0};
    (void)state;
    assert_false(fault_set(&f, DG_ECONFLICT, "first %d", 1));
    assert_false(fault_set(&f, DG_EINVAL, "second"));
    assert_int_equal(f.err, DG_ECONFLICT);
    assert_string_equal(f.text, "first 1");
}

/* ---- Names and values --------------------------------------------------- */

static const struct dg_field fields[] = {
    {.name = "kind", .type = DG_FIELD_TEXT, .unique = true},
    {.name = "size", .type = DG_FIELD_INT},
    {.name = "open", .type = DG_FIELD_BOOL},
    {.name = "at", .type = DG_FIELD_TIME},
};
static const struct dg_index indexes[] = {
    {.fields = (const char *const[]){"kind", "at"}, .field_count = 2},
    {.fields = (const char *const[]){"kind"}, .field_count = 1, .unique = true}, /* said already */
};
static const struct dg_collection collection = {.name = "things",
                                                .fields = fields,
                                                .field_count = COUNT(fields),
                                                .indexes = indexes,
                                                .index_count = COUNT(indexes)};

static struct schema *things(void)
{
    struct fault f = {0};
    struct schema *s = schema_new(&collection, 1, statements_prepare, &f);
    assert_non_null(s);
    return s;
}

static void schemas_hold_statements(void **state)
{
    struct schema *s = things();
    struct fault f = {0};
    const struct table *t = schema_table(s, "things", &f);
    (void)state;
    assert_int_equal(t->index_count, 2);
    assert_string_equal(t->indexes[0].name, "things:kind unique");
    assert_true(t->indexes[0].unique);
    assert_string_equal(t->indexes[1].name, "things:kind,at");
    assert_string_equal(t->indexes[1].columns, "\"kind\",\"at\"");
    assert_string_equal(statements_of(t)->insert_sql,
                        "INSERT INTO \"things\"(\"id\",\"@version\",\"kind\","
                        "\"size\",\"open\",\"at\",\"@doc\")VALUES(?,?,?,?,?,?,?)");
    assert_int_equal(table_field(t, "at"), 3);
    assert_int_equal(table_field(t, "id"), -1);
    assert_null(schema_table(s, "nothing", &f));
    assert_int_equal(f.err, DG_EINVAL);
    schema_free(s);
}

static void schemas_refuse_names(void **state)
{
    static const char *const names[] = {NULL,  "",    "Things",   "a1",
                                        "a b", "a\"", "sqlite_x", "\xc3\xa4"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct dg_collection c = {.name = names[i]};
        struct dg_field field = {.name = names[i]};
        struct dg_collection with = {.name = "x", .fields = &field, .field_count = 1};
        struct fault f = {0}, g = {0};
        assert_null(schema_new(&c, 1, statements_prepare, &f));
        assert_int_equal(f.err, DG_EINVAL);
        assert_null(schema_new(&with, 1, statements_prepare, &g));
        assert_int_equal(g.err, DG_EINVAL);
    }
    const struct dg_collection twice[] = {{.name = "a"}, {.name = "a"}};
    const struct dg_field same[] = {{.name = "a"}, {.name = "a"}}, id = {.name = "id"};
    const struct dg_collection bad[] = {
        {.name = "x", .fields = same, .field_count = 2},
        {.name = "x", .fields = &id, .field_count = 1},
        {.name = "x", .indexes = indexes, .index_count = 1},
    };
    struct fault f = {0};
    assert_null(schema_new(twice, 2, statements_prepare, &f));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_null(schema_new(&bad[i], 1, statements_prepare, &f));
}

static void parses_numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok, serial;
    } cases[] = {
        {"0", true, false},
        {"1", true, true},
        {"-1", true, false},
        {"9223372036854775807", true, false},
        {"-9223372036854775808", true, false},
        {"9007199254740991", true, true},
        {"9007199254740992", true, false},
        {"9223372036854775808", false, false},
        {"-9223372036854775809", false, false},
        {"", false, false},
        {"-", false, false},
        {"+1", false, false},
        {" 1", false, false},
        {"1 ", false, false},
        {"01", false, false},
        {"-0", false, false},
        {"1.0", false, false},
        {"1e3", false, false},
        {"0x1", false, false},
        {"\xd9\xa1", false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t n = 4711;
        assert_int_equal(number_parse(cases[i].text, &n), cases[i].ok);
        if (!cases[i].ok)
            assert_int_equal(n, 4711);
        assert_int_equal(serial_parse(cases[i].text, &n), cases[i].serial);
    }
}

static void knows_now(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t number;
    } cases[] = {
        {"@now", true, 1000},
        {"@now+0", true, 1000},
        {"@now+30000", true, 31000},
        {"@now-2000", true, -1000},
        {"77", true, 77},
        {"@now+", false, 0},
        {"@now+-1", false, 0},
        {"@now 1", false, 0},
        {"@now+1s", false, 0},
        {"@nowadays", false, 0},
        {"now", false, 0},
        {"", false, 0},
        {"@now+9223372036854775807", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct value v;
        assert_int_equal(value_parse(DG_FIELD_TIME, cases[i].text, 1000, &v), cases[i].ok);
        if (cases[i].ok)
            assert_int_equal(v.number, cases[i].number);
    }
    struct value v;
    assert_true(value_parse(DG_FIELD_TEXT, "@now", 1000, &v));
    assert_string_equal(v.text, "@now");
    assert_false(value_parse(DG_FIELD_INT, "@now", 1000, &v));
}

static void refuses_deep_documents(void **state)
{
    struct schema *s = things();
    struct value values[COUNT(fields)];
    char doc[2 * SCAN_DEPTH + 64];
    (void)state;
    for (int depth = SCAN_DEPTH - 1; depth <= SCAN_DEPTH; depth++) {
        struct fault f = {0};
        int len = snprintf(doc, sizeof(doc), "{\"]]}\\\"[\":");
        memset(doc + len, '[', (size_t)depth);
        memset(doc + len + depth, ']', (size_t)depth);
        doc[len + 2 * depth] = '}';
        struct dg_bytes bytes = {doc, (size_t)len + 2 * (size_t)depth + 1};
        struct pool pool = {0};
        assert_int_equal(doc_values(&s->tables[0], bytes, &pool, values, &f), depth < SCAN_DEPTH);
        pool_free(&pool);
    }
    schema_free(s);
}

/* ---- Documents ---------------------------------------------------------- */

static const char *read_fields(const char *doc, size_t len)
{
    static char out[512];
    struct schema *s = things();
    struct pool pool = {0};
    struct fault f = {0};
    struct value v[COUNT(fields)];
    if (!doc_values(&s->tables[0], (struct dg_bytes){doc, len}, &pool, v, &f)) {
        assert_int_equal(f.err, DG_EINVAL);
        snprintf(out, sizeof(out), "!%s", f.text);
    } else {
        size_t at = 0;
        for (size_t i = 0; i < COUNT(fields); i++)
            at += (size_t)(v[i].kind == VALUE_NULL  ? snprintf(out + at, sizeof(out) - at, "-|")
                           : v[i].kind == VALUE_INT ? snprintf(out + at, sizeof(out) - at, "%lld|",
                                                               (long long)v[i].number)
                                                    : snprintf(out + at, sizeof(out) - at, "%.*s|",
                                                               (int)v[i].len, v[i].text));
    }
    pool_free(&pool);
    schema_free(s);
    return out;
}

static void reads_fields(void **state)
{
    static const struct {
        const char *doc, *expected;
    } cases[] = {
        {"{}", "-|-|-|-|"},
        {" {\"kind\":\"x\", \"size\" : -5 ,\"open\":true,\"at\":1000}\n", "x|-5|1|1000|"},
        {"{\"kind\":null,\"open\":false,\"kinds\":1,\"kin\":2}", "-|-|0|-|"},
        {"{\"inner\":{\"kind\":5,\"size\":\"x\"},\"list\":[{\"open\":1}]}", "-|-|-|-|"},
        {"{\"\\u006bind\":\"a\\u00e4\\ud83d\\ude00\\n\\\"\\/\"}",
         "a\xc3\xa4\xf0\x9f\x98\x80\n\"/|-|-|-|"},
        {"{\"kind\":\"\\u07ff\\u0800\\uffff\"}", "\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf|-|-|-|"},
        {"{\"size\":9223372036854775807,\"at\":-9223372036854775808}",
         "-|9223372036854775807|-|-9223372036854775808|"},
        {"{\"size\":-0,\"at\":0}", "-|0|-|0|"},
        {"{\"size\":9223372036854775808}", "!things: \"size\" must be an integer"},
        {"{\"size\":-9223372036854775809}", "!things: \"size\" must be an integer"},
        {"{\"size\":1.0}", "!things: \"size\" must be an integer"},
        {"{\"size\":1e2}", "!things: \"size\" must be an integer"},
        {"{\"open\":0}", "!things: \"open\" must be true or false"},
        {"{\"at\":\"@now\"}", "!things: \"at\" must be a time in milliseconds"},
        {"{\"kind\":{}}", "!things: \"kind\" must be text"},
        {"{\"kind\":\"a\",\"kind\":\"b\"}", "!things: \"kind\" is there twice"},
        {"[]", "!things: not a JSON document: not an object, at byte 0"},
        {"{} x", "!things: not a JSON document: something behind the end, at byte 3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(read_fields(cases[i].doc, strlen(cases[i].doc)), cases[i].expected);
    assert_string_equal(read_fields("{}\0", 3),
                        "!things: not a JSON document: something behind the end, at byte 2");
}

static bool ignore(void *arg, const char *key, size_t len, const struct scan_value *value)
{
    (void)arg;
    (void)key;
    (void)len;
    return value->kind <= SCAN_OTHER;
}

/* Agrees with jansson about what is JSON: documents with bytes changed, doubled and
 * left out, the same ones every time. */
static void agrees_with_jansson(void **state)
{
    static const char *const seeds[] = {
        "{\"a\":[1,-0.5e+10,true,false,null,\"\\u00e4\\ud83d\\ude00 \\\\ \\\" \\n\"],\"b\":{}}",
        "{\"\xc3\xa4\":\"\xe2\x82\xac\",\"\xf0\x9f\x98\x80\":"
        "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"}",
        "{ \"n\" : [ 0 , -1 , 10 , 1E5 , 2.25 ] , \"o\" : { \"p\" : { } , \"q\" : [ [ ] ] } }",
    };
    static const char bytes[] =
        "{}[]:,\"\\u0dDeE+-.19 \n\x01\x7f\x80\xbf\xc0\xc3\xe0\xed\xf0\xf4\xff";
    uint32_t random = 1;
    unsigned accepted = 0;
    (void)state;
#define RANDOM(n) ((random = random * 1664525u + 1013904223u) >> 8) % (n)
    for (int i = 0; i < 150000; i++) {
        char doc[160];
        const char *seed = seeds[i % (int)COUNT(seeds)];
        size_t len = strlen(seed), at;
        memcpy(doc, seed, len);
        for (unsigned changes = RANDOM(3); changes; changes--) {
            at = RANDOM(len);
            switch (RANDOM(3)) {
            case 0:
                doc[at] = bytes[RANDOM(sizeof(bytes) - 1)]; /* jansson passes over a NUL */
                break;
            case 1:
                memmove(doc + at + 1, doc + at, len - at);
                len++;
                break;
            default:
                memmove(doc + at, doc + at + 1, len - at - 1);
                len--;
            }
        }
        struct pool pool = {0};
        char *exact = malloc(len); /* so that one byte too far is seen */
        memcpy(exact, doc, len);
        json_error_t why;
        json_t *json = json_loadb(exact, len, JSON_DECODE_INT_AS_REAL, &why);
        const char *wrong = scan_object(exact, len, &pool, ignore, NULL, &at);
        /* Numbers too big for a double are JSON all the same. */
        if (json_is_object(json) != !wrong && !strstr(why.text, "overflow"))
            fail_msg("%.*s: %s, %s", (int)len, doc, json ? "fine" : why.text,
                     wrong ? wrong : "fine");
        accepted += !wrong;
        json_decref(json);
        free(exact);
        pool_free(&pool);
    }
    assert_in_range(accepted, 40000, 120000);
}

/* ---- SQL ---------------------------------------------------------------- */

static const struct {
    struct dg_query query;
    struct dg_where where[3];
    const char *text, *values; /* "|" between values, numbers with "#" */
} queries[] = {
    {{.limit = 0}, {{0}}, " ORDER BY \"id\"", ""},
    {{.descending = true, .limit = 5, .offset = 7},
     {{0}},
     " ORDER BY \"id\" DESC LIMIT ? OFFSET ?",
     "#5|#7|"},
    {{.order_by = "size"}, {{0}}, " ORDER BY \"size\" NULLS LAST,\"id\"", ""},
    {{.order_by = "size", .descending = true},
     {{0}},
     " ORDER BY \"size\" DESC NULLS FIRST,\"id\" DESC",
     ""},
    /* with a condition no document lacks the field, and the index alone gives the order */
    {{.order_by = "at"},
     {{"at", DG_LE, "@now", 0}},
     " WHERE \"at\"<=? ORDER BY \"at\",\"id\"",
     "#1000|"},
    {{.order_by = "at"},
     {{"at", DG_LE, "5", 1}, {"size", DG_EQ, "1", 1}},
     " WHERE (\"at\"<=? OR \"size\"=?) ORDER BY \"at\" NULLS LAST,\"id\"",
     "#5|#1|"},
    {{.limit = 0},
     {{"kind", DG_EQ, "x", 2}, {"open", DG_NE, "true", 0}, {"id", DG_GT, "y", 2}},
     " WHERE (\"kind\"=? OR \"id\">?) AND \"open\"<>? ORDER BY \"id\"",
     "x|y|#1|"},
    {{.limit = 0},
     {{"kind", DG_PREFIX, "a\x7f", 0}},
     " WHERE (\"kind\">=? AND \"kind\"<?) ORDER BY \"id\"",
     "a\x7f|a\x80|"},
    {{.limit = 0},
     {{"kind", DG_CONTAINS, "AbZ\xc3\x84", 0}},
     " WHERE instr(lower(\"kind\"),?)>0 ORDER BY \"id\"",
     "abz\xc3\x84|"},
    {{.limit = 0},
     {{"size", DG_IN, "[\"1\", 2]", 0}},
     " WHERE \"size\" IN(SELECT value FROM json_each(?)) ORDER BY \"id\"",
     "[1,2]|"},
    {{.limit = 0},
     {{"kind", DG_IS_NULL, NULL, 0}, {"at", DG_IS_NULL, "false", 0}},
     " WHERE \"kind\" IS NULL AND \"at\" IS NOT NULL ORDER BY \"id\"",
     ""},
};

static const char *shown(const struct sql *s)
{
    static char out[512];
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < s->count; i++) {
        const struct value *v = &s->values[i];
        if (v->kind == VALUE_INT)
            len += (size_t)snprintf(out + len, sizeof(out) - len, "#%lld|", (long long)v->number);
        else
            len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s|", (int)v->len,
                                    v->kind == VALUE_TEXT ? v->text : "");
    }
    return out;
}

static void writes_queries(void **state)
{
    struct schema *s = things();
    struct sql sql = {0};
    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++) {
        struct dg_query q = queries[i].query;
        struct fault f = {0};
        char expected[256];
        q.where = queries[i].where;
        while (q.where_count < 3 && q.where[q.where_count].field)
            q.where_count++;
        sql_reset(&sql, 1000);
        assert_true(sql_query(&sql, &s->tables[0], &q, true, &f));
        snprintf(expected, sizeof(expected), "SELECT \"id\" FROM \"things\"%s", queries[i].text);
        assert_string_equal(sql.text.ptr, expected);
        assert_string_equal(shown(&sql), queries[i].values);
    }
    sql_free(&sql);
    schema_free(s);
}

static void writes_changes(void **state)
{
    struct schema *s = things();
    struct sql sql = {0};
    struct fault f = {0};
    struct dg_bytes set = {
        "{\"kind\":\"\xc3\xa4\\n\",\"open\":true,\"at\":\"@now+1\",\"size\":null}", 0};
    set.len = strlen(set.ptr);
    struct dg_where where = {"size", DG_EQ, "3", 0};
    struct dg_change change = {
        .collection = "things", .where = &where, .where_count = 1, .set = set};
    (void)state;
    sql_reset(&sql, 1000);
    assert_true(sql_change(&sql, &s->tables[0], &change, &f));
    assert_string_equal(
        sql.text.ptr,
        "UPDATE \"things\" SET \"@version\"=\"@version\"+1,\"kind\"=?,\"open\"=?,\"at\"=?,"
        "\"size\"=?,\"@doc\"=dg_merge(\"@doc\",?) WHERE \"size\"=?");
    assert_string_equal(shown(&sql), "\xc3\xa4\n|#1|#1001||{\"kind\":\"\xc3\xa4\\n\",\"open\":"
                                     "true,\"at\":1001,\"size\":null}|#3|");
    change.set = (struct dg_bytes){0};
    sql_reset(&sql, 1000);
    assert_true(sql_change(&sql, &s->tables[0], &change, &f));
    assert_string_equal(sql.text.ptr, "DELETE FROM \"things\" WHERE \"size\"=?");
    sql_free(&sql);
    schema_free(s);
}

/* ---- The queue ---------------------------------------------------------- */

/* Jobs bear a number in place of an op; ending them writes it down. */
static char ended[1024];

static void on_done(struct dg_op *op)
{
    size_t len = strlen(ended);
    snprintf(ended + len, sizeof(ended) - len, "%d ", (int)(intptr_t)op);
}

static void on_item(struct dg_op *op, const void *item)
{
    (void)op;
    (void)item;
}

static const struct dg_host host = {.item = on_item, .done = on_done};
static int number;

static struct dg_op *next_op(void)
{
    return (struct dg_op *)(intptr_t)++number;
}

/* "X" puts document X of things; "+X" creates it, "-X" deletes it, "XY" puts both. */
static bool add(struct queue *q, const char *what)
{
    struct dg_write list[4];
    struct fault f = {0};
    static const char ids[][2] = {"a", "b", "c", "d", "e", "f"};
    size_t count = 0;
    bool create = *what == '+', delete = *what == '-';
    for (const char *c = what + (create || delete); *c; c++)
        list[count++] = (struct dg_write){.collection = "things",
                                          .id = ids[*c - 'a'],
                                          .json = {delete ? NULL : "{}", delete ? 0 : 2},
                                          .expect = create ? DG_VERSION_NONE : DG_VERSION_ANY};
    struct job *j = job_write(&host, next_op(), list, count);
    if (queue_put(q, j, &f))
        return true;
    assert_int_equal(f.err, DG_ELIMIT);
    job_free(j);
    return false;
}

static void add_change(struct queue *q)
{
    struct dg_change c = {.collection = "things"};
    assert_true(queue_put(q, job_change(&host, next_op(), &c), NULL));
}

/* The numbers of the next group, in order; those of followers behind their head. */
static const char *group(struct queue *q)
{
    ended[0] = '\0';
    jobs_answer(queue_take(q, true, 0));
    return ended;
}

static struct queue *fresh(size_t jobs, size_t bytes)
{
    number = 0;
    return queue_new(jobs, bytes);
}

static void creates_go_first(void **state)
{
    struct queue *q = fresh(100, 10000);
    (void)state;
    assert_string_equal(group(q), "");
    add(q, "a");   /* 1 */
    add(q, "+b");  /* 2 */
    add(q, "c");   /* 3 */
    add(q, "+de"); /* 4 */
    assert_string_equal(group(q), "2 4 1 3 ");
    assert_string_equal(group(q), "");
    queue_free(q);
}

/* What one document goes through stays in order, and so does what is around a change. */
static void order_of_a_document_stays(void **state)
{
    struct queue *q = fresh(100, 10000);
    (void)state;
    add(q, "-a"); /* 1 */
    add(q, "+a"); /* 2: not before it */
    add(q, "+b"); /* 3 */
    assert_string_equal(group(q), "3 1 2 ");
    number = 0;
    add(q, "c");   /* 1 */
    add_change(q); /* 2 */
    add(q, "+b");  /* 3: not before the change */
    add(q, "c");   /* 4: does not replace the first */
    assert_string_equal(group(q), "1 2 3 4 ");
    add(q, "+b");
    add(q, "c");
    assert_string_equal(group(q), "5 6 ");
    queue_free(q);
}

static void puts_are_replaced(void **state)
{
    struct queue *q = fresh(100, 10000);
    (void)state;
    add(q, "a");  /* 1 */
    add(q, "b");  /* 2 */
    add(q, "a");  /* 3: with the first */
    add(q, "ab"); /* 4: two documents */
    add(q, "a");  /* 5: behind that */
    add(q, "b");  /* 6 */
    add(q, "a");  /* 7: with the fifth */
    add(q, "-b"); /* 8 */
    add(q, "b");  /* 9: behind the delete */
    struct job *first = queue_take(q, true, 0);
    assert_int_equal(first->follower_count, 1);
    assert_ptr_equal(first->newest, first->followers);
    ended[0] = '\0';
    jobs_answer(first);
    assert_string_equal(ended, "1 3 2 4 5 7 6 8 9 ");
    assert_int_equal(queue_replaced(q), 2);
    /* Split again, each stands for itself, in order. */
    number = 0;
    add(q, "a");
    add(q, "b");
    add(q, "a");
    add(q, "a");
    first = queue_take(q, true, 0);
    job_split(first);
    assert_int_equal(first->follower_count, 0);
    ended[0] = '\0';
    jobs_answer(first);
    assert_string_equal(ended, "1 3 4 2 ");
    queue_free(q);
}

static size_t length(struct job *first)
{
    size_t n = 0;
    for (const struct job *j = first; j; j = j->next)
        n++;
    jobs_answer(first);
    return n;
}

static void groups_are_bounded(void **state)
{
    struct queue *q = fresh(100000, 1 << 20);
    (void)state;
    ended[0] = '\0';
    for (int i = 0; i < GROUP_UPDATES + 10; i++)
        add(q, "-a");
    assert_int_equal(length(queue_take(q, true, 0)), GROUP_UPDATES);
    assert_int_equal(length(queue_take(q, true, 0)), 10);
    /* With a backlog they grow. */
    for (int i = 0; i < 8000; i++)
        add(q, "-a");
    assert_int_equal(length(queue_take(q, true, 0)), 1000);
    size_t taken = 1000, n;
    while ((n = length(queue_take(q, true, 0))))
        taken += n;
    assert_int_equal(taken, 8000);
    for (int i = 0; i < GROUP_CREATES + 1; i++)
        add(q, "+a");
    add(q, "-a");
    assert_int_equal(length(queue_take(q, true, 0)), GROUP_CREATES + 1);
    assert_int_equal(length(queue_take(q, true, 0)), 1);
    queue_free(q);
}

static void declaring_stands_alone(void **state)
{
    struct queue *q = fresh(100, 10000);
    (void)state;
    add(q, "+a");
    assert_true(queue_put(q, job_declare(&host, next_op(), things()), NULL));
    add(q, "+b");
    add(q, "c");
    assert_string_equal(group(q), "1 ");
    assert_string_equal(group(q), "2 ");
    assert_string_equal(group(q), "3 4 ");
    queue_free(q);
}

static void queues_are_bounded(void **state)
{
    struct queue *q = fresh(3, 10000);
    struct fault f = {0};
    (void)state;
    assert_true(add(q, "a"));
    assert_true(add(q, "a"));
    assert_true(add(q, "+b"));
    assert_false(add(q, "+c"));
    assert_false(add(q, "a")); /* one more waits, though it is replaced */
    group(q);
    assert_true(add(q, "+c"));
    group(q);
    queue_free(q);

    q = fresh(100, 5); /* bytes: two documents, and not three */
    assert_true(add(q, "a"));
    assert_true(add(q, "a"));
    assert_false(add(q, "b"));
    assert_true(add(q, "-b"));
    group(q);
    assert_true(add(q, "b"));

    /* Closed: nothing comes in, what is there comes out. */
    queue_close(q);
    assert_true(queue_closed(q));
    struct job *late = job_write(&host, next_op(), NULL, 0);
    assert_false(queue_put(q, late, &f));
    assert_int_equal(f.err, DG_EUNAVAILABLE);
    job_free(late);
    assert_int_equal(length(queue_take(q, true, -1)), 1);
    assert_null(queue_take(q, true, -1));
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_give_room),
        cmocka_unit_test(the_first_fault_stays),
        cmocka_unit_test(schemas_hold_statements),
        cmocka_unit_test(schemas_refuse_names),
        cmocka_unit_test(parses_numbers),
        cmocka_unit_test(knows_now),
        cmocka_unit_test(refuses_deep_documents),
        cmocka_unit_test(reads_fields),
        cmocka_unit_test(agrees_with_jansson),
        cmocka_unit_test(writes_queries),
        cmocka_unit_test(writes_changes),
        cmocka_unit_test(creates_go_first),
        cmocka_unit_test(order_of_a_document_stays),
        cmocka_unit_test(puts_are_replaced),
        cmocka_unit_test(groups_are_bounded),
        cmocka_unit_test(declaring_stands_alone),
        cmocka_unit_test(queues_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
