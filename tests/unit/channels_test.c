/* The live index of channels: what events and lists make of it, which backend's word counts, who
 * comes first; and one writer against several readers, which under TSan is also the proof that
 * nothing is freed while it is read. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/phone.h"
#include "domain/channels.h"
#include "unit.h"

struct bed {
    struct loop *loop;
    struct channels *channels;
    struct instance pbx, other, mock;
};

static int set_up(void **state)
{
    struct bed *b = xcalloc(1, sizeof *b);
    b->loop = loop_new();
    b->channels = channels_new(b->loop, 1);
    b->pbx.name = "pbx";
    b->other.name = "other";
    b->mock.name = "mock";
    channels_follow(b->channels, &b->pbx, false);
    channels_use(b->channels, &b->pbx);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    channels_free(b->channels);
    loop_free(b->loop);
    free(b);
    return 0;
}

/* ---- Words ------------------------------------------------------------------------------ */

static void list(struct bed *b, struct instance *in, uint64_t asked, const struct dg_call *calls,
                 size_t count)
{
    const void *items[8];
    for (size_t i = 0; i < count; i++)
        items[i] = &calls[i];
    const struct op_result res = {.items = items, .count = count};
    channels_listed(b->channels, in, asked, &res);
}

static void comes_up(struct bed *b, struct instance *in)
{
    channels_link(b->channels, in, DG_LINK_UP);
    list(b, in, channels_asked(b->channels, in), NULL, 0);
}

static void tell(struct bed *b, struct instance *in, enum dg_event_type type, const char *id)
{
    const struct dg_event ev = {DG_SIZED(struct dg_event), .type = type, .call = id, .at_ms = 5};
    channels_event(b->channels, in, &ev);
}

static struct dg_call call_of(const char *id, const char *number, enum dg_channel_state state)
{
    return (struct dg_call){DG_SIZED(struct dg_call), .id = id, .connected_number = number,
                            .state = state};
}

static void begins(struct bed *b, struct instance *in, const struct dg_call *info)
{
    const struct dg_event ev = {DG_SIZED(struct dg_event), .type = DG_CALL_STARTED,
                                .call = info->id, .at_ms = 1, .info = info};
    channels_event(b->channels, in, &ev);
}

static void begins_as(struct bed *b, struct instance *in, const char *id, const char *number,
                      enum dg_channel_state state)
{
    const struct dg_call info = call_of(id, number, state);
    begins(b, in, &info);
}

static void expect_found(struct bed *b, const char *dialed, const char *caller, const char *id)
{
    char found[DG_ID_MAX + 1] = "nobody";
    assert_int_equal(channels_find(b->channels, 0, dialed, caller, found), CHANNEL_FOUND);
    assert_string_equal(found, id);
}

static void expect(struct bed *b, const char *dialed, enum channel_found wanted)
{
    char found[DG_ID_MAX + 1];
    assert_int_equal(channels_find(b->channels, 0, dialed, NULL, found), wanted);
}

/* ---- One backend --------------------------------------------------------------------------- */

static void life_of_a_channel(void **state)
{
    struct bed *b = *state;
    comes_up(b, &b->pbx);
    expect(b, "5550100", CHANNEL_NOT_FOUND);
    begins_as(b, &b->pbx, "a", "5550100", DG_CHANNEL_DOWN);
    expect(b, "5550100", CHANNEL_NOT_FOUND);
    tell(b, &b->pbx, DG_CALL_PROGRESS, "a");
    expect_found(b, "+1 555 555-0100", NULL, "a");
    tell(b, &b->pbx, DG_CALL_RINGING, "a");
    expect_found(b, "5550100", NULL, "a");
    tell(b, &b->pbx, DG_CALL_ANSWERED, "a");
    expect_found(b, "5550100", NULL, "a");
    tell(b, &b->pbx, DG_CALL_ENDED, "a");
    expect(b, "5550100", CHANNEL_NOT_FOUND);
    tell(b, &b->pbx, DG_CALL_ENDED, "a");
    tell(b, &b->pbx, DG_CALL_RINGING, "a");
    expect(b, "5550100", CHANNEL_NOT_FOUND);
}

