/* calls.c - placing a call. */
#include <stdlib.h>
#include <string.h>

#include "api/contact_center/private.h"
#include "api/idempotency_key.h"
#include "api/rules.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/phone.h"
#include "base/str.h"
#include "domain/audio.h"
#include "domain/call_plan.h"
#include "domain/ivr_menu.h"
#include "domain/ivr_menus.h"

/* ---- What a request may hold --------------------------------------------------- */

#define VARIABLES_MAX 64

#define NUMBER_HELP "7 to 20 digits; a + only in front"

/* clang-format off */
#define CALL_FIELDS                                                                                \
    {.name = "context", .kind = FIELD_STR, .min = 1, .max = 50, .rule = rule_context,              \
     .pattern = CONTEXT_PATTERN, .help = "Dialplan context of the answered call",               \
     .example = "\"outbound-ivr\""},                                                               \
    {.name = "extension", .kind = FIELD_STR, .min = 1, .max = 50, .rule = rule_extension,          \
     .pattern = EXTENSION_PATTERN, .help = "Dialplan extension of the answered call",         \
     .example = "\"s\""},                                                                          \
    {.name = "priority", .kind = FIELD_INT, .min = 1, .max = 10,                                   \
     .help = "Dialplan priority of the answered call", .example = "1"},                            \
    {.name = "timeout", .kind = FIELD_INT, .min = 1, .max = 600000,                                \
     .help = "Ring timeout in milliseconds", .example = "30000"},                                  \
    {.name = "caller_id", .kind = FIELD_STR, .min = 1, .max = 50, .rule = rule_printable,          \
     .help = "Caller id: a number, a name, or Name <number>",                                      \
     .example = "\"CompanyName <+1987654321>\""},                                                  \
    {.name = "variables", .kind = FIELD_STR_MAP, .max = VARIABLES_MAX, .rule = rule_variable,      \
     .help = "Channel variables; the values are texts", .example = "{\"customer\":\"4711\"}"}

#define PHONE_NUMBER                                                                               \
    .kind = FIELD_STR, .required = true, .min = 7, .max = 20, .rule = rule_number,                 \
    .pattern = NUMBER_PATTERN, .help = NUMBER_HELP, .example = "\"+1234567890\""

static const char *rule_sounds(const char *name, const char *value)
{
    (void)name;
    return ivr_sounds_refusal(value);
}

static const char *rule_language(const char *name, const char *value)
{
    (void)name;
    return audio_language_refusal(value);
}

static const char *rule_on_machine(const char *name, const char *value)
{
    enum plan_machine machine;
    (void)name;
    return plan_machine_parse(value, &machine) ? NULL
                                               : "Input should be 'continue', 'hangup' or 'message'";
}

#define SOUNDS .kind = FIELD_STR, .min = 1, .max = IVR_TEXT_MAX, .rule = rule_sounds

#define AMD_FIELD(number, member, least, most, what, sample)                                       \
    {.name = #number, .kind = FIELD_INT, .min = least, .max = most, .help = what,                  \
     .example = sample},
static const struct field amd_fields[] = {PLAN_NUMBERS(AMD_FIELD){0}};
static const struct schema amd_options = {
    "AnsweringMachineDetection",
    "What tells a person from a machine; without one of them, as Asterisk is configured (amd.conf)",
    amd_fields};

static const struct field interaction_fields[] = {CALL_FIELDS, {0}};
static const struct field call_fields[] = {
    {.name = "phone_number", PHONE_NUMBER}, CALL_FIELDS,
    {.name = "ivr_menu", .kind = FIELD_INT, .min = 1, .max = INT64_C(9007199254740991),
     .help = "Id of the IVR menu that the answered call is led through, in the place of context, "
             "extension and priority", .example = "1"},
    {.name = "audio", SOUNDS,
     .help = "A message for whoever answers, in the place of context, extension and priority; then "
             "the call is hung up. An uploaded file, or sound:, number:, digits: or characters: and "
             "what is to be played; several have & between them"},
    {.name = "repeat", .kind = FIELD_INT, .min = 1, .max = PLAN_REPEAT_MAX,
     .help = "How often the message is played", .fallback = "1"},
    {.name = "language", .kind = FIELD_STR, .min = 1, .max = 20, .rule = rule_language,
     .help = "Of the messages; without it, the channel's"},
    {.name = "amd", .kind = FIELD_OBJECT, .or_bool = true, .of = &amd_options,
     .help = "Find out whether a person or an answering machine has answered, before the message, "
             "the menu or the dialplan. The result stands as amd in the call, its CDR and the event "
             "call.amd", .fallback = "false"},
    {.name = "on_machine", .kind = FIELD_STR, .rule = rule_on_machine, .pattern = "^(continue|hangup|message)$",
     .help = "With amd: continue (as with a person), hangup, or message (machine_message). Whoever "
             "cannot be told from a person is taken for one. Without it: message where there is "
             "one, else continue"},
    {.name = "machine_message", SOUNDS,
     .help = "With amd: played to a machine when its greeting is over; then the call is hung up"},
    {0}};
