/* csv_test.c - base/csv: rows and fields, however the bytes come. */
#include "unit.h"

#include "base/buf.h"
#include "base/csv.h"
#include "base/mem.h"

/* Rows as text: "1:a|b", a problem as "3!why". */
static void show(void *arg, const struct csv_row *row)
{
    struct buf *out = arg;
    buf_addf(out, "%s%u%s", out->len ? " " : "", (unsigned)row->line, row->why ? "!" : ":");
    buf_adds(out, row->why ? row->why : "");
    for (size_t i = 0; i < row->count; i++)
        buf_addf(out, "%s%s", i ? "|" : "", row->fields[i]);
}

static void reads(const char *bytes, size_t len, size_t step, const char *expected)
{
    struct buf out;
    buf_init(&out, BUF_MAX);
    struct csv *csv = csv_new(show, &out);
    for (size_t at = 0; at < len; at += step)
        csv_feed(csv, bytes + at, len - at < step ? len - at : step);
    csv_end(csv);
    csv_free(csv);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
}

#define CASE(text, result)                                                                         \
    {                                                                                              \
        text, sizeof(text) - 1, result                                                             \
    }

static const struct {
    const char *bytes;
    size_t len;
    const char *expected;
} cases[] = {
    CASE("", ""),
    CASE("\n\r\n\r", ""),
    CASE("a,b\n1,2\n", "1:a|b 2:1|2"),
    CASE("a,b\r\n1,2", "1:a|b 2:1|2"),
    CASE("a,b\r1,2\r", "1:a|b 2:1|2"),
    CASE("a;b\n1,2;3\n", "1:a|b 2:1,2|3"),
    CASE("a\tb,c\td\n1\t2\t3", "1:a|b,c|d 2:1|2|3"),
    CASE("a\n1\n", "1:a 2:1"),
    CASE("\xef\xbb\xbf"
         "a,b\n",
         "1:a|b"),
    CASE("a,\xef\xbb\xbf\n", "1:a|\xef\xbb\xbf"),
    CASE("a\n\xef\xbb\xbf"
         "b\n",
         "1:a 2:\xef\xbb\xbf"
         "b"),
    CASE(",\n,,\n", "1:| 2:||"),
    CASE("\"a\",\"b,c\"\n", "1:a|b,c"),
    CASE("a,\"x\"\"y\"\"\"\n", "1:a|x\"y\""),
    CASE("\"\",\"\"\n", "1:|"),
    CASE("a,\"1\n2\r\n3\"\nb,c\n", "1:a|1\n2\r\n3 4:b|c"),
    CASE("a,5\" pipe\nb,c", "1:a|5\" pipe 2:b|c"),
    CASE("a,x\"\"y\nb,c", "1:a|x\"\"y 2:b|c"),
    CASE("a,b\n\n\n1,2", "1:a|b 4:1|2"),
    CASE("a,b\n\"x\"y,z\n1,2", "1:a|b 2!a quotation mark is where none may be 3:1|2"),
    CASE("a,b\n1,\"2\n3,4\n", "1:a|b 2!a quotation mark is where none may be"),
    CASE("a,b\n\xff,2\n1,2", "1:a|b 2!the text is not UTF-8 3:1|2"),
    CASE("a,b\n1\0,2\n1,2", "1:a|b 2!the text is not UTF-8 3:1|2"),
};

static void rows_and_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t step = 1; step < 9; step++)
            reads(cases[i].bytes, cases[i].len, step, cases[i].expected);
    }
}

static void limits(void **state)
{
    (void)state;
    size_t len = CSV_ROW_MAX + 100;
    char *text = xmalloc(len);
    memset(text, 'x', len);
    memcpy(text, "a,b\n", 4);
    memcpy(text + len - 4, "\n1,2", 4);
    reads(text, len, 1000, "1:a|b 2!the line is too long 3:1|2");
    memset(text, ',', CSV_COLUMNS_MAX);
    reads(text, CSV_COLUMNS_MAX, 7, "1!too many fields");
    free(text);
}

/* What was written is read back as it was. */
static void written(void **state)
{
    static const char *const fields[] = {"a,b", "c;d", "say \"x\"", "two\nlines", "", "+1 555"};
    struct buf out;
    (void)state;
    buf_init(&out, BUF_MAX);
    for (size_t i = 0; i < COUNT(fields); i++)
        csv_write(&out, i == 4 ? NULL : fields[i], i == 0);
    csv_write_end(&out);
    assert_string_equal(buf_cstr(&out),
                        "\"a,b\",\"c;d\",\"say \"\"x\"\"\",\"two\nlines\",,+1 555\r\n");
    reads(out.ptr, out.len, 1, "1:a,b|c;d|say \"x\"|two\nlines||+1 555");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_fields),
        cmocka_unit_test(limits),
        cmocka_unit_test(written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
