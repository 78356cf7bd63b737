/* number.c - a number and its document in the store; see number.h. */
#include "domain/number.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "dialgate/storage.h"

#define USUAL_SIZE 400 /* of a document: room for it is made at once */
#define DATA_DEPTH 32

static const char *const names[] = {
    [NUMBER_PENDING] = "pending",   [NUMBER_CALLING] = "calling",
    [NUMBER_ANSWERED] = "answered", [NUMBER_COMPLETED] = "completed",
    [NUMBER_FAILED] = "failed",     [NUMBER_NO_ANSWER] = "no_answer",
    [NUMBER_BUSY] = "busy",
};

const char *number_status_name(enum number_status s)
{
    return names[s];
}

bool number_status_parse(const char *name, enum number_status *out)
{
    for (size_t i = 0; i < NUMBER_STATUSES; i++) {
        if (str_eq(name, names[i])) {
            *out = (enum number_status)i;
            return true;
        }
    }
    return false;
}

void number_clear(struct number *n)
{
    free(n->phone_number);
    free(n->timezone);
    free(n->claimed_by);
    free(n->data);
    *n = (struct number){0};
}

void number_copy(struct number *to, const struct number *from)
{
    *to = *from;
    to->phone_number = xstrdup(from->phone_number);
    to->timezone = xstrdup(from->timezone);
    to->claimed_by = xstrdup(from->claimed_by);
    to->data = xstrdup(from->data);
}

void number_reset(struct number *n)
{
    n->status = NUMBER_PENDING;
    n->attempts = 0;
    n->due_at_ms = -(int64_t)n->priority;
    n->call_id[0] = '\0';
    n->claimed_until_ms = 0;
    free(n->claimed_by);
    n->claimed_by = NULL;
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void write_ms(struct json_writer *w, const char *key, int64_t ms)
{
    if (ms)
        jw_int(w, key, ms);
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
    if (!str_empty(text))
        jw_str(w, key, text);
}

void number_write(const struct number *n, struct buf *out)
{
    struct json_writer w;
    buf_reserve(out, USUAL_SIZE);
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_int(&w, "campaign_id", n->campaign_id);
    jw_str(&w, "phone_number", n->phone_number);
    jw_str(&w, "status", number_status_name(n->status));
    jw_int(&w, "due_at", n->due_at_ms);
    jw_int(&w, "priority", n->priority);
    jw_int(&w, "attempts", n->attempts);
    jw_int(&w, "created_at", n->created_at_ms);
    write_text(&w, "timezone", n->timezone);
    write_text(&w, "claimed_by", n->claimed_by);
    write_ms(&w, "claimed_until", n->claimed_until_ms);
    write_text(&w, "call_id", n->call_id);
    write_ms(&w, "last_attempt", n->last_attempt_ms);
    write_ms(&w, "updated_at", n->updated_at_ms);
    if (n->data)
        jw_raw(&w, "data", n->data, strlen(n->data));
    jw_end(&w);
}

static char *text(const json_t *doc, const char *key)
{
    return xstrdup(json_get_str(doc, key));
}

/* What a program puts in a text is freed by free(), which json_dumps need not fit. */
static char *text_of_data(const json_t *doc)
{
    const json_t *data = json_object_get(doc, "data");
    if (!json_is_object(data))
        return NULL;
    size_t len = json_dumpb(data, NULL, 0, JSON_COMPACT);
    char *out = xmalloc(len + 1);
    json_dumpb(data, out, len, JSON_COMPACT);
    out[len] = '\0';
    return out;
}

bool number_read(struct number *n, const char *id, uint64_t version, const json_t *doc)
{
    int64_t number_id, campaign = json_get_int(doc, "campaign_id", 0);
    enum number_status status;
    const char *call = json_get_str(doc, "call_id");
    *n = (struct number){0};
    if (!str_to_int(id, &number_id) || !campaign ||
        !number_status_parse(json_get_str(doc, "status"), &status) ||
        !json_get_str(doc, "phone_number"))
        return false;
    n->id = number_id;
    n->version = version;
    n->campaign_id = campaign;
    n->status = status;
    n->phone_number = text(doc, "phone_number");
    n->due_at_ms = json_get_int(doc, "due_at", 0);
    n->priority = (unsigned)json_get_int(doc, "priority", 0);
    n->attempts = (unsigned)json_get_int(doc, "attempts", 0);
    n->timezone = text(doc, "timezone");
    n->claimed_by = text(doc, "claimed_by");
    n->claimed_until_ms = json_get_int(doc, "claimed_until", 0);
    n->last_attempt_ms = json_get_int(doc, "last_attempt", 0);
    n->created_at_ms = json_get_int(doc, "created_at", 0);
    n->updated_at_ms = json_get_int(doc, "updated_at", 0);
    n->data = text_of_data(doc);
    if (call && strlen(call) < sizeof n->call_id)
        memcpy(n->call_id, call, strlen(call) + 1);
    return true;
}

bool number_of_doc(struct number *n, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, DATA_DEPTH, NULL);
    bool fine = number_read(n, doc->id, doc->version, json);
    json_decref(json);
    return fine;
}
