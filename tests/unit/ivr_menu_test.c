/* ivr_menu_test.c - menus as documents and as requests, their faults, dry runs and counts. */
#include "unit.h"

#include "base/mem.h"
#include "base/str.h"
#include "domain/ivr_check.h"
#include "domain/ivr_counts.h"
#include "domain/ivr_simulate.h"

static json_t *parse(const char *text)
{
    char why[JSON_WHY_SIZE];
    json_t *doc = json_parse(text, strlen(text), 8, why);
    if (!doc)
        fail_msg("%s: %s", text, why);
    return doc;
}

/* ---- What is accepted ---------------------------------------------------------------------- */

#define ACTION(keys, type, value)                                                                  \
    "{\"actions\":[{\"dtmf_digit\":\"" keys "\",\"action_type\":\"" type                           \
    "\",\"action_value\":\"" value "\"}]}"

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *problem; /* NULL: accepted */
    } rows[] = {
        {"{}", NULL},
        {"{\"name\":\"x\",\"audio_file\":null,\"language\":null,\"campaign_id\":null}", NULL},
        {"{\"name\":\"\"}", "name: "},
        {"{\"name\":7}", "name: "},
        {"{\"name\":\"a\\u0007b\"}", "name: "},
        {"{\"timeout\":0}", "timeout: must be a whole number from 1 to 300"},
        {"{\"timeout\":\"5\"}", "timeout: "},
        {"{\"timeout\":301}", "timeout: "},
        {"{\"max_digits\":17}", "max_digits: "},
        {"{\"digit_timeout\":0}", "digit_timeout: "},
        {"{\"repeats\":11}", "repeats: "},
        {"{\"barge_in\":2}", "barge_in: "},
        {"{\"barge_in\":0}", NULL},
        {"{\"barge_in\":true}", NULL},
        {"{\"campaign_id\":0}", "campaign_id: "},
        {"{\"campaign_id\":\"1\"}", "campaign_id: "},
        {"{\"language\":\"../x\"}", "language: "},
        {"{\"language\":\"pt_BR\"}", NULL},
        {"{\"audio_file\":\"welcome.wav\"}", NULL},
        {"{\"audio_file\":\"a&sound:en/vm-goodbye&number:-3&digits:0*#&characters:Ab1\"}", NULL},
        {"{\"audio_file\":\"digits:{digits}\"}", NULL},
        {"{\"audio_file\":\"../../etc/passwd\"}", "audio_file: "},
        {"{\"audio_file\":\"a/b\"}", "audio_file: "},
        {"{\"audio_file\":\"a b\"}", "audio_file: "},
        {"{\"audio_file\":\"a,noanswer\"}", "audio_file: "},
        {"{\"audio_file\":\"-a\"}", "audio_file: "},
        {"{\"audio_file\":\".wav\"}", "audio_file: "},
        {"{\"audio_file\":\"a&&b\"}", "audio_file: "},
        {"{\"audio_file\":\"a&\"}", "audio_file: "},
        {"{\"audio_file\":\"sound:/etc/x\"}", "audio_file: "},
        {"{\"audio_file\":\"sound:a/../b\"}", "audio_file: "},
        {"{\"audio_file\":\"sound:a//b\"}", "audio_file: "},
        {"{\"audio_file\":\"sound:\"}", "audio_file: "},
        {"{\"audio_file\":\"number:1-2\"}", "audio_file: "},
        {"{\"audio_file\":\"number:-\"}", "audio_file: "},
        {"{\"audio_file\":\"number:99999999999999\"}", "audio_file: "},
        {"{\"audio_file\":\"http://x/y.wav\"}", "audio_file: "},
        {"{\"audio_file\":\"tone:busy\"}", "audio_file: "},
        {"{\"audio_file\":\"a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a\"}",
         "audio_file: at most 20"},
        {"{\"actions\":{}}", "actions: "},
        {"{\"actions\":[]}", NULL},
        {"{\"actions\":[7]}", "actions[0]: "},
        {"{\"actions\":[{\"dtmf_digit\":1,\"action_type\":\"hangup\"}]}", NULL},
        {ACTION("", "hangup", ""), "actions[0].dtmf_digit: "},
        {ACTION("A", "hangup", ""), "actions[0].dtmf_digit: "},
        {ACTION("t1", "hangup", ""), "actions[0].dtmf_digit: "},
        {ACTION("_", "hangup", ""), "actions[0].dtmf_digit: "},
        {ACTION("_X.", "hangup", ""), "actions[0].dtmf_digit: "},
        {ACTION("X", "hangup", ""), "actions[0].dtmf_digit: "},
        {ACTION("12345678901234567", "hangup", ""), "actions[0].dtmf_digit: "},
        {ACTION("_1XZN*#", "hangup", ""), NULL},
        {ACTION("1", "dial", "100"), "actions[0].action_type: "},
        {ACTION("1", "exten", ""), "actions[0].action_value: "},
        {ACTION("1", "exten", "100"), NULL},
        {ACTION("1", "exten", "PJSIP/103"), NULL},
        {ACTION("1", "exten", "{digits}"), NULL},
        {ACTION("1", "exten", "{digit}"), "actions[0].action_value: "},
        {ACTION("1", "exten", "100,1,System(x)"), "actions[0].action_value: "},
        {ACTION("1", "exten", "100&SIP/x"), "actions[0].action_value: "},
        {ACTION("1", "queue", "sales team"), "actions[0].action_value: "},
        {ACTION("1", "queue", "sales"), NULL},
        {ACTION("1", "playback", ""), "actions[0].action_value: "},
        {ACTION("1", "playback", "../x"), "actions[0].action_value: "},
        {ACTION("1", "goto_ivr", "x"), "actions[0].action_value: "},
        {ACTION("1", "goto_ivr", "-1"), "actions[0].action_value: "},
        {ACTION("1", "goto_ivr", "0"), "actions[0].action_value: "},
        {ACTION("1", "goto_ivr", "99999999999999999999"), "actions[0].action_value: "},
        {"{\"actions\":[{\"dtmf_digit\":\"1\",\"action_type\":\"goto_ivr\",\"action_value\":7}]}",
         NULL},
        {ACTION("1", "record", "3601"), "actions[0].action_value: "},
        {ACTION("1", "record", ""), NULL},
        {"{\"actions\":[{\"dtmf_digit\":\"1\",\"action_type\":\"hangup\",\"next\":\"x\"}]}",
         "actions[0].next: "},
        {"{\"actions\":[{\"dtmf_digit\":\"1\",\"action_type\":\"hangup\"},"
         "{\"dtmf_digit\":\"1\",\"action_type\":\"hangup\"}]}",
         "actions[1].dtmf_digit: another"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem problem = {.text = ""};
        json_t *doc = parse(rows[i].json);
        struct ivr_menu *m = ivr_menu_new();
        bool fine = ivr_menu_accept(m, doc, &problem);
        if (fine != !rows[i].problem)
            fail_msg("%s: %s", rows[i].json, fine ? "accepted" : problem.text);
        if (!fine && !str_starts(problem.text, rows[i].problem))
            fail_msg("%s: %s", rows[i].json, problem.text);
        ivr_menu_free(m);
        json_decref(doc);
    }
}

