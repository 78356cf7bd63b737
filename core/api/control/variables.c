/* variables.c - a channel variable of a call, read and set. */
#include "api/control/private.h"
#include "api/rules.h"

/* clang-format off */
#define CALL_ID                                                                                    \
    {.name = "call_id", .kind = FIELD_STR, .required = true, .min = 8, .max = 255,                 \
     .help = "As it was answered when the call was placed",                                        \
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""}
#define NAME(rule_)                                                                                \
    {.name = "name", .kind = FIELD_STR, .required = true, .min = 1, .max = 80, .rule = (rule_),    \
     .pattern = VARIABLE_PATTERN, .help = "Name of the variable", .example = "\"CAMPAIGN\""}
/* clang-format on */

static const char *rule_settable(const char *field, const char *name)
{
    (void)field;
    return rule_variable(name, "");
}

static const char *rule_value(const char *field, const char *value)
{
    (void)field;
    return rule_variable("x", value);
}

static const struct field read_params[] = {CALL_ID, NAME(rule_variable_name), {0}};
static const struct field set_params[] = {CALL_ID, NAME(rule_settable), {0}};
static const struct field set_fields[] = {{.name = "value",
                                           .kind = FIELD_STR,
                                           .required = true,
                                           .max = 512,
                                           .rule = rule_value,
                                           .help = "The text; \"\" unsets it",
                                           .example = "\"spring\""},
                                          {0}};
static const struct schema set_request = {"VariableRequest", "What the variable shall be",
                                          set_fields};

static void render_variable(struct json_writer *w, const struct control_request *req,
                            const struct control_answer *answer)
{
    jw_str(w, "name", req->name);
    jw_str(w, "value", req->action == CONTROL_SET_VARIABLE ? req->value : answer->text);
}

void control_get_variable(struct request *req)
{
    static const struct act_answer answer = {.message = "Variable read", .more = render_variable};
    struct check *check = check_new(req);
    check_param(check, "call_id", &read_params[0]);
    check_param(check, "name", &read_params[1]);
    if (!check_failed(check))
        control_act(req,
                    (struct control_request){.action = CONTROL_GET_VARIABLE,
                                             .name = request_param(req, "name")},
                    &answer);
}

void control_set_variable(struct request *req)
{
    static const struct act_answer answer = {.message = "Variable set", .more = render_variable};
    struct check *check = check_new(req);
    check_param(check, "call_id", &set_params[0]);
    check_param(check, "name", &set_params[1]);
    const char *value = check_str(check_body(check, &set_request), "value");
    if (!check_failed(check))
        control_act(req,
                    (struct control_request){.action = CONTROL_SET_VARIABLE,
                                             .name = request_param(req, "name"),
                                             .value = value},
                    &answer);
}

/* ---- Documentation -------------------------------------------------------------------- */

static const struct field variable_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "call_id",
     .kind = FIELD_STR,
     .required = true,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Variable set\""},
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"CAMPAIGN\""},
    {.name = "value", .kind = FIELD_STR, .required = true, .example = "\"spring\""},
    {0}};
static const struct schema variable_schema = {"VariableResponse", "The variable as it is now",
                                              variable_fields};
static const struct route_answer variable_answers[] = {CONTROL_ANSWERS(&variable_schema)};

const struct route_doc control_get_variable_doc = {
    .id = "get_call_variable",
    .tag = "Call control",
    .summary = "Read a channel variable",
    .help = "One that is empty is answered as one that is not set, with 404.",
    .params = read_params,
    .answers = variable_answers,
};
const struct route_doc control_set_variable_doc = {
    .id = "set_call_variable",
    .tag = "Call control",
    .summary = "Set a channel variable",
    .params = set_params,
    .body = &set_request,
    .answers = variable_answers,
};
