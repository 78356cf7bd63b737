/* tls.h - the server's certificate and what TLS may be spoken. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <openssl/ssl.h>

#include "base/err.h"

/* TLS 1.2 and up, HTTP/2 and HTTP/1.1 by ALPN. NULL: `problem` names the file at fault. */
SSL_CTX *tls_new(const char *certificate, const char *key, bool http2, struct problem *problem);

#endif