/* What is not sent stays; actions are replaced. What is written is read again as the same. */
static void changed_and_written(void **state)
{
    (void)state;
    struct problem problem;
    struct buf one, two;
    struct ivr_menu *m = ivr_menu_new();
    json_t *first = parse("{\"name\":\"a\",\"audio_file\":\"x\",\"timeout\":7,\"campaign_id\":3,"
                          "\"language\":\"de\",\"actions\":[{\"dtmf_digit\":\"t\",\"action_type\":"
                          "\"playback\",\"action_value\":\"bye\"},{\"dtmf_digit\":\"1\","
                          "\"action_type\":\"playback\",\"action_value\":\"x\"},{\"dtmf_digit\":"
                          "\"2\",\"action_type\":\"exten\",\"action_value\":\"1\"}]}");
    json_t *then = parse("{\"repeats\":2,\"language\":null}");
    assert_true(ivr_menu_accept(m, first, &problem));
    assert_true(ivr_menu_accept(m, then, &problem));
    assert_string_equal(m->name, "a");
    assert_int_equal(m->timeout_s, 7);
    assert_int_equal(m->repeats, 2);
    assert_null(m->language);
    assert_int_equal(m->action_count, 3);
    assert_int_equal(m->actions[0].next, IVR_NEXT_HANGUP); /* a farewell */
    assert_int_equal(m->actions[1].next, IVR_NEXT_MENU);
    assert_int_equal(m->actions[2].next, IVR_NEXT_HANGUP);
    m->created_at_ms = 1000;
    m->updated_at_ms = 2000;
    buf_init(&one, BUF_MAX);
    buf_init(&two, BUF_MAX);
    ivr_menu_write(m, &one);
    json_t *doc = parse(buf_cstr(&one));
    struct ivr_menu *again = ivr_menu_read("9", 4, doc);
    assert_non_null(again);
    assert_int_equal(again->id, 9);
    assert_int_equal(again->version, 4);
    ivr_menu_write(again, &two);
    assert_string_equal(buf_cstr(&one), buf_cstr(&two));
    assert_null(ivr_menu_read("x", 4, doc));
    assert_null(ivr_menu_read("9", 4, then)); /* it has no name */
    json_decref(first);
    json_decref(then);
    json_decref(doc);
    ivr_menu_free(m);
    ivr_menu_free(again);
    buf_free(&one);
    buf_free(&two);
}

