/* ivr_engine_test.c - domain/ivr_engine: what follows from what, as tables, and what must be so
 * whatever happens. */
#include "unit.h"

#include "base/mem.h"
#include "domain/ivr_engine.h"

/* ---- Menus --------------------------------------------------------------------------------- */

static const char *const menus[] = {
    /* 1 */ "{\"name\":\"main\",\"audio_file\":\"welcome.wav\",\"actions\":["
            "{\"dtmf_digit\":\"1\",\"action_type\":\"exten\",\"action_value\":\"100\"},"
            "{\"dtmf_digit\":\"2\",\"action_type\":\"goto_ivr\",\"action_value\":\"2\"},"
            "{\"dtmf_digit\":\"3\",\"action_type\":\"playback\",\"action_value\":\"hours&bye\"},"
            "{\"dtmf_digit\":\"4\",\"action_type\":\"record\",\"action_value\":\"20\"},"
            "{\"dtmf_digit\":\"5\",\"action_type\":\"goto_ivr\",\"action_value\":\"77\"},"
            "{\"dtmf_digit\":\"6\",\"action_type\":\"queue\",\"action_value\":\"sales\","
            "\"next\":\"menu\"},"
            "{\"dtmf_digit\":\"9\",\"action_type\":\"hangup\"}]}",
    /* 2 */
    "{\"name\":\"second\",\"audio_file\":\"a&number:42\",\"timeout\":4,\"repeats\":1,"
    "\"actions\":[{\"dtmf_digit\":\"t\",\"action_type\":\"playback\",\"action_value\":"
    "\"bye\"},{\"dtmf_digit\":\"i\",\"action_type\":\"playback\",\"action_value\":\"wrong\"}"
    ",{\"dtmf_digit\":\"1\",\"action_type\":\"goto_ivr\",\"action_value\":\"1\"}]}",
    /* 3 */
    "{\"name\":\"numbers\",\"audio_file\":\"enter\",\"timeout\":5,\"digit_timeout\":2,"
    "\"max_digits\":4,\"language\":\"de\",\"actions\":["
    "{\"dtmf_digit\":\"_XXXX\",\"action_type\":\"exten\",\"action_value\":\"{digits}\"},"
    "{\"dtmf_digit\":\"12\",\"action_type\":\"playback\",\"action_value\":"
    "\"digits:{digits}\"},"
    "{\"dtmf_digit\":\"0\",\"action_type\":\"hangup\"},"
    "{\"dtmf_digit\":\"*1\",\"action_type\":\"queue\",\"action_value\":\"vip\"}]}",
    /* 4 */
    "{\"name\":\"patient\",\"audio_file\":\"law\",\"barge_in\":false,\"actions\":["
    "{\"dtmf_digit\":\"1\",\"action_type\":\"hangup\"},"
    "{\"dtmf_digit\":\"t\",\"action_type\":\"goto_ivr\",\"action_value\":\"4\"}]}",
    /* 5 */
    "{\"name\":\"silent\",\"actions\":["
    "{\"dtmf_digit\":\"i\",\"action_type\":\"goto_ivr\",\"action_value\":\"5\"},"
    "{\"dtmf_digit\":\"1\",\"action_type\":\"goto_ivr\",\"action_value\":\"5\"}]}",
};

static struct ivr_book *book_of_all(void)
{
    struct ivr_book *b = ivr_book_new();
    for (size_t i = 0; i < COUNT(menus); i++) {
        char id[24], why[JSON_WHY_SIZE];
        struct problem problem;
        json_t *doc = json_parse(menus[i], strlen(menus[i]), 8, why);
        struct ivr_menu *m = ivr_menu_new();
        if (!doc)
            fail_msg("menu %zu: %s", i + 1, why);
        if (!ivr_menu_accept(m, doc, &problem))
            fail_msg("menu %zu: %s", i + 1, problem.text);
        ivr_menu_free(m);
        snprintf(id, sizeof id, "%zu", i + 1);
        m = ivr_menu_read(id, 1, doc);
        assert_non_null(m);
        assert_true(ivr_book_add(b, m));
        json_decref(doc);
    }
    return b;
}

