/* native.c - any ARI request, for pass-through: "GET /channels", with the members
 * of `args` as its query (GET, DELETE) or as its JSON body (POST, PUT).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/text.h"
#include "snapshot.h"

enum { MAX_QUERY = 8 };

static void on_native(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    (void)arg;
    if (r->err) {
        rest_fail(a, op, r);
        return;
    }
    char *dump = r->json ? json_dumps(r->json, JSON_COMPACT | JSON_ENCODE_ANY) : text_copy("null");
    a->h->item(op, &(struct dg_bytes){dump, strlen(dump)});
    a->h->done(op);
    free(dump);
}

static const char *method_of(const char *verb, const char **path)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        size_t len = strlen(methods[i]);
        if (strncmp(verb, methods[i], len) == 0 && verb[len] == ' ' && verb[len + 1] == '/') {
            *path = verb + len + 2;
            return methods[i];
        }
    }
    return NULL;
}

/* The path stays as it was given, so it must be one: no query, nothing that climbs. */
static bool is_path(const char *path)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._~%/:;,+@";
    return *path && strlen(path) < 1000 && !path[strspn(path, allowed)] && !strstr(path, "..") &&
           !strstr(path, "//");
}

/* False: a member is no plain value, or there are too many. `numbers` is room for numbers. */
static bool add_query(struct rest_call *rest, json_t *args, char numbers[MAX_QUERY][32])
{
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach(args, key, value)
    {
        if (n == MAX_QUERY)
            return false;
        if (json_is_string(value))
            rest->query[n] = (struct dg_kv){key, json_string_value(value)};
        else if (json_is_integer(value) || json_is_boolean(value))
            rest->query[n] = (struct dg_kv){key, numbers[n]};
        else
            return false;
        if (json_is_integer(value))
            snprintf(numbers[n], sizeof numbers[n], "%lld", (long long)json_integer_value(value));
        else if (json_is_boolean(value))
            snprintf(numbers[n], sizeof numbers[n], "%s", json_is_true(value) ? "true" : "false");
        n++;
    }
    return true;
}

void ari_native(void *self, const struct dg_native *req, struct dg_op *op)
{
    struct ari *a = self;
    const char *path = NULL, *method = method_of(req->verb ? req->verb : "", &path);
    json_t *args = req->args.len ? json_loadb(req->args.ptr, req->args.len, 0, NULL) : NULL;
    char numbers[MAX_QUERY][32];
    struct rest_call rest = {.method = method, .max_body = 64u << 20, .then = on_native};
    bool body = method && *method == 'P';
    if (!method || !is_path(path)) {
        a->h->fail(op, DG_EINVAL, "expected GET, POST, PUT or DELETE, a space, and a path of ARI");
    } else if (req->args.len && !json_is_object(args)) {
        a->h->fail(op, DG_EINVAL, "the arguments are no JSON object");
    } else if (!body && args && !add_query(&rest, args, numbers)) {
        a->h->fail(op, DG_EINVAL, "a query has at most 8 texts, numbers or booleans");
    } else {
        if (body && args)
            rest.body = json_incref(args);
        rest_send_path(a, op, &rest, path);
    }
    json_decref(args);
}
