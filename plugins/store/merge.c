/* merge.c - see merge.h. */
#include "store/merge.h"

#include <string.h>

#include "store/scan.h"

struct member {
    struct member *next;
    const char *key;
    size_t key_len;
    const char *raw;
    size_t raw_len;
    bool written;
};

struct merging {
    struct text *out;
    struct pool pool;
    struct member *set, **end;
    bool first;
};

static bool merge_collect(void *arg, const char *key, size_t key_len, const struct scan_value *v)
{
    struct merging *m = arg;
    struct member *one = pool_alloc(&m->pool, sizeof(*one));
    *one = (struct member){.key = key, .key_len = key_len, .raw = v->raw, .raw_len = v->raw_len};
    *m->end = one;
    m->end = &one->next;
    return true;
}

static void merge_key(struct text *out, const char *key, size_t len)
{
    static const char letters[] = "\b\f\n\r\t\"\\", escaped[] = "bfnrt\"\\";
    text_add(out, "\"");
    for (const char *end = key + len; key < end; key++) {
        const char *letter = *key ? strchr(letters, *key) : NULL;
        if (letter)
            text_addf(out, "\\%c", escaped[letter - letters]);
        else if ((unsigned char)*key < 0x20)
            text_addf(out, "\\u%04x", (unsigned)*key);
        else
            text_addb(out, key, 1);
    }
    text_add(out, "\":");
}

static void merge_add(struct merging *m, const char *key, size_t key_len, const char *raw,
                      size_t raw_len)
{
    text_add(m->out, m->first ? "{" : ",");
    m->first = false;
    merge_key(m->out, key, key_len);
    text_addb(m->out, raw, raw_len);
}

static bool merge_member(void *arg, const char *key, size_t key_len, const struct scan_value *v)
{
    struct merging *m = arg;
    const char *raw = v->raw;
    size_t raw_len = v->raw_len;
    for (struct member *s = m->set; s; s = s->next) {
        if (s->key_len == key_len && memcmp(s->key, key, key_len) == 0) {
            s->written = true;
            raw = s->raw;
            raw_len = s->raw_len;
        }
    }
    merge_add(m, key, key_len, raw, raw_len);
    return true;
}

bool merge(struct text *out, struct dg_bytes doc, struct dg_bytes set)
{
    struct merging m = {.out = out, .first = true};
    size_t at;
    m.end = &m.set;
    text_clear(out);
    bool ok = !scan_object(set.ptr, set.len, &m.pool, merge_collect, &m, &at) &&
              !scan_object(doc.ptr, doc.len, &m.pool, merge_member, &m, &at);
    for (const struct member *s = m.set; s; s = s->next) {
        if (!s->written)
            merge_add(&m, s->key, s->key_len, s->raw, s->raw_len);
    }
    text_add(out, m.first ? "{}" : "}");
    pool_free(&m.pool);
    return ok;
}