/* ---- A script ------------------------------------------------------------------------------ */

struct script {
    struct ivr_session s;
    struct buf commands;
    uint32_t play, place, timer;
    uint32_t leg;   /* number of the connection that was asked for and has not ended; 0: none */
    unsigned total; /* commands */
    bool ended;
    bool hung_up, gone; /* by the session; by himself, or sent elsewhere */
    int64_t now_ms;
};

/* What may be asked for when: one connection at a time, and nothing beside it; after the hang-up
 * only its end is waited for. */
static void check_command(struct script *x, const struct ivr_command *c)
{
    bool waits = c->type == IVR_DO_TIMER || c->type == IVR_DO_END;
    assert_false(x->ended); /* the end is the last one */
    assert_false(x->gone && c->type != IVR_DO_END);
    assert_false(x->hung_up && !waits);
    assert_false(x->leg && !waits && c->type != IVR_DO_HANG_UP);
    if (c->type == IVR_DO_CONNECT)
        x->leg = c->number;
    x->hung_up |= c->type == IVR_DO_HANG_UP;
    x->ended |= c->type == IVR_DO_END;
}

static void note(struct script *x, const struct ivr_command *c)
{
    if (x->commands.len)
        buf_addc(&x->commands, ' ');
    switch (c->type) {
    case IVR_DO_PLAY:
        x->play = c->number;
        buf_addf(&x->commands, "play:%s%s%s", c->text, c->language ? "/" : "",
                 c->language ? c->language : "");
        break;
    case IVR_DO_TIMER:
        x->timer = c->number;
        buf_addf(&x->commands, "timer:%u", (unsigned)(c->ms / 1000));
        break;
    case IVR_DO_CONNECT:
        x->place = c->number;
        buf_addf(&x->commands, "%s:%s", ivr_action_type_name(c->action->type), c->text);
        break;
    case IVR_DO_RECORD:
        x->place = c->number;
        buf_addf(&x->commands, "record:%u", (unsigned)(c->ms / 1000));
        break;
    default: {
        static const char *const names[] = {[IVR_DO_STOP_PLAY] = "stop",
                                            [IVR_DO_STOP_RECORD] = "stop-record",
                                            [IVR_DO_HANG_UP] = "hang-up",
                                            [IVR_DO_END] = "end"};
        buf_adds(&x->commands, names[c->type]);
        break;
    }
    }
}

static void tell(struct script *x, struct ivr_event ev)
{
    struct ivr_commands out;
    ev.at_ms = x->now_ms += 100;
    if (ev.type == IVR_EV_PARTED && ev.number == x->leg)
        x->leg = 0;
    x->gone |= ev.type == IVR_EV_HANGUP || ev.type == IVR_EV_AWAY;
    ivr_step(&x->s, &ev, &out);
    assert_true(out.count <= IVR_COMMANDS_MAX);
    x->total += (unsigned)out.count;
    for (size_t i = 0; i < out.count; i++) {
        check_command(x, &out.list[i]);
        note(x, &out.list[i]);
    }
}

/* p, P: the sound was heard, could not be. M: it is not there. t: the timer. j: joined. x: parted.
 * r, R: recorded, or not. o, l, J, X, Q: a timer, a sound, a joining, a parting, a recording of
 * before. h: the caller hangs up. a: he is sent elsewhere. s: stop. Else a key. */
