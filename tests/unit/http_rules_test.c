/* http_rules_test.c - the small pure parts of http: cross-origin rules, ambiguous
 * request heads, the identity cache. */
#include "unit.h"

#include "http/cors.h"
#include "http/framing.h"
#include "http/identity_cache.h"

/* ---- Origins ------------------------------------------------------------ */

static void origins(void **state)
{
    (void)state;
    static const char *const any[] = {"*", NULL}, *const none[] = {NULL},
                             *const both[] = {"https://a.example", "https://b.example:8443", NULL},
                             *const mixed[] = {"https://a.example", "*", NULL};
    const struct {
        const char *const *allowed;
        const char *origin;
        enum cors verdict;
    } cases[] = {
        {any, NULL, CORS_NONE},
        {any, "", CORS_NONE},
        {any, "https://a.example", CORS_ANY},
        {any, "null", CORS_ANY},
        {none, "https://a.example", CORS_REFUSED},
        {NULL, "https://a.example", CORS_REFUSED},
        {both, "https://a.example", CORS_LISTED},
        {both, "HTTPS://A.example", CORS_LISTED},
        {both, "https://b.example:8443", CORS_LISTED},
        {both, "https://b.example", CORS_REFUSED},
        {both, "http://a.example", CORS_REFUSED},
        {both, "https://a.example.evil", CORS_REFUSED},
        {both, "null", CORS_REFUSED},
        {both, "*", CORS_REFUSED},
        {both, NULL, CORS_NONE},
        {mixed, "https://c.example", CORS_ANY},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(cors_judge(cases[i].allowed, cases[i].origin), cases[i].verdict);
}

/* ---- Heads -------------------------------------------------------------- */

static void heads(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool ambiguous;
    } cases[] = {
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", false},
        {"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", false},
        {"POST / HTTP/1.1\nContent-Length: 3\n\nabc", false},
        {"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", true},
        {"POST / HTTP/1.1\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\nabc", true},
        {"POST / HTTP/1.1\nContent-Length: 3\nContent-Length: 4\n\nabcd", true},
        {"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         true},
        {"POST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\nA: b\r\nContent-Length: 3\r\n\r\n",
         true},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n", true},
        {"POST / HTTP/1.1\r\nA: b\r\n Content-Length: 3\r\n\r\n", true},
        {"POST / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nhost: x\r\nA: b\r\nHOST: x\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: x\r\nX-Host: y\r\n\r\n", false},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
        {"POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n", true},
        {"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        /* The body is not the head, and a longer name is another name. */
        {"POST / HTTP/1.1\r\nContent-Length: 19\r\n\r\nContent-Length: 3\r\n", false},
        {"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Lengths: 4\r\n\r\nabc", false},
        {"POST / HTTP/1.1\r\nContent-Length: 3\r\nX-Content-Length: 4\r\n\r\nabc", false},
        {"", false},
        {"POST", false},
        {"\r\n", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = strlen(cases[i].head);
        char *exact = malloc(len + 1);
        memcpy(exact, cases[i].head, len);
        if (framing_ambiguous(exact, len) != cases[i].ambiguous)
            fail_msg("%s", cases[i].head);
        free(exact);
    }
}

static void complete_heads(void **state)
{
    (void)state;
    const char *head = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
    for (size_t len = 0; len < strlen(head); len++)
        assert_false(framing_head_complete(head, len));
    assert_true(framing_head_complete(head, strlen(head)));
    assert_true(framing_head_complete("GET / HTTP/1.1\n\nbody", 20));
    assert_false(framing_head_complete("GET / HTTP/1.1\n\r", 16));
}

/* ---- Identities --------------------------------------------------------- */

static const char *const scopes[] = {"campaigns/*", "cdr/list"};
static const struct dg_identity sample = {DG_SIZED(struct dg_identity),
                                          .subject = "ann",
                                          .role = "user",
                                          .scopes = scopes,
                                          .scope_count = 2,
                                          .cache_ms = 1000};
static const struct siphash_tag tag = {5, 6};
static const struct known_until until = {1000, 5000};

static void a_copy_is_complete(void **state)
{
    (void)state;
    struct known *k = known_new(&sample);
    assert_string_equal(k->identity.subject, "ann");
    assert_string_equal(k->identity.role, "user");
    assert_null(k->identity.tenant);
    assert_int_equal(k->identity.scope_count, 2);
    assert_string_equal(k->identity.scopes[0], "campaigns/*");
    assert_string_equal(k->identity.scopes[1], "cdr/list");
    assert_ptr_not_equal(k->identity.scopes[1], scopes[1]);
    known_unref(k);
    known_unref(NULL);
}

/* A cache of one entry with the sample in it. */
static struct identity_cache *cache_with(struct known **k, uint64_t generation)
{
    struct identity_cache *c = identity_cache_new(1);
    *k = known_new(&sample);
    identity_cache_put(c, tag, generation, until, *k);
    return c;
}

static void found_until_its_time_is_up(void **state)
{
    (void)state;
    struct known *k;
    struct identity_cache *c = cache_with(&k, 7);
    assert_ptr_equal(identity_cache_get(c, tag, 7, 999, 4999), k);
    assert_null(identity_cache_get(c, (struct siphash_tag){5, 7}, 7, 0, 0));
    assert_null(identity_cache_get(c, (struct siphash_tag){4, 6}, 7, 0, 0));
    assert_ptr_equal(identity_cache_get(c, tag, 7, 999, 4999), k);
    /* By either clock; and what has gone does not come back with the clock. */
    assert_null(identity_cache_get(c, tag, 7, 1000, 0));
    assert_null(identity_cache_get(c, tag, 7, 0, 0));
    identity_cache_put(c, tag, 7, until, k);
    assert_null(identity_cache_get(c, tag, 7, 0, 5000));
    assert_int_equal(k->refs, 1);
    known_unref(k);
    identity_cache_free(c);
}

static void revoked_by_the_generation(void **state)
{
    (void)state;
    struct known *k;
    struct identity_cache *c = cache_with(&k, 7);
    assert_null(identity_cache_get(c, tag, 8, 0, 0));
    assert_null(identity_cache_get(c, tag, 7, 0, 0));
    known_unref(k);
    identity_cache_free(c);
}

static void a_newcomer_takes_the_place(void **state)
{
    (void)state;
    struct known *k;
    struct identity_cache *c = cache_with(&k, 7);
    struct known *other = known_new(&sample);
    identity_cache_put(c, (struct siphash_tag){9, 9}, 7, until, other);
    assert_int_equal(k->refs, 1);
    assert_null(identity_cache_get(c, tag, 7, 0, 0));
    assert_ptr_equal(identity_cache_get(c, (struct siphash_tag){9, 9}, 7, 0, 0), other);
    identity_cache_put(c, (struct siphash_tag){9, 9}, 7, until, other); /* in its own place */
    assert_int_equal(other->refs, 2);
    known_unref(k);
    known_unref(other);
    identity_cache_free(c);
}

static void how_long(void **state)
{
    (void)state;
    static const struct {
        int64_t expires_at_ms;
        uint64_t cache_ms;
        uint64_t span; /* 0: not at all */
    } cases[] = {
        {0, 500, 500},   {0, 0, 0},      {10000 + 200, 500, 200}, {10000 + 800, 500, 500},
        {10000, 500, 0}, {9000, 500, 0}, {10000 + 800, 0, 0},     {0, UINT64_MAX, INT64_MAX / 4},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dg_identity id = sample;
        id.expires_at_ms = cases[i].expires_at_ms;
        id.cache_ms = cases[i].cache_ms;
        struct known_until out = {0, 0};
        assert_int_equal(known_until(&id, 100, 10000, &out), cases[i].span != 0);
        if (cases[i].span) {
            assert_int_equal(out.mono_ms, 100 + cases[i].span);
            assert_int_equal(out.unix_ms, 10000 + (int64_t)cases[i].span);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins),
        cmocka_unit_test(heads),
        cmocka_unit_test(complete_heads),
        cmocka_unit_test(a_copy_is_complete),
        cmocka_unit_test(found_until_its_time_is_up),
        cmocka_unit_test(revoked_by_the_generation),
        cmocka_unit_test(a_newcomer_takes_the_place),
        cmocka_unit_test(how_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
