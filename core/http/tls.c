/* tls.c - see the header. */
#include "http/tls.h"

#include <openssl/err.h>

#include "base/str.h"
#include "http/h2o_lib.h"

static bool failed(struct problem *problem, const char *what, const char *file)
{
    char why[160] = "";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, why, sizeof(why));
    ERR_clear_error();
    problem_set(problem, DG_EINVAL, "http: %s %s: %s", what, file, *why ? why : "refused");
    return false;
}

static bool load(SSL_CTX *ctx, const char *certificate, const char *key, struct problem *problem)
{
    if (str_empty(certificate) || str_empty(key)) {
        problem_set(problem, DG_EINVAL,
                    "http: TLS needs server.tls_certificate and server.tls_key");
        return false;
    }
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return failed(problem, "cannot use the certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return failed(problem, "cannot use the private key", key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return failed(problem, "the certificate does not belong to the key", key);
    return true;
}

SSL_CTX *tls_new(const char *certificate, const char *key, bool http2, struct problem *problem)
{
    static const unsigned char session_context[] = "dialgate";
    static const h2o_iovec_t only_http1[] = {{H2O_STRLIT("http/1.1")}, {NULL, 0}};
    static const h2o_iovec_t both[] = {{H2O_STRLIT("h2")}, {H2O_STRLIT("http/1.1")}, {NULL, 0}};

    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_id_context(ctx, session_context, sizeof(session_context) - 1);
    h2o_ssl_register_alpn_protocols(ctx, http2 ? both : only_http1);
    if (load(ctx, certificate, key, problem))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}
