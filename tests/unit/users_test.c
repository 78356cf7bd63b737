/* users_test.c - domain/users: in memory, written first, never half. */
#include "memory_store.h"

#include "base/clock.h"
#include "domain/users.h"

struct scene {
    struct world *world;
    struct users *users;
    enum dg_err err;
    char message[200];
    struct user got; /* only the plain members */
    unsigned changes;
};

static void on_user(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct scene *s = arg;
    s->err = err;
    snprintf(s->message, sizeof s->message, "%s", message ? message : "");
    assert_int_equal(user != NULL, err == DG_OK);
    if (user)
        s->got = *user;
    s->world->done = true;
}

static void on_loaded(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct scene *s = arg;
    (void)message;
    assert_null(user);
    s->err = err;
    s->world->done = true;
}

static void on_change(void *arg)
{
    ((struct scene *)arg)->changes++;
}

static void load(struct scene *s)
{
    users_load(s->users, on_loaded, s);
    world_wait(s->world, &s->world->done);
    assert_int_equal(s->err, DG_OK);
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

static int open_scene(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    s->world = world_new();
    s->users = users_new(s->world->store, s->world->loop);
    users_on_change(s->users, on_change, s);
    assert_false(users_loaded(s->users));
    load(s);
    assert_true(users_loaded(s->users));
    *state = s;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    users_close(s->users, world_done, s->world);
    world_wait(s->world, &s->world->done);
    world_free(s->world);
    free(s);
    clock_real();
    return 0;
}

static const struct user_change nothing = {.is_active = -1, .api_access = -1};

static enum dg_err add(struct scene *s, const char *name, const struct user_change *set)
{
    users_add(s->users, name, set, on_user, s);
    assert_false(s->world->done); /* never from inside the call */
    world_wait(s->world, &s->world->done);
    return s->err;
}

static enum dg_err change(struct scene *s, const char *name, const struct user_change *set)
{
    users_change(s->users, name, set, on_user, s);
    assert_false(s->world->done);
    world_wait(s->world, &s->world->done);
    return s->err;
}

static void added_users_are_stored(void **state)
{
    struct scene *s = *state;
    struct user_change set = nothing;
    clock_fake(1000, 1700000000123);
    set.password_hash = "$2b$hash";
    set.email = "ann@example.org";
    set.role = "admin";
    assert_int_equal(add(s, "ann", &set), DG_OK);
    clock_real();
    assert_int_equal(add(s, "bob", &nothing), DG_OK);

    for (int round = 0; round < 2; round++) {
        const struct user *ann = users_find(s->users, "ann"), *bob = users_find(s->users, "bob");
        assert_int_equal(users_count(s->users), 2);
        assert_string_equal(ann->password_hash, "$2b$hash");
        assert_string_equal(ann->email, "ann@example.org");
        assert_string_equal(ann->role, "admin");
        assert_int_equal(ann->created_at_ms, 1700000000123);
        assert_int_equal(ann->version, 1);
        assert_true(ann->is_active && ann->api_access);
        assert_string_equal(bob->role, "user");
        assert_null(bob->email);
        assert_true(bob->id > ann->id);
        assert_null(users_find(s->users, "Ann"));
        load(s); /* and the same again out of the store */
    }
}

static void refusals_name_the_field(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *name;
        struct user_change set;
        enum dg_err err;
        const char *says;
    } rows[] = {
        {"al", {.is_active = -1}, DG_EINVAL, "username:"},
        {"", {.is_active = -1}, DG_EINVAL, "username:"},
        {"ann lee", {.is_active = -1}, DG_EINVAL, "username:"},
        {"ann\n", {.is_active = -1}, DG_EINVAL, "username:"},
        {"\xc3\xa4nn", {.is_active = -1}, DG_EINVAL, "username:"},
        {"123456789.123456789.123456789.123456789.123456789.1",
         {.is_active = -1},
         DG_EINVAL,
         "username:"},
        {"eve", {.role = "root"}, DG_EINVAL, "role:"},
        {"eve", {.role = ""}, DG_EINVAL, "role:"},
        {"eve", {.email = "nobody"}, DG_EINVAL, "email:"},
        {"eve", {.email = "a@b@c"}, DG_EINVAL, "email:"},
        {"eve", {.email = "@b"}, DG_EINVAL, "email:"},
        {"eve", {.email = "a@"}, DG_EINVAL, "email:"},
        {"eve", {.email = "a@b\r\nx"}, DG_EINVAL, "email:"},
        {"eve", {.full_name = "E\tve"}, DG_EINVAL, "full_name:"},
        {"eve", {.password_hash = ""}, DG_EINVAL, "password:"},
        {"ann", {.is_active = -1}, DG_ECONFLICT, "username:"},
    };
    assert_int_equal(add(s, "ann", &nothing), DG_OK);
    size_t writes = s->world->memory->writes;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(add(s, rows[i].name, &rows[i].set), rows[i].err);
        assert_memory_equal(s->message, rows[i].says, strlen(rows[i].says));
    }
    assert_int_equal(s->world->memory->writes, writes);
    assert_int_equal(users_count(s->users), 1);
    assert_int_equal(add(s, "123456789.123456789.123456789.123456789.123456789.", &nothing), DG_OK);
}