static const struct field number_param[] = {{.name = "number", PHONE_NUMBER}, {0}};

static const struct schema interaction_request = {
    "InteractionRequest", "How to place the call; everything has a default", interaction_fields};
static const struct schema call_request = {"CallRequest", "The call to place", call_fields};

static const struct field answer_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true",
     .help = "false: the telephone system refused; see error"},
    {.name = "call_id", .kind = FIELD_STR, .required = true,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "phone_number", .kind = FIELD_STR, .required = true, .example = "\"+1234567890\""},
    {.name = "message", .kind = FIELD_STR, .required = true,
     .example = "\"Call originated successfully\""},
    {.name = "channel", .kind = FIELD_STR, .example = "\"Local/+1234567890@outbound-ivr\""},
    {.name = "status", .kind = FIELD_STR, .required = true, .example = "\"dialing\""},
    {.name = "created_at", .kind = FIELD_TIME, .required = true,
     .example = "\"2025-10-01T12:00:00.123Z\""},
    {.name = "error", .kind = FIELD_STR, .example = "null"},
    {.name = "backend", .kind = FIELD_STR, .required = true, .example = "\"pbx\"",
     .help = "Which backend was given the call"},
    {.name = "mock", .kind = FIELD_BOOL, .help = "Present and true: the call is a simulation"},
    {0}};
/* clang-format on */
static const struct schema call_answer_schema = {"CallResponse", "The call as it was placed",
                                                 answer_fields};

static const struct route_answer originate_answers[] = {
    {.status = 200,
     .help = "Placed, or refused by the telephone system (success is false)",
     .schema = &call_answer_schema,
     .headers = idempotency_answer_headers},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {409, "The first request with this Idempotency-Key is still being processed",
     &contact_center_detail, NULL, idempotency_retry_headers},
    {422, "A field is missing or wrong, or the Idempotency-Key was used with another request", NULL,
     NULL, NULL},
    {429, "Too many active calls, or too many that wait to be placed", &contact_center_detail, NULL,
     idempotency_retry_headers},
    {503, "The call could not be written down; nothing was dialled", &contact_center_detail, NULL,
     idempotency_retry_headers},
    {0}};

const struct route_doc contact_center_interaction_doc = {
    .id = "start_interaction",
    .tag = "Calls",
    .summary = "Call a number",
    .help = "Dials the number; the answered call goes to context, extension and priority.",
    .body = &interaction_request,
    .body_optional = true,
    .params = number_param,
    .headers = idempotency_headers,
    .answers = originate_answers,
};
const struct route_doc contact_center_call_doc = {
    .id = "create_call",
    .tag = "Calls",
    .summary = "Call a number named in the body",
    .body = &call_request,
    .headers = idempotency_headers,
    .answers = originate_answers,
};

/* ---- Placing a call --------------------------------------------------------------- */

/* What the hop carries there (the request) and back (the answer). */
struct placing {
    struct hop *hop;
    struct arena *arena;
    struct call_request request;
    struct call_plan *plan;         /* or NULL */
    struct idempotency_scope scope; /* key NULL: none was sent */
    bool replayed;
    enum dg_err err;
    const char *field;
    char *message;
    unsigned retry_s;
    struct buf body;
};

static void placing_free(void *data)
{
    struct placing *p = data;
    arena_free(p->arena);
    call_plan_free(p->plan);
    free(p->message);
    buf_free(&p->body);
    free(p);
}

