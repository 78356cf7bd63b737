/* feed_test.c - the events of several gateways on one store, as readers are given them: each once,
 * each gateway's in order, nothing left out unsaid, wherever they come back. */
#include "shared_store.h"

#include "events/feed.h"
#include "events/journal.h"

#define GATEWAYS 3
#define DEAD_MS  60000

static const struct event_type types[] = {{"campaign.started", BUS_NOTICE, NULL, NULL, ""}};

struct gateway {
    const char *name;
    struct peer *peer;
    struct bus *bus;
    struct journal *journal;
    struct feed *feed;
    bool closed;
};

static struct loop *loop;
static struct gateway all[GATEWAYS];
static struct peer *clock_peer; /* to wait with */

/* ---- Gateways -------------------------------------------------------------------- */

static void tell_names(void *arg, feed_name_fn *fn, void *fn_arg)
{
    (void)arg;
    for (size_t i = 0; i < GATEWAYS; i++)
        if (all[i].peer)
            fn(fn_arg, all[i].name);
}

static void begin(size_t i, const char *name)
{
    struct gateway *g = &all[i];
    *g = (struct gateway){.name = name, .peer = peer_new(loop, name, DEAD_MS)};
    clock_peer = g->peer;
    g->bus = bus_new();
    const struct journal_config journal = {.loop = loop,
                                           .store = g->peer->store,
                                           .stored = true,
                                           .notes = g->peer->notes,
                                           .bus = g->bus,
                                           .node = name,
                                           .types = types,
                                           .type_count = COUNT(types),
                                           .limits = {3600000, 1000000, 1000}};
    g->journal = journal_new(&journal, peer_result, g->peer);
    peer_wait(g->peer, &g->peer->done);
    const struct feed_config feed = {.loop = loop,
                                     .store = g->peer->store,
                                     .stored = true,
                                     .journal = g->journal,
                                     .notes = g->peer->notes,
                                     .names = tell_names};
    g->feed = feed_new(&feed);
}

static void end(size_t i)
{
    struct gateway *g = &all[i];
    feed_free(g->feed);
    journal_close(g->journal, peer_done, g->peer);
    peer_wait(g->peer, &g->peer->done);
    bus_free(g->bus);
    peer_kill(g->peer);
    *g = (struct gateway){0};
}

static int start(void **state)
{
    (void)state;
    loop = loop_new();
    begin(0, "a");
    begin(1, "b");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < GATEWAYS; i++)
        if (all[i].peer)
            end(i);
    shared_end(loop);
    return 0;
}

static void happen(size_t i, unsigned count)
{
    while (count--)
        bus_publish(all[i].bus,
                    &(struct bus_event){.topic = BUS_NOTICE, .type = "campaign.started"});
}

/* ---- A client, which does what api/events/reader.c does -------------------------------- */

struct client {
    struct gateway *at;   /* NULL: it is away */
    struct place last_id; /* as the id of its last event says */
    struct place place;   /* kept for it at the gateway, while it is behind */
    bool known, live, over, told_of_gap, asking;
    int64_t sequence;
    int64_t first[GATEWAYS], last[GATEWAYS]; /* of each gateway's events that it was given */
    unsigned given[GATEWAYS], gaps, holes, twice;
    const char *reason; /* of the last gap that came with a page */
};

static size_t index_of(const char *node)
{
    return (size_t)(*node - 'a');
}

static void take(struct client *c, const struct event *e)
{
    char id[PLACE_TEXT_SIZE];
    struct dg_bytes block = event_block(e);
    const char *end = memchr(block.ptr, '\n', block.len);
    assert_non_null(end);
    size_t len = (size_t)(end - block.ptr);
    assert_true(len - 4 < sizeof id);
    snprintf(id, sizeof id, "%.*s", (int)(len - 4), block.ptr + 4);
    assert_true(place_parse(&c->last_id, id));
    assert_string_equal(c->last_id.at[0].node, event_node(e));
    assert_int_equal(c->last_id.at[0].number, event_number(e));
    c->known = true;
    if (str_eq(event_type(e), EVENT_GAP)) {
        c->gaps++;
        return;
    }
    size_t n = index_of(event_node(e));
    if (!c->given[n])
        c->first[n] = event_number(e);
    else if (event_number(e) <= c->last[n])
        c->twice++;
    else if (event_number(e) != c->last[n] + 1)
        c->holes++;
    c->last[n] = event_number(e);
    c->given[n]++;
}

static void on_live(void *arg, struct event *e, int64_t sequence)
{
    struct client *c = arg;
    if (c->live && sequence > c->sequence)
        take(c, e);
}