static void two_adds_at_once(void **state)
{
    struct scene *s = *state;
    struct scene other = {.world = s->world};
    users_add(s->users, "ann", &nothing, on_user, s);
    users_add(s->users, "ann", &nothing, on_user, &other);
    world_wait(s->world, &s->world->done);
    if (!other.message[0])
        world_wait(s->world, &s->world->done);
    assert_int_equal(s->err, DG_OK);
    assert_int_equal(other.err, DG_ECONFLICT);
    assert_int_equal(users_count(s->users), 1);
}

static void changes_set_what_they_name(void **state)
{
    struct scene *s = *state;
    struct user_change set = nothing;
    set.email = "ann@example.org";
    set.password_hash = "$2b$hash";
    add(s, "ann", &set);
    s->changes = 0;

    set = nothing;
    set.last_login_ms = 1700000000000;
    assert_int_equal(change(s, "ann", &set), DG_OK);
    assert_int_equal(s->changes, 0); /* revokes nothing */
    set = nothing;
    set.email = "";
    assert_int_equal(change(s, "ann", &set), DG_OK);
    assert_int_equal(s->changes, 0);
    set = nothing;
    set.is_active = 0;
    assert_int_equal(change(s, "ann", &set), DG_OK);
    assert_int_equal(s->changes, 1);
    set = nothing;
    set.role = "admin";
    assert_int_equal(change(s, "ann", &set), DG_OK);
    set = nothing;
    set.password_hash = "$2b$other";
    assert_int_equal(change(s, "ann", &set), DG_OK);
    set = nothing;
    set.api_access = 0;
    assert_int_equal(change(s, "ann", &set), DG_OK);
    assert_int_equal(s->changes, 4);

    load(s);
    const struct user *ann = users_find(s->users, "ann");
    assert_null(ann->email);
    assert_false(ann->is_active);
    assert_false(ann->api_access);
    assert_string_equal(ann->role, "admin");
    assert_string_equal(ann->password_hash, "$2b$other");
    assert_int_equal(ann->last_login_ms, 1700000000000);
    assert_int_equal(ann->version, 7);
    assert_int_equal(change(s, "bob", &set), DG_ENOTFOUND);
    set.role = "king";
    assert_int_equal(change(s, "ann", &set), DG_EINVAL);
    assert_string_equal(users_find(s->users, "ann")->role, "admin");
}

/* An import may give a number's user another name. */
static void renamed_behind_our_back(void **state)
{
    struct scene *s = *state;
    struct user_change set = nothing;
    add(s, "ann", &nothing);
    static const char behind[] = "{\"username\":\"eve\",\"is_active\":true}";
    memory_put(s->world->memory, COLLECTION_USERS, "1", (struct dg_bytes){behind, strlen(behind)});
    set.is_active = 0;
    assert_int_equal(change(s, "ann", &set), DG_ENOTFOUND);
    assert_null(users_find(s->users, "ann"));
    assert_non_null(users_find(s->users, "eve"));
    assert_true(users_find(s->users, "eve")->is_active);
}

