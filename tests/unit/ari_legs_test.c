/* What Asterisk 16 and 22 sent for each fate of a leg, and what the core is told of it. */
#include "ari_notes.h"

/* ---- Scenarios as tables --------------------------------------------------------------- */

enum kind { CREATED, STATE, DIAL, REQUEST, DESTROYED, CALLER };

struct step {
    enum kind kind;
    const char *id, *name, *state;
    const char *caller, *status, *string; /* DIAL */
    int cause, tech;
    bool soft;
};

static json_t *channel(const char *id, const char *name, const char *state)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:s,"
                     " s:{s:s, s:s, s:i, s:s, s:s}, s:s}",
                     "id", id, "name", name, "state", state ? state : "Down", "caller", "name", "",
                     "number", "100", "connected", "name", "", "number", "", "accountcode", "",
                     "dialplan", "context", "from-trunk", "exten", "s", "priority", 1, "app_name",
                     "", "app_data", "", "creationtime", "2026-11-21T09:10:47.825+0000");
}

static char *step_json(const struct step *s)
{
    static const char *const types[] = {
        "ChannelCreated",       "ChannelStateChange", "Dial",
        "ChannelHangupRequest", "ChannelDestroyed",   "ChannelCallerId"};
    json_t *e = json_pack("{s:s, s:s, s:s}", "type", types[s->kind], "application", "dialgate",
                          "timestamp", "2026-11-21T09:10:48.043+0000");
    json_object_set_new(e, s->kind == DIAL ? "peer" : "channel", channel(s->id, s->name, s->state));
    if (s->kind == DIAL) {
        json_object_set_new(e, "dialstatus", json_string(s->status));
        json_object_set_new(e, "dialstring", json_string(s->string ? s->string : ""));
    }
    if (s->caller)
        json_object_set_new(e, "caller", channel(s->caller, "Local/1@o-01;2", "Ring"));
    if (s->cause || s->kind == DESTROYED)
        json_object_set_new(e, "cause", json_integer(s->cause));
    if (s->kind == DESTROYED)
        json_object_set_new(e, "cause_txt", json_string("text"));
    if (s->tech)
        json_object_set_new(e, "tech_cause", json_integer(s->tech));
    if (s->soft)
        json_object_set_new(e, "soft", json_true());
    char *dump = json_dumps(e, JSON_COMPACT);
    json_decref(e);
    return dump;
}

#define P    .id = "a", .name = "PJSIP/trunk-01"
#define NEAR .id = "n", .name = "Local/1@o-01;1"
#define FAR  .id = "f", .name = "Local/1@o-01;2"
#define LEG  .id = "t", .name = "PJSIP/trunk-02"

#define P_BEGIN                                                                                    \
    {CREATED, P},                                                                                  \
    {                                                                                              \
        DIAL, P, .status = "", .string = "7@trunk"                                                 \
    }
#define P_BEGUN "started a PJSIP/trunk 2; changed a 100>7 from-trunk,s; "
#define NEAR_BEGIN                                                                                 \
    {CREATED, NEAR}, {CREATED, FAR, .state = "Ring"},                                              \
    {                                                                                              \
        DIAL, NEAR, .status = "", .string = "1@o"                                                  \
    }
#define NEAR_BEGUN "started n Local/1@o 2; started f Local/1@o 0; "
#define LEG_BEGIN                                                                                  \
    {CREATED, LEG},                                                                                \
    {                                                                                              \
        DIAL, LEG, .caller = "f", .status = "", .string = "1@trunk"                                \
    }
#define LEG_BEGUN "started t PJSIP/trunk 2; changed t 100>1 from-trunk,s; "