static void on_page(void *arg, const struct feed_page *page)
{
    struct client *c = arg;
    c->asking = false;
    if (!c->at)
        return;
    c->over = page->err != DG_OK;
    if (page->gap)
        c->reason = page->gap;
    for (size_t i = 0; i < page->count; i++)
        take(c, page->events[i]);
    c->place = page->after;
    c->sequence = page->sequence;
    c->live = page->last;
    if (!c->over && !c->live) {
        c->asking = true;
        feed_next(c->at->feed, &c->place, on_page, c);
    }
}

static void come(struct client *c, size_t i)
{
    c->at = &all[i];
    c->live = c->over = false;
    c->asking = true;
    feed_follow(c->at->feed, on_live, c);
    feed_next(c->at->feed, c->known ? &c->last_id : NULL, on_page, c);
}

static void leave(struct client *c)
{
    feed_unfollow(c->at->feed, on_live, c);
    c->at = NULL;
    c->live = false;
    peer_until(clock_peer, !c->asking);
}

static void await_live(struct client *c)
{
    peer_until(clock_peer, c->live || c->over);
    assert_false(c->over);
}

#define await_events(c, i, count) peer_until(clock_peer, (c)->given[i] >= (count))

/* ---- Tests --------------------------------------------------------------------------------- */

static void events_of_both(void **state)
{
    struct client one = {0}, other = {0};
    (void)state;
    happen(1, 3); /* before anybody reads */
    come(&one, 0);
    come(&other, 1);
    await_live(&one);
    await_live(&other);
    happen(0, 2);
    assert_int_equal(one.given[0], 2); /* own ones at once */
    happen(1, 250);
    await_events(&one, 1, 250);
    await_events(&other, 0, 2);
    assert_int_equal(other.given[1], 250);
    assert_int_equal(one.last[1], other.last[1]);
    assert_int_equal(one.last_id.count, 2);
    assert_int_equal(one.holes + one.twice + one.gaps + other.holes + other.twice + other.gaps, 0);
    leave(&one);
    leave(&other);
}

static void coming_back_elsewhere(void **state)
{
    struct client c = {0};
    (void)state;
    come(&c, 0);
    await_live(&c);
    happen(0, 5);
    happen(1, 5);
    await_events(&c, 1, 5);
    happen(0, 3); /* told here, and not yet written down */
    assert_int_equal(c.given[0], 8);
    leave(&c);
    happen(1, 200);
    come(&c, 1);
    await_live(&c);
    assert_int_equal(c.given[1], 205);
    happen(0, 4);
    await_events(&c, 0, 12);
    assert_int_equal(c.holes + c.twice + c.gaps, 0);
    assert_null(c.reason);
    leave(&c);
}

static int64_t written_of(const char *node)
{
    int64_t count = 0;
    for (size_t i = 0; i < shared.count; i++)
        if (str_eq(shared.docs[i].collection, COLLECTION_EVENTS) &&
            str_eq(json_get_str(shared.docs[i].json, "node"), node))
            count += json_get_int(shared.docs[i].json, "count", 0);
    return count;
}

/* More than the line holds, so that it comes from memory and the store. */
static void far_behind(void **state)
{
    struct client c = {0};
    (void)state;
    come(&c, 0);
    await_live(&c);
    happen(0, 1);
    happen(1, 1);
    await_events(&c, 1, 1);
    leave(&c);
    feed_rest(all[0].feed);
    for (int i = 0; i < 60; i++) {
        happen(0, 100);
        happen(1, 100);
        peer_until(clock_peer, written_of("a") >= 100 * i && written_of("b") >= 100 * i);
    }
    come(&c, 0);
    await_live(&c);
    assert_int_equal(c.given[0], 6001);
    await_events(&c, 1, 6001);
    assert_int_equal(c.holes + c.twice + c.gaps, 0);
    assert_null(c.reason);
    leave(&c);
}

static void lost_notes(void **state)
{
    struct client c = {0};
    (void)state;
    come(&c, 0);
    await_live(&c);
    shared.deaf = true;
    happen(1, 7);
    await_events(&c, 1, 7);
    assert_int_equal(c.holes + c.twice + c.gaps, 0);
    leave(&c);
}

static void one_more_gateway(void **state)
{
    struct client c = {0};
    (void)state;
    come(&c, 0);
    await_live(&c);
    happen(0, 1);
    begin(2, "c");
    happen(2, 120);
    await_events(&c, 2, 120);
    happen(0, 1);
    assert_int_equal(c.last_id.count, 3);
    assert_int_equal(c.holes + c.twice + c.gaps, 0);
    leave(&c);
}

static void drop_records_of(const char *node)
{
    for (size_t i = 0; i < shared.count;) {
        struct shared_doc *d = &shared.docs[i];
        if (str_eq(d->collection, COLLECTION_EVENTS) && str_eq(json_get_str(d->json, "node"), node))
            shared_drop(d);
        else
            i++;
    }
}