static void play_out(struct script *x, const char *events)
{
    for (; *events; events++) {
        switch (*events) {
        case 'p':
        case 'P':
            tell(x, (struct ivr_event){
                        .type = IVR_EV_PLAYED, .number = x->play, .failed = *events == 'P'});
            break;
        case 'M':
            tell(x, (struct ivr_event){.type = IVR_EV_PLAYED,
                                       .number = x->play,
                                       .failed = true,
                                       .text = "no such file"});
            break;
        case 't':
        case 'o':
            tell(x,
                 (struct ivr_event){.type = IVR_EV_TIMER, .number = x->timer - (*events == 'o')});
            break;
        case 'l':
            tell(x, (struct ivr_event){.type = IVR_EV_PLAYED, .number = x->s.number - 1});
            break;
        case 'J':
            tell(x, (struct ivr_event){.type = IVR_EV_JOINED, .number = x->s.number - 1});
            break;
        case 'X':
            tell(x, (struct ivr_event){.type = IVR_EV_PARTED, .number = x->s.number - 1});
            break;
        case 'Q':
            tell(x, (struct ivr_event){.type = IVR_EV_RECORDED, .number = x->s.number - 1});
            break;
        case 'j':
            tell(x, (struct ivr_event){.type = IVR_EV_JOINED, .number = x->place});
            break;
        case 'x':
            tell(x, (struct ivr_event){.type = IVR_EV_PARTED, .number = x->place, .text = "busy"});
            break;
        case 'r':
        case 'R':
            tell(x, (struct ivr_event){.type = IVR_EV_RECORDED,
                                       .number = x->place,
                                       .failed = *events == 'R',
                                       .text = "file"});
            break;
        case 'h':
            tell(x, (struct ivr_event){.type = IVR_EV_HANGUP});
            break;
        case 'a':
            tell(x, (struct ivr_event){.type = IVR_EV_AWAY});
            break;
        case 's':
            tell(x, (struct ivr_event){.type = IVR_EV_STOP});
            break;
        default:
            tell(x, (struct ivr_event){.type = IVR_EV_DIGIT, .digit = *events});
            break;
        }
    }
}

static void begin(struct script *x, struct ivr_book *book, int64_t entry)
{
    *x = (struct script){.now_ms = 1000000};
    buf_init(&x->commands, BUF_MAX);
    ivr_session_init(&x->s, book, entry, NULL);
    tell(x, (struct ivr_event){.type = IVR_EV_START});
}

static void begin_message(struct script *x, const char *sounds, unsigned repeat)
{
    *x = (struct script){.now_ms = 1000000};
    buf_init(&x->commands, BUF_MAX);
    ivr_session_message(&x->s,
                        &(struct ivr_message){.sounds = sounds,
                                              .repeat = repeat,
                                              .language = repeat > 1 ? "de" : NULL},
                        NULL);
    tell(x, (struct ivr_event){.type = IVR_EV_START});
}

static void finish(struct script *x)
{
    ivr_session_clear(&x->s);
    buf_free(&x->commands);
}

/* "menu1 choice1(2)>goto_ivr menu2 end2:caller" */
static char *path_of(const struct ivr_session *s)
{
    struct buf out;
    buf_init(&out, BUF_MAX);
    for (size_t i = 0; i < s->path_count; i++) {
        const struct ivr_mark *m = &s->path[i];
        buf_addf(&out, "%s%s%d", i ? " " : "", ivr_mark_name(m->type), (int)m->menu);
        if (m->digits[0])
            buf_addf(&out, "(%s)", m->digits);
        if (m->action)
            buf_addf(&out, ">%s", ivr_action_type_name(m->action->type));
        if (m->text)
            buf_addf(&out, ":%s", m->text);
    }
    buf_addc(&out, '\0');
    return buf_take(&out);
}

/* ---- The tables ---------------------------------------------------------------------------- */