/* HMAC-SHA-256 of "dialgate sound\n<language>\nwelcome" with "key", its first half, by openssl. */
#define SIGNED_DE "a9af6fa366e04e0ffc281ffab635d213"
#define SIGNED    "9d54aaa91bec12260628581b2a972b58"

static void media(void **state)
{
    (void)state;
    static const struct {
        const char *sound, *media;
    } rows[] = {
        {"welcome", "sound:dialer/welcome"},
        {"welcome.wav", "sound:dialer/welcome"},
        {"welcome.gsm", "sound:dialer/welcome"},
        {"sound:vm-goodbye", "sound:vm-goodbye"},
        {"number:42", "number:42"},
    };
    char out[200];
    const struct ivr_place place = {.folder = "dialer"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(ivr_sound_media(rows[i].sound, &place, "de", out, sizeof out));
        assert_string_equal(out, rows[i].media);
    }
    assert_false(ivr_sound_media("welcome", &place, NULL, out, 10));
    const struct ivr_place fetched = {"dialer", "http://10.0.0.5:8000", "key"};
    assert_true(ivr_sound_media("sound:vm-goodbye", &fetched, "de", out, sizeof out));
    assert_string_equal(out, "sound:vm-goodbye");
    assert_true(ivr_sound_media("welcome.wav", &fetched, "de", out, sizeof out));
    assert_string_equal(out, "sound:http://10.0.0.5:8000/sounds/" SIGNED_DE "/de/welcome.wav");
    assert_true(ivr_sound_media("welcome", &fetched, "", out, sizeof out));
    assert_string_equal(out, "sound:http://10.0.0.5:8000/sounds/" SIGNED "/-/welcome.wav");
    assert_false(ivr_sound_media("welcome", &fetched, NULL, out, 60));
    assert_false(ivr_fill_in("{digits}{digits}", "12345", out, 10));
    assert_true(ivr_fill_in("a{digits}b", "12", out, 10));
    assert_string_equal(out, "a12b");
}

/* ---- Books --------------------------------------------------------------------------------- */

static struct ivr_book *book_of(const char *list)
{
    struct ivr_book *book = ivr_book_new();
    json_t *menus = parse(list), *one;
    size_t i;
    json_array_foreach(menus, i, one)
    {
        char id[24];
        snprintf(id, sizeof id, "%zu", i + 1);
        struct ivr_menu *m = ivr_menu_read(id, 1, one);
        if (!m)
            fail_msg("menu %zu", i + 1);
        assert_true(ivr_book_add(book, m));
    }
    json_decref(menus);
    return book;
}

#define HANGUP(keys) "{\"dtmf_digit\":\"" keys "\",\"action_type\":\"hangup\"}"
#define GOTO(keys, id)                                                                             \
    "{\"dtmf_digit\":\"" keys "\",\"action_type\":\"goto_ivr\",\"action_value\":\"" id "\"}"
#define PLAY(keys, file)                                                                           \
    "{\"dtmf_digit\":\"" keys "\",\"action_type\":\"playback\",\"action_value\":\"" file "\"}"
#define MENU(more, actions) "{\"name\":\"m\"," more ",\"actions\":[" actions "]}"
#define AUDIO               "\"audio_file\":\"here\""

static bool has_file(void *arg, const char *language, const char *file)
{
    (void)arg;
    return str_eq(file, "here") || (str_eq(language, "de") && str_eq(file, "hier"));
}