static void what_is_gone_is_told(void **state)
{
    struct client live = {0}, back = {0};
    (void)state;
    come(&live, 0);
    come(&back, 0);
    await_live(&live);
    await_live(&back);
    happen(1, 3);
    await_events(&live, 1, 3);
    await_events(&back, 1, 3);
    leave(&back);
    shared.deaf = true;
    happen(1, 5);
    peer_pause(clock_peer, 500); /* written, and not yet looked for */
    drop_records_of("b");
    happen(1, 2);
    await_events(&live, 1, 5);
    assert_int_equal(live.gaps, 1);
    assert_int_equal(live.holes, 1);
    leave(&live);
    feed_rest(all[0].feed);
    come(&back, 0);
    await_live(&back);
    assert_string_equal(back.reason, "expired");
    leave(&back);
}

static void places_that_are_none_here(void **state)
{
    static const struct {
        const char *place, *reason;
    } cases[] = {
        {"elsewhere-17", "unknown"},
        {"a-1,b-1", "expired"},
        {"a-9000000000000000000,b-1", "expired"},
        {"a-1", "unknown"},
    };
    (void)state;
    happen(0, 1);
    happen(1, 1);
    peer_pause(clock_peer, 500);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct client c = {.known = true};
        assert_true(place_parse(&c.last_id, cases[i].place));
        come(&c, 0);
        await_live(&c);
        assert_string_equal(c.reason, cases[i].reason);
        happen(0, 1);
        assert_int_equal(c.holes + c.twice, 0);
        leave(&c);
    }
}

/* Of a gateway that ended without writing down what it had told. */
static void ahead_of_everything(void **state)
{
    struct client c = {.known = true};
    char text[80];
    (void)state;
    happen(1, 1);
    peer_pause(clock_peer, 500);
    snprintf(text, sizeof text, "a-%lld,b-9000000000000000000",
             (long long)journal_newest(all[0].journal));
    assert_true(place_parse(&c.last_id, text));
    come(&c, 0);
    await_live(&c);
    assert_string_equal(c.reason, "expired");
    happen(1, 2);
    await_events(&c, 1, 2);
    leave(&c);
}

static void without_the_store(void **state)
{
    struct client c = {0};
    (void)state;
    come(&c, 0);
    await_live(&c);
    happen(1, 1);
    await_events(&c, 1, 1);
    shared_cut_off(all[0].peer->link, true);
    happen(0, 2);
    happen(1, 2);
    assert_int_equal(c.given[0], 2);
    peer_pause(clock_peer, 500);
    assert_int_equal(c.given[1], 1);
    shared_cut_off(all[0].peer->link, false);
    await_events(&c, 1, 3);
    assert_int_equal(c.holes + c.twice + c.gaps, 0);
    leave(&c);
}

static bool anybody_at(const struct client *clients, size_t count, const struct gateway *g)
{
    for (size_t i = 0; i < count; i++)
        if (clients[i].at == g)
            return true;
    return false;
}

/* Clients that come and go at random, at any gateway, while events happen at all of them. */
static void at_random(void **state)
{
    struct client clients[4] = {{0}};
    unsigned happened[GATEWAYS] = {0};
    (void)state;
    begin(2, "c");
    for (size_t i = 0; i < COUNT(clients); i++) {
        come(&clients[i], i % GATEWAYS);
        await_live(&clients[i]);
    }
    srand(7);
    for (int turn = 0; turn < 400; turn++) {
        size_t n = (size_t)rand() % GATEWAYS;
        unsigned count = (unsigned)rand() % 20;
        happen(n, count);
        happened[n] += count;
        struct client *c = &clients[(size_t)rand() % COUNT(clients)];
        if (rand() % 4 == 0 && c->at && c->live && c->known)
            leave(c);
        else if (!c->at)
            come(c, (size_t)rand() % GATEWAYS);
        if (rand() % 4 == 0 && !anybody_at(clients, COUNT(clients), &all[n]))
            feed_rest(all[n].feed);
        peer_pause(clock_peer, (uint64_t)rand() % 12);
    }
    for (size_t i = 0; i < COUNT(clients); i++) {
        struct client *c = &clients[i];
        if (!c->at)
            come(c, 0);
        await_live(c);
        for (size_t n = 0; n < GATEWAYS; n++)
            await_events(c, n, happened[n]);
        for (size_t n = 0; n < GATEWAYS; n++)
            assert_int_equal(c->given[n], happened[n]);
        assert_int_equal(c->holes + c->twice + c->gaps, 0);
        assert_null(c->reason);
        leave(c);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(events_of_both),
        CASE(coming_back_elsewhere),
        CASE(far_behind),
        CASE(lost_notes),
        CASE(one_more_gateway),
        CASE(what_is_gone_is_told),
        CASE(places_that_are_none_here),
        CASE(ahead_of_everything),
        CASE(without_the_store),
        CASE(at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