static void ways(void **state)
{
    (void)state;
    static const struct {
        int64_t entry;
        const char *events, *commands, *path;
    } rows[] = {
        /* heard to the end, then nothing */
        {1, "pt", "play:welcome.wav timer:600 timer:10 hang-up timer:5", "menu1 timeout1"},
        {1, "pth", "play:welcome.wav timer:600 timer:10 hang-up timer:5 end",
         "menu1 timeout1 end1:timeout"},
        /* no word of the end: it is over all the same */
        {1, "ptt", "play:welcome.wav timer:600 timer:10 hang-up timer:5 end",
         "menu1 timeout1 end1:timeout"},
        /* a key interrupts; an agent answers, talks, hangs up */
        {1, "1jxh", "play:welcome.wav timer:600 stop exten:100 hang-up timer:5 end",
         "menu1 choice1(1)>exten joined1>exten end1:agent"},
        {1, "p1xh", "play:welcome.wav timer:600 timer:10 exten:100 hang-up timer:5 end",
         "menu1 choice1(1)>exten unreached1>exten:busy end1:unreached"},
        {1, "1jh", "play:welcome.wav timer:600 stop exten:100 end",
         "menu1 choice1(1)>exten joined1>exten end1:caller"},
        /* nobody in the queue: the menu again */
        {1, "6x", "play:welcome.wav timer:600 stop queue:sales play:welcome.wav timer:600",
         "menu1 choice1(6)>queue unreached1>queue:busy repeat1"},
        {1, "9h", "play:welcome.wav timer:600 stop hang-up timer:5 end",
         "menu1 choice1(9)>hangup end1:hangup"},
        /* keys that mean nothing neither stop the sound nor the time */
        {1, "78p8t", "play:welcome.wav timer:600 timer:10 hang-up timer:5",
         "menu1 invalid1(7) invalid1(8) invalid1(8) timeout1"},
        /* late and unknown things */
        {1, "oADjxrlJXQp", "play:welcome.wav timer:600 timer:10", "menu1"},
        {1, "Pp", "play:welcome.wav timer:600 timer:10", "menu1 unheard1:welcome.wav"},
        {1, "t", "play:welcome.wav timer:600 stop timer:10", "menu1 unheard1:welcome.wav"},
        /* a sound that is not there: on with the next one, with the menu, with what follows */
        {2, "Mp1", "play:a timer:600 play:number:42 timer:600 timer:4 play:welcome.wav timer:600",
         "menu2 missing2:a choice2(1)>goto_ivr menu1"},
        {1, "M3Mph",
         "play:welcome.wav timer:600 timer:10 play:hours timer:600 play:bye timer:600 "
         "play:welcome.wav timer:600 end",
         "menu1 missing1:welcome.wav choice1(3)>playback missing1>playback:hours repeat1 "
         "end1:caller"},
        /* a message, then the menu; a key in the message is one for the menu */
        {1, "3ppp",
         "play:welcome.wav timer:600 stop play:hours timer:600 play:bye timer:600 "
         "play:welcome.wav timer:600 timer:10",
         "menu1 choice1(3)>playback repeat1"},
        {1, "3p9",
         "play:welcome.wav timer:600 stop play:hours timer:600 play:bye timer:600 stop timer:10 "
         "hang-up timer:5",
         "menu1 choice1(3)>playback repeat1 choice1(9)>hangup"},
        /* a recording ends by itself, by a key, by its time */
        {1, "4r", "play:welcome.wav timer:600 stop record:20 timer:25 play:welcome.wav timer:600",
         "menu1 choice1(4)>record recorded1>record:file repeat1"},
        {1, "4#5r",
         "play:welcome.wav timer:600 stop record:20 timer:25 stop-record timer:5 "
         "play:welcome.wav timer:600",
         "menu1 choice1(4)>record recorded1>record:file repeat1"},
        {1, "4t",
         "play:welcome.wav timer:600 stop record:20 timer:25 stop-record play:welcome.wav "
         "timer:600",
         "menu1 choice1(4)>record recorded1>record repeat1"},
        {1, "4R", "play:welcome.wav timer:600 stop record:20 timer:25 play:welcome.wav timer:600",
         "menu1 choice1(4)>record recorded1>record repeat1"},
        /* a menu that is not there */
        {1, "5h", "play:welcome.wav timer:600 stop hang-up timer:5 end",
         "menu1 choice1(5)>goto_ivr missing_menu1>goto_ivr end1:missing_menu"},
        {6, "", "hang-up timer:5", "missing_menu6"},
        /* another menu, of two sounds, heard twice before t is followed; t says farewell */
        {1, "2pptpptpt",
         "play:welcome.wav timer:600 stop play:a timer:600 play:number:42 timer:600 timer:4 "
         "play:a timer:600 play:number:42 timer:600 timer:4 play:bye timer:600 hang-up timer:5 end",
         "menu1 choice1(2)>goto_ivr menu2 timeout2 repeat2 timeout2>playback end2:hangup"},
        /* what is wrong likewise */
        {2, "78p",
         "play:a timer:600 stop play:a timer:600 stop play:wrong timer:600 play:a timer:600",
         "menu2 invalid2(7) repeat2 invalid2(8)>playback repeat2"},
        /* and keys go through menus as fast as they come */
        {1, "21219h",
         "play:welcome.wav timer:600 stop play:a timer:600 stop play:welcome.wav timer:600 stop "
         "play:a timer:600 stop play:welcome.wav timer:600 stop hang-up timer:5 end",
         "menu1 choice1(2)>goto_ivr menu2 choice2(1)>goto_ivr menu1 choice1(2)>goto_ivr menu2 "
         "choice2(1)>goto_ivr menu1 choice1(9)>hangup end1:hangup"},
        /* several digits: a pattern, one that ends early, # and time as the end of input */
        {3, "1234", "play:enter/de timer:600 stop timer:2 timer:2 timer:2 exten:1234",
         "menu3 choice3(1234)>exten"},
        {3, "12t", "play:enter/de timer:600 stop timer:2 timer:2 play:digits:12/de timer:600",
         "menu3 choice3(12)>playback"},
        {3, "12#", "play:enter/de timer:600 stop timer:2 timer:2 play:digits:12/de timer:600",
         "menu3 choice3(12)>playback"},
        {3, "123t", "play:enter/de timer:600 stop timer:2 timer:2 timer:2 timer:5",
         "menu3 invalid3(123)"},
        {3, "0t", "play:enter/de timer:600 stop timer:2 hang-up timer:5",
         "menu3 choice3(0)>hangup"},
        {3, "*1", "play:enter/de timer:600 stop timer:2 queue:vip", "menu3 choice3(*1)>queue"},
        {3, "##", "play:enter/de timer:600 stop timer:2 timer:5", "menu3 invalid3(#)"},
        {3, "**12", "play:enter/de timer:600 stop timer:2 timer:2 timer:2 timer:5",
         "menu3 invalid3(**12)"},
        /* keys count after the sound only */
        {4, "1p1", "play:law timer:600 timer:10 hang-up timer:5", "menu4 choice4(1)>hangup"},
        {4, "1pt", "play:law timer:600 timer:10 play:law timer:600",
         "menu4 timeout4>goto_ivr menu4"},
        /* ended from outside, in every state */
        {1, "sh", "play:welcome.wav timer:600 stop hang-up timer:5 end", "menu1 end1:stopped"},
        {1, "psht", "play:welcome.wav timer:600 timer:10 hang-up timer:5 end",
         "menu1 end1:stopped"},
        {1, "1jsh", "play:welcome.wav timer:600 stop exten:100 hang-up timer:5 end",
         "menu1 choice1(1)>exten joined1>exten end1:stopped"},
        {1, "9sh", "play:welcome.wav timer:600 stop hang-up timer:5 end",
         "menu1 choice1(9)>hangup end1:hangup"},
        {1, "hh1pt", "play:welcome.wav timer:600 end", "menu1 end1:caller"},
        /* sent elsewhere: not hung up, and who rings or talks here is let go with the end */
        {1, "a1pth", "play:welcome.wav timer:600 end", "menu1 end1:transferred"},
        {1, "1jaxt", "play:welcome.wav timer:600 stop exten:100 end",
         "menu1 choice1(1)>exten joined1>exten end1:transferred"},
        {1, "9at", "play:welcome.wav timer:600 stop hang-up timer:5 end",
         "menu1 choice1(9)>hangup end1:hangup"},
    };
    struct ivr_book *book = book_of_all();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct script x;
        begin(&x, book, rows[i].entry);
        play_out(&x, rows[i].events);
        char *path = path_of(&x.s);
        if (strcmp(buf_cstr(&x.commands), rows[i].commands) != 0)
            fail_msg("%d %s: commands\n  %s\n  %s", (int)rows[i].entry, rows[i].events,
                     buf_cstr(&x.commands), rows[i].commands);
        if (strcmp(path, rows[i].path) != 0)
            fail_msg("%d %s: path\n  %s\n  %s", (int)rows[i].entry, rows[i].events, path,
                     rows[i].path);
        free(path);
        finish(&x);
    }
    ivr_book_unref(book);
}