static void faults(void **state)
{
    (void)state;
    static const struct {
        const char *menus, *found; /* "menu keys fault", one after the other */
    } rows[] = {
        {"[" MENU(AUDIO, HANGUP("1")) "]", ""},
        {"[" MENU(AUDIO, GOTO("1", "7")) "]", "1 1 unknown_goto"},
        {"[" MENU("\"audio_file\":\"gone.wav\"", HANGUP("1")) "]", "1 - missing_audio"},
        {"[" MENU("\"audio_file\":\"here&sound:x&gone\"", HANGUP("1")) "]", "1 - missing_audio"},
        {"[" MENU(AUDIO, PLAY("1", "gone")) "]", "1 1 missing_audio"},
        {"[" MENU(AUDIO ",\"language\":\"de\"", PLAY("1", "hier")) "]", ""},
        {"[" MENU(AUDIO ",\"language\":\"fr\"", PLAY("1", "hier")) "]", "1 1 missing_audio"},
        {"[" MENU(AUDIO, PLAY("1", "hier")) "]", "1 1 missing_audio"},
        {"[" MENU("\"timeout\":5", HANGUP("1")) "]", "1 - no_audio"},
        {"[" MENU(AUDIO, HANGUP("t")) "]", "1 - no_keys"},
        {"[" MENU(AUDIO, HANGUP("12")) "]", "1 12 keys_too_long"},
        {"[" MENU(AUDIO, HANGUP("_XX")) "]", "1 _XX keys_too_long"},
        {"[" MENU(AUDIO ",\"max_digits\":2", HANGUP("_XX")) "]", ""},
        {"[" MENU(AUDIO, HANGUP("_X") "," HANGUP("*") "," HANGUP("#") "," HANGUP("i")) "]",
         "1 i never_invalid"},
        {"[" MENU(AUDIO, HANGUP("_X") "," HANGUP("*") "," HANGUP("i")) "]", ""},
        {"[" MENU(AUDIO, HANGUP("1")) "," MENU(AUDIO, GOTO("1", "1")) "]", "2 - unreachable"},
        {"[" MENU(AUDIO, GOTO("1", "2")) "," MENU(AUDIO, GOTO("1", "1")) "]", ""},
        {"[" MENU(AUDIO, GOTO("1", "2") "," GOTO("t", "2")) "," MENU(
             AUDIO, GOTO("1", "1") "," GOTO("t", "1")) "]",
         "1 t loop"},
        {"[" MENU(AUDIO, HANGUP("1") "," GOTO("t", "1")) "]", "1 t loop"},
        {"[" MENU(AUDIO, HANGUP("1") "," PLAY("t", "here")) "]", ""}, /* it hangs up */
        {"[" MENU(AUDIO, HANGUP("1") "," GOTO("t", "2")) "," MENU(
             AUDIO, HANGUP("1") "," GOTO("t", "2")) "]",
         "2 t loop"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ivr_book *book = book_of(rows[i].menus);
        const struct ivr_check check = {.book = book, .has_file = has_file};
        struct ivr_findings found;
        struct buf out;
        buf_init(&out, BUF_MAX);
        ivr_check(&check, &found);
        for (size_t k = 0; k < found.count; k++)
            buf_addf(&out, "%s%d %s %s", k ? " " : "", (int)found.list[k].menu,
                     found.list[k].action ? found.list[k].action->keys : "-",
                     ivr_fault_name(found.list[k].fault));
        if (strcmp(buf_cstr(&out), rows[i].found) != 0)
            fail_msg("row %zu: found %s", i, buf_cstr(&out));
        ivr_findings_clear(&found);
        ivr_book_unref(book);
        buf_free(&out);
    }
}

static void findings_as_json(void **state)
{
    (void)state;
    struct ivr_book *book = book_of("[" MENU(AUDIO, GOTO("1", "7")) "]");
    const struct ivr_check check = {.book = book};
    struct ivr_findings found;
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    ivr_check(&check, &found);
    assert_true(found.errors);
    ivr_findings_write(&found, &w, NULL);
    assert_string_equal(buf_cstr(&out),
                        "[{\"menu_id\":1,\"dtmf_digit\":\"1\",\"type\":\"unknown_goto\","
                        "\"severity\":\"error\",\"message\":\"There is no menu 7\"}]");
    ivr_findings_clear(&found);
    ivr_book_unref(book);
    buf_free(&out);
}

/* ---- Dry runs and counts ------------------------------------------------------------------- */

#define TREE                                                                                       \
    "[" MENU(AUDIO, GOTO("1", "2") "," GOTO("t", "3") "," PLAY("5", "here")) "," MENU(             \
        AUDIO ",\"max_digits\":3", "{\"dtmf_digit\":\"_XXX\",\"action_type\":\"exten\","           \
                                   "\"action_value\":\"{digits}\"}," HANGUP("1") "," PLAY(         \
                                       "i", "here")) "," MENU(AUDIO ",\"barge_in\":false",         \
                                                              GOTO("1", "1") "," HANGUP("2")) "]"

static void dry_runs(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *marks;
        enum ivr_state state;
        const char *reason;
    } rows[] = {
        {"", "menu1", IVR_PROMPT, NULL},
        {"1", "menu1 choice1 menu2", IVR_PROMPT, NULL},
        {"1200", "menu1 choice1 menu2 choice2 joined2 end2", IVR_OVER, "agent"},
        {"11", "menu1 choice1 menu2 choice2 end2", IVR_OVER, "hangup"}, /* complete at the end */
        {"11,2", "menu1 choice1 menu2 choice2 end2", IVR_OVER, "hangup"},
        {"112", "menu1 choice1 menu2 invalid2 repeat2", IVR_PROMPT, NULL},
        {"tt", "menu1 timeout1 menu3 timeout3 end3", IVR_OVER, "timeout"},
        {"t1", "menu1 timeout1 menu3 choice3 menu1", IVR_PROMPT, NULL},
        {"5", "menu1 choice1 repeat1", IVR_PROMPT, NULL},
        {"7", "menu1 invalid1", IVR_PROMPT, NULL},
        {"tttttttttttttttttttttttttttttttttttttttttttttt", "menu1 timeout1 menu3 timeout3 end3",
         IVR_OVER, "timeout"},
    };
    struct ivr_book *book = book_of(TREE);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ivr_session s;
        struct buf out;
        buf_init(&out, BUF_MAX);
        ivr_simulate(&s, book, 1, rows[i].keys);
        for (size_t k = 0; k < s.path_count; k++)
            buf_addf(&out, "%s%s%d", k ? " " : "", ivr_mark_name(s.path[k].type),
                     (int)s.path[k].menu);
        if (strcmp(buf_cstr(&out), rows[i].marks) != 0 || s.state != rows[i].state ||
            !str_eq(s.reason, rows[i].reason))
            fail_msg("%s: %s, %s, %s", rows[i].keys, buf_cstr(&out), ivr_state_name(s.state),
                     s.reason ? s.reason : "-");
        ivr_session_clear(&s);
        buf_free(&out);
    }
    ivr_book_unref(book);
    assert_null(ivr_simulate_refusal("12t,#*"));
    assert_non_null(ivr_simulate_refusal("12x"));
}