static void numbers_change(void **state)
{
    struct bed *b = *state;
    comes_up(b, &b->pbx);
    struct dg_call info = call_of("a", "5550100", DG_CHANNEL_UP);
    begins(b, &b->pbx, &info);
    info.connected_number = "5550101";
    info.caller_number = "9025800000";
    const struct dg_event ev = {DG_SIZED(struct dg_event), .type = DG_CALL_CHANGED, .call = "a",
                                .info = &info};
    channels_event(b->channels, &b->pbx, &ev);
    expect(b, "5550100", CHANNEL_NOT_FOUND);
    expect_found(b, "5550101", NULL, "a");
    expect_found(b, "5550101", "9025800000", "a");
    expect_found(b, "9025800000", "no digits", "a");
    char id[DG_ID_MAX + 1];
    assert_int_equal(channels_find(b->channels, 0, "5550101", "9025800001", id), CHANNEL_NOT_FOUND);
}

static void without_digits(void **state)
{
    struct bed *b = *state;
    begins_as(b, &b->pbx, "a", "anonymous", DG_CHANNEL_UP);
    expect(b, "", CHANNEL_NOT_FOUND);
    expect(b, "anonymous", CHANNEL_NOT_FOUND);
    expect(b, NULL, CHANNEL_NOT_FOUND);
    expect(b, "5550100", CHANNEL_UNCERTAIN);
}

static void up_first_then_the_newest(void **state)
{
    struct bed *b = *state;
    static const struct {
        const char *id;
        int64_t started_ms;
        enum dg_channel_state state;
    } order[] = {
        {"old-up", 100, DG_CHANNEL_UP},
        {"new-ringing", 400, DG_CHANNEL_RINGING},
        {"middle-up", 200, DG_CHANNEL_UP},
        {"newest-busy", 500, DG_CHANNEL_BUSY},
        {"older-ringing", 50, DG_CHANNEL_RINGING},
    };
    static const char *const wanted[] = {"middle-up", "old-up", "new-ringing", "older-ringing"};
    comes_up(b, &b->pbx);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct dg_call info = call_of(order[i].id, "5550100", order[i].state);
        info.started_at_ms = order[i].started_ms;
        begins(b, &b->pbx, &info);
    }
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        expect_found(b, "5550100", NULL, wanted[i]);
        tell(b, &b->pbx, DG_CALL_ENDED, wanted[i]);
    }
    expect(b, "5550100", CHANNEL_NOT_FOUND);
}

static void of_one_moment_the_later_seen(void **state)
{
    struct bed *b = *state;
    comes_up(b, &b->pbx);
    begins_as(b, &b->pbx, "first", "5550100", DG_CHANNEL_UP);
    begins_as(b, &b->pbx, "second", "5550100", DG_CHANNEL_UP);
    expect_found(b, "5550100", NULL, "second");
}

/* ---- Lists and links --------------------------------------------------------------------------
 */

static void only_what_was_compared_is_told(void **state)
{
    struct bed *b = *state;
    expect(b, "5550100", CHANNEL_UNCERTAIN);
    channels_link(b->channels, &b->pbx, DG_LINK_UP);
    uint64_t asked = channels_asked(b->channels, &b->pbx);
    begins_as(b, &b->pbx, "new", "5550102", DG_CHANNEL_UP);
    begins_as(b, &b->pbx, "gone", "5550103", DG_CHANNEL_UP);
    tell(b, &b->pbx, DG_CALL_ENDED, "gone");
    expect(b, "5550102", CHANNEL_UNCERTAIN);
    const struct dg_call listed[] = {call_of("was-there", "5550101", DG_CHANNEL_UP),
                                     call_of("gone", "5550103", DG_CHANNEL_UP)};
    list(b, &b->pbx, asked, listed, 2);
    expect_found(b, "5550101", NULL, "was-there");
    expect_found(b, "5550102", NULL, "new"); /* younger than the list */
    expect(b, "5550103", CHANNEL_NOT_FOUND); /* ended after it was made */
    expect(b, "5550100", CHANNEL_NOT_FOUND);
}