static const struct {
    const char *what;
    struct step steps[16];
    const char *told;
} scenarios[] = {
    {"answered, callee's BYE, 22",
     {P_BEGIN,
      {STATE, P, .state = "Ringing"},
      {DIAL, P, .state = "Ringing", .status = "RINGING"},
      {STATE, P, .state = "Up"},
      {DIAL, P, .state = "Up", .status = "ANSWER"},
      {REQUEST, P, .state = "Up"},
      {DESTROYED, P, .state = "Up"}},
     P_BEGUN "ringing a; answered a; ended a 16 sip 0 Normal Clearing"},
    {"answer told by Dial first, ringing by Dial alone",
     {P_BEGIN,
      {DIAL, P, .status = "RINGING"},
      {DIAL, P, .status = "ANSWER"},
      {STATE, P, .state = "Up"},
      {REQUEST, P, .state = "Up", .cause = 32, .soft = true},
      {DESTROYED, P, .state = "Up", .cause = 16}},
     P_BEGUN "ringing a; answered a; ended a 16 sip 0 text"},
    {"early media",
     {P_BEGIN,
      {DIAL, P, .status = "PROGRESS"},
      {STATE, P, .state = "Up"},
      {DESTROYED, P, .state = "Up", .cause = 16}},
     P_BEGUN "progress a; answered a; ended a 16 sip 0 text"},
    {"busy, 22",
     {P_BEGIN,
      {REQUEST, P, .cause = 17, .tech = 486},
      {DIAL, P, .status = "BUSY"},
      {DESTROYED, P, .cause = 17, .tech = 486}},
     P_BEGUN "ended a 17 sip 486 text"},
    {"declined, 16",
     {P_BEGIN,
      {REQUEST, P, .cause = 21},
      {DIAL, P, .status = "NOANSWER"},
      {DESTROYED, P, .cause = 21}},
     P_BEGUN "ended a 21 sip 0 text"},
    {"ring timeout, 16",
     {P_BEGIN, {DESTROYED, P}},
     P_BEGUN "ended a 19 sip 0 User alerting, no answer"},
    {"ended by request while ringing: what Asterisk told the callee is not the callee's word",
     {P_BEGIN,
      {STATE, P, .state = "Ringing"},
      {REQUEST, P, .state = "Ringing", .cause = 32, .soft = true},
      {DIAL, P, .state = "Ringing", .status = "BUSY"},
      {DESTROYED, P, .state = "Ringing", .cause = 17, .tech = 486}},
     P_BEGUN "ringing a; ended a 16 sip 0 Normal Clearing"},
    {"events after the end bring nobody back",
     {P_BEGIN,
      {DESTROYED, P, .cause = 19},
      {CALLER, P},
      {STATE, P, .state = "Up"},
      {DIAL, P, .status = "RINGING"},
      {DESTROYED, P, .cause = 16},
      {CREATED, P}},
     P_BEGUN "ended a 19 sip 0 text"},
    {"Local, busy, SIP code from the leg behind it",
     {NEAR_BEGIN,
      LEG_BEGIN,
      {REQUEST, LEG, .cause = 17, .tech = 486},
      {DIAL, LEG, .caller = "f", .status = "BUSY"},
      {REQUEST, NEAR, .cause = 17},
      {DIAL, NEAR, .status = "BUSY"},
      {DESTROYED, NEAR, .cause = 17}},
     NEAR_BEGUN LEG_BEGUN "ended n 17 sip 486 text"},
    {"Local, declined, but the dialplan ends normally",
     {NEAR_BEGIN,
      LEG_BEGIN,
      {REQUEST, LEG, .cause = 21, .tech = 603},
      {DIAL, LEG, .caller = "f", .status = "NOANSWER"},
      {DIAL, NEAR, .status = "NOANSWER"},
      {DESTROYED, NEAR, .cause = 16}},
     NEAR_BEGUN LEG_BEGUN "ended n 21 sip 603 Call Rejected"},
    {"Local, first line busy, second not answered",
     {NEAR_BEGIN,
      LEG_BEGIN,
      {REQUEST, LEG, .cause = 17},
      {DIAL, LEG, .caller = "f", .status = "BUSY"},
      {CREATED, .id = "u", .name = "PJSIP/trunk-03"},
      {DIAL, .id = "u", .name = "PJSIP/trunk-03", .caller = "f", .status = "", .string = "1@trunk"},
      {DIAL, .id = "u", .name = "PJSIP/trunk-03", .caller = "f", .status = "NOANSWER"},
      {DESTROYED, NEAR, .cause = 16}},
     NEAR_BEGUN LEG_BEGUN "started u PJSIP/trunk 2; changed u 100>1 from-trunk,s; "
                          "ended n 19 sip 0 User alerting, no answer"},
    {"Local to no such place, 16 and 22",
     {{CREATED, NEAR}, {CREATED, FAR, .state = "Ring"}, {DESTROYED, NEAR}},
     "started n Local/1@o 2; started f Local/1@o 0; ended n 3 sip 0 No route to destination"},
    {"a caller who gives up",
     {{CREATED, .id = "i", .name = "PJSIP/in-07", .state = "Ring"},
      {DESTROYED, .id = "i", .name = "PJSIP/in-07", .state = "Ring"}},
     "started i PJSIP/in 1; ended i 16 sip 0 Normal Clearing"},
    {"first seen when it is up",
     {{STATE, P, .state = "Up"}, {DESTROYED, P, .state = "Up"}},
     "started a PJSIP/trunk 0; answered a; ended a 16 sip 0 Normal Clearing"},
    {"the end is all that is seen: up at its end, it was answered before",
     {{DESTROYED, P, .state = "Up", .cause = 16}},
     "answered a; ended a 16 sip 0 text"},
};

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        struct notes n;
        notes_open(&n);
        for (const struct step *s = scenarios[i].steps; s->id; s++) {
            char *json = step_json(s);
            take(&n, json);
            free(json);
        }
        check(&n, scenarios[i].what, scenarios[i].told);
        notes_close(&n);
    }
}

/* More ends than are remembered: the oldest are forgotten, nothing grows. */
static void test_many(void **state)
{
    struct notes n;
    (void)state;
    notes_open(&n);
    for (int i = 0; i < LEGS_GONE + 10; i++) {
        char id[32];
        snprintf(id, sizeof id, "many-%d", i);
        struct step begin = {CREATED, .id = id, .name = id},
                    end = {DESTROYED, .id = id, .name = id};
        char *a = step_json(&begin), *b = step_json(&end);
        take(&n, a);
        take(&n, b);
        free(a);
        free(b);
        text_free(&n.log);
    }
    assert_int_equal(n.e.life.legs.by_id.count, 0);
    assert_int_equal(n.e.life.legs.by_name.count, 0);
    assert_int_equal(n.e.life.legs.gone.count, LEGS_GONE);
    assert_true(legs_is_gone(&n.e.life.legs, "many-10"));
    assert_false(legs_is_gone(&n.e.life.legs, "many-9"));
    notes_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
