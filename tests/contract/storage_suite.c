/* storage_suite.c - see storage_suite.h. */
#include "storage_suite.h"

#include <jansson.h>

static const struct dg_field thing_fields[] = {
    {.name = "name", .type = DG_FIELD_TEXT}, {.name = "kind", .type = DG_FIELD_TEXT},
    {.name = "size", .type = DG_FIELD_INT},  {.name = "open", .type = DG_FIELD_BOOL},
    {.name = "at", .type = DG_FIELD_TIME},
};
static const struct dg_index thing_indexes[] = {
    {.fields = (const char *const[]){"kind", "size"}, .field_count = 2},
    {.fields = (const char *const[]){"at"}, .field_count = 1},
};
static const struct dg_field numbered_fields[] = {
    {.name = "label", .type = DG_FIELD_TEXT, .unique = true},
    {.name = "state", .type = DG_FIELD_TEXT},
    {.name = "due", .type = DG_FIELD_TIME},
    {.name = "tries", .type = DG_FIELD_INT},
};
static const struct dg_index numbered_indexes[] = {
    {.fields = (const char *const[]){"state", "due"}, .field_count = 2},
};
static const struct dg_field pair_fields[] = {
    {.name = "a", .type = DG_FIELD_TEXT},
    {.name = "b", .type = DG_FIELD_INT},
};
static const struct dg_index pair_indexes[] = {
    {.fields = (const char *const[]){"a", "b"}, .field_count = 2, .unique = true},
};
static const struct dg_field growing_fields[] = {
    {.name = "colour", .type = DG_FIELD_TEXT},
};

#define FIELDS(list)  .fields = (list), .field_count = COUNT(list)
#define INDEXES(list) .indexes = (list), .index_count = COUNT(list)

void suite_collections(struct rig *r, struct dg_collection out[SUITE_COLLECTIONS])
{
    out[0] = (struct dg_collection){.name = THINGS, FIELDS(thing_fields), INDEXES(thing_indexes)};
    out[1] = (struct dg_collection){
        .name = NUMBERED, .serial = true, FIELDS(numbered_fields), INDEXES(numbered_indexes)};
    out[2] = (struct dg_collection){.name = COUNTED, .serial = true};
    out[3] = (struct dg_collection){.name = PAIRS, FIELDS(pair_fields), INDEXES(pair_indexes)};
    out[4] = (struct dg_collection){.name = GROWING, FIELDS(growing_fields)};
}

void suite_declare(struct rig *r)
{
    struct dg_collection list[SUITE_COLLECTIONS];
    suite_collections(r, list);
    struct answer *a = rig_declare(r, list, SUITE_COLLECTIONS);
    if (a->err != DG_OK) {
        fprintf(stderr, "declare: %s\n", a->message);
        exit(1);
    }
}

void suite_ok(const char *file, int line, const struct answer *a)
{
    if (a->err == DG_OK)
        return;
    print_error("%s: %s\n", err_name(a->err), a->message);
    _fail(file, line);
}

void suite_err(const char *file, int line, const struct answer *a, enum dg_err expected)
{
    if (a->err == expected && strlen(a->message) > 5)
        return;
    print_error("%s (%s) instead of %s\n", err_name(a->err), a->message, err_name(expected));
    _fail(file, line);
}

struct dg_write suite_write(const char *collection, const char *id, const char *json,
                            uint64_t expect)
{
    return (struct dg_write){.collection = collection,
                             .id = id,
                             .json = {json, json ? strlen(json) : 0},
                             .expect = expect};
}

struct answer *suite_put(struct rig *r, const char *collection, const char *id, const char *json,
                         uint64_t expect)
{
    struct dg_write w = suite_write(collection, id, json, expect);
    return rig_write(r, &w, 1);
}

void suite_clear(struct rig *r, const char *collection)
{
    assert_ok(rig_change(r, &(struct dg_change){.collection = collection}));
}

const char *suite_ids(const struct answer *a)
{
    static char out[1 << 16];
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < a->count && len < sizeof(out); i++)
        len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s", i ? "," : "", a->docs[i].id);
    return out;
}

uint64_t suite_count(struct rig *r, const char *collection)
{
    struct answer *a = rig_tally(r, &(struct dg_tally){.collection = collection});
    assert_ok(a);
    assert_int_equal(a->count, 1);
    return a->rows[0].count;
}

bool suite_same_json(struct dg_bytes a, const char *b)
{
    json_t *left = json_loadb(a.ptr, a.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *right = json_loads(b, 0, NULL);
    bool same = left && right && json_equal(left, right);
    json_decref(left);
    json_decref(right);
    return same;
}

void suite_check(struct rig *r, const char *collection, const char *id, uint64_t version,
                 const char *json)
{
    struct answer *a = rig_get(r, collection, id);
    assert_ok(a);
    assert_int_equal(a->count, 1);
    assert_string_equal(a->docs[0].id, id);
    assert_int_equal(a->docs[0].version, version);
    if (!suite_same_json(a->docs[0].json, json))
        fail_msg("%s holds %.*s instead of %s", id, (int)a->docs[0].json.len, a->docs[0].json.ptr,
                 json);
}

int64_t suite_member(const struct dg_doc *doc, const char *key)
{
    json_t *json = json_loadb(doc->json.ptr, doc->json.len, 0, NULL);
    const json_t *member = json_object_get(json, key);
    int64_t out = json_is_integer(member) ? json_integer_value(member) : -1;
    json_decref(json);
    return out;
}

int suite_forget(void **state)
{
    rig_forget(*state);
    return 0;
}
