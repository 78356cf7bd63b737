/* http_server_test.c - core/http as a whole: what right requests get. */
#include "http_bed.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static int set_up(void **state)
{
    (void)state;
    bed_start();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bed_stop();
    return 0;
}

static const long versions[] = {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};

/* ---- Protocols ---------------------------------------------------------- */

static void http1(void **state)
{
    (void)state;
    struct answer res = ask((struct ask){.path = "/hello"});
    assert_int_equal(res.status, 200);
    assert_int_equal(res.version, CURL_HTTP_VERSION_1_1);
    assert_string_equal(buf_cstr(&res.body), "{\"hello\":\"1\"}");
    assert_string_equal(header_of(&res, "Content-Type"), "application/json");
    assert_string_equal(header_of(&res, "Content-Length"), "13");
    assert_string_equal(header_of(&res, "Server"), "Dialgate");
    assert_non_null(header_of(&res, "Date"));
    answer_free(&res);
}

static void http2_with_prior_knowledge(void **state)
{
    (void)state;
    struct answer res =
        ask((struct ask){.path = "/hello", .version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE});
    assert_int_equal(res.status, 200);
    assert_int_equal(res.version, CURL_HTTP_VERSION_2);
    assert_string_equal(buf_cstr(&res.body), "{\"hello\":\"2\"}");
    assert_string_equal(header_of(&res, "server"), "Dialgate");
    answer_free(&res);
}

static void http2_by_upgrade(void **state)
{
    (void)state;
    struct answer res = ask((struct ask){.path = "/hello", .version = CURL_HTTP_VERSION_2_0});
    assert_int_equal(res.status, 200);
    assert_int_equal(res.version, CURL_HTTP_VERSION_2);
    answer_free(&res);
}

static void http2_switched_off(void **state)
{
    (void)state;
    struct http_config config = bed_config();
    config.http2 = false;
    bed_start_with(&config);
    struct answer res = ask((struct ask){.path = "/hello", .version = CURL_HTTP_VERSION_2_0});
    assert_int_equal(res.status, 200);
    assert_int_equal(res.version, CURL_HTTP_VERSION_1_1);
    answer_free(&res);
    res = ask((struct ask){.path = "/hello", .version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE});
    assert_int_not_equal(res.status, 200);
    answer_free(&res);
    bed_stop();
}

