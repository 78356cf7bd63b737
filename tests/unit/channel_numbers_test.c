/* Which numbers a channel is found by, and the rules of matching, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/phone.h"
#include "domain/channel_numbers.h"

#define LONG_NAME "PJSIP/+15550107777-00000012"

static const struct {
    const char *text, *key;
} keys[] = {
    {"5550100", "5550100"},
    {"555-0100", "5550100"},
    {"+1 (555) 555-0100", "5550100"},
    {"19025800000", "5800000"},
    {"0000100", "0000100"},
    {"100", "100"},
    {"0100", "0100"},
    {"00", "00"},
    {"0", "0"},
    {"s", ""},
    {"", ""},
    {"+", ""},
    {NULL, ""},
    {"1a2b3c4d5e6f7g8h9", "3456789"},
};

static void keys_of_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char text[PHONE_KEY_DIGITS + 1];
        uint32_t key = phone_key(keys[i].text);
        assert_true(key < PHONE_KEY_END);
        assert_int_equal(key == 0, keys[i].key[0] == '\0');
        phone_key_text(key, text);
        assert_string_equal(text, keys[i].key);
    }
    assert_int_not_equal(phone_key("0100"), phone_key("100"));
    assert_int_not_equal(phone_key("0"), 0);
}

static void digits_of_numbers(void **state)
{
    (void)state;
    char out[5];
    assert_int_equal(phone_digits("+1-2 3", out, sizeof out), 3);
    assert_string_equal(out, "123");
    assert_int_equal(phone_digits("123456", out, sizeof out), 6);
    assert_string_equal(out, "1234");
    assert_int_equal(phone_digits("abc", out, sizeof out), 0);
    assert_string_equal(out, "");
}

/* ---- Where numbers are found ------------------------------------------------------- */

struct place {
    struct dg_call call;
    const char *found; /* a number that it is found by, or "" for none at all */
    enum channel_field field;
};

static const struct place places[] = {
    {{.caller_number = "+1 555 010 0001"}, "0100001", CHANNEL_CALLER},
    {{.caller_number = "12"}, "12", CHANNEL_CALLER},
    {{.caller_name = "5550100"}, "", 0},
    {{.connected_number = "(902) 580-0000"}, "5800000", CHANNEL_CONNECTED},
    {{.callee_number = "5550102"}, "5550102", CHANNEL_CALLEE},
    {{.extension = "5550103"}, "5550103", CHANNEL_EXTENSION},
    {{.extension = "100"}, "100", CHANNEL_EXTENSION},
    {{.extension = "s"}, "", 0},
    /* Names: the resource, not what tells one channel from another. */
    {{.name = "PJSIP/5550104-00000001"}, "5550104", CHANNEL_NAME},
    {{.name = "PJSIP/+15550104-00000001"}, "5550104", CHANNEL_NAME},
    {{.name = "Local/5550105@outbound-ivr-0000000a;1"}, "5550105", CHANNEL_NAME},
    {{.name = "Local/100@sales-00000001;2"}, "100", CHANNEL_NAME},
    {{.name = "PJSIP/100-00000001"}, "100", CHANNEL_NAME},
    {{.name = "PJSIP/100"}, "100", CHANNEL_NAME},
    {{.name = "SIP/trunk-5550106-00000001"}, "5550106", CHANNEL_NAME},
    {{.name = "PJSIP/trunk-00000012"}, "", 0},
    {{.name = "PJSIP/trunk-01234567"}, "", 0},
    {{.name = "PJSIP/100abc-00000012"}, "", 0},
    {{.name = "5550100"}, "", 0},
    /* Accounts and data: long runs, but neither ids nor times. */
    {{.account = "5550107"}, "5550107", CHANNEL_ACCOUNT},
    {{.account = "customer 15550107/7"}, "5550107", CHANNEL_ACCOUNT},
    {{.account = "4711"}, "", 0},
    {{.application_data = "PJSIP/15550108@trunk,30,b(x^1)"}, "5550108", CHANNEL_DATA},
    {{.application_data = "+45-12345678"}, "2345678", CHANNEL_DATA},
    {{.application_data = "/var/spool/1700000000.123.wav"}, "", 0},
    {{.application_data = "UNIQUEID=1700000000.1"}, "", 0},
    {{.application_data = "call-20261121154500"}, "", 0},
    {{.application_data = "20269921154500"}, "1154500", CHANNEL_DATA},
    {{.application_data = "PJSIP/trunk-00000012"}, "", 0},
    {{.application_data = "id=12345678-1234-7234-8234-123456789012"}, "", 0},
    {{.application_data = "123456"}, "", 0},
    {{.id = "1700000000.1", .endpoint = "PJSIP/5550109"}, "", 0},
    {{.context = "5550109", .application = "5550109", .bridge = "5550109"}, "", 0},
};

