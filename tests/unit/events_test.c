/* events_test.c - types and their filters, ids, signatures, pauses, addresses. */
#include "unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "events/event.h"
#include "events/place.h"
#include "events/signature.h"
#include "loop/address.h"

static const struct event_type types[] = {
    {"call.created", BUS_CALL_CHANGED, NULL, NULL, ""},
    {"call.ended", BUS_CALL_ENDED, NULL, NULL, ""},
    {"link.up", BUS_LINK, NULL, NULL, ""},
    {"campaign.started", BUS_NOTICE, NULL, NULL, ""},
};

static void filters(void **state)
{
    (void)state;
    static const struct {
        const char *list, *type;
        bool listed;
    } cases[] = {
        {NULL, "call.ended", true},
        {"*", "call.ended", true},
        {"call.ended", "call.ended", true},
        {"call.ended", "call.ende", false},
        {"call.ende", "call.ended", false},
        {"call.*", "call.ended", true},
        {"call.*", "link.up", false},
        {"link.up,call.*", "call.ended", true},
        {"link.up,call.ended", "call", false},
        {"call.ended", "gap", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(event_type_listed(cases[i].list, cases[i].type), cases[i].listed);
}

static void strays(void **state)
{
    (void)state;
    static const char *const good[] = {"call.ended", "*", "call.*", "link.*,call.created"};
    static const char *const bad[] = {"", "call", "cal*", "call.ended,", "queue.*", ",*"};
    size_t len;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_null(event_type_stray(types, COUNT(types), good[i], &len));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_non_null(event_type_stray(types, COUNT(types), bad[i], &len));
    assert_string_equal(event_type_stray(types, COUNT(types), "call.*,nonsense,*", &len),
                        "nonsense,*");
    assert_int_equal(len, 8);
}

static void of_the_bus(void **state)
{
    (void)state;
    struct bus_event notice = {.topic = BUS_NOTICE, .type = "campaign.started"};
    struct bus_event link = {.topic = BUS_LINK};
    assert_ptr_equal(event_type_of(types, COUNT(types), &notice), &types[3]);
    assert_ptr_equal(event_type_of(types, COUNT(types), &link), &types[2]);
    notice.type = "campaign.unheard";
    assert_null(event_type_of(types, COUNT(types), &notice));
}

static void blocks(void **state)
{
    (void)state;
    struct event *e = event_new("gw-1", 42, "call.ended", "c1", NULL, (struct dg_bytes){"{}", 2});
    struct dg_bytes block = event_block(e), json = event_json(e);
    static const char text[] = "id: gw-1-42\nevent: call.ended\ndata: {}\n\n";
    assert_int_equal(block.len, sizeof text - 1);
    assert_memory_equal(block.ptr, text, block.len);
    assert_int_equal(json.len, 2);
    assert_string_equal(event_call(e), "c1");
    assert_null(event_campaign(e));
    struct event *placed = event_placed(e, "gw-1-42,gw-2-7");
    event_unref(event_ref(e));
    event_unref(e);
    static const char other[] = "id: gw-1-42,gw-2-7\nevent: call.ended\ndata: {}\n\n";
    assert_int_equal(event_block(placed).len, sizeof other - 1);
    assert_memory_equal(event_block(placed).ptr, other, sizeof other - 1);
    assert_string_equal(event_id(placed), "gw-1-42");
    assert_string_equal(event_node(placed), "gw-1");
    event_unref(placed);
}

static void places(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",      "gw",    "gw-",       "-4",        "gw--4x",
        "gw-1,", ",gw-1", "gw-1,,a-2", "gw-1,gw-2", "gw-99999999999999999999"};
    struct place p;
    char text[PLACE_TEXT_SIZE];
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (place_parse(&p, wrong[i]) || p.count)
            fail_msg("'%s' is no place", wrong[i]);
    assert_true(place_parse(&p, "gw-1-42"));
    assert_int_equal(*place_number(&p, "gw-1"), 42);
    assert_null(place_number(&p, "gw"));
    assert_true(place_parse(&p, "gw-1-42,b-7,c.d_e-0"));
    assert_int_equal(p.count, 3);
    place_text(&p, "b", text);
    assert_string_equal(text, "b-7,gw-1-42,c.d_e-0");
    place_set(&p, "b", 8);
    place_forget(&p, "gw-1");
    place_text(&p, "nobody", text);
    assert_string_equal(text, "c.d_e-0,b-8");
}

static void full_places(void **state)
{
    (void)state;
    struct place p = {0};
    char name[PLACE_NODE_SIZE + 1], text[PLACE_TEXT_SIZE];
    memset(name, 'x', sizeof name);
    name[PLACE_NODE_SIZE] = '\0';
    assert_false(place_set(&p, name, 1));
    name[PLACE_NODE_SIZE - 1] = '\0';
    for (int i = 0; i < PLACE_NODES; i++) {
        name[0] = (char)('A' + i);
        assert_true(place_set(&p, name, INT64_MAX));
    }
    assert_false(place_set(&p, "another", 1));
    assert_true(place_set(&p, name, INT64_MAX));
    place_text(&p, name, text);
    assert_int_equal(strlen(text), PLACE_NODES * (PLACE_NODE_SIZE - 1 + 1 + 19 + 1) - 1);
    struct place again;
    assert_true(place_parse(&again, text));
    assert_int_equal(again.count, PLACE_NODES);
}

/* Made with: printf %s '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key */
static void signatures(void **state)
{
    (void)state;
    char out[SIGNATURE_SIZE];
    signature_make("key", 1700000000, (struct dg_bytes){"{\"a\":1}", 7}, out);
    assert_string_equal(out, "v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03");
}

static void pauses(void **state)
{
    (void)state;
    for (uint64_t random = 0; random < 5000; random += 97) {
        uint64_t first = delivery_pause_ms(1, 1000, 60000, random);
        uint64_t third = delivery_pause_ms(3, 1000, 60000, random);
        uint64_t last = delivery_pause_ms(100, 1000, 60000, random);
        assert_true(first >= 750 && first <= 1250);
        assert_true(third >= 3000 && third <= 5000);
        assert_true(last >= 45000 && last <= 75000);
    }
}

static bool is_public(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return address_is_public((const struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return address_is_public((const struct sockaddr *)&in6);
}

static void addresses(void **state)
{
    (void)state;
    static const char *const open[] = {
        "1.1.1.1",        "9.255.255.255",    "11.0.0.0",        "172.15.255.255",
        "172.32.0.0",     "192.167.255.255",  "192.169.0.0",     "100.63.255.255",
        "100.128.0.0",    "223.255.255.255",  "2606:4700::1111", "2a00:1450:4001::1",
        "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1",
    };
    static const char *const closed[] = {
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "3fff::1",
    };
    for (size_t i = 0; i < COUNT(open); i++)
        if (!is_public(open[i]))
            fail_msg("%s is public", open[i]);
    for (size_t i = 0; i < COUNT(closed); i++)
        if (is_public(closed[i]))
            fail_msg("%s is not public", closed[i]);
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_false(address_is_public(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters),    cmocka_unit_test(strays), cmocka_unit_test(of_the_bus),
        cmocka_unit_test(blocks),     cmocka_unit_test(places), cmocka_unit_test(full_places),
        cmocka_unit_test(signatures), cmocka_unit_test(pauses), cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