/* A self-signed certificate for 127.0.0.1 and its key, as files. */
static void make_certificate(char certificate[UNIT_PATH_SIZE], char key[UNIT_PATH_SIZE])
{
    unit_file(certificate, "", 0);
    unit_file(key, "", 0);
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, pair);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x, san, -1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
    FILE *f = fopen(certificate, "w");
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    f = fopen(key, "w");
    assert_int_equal(PEM_write_PrivateKey(f, pair, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(pair);
}

static void tls_with_both_protocols(void **state)
{
    (void)state;
    char certificate[UNIT_PATH_SIZE], key[UNIT_PATH_SIZE];
    make_certificate(certificate, key);
    struct http_config config = bed_config();
    config.listen_tls = bed_listen;
    config.certificate = certificate;
    config.key = key;
    bed_start_with(&config);
    assert_null(http_addresses(bed.http)[2]);
    char *base = xasprintf("https://%s", http_addresses(bed.http)[1]);
    const struct {
        long wanted, got;
    } cases[] = {{CURL_HTTP_VERSION_2TLS, CURL_HTTP_VERSION_2},
                 {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_1_1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answer res = ask((struct ask){
            .path = "/hop", .base = base, .ca_file = certificate, .version = cases[i].wanted});
        assert_int_equal(res.rc, CURLE_OK);
        assert_int_equal(res.status, 200);
        assert_int_equal(res.version, cases[i].got);
        answer_free(&res);
        expect(
            (struct ask){
                .path = "/big", .base = base, .ca_file = certificate, .version = cases[i].wanted},
            200, NULL);
    }
    bed_stop();
    free(base);
    unlink(certificate);
    unlink(key);
}

static void a_bad_certificate_stops_the_start(void **state)
{
    (void)state;
    char certificate[UNIT_PATH_SIZE], key[UNIT_PATH_SIZE], other[UNIT_PATH_SIZE],
        other_key[UNIT_PATH_SIZE];
    make_certificate(certificate, key);
    make_certificate(other, other_key);
    const struct {
        const char *certificate, *key, *says;
    } cases[] = {
        {NULL, NULL, "server.tls_certificate"},        {"/nowhere.pem", key, "/nowhere.pem"},
        {certificate, "/nowhere.key", "/nowhere.key"}, {key, key, key},
        {certificate, other_key, other_key},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_config config = bed_config();
        struct problem problem = {0};
        config.metrics = metrics_new();
        config.listen_tls = bed_listen;
        config.certificate = cases[i].certificate;
        config.key = cases[i].key;
        assert_null(http_start(&config, &problem));
        if (!strstr(problem.text, cases[i].says))
            fail_msg("%s is not named: %s", cases[i].says, problem.text);
        metrics_free(config.metrics);
    }
    unlink(certificate);
    unlink(key);
    unlink(other);
    unlink(other_key);
}

/* ---- Addresses ---------------------------------------------------------- */

static void several_addresses(void **state)
{
    (void)state;
    char *path = xasprintf("/tmp/dialgate-%d.sock", getpid());
    char *name = xasprintf("unix:%s", path);
    const char *listen[] = {"127.0.0.1:0", "[::1]:0", name, "localhost:0", NULL};
    struct http_config config = bed_config();
    config.listen = listen;
    for (int round = 0; round < 2; round++) { /* the second finds no leftover file in its way */
        bed_start_with(&config);
        const char *const *addresses = http_addresses(bed.http);
        expect((struct ask){.path = "/echo/a/b"}, 200,
               "{\"echo\":\"GET|/echo/a/b|a|b|(none)|127.0.0.1\"}");
        char *v6 = xasprintf("http://%s", addresses[1]);
        assert_true(str_starts(addresses[1], "[::1]:"));
        expect((struct ask){.path = "/echo/a/b", .base = v6}, 200,
               "{\"echo\":\"GET|/echo/a/b|a|b|(none)|::1\"}");
        assert_string_equal(addresses[2], name);
        expect((struct ask){.path = "/echo/a/b", .socket = path}, 200,
               "{\"echo\":\"GET|/echo/a/b|a|b|(none)|unix\"}");
        assert_null(addresses[4]);
        free(v6);
        bed_stop();
        assert_int_not_equal(access(path, F_OK), 0);
    }
    free(name);
    free(path);
}

static void addresses_that_cannot_be(void **state)
{
    (void)state;
    const char *taken = http_addresses(bed.http)[0];
    const struct {
        const char *address, *says;
    } cases[] = {
        {taken, "in use"},           {"127.0.0.1", "host:port"},
        {"127.0.0.1:", "host:port"}, {"127.0.0.1:http2", "127.0.0.1:http2"},
        {"::1:8000", "brackets"},    {"192.0.2.1:0", "192.0.2.1"},
        {"unix:", "path"},           {"unix:/nowhere/at/all.sock", "/nowhere"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *listen[] = {"127.0.0.1:0", cases[i].address, NULL};
        struct http_config config = bed_config();
        struct problem problem = {0};
        config.listen = listen;
        config.metrics = bed.metrics;
        assert_null(http_start(&config, &problem));
        if (!strstr(problem.text, cases[i].says) || !strstr(problem.text, cases[i].address))
            fail_msg("%s: %s", cases[i].address, problem.text);
    }
}

/* ---- Paths, methods, queries -------------------------------------------- */

static void paths_and_queries(void **state)
{
    (void)state;
    static const struct {
        const char *path, *answer;
    } cases[] = {
        {"/echo/a/b", "GET|/echo/a/b|a|b|(none)|127.0.0.1"},
        {"/echo/a/b/", "GET|/echo/a/b/|a|b|(none)|127.0.0.1"},
        {"/echo/+1/%2B2", "GET|/echo/+1/%2B2|+1|+2|(none)|127.0.0.1"},
        {"/echo/x%2Fy/%20", "GET|/echo/x%2Fy/%20|x/y| |(none)|127.0.0.1"},
        {"/echo/a/b?q=1+2%2B3&r", "GET|/echo/a/b|a|b|1 2+3|127.0.0.1"},
        {"/echo/a/b?r=1&q=&q=2", "GET|/echo/a/b|a|b||127.0.0.1"},
        {"/echo/a/b?q", "GET|/echo/a/b|a|b||127.0.0.1"},
        {"/echo/a/b?&&q=x=y&", "GET|/echo/a/b|a|b|x=y|127.0.0.1"},
        {"/echo/a/b?%71=z", "GET|/echo/a/b|a|b|z|127.0.0.1"},
        {"/echo/a/b?Q=z", "GET|/echo/a/b|a|b|(none)|127.0.0.1"},
        {"/echo/a/b?q=/?", "GET|/echo/a/b|a|b|/?|127.0.0.1"},
    };
    for (size_t v = 0; v < COUNT(versions); v++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            char *body = xasprintf("{\"echo\":\"%s\"}", cases[i].answer);
            expect((struct ask){.path = cases[i].path, .version = versions[v]}, 200, body);
            free(body);
        }
    }
}

static void refusals(void **state)
{
    (void)state;
    static char long_path[9000] = "/";
    memset(long_path + 1, 'a', sizeof(long_path) - 2);
    static char long_header[34000] = "X-Long: ";
    memset(long_header + 8, 'a', sizeof(long_header) - 9);
    static char many[1000] = "/echo/a/b?";
    for (int i = 0; i < 200; i++)
        memcpy(many + 10 + 3 * i, "q=&", 3);
    const struct {
        const char *method, *path, *header;
        long status;
        const char *body;
    } cases[] = {
        {NULL, "/nothing", NULL, 404, "{\"detail\":\"Not Found\"}"},
        {"POST", "/nothing", NULL, 404, "{\"detail\":\"Not Found\"}"},
        {"POST", "/hello", NULL, 405, "{\"detail\":\"Method Not Allowed\"}"},
        {"TRACE", "/hello", NULL, 405, "{\"detail\":\"Method Not Allowed\"}"},
        {"BREW", "/hello", NULL, 405, "{\"detail\":\"Method Not Allowed\"}"},
        {NULL, "/api/nothing", NULL, 404, "{\"message\":\"Not Found\"}"},
        {"PUT", "/api/who", NULL, 405, "{\"message\":\"Method Not Allowed\"}"},
        {NULL, "/apis", NULL, 404, "{\"detail\":\"Not Found\"}"},
        {NULL, "/echo/%ff/b", NULL, 400, "{\"detail\":\"Malformed request path\"}"},
        {NULL, "/echo/%00/b", NULL, 400, "{\"detail\":\"Malformed request path\"}"},
        {NULL, "/api/x/%zz", NULL, 400, "{\"message\":\"Malformed request path\"}"},
        {NULL, "/echo/a/b?q=%ff", NULL, 400, "{\"detail\":\"Malformed query string\"}"},
        {NULL, "/echo/a/b?q=%0", NULL, 400, "{\"detail\":\"Malformed query string\"}"},
        {NULL, "/echo/a/b?%00=1", NULL, 400, "{\"detail\":\"Malformed query string\"}"},
        {NULL, many, NULL, 400, "{\"detail\":\"Malformed query string\"}"},
        {NULL, long_path, NULL, 414, "{\"detail\":\"URI too long\"}"},
        {NULL, "/hello", long_header, 431, "{\"detail\":\"Request headers too large\"}"},
        {NULL, "/silent", NULL, 500, "{\"detail\":\"Internal server error\"}"},
        {NULL, "/twice", NULL, 200, "{\"answer\":\"first\"}"},
    };
    for (size_t v = 0; v < COUNT(versions); v++)
        for (size_t i = 0; i < COUNT(cases); i++)
            expect((struct ask){.method = cases[i].method,
                                .path = cases[i].path,
                                .headers = {cases[i].header},
                                .version = versions[v]},
                   cases[i].status, cases[i].body);
}

static void allow_is_said(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct answer res =
            ask((struct ask){.method = "DELETE", .path = "/echo/a/b", .version = versions[v]});
        assert_int_equal(res.status, 405);
        assert_string_equal(header_of(&res, "Allow"), "GET, HEAD, POST, OPTIONS");
        answer_free(&res);
        res = ask((struct ask){.method = "OPTIONS", .path = "/body", .version = versions[v]});
        assert_int_equal(res.status, 204);
        assert_string_equal(header_of(&res, "Allow"), "POST, OPTIONS");
        answer_free(&res);
        expect((struct ask){.method = "OPTIONS", .path = "/nothing", .version = versions[v]}, 404,
               NULL);
    }
}

static void head_is_get_without_the_body(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct answer res =
            ask((struct ask){.method = "HEAD", .path = "/echo/a/b", .version = versions[v]});
        assert_int_equal(res.rc, CURLE_OK);
        assert_int_equal(res.status, 200);
        assert_int_equal(res.body.len, 0);
        assert_string_equal(header_of(&res, "Content-Length"), "45");
        answer_free(&res);
        expect((struct ask){.method = "HEAD", .path = "/body", .version = versions[v]}, 405, "");
        expect((struct ask){.method = "HEAD", .path = "/nothing", .version = versions[v]}, 404, "");
    }
    /* The connection is still in step afterwards. */
    CURL *curl = curl_easy_init();
    for (int i = 0; i < 3; i++) {
        expect((struct ask){.method = "HEAD", .path = "/hop", .curl = curl}, 200, "");
        expect((struct ask){.path = "/hello", .curl = curl}, 200, "{\"hello\":\"1\"}");
    }
    curl_easy_cleanup(curl);
}