static void lists_correct_what_events_missed(void **state)
{
    struct bed *b = *state;
    comes_up(b, &b->pbx);
    begins_as(b, &b->pbx, "stays", "5550101", DG_CHANNEL_DOWN);
    tell(b, &b->pbx, DG_CALL_PROGRESS, "stays");
    begins_as(b, &b->pbx, "ends", "5550102", DG_CHANNEL_UP);
    channels_link(b->channels, &b->pbx, DG_LINK_DOWN);
    expect(b, "5550101", CHANNEL_UNCERTAIN);
    channels_link(b->channels, &b->pbx, DG_LINK_CONNECTING);
    channels_link(b->channels, &b->pbx, DG_LINK_UP);
    expect(b, "5550101", CHANNEL_UNCERTAIN);
    const struct dg_call listed[] = {call_of("stays", "5550101", DG_CHANNEL_DOWN),
                                     call_of("missed", "5550103", DG_CHANNEL_RINGING)};
    list(b, &b->pbx, channels_asked(b->channels, &b->pbx), listed, 2);
    expect_found(b, "5550101", NULL, "stays"); /* its early media is remembered */
    expect(b, "5550102", CHANNEL_NOT_FOUND);
    expect_found(b, "5550103", NULL, "missed");
}

/* ---- Several backends ---------------------------------------------------------------------------
 */

static void a_stand_in_is_not_the_pbx(void **state)
{
    struct bed *b = *state;
    channels_follow(b->channels, &b->mock, true);
    comes_up(b, &b->mock);
    begins_as(b, &b->mock, "played", "5550100", DG_CHANNEL_UP);
    expect(b, "5550100", CHANNEL_UNCERTAIN);
    comes_up(b, &b->pbx);
    expect(b, "5550100", CHANNEL_NOT_FOUND);
    channels_use(b->channels, &b->mock);
    expect_found(b, "5550100", NULL, "played");
    channels_use(b->channels, &b->pbx);
    expect(b, "5550100", CHANNEL_NOT_FOUND);
    assert_ptr_equal(channels_carrier(b->channels, "played"), &b->mock);
}

static void calls_left_on_another_backend_count(void **state)
{
    struct bed *b = *state;
    comes_up(b, &b->pbx);
    channels_follow(b->channels, &b->other, false);
    expect(b, "5550100", CHANNEL_NOT_FOUND); /* it has shown nothing yet, and need not be there */
    comes_up(b, &b->other);
    begins_as(b, &b->other, "left", "5550100", DG_CHANNEL_UP);
    expect_found(b, "5550100", NULL, "left");
    channels_link(b->channels, &b->other, DG_LINK_DOWN);
    expect(b, "5550100", CHANNEL_UNCERTAIN);
    channels_unfollow(b->channels, &b->other);
    expect(b, "5550100", CHANNEL_NOT_FOUND);
    channels_unfollow(b->channels, &b->pbx);
    expect(b, "5550100", CHANNEL_UNCERTAIN);
    tell(b, &b->other, DG_CALL_STARTED, "nobody's");
}

/* ---- Asking for channels
 * ------------------------------------------------------------------------- */

