/* unit.h - cmocka with what must stand before it, and files to read. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* A new file with these bytes; its path goes to `path`. The test removes it. */
#define UNIT_PATH_SIZE 32
static inline void unit_file(char path[UNIT_PATH_SIZE], const void *bytes, size_t len)
{
    memcpy(path, "/tmp/dialgate-XXXXXX", sizeof("/tmp/dialgate-XXXXXX"));
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

#endif
