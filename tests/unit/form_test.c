/* form_test.c - urlencoded and multipart forms: what they say, and what is none. */
#include "request_bed.h"

#include "api/check.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART  "multipart/form-data; boundary=zz"

static const char *rule_password_grant(const char *name, const char *value)
{
    (void)name;
    return str_eq(value, "password") ? NULL : "Not a password grant";
}

static const struct field fields[] = {
    {.name = "username", .kind = FIELD_STR, .required = true, .min = 1, .max = 20},
    {.name = "password", .kind = FIELD_STR, .required = true, .min = 1, .max = 20},
    {.name = "grant_type", .kind = FIELD_STR, .rule = rule_password_grant, .pattern = "^password$"},
    {0}};
static const struct schema sign_in = {"SignIn", NULL, fields};

struct form_case {
    const char *type, *body;
    const char *problems;            /* "" when it is fine; then: */
    const char *username, *password; /* what was read */
};

static void expect(const struct form_case *f, size_t len)
{
    char said[512];
    bed_begin(f->type, f->body, len);
    struct check *c = check_new(&bed);
    const json_t *form = check_form(c, &sign_in);
    bool failed = check_failed(c);
    bed_problems(said, sizeof said);
    if (!str_eq(said, f->problems))
        fail_msg("%s\nsaid     %s\nexpected %s", f->body, said, f->problems);
    if (!failed) {
        assert_string_equal(check_str(form, "username"), f->username);
        assert_string_equal(check_str(form, "password"), f->password);
    } else {
        assert_null(strstr(bed.answer, "s3cr3t"));
    }
    bed_end();
}

#define BOTH_MISSING "missing body username; missing body password"