/* ---- Bodies ------------------------------------------------------------- */

static void bodies_and_their_limit(void **state)
{
    (void)state;
    static char bytes[150000];
    memset(bytes, 'x', sizeof(bytes));
    static const struct {
        size_t len;
        const char *header;
        long status;
        const char *body;
    } cases[] = {
        {1, "Expect:", 200, "{\"length\":\"1\"}"},
        {65536, "Expect:", 200, "{\"length\":\"65536\"}"},
        {65536, "Expect: 100-continue", 200, "{\"length\":\"65536\"}"},
        {65537, "Expect:", 413, "{\"detail\":\"Request too large\"}"},
        {150000, "Expect:", 413, "{\"detail\":\"Request too large\"}"},
        {150000, "Expect: 100-continue", 413, "{\"detail\":\"Request too large\"}"},
        {65536, "Transfer-Encoding: chunked", 200, "{\"length\":\"65536\"}"},
        {65537, "Transfer-Encoding: chunked", 413, "{\"detail\":\"Request too large\"}"},
    };
    for (size_t v = 0; v < COUNT(versions); v++)
        for (size_t i = 0; i < COUNT(cases); i++)
            if (!v || !str_starts(cases[i].header, "Transfer"))
                expect((struct ask){.path = "/body",
                                    .body = bytes,
                                    .body_len = cases[i].len,
                                    .headers = {cases[i].header},
                                    .version = versions[v]},
                       cases[i].status, cases[i].body);
    assert_true(bed_refused("body") >= 6);
}

