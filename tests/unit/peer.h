/* peer.h - the other side of a connection, for tests: a listener on loopback
 * whose connections are each served by a thread, plain or TLS. */
#ifndef UNIT_PEER_H
#define UNIT_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define PEER_CONNS 64

struct peer;

struct peer_conn {
    struct peer *peer;
    int fd;
    SSL *ssl;
    pthread_t thread;
};

typedef void peer_fn(struct peer_conn *c);

struct peer {
    int fd;
    uint16_t port;
    SSL_CTX *ctx;
    peer_fn *serve;
    pthread_t thread;
    struct peer_conn conns[PEER_CONNS];
    _Atomic int count;
    void *arg;
};

static int peer_read(struct peer_conn *c, void *bytes, int len)
{
    return c->ssl ? SSL_read(c->ssl, bytes, len) : (int)read(c->fd, bytes, (size_t)len);
}

static int peer_write(struct peer_conn *c, const void *bytes, size_t len)
{
    const char *p = bytes;
    while (len) {
        int n = c->ssl ? SSL_write(c->ssl, p, (int)len) : (int)send(c->fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static void *peer_serve(void *arg)
{
    struct peer_conn *c = arg;
    if (c->peer->ctx) {
        c->ssl = SSL_new(c->peer->ctx);
        SSL_set_fd(c->ssl, c->fd);
        if (SSL_accept(c->ssl) != 1)
            goto out;
    }
    c->peer->serve(c);
out:
    if (c->ssl)
        SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

static void *peer_accept(void *arg)
{
    struct peer *p = arg;
    for (int fd; (fd = accept(p->fd, NULL, NULL)) >= 0;) {
        int n = atomic_load(&p->count);
        if (n == PEER_CONNS) {
            close(fd);
            continue;
        }
        p->conns[n] = (struct peer_conn){.peer = p, .fd = fd};
        atomic_store(&p->count, n + 1);
        pthread_create(&p->conns[n].thread, NULL, peer_serve, &p->conns[n]);
    }
    return NULL;
}

static struct peer *peer_start(peer_fn *serve, SSL_CTX *ctx, void *arg)
{
    struct peer *p = calloc(1, sizeof(*p));
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(p->fd, (struct sockaddr *)&a, len) != 0 || listen(p->fd, 64) != 0 ||
        getsockname(p->fd, (struct sockaddr *)&a, &len) != 0)
        abort();
    p->port = ntohs(a.sin_port);
    p->serve = serve;
    p->ctx = ctx;
    p->arg = arg;
    pthread_create(&p->thread, NULL, peer_accept, p);
    return p;
}

static void peer_stop(struct peer *p)
{
    shutdown(p->fd, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->fd);
    for (int i = 0; i < atomic_load(&p->count); i++) {
        shutdown(p->conns[i].fd, SHUT_RDWR);
        pthread_join(p->conns[i].thread, NULL);
        close(p->conns[i].fd);
    }
    SSL_CTX_free(p->ctx);
    free(p);
}

/* A server's context with a fresh self-signed certificate for `name`, which is
 * also written to `file` (a template for mkstemp). */
static __attribute__((unused)) SSL_CTX *peer_tls(const char *name, char *file)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    char san[100];
    snprintf(san, sizeof(san), "DNS:%s", name);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
    X509_sign(x, key, EVP_sha256());
    SSL_CTX_use_certificate(ctx, x);
    SSL_CTX_use_PrivateKey(ctx, key);
    FILE *f = fdopen(mkstemp(file), "w");
    PEM_write_X509(f, x);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
    return ctx;
}

#endif