static void messages(void **state)
{
    (void)state;
    static const struct {
        const char *sounds;
        unsigned repeat;
        const char *events, *commands, *path;
        unsigned played;
    } rows[] = {
        {"a&number:4", 1, "pph", "play:a timer:600 play:number:4 timer:600 hang-up timer:5 end",
         "message0>playback end0:played", 1},
        {"a", 3, "pppt",
         "play:a/de timer:600 play:a/de timer:600 play:a/de timer:600 hang-up timer:5 end",
         "message0>playback repeat0>playback repeat0>playback end0:played", 3},
        /* keys are noted, and change nothing */
        {"a", 1, "12#*pt", "play:a timer:600 hang-up timer:5 end", "message0>playback end0:played",
         1},
        /* nothing of it is there: it is not said again */
        {"a&b", 3, "MMh", "play:a/de timer:600 play:b/de timer:600 hang-up timer:5 end",
         "message0>playback missing0>playback:a missing0>playback:b end0:missing", 0},
        /* something is */
        {"a&b", 1, "Mph", "play:a timer:600 play:b timer:600 hang-up timer:5 end",
         "message0>playback missing0>playback:a end0:played", 1},
        /* gone the second time */
        {"a", 3, "pMh", "play:a/de timer:600 play:a/de timer:600 hang-up timer:5 end",
         "message0>playback repeat0>playback missing0>playback:a end0:played", 1},
        {"a", 1, "t", "play:a timer:600 stop hang-up timer:5",
         "message0>playback unheard0>playback:a", 0},
        {"a", 2, "ph", "play:a/de timer:600 play:a/de timer:600 end",
         "message0>playback repeat0>playback end0:caller", 1},
        {"a", 1, "sh", "play:a timer:600 stop hang-up timer:5 end",
         "message0>playback end0:stopped", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct script x;
        begin_message(&x, rows[i].sounds, rows[i].repeat);
        play_out(&x, rows[i].events);
        char *path = path_of(&x.s);
        assert_string_equal(buf_cstr(&x.commands), rows[i].commands);
        assert_string_equal(path, rows[i].path);
        assert_int_equal(x.s.played, rows[i].played);
        free(path);
        finish(&x);
    }
}

static void message_as_json(void **state)
{
    (void)state;
    struct script x;
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    begin_message(&x, "a&b", 1);
    play_out(&x, "p7Mh");
    ivr_message_write(&x.s, "machine", &w, NULL);
    assert_string_equal(buf_cstr(&out),
                        "{\"audio\":\"a&b\",\"to\":\"machine\",\"played\":1,\"keys\":\"7\","
                        "\"result\":\"played\",\"path\":[{\"at\":0,\"event\":\"message\"},"
                        "{\"at\":300,\"event\":\"missing\",\"sound\":\"b\"},"
                        "{\"at\":400,\"event\":\"end\",\"reason\":\"played\"}]}");
    buf_free(&out);
    finish(&x);
}

static void rounds_are_bounded(void **state)
{
    (void)state;
    struct ivr_book *book = book_of_all();
    struct script x;
    begin(&x, book, 4); /* goes to itself by time alone */
    for (unsigned i = 0; i < 50 && !x.s.reason; i++)
        play_out(&x, "pt");
    assert_string_equal(x.s.reason, "loop");
    assert_int_equal(x.s.menus, ivr_default_limits.idle + 1);
    finish(&x);

    begin(&x, book, 5); /* by keys */
    for (unsigned i = 0; i < 500 && !x.s.reason; i++)
        play_out(&x, "1");
    assert_string_equal(x.s.reason, "loop");
    assert_int_equal(x.s.menus, ivr_default_limits.menus + 1);
    finish(&x);

    begin(&x, book, 5);
    for (unsigned i = 0; i < 500 && !x.s.reason; i++)
        play_out(&x, "7");
    assert_string_equal(x.s.reason, "invalid");
    finish(&x);

    begin(&x, book, 1); /* keys without end, that nothing is done for */
    for (unsigned i = 0; i < 500 && !x.s.reason; i++)
        play_out(&x, "7");
    assert_string_equal(x.s.reason, "invalid");
    finish(&x);
    ivr_book_unref(book);
}

static void path_as_json(void **state)
{
    (void)state;
    struct ivr_book *book = book_of_all();
    struct script x;
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    begin(&x, book, 1);
    play_out(&x, "4r1xh");
    ivr_path_write(&x.s, &w, NULL);
    assert_string_equal(
        buf_cstr(&out),
        "{\"menu\":1,\"keys\":\"41\",\"result\":\"unreached\",\"path\":["
        "{\"at\":0,\"menu\":1,\"event\":\"menu\"},"
        "{\"at\":100,\"menu\":1,\"event\":\"choice\",\"digits\":\"4\",\"action\":\"record\","
        "\"value\":\"20\"},"
        "{\"at\":200,\"menu\":1,\"event\":\"recorded\",\"action\":\"record\",\"value\":\"20\","
        "\"file\":\"file\"},"
        "{\"at\":200,\"menu\":1,\"event\":\"repeat\"},"
        "{\"at\":300,\"menu\":1,\"event\":\"choice\",\"digits\":\"1\",\"action\":\"exten\","
        "\"value\":\"100\"},"
        "{\"at\":400,\"menu\":1,\"event\":\"unreached\",\"action\":\"exten\",\"value\":\"100\","
        "\"reason\":\"busy\"},"
        "{\"at\":500,\"menu\":1,\"event\":\"end\",\"reason\":\"unreached\"}]}");
    buf_free(&out);
    finish(&x);
    ivr_book_unref(book);
}

/* ---- Whatever happens ---------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    return *seed ^= *seed << 5;
}

/* Every wait of a session has its timer, or is a conversation: when events stop coming, it ends. */
static void fire_until_over(struct script *x)
{
    unsigned fired = 0;
    while (!x->ended) {
        if (x->s.state == IVR_CONNECTING || x->s.state == IVR_CONNECTED)
            play_out(x, "x");
        else
            play_out(x, "t");
        assert_true(++fired < 500);
    }
}

/* What must be so of a session that is over, whatever has happened. */
static void check_over(struct script *x)
{
    const struct ivr_session *s = &x->s;
    unsigned entered = 0, repeated = 0;
    assert_int_equal(s->state, IVR_OVER);
    assert_non_null(s->reason);
    assert_true(x->hung_up || x->gone); /* nobody is left on the line; a leg ends with him */
    assert_int_equal(s->path[s->path_count - 1].type, IVR_MARK_END);
    for (size_t i = 0; i < s->path_count; i++) {
        const struct ivr_mark *m = &s->path[i];
        entered += m->type == IVR_MARK_MENU;
        repeated += m->type == IVR_MARK_REPEAT;
        assert_true(m->type != IVR_MARK_END || i == s->path_count - 1);
        assert_true(!i || m->after_ms >= m[-1].after_ms);
    }
    assert_true(entered <= s->limits.menus);
    /* each one is for something done there, or one of those that the menu allows */
    if (!s->path_lost)
        assert_true(repeated <= s->limits.menus * (1 + IVR_REPEATS_MAX));
    assert_true(x->total < 5000);
    size_t marks = s->path_count;
    play_out(x, "pPtjxrR1lJXQosah"); /* and then nothing happens any more */
    assert_int_equal(s->path_count, marks);
}

/* Conversations last as long as they like: their ends come more rarely than what follows them. */
static void live_through(struct script *x, uint32_t seed)
{
    static const char events[] = "ppppttolJXQj0123456789*#rRxxPMsha12123";
    for (unsigned i = next_random(&seed) % 120; i; i--) {
        /* ends that come at once would leave little to see */
        char one[2] = {events[next_random(&seed) % (sizeof events - 1)], '\0'};
        if (strchr("sha", *one) && next_random(&seed) % 16)
            continue;
        play_out(x, one);
    }
    fire_until_over(x);
    check_over(x);
}

static void any_order_of_events_ends(void **state)
{
    (void)state;
    struct ivr_book *book = book_of_all();
    for (uint32_t round = 1; round <= 20000; round++) {
        struct script x;
        if (round % 6 == 5)
            begin_message(&x, "a&b&c", 1 + round % 4);
        else
            begin(&x, book, 1 + round % 6);
        live_through(&x, round * 2654435761u);
        finish(&x);
    }
    ivr_book_unref(book);
}

/* A menu of any actions, which lead to any of `count` menus, or to one that is not there. */
static struct ivr_menu *random_menu(uint32_t *seed, unsigned id, unsigned count)
{
    static const char *const keys[] = {"t", "i", "1", "2", "3", "12", "_X", "_NXX", "#", "*"};
    struct ivr_menu *m = ivr_menu_new();
    m->id = id;
    m->max_digits = 1 + next_random(seed) % 4;
    m->repeats = next_random(seed) % 4;
    m->barge_in = next_random(seed) % 4 != 0;
    free(m->audio_file);
    m->audio_file = xstrdup(next_random(seed) % 3 ? "a&number:{digits}&b" : "");
    m->actions = xcalloc(COUNT(keys), sizeof *m->actions);
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct ivr_action *a = &m->actions[m->action_count];
        if (next_random(seed) % 2)
            continue;
        m->action_count++;
        snprintf(a->keys, sizeof a->keys, "%s", keys[i]);
        a->type = (enum ivr_action_type)(next_random(seed) % IVR_ACTION_TYPES);
        a->next = next_random(seed) % 3 ? IVR_NEXT_MENU : IVR_NEXT_HANGUP;
        a->menu = a->type == IVR_GOTO ? 1 + next_random(seed) % (count + 1) : 0;
        a->value = xstrdup(a->type == IVR_RECORD ? "5" : "100");
    }
    return m;
}