static void urlencoded(void **state)
{
    (void)state;
    static const struct form_case cases[] = {
        {URLENCODED, "username=a&password=b", "", "a", "b"},
        {URLENCODED "; charset=utf-8", "username=a&password=b", "", "a", "b"},
        {"Application/X-WWW-Form-Urlencoded", "username=a&password=b", "", "a", "b"},
        {URLENCODED, "password=b&username=a&grant_type=password&scope=&client_id=x", "", "a", "b"},
        {URLENCODED, "username=a&password=b&grant_type=", "", "a", "b"},
        {URLENCODED, "&&username=a&&password=b&", "", "a", "b"},
        {URLENCODED, "username=a+b&password=c%2Bd%26%3D%25", "", "a b", "c+d&=%"},
        {URLENCODED, "username=a=b&password==", "", "a=b", "="},
        {URLENCODED, "user%6eame=a&password=b", "", "a", "b"},
        {URLENCODED, "username=%C3%A4&password=\xc3\xa4", "", "\xc3\xa4", "\xc3\xa4"},
        {URLENCODED, "username=first&username=a&password=b", "", "a", "b"},
        {URLENCODED, "", BOTH_MISSING, NULL, NULL},
        {URLENCODED, "username=a", "missing body password", NULL, NULL},
        {URLENCODED, "password=s3cr3t", "missing body username", NULL, NULL},
        {URLENCODED, "username=&password=s3cr3t", "missing body username", NULL, NULL},
        {URLENCODED, "username&password", BOTH_MISSING, NULL, NULL},
        {URLENCODED, "username=aaaaaaaaaaaaaaaaaaaaa&password=b", "string_too_long body username",
         NULL, NULL},
        {URLENCODED, "username=a&password=s3cr3t567890123456789", "string_too_long body password",
         NULL, NULL},
        {URLENCODED, "username=a&password=b&grant_type=refresh_token",
         "string_pattern_mismatch body grant_type", NULL, NULL},
        {URLENCODED, "username=a&password=%zz", "value_error body", NULL, NULL},
        {URLENCODED, "username=a&password=%4", "value_error body", NULL, NULL},
        {URLENCODED, "username=a&password=s3cr3t%00", "value_error body", NULL, NULL},
        {URLENCODED, "username=a&password=%ff", "value_error body", NULL, NULL},
        {URLENCODED, "username=a&password=\xff", "value_error body", NULL, NULL},
        /* not a form */
        {NULL, "username=a&password=s3cr3t", BOTH_MISSING, NULL, NULL},
        {"text/plain", "username=a&password=s3cr3t", BOTH_MISSING, NULL, NULL},
        {"application/json", "{\"username\":\"a\",\"password\":\"s3cr3t\"}", BOTH_MISSING, NULL,
         NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(&cases[i], strlen(cases[i].body));

    static const char with_nul[] = "username=a&password=s3cr3t\0x";
    expect(&(struct form_case){URLENCODED, with_nul, "value_error body", NULL, NULL},
           sizeof with_nul - 1);
}

/* More fields than anybody has are no form any more. */
static void many_fields(void **state)
{
    (void)state;
    static char body[1000];
    size_t len = 0;
    for (int i = 0; i < 70; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "f%d=&", i);
    expect(&(struct form_case){URLENCODED, body, "value_error body", NULL, NULL}, len);
}

#define PART(name, value)                                                                          \
    "--zz\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static void multipart(void **state)
{
    (void)state;
    static const struct form_case cases[] = {
        {MULTIPART, PART("username", "a") PART("password", "b") "--zz--\r\n", "", "a", "b"},
        {MULTIPART, PART("username", "a") PART("password", "b") "--zz--", "", "a", "b"},
        {"Multipart/Form-Data; Boundary=\"zz\"",
         PART("username", "a") PART("password", "b") "--zz--\r\n", "", "a", "b"},
        {"multipart/form-data; charset=utf-8; boundary=zz; x=y",
         PART("username", "a") PART("password", "b") "--zz--\r\n", "", "a", "b"},
        {MULTIPART, "a preamble\r\n" PART("username", "a") PART("password", "b") "--zz--\r\nend",
         "", "a", "b"},
        {MULTIPART, PART("username", "a b\r\nc=d&e") PART("password", "+%41") "--zz--", "",
         "a b\r\nc=d&e", "+%41"},
        {MULTIPART,
         "--zz\r\nContent-Disposition: form-data; filename=\"password\"; name=\"username\"\r\n"
         "Content-Type: text/plain\r\n\r\na\r\n" PART("password", "b") "--zz--",
         "", "a", "b"},
        {MULTIPART, PART("username", "a--zz--b") PART("password", "x--zz") "--zz--", "", "a--zz--b",
         "x--zz"},
        {MULTIPART, PART("username", "a") "--zz--", "missing body password", NULL, NULL},
        {MULTIPART, PART("username", "") PART("password", "s3cr3t") "--zz--",
         "missing body username", NULL, NULL},
        {MULTIPART, "--zz--\r\n", BOTH_MISSING, NULL, NULL},
        {MULTIPART, PART("username", "a") PART("password", "s3cr3t"), "value_error body", NULL,
         NULL},
        {MULTIPART, "", "value_error body", NULL, NULL},
        {MULTIPART, "--zz", "value_error body", NULL, NULL},
        {MULTIPART, "--zz\r\n--zz--", "value_error body", NULL, NULL},
        {MULTIPART, "--zz\r\nContent-Disposition: form-data\r\n\r\na\r\n--zz--", "value_error body",
         NULL, NULL},
        {MULTIPART, "--zz\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--zz--",
         "value_error body", NULL, NULL},
        {MULTIPART, "--zz\r\nContent-Disposition: form-data; name=\"username\"\r\n--zz--",
         "value_error body", NULL, NULL},
        {MULTIPART, PART("username", "\xff") PART("password", "s3cr3t") "--zz--",
         "value_error body", NULL, NULL},
        {"multipart/form-data", PART("username", "a") "--zz--", "value_error body", NULL, NULL},
        {"multipart/form-data; boundary=", "--zz--", "value_error body", NULL, NULL},
        {"multipart/form-data; boundary=other", PART("username", "a") "--zz--", "value_error body",
         NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(&cases[i], strlen(cases[i].body));
}

/* Cut anywhere, or with any byte changed, it is a form or it is none: it is read to its end
 * and not beyond. */
static void torn(void **state)
{
    (void)state;
    static const char whole[] = PART("username", "a") PART("password", "b") "--zz--\r\n";
    for (size_t len = 0; len < sizeof whole; len++) {
        bed_begin(MULTIPART, whole, len);
        struct check *c = check_new(&bed);
        const json_t *form = check_form(c, &sign_in);
        if (!check_failed(c))
            assert_string_equal(check_str(form, "password"), "b");
        bed_end();
    }
    for (size_t at = 0; at + 1 < sizeof whole; at++) {
        char changed[sizeof whole];
        memcpy(changed, whole, sizeof whole);
        changed[at] = '-';
        bed_begin(MULTIPART, changed, sizeof whole - 1);
        struct check *c = check_new(&bed);
        check_form(c, &sign_in);
        check_failed(c);
        bed_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urlencoded),
        cmocka_unit_test(many_fields),
        cmocka_unit_test(multipart),
        cmocka_unit_test(torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