static void counted(void **state)
{
    (void)state;
    static const char *const runs[] = {"1200", "11", "112", "t1", "7", "5"};
    struct ivr_book *book = book_of(TREE);
    struct ivr_counts one = {0}, sum = {0}, again;
    struct buf out;
    struct json_writer w;
    for (size_t i = 0; i < COUNT(runs); i++) {
        struct ivr_session s;
        struct ivr_commands ignored;
        ivr_simulate(&s, book, 1, runs[i]);
        ivr_step(&s, &(struct ivr_event){.type = IVR_EV_HANGUP}, &ignored);
        one = (struct ivr_counts){0};
        ivr_counts_add_session(&one, &s, 0, 1);
        ivr_counts_add(&sum, &one);
        ivr_session_clear(&s);
    }
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    ivr_counts_write(&sum, &w);
    static const char expected[] =
        "{\"entries\":7,\"repeats\":1,\"choices\":4,\"timeouts\":1,\"invalid\":1,\"joined\":0,"
        "\"unreached\":0,\"recorded\":0,\"left\":3,\"by_digit\":{\"1\":3,\"5\":1}}";
    assert_string_equal(buf_cstr(&out), expected);
    json_t *doc = parse(buf_cstr(&out));
    ivr_counts_read(&again, doc);
    buf_clear(&out);
    jw_init(&w, &out);
    ivr_counts_write(&again, &w);
    assert_string_equal(buf_cstr(&out), expected);
    json_decref(doc);
    buf_free(&out);
    ivr_book_unref(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(changed_and_written),
        cmocka_unit_test(media),
        cmocka_unit_test(faults),
        cmocka_unit_test(findings_as_json),
        cmocka_unit_test(dry_runs),
        cmocka_unit_test(counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
