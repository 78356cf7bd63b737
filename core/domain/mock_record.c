/* mock_record.c - {"kind":"add","added_at":...,"expires_at":...,"ranges":[[first,last,digits,
 * prefix],...]}; keys and prefixes are numbers. */
#include "domain/mock_record.h"

#include "base/json.h"
#include "base/phone.h"
#include "base/str.h"

static const char *const kinds[] = {
    [MOCK_ADD] = "add", [MOCK_REMOVE] = "remove", [MOCK_CLEAR] = "clear"};

void mock_change_write(const struct mock_change *c, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "kind", kinds[c->kind]);
    jw_int(&w, "added_at", c->at_ms);
    jw_int(&w, "expires_at", c->expires_ms);
    jw_array(&w, "ranges");
    for (size_t i = 0; i < c->ranges.count; i++) {
        const struct mock_range *r = &c->ranges.list[i];
        jw_array(&w, NULL);
        jw_int(&w, NULL, r->first);
        jw_int(&w, NULL, r->last);
        jw_int(&w, NULL, r->digits);
        jw_int(&w, NULL, (int64_t)r->prefix);
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
}

static bool read_kind(const char *text, enum mock_change_kind *out)
{
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (str_eq(kinds[i], text)) {
            *out = (enum mock_change_kind)i;
            return true;
        }
    }
    return false;
}

static bool read_range(const json_t *json, const struct mock_change *c, struct mock_range *out)
{
    int64_t parts[4];
    for (size_t i = 0; i < 4; i++)
        parts[i] = json_integer_value(json_array_get(json, i));
    if (parts[0] < 1 || parts[1] < parts[0] || parts[1] >= PHONE_KEY_END || parts[2] < 1 ||
        parts[2] > MOCK_DIGITS_MAX || parts[3] < 0)
        return false;
    *out = (struct mock_range){.first = (uint32_t)parts[0],
                               .last = (uint32_t)parts[1],
                               .digits = (unsigned)parts[2],
                               .prefix = (uint64_t)parts[3],
                               .added_ms = c->at_ms,
                               .expires_ms = c->expires_ms};
    return true;
}

bool mock_change_read(const json_t *json, struct mock_change *out)
{
    size_t i;
    json_t *item;
    struct mock_range range;
    *out = (struct mock_change){.at_ms = json_get_int(json, "added_at", 0),
                                .expires_ms = json_get_int(json, "expires_at", 0)};
    if (!read_kind(json_get_str(json, "kind"), &out->kind))
        return false;
    json_array_foreach(json_object_get(json, "ranges"), i, item)
    {
        if (!read_range(item, out, &range)) {
            mock_ranges_free(&out->ranges);
            return false;
        }
        mock_ranges_append_range(&out->ranges, &range);
    }
    mock_ranges_sort(&out->ranges);
    return true;
}
