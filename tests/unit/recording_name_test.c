/* recording_name_test.c - what a recording, a queue and a member may be called, and what a
 * recording's name tells. */
#include "unit.h"

#include "domain/queues.h"
#include "domain/recordings.h"

#define CALL "019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d"
#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void names_that_may_be(void **state)
{
    static const char *const good[] = {"a",           "20251001-120007-" CALL,
                                       CALL "-r3",    "a.b",
                                       "A_b+c@d=e",   "external-5550100-100-1700000000.12",
                                       LONG LONG LONG};
    static const char *const bad[] = {
        NULL,          "",     ".",    "..",     "../a",    "a/../b",
        "/etc/passwd", "a/b",  "a\\b", "a b",    ".hidden", "-rf",
        "a..b",        "a\nb", "a\tb", "%2e%2e", "a%00b",   "a\x7f",
        "\xc3\xa4",    "a*",   "a?",   "a;b",    "a|b",     "a'b",
        "a\"b",        "a:b",  "~",    "a,b",    "$(a)",    LONG LONG LONG "a"};
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        if (recording_name_refusal(good[i]))
            fail_msg("%s: %s", good[i], recording_name_refusal(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        if (!recording_name_refusal(bad[i]))
            fail_msg("taken: %s", bad[i] ? bad[i] : "NULL");
}

static void what_names_tell(void **state)
{
    static const struct {
        const char *name, *call;
        int64_t at_ms;
    } cases[] = {
        {"20251001-120007-" CALL, CALL, 1759320007000},
        {"20251001-120007-" CALL "-2", CALL, 1759320007000},
        {CALL "-r3", CALL, 0x019339a47b0a},
        {CALL, CALL, 0x019339a47b0a},
        {"8ae3e5b1-1a2b-4c3d-8e9f-000102030405", "8ae3e5b1-1a2b-4c3d-8e9f-000102030405", 0},
        {"20251001-120007-" CALL "x", "", 0},
        {"x" CALL, "", 0},
        {"20251301-120007-" CALL, "", 0},
        {"20251001-120007-", "", 0},
        {"20251001-120007", "", 0},
        {"meeting", "", 0},
        {"", "", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct recording_name told = recording_name_read(cases[i].name);
        if (strcmp(told.call_id, cases[i].call) != 0 || told.created_at_ms != cases[i].at_ms)
            fail_msg("%s: call \"%s\", at %lld", cases[i].name, told.call_id,
                     (long long)told.created_at_ms);
    }
}

/* What the retention rule may delete where it is for our own alone. */
static void whose_they_are(void **state)
{
    static const char *const ours[] = {"20251001-120007-" CALL, "20251001-120007-" CALL "-2",
                                       CALL "-r3", CALL};
    static const char *const foreign[] = {"8ae3e5b1-1a2b-4c3d-8e9f-000102030405",
                                          "8ae3e5b1-1a2b-4c3d-8e9f-000102030405-r1",
                                          "20251001-120007-8ae3e5b1-1a2b-4c3d-8e9f-000102030405",
                                          "8ae3e5b1-1a2b-1c3d-8e9f-000102030405",
                                          "20251001-120007-1700000000.12",
                                          "meeting"};
    (void)state;
    for (size_t i = 0; i < COUNT(ours); i++)
        if (!recording_name_is_ours(ours[i]))
            fail_msg("not ours: %s", ours[i]);
    for (size_t i = 0; i < COUNT(foreign); i++)
        if (recording_name_is_ours(foreign[i]))
            fail_msg("ours: %s", foreign[i]);
}

static void queues_and_members(void **state)
{
    static const char *const queues[] = {"support", "900", "a.b", "sales@tenant", "a_b-c+d"};
    static const char *const no_queues[] = {NULL, "",   "a b", "a/b",      "a\r\nb",
                                            "-a", ".a", "a,b", "\xc3\xa4", LONG LONG "a"};
    static const char *const members[] = {"PJSIP/8001", "Local/8001@agents/n", "Agent/1001",
                                          "SIP/a_b.c",  "DAHDI/1-1",           "Local/*72#@agents"};
    static const char *const no_members[] = {NULL,
                                             "",
                                             "8001",
                                             "PJSIP/",
                                             "/8001",
                                             "PJ SIP/8001",
                                             "PJSIP/80 01",
                                             "PJSIP/8001&PJSIP/8002",
                                             "PJSIP/8001\r\nAction: Logoff",
                                             "PJSIP/../a",
                                             "Local/${X}@a",
                                             "PJSIP/a,b",
                                             "PJSIP/" LONG LONG LONG};
    (void)state;
    for (size_t i = 0; i < COUNT(queues); i++)
        if (queue_name_refusal(queues[i]))
            fail_msg("queue refused: %s", queues[i]);
    for (size_t i = 0; i < COUNT(no_queues); i++)
        if (!queue_name_refusal(no_queues[i]))
            fail_msg("queue taken: %s", no_queues[i] ? no_queues[i] : "NULL");
    for (size_t i = 0; i < COUNT(members); i++)
        if (member_refusal(members[i]))
            fail_msg("member refused: %s", members[i]);
    for (size_t i = 0; i < COUNT(no_members); i++)
        if (!member_refusal(no_members[i]))
            fail_msg("member taken: %s", no_members[i] ? no_members[i] : "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_may_be),
        cmocka_unit_test(what_names_tell),
        cmocka_unit_test(whose_they_are),
        cmocka_unit_test(queues_and_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