static void render_answer(const struct call *c, struct buf *out)
{
    bool refused = call_is_over(c->state) && !c->dialed_at_ms;
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_bool(&w, "success", !refused);
    jw_str(&w, "call_id", c->id);
    jw_str(&w, "phone_number", c->phone_number);
    jw_str(&w, "message", refused ? "Error originating call" : "Call originated successfully");
    jw_str(&w, "channel", refused ? NULL : c->channel);
    jw_str(&w, "status", contact_center_state(c->state));
    jw_time(&w, "created_at", c->created_at_ms);
    jw_str(&w, "error", refused ? c->failure_reason : NULL);
    jw_str(&w, "backend", c->backend);
    if (c->mock)
        jw_bool(&w, "mock", true);
    jw_end(&w);
}

static void note_refusal(struct placing *p, enum dg_err err, const char *field, const char *message,
                         unsigned retry_s)
{
    p->err = err;
    p->field = field;
    p->message = xstrdup(message);
    p->retry_s = retry_s;
}

static void on_originated(void *arg, const struct call_answer *answer)
{
    struct placing *p = arg;
    if (answer->err == DG_OK)
        render_answer(answer->call, &p->body);
    else
        note_refusal(p, answer->err, answer->field, answer->message, answer->retry_s);
    hop_done(p->hop);
}

static void on_originated_once(void *arg, const struct idempotency_answer *answer)
{
    struct placing *p = arg;
    p->replayed = answer->replayed;
    if (answer->err == DG_OK)
        buf_add(&p->body, answer->body.ptr, answer->body.len);
    else
        note_refusal(p, answer->err, answer->field, answer->message, answer->retry_s);
    hop_done(p->hop);
}

static void place(struct placing *p)
{
    struct api *api = hop_app(p->hop);
    if (!p->scope.key) {
        calls_originate(api->calls, &p->request, on_originated, p);
        return;
    }
    const struct idempotency_request once = {
        .scope = p->scope, .call = &p->request, .render = render_answer};
    idempotency_originate(api->idempotency, &once, on_originated_once, p);
}

static void on_menu(void *arg, const struct ivr_answer *answer)
{
    struct placing *p = arg;
    if (answer->err == DG_OK) {
        place(p);
        return;
    }
    if (answer->err == DG_ENOTFOUND)
        note_refusal(p, DG_EINVAL, "ivr_menu", "There is no such menu", 0);
    else
        note_refusal(p, answer->err, NULL, answer->message, 0);
    hop_done(p->hop);
}

static void run_originate(struct hop *hop, void *data)
{
    struct placing *p = data;
    const struct api *api = hop_app(hop);
    p->hop = hop;
    if (p->request.ivr_menu)
        ivr_menus_get(api->ivr_menus, p->request.ivr_menu, on_menu, p);
    else
        place(p);
}

static void back_originate(struct request *req, void *data)
{
    struct placing *p = data;
    if (p->err == DG_OK) {
        if (p->replayed)
            reply_header(req, "Idempotent-Replayed", "true");
        reply_json(req, 200, &p->body);
    } else if (p->err == DG_EINVAL && p->field) {
        struct check *check = check_new(req);
        const char *where = str_eq(p->field, IDEMPOTENCY_FIELD) ? "header" : "body";
        check_problem(check, where, p->field, "value_error", p->message, NULL);
        check_failed(check);
    } else {
        contact_center_refusal(req, p->err, p->message, p->retry_s);
    }
}

static void copy_variables(struct placing *p, const json_t *all)
{
    const char *name;
    json_t *value;
    struct dg_kv *list = arena_alloc(p->arena, (json_object_size(all) + 1) * sizeof *list);
    json_object_foreach((json_t *)all, name, value)
    {
        list[p->request.variable_count++] = (struct dg_kv){
            arena_strdup(p->arena, name), arena_strdup(p->arena, json_string_value(value))};
    }
    p->request.variables = list;
}

static bool wants_detection(const json_t *body)
{
    const json_t *amd = json_object_get(body, "amd");
    return json_is_true(amd) || json_is_object(amd);
}