/* Another gateway writes between our read and our write. */
static void a_faster_writer_is_respected(void **state)
{
    struct scene *s = *state;
    struct user_change set = nothing, admin = nothing;
    add(s, "ann", &nothing);
    admin.role = "admin";
    add(s, "root", &admin); /* or ann would be the last one */
    static const char behind[] =
        "{\"username\":\"ann\",\"role\":\"admin\",\"is_active\":true,\"api_access\":true}";
    memory_put(s->world->memory, COLLECTION_USERS, "1", (struct dg_bytes){behind, strlen(behind)});
    assert_string_equal(users_find(s->users, "ann")->role, "user");

    set.is_active = 0;
    assert_int_equal(change(s, "ann", &set), DG_OK);
    assert_string_equal(users_find(s->users, "ann")->role, "admin");
    assert_false(users_find(s->users, "ann")->is_active);
    assert_int_equal(users_find(s->users, "ann")->version, 3);
}

static void the_last_active_admin_stays(void **state)
{
    struct scene *s = *state;
    struct user_change admin = nothing, user = nothing, inactive = nothing;
    admin.role = "admin";
    user.role = "user";
    inactive.is_active = 0;
    add(s, "ann", &admin);
    add(s, "bob", &nothing);
    assert_int_equal(change(s, "ann", &user), DG_EDENIED);
    assert_int_equal(change(s, "ann", &inactive), DG_EDENIED);
    assert_int_equal(change(s, "bob", &admin), DG_OK);
    assert_int_equal(change(s, "bob", &inactive), DG_OK);
    assert_int_equal(change(s, "ann", &user), DG_EDENIED);
    assert_true(users_find(s->users, "ann")->is_active);
    assert_string_equal(users_find(s->users, "ann")->role, "admin");
}

static void two_admins_at_once(void **state)
{
    struct scene *s = *state;
    struct user_change admin = nothing, user = nothing;
    admin.role = "admin";
    user.role = "user";
    add(s, "ann", &admin);
    add(s, "bob", &admin);
    users_change(s->users, "ann", &user, on_user, s);
    users_change(s->users, "bob", &user, on_user, s);
    bool closed = false;
    users_close(s->users, on_closed, &closed);
    world_wait(s->world, &closed);
    s->world->done = false;
    s->users = users_new(s->world->store, s->world->loop);
    load(s);
    assert_true(str_eq(users_find(s->users, "ann")->role, "admin") !=
                str_eq(users_find(s->users, "bob")->role, "admin"));
}

static void renamed(void **state)
{
    struct scene *s = *state;
    struct user_change set = nothing;
    add(s, "ann", &nothing);
    add(s, "bob", &nothing);
    const int64_t id = users_find(s->users, "ann")->id;
    set.username = "bob";
    assert_int_equal(change(s, "ann", &set), DG_ECONFLICT);
    set.username = "a b";
    assert_int_equal(change(s, "ann", &set), DG_EINVAL);
    assert_int_equal(users_find_id(s->users, id)->signed_in_since_ms, 0);
    set.username = "eve";
    assert_int_equal(change(s, "ann", &set), DG_OK);
    assert_null(users_find(s->users, "ann"));
    assert_ptr_equal(users_find(s->users, "eve"), users_find_id(s->users, id));
    assert_true(users_find(s->users, "eve")->signed_in_since_ms > 0);
}

static void sign_ins_before_a_password_end(void **state)
{
    struct scene *s = *state;
    struct user_change set = nothing, login = nothing;
    clock_fake(1, 1700000000900);
    set.password_hash = "x";
    add(s, "ann", &set);
    assert_int_equal(users_find(s->users, "ann")->signed_in_since_ms, 0);
    assert_int_equal(change(s, "ann", &set), DG_OK);
    assert_int_equal(users_find(s->users, "ann")->signed_in_since_ms, 1700000002000);
    login.last_login_ms = 1700000009500; /* by a clock that is ahead */
    change(s, "ann", &login);
    change(s, "ann", &set);
    assert_int_equal(users_find(s->users, "ann")->signed_in_since_ms, 1700000010000);
    set = nothing;
    set.full_name = "Ann";
    change(s, "ann", &set);
    assert_int_equal(users_find(s->users, "ann")->signed_in_since_ms, 1700000010000);
}

static void changes_at_once_all_count(void **state)
{
    struct scene *s = *state;
    struct user_change inactive = nothing, admin = nothing, named = nothing;
    add(s, "ann", &nothing);
    inactive.is_active = 0;
    admin.role = "admin";
    named.full_name = "Ann Lee";
    users_change(s->users, "ann", &inactive, on_user, s);
    users_change(s->users, "ann", &admin, on_user, s);
    users_change(s->users, "ann", &named, on_user, s);
    bool closed = false;
    users_close(s->users, on_closed, &closed); /* waits for the three */
    world_wait(s->world, &closed);
    s->world->done = false;

    s->users = users_new(s->world->store, s->world->loop);
    load(s);
    const struct user *ann = users_find(s->users, "ann");
    assert_false(ann->is_active);
    assert_string_equal(ann->role, "admin");
    assert_string_equal(ann->full_name, "Ann Lee");
}

