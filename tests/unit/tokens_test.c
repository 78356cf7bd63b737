/* tokens_test.c - domain/tokens: by digest alone, judged anew each time, uses written together. */
#include "shared_store.h"

#include "base/digest.h"
#include "data/marks.h"
#include "domain/token_record.h"
#include "domain/tokens.h"
#include "domain/users.h"

#define NOW    INT64_C(1700000000000)
#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct scene {
    struct loop *loop;
    struct peer *peer;
    struct users *users;
    struct tokens *tokens;
    bool done;
    enum dg_err err;
    char message[200], shown[32], owner[64];
    int64_t token, user;
    size_t permissions;
    unsigned revoked;
};

static void set_done(void *arg)
{
    *(bool *)arg = true;
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static void on_token(void *arg, enum dg_err err, const char *message, const struct token *token,
                     const struct user *user)
{
    struct scene *s = arg;
    s->err = err;
    copy(s->message, sizeof s->message, message);
    copy(s->shown, sizeof s->shown, token ? token->shown : NULL);
    copy(s->owner, sizeof s->owner, user ? user->username : NULL);
    s->token = token ? token->id : 0;
    s->permissions = token ? token->permission_count : 0;
    s->done = true;
}

static void on_loaded(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct scene *s = arg;
    (void)message;
    (void)user;
    assert_int_equal(err, DG_OK);
    s->done = true;
}

static void on_revoked(void *arg)
{
    ((struct scene *)arg)->revoked++;
}

/* A user with number `id`; `role` NULL: one that may not use the API. */
static void put_user(const char *id, const char *name, const char *role, bool active)
{
    shared_put(COLLECTION_USERS, id,
               json_pack("{s:s,s:s,s:b,s:b}", "username", name, "role", role ? role : "user",
                         "is_active", active, "api_access", role != NULL));
}

static void load_users(struct scene *s)
{
    users_load(s->users, on_loaded, s);
    peer_wait(s->peer, &s->done);
}

static int open_scene(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    s->loop = loop_new();
    s->peer = peer_new(s->loop, "one", 10000);
    s->users = users_new(s->peer->store, s->loop);
    s->tokens = tokens_new(s->peer->store, s->loop, s->users);
    tokens_on_revoked(s->tokens, on_revoked, s);
    put_user("1", "ann", "admin", true);
    put_user("2", "bob", "user", true);
    put_user("3", "eve", "user", false);
    put_user("4", "tom", NULL, true);
    clock_fake(1, NOW);
    *state = s;
    return 0;
}

static int open_loaded(void **state)
{
    open_scene(state);
    load_users(*state);
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    clock_real();
    if (s->tokens) {
        tokens_close(s->tokens, set_done, &s->done);
        peer_wait(s->peer, &s->done);
    }
    users_close(s->users, set_done, &s->done);
    peer_wait(s->peer, &s->done);
    peer_kill(s->peer);
    shared_end(s->loop);
    free(s);
    return 0;
}

static enum dg_err check(struct scene *s, const char *secret)
{
    tokens_check(s->tokens, secret, on_token, s);
    assert_false(s->done); /* never from inside the call */
    peer_wait(s->peer, &s->done);
    return s->err;
}

static enum dg_err take_away(struct scene *s, int64_t id, int64_t by)
{
    tokens_revoke(s->tokens, id, by, on_token, s);
    assert_false(s->done);
    peer_wait(s->peer, &s->done);
    return s->err;
}

/* The document of a token, as token_write makes it, under `id`. */
static json_t *put_token(const char *id, const char *secret, const struct token_request *req)
{
    struct buf text;
    struct token_request all = *req;
    all.secret = secret;
    if (!all.name)
        all.name = "name";
    buf_init(&text, BUF_MAX);
    token_write(&all, NOW, &text);
    json_t *json = json_parse(text.ptr, text.len, 8, NULL);
    buf_free(&text);
    shared_put(COLLECTION_TOKENS, id, json);
    return json;
}

static json_t *simple(const char *id, const char *secret, int64_t user_id)
{
    return put_token(id, secret, &(struct token_request){.user_id = user_id});
}

static void the_text_is_in_no_document(void **state)
{
    static const char *const permissions[] = {"cdr/*", "users/list"};
    const struct token_request req = {
        .user_id = 2, .name = "x", .permissions = permissions, .permission_count = 2};
    char digest[DIGEST_SIZE];
    (void)state;
    char *text = json_dumps(put_token("1", SECRET, &req), JSON_COMPACT);
    digest_hex(SECRET, strlen(SECRET), digest);
    assert_null(strstr(text, SECRET));
    assert_null(strstr(text, "89abcdef01234567")); /* nor the middle of it */
    assert_non_null(strstr(text, digest));
    free(text);
}

static void little_is_shown_of_short_ones(void **state)
{
    static const struct {
        const char *secret, *shown;
    } rows[] = {
        {SECRET, "01234567...89abcdef"},
        {"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV", "abcdefgh...OPQRSTUV"},
        {"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU", "abcd...RSTU"},
        {"abcdefghijklmnopqrstuvwxyz012345", "abcd...2345"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *shown = token_shown(rows[i].secret);
        assert_string_equal(shown, rows[i].shown);
        free(shown);
    }
}

static void what_a_token_may_look_like(void **state)
{
    static const struct {
        const char *secret;
        bool fine;
    } rows[] = {
        {SECRET, true},
        {"abcdefghijklmnopqrstuvwxyz01234", false},
        {"abcdefghijklmnopqrstuvwxyz012345", true},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZ._~+/=-", true},
        {"abcdefghijklmnopqrstuvwxyz01234 5", false},
        {"abcdefghijklmnopqrstuvwxyz01234\n", false},
        {"abcdefghijklmnopqrstuvwxyz012345%", false},
        {"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
         "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
         false},
        {"", false},
        {SECRET SECRET, true},
        {SECRET SECRET "0", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(token_well_formed(rows[i].secret), rows[i].fine);
}

static void who_is_let_in(void **state)
{
    struct scene *s = *state;
    static const char *const permissions[] = {"cdr/*", "users/list"};
    put_token(
        "7", SECRET,
        &(struct token_request){.user_id = 2, .permissions = permissions, .permission_count = 2});
    assert_int_equal(check(s, SECRET), DG_OK);
    assert_string_equal(s->owner, "bob");
    assert_int_equal(s->token, 7);
    assert_int_equal(s->permissions, 2);
    assert_int_equal(check(s, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeF"),
                     DG_EAUTH);
    assert_int_equal(check(s, "short"), DG_EAUTH);
    char digest[DIGEST_SIZE]; /* what is in the store is no token */
    digest_hex(SECRET, strlen(SECRET), digest);
    assert_int_equal(check(s, digest), DG_EAUTH);
}

static void who_is_not(void **state)
{
    struct scene *s = *state;
    static const struct {
        int64_t user_id, expires_at_ms;
        bool revoked;
        const char *says;
    } rows[] = {
        {2, 0, false, ""},
        {2, NOW + 1, false, ""},
        {2, NOW, false, "the token has expired"},
        {2, NOW - 1, false, "the token has expired"},
        {2, 0, true, "the token was revoked"},
        {3, 0, false, "the token's user is not active"},
        {4, 0, false, "the token's user has no access to the API"},
        {5, 0, false, "the token's user is not active"}, /* nobody */
        {0, 0, false, "the token's user is not active"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct token_request req = {.user_id = rows[i].user_id,
                                          .expires_at_ms = rows[i].expires_at_ms};
        json_t *json = put_token("1", SECRET, &req);
        if (rows[i].revoked)
            json_object_set_new(json, "is_active", json_false());
        assert_int_equal(check(s, SECRET), *rows[i].says ? DG_EAUTH : DG_OK);
        assert_string_equal(s->message, rows[i].says);
    }
}

/* One that is restricted by something unreadable must not open all. */
static void strange_documents_open_nothing(void **state)
{
    struct scene *s = *state;
    static const char *const permissions[] = {"\"*\"", "5", "true", "{}", "[1]", "[\"*\",null]"};
    for (size_t i = 0; i < COUNT(permissions); i++) {
        json_t *json = simple("1", SECRET, 2);
        json_object_set_new(json, "permissions", json_loads(permissions[i], JSON_DECODE_ANY, NULL));
        assert_int_equal(check(s, SECRET), DG_EAUTH);
    }
    json_t *json = simple("1", SECRET, 2);
    json_object_set_new(json, "is_active", json_string("yes"));
    assert_int_equal(check(s, SECRET), DG_EAUTH);
    json_object_set_new(json, "is_active", json_true());
    json_object_set_new(json, "user_id", json_string("2"));
    assert_int_equal(check(s, SECRET), DG_EAUTH);
}

static void not_before_the_users_are_known(void **state)
{
    struct scene *s = *state;
    simple("1", SECRET, 2);
    assert_int_equal(check(s, SECRET), DG_EUNAVAILABLE);
    load_users(s);
    assert_int_equal(check(s, SECRET), DG_OK);
}

static void nobody_is_let_in_without_the_store(void **state)
{
    struct scene *s = *state;
    simple("1", SECRET, 2);
    shared_cut_off(s->peer->link, true);
    tokens_check(s->tokens, SECRET, on_token, s);
    shared_cut_off(s->peer->link, false);
    peer_wait(s->peer, &s->done);
    assert_int_equal(s->err, DG_EUNAVAILABLE); /* 503, not 401: the token may be good */
    assert_int_equal(check(s, SECRET), DG_OK);
}

static int64_t last_used(const char *id)
{
    return json_get_int(shared_find(COLLECTION_TOKENS, id)->json, "last_used", 0);
}

/* Once a minute at most, and all of a second together. */
static void uses_are_written_together(void **state)
{
    struct scene *s = *state;
    char secret[3][sizeof SECRET], id[] = "1";
    for (int i = 0; i < 3; i++, id[0]++) {
        memcpy(secret[i], SECRET, sizeof SECRET);
        secret[i][0] = (char)('a' + i);
        simple(id, secret[i], 2);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(check(s, secret[i]), DG_OK);
    assert_int_equal(check(s, secret[0]), DG_OK);
    assert_int_equal(last_used("1"), 0); /* the answer has not waited for it */
    peer_until(s->peer, last_used("1"));
    const uint64_t version = shared_find(COLLECTION_TOKENS, "1")->version;
    assert_int_equal(last_used("1"), NOW);
    assert_int_equal(last_used("2"), NOW);
    assert_int_equal(last_used("3"), 0);

    clock_fake(1, NOW + 59999);
    check(s, secret[0]);
    check(s, secret[2]);
    peer_until(s->peer, last_used("3"));
    assert_int_equal(shared_find(COLLECTION_TOKENS, "1")->version, version);
    clock_fake(1, NOW + 60000);
    check(s, secret[0]);
    peer_until(s->peer, last_used("1") == NOW + 60000);
}

static void uses_are_written_at_the_end(void **state)
{
    struct scene *s = *state;
    simple("1", SECRET, 2);
    check(s, SECRET);
    tokens_close(s->tokens, set_done, &s->done);
    s->tokens = NULL;
    peer_wait(s->peer, &s->done);
    assert_int_equal(last_used("1"), NOW);
}

static void who_may_revoke(void **state)
{
    struct scene *s = *state;
    simple("1", SECRET, 2);
    put_user("5", "tim", "user", true);
    load_users(s);
    assert_int_equal(take_away(s, 1, 5), DG_EDENIED);
    assert_int_equal(take_away(s, 1, 99), DG_EDENIED); /* nobody */
    assert_int_equal(take_away(s, 2, 2), DG_ENOTFOUND);
    assert_int_equal(s->revoked, 0);
    assert_int_equal(check(s, SECRET), DG_OK);

    static const int64_t may[] = {2, 1, 0}; /* the owner, an admin, the command line */
    for (size_t i = 0; i < COUNT(may); i++) {
        simple("1", SECRET, 2);
        assert_int_equal(take_away(s, 1, may[i]), DG_OK);
        assert_int_equal(s->revoked, i + 1);
        assert_int_equal(check(s, SECRET), DG_EAUTH);
        assert_string_equal(s->message, "the token was revoked");
        assert_non_null(shared_find(COLLECTION_MARKS, MARK_TOKENS)); /* for the others */
        assert_int_equal(shared_find(COLLECTION_MARKS, MARK_TOKENS)->version, i + 1);
    }
}

/* Whoever asked is told, and may ask again. */
static void revoking_without_the_store(void **state)
{
    struct scene *s = *state;
    simple("1", SECRET, 2);
    shared_cut_off(s->peer->link, true);
    tokens_revoke(s->tokens, 1, 2, on_token, s);
    shared_cut_off(s->peer->link, false);
    peer_wait(s->peer, &s->done);
    assert_int_equal(s->err, DG_EUNAVAILABLE);
    assert_int_equal(check(s, SECRET), DG_OK);
    assert_int_equal(take_away(s, 1, 2), DG_OK);
    assert_int_equal(check(s, SECRET), DG_EAUTH);
}

static void a_deleted_user_s_tokens_go(void **state)
{
    struct scene *s = *state;
    simple("1", SECRET, 2);
    simple("2", SECRET "x", 1);
    tokens_delete_of(s->tokens, 2);
    peer_until(s->peer, !shared_find(COLLECTION_TOKENS, "1"));
    assert_int_equal(check(s, SECRET), DG_EAUTH);
    assert_int_equal(check(s, SECRET "x"), DG_OK);
}

static void refusals_name_the_field(void **state)
{
    struct scene *s = *state;
    static char long_name[TOKEN_NAME_MAX + 2];
    static const char *many[TOKEN_PERMISSIONS_MAX + 1];
    static const char *const empty[] = {""}, *const breaks[] = {"cdr/*", "a\nb"};
    const struct {
        struct token_request req;
        enum dg_err err;
        const char *says;
    } rows[] = {
        {{.user_id = 2, .secret = "short"}, DG_EINVAL, "token:"},
        {{.user_id = 2, .secret = SECRET, .name = ""}, DG_EINVAL, "name:"},
        {{.user_id = 2, .secret = SECRET, .name = long_name}, DG_EINVAL, "name:"},
        {{.user_id = 2, .secret = SECRET, .name = "a\x7f"}, DG_EINVAL, "name:"},
        {{.user_id = 2, .secret = SECRET, .name = "a\xff"}, DG_EINVAL, "name:"},
        {{.user_id = 2, .secret = SECRET, .permissions = many, .permission_count = COUNT(many)},
         DG_EINVAL,
         "permissions:"},
        {{.user_id = 2, .secret = SECRET, .permissions = empty, .permission_count = 1},
         DG_EINVAL,
         "permissions:"},
        {{.user_id = 2, .secret = SECRET, .permissions = breaks, .permission_count = 2},
         DG_EINVAL,
         "permissions:"},
        {{.user_id = 2, .secret = SECRET, .expires_at_ms = NOW}, DG_EINVAL, "expires_at:"},
        {{.user_id = 99, .secret = SECRET}, DG_ENOTFOUND, "no such user"},
    };
    memset(long_name, 'x', sizeof long_name - 1);
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = "x";
    for (size_t i = 0; i < COUNT(rows); i++) {
        tokens_add(s->tokens, &rows[i].req, on_token, s);
        peer_wait(s->peer, &s->done);
        assert_int_equal(s->err, rows[i].err);
        assert_memory_equal(s->message, rows[i].says, strlen(rows[i].says));
    }
}

/* Closing waits for what is under way, which is answered. */
static void closed_with_work_under_way(void **state)
{
    struct scene *s = *state;
    simple("1", SECRET, 2);
    tokens_check(s->tokens, SECRET, on_token, s);
    s->err = DG_ETIMEOUT;
    bool closed = false;
    tokens_close(s->tokens, set_done, &closed);
    s->tokens = NULL;
    peer_wait(s->peer, &closed);
    assert_int_equal(s->err, DG_OK);
    s->done = false;
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, open_loaded, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(the_text_is_in_no_document),
        cmocka_unit_test(little_is_shown_of_short_ones),
        cmocka_unit_test(what_a_token_may_look_like),
        IN_SCENE(who_is_let_in),
        IN_SCENE(who_is_not),
        IN_SCENE(strange_documents_open_nothing),
        cmocka_unit_test_setup_teardown(not_before_the_users_are_known, open_scene, close_scene),
        IN_SCENE(nobody_is_let_in_without_the_store),
        IN_SCENE(uses_are_written_together),
        IN_SCENE(uses_are_written_at_the_end),
        IN_SCENE(who_may_revoke),
        IN_SCENE(revoking_without_the_store),
        IN_SCENE(a_deleted_user_s_tokens_go),
        IN_SCENE(refusals_name_the_field),
        IN_SCENE(closed_with_work_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
