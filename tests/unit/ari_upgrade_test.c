/* The HTTP exchange that opens the event socket. */
#include "unit.h"

/* A plugin exports nothing but its descriptor: what is inside is tested from inside. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../plugins/ari/upgrade.c"
/* NOLINTEND(bugprone-suspicious-include) */
#include "asterisk/text.h"

/* The example of RFC 6455, section 1.3. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define HEAD   "HTTP/1.1 101 Switching Protocols\r\n"
#define UP     "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static void test_accept(void **state)
{
    char accept[UPGRADE_ACCEPT_SIZE], key[UPGRADE_KEY_SIZE], other[UPGRADE_KEY_SIZE];
    (void)state;
    upgrade_accept(accept, KEY);
    assert_string_equal(accept, ACCEPT);
    upgrade_key(key);
    upgrade_key(other);
    assert_int_equal(strlen(key), 24);
    assert_string_not_equal(key, other);
}

static void test_request(void **state)
{
    struct text t = {0};
    (void)state;
    upgrade_request(&t, &(struct upgrade_request){.host = "::1",
                                                  .port = 8088,
                                                  .path = "/ari/events?app=x",
                                                  .user = "Aladdin",
                                                  .password = "open sesame",
                                                  .key = KEY});
    assert_string_equal(t.at, "GET /ari/events?app=x HTTP/1.1\r\n"
                              "Host: [::1]:8088\r\n"
                              "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
                              "Upgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Protocol: ari\r\n"
                              "Sec-WebSocket-Key: " KEY "\r\n\r\n");
    text_free(&t);
}

static const struct {
    const char *head;
    enum upgrade_result result;
    int status;
} rows[] = {
    {HEAD UP "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", UPGRADE_DONE, 101},
    {HEAD "upgrade:WebSocket\r\nconnection: keep-alive ,  upgrade\r\n"
          "SEC-WEBSOCKET-ACCEPT:  " ACCEPT "  \r\nSec-WebSocket-Protocol: ari\r\n\r\n",
     UPGRADE_DONE, 101},
    {HEAD UP "Sec-WebSocket-Accept: " ACCEPT "\r\n", UPGRADE_MORE, 0},
    {"", UPGRADE_MORE, 0},
    {"HTT", UPGRADE_MORE, 0},
    {HEAD UP "\r\n", UPGRADE_REFUSED, 101},
    {HEAD UP "Sec-WebSocket-Accept: " ACCEPT "x\r\n\r\n", UPGRADE_REFUSED, 101},
    {HEAD UP "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", UPGRADE_REFUSED, 101},
    {HEAD "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", UPGRADE_REFUSED, 101},
    {HEAD "Upgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", UPGRADE_REFUSED, 101},
    {HEAD UP "Sec-WebSocket-Accept: " ACCEPT
             "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
     UPGRADE_REFUSED, 101},
    {"HTTP/1.1 401 Unauthorized\r\n\r\n", UPGRADE_REFUSED, 401},
    {"HTTP/1.1 503 Service Unavailable\r\n\r\n", UPGRADE_REFUSED, 503},
    {"HTTP/1.1 200 OK\r\n" UP "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", UPGRADE_REFUSED, 200},
    {"HTTP/1.1 1x1 What\r\n\r\n", UPGRADE_REFUSED, 0},
    {"Asterisk Call Manager/11.0.0\r\n", UPGRADE_REFUSED, 0},
    {"\r\n\r\n", UPGRADE_REFUSED, 0},
    {"\r\n\r\nHTTP/1.1", UPGRADE_REFUSED, 0},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct upgrade_answer a;
        enum upgrade_result r = upgrade_read(&a, rows[i].head, strlen(rows[i].head), ACCEPT);
        if (r != rows[i].result || a.status != rows[i].status)
            fail_msg("row %zu: result %d status %d %s", i, r, a.status, a.why);
        assert_int_equal(r == UPGRADE_REFUSED, a.why[0] != '\0');
    }
}

/* Whatever way it is cut, and frames may follow at once. */
static void test_pieces(void **state)
{
    static const char head[] = HEAD UP "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n\x81\x02{}";
    size_t head_len = sizeof head - 1 - 4;
    (void)state;
    for (size_t len = 0; len < sizeof head; len++) {
        struct upgrade_answer a;
        enum upgrade_result r = upgrade_read(&a, head, len, ACCEPT);
        assert_int_equal(r, len < head_len ? UPGRADE_MORE : UPGRADE_DONE);
        if (r == UPGRADE_DONE)
            assert_int_equal(a.head_len, head_len);
    }
}

static void test_endless(void **state)
{
    struct upgrade_answer a;
    char *long_head = malloc(UPGRADE_MAX_HEAD + 2);
    (void)state;
    memset(long_head, 'x', UPGRADE_MAX_HEAD + 2);
    memcpy(long_head, HEAD, sizeof HEAD - 1);
    assert_int_equal(upgrade_read(&a, long_head, UPGRADE_MAX_HEAD, ACCEPT), UPGRADE_MORE);
    assert_int_equal(upgrade_read(&a, long_head, UPGRADE_MAX_HEAD + 1, ACCEPT), UPGRADE_REFUSED);
    free(long_head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept),  cmocka_unit_test(test_request),
        cmocka_unit_test(test_answers), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
