/* rules.c - which number has which fate: the longest matching end decides. */
#include "mock.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const outcome_names[] = {
    [MOCK_ANSWERS] = "answers",       [MOCK_BUSY] = "busy",   [MOCK_DECLINES] = "declines",
    [MOCK_UNKNOWN] = "unknown",       [MOCK_RINGS] = "rings", [MOCK_SILENT] = "silent",
    [MOCK_CONGESTION] = "congestion", [MOCK_EARLY] = "early", [MOCK_HANGS_UP] = "hangs-up",
};

#define OUTCOMES (sizeof(outcome_names) / sizeof(*outcome_names))

static bool outcome_of_name(const char *name, enum mock_outcome *out)
{
    for (size_t i = 0; name && i < OUTCOMES; i++) {
        if (strcmp(name, outcome_names[i]) == 0) {
            *out = (enum mock_outcome)i;
            return true;
        }
    }
    return false;
}

/* true: there are none, or they can be pressed. */
static bool read_keys(const json_t *item, struct mock_rule *rule)
{
    const json_t *value = json_object_get(item, "keys");
    const char *keys = json_string_value(value);
    if (value && (!keys || keys[strspn(keys, "0123456789*#ABCD,")] != '\0'))
        return false;
    rule->keys = mock_strdup(keys);
    return true;
}

/* true: there is none, or it is one. */
static bool read_amd(const json_t *item, struct mock_rule *rule)
{
    static const char *const found[][2] = {
        {"human", "HUMAN"}, {"machine", "MACHINE"}, {"notsure", "NOTSURE"}, {"hangup", "HANGUP"}};
    const json_t *value = json_object_get(item, "amd");
    const char *name = json_string_value(value);
    rule->amd = found[0][1];
    for (size_t i = 0; name && i < sizeof(found) / sizeof(*found); i++) {
        if (strcmp(name, found[i][0]) == 0) {
            rule->amd = found[i][1];
            return true;
        }
    }
    return !value;
}

static bool read_rule(struct mock *m, const json_t *item, struct mock_rule *rule)
{
    const char *suffix = json_string_value(json_object_get(item, "suffix"));
    const char *outcome = json_string_value(json_object_get(item, "outcome"));
    size_t members =
        2 + (json_object_get(item, "keys") != NULL) + (json_object_get(item, "amd") != NULL);
    if (suffix && json_object_size(item) == members && outcome_of_name(outcome, &rule->outcome) &&
        read_keys(item, rule) && read_amd(item, rule)) {
        rule->suffix = mock_strdup(suffix);
        return true;
    }
    m->h->log(m->h, DG_ERROR,
              "rules: each must be {suffix = \"486\", outcome = \"busy\"}, with an outcome of "
              "answers, busy, declines, unknown, congestion, rings, silent, early, hangs-up, and "
              "perhaps keys = \"12#,3\" that are pressed, and amd: what detection finds, human, "
              "machine, notsure or hangup");
    return false;
}

enum dg_err rules_read(struct mock *m, const char *json)
{
    json_t *list = json_loads(json, 0, NULL);
    bool ok = json_is_array(list);
    if (!ok)
        m->h->log(m->h, DG_ERROR, "rules: a list was expected");
    m->rules = mock_alloc((json_array_size(list) + 1) * sizeof(*m->rules));
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        ok = read_rule(m, json_array_get(list, i), &m->rules[m->rule_count]);
        m->rule_count += ok;
    }
    json_decref(list);
    return ok ? DG_OK : DG_EINVAL;
}

void rules_free(struct mock *m)
{
    for (size_t i = 0; i < m->rule_count; i++) {
        free(m->rules[i].suffix);
        free(m->rules[i].keys);
    }
    free(m->rules);
}

static const struct mock_rule *rule_of(const struct mock *m, const char *number)
{
    const struct mock_rule *best = NULL;
    size_t best_len = 0, len = strlen(number);
    for (size_t i = 0; i < m->rule_count; i++) {
        const struct mock_rule *rule = &m->rules[i];
        size_t n = strlen(rule->suffix);
        if (n > len || strcmp(number + len - n, rule->suffix) != 0 || (best && n <= best_len))
            continue;
        best = rule;
        best_len = n;
    }
    return best;
}

enum mock_outcome rules_outcome(const struct mock *m, const char *number)
{
    const struct mock_rule *rule = rule_of(m, number);
    return rule ? rule->outcome : MOCK_ANSWERS;
}

const char *rules_keys(const struct mock *m, const char *number)
{
    const struct mock_rule *rule = rule_of(m, number);
    return rule ? rule->keys : NULL;
}

const char *rules_amd(const struct mock *m, const char *number)
{
    const struct mock_rule *rule = rule_of(m, number);
    return rule ? rule->amd : "HUMAN";
}

/* "Local/100@context/n", "PJSIP/100@trunk", "PJSIP/trunk/sip:100@host:5060", "PJSIP/100" */
char *number_of_endpoint(const char *endpoint)
{
    const char *start = endpoint ? strchr(endpoint, '/') : NULL;
    if (!start)
        return NULL;
    const char *sip = strstr(++start, "sip:");
    if (sip)
        start = sip + 4;
    size_t len = strcspn(start, "@/;");
    if (!len)
        return NULL;
    char *number = mock_alloc(len + 1);
    memcpy(number, start, len);
    return number;
}