/* The time of a sign-in is written while somebody renames him: his new name is nobody else's. */
static void renamed_while_he_signs_in(void **state)
{
    struct scene *s = *state;
    struct user_change signs_in = nothing, other = nothing;
    add(s, "ann", &nothing);
    signs_in.last_login_ms = 1700000000000;
    other.username = "annie";
    users_change(s->users, "ann", &signs_in, on_user, s);
    users_change(s->users, "ann", &other, on_user, s);
    for (int answer = 0; answer < 2; answer++) {
        s->world->done = false;
        world_wait(s->world, &s->world->done);
        assert_int_equal(s->err, DG_OK);
    }
    assert_int_equal(users_find(s->users, "annie")->last_login_ms, 1700000000000);
}

static void what_was_not_written_is_not_seen(void **state)
{
    struct scene *s = *state;
    struct user_change set = nothing;
    add(s, "ann", &nothing);
    s->changes = 0;
    s->world->memory->fail_writes = DG_EINTERNAL;
    set.is_active = 0;
    assert_int_equal(change(s, "ann", &set), DG_EINTERNAL);
    assert_string_equal(s->message, "the disk is full");
    assert_true(users_find(s->users, "ann")->is_active);
    assert_int_equal(add(s, "bob", &nothing), DG_EINTERNAL);
    assert_null(users_find(s->users, "bob"));
    assert_int_equal(s->changes, 0);
    s->world->memory->fail_writes = DG_OK;
}

static void strange_documents_are_passed_over(void **state)
{
    struct scene *s = *state;
    static const char *const docs[] = {
        "{}",
        "{\"username\":7}",
        "[]",
        "{\"username\":\"\"}",
        "{\"username\":\"ann\",\"role\":\"king\",\"is_active\":\"yes\"}",
    };
    for (size_t i = 0; i < COUNT(docs); i++)
        memory_put(s->world->memory, COLLECTION_USERS, NULL,
                   (struct dg_bytes){docs[i], strlen(docs[i])});
    load(s);
    assert_int_equal(users_count(s->users), 1);
    /* What is not known gives no rights. */
    assert_string_equal(users_find(s->users, "ann")->role, "user");
    assert_false(users_find(s->users, "ann")->is_active);
}

static void collect(void *arg, const struct user *user)
{
    struct buf *out = arg;
    buf_addf(out, "%d:%s ", (int)user->id, user->username);
}

static void listed_by_number(void **state)
{
    struct scene *s = *state;
    struct buf out;
    static const char *const ids[] = {"10", "9", "2", "100"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        char *json = xasprintf("{\"username\":\"user%s\"}", ids[i]);
        memory_put(s->world->memory, COLLECTION_USERS, ids[i],
                   (struct dg_bytes){json, strlen(json)});
        free(json);
    }
    load(s);
    buf_init(&out, 1000);
    users_each(s->users, collect, &out);
    assert_string_equal(buf_cstr(&out), "2:user2 9:user9 10:user10 100:user100 ");
    buf_free(&out);
}

static void freed_with_work_under_way(void **state)
{
    struct scene *s = *state;
    struct user_change bad = {.role = "king"};
    users_add(s->users, "ann", &nothing, on_user, s);
    users_add(s->users, "bob", &bad, on_user, s);
    users_load(s->users, on_loaded, s);
    users_free(s->users);
    s->err = DG_ETIMEOUT;
    s->users = users_new(s->world->store, s->world->loop);
    load(s); /* comes behind what was under way */
    assert_int_equal(users_count(s->users), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(added_users_are_stored, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(refusals_name_the_field, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(two_adds_at_once, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(changes_set_what_they_name, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_faster_writer_is_respected, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(renamed_behind_our_back, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(the_last_active_admin_stays, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(two_admins_at_once, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(renamed, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(sign_ins_before_a_password_end, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(changes_at_once_all_count, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(renamed_while_he_signs_in, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(what_was_not_written_is_not_seen, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(strange_documents_are_passed_over, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(listed_by_number, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(freed_with_work_under_way, open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
