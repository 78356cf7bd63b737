/* http_frames_test.c - walking over the frames of an HTTP/2 connection. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/frames.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { DATA, HEADERS, RST_STREAM = 3, SETTINGS, PING = 6, WINDOW_UPDATE = 8, CONTINUATION };

static void put(struct buf *out, unsigned type, unsigned flags, size_t len, char fill)
{
    const unsigned char head[9] = {
        [0] = (unsigned char)(len >> 16), [1] = (unsigned char)(len >> 8), [2] = (unsigned char)len,
        [3] = (unsigned char)type,        [4] = (unsigned char)flags,      [8] = 1};
    buf_add(out, head, sizeof(head));
    for (size_t i = 0; i < len; i++)
        buf_add(out, &fill, 1);
}

/* In memory of exactly this size; returns what is left, as the first bytes of `in`. */
static size_t walk(struct frames *f, struct buf *in)
{
    char *exact = malloc(in->len + !in->len);
    memcpy(exact, in->ptr, in->len);
    size_t left = frames_walk(f, exact, in->len);
    assert_true(left <= in->len);
    memcpy(in->ptr, exact, left);
    free(exact);
    return left;
}

static void what_is_counted(void **state)
{
    (void)state;
    struct buf in;
    struct frames f = {0};
    buf_init(&in, BUF_MAX);
    buf_adds(&in, PREFACE);
    put(&in, SETTINGS, 0, 0, 0);
    put(&in, HEADERS, 4, 30, 'h');
    put(&in, DATA, 0, 1000, 'd');
    put(&in, DATA, 0, 10, 'd'); /* small */
    put(&in, DATA, 1, 10, 'd');
    put(&in, PING, 0, 8, 'p');
    put(&in, RST_STREAM, 0, 4, 0);
    put(&in, WINDOW_UPDATE, 0, 4, 1);
    put(&in, WINDOW_UPDATE, 0, 4, 0); /* asks for a reset */
    assert_int_equal(walk(&f, &in), in.len);
    assert_int_equal(f.heads, 1);
    assert_int_equal(f.body, 1020);
    assert_int_equal(f.resets, 2);
    assert_int_equal(f.control, 6);
    assert_int_equal(f.walked, 9);
    assert_int_equal(f.block, 30);
    assert_int_equal(f.blocks_ended, 1);
    assert_false(f.block_open);
    buf_free(&in);
}

/* Whatever piece of it comes first, each frame is counted once, when it is complete. */
static void in_two_pieces(void **state)
{
    (void)state;
    for (size_t cut = 0;; cut++) {
        struct buf all, part;
        struct frames f = {0};
        buf_init(&all, BUF_MAX);
        buf_init(&part, BUF_MAX);
        buf_adds(&all, PREFACE);
        put(&all, HEADERS, 0, 7, 'h');
        put(&all, CONTINUATION, 4, 5, 'c');
        put(&all, PING, 0, 8, 'p');
        if (cut > all.len) {
            buf_free(&all);
            buf_free(&part);
            break;
        }
        buf_add(&part, all.ptr, cut);
        assert_int_equal(walk(&f, &part), cut);
        size_t done = 0; /* H2O takes the preface and what is complete */
        const size_t ends[] = {24, 24 + 16, 24 + 16 + 14, 24 + 16 + 14 + 17};
        for (size_t i = 0; i < COUNT(ends); i++)
            done = ends[i] <= cut ? ends[i] : done;
        buf_clear(&part);
        buf_add(&part, all.ptr + done, all.len - done);
        assert_int_equal(walk(&f, &part), all.len - done);
        assert_int_equal(f.walked, 3);
        assert_int_equal(f.heads, 1);
        assert_int_equal(f.control, 2);
        assert_int_equal(f.block, 12);
        assert_int_equal(f.largest, 12);
        buf_free(&all);
        buf_free(&part);
    }
}

static void unknown_types(void **state)
{
    (void)state;
    struct buf in, wanted;
    struct frames f = {0};
    buf_init(&in, BUF_MAX);
    buf_init(&wanted, BUF_MAX);
    for (unsigned i = 0; i < 5; i++) {
        put(&in, 0x10 + i, 0, 20 + i, 'u');
        put(&in, PING, 0, 8, (char)('a' + i));
        put(&wanted, PING, 0, 8, (char)('a' + i));
    }
    put(&in, 0xff, 0, 0, 0);
    buf_adds(&in, "rest");
    buf_adds(&wanted, "rest");
    assert_int_equal(walk(&f, &in), wanted.len);
    assert_memory_equal(in.ptr, wanted.ptr, wanted.len);
    assert_int_equal(f.control, 11);
    buf_free(&in);
    buf_free(&wanted);
}

static void what_ends_the_walk(void **state)
{
    (void)state;
    struct buf in;
    struct frames f = {0};
    buf_init(&in, BUF_MAX);
    put(&in, PING, 0, 8, 'p');
    buf_add(&in, "\x00\x40\x01\x00\x00\x00\x00\x00\x01", 9); /* longer than is allowed */
    put(&in, PING, 0, 8, 'p');
    assert_int_equal(walk(&f, &in), in.len);
    assert_int_equal(f.walked, 1);
    buf_clear(&in);
    assert_int_equal(walk(&f, &in), 0);
    /* Within a block, H2O is to see what does not belong there. */
    f = (struct frames){0};
    put(&in, HEADERS, 0, 7, 'h');
    put(&in, 0x20, 0, 7, 'u');
    assert_int_equal(walk(&f, &in), in.len);
    assert_true(f.block_open);
    buf_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_counted),
        cmocka_unit_test(in_two_pieces),
        cmocka_unit_test(unknown_types),
        cmocka_unit_test(what_ends_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
