/* idempotency_record.c - keys, requests and answers as they are compared and kept. */
#include "domain/idempotency_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/call_plan.h"

void idempotency_id(const struct idempotency_scope *scope, char out[DIGEST_SIZE])
{
    const char *const parts[] = {scope->principal, scope->tenant, scope->route, scope->key};
    struct buf text;
    buf_init(&text, BUF_MAX);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_adds(&text, parts[i] ? parts[i] : "");
        buf_addc(&text, '\0'); /* which is in none of them */
    }
    digest_hex(text.ptr, text.len, out);
    buf_free(&text);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct dg_kv *)a)->key, ((const struct dg_kv *)b)->key);
}

static void write_variables(struct json_writer *w, const struct call_request *req)
{
    size_t size = req->variable_count * sizeof *req->variables;
    struct dg_kv *sorted = xmalloc(size + 1);
    if (size)
        memcpy(sorted, req->variables, size);
    qsort(sorted, req->variable_count, sizeof *sorted, by_key);
    jw_object(w, "variables");
    for (size_t i = 0; i < req->variable_count; i++)
        jw_str(w, sorted[i].key, sorted[i].value);
    jw_end(w);
    free(sorted);
}

void idempotency_fingerprint(const struct call_request *req, char out[DIGEST_SIZE])
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, BUF_MAX);
    jw_init(&w, &text);
    jw_object(&w, NULL);
    jw_str(&w, "phone_number", req->phone_number);
    jw_str(&w, "context", req->context);
    jw_str(&w, "extension", req->extension);
    jw_str(&w, "caller_id", req->caller_id);
    jw_int(&w, "priority", req->priority);
    jw_int(&w, "ring_ms", (int64_t)req->ring_ms);
    if (req->ivr_menu)
        jw_int(&w, "ivr_menu", req->ivr_menu);
    if (req->plan)
        call_plan_write(req->plan, &w, "plan");
    write_variables(&w, req);
    jw_end(&w);
    digest_hex(text.ptr, text.len, out);
    buf_free(&text);
}

void idempotency_record_write(const struct idempotency_record *r, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "call_id", r->call);
    jw_str(&w, "principal", r->principal);
    jw_str(&w, "route", r->route);
    jw_str(&w, "fingerprint", r->fingerprint);
    jw_int(&w, "created_at", r->created_at_ms);
    jw_int(&w, "expires_at", r->expires_at_ms);
    jw_str(&w, "answer", r->answer);
    jw_end(&w);
}

static bool fits(const char *text, size_t size)
{
    return text && strlen(text) < size;
}

bool idempotency_record_read(struct idempotency_record *r, const char *id, const json_t *doc)
{
    const char *call = json_get_str(doc, "call_id"),
               *fingerprint = json_get_str(doc, "fingerprint");
    if (!fits(id, sizeof r->id) || !fits(call, sizeof r->call) ||
        !fits(fingerprint, sizeof r->fingerprint))
        return false;
    idempotency_record_clear(r);
    memcpy(r->id, id, strlen(id) + 1);
    memcpy(r->call, call, strlen(call) + 1);
    memcpy(r->fingerprint, fingerprint, strlen(fingerprint) + 1);
    r->principal = xstrdup(json_get_str(doc, "principal"));
    r->route = xstrdup(json_get_str(doc, "route"));
    r->answer = xstrdup(json_get_str(doc, "answer"));
    r->created_at_ms = json_get_int(doc, "created_at", 0);
    r->expires_at_ms = json_get_int(doc, "expires_at", 0);
    return true;
}

void idempotency_record_clear(struct idempotency_record *r)
{
    free(r->principal);
    free(r->route);
    free(r->answer);
    *r = (struct idempotency_record){0};
}
