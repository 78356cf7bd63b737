/* http_forwarded_test.c - whose word about a client's address is taken. */
#include "unit.h"

#include "base/str.h"
#include "http/forwarded.h"

static void networks(void **state)
{
    (void)state;
    static const char *const list[] = {
        "127.0.0.1", "10.0.0.0/8", "192.168.128.0/17", "fd00::/8", "2001:db8::5/128", "unix", NULL};
    static const struct {
        const char *address;
        bool in;
    } cases[] = {
        {"127.0.0.1", true},
        {"127.0.0.2", false},
        {"10.255.3.4", true},
        {"11.0.0.1", false},
        {"192.168.128.1", true},
        {"192.168.255.255", true},
        {"192.168.127.255", false},
        {"fd12::1", true},
        {"fe00::1", false},
        {"2001:db8::5", true},
        {"2001:db8::6", false},
        {"::ffff:10.1.2.3", true},
        {"unix", true},
        {"", false},
        {"10.0.0", false},
        {"10.0.0.1 ", false},
        {"a", false},
    };
    struct problem problem;
    struct arena *arena = arena_new();
    const struct network *all = networks_read(arena, list, &problem);
    const struct network *none = networks_read(arena, NULL, &problem);
    assert_non_null(all);
    assert_non_null(none);
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (networks_have(all, cases[i].address) != cases[i].in)
            fail_msg("%s", cases[i].address);
        assert_false(networks_have(none, cases[i].address));
    }
    arena_free(arena);
}

static void wrong_networks(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",          "10.0.0",       "10.0.0.0/33", "10.0.0.0/-1",
                                        "10.0.0.0/", "10.0.0.0/8/8", "fd00::/129",  "example.org",
                                        "unix:/x",   "10.0.0.256/8", "/8",          "*"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const char *const list[] = {"10.0.0.1", wrong[i], NULL};
        struct problem problem = {0};
        struct arena *arena = arena_new();
        if (networks_read(arena, list, &problem))
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_non_null(strstr(problem.text, "trusted_proxies"));
        arena_free(arena);
    }
}

static void steps(void **state)
{
    (void)state;
    static const char *const list[] = {"127.0.0.1", "10.0.0.0/8", "fd00::/8", "unix", NULL};
    static const struct {
        const char *peer, *header, *client;
        bool more;
    } cases[] = {
        /* a stranger's word counts for nothing */
        {"192.0.2.1", "198.51.100.7", "192.0.2.1", false},
        {"192.0.2.1", "127.0.0.1", "192.0.2.1", false},
        /* one proxy, and what the client wrote before it */
        {"10.0.0.1", "198.51.100.7", "198.51.100.7", false},
        {"10.0.0.1", "192.0.2.99, 198.51.100.7", "198.51.100.7", false},
        {"10.0.0.1", "10.0.0.5, 198.51.100.7", "198.51.100.7", false},
        {"unix", "198.51.100.7", "198.51.100.7", false},
        /* several */
        {"10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7", false},
        {"10.0.0.1", "192.0.2.99,198.51.100.7,10.0.0.2,fd00::9", "198.51.100.7", false},
        /* all of them trusted: the farthest, and the header before this one */
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3", true},
        {"10.0.0.1", "", "10.0.0.1", true},
        {"10.0.0.1", "  ", "10.0.0.1", true},
        /* forms */
        {"10.0.0.1", "198.51.100.7:4711", "198.51.100.7", false},
        {"10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1", false},
        {"10.0.0.1", "2001:db8::1", "2001:db8::1", false},
        {"10.0.0.1", "2001:0DB8:0::0001", "2001:db8::1", false},
        {"10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7", false},
        {"10.0.0.1", "\t198.51.100.7 ", "198.51.100.7", false},
        {"10.0.0.1", ",198.51.100.7,", "198.51.100.7", false},
        /* what is no address ends the way where it stands */
        {"10.0.0.1", "unknown", "10.0.0.1", false},
        {"10.0.0.1", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2", false},
        {"10.0.0.1", "198.51.100.7, [2001:db8::1", "10.0.0.1", false},
        {"10.0.0.1", "198.51.100.7;10.0.0.2", "10.0.0.1", false},
        {"10.0.0.1", "unix", "10.0.0.1", false},
        {"10.0.0.1", "999999999999999999999999999999999999999999999999", "10.0.0.1", false},
    };
    struct problem problem;
    struct arena *arena = arena_new();
    const struct network *trusted = networks_read(arena, list, &problem);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char client[ADDRESS_SIZE];
        size_t len = strlen(cases[i].header);
        char *exact = malloc(len ? len : 1);
        memcpy(exact, cases[i].header, len);
        snprintf(client, sizeof client, "%s", cases[i].peer);
        bool more = forwarded_step(trusted, exact, len, client);
        if (!str_eq(client, cases[i].client) || more != cases[i].more)
            fail_msg("%s from %s gave %s, %d", cases[i].header, cases[i].peer, client, more);
        free(exact);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),
        cmocka_unit_test(wrong_networks),
        cmocka_unit_test(steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