static void any_menus_end(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 3000; round++) {
        uint32_t seed = round * 2246822519u;
        struct ivr_book *book = ivr_book_new();
        unsigned count = 1 + next_random(&seed) % 6;
        for (unsigned id = 1; id <= count; id++)
            assert_true(ivr_book_add(book, random_menu(&seed, id, count)));
        for (unsigned caller = 0; caller < 5; caller++) {
            struct script x;
            begin(&x, book, 1 + next_random(&seed) % count);
            live_through(&x, next_random(&seed) | 1);
            finish(&x);
        }
        ivr_book_unref(book);
    }
}

/* Replays: as many as the menu says, from the first entry or a later one, and all of them counted.
 */
static void replays_are_counted(void **state)
{
    (void)state;
    for (unsigned repeats = 0; repeats <= IVR_REPEATS_MAX; repeats++) {
        struct ivr_book *book = ivr_book_new();
        struct ivr_menu *m = ivr_menu_new();
        struct script x;
        unsigned timeouts = 0, replays = 0;
        m->id = 1;
        m->repeats = repeats;
        free(m->audio_file);
        m->audio_file = xstrdup("a");
        assert_true(ivr_book_add(book, m));
        begin(&x, book, 1);
        while (!x.ended)
            play_out(&x, "pt");
        for (size_t i = 0; i < x.s.path_count; i++) {
            timeouts += x.s.path[i].type == IVR_MARK_TIMEOUT;
            replays += x.s.path[i].type == IVR_MARK_REPEAT;
        }
        assert_int_equal(replays, repeats);
        assert_int_equal(timeouts, repeats + 1);
        assert_string_equal(x.s.reason, "timeout");
        finish(&x);
        ivr_book_unref(book);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways),          cmocka_unit_test(rounds_are_bounded),
        cmocka_unit_test(path_as_json),  cmocka_unit_test(any_order_of_events_ends),
        cmocka_unit_test(any_menus_end), cmocka_unit_test(replays_are_counted),
        cmocka_unit_test(messages),      cmocka_unit_test(message_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