static void by_id_and_by_name(void **state)
{
    struct bed *b = *state;
    struct channel_view view;
    assert_int_equal(channels_get(b->channels, "a", &view), CHANNEL_UNCERTAIN);
    comes_up(b, &b->pbx);
    assert_int_equal(channels_get(b->channels, "a", &view), CHANNEL_NOT_FOUND);
    struct dg_call info = call_of("a", "5550100", DG_CHANNEL_UP);
    info.name = "PJSIP/100-00000001";
    begins(b, &b->pbx, &info);
    assert_int_equal(channels_get(b->channels, info.name, &view), CHANNEL_FOUND);
    assert_string_equal(view.call->id, "a");
    assert_string_equal(view.call->connected_number, "5550100");
    assert_null(view.call->account);
    assert_ptr_equal(view.in, &b->pbx);
    assert_ptr_equal(channels_carrier(b->channels, info.name), &b->pbx);
    assert_ptr_equal(channels_carrier(b->channels, "b"), &b->pbx);
    channels_use(b->channels, &b->mock); /* which is not followed */
    assert_null(channels_carrier(b->channels, "b"));
    channels_use(b->channels, &b->pbx);
    const struct dg_event ev = {DG_SIZED(struct dg_event), .type = DG_CALL_BRIDGED, .call = "a",
                                .bridge = "one", .on = true};
    channels_event(b->channels, &b->pbx, &ev);
    assert_int_equal(channels_get(b->channels, "a", &view), CHANNEL_FOUND);
    assert_string_equal(view.call->bridge, "one");
    channels_link(b->channels, &b->pbx, DG_LINK_DOWN);
    assert_int_equal(channels_get(b->channels, "a", &view), CHANNEL_UNCERTAIN);
}

static void add_id(void *arg, const struct channel_view *view)
{
    char *ids = arg;
    snprintf(ids + strlen(ids), 100 - strlen(ids), "%s ", view->call->id);
}

static void pages_of_channels(void **state)
{
    struct bed *b = *state;
    char ids[100] = "";
    struct channels_page page = {.limit = 2};
    assert_false(channels_list(b->channels, &page, add_id, ids));
    comes_up(b, &b->pbx);
    channels_follow(b->channels, &b->other, false);
    comes_up(b, &b->other);
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++)
        begins_as(b, &b->pbx, names[i], "5550100", DG_CHANNEL_UP);
    begins_as(b, &b->other, "c", "5550100", DG_CHANNEL_UP); /* the same one seen by another */
    assert_true(channels_list(b->channels, &page, add_id, ids));
    assert_string_equal(ids, "e d ");
    assert_int_equal(page.total, 5);
    assert_true(page.more);
    struct channel_view last;
    assert_int_equal(channels_get(b->channels, "d", &last), CHANNEL_FOUND);
    page = (struct channels_page){.before = last.number, .skip = 1, .limit = 2};
    ids[0] = '\0';
    assert_true(channels_list(b->channels, &page, add_id, ids));
    assert_string_equal(ids, "b a ");
    assert_false(page.more);
    assert_int_equal(page.total, 5);
}

/* ---- One writer, several readers
 * ------------------------------------------------------------------- */

#define READERS 3
#define ROUNDS  3000
#define NAMES   16

struct race {
    struct channel_index *x;
    atomic_bool stop;
    atomic_uint next_reader, lost, wrong;
    atomic_ulong reads;
};

/* One channel has the number all the time, in changing states, among others that come and go. */
static void *read_all_the_time(void *arg)
{
    struct race *r = arg;
    unsigned me = atomic_fetch_add(&r->next_reader, 1);
    char id[DG_ID_MAX + 1];
    while (!atomic_load(&r->stop)) {
        if (channel_index_find(r->x, me, phone_key("5550100"), phone_key("100"), id) !=
            CHANNEL_FOUND)
            atomic_fetch_add(&r->lost, 1);
        else if (strcmp(id, "stays") != 0)
            atomic_fetch_add(&r->wrong, 1);
        if (channel_index_find(r->x, me, phone_key("5550100"), 0, id) != CHANNEL_FOUND)
            atomic_fetch_add(&r->lost, 1);
        else if (strcmp(id, "stays") != 0 && strncmp(id, "other-", 6) != 0)
            atomic_fetch_add(&r->wrong, 1);
        atomic_fetch_add(&r->reads, 2);
    }
    return NULL;
}

