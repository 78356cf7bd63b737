/* backend_stored.c - what is left of a recording: it is listed, found, read in pieces and deleted;
 * and nothing else of the server's files is. */
#include <unistd.h>

#include "backend_rig.h"

#define SOUND_MS 600

/* What was said of a recording, or its bytes. */
struct told {
    struct rig *rig;
    bool answered;
    enum dg_err err;
    char message[200];
    char name[DG_ID_MAX + 1];
    size_t count; /* of that name */
    uint64_t bytes;
    char version[100];
    struct buf piece;
};

static void on_told(void *arg, const struct op_result *res)
{
    struct told *t = arg;
    t->answered = true;
    t->err = res->err;
    snprintf(t->message, sizeof t->message, "%s", res->message ? res->message : "");
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_recording *one = res->items[i];
        if (strcmp(one->id, t->name) != 0)
            continue;
        t->count++;
        t->bytes = one->bytes;
        snprintf(t->version, sizeof t->version, "%s", one->version ? one->version : "");
    }
    loop_stop(t->rig->loop);
}

static void on_piece(void *arg, const struct op_result *res)
{
    struct told *t = arg;
    const struct dg_bytes *bytes = op_first(res, struct dg_bytes);
    t->answered = true;
    t->err = res->err;
    if (bytes)
        buf_add(&t->piece, bytes->ptr, bytes->len);
    loop_stop(t->rig->loop);
}

static bool is_told(struct rig *r, const void *arg)
{
    (void)r;
    return ((const struct told *)arg)->answered;
}

static struct told new_told(struct rig *r, const char *name)
{
    struct told t = {.rig = r};
    snprintf(t.name, sizeof t.name, "%s", name);
    return t;
}

static struct told found(struct rig *r, const char *name)
{
    struct told t = new_told(r, name);
    backend_recording_find(r->in, &(struct dg_stop){name}, on_told, &t);
    assert_true(rig_until(r, is_told, &t));
    return t;
}

static struct told listed(struct rig *r, const char *name)
{
    struct told t = new_told(r, name);
    backend_recordings(r->in, &(struct dg_filter){name}, on_told, &t);
    assert_true(rig_until(r, is_told, &t));
    assert_int_equal(t.err, DG_OK);
    return t;
}

/* Appends to `out`; gives how many bytes came. */
static size_t piece(struct rig *r, const char *name, uint64_t offset, uint64_t limit,
                    struct buf *out)
{
    struct told t = new_told(r, name);
    buf_init(&t.piece, 1 << 20);
    backend_recording_read(r->in, &(struct dg_recording_read){name, offset, limit}, on_piece, &t);
    assert_true(rig_until(r, is_told, &t));
    assert_int_equal(t.err, DG_OK);
    size_t len = t.piece.len;
    if (out)
        buf_add(out, t.piece.ptr ? t.piece.ptr : "", len);
    buf_free(&t.piece);
    return len;
}

static enum dg_err delete (struct rig *r, const char *name) {
    struct answer a = {0}; return ASK(r, &a, recording_delete, &(struct dg_stop){name});
}

static bool is_there(struct rig *r, const void *arg)
{
    (void)r;
    return found(r, arg).err == DG_OK;
}

static void record_one(struct rig *r, char name[DG_ID_MAX + 1])
{
    struct answer a = {0};
    char call[ID_SIZE];
    const struct dial d = {
        .suffix = "001", .context = r->config.context, .extension = r->config.sounding};
    assert_int_equal(rig_dial(r, &d, call), DG_OK);
    assert_true(rig_saw(r, DG_CALL_ANSWERED, call));
    snprintf(name, DG_ID_MAX + 1, "20261121-120000-%s", call);
    const struct dg_record req = {.record = name, .on = call, .file = name, .format = "wav"};
    if (ASK(r, &a, record, &req) != DG_OK)
        fail_msg("record: %s", a.message);
    rig_sleep(r, SOUND_MS);
    const struct dg_record_ref stop = {name, DG_RECORD_STOP};
    assert_int_equal(ASK(r, &a, record_change, &stop), DG_OK);
    assert_true(rig_saw(r, DG_RECORD_ENDED, name));
    assert_int_equal(rig_hangup(r, call), DG_OK);
    rig_ended(r, call);
    assert_true(rig_until(r, is_there, name));
}

static bool can_all(struct rig *r)
{
    return rig_can(r, "record") && rig_can(r, "recordings") && rig_can(r, "recording_find") &&
           rig_can(r, "recording_read") && rig_can(r, "recording_delete");
}

static void a_recording_is_read_in_pieces(struct rig *r, const char *name, uint64_t bytes)
{
    struct buf whole, pieces;
    buf_init(&whole, 1 << 22);
    buf_init(&pieces, 1 << 22);
    for (uint64_t at = 0, got = 1; got; at += got)
        got = piece(r, name, at, 1 << 16, &whole);
    for (uint64_t at = 0, got = 1; got; at += got)
        got = piece(r, name, at, 777, &pieces);
    assert_int_equal(whole.len, bytes);
    assert_int_equal(pieces.len, bytes);
    assert_memory_equal(whole.ptr, pieces.ptr, bytes);
    assert_memory_equal(whole.ptr, "RIFF", 4);
    assert_int_equal(piece(r, name, bytes - 3, 100, NULL), 3);
    assert_int_equal(piece(r, name, bytes, 100, NULL), 0);
    assert_int_equal(piece(r, name, UINT64_MAX / 2, 100, NULL), 0);
    buf_free(&whole);
    buf_free(&pieces);
}

static void what_was_recorded_can_be_had(void **state)
{
    struct rig *r = *state;
    char name[DG_ID_MAX + 1];
    if (!can_all(r))
        skip();
    record_one(r, name);
    assert_int_equal(listed(r, name).count, 1);
    const struct told one = found(r, name);
    assert_int_equal(one.err, DG_OK);
    assert_int_equal(one.count, 1);
    assert_true(one.bytes >= 44);
    assert_string_equal(found(r, name).version, one.version);
    a_recording_is_read_in_pieces(r, name, one.bytes);
    assert_int_equal(delete (r, name), DG_OK);
    assert_int_equal(found(r, name).err, DG_ENOTFOUND);
    assert_int_equal(listed(r, name).count, 0);
    assert_int_equal(delete (r, name), DG_ENOTFOUND);
}

static void nothing_else_can(void **state)
{
    static const char *const names[] = {
        "no-such-recording", "..",          ".",    "../monitor", "../../../etc/passwd",
        "a/../../b",         "/etc/passwd", "a\nb", "%2e%2e",     "a b"};
    struct rig *r = *state;
    if (!can_all(r))
        skip();
    for (size_t i = 0; i < COUNT(names); i++) {
        enum dg_err err = found(r, names[i]).err;
        if (err != DG_ENOTFOUND && err != DG_EINVAL)
            fail_msg("find %s: %s", names[i], err_name(err));
        err = delete (r, names[i]);
        if (err != DG_ENOTFOUND && err != DG_EINVAL)
            fail_msg("delete %s: %s", names[i], err_name(err));
        struct told t = new_told(r, names[i]);
        buf_init(&t.piece, 1 << 20);
        backend_recording_read(r->in, &(struct dg_recording_read){names[i], 0, 10}, on_piece, &t);
        assert_true(rig_until(r, is_told, &t));
        assert_int_not_equal(t.err, DG_OK);
        buf_free(&t.piece);
    }
}

int suite_stored(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_was_recorded_can_be_had),
        RIG_TEST(nothing_else_can),
    };
    return cmocka_run_group_tests_name("stored recordings", tests, NULL, NULL);
}