/* On HTTP/2 the library resets the stream; the connection and the server live on. */
static void a_body_far_too_large_on_http2(void **state)
{
    (void)state;
    size_t len = 8 << 20;
    char *bytes = xcalloc(1, len);
    struct answer res = ask((struct ask){.path = "/body",
                                         .body = bytes,
                                         .body_len = len,
                                         .version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE});
    assert_int_not_equal(res.status, 200);
    answer_free(&res);
    free(bytes);
    expect((struct ask){.path = "/hello"}, 200, NULL);
}

/* Refused before it is read; the answer arrives all the same. */
static void a_body_far_too_large(void **state)
{
    (void)state;
    size_t len = 8 << 20;
    char *bytes = xcalloc(1, len);
    for (int i = 0; i < 5; i++) {
        struct answer res = ask((struct ask){.path = "/api/who",
                                             .body = bytes,
                                             .body_len = len,
                                             .headers = {"Expect:", "Origin: x"}});
        assert_int_equal(res.rc, CURLE_OK);
        assert_int_equal(res.status, 413);
        assert_string_equal(buf_cstr(&res.body), "{\"message\":\"Request too large\"}");
        assert_string_equal(header_of(&res, "Connection"), "close");
        assert_non_null(header_of(&res, "X-Request-ID"));
        assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "*");
        answer_free(&res);
    }
    free(bytes);
    expect((struct ask){.path = "/body", .body = "x", .headers = {"Expect: magic"}}, 417,
           "{\"detail\":\"Expectation Failed\"}");
}

