/* number_reader.c - numbers out of CSV or lines of JSON; see number_reader.h. */
#include "domain/number_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/zone.h"

#define DATA_DEPTH 16

enum column { COLUMN_PHONE, COLUMN_PRIORITY, COLUMN_ZONE, COLUMN_DATA, COLUMN_OTHER };

struct number_reader {
    enum number_format format;
    number_line_fn *fn;
    void *arg;
    char *names[COLUMN_OTHER];
    struct csv *csv;
    struct buf line; /* of NDJSON, as far as it has come */
    uint64_t lines;
    bool titled; /* the columns' names are known */
    bool broken; /* they are of no use, which was said */
    enum column *columns;
    char **titles;
    size_t column_count;
};

const char *number_new_problem(const struct number_new *n)
{
    const char *phone = n->phone_number;
    if (str_empty(phone))
        return "phone_number is missing";
    if (str_utf8_len(phone) > NUMBER_PHONE_MAX)
        return "phone_number has more than 50 characters";
    if (str_has_control(phone) || !phone[strcspn(phone, "0123456789")])
        return "phone_number must have a digit and no control characters";
    if (n->priority > NUMBER_PRIORITY_MAX)
        return "priority must be a whole number from 0 to 100";
    if (!str_empty(n->timezone) && !zone_find(n->timezone))
        return "timezone must be a time zone, like Europe/Berlin";
    return NULL;
}

static void tell(struct number_reader *r, uint64_t line, const struct number_new *n,
                 const char *why)
{
    struct number_line out = {.line = line, .why = why};
    if (!why)
        out.number = *n;
    r->fn(r->arg, &out);
}

/* ---- One object --------------------------------------------------------------------------------
 */

static const char *type_problem(const json_t *object)
{
    const json_t *data = json_object_get(object, "data"), *zone, *rank;
    zone = json_object_get(object, "timezone");
    rank = json_object_get(object, "priority");
    const int64_t priority = json_integer_value(rank);
    if (data && !json_is_null(data) && !json_is_object(data))
        return "data must be an object";
    if (rank && (!json_is_integer(rank) || priority < 0 || priority > NUMBER_PRIORITY_MAX))
        return "priority must be a whole number from 0 to 100";
    if (zone && !json_is_null(zone) && !json_is_string(zone))
        return "timezone must be a time zone, like Europe/Berlin";
    return NULL;
}

const char *number_new_read(const json_t *object, struct number_new *out, char **data_text)
{
    const json_t *data = json_object_get(object, "data");
    const char *zone = json_get_str(object, "timezone"), *why = type_problem(object);
    *data_text = NULL;
    if (why)
        return why;
    *out = (struct number_new){.phone_number = json_get_str(object, "phone_number"),
                               .timezone = str_empty(zone) ? NULL : zone,
                               .priority = (unsigned)json_get_int(object, "priority", 0)};
    why = number_new_problem(out);
    if (!why && json_is_object(data))
        out->data = *data_text = json_dumps(data, JSON_COMPACT);
    return why;
}

static void read_object(struct number_reader *r, uint64_t line, const json_t *object)
{
    struct number_new n = {0};
    char *data;
    const char *why = number_new_read(object, &n, &data);
    tell(r, line, &n, why);
    free(data);
}

static void read_json(struct number_reader *r)
{
    char why[JSON_WHY_SIZE];
    r->lines++;
    if (r->line.over) {
        tell(r, r->lines, NULL, "the line is too long");
    } else if (r->line.len && strspn(r->line.ptr, " \t\r") < r->line.len) {
        json_t *object = json_parse(r->line.ptr, r->line.len, DATA_DEPTH, why);
        if (json_is_object(object))
            read_object(r, r->lines, object);
        else
            tell(r, r->lines, NULL, object ? "it is not a JSON object" : why);
        json_decref(object);
    }
    buf_clear(&r->line);
}

static void feed_json(struct number_reader *r, const char *bytes, size_t len)
{
    const char *end = bytes + len, *newline;
    while ((newline = memchr(bytes, '\n', (size_t)(end - bytes)))) {
        buf_add(&r->line, bytes, (size_t)(newline - bytes));
        read_json(r);
        bytes = newline + 1;
    }
    buf_add(&r->line, bytes, (size_t)(end - bytes));
}

