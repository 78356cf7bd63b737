/* storage_random.c - see storage_random.h. */
#include "storage_random.h"

#include <inttypes.h>

#define PICK(d, list) ((list)[dice_roll(d, COUNT(list))])

enum { KIND_THINGS, KIND_NUMBERED, KIND_COUNTED, KIND_PAIRS, KINDS };

struct field {
    const char *name;
    enum dg_field_type type;
};

static const struct field fields[KINDS][6] = {
    [KIND_THINGS] = {{"name", DG_FIELD_TEXT},
                     {"kind", DG_FIELD_TEXT},
                     {"size", DG_FIELD_INT},
                     {"open", DG_FIELD_BOOL},
                     {"at", DG_FIELD_TIME}},
    [KIND_NUMBERED] = {{"label", DG_FIELD_TEXT},
                       {"state", DG_FIELD_TEXT},
                       {"due", DG_FIELD_TIME},
                       {"tries", DG_FIELD_INT}},
    [KIND_PAIRS] = {{"a", DG_FIELD_TEXT}, {"b", DG_FIELD_INT}},
};

/* JSON texts, and what each means. Order by bytes, case, escapes, characters of each length. */
static const char *const texts[][2] = {
    {"\"\"", ""},
    {"\"a\"", "a"},
    {"\"A\"", "A"},
    {"\"ab\"", "ab"},
    {"\"a b\"", "a b"},
    {"\"a_b\"", "a_b"},
    {"\"a%\"", "a%"},
    {"\"\\u0061\\u0007\"", "a\x07"},
    {"\"\xc3\xa4\"", "\xc3\xa4"},
    {"\"\xc3\x84\"", "\xc3\x84"},
    {"\"\\u00e4\"", "\xc3\xa4"},
    {"\"\xdf\xbf\"", "\xdf\xbf"},
    {"\"\xef\xbf\xbf\"", "\xef\xbf\xbf"},
    {"\"\xed\x9f\xbf\"", "\xed\x9f\xbf"},
    {"\"\xee\x80\x80\"", "\xee\x80\x80"},
    {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
    {"\"\xf4\x8f\xbf\xbf\"", "\xf4\x8f\xbf\xbf"},
    {"\"\x7f\"", "\x7f"},
    {"\"'; --\"", "'; --"},
    {"\"\\\"\\\\\\/\\n\"", "\"\\/\n"},
    {"\"{a,\\\"b\\\"}\"", "{a,\"b\"}"},
    {"\"NULL\"", "NULL"},
    {"\"10\"", "10"},
    {"\"9\"", "9"},
};

static const char *const numbers[] = {
    "0",
    "1",
    "-1",
    "2",
    "9",
    "10",
    "100",
    "-100",
    "4294967296",
    "-4294967297",
    "-5",
    "77",
    "78",
    "1000",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775806",
};

static const char *const truths[] = {"true", "false"};

/* Of another type than the field, or no JSON. */
static const char *const wrongs[] = {"1.5",  "[]", "{}",  "\"1\"", "9223372036854775808",
                                     "true", "7",  "\"x", "-",     "\"\\u0000\""};

/* Members that are nobody's field. */
static const char *const extras[] = {
    "\"x\":[1, 2 ,{\"y\" : null}]",
    "\"\":1e400",
    "\"k\\u00e4\\n\":0.10",
    "\"@doc\":\"@now\"",
    "\"x y\":-0",
    "\"deep\":[[[[{}]]]]",
    "\"\\u0022\":\"\\u00FC\"",
    "\"id\":\"other\"",
    "\"big\":123456789012345678901234567890",
};

uint64_t dice_roll(struct dice *d, uint64_t sides)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % sides;
}

static bool one_in(struct dice *d, unsigned n)
{
    return dice_roll(d, n) == 0;
}

/* ---- Values ------------------------------------------------------------- */

static const char *json_value(struct dice *d, enum dg_field_type type)
{
    if (one_in(d, 60))
        return PICK(d, wrongs);
    if (one_in(d, 8))
        return "null";
    if (type == DG_FIELD_TEXT)
        return texts[dice_roll(d, COUNT(texts))][0];
    return type == DG_FIELD_BOOL ? PICK(d, truths) : PICK(d, numbers);
}

static const char *value(struct dice *d, enum dg_field_type type)
{
    if (one_in(d, 80))
        return PICK(d, wrongs);
    if (type == DG_FIELD_TIME && one_in(d, 5))
        return one_in(d, 2) ? "@now" : "@now-100000000";
    if (type == DG_FIELD_TEXT)
        return texts[dice_roll(d, COUNT(texts))][1];
    return type == DG_FIELD_BOOL ? PICK(d, truths) : PICK(d, numbers);
}

static size_t field_count(unsigned collection)
{
    size_t n = 0;
    while (fields[collection][n].name)
        n++;
    return n;
}