static void answers_of_any_size(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct answer res = ask((struct ask){.path = "/big", .version = versions[v]});
        assert_int_equal(res.rc, CURLE_OK);
        assert_int_equal(res.body.len, sizeof(bed_big));
        answer_free(&res);
    }
}

/* ---- Request ids, origins ----------------------------------------------- */

static void request_ids(void **state)
{
    (void)state;
    struct answer res = ask((struct ask){.path = "/hop", .headers = {"X-Request-ID: my id/1"}});
    assert_string_equal(header_of(&res, "X-Request-ID"), "my id/1");
    /* It is also the control thread's while it works for the request. */
    assert_string_equal(buf_cstr(&res.body), "{\"hop\":\"my id/1\"}");
    answer_free(&res);

    char long_id[160] = "X-Request-ID: ";
    memset(long_id + 14, 'a', 129);
    const char *unusable[] = {NULL, "X-Request-ID: caf\xc3\xa9", long_id};
    for (size_t i = 0; i < COUNT(unusable); i++) {
        res = ask((struct ask){.path = "/nothing", .headers = {unusable[i]}});
        const char *id = header_of(&res, "X-Request-ID");
        assert_int_equal(strlen(id), 36);
        assert_int_equal(id[14], '4');
        answer_free(&res);
    }
    long_id[14 + 128] = '\0';
    res = ask((struct ask){.path = "/nothing", .headers = {long_id}});
    assert_string_equal(header_of(&res, "X-Request-ID"), long_id + 14);
    answer_free(&res);
}

static void any_origin(void **state)
{
    (void)state;
    struct answer res =
        ask((struct ask){.path = "/hello", .headers = {"Origin: https://a.example"}});
    assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(header_of(&res, "Access-Control-Allow-Credentials"), "true");
    answer_free(&res);
    res = ask((struct ask){.path = "/nothing", .headers = {"Origin: https://a.example"}});
    assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "*");
    answer_free(&res);
    res = ask((struct ask){.path = "/hello"});
    assert_null(header_of(&res, "Access-Control-Allow-Origin"));
    answer_free(&res);
}

#define PREFLIGHT(path_)                                                                           \
    (struct ask)                                                                                   \
    {                                                                                              \
        .method = "OPTIONS", .path = path_, .headers = {                                           \
            "Origin: https://a.example",                                                           \
            "Access-Control-Request-Method: PUT",                                                  \
            "Access-Control-Request-Headers: x-api-key, content-type"                              \
        }                                                                                          \
    }

static void preflights(void **state)
{
    (void)state;
    const char *const listed[] = {"https://a.example", NULL}, *const other[] = {"https://b", NULL};
    const char *const kept[] = {"/api", NULL};
    struct http_config config = bed_config();
    config.allowed_origins = listed;
    config.echoing = kept;
    bed_start_with(&config);
    const char *paths[] = {"/hello", "/nothing", "/api/v2/who"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct answer res = ask(PREFLIGHT(paths[i]));
        assert_int_equal(res.status, 200);
        assert_string_equal(buf_cstr(&res.body), "OK");
        assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "https://a.example");
        assert_string_equal(header_of(&res, "Vary"), "Origin");
        assert_string_equal(header_of(&res, "Access-Control-Allow-Methods"),
                            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        assert_string_equal(header_of(&res, "Access-Control-Allow-Headers"),
                            "x-api-key, content-type");
        assert_string_equal(header_of(&res, "Access-Control-Max-Age"), "600");
        answer_free(&res);
    }
    struct answer res = ask(PREFLIGHT("/api/who"));
    assert_int_equal(res.status, 200);
    assert_int_equal(res.body.len, 0);
    assert_string_equal(header_of(&res, "Access-Control-Max-Age"), "86400");
    answer_free(&res);
    expect((struct ask){.method = "OPTIONS", .path = "/api/who"}, 200, "");
    bed_stop();

    config.allowed_origins = other;
    bed_start_with(&config);
    res = ask(PREFLIGHT("/hello"));
    assert_int_equal(res.status, 400);
    assert_null(header_of(&res, "Access-Control-Allow-Origin"));
    answer_free(&res);
    res = ask((struct ask){.path = "/hello", .headers = {"Origin: https://a.example"}});
    assert_int_equal(res.status, 200);
    assert_null(header_of(&res, "Access-Control-Allow-Origin"));
    assert_null(header_of(&res, "Access-Control-Allow-Credentials"));
    assert_string_equal(header_of(&res, "Vary"), "Origin");
    answer_free(&res);
    bed_stop();
}

