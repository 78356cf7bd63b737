/* A yardstick: libh2o that answers every request with the same bytes and does nothing else.
 *
 *     bare_h2o PORT SERVER FILE
 *
 * The file is an answer: header lines, an empty line, the body. Connection, Content-Length and
 * Date are H2O's own to send, as is Server, whose value is SERVER.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <h2o.h>

static h2o_context_t ctx;
static h2o_accept_ctx_t accept_ctx;
static char text[65536];

#define MAX_HEADERS 16
static struct {
    char lower[64];
    const char *name, *value;
} headers[MAX_HEADERS];
static size_t header_count;
static char *body;

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = strlen(body);
    for (size_t i = 0; i < header_count; i++)
        h2o_add_header_by_str(&req->pool, &req->res.headers, headers[i].lower,
                              strlen(headers[i].lower), 1, headers[i].name, headers[i].value,
                              strlen(headers[i].value));
    h2o_send_inline(req, body, strlen(body));
    return 0;
}

/* "Name: value"; `line` is taken apart. */
static int read_header(char *line)
{
    char *colon = strstr(line, ": ");
    size_t len = colon ? (size_t)(colon - line) : 0;
    if (!len || len >= sizeof headers[0].lower || header_count == MAX_HEADERS)
        return 0;
    *colon = '\0';
    headers[header_count].name = line;
    headers[header_count].value = colon + 2;
    memcpy(headers[header_count].lower, line, len);
    h2o_strtolower(headers[header_count].lower, len);
    header_count++;
    return 1;
}

static int read_answer(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (end == line) {
            body = end + 1;
            return 1;
        }
        if (!read_header(line))
            return 0;
    }
    return 0;
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    if (err)
        return;
    h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
    if (sock)
        h2o_accept(&accept_ctx, sock);
}

static int listen_on(unsigned short port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) || listen(fd, 1024)) {
        perror("bare_h2o");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bare_h2o PORT SERVER FILE\n");
        return 2;
    }
    if (!read_answer(argv[3])) {
        fprintf(stderr, "bare_h2o: no answer could be read from %s\n", argv[3]);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);

    static h2o_globalconf_t config;
    h2o_config_init(&config);
    config.server_name = h2o_iovec_init(argv[2], strlen(argv[2]));
    h2o_hostconf_t *host =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&ctx, h2o_evloop_create(), &config);
    accept_ctx.ctx = &ctx;
    accept_ctx.hosts = config.hosts;
    h2o_socket_t *listener = h2o_evloop_socket_create(
        ctx.loop, listen_on((unsigned short)strtoul(argv[1], NULL, 10)), H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
    while (h2o_evloop_run(ctx.loop, INT32_MAX) == 0)
        ;
    return 0;
}
