/* mem_test.c - base/mem: copies and arenas. */
#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static void copies(void **state)
{
    (void)state;
    assert_null(xstrdup(NULL));
    assert_null(xstrndup(NULL, 3));

    char *a = xstrdup(""), *b = xstrndup("abcdef", 3), *c = xstrndup("ab", 10);
    char *d = xasprintf("%s-%d", "x", 7);
    assert_string_equal(a, "");
    assert_string_equal(b, "abc");
    assert_string_equal(c, "ab");
    assert_string_equal(d, "x-7");
    free(a);
    free(b);
    free(c);
    free(d);
}

static void nothing_is_something(void **state)
{
    (void)state;
    void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xrealloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    free(a);
    free(b);
    free(c);
}

/* In a child, since it ends the process. */
static void no_memory_ends_the_process(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        arena_alloc(arena_new(), SIZE_MAX);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static bool all_zero(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

static void arena_gives_aligned_zeroed_memory(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *last[400];
    for (size_t i = 0; i < COUNT(last); i++) {
        size_t size = i * 7; /* up to 2,793 bytes: small ones and some with their own block */
        last[i] = arena_alloc(a, size);
        assert_int_equal((uintptr_t)last[i] % _Alignof(max_align_t), 0);
        assert_true(all_zero(last[i], size));
        memset(last[i], (int)(i & 0xff), size);
    }
    for (size_t i = 0; i < COUNT(last); i++)
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal((unsigned char)last[i][k], i & 0xff);
    arena_free(a);
}

static void arena_large(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *small = arena_strdup(a, "before");
    char *large = arena_alloc(a, 1 << 20);
    large[(1 << 20) - 1] = 1;
    char *after = arena_strdup(a, "after");
    assert_string_equal(small, "before");
    assert_string_equal(after, "after");
    arena_free(a);
    arena_free(NULL);
}

static void arena_copies(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_null(arena_strdup(a, NULL));
    assert_string_equal(arena_strdup(a, ""), "");
    assert_string_equal(arena_dup(a, "abcdef", 2), "ab");
    assert_string_equal(arena_dup(a, NULL, 0), "");
    assert_memory_equal(arena_dup(a, "a\0b", 3), "a\0b\0", 4);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(nothing_is_something),
        cmocka_unit_test(no_memory_ends_the_process),
        cmocka_unit_test(arena_gives_aligned_zeroed_memory),
        cmocka_unit_test(arena_large),
        cmocka_unit_test(arena_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
