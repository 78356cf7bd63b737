/* dialling.c - see dialling.h. */
#include "dialling.h"

#include <string.h>
#include <strings.h>

#include "text.h"

static bool is_local(const char *endpoint)
{
    return strncasecmp(endpoint, "Local/", 6) == 0;
}

static bool is_place(const char *s)
{
    return !s || text_is_plain(s, 80);
}

const char *dialling_refusal(const struct dg_originate *req)
{
    const char *number = req->caller_number, *name = req->caller_name;
    if (!text_is_plain(req->call, DIALLING_ID_MAX) ||
        (req->other && !text_is_plain(req->other, DIALLING_ID_MAX)))
        return "the call's id is empty, too long or not printable";
    if (!text_is_plain(req->endpoint, 200) || !strchr(req->endpoint, '/'))
        return "the endpoint is no Technology/resource";
    if (number && *number && !text_is_number(number))
        return "the caller's number has characters that are in no number";
    if (name && *name && !text_is_plain(name, 128))
        return "the caller's name is too long or not printable";
    if (!is_place(req->context) || !is_place(req->extension) || !is_place(req->priority))
        return "context, extension or priority is not printable";
    if (req->arguments && *req->arguments && !text_is_plain(req->arguments, 1000))
        return "the arguments are too long or not printable";
    return NULL;
}

char *dialling_endpoint(const struct dg_originate *req)
{
    struct text t = {0};
    text_puts(&t, req->endpoint);
    if (is_local(req->endpoint) && !strchr(req->endpoint + 6, '/'))
        text_puts(&t, "/n");
    return t.at;
}

char *dialling_other(const struct dg_originate *req)
{
    if (req->other || !is_local(req->endpoint) || strlen(req->call) + 2 > DIALLING_ID_MAX)
        return text_copy(req->other);
    struct text t = {0};
    text_puts(&t, req->call);
    text_puts(&t, "-2");
    return t.at;
}

/* Asterisk 22 writes it into SIP headers: control characters must not get there. */
char *dialling_caller(const struct dg_originate *req)
{
    struct text t = {0};
    if (!req->caller_name && !req->caller_number)
        return NULL;
    text_puts(&t, "\"");
    for (const char *p = req->caller_name ? req->caller_name : ""; *p; p++) {
        if (*p == '"' || *p == '\\')
            text_puts(&t, "\\");
        text_add(&t, p, 1);
    }
    text_puts(&t, "\" <");
    text_puts(&t, req->caller_number ? req->caller_number : "");
    text_puts(&t, ">");
    return t.at;
}