/* ---- One row
 * ------------------------------------------------------------------------------------- */

static void read_titles(struct number_reader *r, const struct csv_row *row)
{
    bool found = false;
    r->titled = true;
    r->columns = xcalloc(row->count + 1, sizeof *r->columns);
    r->titles = xcalloc(row->count + 1, sizeof *r->titles);
    r->column_count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        unsigned which = COLUMN_PHONE;
        while (which < COLUMN_OTHER && !str_ieq(row->fields[i], r->names[which]))
            which++;
        r->columns[i] = (enum column)which;
        r->titles[i] = xstrdup(row->fields[i]);
        found = found || which == COLUMN_PHONE;
    }
    r->broken = row->why || !found;
    if (r->broken)
        tell(r, row->line, NULL,
             row->why ? row->why : "the first line names no column for the phone number");
}

/* `data` and what else the row has. NULL: `why` says what is wrong. */
static json_t *object_of(const struct number_reader *r, const struct csv_row *row, const char **why)
{
    json_t *object = json_object(), *data = NULL, *others = json_object();
    int64_t rank;
    for (size_t i = 0; i < row->count && i < r->column_count; i++) {
        const char *text = row->fields[i];
        if (!*text)
            continue;
        if (r->columns[i] == COLUMN_PHONE)
            json_object_set_new(object, "phone_number", json_string(text));
        else if (r->columns[i] == COLUMN_ZONE)
            json_object_set_new(object, "timezone", json_string(text));
        else if (r->columns[i] == COLUMN_PRIORITY)
            json_object_set_new(object, "priority",
                                str_to_int(text, &rank) ? json_integer(rank) : json_string(text));
        else if (r->columns[i] == COLUMN_OTHER)
            json_object_set_new(others, r->titles[i], json_string(text));
        else if (!data)
            data = json_parse(text, strlen(text), DATA_DEPTH, NULL);
        if (r->columns[i] == COLUMN_DATA && !json_is_object(data))
            *why = "data must be a JSON object";
    }
    if (row->count > r->column_count)
        *why = "it has more fields than the first line";
    if (data)
        json_object_update(others, data);
    if (json_object_size(others))
        json_object_set(object, "data", others);
    json_decref(others);
    json_decref(data);
    return object;
}

static void on_row(void *arg, const struct csv_row *row)
{
    struct number_reader *r = arg;
    const char *why = row->why;
    if (!r->titled) {
        read_titles(r, row);
        return;
    }
    if (r->broken)
        return;
    json_t *object = why ? NULL : object_of(r, row, &why);
    if (why)
        tell(r, row->line, NULL, why);
    else
        read_object(r, row->line, object);
    json_decref(object);
}

/* ---- The reader
 * ----------------------------------------------------------------------------------- */

static char *name_or(const char *name, const char *usual)
{
    return xstrdup(str_empty(name) ? usual : name);
}

struct number_reader *number_reader_new(enum number_format format,
                                        const struct number_columns *columns, number_line_fn *fn,
                                        void *arg)
{
    struct number_reader *r = xcalloc(1, sizeof *r);
    r->format = format;
    r->fn = fn;
    r->arg = arg;
    r->names[COLUMN_PHONE] = name_or(columns->phone_number, "phone_number");
    r->names[COLUMN_PRIORITY] = name_or(columns->priority, "priority");
    r->names[COLUMN_ZONE] = name_or(columns->timezone, "timezone");
    r->names[COLUMN_DATA] = xstrdup("data");
    r->csv = csv_new(on_row, r);
    buf_init(&r->line, NUMBER_LINE_MAX);
    return r;
}

void number_reader_feed(struct number_reader *r, const char *bytes, size_t len)
{
    if (r->format == NUMBERS_CSV)
        csv_feed(r->csv, bytes, len);
    else
        feed_json(r, bytes, len);
}

void number_reader_end(struct number_reader *r)
{
    if (r->format == NUMBERS_CSV)
        csv_end(r->csv);
    else
        read_json(r);
}

void number_reader_free(struct number_reader *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < COLUMN_OTHER; i++)
        free(r->names[i]);
    for (size_t i = 0; i < r->column_count; i++)
        free(r->titles[i]);
    free(r->titles);
    free(r->columns);
    csv_free(r->csv);
    buf_free(&r->line);
    free(r);
}