/* ---- Who asks ----------------------------------------------------------- */

static void credentials(void **state)
{
    (void)state;
    static char huge[9000] = "X-API-Key: ";
    memset(huge + 11, 'g', sizeof(huge) - 12);
    const struct {
        const char *path, *header;
        long status;
        const char *body;
    } cases[] = {
        {"/api/v2/who", "Authorization: Bearer good", 200, "{\"who\":\"ann\"}"},
        {"/api/v2/who", "Authorization: bearer good", 200, "{\"who\":\"ann\"}"},
        {"/api/v2/who", "Authorization: BEARER   good", 200, "{\"who\":\"ann\"}"},
        {"/api/v2/who", NULL, 401, "{\"detail\":\"missing\"}"},
        {"/api/v2/who", "Authorization: Basic good", 401, "{\"detail\":\"missing\"}"},
        {"/api/v2/who", "Authorization: Bearer", 401, "{\"detail\":\"missing\"}"},
        {"/api/v2/who", "Authorization: Bearergood", 401, "{\"detail\":\"missing\"}"},
        {"/api/v2/who", "X-API-Key: good", 401, "{\"detail\":\"missing\"}"},
        {"/api/v2/who?api_token=good", NULL, 401, "{\"detail\":\"missing\"}"},
        {"/api/v2/who", "Authorization: Bearer wrong", 401, "{\"detail\":\"bad\"}"},
        {"/api/v2/who",
         "Authorization: Bearer g\xc3\xb6\xc3\xb6"
         "d",
         401, "{\"detail\":\"bad\"}"},
        {"/api/v2/who", "Authorization: Bearer nostore", 503, "{\"detail\":\"Database disabled\"}"},
        {"/api/who", "Authorization: Bearer good", 200, "{\"who\":\"ann\"}"},
        {"/api/who?api_token=good", NULL, 200, "{\"who\":\"ann\"}"},
        {"/api/who?api_token=wrong", "Authorization: Bearer good", 200, "{\"who\":\"ann\"}"},
        {"/api/who?api_token=", NULL, 401, "{\"detail\":\"missing\"}"},
        {"/api/never?api_token=good", NULL, 403,
         "{\"message\":\"Permission denied for this endpoint\"}"},
        {"/key", "X-API-Key: good", 200, "{\"who\":\"ann\"}"},
        {"/key", "x-api-key: good", 200, "{\"who\":\"ann\"}"},
        {"/key", "Authorization: Bearer good", 401, "{\"detail\":\"missing\"}"},
        {"/key", huge, 401, "{\"detail\":\"bad\"}"},
        {"/dev-key", "X-API-Key: good", 200, "{\"who\":\"developer\"}"},
    };
    for (int round = 0; round < 2; round++) /* with and without the cache's help */
        for (size_t v = 0; v < COUNT(versions); v++)
            for (size_t i = 0; i < COUNT(cases); i++)
                expect((struct ask){.path = cases[i].path,
                                    .headers = {cases[i].header},
                                    .version = versions[v]},
                       cases[i].status, cases[i].body);
}

static void an_identity_is_asked_for_once(void **state)
{
    (void)state;
    struct http_config config = bed_config();
    config.threads = 1;
    bed_start_with(&config);
    for (int i = 0; i < 10; i++)
        expect((struct ask){.path = "/api/v2/who", .headers = {"Authorization: Bearer good"}}, 200,
               NULL);
    assert_int_equal(bed.identified, 1);
    /* Another kind of route is another question. */
    for (int i = 0; i < 3; i++)
        expect((struct ask){.path = "/api/who", .headers = {"Authorization: Bearer good"}}, 200,
               NULL);
    assert_int_equal(bed.identified, 2);
    http_forget_identities(bed.http);
    expect((struct ask){.path = "/api/v2/who", .headers = {"Authorization: Bearer good"}}, 200,
           NULL);
    assert_int_equal(bed.identified, 3);
    for (int i = 0; i < 3; i++) {
        expect((struct ask){.path = "/api/v2/who", .headers = {"Authorization: Bearer slow"}}, 200,
               NULL);
        expect((struct ask){.path = "/api/v2/who", .headers = {"Authorization: Bearer bad"}}, 401,
               NULL);
    }
    assert_int_equal(bed.identified, 9);
    bed_stop();
}