static struct field field_of(struct dice *d, unsigned collection)
{
    size_t n = dice_roll(d, field_count(collection) + 1);
    if (fields[collection][n].name)
        return fields[collection][n];
    bool serial = collection == KIND_NUMBERED || collection == KIND_COUNTED;
    return (struct field){"id", serial ? DG_FIELD_INT : DG_FIELD_TEXT};
}

static const char *id_of(struct request *r, struct dice *d, unsigned collection)
{
    static const char *const odd[] = {"", "01", "-1", "x", "99999999999999999999", "\xc3\xa4", "A"};
    char text[24];
    if (one_in(d, 40))
        return PICK(d, odd);
    snprintf(text, sizeof(text), "%" PRIu64, 1 + dice_roll(d, collection == KIND_PAIRS ? 15 : 40));
    return arena_strdup(r->arena, text);
}

/* An object with some of the fields, in any order, and what else there may be. */
static struct dg_bytes document(struct request *r, struct dice *d, unsigned collection, bool set)
{
    struct buf out;
    size_t count = field_count(collection), first = dice_roll(d, count + 1);
    const char *glue = !set && one_in(d, 6) ? " { " : "{";
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &fields[collection][(first + i) % count];
        if (one_in(d, set ? 2 : 4))
            continue;
        buf_addf(&out, "%s\"%s\":%s", glue, f->name, json_value(d, f->type));
        glue = !set && one_in(d, 6) ? " ,\n" : ",";
    }
    if (!set && one_in(d, 3)) {
        buf_addf(&out, "%s%s", glue, PICK(d, extras));
        glue = ",";
    }
    buf_addf(&out, "%s}", out.len ? "" : "{");
    struct dg_bytes bytes = {arena_dup(r->arena, buf_cstr(&out), out.len + 1), out.len};
    buf_free(&out);
    return bytes;
}

/* ---- Requests ----------------------------------------------------------- */

static const char *list_value(struct request *r, struct dice *d, enum dg_field_type type)
{
    struct buf out;
    size_t count = dice_roll(d, 4);
    buf_init(&out, 1 << 16);
    buf_addf(&out, "[");
    for (size_t i = 0; i < count; i++)
        buf_addf(&out, "%s%s", i ? "," : "",
                 type == DG_FIELD_TEXT   ? texts[dice_roll(d, COUNT(texts))][0]
                 : type == DG_FIELD_BOOL ? PICK(d, truths)
                                         : PICK(d, numbers));
    buf_addf(&out, "]");
    const char *text = arena_strdup(r->arena, buf_cstr(&out));
    buf_free(&out);
    return text;
}

static void roll_wheres(struct request *r, struct dice *d)
{
    r->where_count = dice_roll(d, REQUEST_WHERES + 1);
    for (size_t i = 0; i < r->where_count; i++) {
        struct dg_where *w = &r->wheres[i];
        struct field f = field_of(d, r->collection);
        *w = (struct dg_where){.field = f.name, .group = (unsigned)dice_roll(d, 3)};
        w->compare = (enum dg_compare)dice_roll(d, DG_IS_NULL + 1);
        if (w->compare == DG_IN)
            w->value = list_value(r, d, f.type);
        else if (w->compare == DG_IS_NULL)
            w->value = one_in(d, 2) ? "false" : NULL;
        else
            w->value = value(d, f.type);
    }
}

static void roll_write(struct request *r, struct dice *d, size_t i, unsigned collection, bool bulk)
{
    static const uint64_t expects[] = {DG_VERSION_ANY, DG_VERSION_ANY, DG_VERSION_NONE, 1, 2, 3};
    struct dg_write *w = &r->writes[i];
    bool serial = collection == KIND_NUMBERED || collection == KIND_COUNTED;
    *w = (struct dg_write){.expect = bulk ? DG_VERSION_ANY : PICK(d, expects)};
    r->collections[i] = collection;
    w->id = serial && !bulk && one_in(d, 3) ? NULL : id_of(r, d, collection);
    if (bulk || !one_in(d, 4))
        w->json = document(r, d, collection, false);
}

static void roll_writes(struct request *r, struct dice *d)
{
    static const size_t counts[] = {1, 1, 1, 1, 1, 2, 3, 5};
    const bool bulk = one_in(d, 60), fresh = !bulk && one_in(d, 150);
    r->write_count = bulk || fresh ? 200 + dice_roll(d, 50) : PICK(d, counts);
    for (size_t i = 0; i < r->write_count; i++)
        roll_write(r, d, i, bulk ? r->collection : (unsigned)dice_roll(d, KINDS), bulk);
    /* New ones, and up to three of any kind behind them. */
    const size_t news = fresh ? r->write_count - dice_roll(d, 4) : 0;
    for (size_t i = 0; i < news; i++) {
        r->collections[i] = KIND_COUNTED;
        r->writes[i] = (struct dg_write){.json = document(r, d, KIND_COUNTED, false),
                                         .expect = DG_VERSION_ANY};
    }
}