/* NULL: whoever answers hears no message and is not listened to. */
static struct call_plan *plan_of(const json_t *body)
{
    const char *audio = check_str(body, "audio");
    const json_t *amd = json_object_get(body, "amd");
    if (!audio && !wants_detection(body))
        return NULL;
    struct call_plan *plan = call_plan_new();
    plan->audio = xstrdup(audio);
    plan->repeat = (unsigned)check_int(body, "repeat", 1);
    plan->language = xstrdup(check_str(body, "language"));
    plan->detect = wants_detection(body);
    plan->machine_message = xstrdup(check_str(body, "machine_message"));
    plan->on_machine = plan->machine_message ? PLAN_MACHINE_MESSAGE : PLAN_MACHINE_CONTINUE;
    plan_machine_parse(check_str(body, "on_machine"), &plan->on_machine);
    for (const struct plan_number *n = plan_numbers; n->name; n++)
        *plan_number(&plan->amd, n) = (uint32_t)check_int(amd, n->name, 0);
    return plan;
}

/* `led`: the body may have a menu or a plan; else they were not checked. */
static void originate(struct request *req, const char *number, const json_t *body, const char *key,
                      bool led)
{
    int64_t menu = led ? check_int(body, "ivr_menu", 0) : 0;
    struct placing *p = xcalloc(1, sizeof *p);
    p->arena = arena_new();
    buf_init(&p->body, BUF_MAX);
    p->plan = led ? plan_of(body) : NULL;
    p->request = (struct call_request){
        .phone_number = arena_strdup(p->arena, number),
        .context = arena_strdup(p->arena, check_str(body, "context")),
        .extension = arena_strdup(p->arena, check_str(body, "extension")),
        .caller_id = arena_strdup(p->arena, check_str(body, "caller_id")),
        .priority = (int)check_int(body, "priority", 0),
        .ring_ms = (uint64_t)check_int(body, "timeout", 0),
        .ivr_menu = menu,
        .plan = p->plan,
        .controlled = menu || (p->plan && p->plan->audio),
        .api = "contact-center",
        .user = arena_strdup(p->arena, request_identity(req)->subject),
    };
    copy_variables(p, json_object_get(body, "variables"));
    p->scope = (struct idempotency_scope){
        .principal = p->request.user,
        .tenant = arena_strdup(p->arena, request_identity(req)->tenant),
        .route = request_route(req)->pattern,
        .key = arena_strdup(p->arena, key),
    };
    hop_start(req, p, run_originate, back_originate, placing_free);
}

void contact_center_interaction(struct request *req)
{
    struct check *check = check_new(req);
    check_param(check, "number", number_param);
    const json_t *body = check_body(check, &interaction_request);
    const char *key = idempotency_key(req, check);
    if (!check_failed(check))
        originate(req, request_param(req, "number"), body, key, false);
}

static bool is_given(const json_t *body, const char *name)
{
    const json_t *value = json_object_get(body, name);
    return value && !json_is_null(value);
}

static void refuse_with(struct check *check, const json_t *body, const char *name, const char *why)
{
    if (is_given(body, name))
        check_problem(check, "body", name, "value_error", why, json_object_get(body, name));
}

/* A menu and a message are no places of the dialplan. */
static void refuse_place(struct check *check, const json_t *body)
{
    static const char why[] =
        "A call is led to a place of the dialplan, through a menu, or hears a message";
    if (is_given(body, "ivr_menu"))
        refuse_with(check, body, "audio", why);
    if (!is_given(body, "ivr_menu") && !is_given(body, "audio"))
        return;
    refuse_with(check, body, "context", why);
    refuse_with(check, body, "extension", why);
    refuse_with(check, body, "priority", why);
}

/* What means nothing without something else. */
static void refuse_lonely(struct check *check, const json_t *body)
{
    const char *machine = check_str(body, "on_machine");
    bool message = is_given(body, "machine_message");
    if (!wants_detection(body)) {
        refuse_with(check, body, "on_machine", "It is decided by amd");
        refuse_with(check, body, "machine_message", "Machines are found by amd");
    }
    if (!is_given(body, "audio"))
        refuse_with(check, body, "repeat", "There is no audio that could be repeated");
    if (!is_given(body, "audio") && !message)
        refuse_with(check, body, "language", "There is no message in this language");
    if (machine && message != str_eq(machine, "message"))
        refuse_with(check, body, "on_machine",
                    message ? "There is a machine_message: it must be message"
                            : "There is no machine_message");
}

void contact_center_call(struct request *req)
{
    struct check *check = check_new(req);
    const json_t *body = check_body(check, &call_request);
    refuse_place(check, body);
    refuse_lonely(check, body);
    const char *key = idempotency_key(req, check);
    if (!check_failed(check))
        originate(req, check_str(body, "phone_number"), body, key, true);
}
