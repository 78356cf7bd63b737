/* password_test.c - auth/password and auth/secret: bcrypt, and keys worth their name. */
#include "unit.h"

#include "auth/auth.h"
#include "auth/password.h"
#include "auth/secret.h"
#include "base/clock.h"

static void round_trip(void **state)
{
    (void)state;
    char hash[128], again[128];
    assert_true(password_hash("correct horse", 4, hash));
    assert_int_equal(strlen(hash), 60);
    assert_memory_equal(hash, "$2b$04$", 7);
    assert_true(password_verify("correct horse", hash));
    assert_false(password_verify("correct hors", hash));
    assert_false(password_verify("correct horse ", hash));
    assert_false(password_verify("", hash));
    assert_true(password_hash("correct horse", 4, again));
    assert_string_not_equal(hash, again); /* the salt */
}

static void prefixes(void **state)
{
    (void)state;
    char hash[128];
    password_hash("correct horse", 4, hash);
    for (const char *letter = "aby"; *letter; letter++) {
        hash[2] = *letter; /* the three are one algorithm for ASCII */
        assert_true(password_hash_valid(hash));
        assert_true(password_verify("correct horse", hash));
        assert_false(password_verify("wrong horse", hash));
    }
}

/* Vectors that do not come from this library: the crypt_blowfish test suite, of public domain. */
static void known_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *hash, *password;
    } rows[] = {
        {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
        {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"},
        {"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
        {"$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_true(password_verify(rows[i].password, rows[i].hash));
}

static void no_hashes(void **state)
{
    (void)state;
    char hash[128], other[128];
    password_hash("correct horse", 4, hash);
    static const char *const bad[] = {
        NULL,
        "",
        "*0",
        "*1",
        "x",
        "$2b$04$",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        /* 15 is the most that is worked on; these would take hours. */
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$0a$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe:",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(password_hash_valid(bad[i]));
    assert_false(password_verify("correct horse", "*0"));
    assert_false(password_hash("correct horse", 3, other));
    assert_false(password_hash("correct horse", 16, other));
}

static void long_passwords(void **state)
{
    (void)state;
    char text[74], hash[128];
    memset(text, 'p', 72);
    text[72] = '\0';
    assert_true(password_hash(text, 4, hash));
    assert_null(password_refusal(text));
    text[72] = 'x', text[73] = '\0';
    assert_true(password_verify(text, hash)); /* bcrypt never saw byte 73 */
    text[71] = 'x';
    assert_false(password_verify(text, hash));
    assert_false(password_hash(text, 4, hash));
    assert_string_equal(password_refusal(text), "at most 72 bytes");
}

static void refusals(void **state)
{
    (void)state;
    assert_string_equal(password_refusal("1234567"), "at least 8 characters");
    assert_null(password_refusal("12345678"));
    assert_string_equal(password_refusal("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"),
                        "at least 8 characters");
    assert_string_equal(password_refusal("12345678\xff"), "must be valid UTF-8");
}

static uint64_t burn_us(unsigned cost)
{
    uint64_t start = clock_us();
    password_burn("correct horse", cost);
    return clock_us() - start;
}

/* Each step of cost doubles the work; four steps are told apart on any machine. */
static void an_absent_user_costs_as_much(void **state)
{
    (void)state;
    char hash[128];
    password_hash("correct horse", 9, hash);
    uint64_t start = clock_us();
    password_verify("wrong horse", hash);
    uint64_t real_us = clock_us() - start;
    assert_true(burn_us(9) > real_us / 4);
    assert_true(burn_us(5) < real_us);
}

static void secrets(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *refusal;
    } rows[] = {
        {NULL, "is not set"},
        {"", "is not set"},
        {"short", "is shorter than 32 bytes"},
        {"kJ8#mQ2$vX5!pL9@wR3%tY6^zB1&nC4", "is shorter than 32 bytes"},
        {"your-secret-key", "is a placeholder out of a manual"},
        {"your-secret-key-here-min-32-chars-0123456789", "is a placeholder out of a manual"},
        {"YOUR_SECRET_KEY_HERE_MIN_32_CHARS_0123456789", "is a placeholder out of a manual"},
        {"change-me", "is a placeholder out of a manual"},
        {"CHANGE_THIS_IN_PRODUCTION_0123456789abcdef", "is a placeholder out of a manual"},
        {"secretsecretsecretsecretsecretsecretsecret", "is too uniform"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "is too uniform"},
        {"0123456789abcdef0123456789abcdef0123456789abcdef", "is too uniform"},
        {"abcdefghijklmnoabcdefghijklmnxabcdefgh", NULL}, /* 16 letters, just enough */
        {"abcdefghijklmnoabcdefghijklmnoobcdefgha", "is too uniform"},
        {"00000000000000000000000000000000000000000000000000000000deadbeef", "is too uniform"},
        /* out of `openssl rand -hex 32`: without the digits 0 and 8 */
        {"9f1c2b3d4e5a6f7c1d2e3b4a5c6f7d9eb1a2c3d4e5f6a7b9c1d2e3f4a5b6c7d9", NULL},
        {"Jx9fQ2mVb7Kp4TzR8sWc3LdN6yHgE1uA5oXiM0qvBtY=", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *refusal = secret_refusal(rows[i].secret);
        if (rows[i].refusal)
            assert_string_equal(refusal ? refusal : "accepted", rows[i].refusal);
        else
            assert_null(refusal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(known_vectors),
        cmocka_unit_test(no_hashes),
        cmocka_unit_test(long_passwords),
        cmocka_unit_test(refusals),
        cmocka_unit_test(an_absent_user_costs_as_much),
        cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