static void roll_order(struct request *r, struct dice *d)
{
    r->order_by = one_in(d, 3) ? NULL : field_of(d, r->collection).name;
    r->descending = one_in(d, 2);
    r->offset = one_in(d, 3) ? dice_roll(d, 10) : 0;
    r->limit = one_in(d, 2) ? dice_roll(d, 12) : 0;
}

void request_roll(struct request *r, struct dice *d)
{
    static const enum request_kind kinds[] = {
        REQUEST_WRITE, REQUEST_WRITE, REQUEST_WRITE, REQUEST_WRITE,  REQUEST_WRITE, REQUEST_GET,
        REQUEST_QUERY, REQUEST_QUERY, REQUEST_TALLY, REQUEST_CHANGE, REQUEST_TAKE,
    };
    struct arena *arena = r->arena;
    if (arena)
        arena_free(arena);
    memset(r, 0, sizeof(*r));
    r->arena = arena_new();
    r->kind = PICK(d, kinds);
    r->collection = (unsigned)dice_roll(d, KINDS);
    r->id = id_of(r, d, r->collection);
    roll_wheres(r, d);
    roll_order(r, d);
    if (r->kind == REQUEST_WRITE)
        roll_writes(r, d);
    if (r->kind == REQUEST_TALLY) {
        r->by = one_in(d, 4) ? NULL : field_of(d, r->collection).name;
        r->sum = one_in(d, 2) ? NULL : field_of(d, r->collection).name;
    }
    if (r->kind == REQUEST_TAKE || (r->kind == REQUEST_CHANGE && !one_in(d, 6)))
        r->set = document(r, d, r->collection, true);
    if (r->kind == REQUEST_CHANGE && !r->where_count) /* not all, or there is never much there */
        r->kind = REQUEST_QUERY;
}

/* ---- Asking ------------------------------------------------------------- */

static struct answer *ask_write(const struct request *r, struct rig *rig,
                                const struct dg_collection *list)
{
    static struct dg_write writes[REQUEST_WRITES];
    for (size_t i = 0; i < r->write_count; i++) {
        writes[i] = r->writes[i];
        writes[i].collection = list[r->collections[i]].name;
    }
    return rig_write(rig, writes, r->write_count);
}

struct answer *request_ask(const struct request *r, struct rig *rig)
{
    struct dg_collection list[SUITE_COLLECTIONS];
    suite_collections(rig, list);
    const char *name = list[r->collection].name;
    struct dg_query query = {.collection = name,
                             .where = r->wheres,
                             .where_count = r->where_count,
                             .order_by = r->order_by,
                             .descending = r->descending,
                             .offset = r->offset,
                             .limit = r->limit};
    struct dg_tally tally = {.collection = name,
                             .where = r->wheres,
                             .where_count = r->where_count,
                             .by = r->by,
                             .sums = &r->sum,
                             .sum_count = r->sum ? 1 : 0};
    struct dg_change change = {
        .collection = name, .where = r->wheres, .where_count = r->where_count, .set = r->set};
    switch (r->kind) {
    case REQUEST_WRITE:
        return ask_write(r, rig, list);
    case REQUEST_GET:
        return rig_get(rig, name, r->id);
    case REQUEST_QUERY:
        return rig_query(rig, &query);
    case REQUEST_TALLY:
        return rig_tally(rig, &tally);
    case REQUEST_CHANGE:
        return rig_change(rig, &change);
    case REQUEST_TAKE:
        return rig_take(rig, &(struct dg_take){.from = query, .set = r->set});
    }
    return NULL;
}

void request_print(const struct request *r, FILE *out)
{
    static const char *const names[] = {"write", "get", "query", "tally", "change", "take"};
    fprintf(out, "%s of collection %u, id %s\n", names[r->kind], r->collection, r->id);
    for (size_t i = 0; i < r->write_count && i < 20; i++)
        fprintf(out, "  %u %s expects %" PRId64 ": %.*s\n", r->collections[i],
                r->writes[i].id ? r->writes[i].id : "-", (int64_t)r->writes[i].expect,
                (int)r->writes[i].json.len, r->writes[i].json.ptr ? r->writes[i].json.ptr : "");
    for (size_t i = 0; i < r->where_count; i++)
        fprintf(out, "  where %s %d '%s' group %u\n", r->wheres[i].field, (int)r->wheres[i].compare,
                r->wheres[i].value ? r->wheres[i].value : "-", r->wheres[i].group);
    fprintf(out, "  order by %s%s, %" PRIu64 " from %" PRIu64 "; by %s sum %s; set %.*s\n",
            r->order_by ? r->order_by : "-", r->descending ? " descending" : "", r->limit,
            r->offset, r->by ? r->by : "-", r->sum ? r->sum : "-", (int)r->set.len,
            r->set.ptr ? r->set.ptr : "");
}