static struct channel_entry *put(struct race *r, struct channel_source *s, const char *id, bool up,
                                 int64_t started_ms, const char *other, struct channel_entry *old)
{
    const struct channel_number numbers[] = {{phone_key("5550100"), CHANNEL_CONNECTED},
                                             {phone_key(other), CHANNEL_CALLER}};
    const struct channel_facts facts = {
        .id = id, .up = up, .started_ms = started_ms, .numbers = numbers, .number_count = 2};
    return channel_index_put(r->x, s, &facts, old);
}

static void readers_miss_nothing(void **state)
{
    (void)state;
    struct race r = {.x = channel_index_new(READERS)};
    struct channel_source *s = channel_index_source(r.x);
    struct channel_entry *stays = put(&r, s, "stays", false, 0, "100", NULL);
    struct channel_entry *others[NAMES] = {0};
    pthread_t threads[READERS];
    channel_index_show(s, true);
    channel_index_complete(r.x, true);
    for (int i = 0; i < READERS; i++)
        pthread_create(&threads[i], NULL, read_all_the_time, &r);
    for (int i = 0; i < ROUNDS || atomic_load(&r.reads) < 1000; i++) {
        char id[20], number[20];
        int at = i % NAMES;
        snprintf(id, sizeof id, "other-%d", at);
        snprintf(number, sizeof number, "%d", 1000 + i % 7);
        if (others[at] && i % 3) {
            channel_index_remove(r.x, others[at]);
            others[at] = NULL;
        } else {
            others[at] = put(&r, s, id, i % 2, i % 50, number, others[at]);
        }
        stays = put(&r, s, "stays", i % 2, i % 50, "100", stays);
    }
    atomic_store(&r.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&r.lost), 0);
    assert_int_equal(atomic_load(&r.wrong), 0);
    for (int i = 0; i < NAMES; i++)
        channel_index_remove(r.x, others[i]);
    channel_index_remove(r.x, stays);
    assert_int_equal(channel_index_numbers(r.x), 0);
    channel_index_free(r.x);
}

static void a_number_of_very_many(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct race r = {.x = channel_index_new(1)};
    struct channel_source *s = channel_index_source(r.x);
    struct channel_entry **all = xcalloc(MANY, sizeof(struct channel_entry *));
    char id[DG_ID_MAX + 1], number[20];
    channel_index_show(s, true);
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "%d", i);
        snprintf(number, sizeof number, "%d", 1000000 + i);
        all[i] = put(&r, s, id, true, i, number, NULL);
    }
    assert_int_equal(channel_index_numbers(r.x), MANY + 1);
    assert_int_equal(channel_index_find(r.x, 0, phone_key("5550100"), 0, id), CHANNEL_FOUND);
    assert_string_equal(id, "19999");
    assert_int_equal(channel_index_find(r.x, 0, phone_key("5550100"), phone_key("1000007"), id),
                     CHANNEL_FOUND);
    assert_string_equal(id, "7");
    for (int i = 0; i < MANY; i++)
        channel_index_remove(r.x, all[i]);
    free(all);
    channel_index_free(r.x);
}

#define ON_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BED(life_of_a_channel),
        ON_BED(numbers_change),
        ON_BED(without_digits),
        ON_BED(up_first_then_the_newest),
        ON_BED(of_one_moment_the_later_seen),
        ON_BED(only_what_was_compared_is_told),
        ON_BED(lists_correct_what_events_missed),
        ON_BED(a_stand_in_is_not_the_pbx),
        ON_BED(calls_left_on_another_backend_count),
        ON_BED(by_id_and_by_name),
        ON_BED(pages_of_channels),
        cmocka_unit_test(readers_miss_nothing),
        cmocka_unit_test(a_number_of_very_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
