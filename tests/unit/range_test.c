/* range_test.c - which bytes a Range header asks for, as a table. */
#include "unit.h"

#include "api/recordings/range.h"

#define WHOLE  RANGE_WHOLE, 0, 0
#define BEYOND RANGE_BEYOND, 0, 0

static const struct {
    const char *header;
    uint64_t size;
    enum range_verdict verdict;
    uint64_t first, last;
} cases[] = {
    {NULL, 1000, WHOLE},
    {"bytes=0-0", 1000, RANGE_PART, 0, 0},
    {"bytes=0-499", 1000, RANGE_PART, 0, 499},
    {"bytes=500-999", 1000, RANGE_PART, 500, 999},
    {"bytes=500-", 1000, RANGE_PART, 500, 999},
    {"bytes=999-", 1000, RANGE_PART, 999, 999},
    {"bytes=0-5000", 1000, RANGE_PART, 0, 999},
    {"bytes=-1", 1000, RANGE_PART, 999, 999},
    {"bytes=-500", 1000, RANGE_PART, 500, 999},
    {"bytes=-1000", 1000, RANGE_PART, 0, 999},
    {"bytes=-5000", 1000, RANGE_PART, 0, 999},
    {"BYTES=1-2", 1000, RANGE_PART, 1, 2},
    {"bytes= 1-2 ", 1000, RANGE_PART, 1, 2},
    {"bytes=0-18446744073709551615", 1000, RANGE_PART, 0, 999},
    {"bytes=0-99999999999999999999999", 1000, RANGE_PART, 0, 999},
    /* Nothing of it is there. */
    {"bytes=1000-", 1000, BEYOND},
    {"bytes=1000-2000", 1000, BEYOND},
    {"bytes=99999999999999999999999-", 1000, BEYOND},
    {"bytes=-0", 1000, BEYOND},
    {"bytes=0-", 0, BEYOND},
    {"bytes=0-0", 0, BEYOND},
    {"bytes=-5", 0, BEYOND},
    /* Not heeded: what is none, and what is more than one. */
    {"", 1000, WHOLE},
    {"bytes", 1000, WHOLE},
    {"bytes=", 1000, WHOLE},
    {"bytes=-", 1000, WHOLE},
    {"bytes=--1", 1000, WHOLE},
    {"bytes=5-1", 1000, WHOLE},
    {"bytes=a-b", 1000, WHOLE},
    {"bytes=1-b", 1000, WHOLE},
    {"bytes=1", 1000, WHOLE},
    {"bytes=0x1-2", 1000, WHOLE},
    {"bytes=+1-2", 1000, WHOLE},
    {"bytes=1-2-3", 1000, WHOLE},
    {"bytes=0-1,5-9", 1000, WHOLE},
    {"items=0-1", 1000, WHOLE},
    {"bytes=1-2\r\nX: y", 1000, WHOLE},
};

static void as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t first = 0, last = 0;
        enum range_verdict verdict = range_read(cases[i].header, cases[i].size, &first, &last);
        if (verdict != cases[i].verdict ||
            (verdict == RANGE_PART && (first != cases[i].first || last != cases[i].last)))
            fail_msg("%s of %llu: verdict %d, %llu-%llu", cases[i].header ? cases[i].header : "-",
                     (unsigned long long)cases[i].size, (int)verdict, (unsigned long long)first,
                     (unsigned long long)last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_table_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
