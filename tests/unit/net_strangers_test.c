/* net_strangers_test.c - requests to destinations that strangers name. Names and the public
 * Internet are played here: getaddrinfo() answers what a test has set, and a connection to the
 * public address goes to a server on this machine. What counts is what was connected to. */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/net.h"
#include "peer.h"

#define PUBLIC  "1.2.3.4"
#define PRIVATE "its address is private"
#define ANSWERS 4
#define TRIED   20

/* ---- The world ------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;        /* names are looked up on threads of libcurl's */
    const char *answer[ANSWERS]; /* what the name leads to now */
    unsigned lookups;
    char tried[TRIED][INET6_ADDRSTRLEN]; /* connections, in order */
    size_t tried_count;
    uint16_t port; /* of the server that plays the public one */
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct addrinfo *address(const char *text, uint16_t port)
{
    struct addrinfo *a = xcalloc(1, sizeof *a + sizeof(struct sockaddr_in6));
    struct sockaddr_in *in = (struct sockaddr_in *)(a + 1);
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(a + 1);
    bool four = inet_pton(AF_INET, text, &in->sin_addr) == 1;
    if (four)
        in->sin_port = htons(port);
    else
        assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
    if (!four)
        in6->sin6_port = htons(port);
    a->ai_family = four ? AF_INET : AF_INET6;
    in->sin_family = (sa_family_t)a->ai_family;
    a->ai_socktype = SOCK_STREAM;
    a->ai_protocol = IPPROTO_TCP;
    a->ai_addrlen = four ? sizeof *in : sizeof *in6;
    a->ai_addr = (struct sockaddr *)in;
    return a;
}

#define SEEN __attribute__((visibility("default")))

SEEN int getaddrinfo(const char *restrict node, const char *restrict service,
                     const struct addrinfo *restrict hints, struct addrinfo **restrict res)
{
    struct addrinfo **end = res;
    (void)hints;
    assert_non_null(node);
    *res = NULL;
    pthread_mutex_lock(&world.lock);
    world.lookups++;
    for (size_t i = 0; i < ANSWERS && world.answer[i]; i++) {
        *end = address(world.answer[i], service ? (uint16_t)strtol(service, NULL, 10) : 0);
        end = &(*end)->ai_next;
    }
    pthread_mutex_unlock(&world.lock);
    return *res ? 0 : EAI_NONAME;
}

SEEN void freeaddrinfo(struct addrinfo *a)
{
    while (a) {
        struct addrinfo *next = a->ai_next;
        free(a);
        a = next;
    }
}

static void note(const struct sockaddr *to, char text[INET6_ADDRSTRLEN])
{
    if (to->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)to)->sin_addr, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)to)->sin6_addr, text, INET6_ADDRSTRLEN);
}

