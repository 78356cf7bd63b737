/* number_reader_test.c - domain/number_reader: files as people have them. */
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "domain/number_reader.h"

/* "2:+1555/priority/zone/data", a problem as "3!why". */
static void show(void *arg, const struct number_line *line)
{
    struct buf *out = arg;
    const struct number_new *n = &line->number;
    buf_adds(out, out->len ? " " : "");
    if (line->why) {
        buf_addf(out, "%u!%s", (unsigned)line->line, line->why);
        return;
    }
    buf_addf(out, "%u:%s/%u/%s/%s", (unsigned)line->line, n->phone_number, n->priority,
             n->timezone ? n->timezone : "-", n->data ? n->data : "-");
}

static void reads(enum number_format format, const struct number_columns *columns, const char *text,
                  const char *expected)
{
    for (size_t step = 1; step < 100; step += 13) {
        struct buf out;
        size_t len = strlen(text);
        buf_init(&out, BUF_MAX);
        struct number_reader *r = number_reader_new(format, columns, show, &out);
        for (size_t at = 0; at < len; at += step)
            number_reader_feed(r, text + at, len - at < step ? len - at : step);
        number_reader_end(r);
        number_reader_free(r);
        assert_string_equal(buf_cstr(&out), expected);
        buf_free(&out);
    }
}

static const struct {
    const char *text, *expected;
} csv_cases[] = {
    {"", ""},
    {"phone_number\n+15550100\n123\n", "2:+15550100/0/-/- 3:123/0/-/-"},
    {"Phone_Number;Name;PRIORITY\r\n1;\"Zo\xc3\xab; D\";7\r\n2;;\r\n",
     "2:1/7/-/{\"Name\":\"Zo\xc3\xab; D\"} 3:2/0/-/-"},
    {"phone_number,timezone,data,city\n1,Europe/Berlin,\"{\"\"a\"\":[1]}\",Bonn\n",
     "2:1/0/Europe/Berlin/{\"city\":\"Bonn\",\"a\":[1]}"},
    {"phone_number,timezone\n1,Mars\n2,\n", "2!timezone must be a time zone, like Europe/Berlin "
                                            "3:2/0/-/-"},
    {"phone_number,priority\n1,x\n2,101\n3,100\n",
     "2!priority must be a whole number from 0 to 100 3!priority must be a whole number from 0 to "
     "100 4:3/100/-/-"},
    {"phone_number,data\n1,[1]\n2,x\n",
     "2!data must be a JSON object 3!data must be a JSON object"},
    {"phone_number,name\n,Nobody\nabc,x\n1,2,3\n\n5",
     "2!phone_number is missing 3!phone_number must have a digit and no control characters 4!it "
     "has "
     "more fields than the first line 6:5/0/-/-"},
    {"name,number\nx,1\n", "1!the first line names no column for the phone number"},
};

static const struct {
    const char *text, *expected;
} json_cases[] = {
    {"", ""},
    {"{\"phone_number\":\"1\",\"data\":{\"n\":1},\"priority\":5}\n\n \r\n"
     "{\"phone_number\":\"2\",\"timezone\":\"UTC\"}",
     "1:1/5/-/{\"n\":1} 4:2/0/UTC/-"},
    {"x\n[]\n{\"phone\":\"1\"}\n{\"phone_number\":1}\n{\"phone_number\":\"1\",\"data\":3}\n"
     "{\"phone_number\":\"1\",\"priority\":-1}\n{\"phone_number\":\"1\",\"timezone\":4}\n",
     NULL},
};

static void csv_files(void **state)
{
    static const struct number_columns usual;
    (void)state;
    for (size_t i = 0; i < COUNT(csv_cases); i++)
        reads(NUMBERS_CSV, &usual, csv_cases[i].text, csv_cases[i].expected);
}

static void other_columns(void **state)
{
    static const struct number_columns columns = {
        .phone_number = "Telefon", .priority = "Rang", .timezone = "Zone"};
    (void)state;
    reads(NUMBERS_CSV, &columns, "Rang,telefon,phone_number,Zone\n3,1,2,UTC\n",
          "2:1/3/UTC/{\"phone_number\":\"2\"}");
}

static void json_lines(void **state)
{
    static const struct number_columns usual;
    (void)state;
    for (size_t i = 0; i < COUNT(json_cases); i++)
        if (json_cases[i].expected)
            reads(NUMBERS_NDJSON, &usual, json_cases[i].text, json_cases[i].expected);
}

static void count_wrong(void *arg, const struct number_line *line)
{
    unsigned *count = arg;
    assert_non_null(line->why);
    (*count)++;
}

static void wrong_json_lines(void **state)
{
    static const struct number_columns usual;
    unsigned count = 0;
    (void)state;
    struct number_reader *r = number_reader_new(NUMBERS_NDJSON, &usual, count_wrong, &count);
    number_reader_feed(r, json_cases[2].text, strlen(json_cases[2].text));
    char *longer = xmalloc(NUMBER_LINE_MAX + 2);
    memset(longer, ' ', NUMBER_LINE_MAX + 1);
    longer[NUMBER_LINE_MAX + 1] = '\n';
    number_reader_feed(r, longer, NUMBER_LINE_MAX + 2);
    number_reader_end(r);
    number_reader_free(r);
    free(longer);
    assert_int_equal(count, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_files),
        cmocka_unit_test(other_columns),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(wrong_json_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
