/* recording_name.c - what a recording may be called, and what its name tells. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "domain/recordings.h"

#define NAME_CHARS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._+@=-"
#define STAMP_LEN  16 /* "20261121-154210-" */

const char *recording_name_refusal(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    if (!len || len > RECORDING_NAME_MAX)
        return "A recording's name has 1 to 120 characters";
    if (!str_only(name, NAME_CHARS))
        return "A recording's name is letters, digits and - . _ + @ =";
    if (*name == '.' || *name == '-' || strstr(name, ".."))
        return "A recording's name neither begins with . or - nor has two dots in a row";
    return NULL;
}

/* Of the call that it names; UUIDs of version 7 begin with their time. */
static int64_t time_of_id(const char *id)
{
    unsigned long long high, low;
    if (id[14] != '7' || sscanf(id, "%8llx-%4llx", &high, &low) != 2)
        return 0;
    return (int64_t)(high << 16 | low);
}

static int64_t time_of_stamp(const char *name)
{
    char iso[CLOCK_ISO_SIZE];
    int64_t at_ms, span_ms;
    if (strspn(name, "0123456789") != 8 || name[8] != '-' || strspn(name + 9, "0123456789") != 6 ||
        name[15] != '-')
        return 0;
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", name, name + 4, name + 6, name + 9,
             name + 11, name + 13);
    return clock_parse_iso(iso, &at_ms, &span_ms) ? at_ms : 0;
}

struct recording_name recording_name_read(const char *name)
{
    struct recording_name out = {0};
    int64_t stamp_ms = time_of_stamp(name);
    const char *id = stamp_ms ? name + STAMP_LEN : name;
    char text[ID_SIZE];
    snprintf(text, sizeof text, "%s", id);
    if (strlen(text) != ID_SIZE - 1 || !id_is_uuid(text) ||
        (id[ID_SIZE - 1] && id[ID_SIZE - 1] != '-'))
        return out;
    memcpy(out.call_id, text, sizeof text);
    out.created_at_ms = stamp_ms ? stamp_ms : time_of_id(text);
    return out;
}

/* Other programs name recordings by UUIDs too, of version 4 mostly. */
bool recording_name_is_ours(const char *name)
{
    struct recording_name told = recording_name_read(name);
    return *told.call_id && time_of_id(told.call_id);
}

int64_t recording_created_ms(const struct recording *r)
{
    return r->told.created_at_ms ? r->told.created_at_ms : r->at_ms;
}