/* ---- Hops --------------------------------------------------------------- */

static void hops(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT(versions); v++) {
        /* libcurl 7.88 cannot use a connection of prior knowledge again. */
        CURL *curl = v ? NULL : curl_easy_init();
        for (int i = 0; i < 50; i++)
            expect((struct ask){.path = i % 2 ? "/hop" : "/two-hops",
                                .version = versions[v],
                                .curl = curl,
                                .headers = {"X-Request-ID: a"}},
                   200, "{\"hop\":\"a\"}");
        curl_easy_cleanup(curl);
    }
    WAIT_FOR(atomic_load(&bed.freed) == 150);
    assert_int_equal(bed.runs, 150);
    assert_int_equal(bed.backs, 100);
    assert_int_equal(bed_gauge("dialgate_http_in_flight"), 0);
}

static void *many_hops(void *arg)
{
    (void)arg;
    CURL *curl = curl_easy_init();
    for (int i = 0; i < 200; i++) {
        struct answer res = ask((struct ask){.path = "/hop", .curl = curl});
        assert_int_equal(res.status, 200);
        answer_free(&res);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

static void hops_of_many_at_once(void **state)
{
    (void)state;
    pthread_t threads[8];
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_create(&threads[i], NULL, many_hops, NULL);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    WAIT_FOR(atomic_load(&bed.freed) == 1600);
}

/* ---- Counting ----------------------------------------------------------- */

static void requests_are_counted(void **state)
{
    (void)state;
    expect((struct ask){.path = "/echo/a/b"}, 200, NULL);
    expect((struct ask){.path = "/echo/c/d"}, 200, NULL);
    expect((struct ask){.path = "/nothing/1"}, 404, NULL);
    expect((struct ask){.path = "/nothing/2"}, 404, NULL);
    expect((struct ask){.method = "BREW", .path = "/hello"}, 405, NULL);
    const char *echo[] = {"GET", "/echo/{a}/{b}", "200"}, *none[] = {"GET", "unmatched", "404"},
               *odd[] = {"OTHER", "unmatched", "405"};
    assert_int_equal(bed_count("api_requests_total", echo), 2);
    assert_int_equal(bed_count("api_requests_total", none), 2);
    assert_int_equal(bed_count("api_requests_total", odd), 1);
    struct buf out;
    buf_init(&out, BUF_MAX);
    metrics_render(bed.metrics, &out);
    assert_non_null(strstr(buf_cstr(&out), "api_request_latency_seconds_count{method=\"GET\","
                                           "path=\"/echo/{a}/{b}\"} 2"));
    buf_free(&out);
    WAIT_FOR(bed_gauge("dialgate_http_connections") == 0);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    const struct CMUnitTest tests[] = {
        WITH_SERVER(http1),
        WITH_SERVER(http2_with_prior_knowledge),
        WITH_SERVER(http2_by_upgrade),
        cmocka_unit_test(http2_switched_off),
        cmocka_unit_test(tls_with_both_protocols),
        cmocka_unit_test(a_bad_certificate_stops_the_start),
        cmocka_unit_test(several_addresses),
        WITH_SERVER(addresses_that_cannot_be),
        WITH_SERVER(paths_and_queries),
        WITH_SERVER(refusals),
        WITH_SERVER(allow_is_said),
        WITH_SERVER(head_is_get_without_the_body),
        WITH_SERVER(bodies_and_their_limit),
        WITH_SERVER(a_body_far_too_large),
        WITH_SERVER(a_body_far_too_large_on_http2),
        WITH_SERVER(answers_of_any_size),
        WITH_SERVER(request_ids),
        WITH_SERVER(any_origin),
        cmocka_unit_test(preflights),
        WITH_SERVER(credentials),
        cmocka_unit_test(an_identity_is_asked_for_once),
        WITH_SERVER(hops),
        WITH_SERVER(hops_of_many_at_once),
        WITH_SERVER(requests_are_counted),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return rc;
}