static void where_numbers_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct channel_number found[CHANNEL_NUMBERS_MAX];
        const struct place *p = &places[i];
        unsigned count = channel_numbers(&p->call, found);
        if (count != (p->found[0] != '\0'))
            fail_msg("case %zu (%s): %u numbers", i, p->found, count);
        if (count) {
            char text[PHONE_KEY_DIGITS + 1];
            phone_key_text(found[0].key, text);
            assert_string_equal(text, p->found);
            assert_int_equal(found[0].field, p->field);
        }
    }
}

static void many_numbers_are_bounded(void **state)
{
    (void)state;
    struct channel_number found[CHANNEL_NUMBERS_MAX];
    char data[1000] = "";
    for (int i = 0; i < 100; i++)
        snprintf(data + strlen(data), sizeof data - strlen(data), "&%07d", i + 1000000);
    const struct dg_call call = {.caller_number = "1", .name = LONG_NAME, .application_data = data};
    assert_int_equal(channel_numbers(&call, found), CHANNEL_NUMBERS_MAX);
    assert_int_equal(found[0].field, CHANNEL_CALLER);
    assert_int_equal(found[1].field, CHANNEL_NAME);
    const struct dg_call twice = {.application_data = "5550100&5550100&15550100"};
    assert_int_equal(channel_numbers(&twice, found), 1);
}

/* ---- Matching ------------------------------------------------------------------------- */

static const struct {
    const char *dialed, *caller;
    bool matches;
} questions[] = {
    /* Connected to 555-0100, called by 902-580-0000, in extension 100. */
    {"5550100", NULL, true},
    {"+1 555 555 0100", NULL, true},
    {"9025800000", NULL, true},
    {"100", NULL, true},
    {"0100", NULL, false},
    {"50100", NULL, false}, /* fewer than seven digits: the whole number only */
    {"5550101", NULL, false},
    {"5550100", "9025800000", true},
    {"5550100", "5800000", true},
    {"5550100", "9025800001", false},
    {"5550100", "800000", false},
    {"9025800000", "5550100", true}, /* any other field than the one that matched */
    {"5550100", "5550100", false},
    {"5550100", "100", true},
    {"5550101", "9025800000", false},
};

static void rules_of_matching(void **state)
{
    (void)state;
    const struct dg_call call = {.caller_number = "902-580-0000",
                                 .connected_number = "+15555550100",
                                 .extension = "100",
                                 .name = "PJSIP/trunk-00000001"};
    struct channel_number found[CHANNEL_NUMBERS_MAX];
    unsigned count = channel_numbers(&call, found);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        bool matches = channel_matches(found, count, phone_key(questions[i].dialed),
                                       phone_key(questions[i].caller));
        if (matches != questions[i].matches)
            fail_msg("%s, caller %s", questions[i].dialed, questions[i].caller);
    }
}

static const struct {
    enum dg_channel_state state;
    bool without, with_early_media;
} states[] = {
    {DG_CHANNEL_UNKNOWN, false, true}, {DG_CHANNEL_DIALING, true, true},
    {DG_CHANNEL_RINGING, true, true},  {DG_CHANNEL_UP, true, true},
    {DG_CHANNEL_BUSY, false, false},   {DG_CHANNEL_RESERVED, false, false},
    {DG_CHANNEL_DOWN, false, true},
};

static void states_that_count(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        assert_int_equal(channel_counts(states[i].state, false), states[i].without);
        assert_int_equal(channel_counts(states[i].state, true), states[i].with_early_media);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_numbers),   cmocka_unit_test(digits_of_numbers),
        cmocka_unit_test(where_numbers_are), cmocka_unit_test(many_numbers_are_bounded),
        cmocka_unit_test(rules_of_matching), cmocka_unit_test(states_that_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