SEEN int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    int (*real)(int, const struct sockaddr *, socklen_t);
    char text[INET6_ADDRSTRLEN];
    *(void **)&real = dlsym(RTLD_NEXT, "connect");
    if (to->sa_family != AF_INET && to->sa_family != AF_INET6)
        return real(fd, to, len);
    note(to, text);
    assert_true(world.tried_count < TRIED);
    memcpy(world.tried[world.tried_count++], text, sizeof text);
    if (!str_eq(text, PUBLIC))
        return real(fd, to, len);
    const struct sockaddr_in here = {.sin_family = AF_INET,
                                     .sin_port = htons(world.port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return real(fd, (const struct sockaddr *)&here, sizeof here);
}

static void name_leads_to(const char *const answer[ANSWERS])
{
    pthread_mutex_lock(&world.lock);
    memcpy(world.answer, answer, sizeof world.answer);
    pthread_mutex_unlock(&world.lock);
}

#define LEADS_TO(...) name_leads_to((const char *const[ANSWERS]){__VA_ARGS__})

/* ---- A server, and a request ------------------------------------------------------- */

static atomic_uint served;

/* /moved is somewhere else; /long has no end. */
static void serve(struct peer_conn *c)
{
    struct buf head;
    char byte;
    buf_init(&head, 10000);
    while (!strstr(buf_cstr(&head), "\r\n\r\n") && peer_read(c, &byte, 1) == 1)
        buf_addc(&head, byte);
    atomic_fetch_add(&served, 1);
    const char *moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                        "Content-Length: 0\r\nConnection: close\r\n\r\n";
    const char *good = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const char *endless = "HTTP/1.1 200 OK\r\n\r\n";
    if (strstr(buf_cstr(&head), "/moved"))
        peer_write(c, moved, strlen(moved));
    else if (strstr(buf_cstr(&head), "/long")) {
        char more[4096] = {0};
        peer_write(c, endless, strlen(endless));
        while (peer_write(c, more, sizeof more) == 0)
            ;
    } else
        peer_write(c, good, strlen(good));
    buf_free(&head);
}

struct request {
    struct loop *loop;
    int status;
    size_t body;
    enum dg_err err;
    char message[300];
};

static void on_answer(void *arg, const struct dg_http_response *res)
{
    struct request *r = arg;
    r->status = res->status;
    r->err = res->err;
    r->body = res->body.len;
    snprintf(r->message, sizeof r->message, "%s", res->message ? res->message : "");
    loop_stop(r->loop);
}

static void on_late(void *arg)
{
    (void)arg;
    fail_msg("no answer in 20 seconds");
}

/* With a client of its own: nothing is known of the name yet. */
static struct request ask(const char *host, const char *path, bool allow_private)
{
    struct request r = {.loop = loop_new()};
    struct net *net =
        net_new(r.loop, &(struct net_config){
                            .strangers = true, .allow_private = allow_private, .max_body = 100000});
    struct loop_timer *late = loop_timer(r.loop, 20000, on_late, NULL);
    char url[200];
    snprintf(url, sizeof url, "http://%s:%u%s", host, world.port, path);
    const struct dg_http_request req = {DG_SIZED(struct dg_http_request), .url = url,
                                        .method = "POST", .body = {"{}", 2}, .timeout_ms = 10000};
    world.tried_count = 0;
    net_fetch(net, &req, on_answer, &r);
    loop_run(r.loop);
    loop_timer_stop(r.loop, late);
    net_free(net);
    loop_free(r.loop);
    return r;
}

static bool was_tried(const char *text)
{
    for (size_t i = 0; i < world.tried_count; i++)
        if (str_eq(world.tried[i], text))
            return true;
    return false;
}

static struct peer *server;

static int start(void **state)
{
    (void)state;
    server = peer_start(serve, NULL, NULL);
    world.port = server->port;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    peer_stop(server);
    return 0;
}

/* ---- Tests ------------------------------------------------------------------------------ */

static void a_name_that_leads_elsewhere_later(void **state)
{
    (void)state;
    unsigned before = atomic_load(&served);
    LEADS_TO(PUBLIC);
    struct request good = ask("rebind.test", "/", false);
    assert_int_equal(good.err, DG_OK);
    assert_int_equal(good.status, 200);
    assert_int_equal(atomic_load(&served), before + 1);
    LEADS_TO("127.0.0.1");
    struct request bad = ask("rebind.test", "/", false);
    assert_int_equal(bad.err, DG_EDENIED);
    assert_non_null(strstr(bad.message, PRIVATE));
    assert_int_equal(world.tried_count, 0);
    assert_int_equal(atomic_load(&served), before + 1);
    assert_true(world.lookups >= 2);
}

static void of_several_addresses_public_ones_only(void **state)
{
    (void)state;
    LEADS_TO("127.0.0.1", "::1", PUBLIC, "10.0.0.1");
    struct request r = ask("mixed.test", "/", false);
    assert_int_equal(r.err, DG_OK);
    assert_int_equal(r.status, 200);
    assert_true(was_tried(PUBLIC));
    assert_int_equal(world.tried_count, 1);
}

static void nothing_private_is_connected_to(void **state)
{
    static const char *const private[] = {
        "127.0.0.1", "10.1.2.3",   "172.16.0.1", "192.168.1.1",      "169.254.169.254",
        "0.0.0.0",   "100.64.1.1", "::1",        "::ffff:127.0.0.1", "fd00::1",
        "fe80::1",   "::",         "224.0.0.1",  "64:ff9b::7f00:1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof private / sizeof *private; i++) {
        LEADS_TO(private[i]);
        struct request r = ask("private.test", "/", false);
        if (r.err != DG_EDENIED || world.tried_count)
            fail_msg("%s: %d, %s", private[i], r.err, r.message);
    }
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    LEADS_TO(PUBLIC);
    struct request r = ask("moved.test", "/moved", false);
    assert_int_equal(r.err, DG_OK);
    assert_int_equal(r.status, 302);
    assert_int_equal(world.tried_count, 1);
    assert_true(was_tried(PUBLIC));
}

static void an_endless_answer_is_cut(void **state)
{
    (void)state;
    LEADS_TO(PUBLIC);
    struct request r = ask("long.test", "/long", false);
    assert_int_equal(r.err, DG_OK);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body, 0);
}

static void private_ones_where_they_are_allowed(void **state)
{
    (void)state;
    LEADS_TO("127.0.0.1");
    struct request r = ask("inside.test", "/", true);
    assert_int_equal(r.err, DG_OK);
    assert_int_equal(r.status, 200);
    assert_true(was_tried("127.0.0.1"));
}

static void a_name_that_leads_nowhere(void **state)
{
    (void)state;
    LEADS_TO(NULL);
    struct request r = ask("nowhere.test", "/", false);
    assert_int_equal(r.err, DG_EUNAVAILABLE);
    assert_null(strstr(r.message, PRIVATE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_leads_elsewhere_later),
        cmocka_unit_test(of_several_addresses_public_ones_only),
        cmocka_unit_test(nothing_private_is_connected_to),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(an_endless_answer_is_cut),
        cmocka_unit_test(private_ones_where_they_are_allowed),
        cmocka_unit_test(a_name_that_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
