/* ivr_view.c - menus as they are shown and sent. */
#include "api/campaign_dialer/ivr.h"

static void render_action(struct json_writer *w, const struct ivr_menu *m,
                          const struct ivr_action *a)
{
    jw_object(w, NULL);
    jw_int(w, "id", a->id);
    jw_int(w, "ivr_menu_id", m->id);
    jw_str(w, "dtmf_digit", a->keys);
    jw_str(w, "action_type", ivr_action_type_name(a->type));
    jw_str(w, "action_value", a->value);
    jw_str(w, "next", ivr_next_name(a->next));
    dialer_time(w, "created_at", a->created_at_ms);
    jw_end(w);
}

void ivr_render_open(struct json_writer *w, const struct ivr_menu *m, bool actions)
{
    jw_object(w, NULL);
    jw_int(w, "id", m->id);
    if (m->campaign_id)
        jw_int(w, "campaign_id", m->campaign_id);
    else
        jw_null(w, "campaign_id");
    jw_str(w, "name", m->name);
    jw_str(w, "audio_file", m->audio_file);
    jw_str(w, "language", m->language);
    jw_int(w, "timeout", m->timeout_s);
    jw_int(w, "digit_timeout", m->digit_timeout_s);
    jw_int(w, "max_digits", m->max_digits);
    jw_int(w, "repeats", m->repeats);
    jw_int(w, "barge_in", m->barge_in);
    dialer_time(w, "created_at", m->created_at_ms);
    dialer_time(w, "updated_at", m->updated_at_ms);
    if (!actions)
        return;
    jw_array(w, "actions");
    for (size_t i = 0; i < m->action_count; i++)
        render_action(w, m, &m->actions[i]);
    jw_end(w);
}

void ivr_render(struct json_writer *w, const struct ivr_menu *m, bool actions)
{
    ivr_render_open(w, m, actions);
    jw_end(w);
}

/* ---- Schemas ------------------------------------------------------------------------------- */

/* What domain/ivr_menu.h refuses, with the same limits, is refused there and named; here stands
 * what the document says. */
/* clang-format off */
#define SOUNDS                                                                                     \
    "Uploaded files (with or without their ending), `sound:` and one of Asterisk's, `number:`, "   \
    "`digits:` or `characters:` and what is spoken; several have `&` between them, `{digits}` is " \
    "what was entered last"
#define ACTION_FIELDS                                                                              \
    {.name = "dtmf_digit", .kind = FIELD_STR, .required = true, .example = "\"1\"",                \
     .help = "Keys (0-9 * #, up to 16 and `max_digits`), or a pattern: `_` and keys with X for "   \
             "any digit, Z for 1-9, N for 2-9; `t`: nothing was pressed in time; `i`: what was "   \
             "pressed does not fit"},                                                              \
    {.name = "action_type", .kind = FIELD_STR, .required = true, .example = "\"exten\"",           \
     .pattern = "^(exten|queue|hangup|playback|goto_ivr|record)$"},                                \
    {.name = "action_value", .kind = FIELD_STR, .example = "\"100\"",                              \
     .help = "exten, queue: its name, or technology and resource; playback: sounds, as "           \
             "`audio_file`; goto_ivr: the menu's id; record: seconds at most (60); hangup: "       \
             "nothing"},                                                                           \
    {.name = "next", .kind = FIELD_STR, .example = "\"menu\"", .pattern = "^(hangup|menu)$",       \
     .help = "What follows a playback, a recording, or an extension or queue that was not "        \
             "reached. Playback and recording: `menu`, unless it is the action `t`; else `hangup`"}
static const struct field action_sent_fields[] = {ACTION_FIELDS, {0}};
static const struct schema action_sent = {"IvrActionNew", "What keys lead to", action_sent_fields};
static const struct field action_shown_fields[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .example = "3"},
    {.name = "ivr_menu_id", .kind = FIELD_INT, .required = true, .example = "1"},
    ACTION_FIELDS,
    {.name = "created_at", .kind = FIELD_STR, .required = true,
     .example = "\"2025-10-01 12:00:00\""},
    {0}};
static const struct schema action_shown = {"IvrAction", "What keys lead to", action_shown_fields};

#define MENU_FIELDS(needed)                                                                        \
    {.name = "campaign_id", .kind = FIELD_INT, .min = 1, .max = INT64_C(9007199254740991),         \
     .help = "The campaign that it is deleted with", .example = "7"},                              \
    {.name = "name", .kind = FIELD_STR, .required = needed, .min = 1, .max = 100,                  \
     .example = "\"Main menu\""},                                                                  \
    {.name = "audio_file", .kind = FIELD_STR, .max = IVR_TEXT_MAX, .help = SOUNDS,                 \
     .example = "\"welcome.wav\""},                                                                \
    {.name = "language", .kind = FIELD_STR, .max = 20, .example = "\"en\"",                        \
     .help = "In which the sounds are played; empty: that of the call"},                           \
    {.name = "timeout", .kind = FIELD_INT, .min = 1, .max = IVR_TIMEOUT_MAX_S, .fallback = "10",   \
     .help = "Seconds from the end of the sounds to the first key", .example = "10"},              \
    {.name = "digit_timeout", .kind = FIELD_INT, .min = 1, .max = IVR_TIMEOUT_MAX_S,               \
     .fallback = "3", .help = "Seconds from one key to the next", .example = "3"},                 \
    {.name = "max_digits", .kind = FIELD_INT, .min = 1, .max = IVR_DIGITS_MAX, .fallback = "1",    \
     .help = "What was entered is complete with so many keys, with # where no action continues "   \
             "so, or after `digit_timeout`", .example = "1"},                                      \
    {.name = "repeats", .kind = FIELD_INT, .max = IVR_REPEATS_MAX, .fallback = "0",                \
     .help = "So often the menu is heard again before `t` or `i` is followed", .example = "0"},    \
    {.name = "barge_in", .kind = FIELD_INT, .max = 1, .fallback = "1",                             \
     .help = "1: a key ends the sounds; 0: keys count after them only", .example = "1"}
static const struct field menu_sent_fields[] = {
    MENU_FIELDS(true),
    {.name = "actions", .kind = FIELD_LIST, .of = &action_sent},
    {0}};
static const struct field menu_change_fields[] = {
    MENU_FIELDS(false),
    {.name = "actions", .kind = FIELD_LIST, .of = &action_sent,
     .help = "In the place of those that are there; one for the same keys keeps its id"},
    {0}};
#define MENU_SHOWN_FIELDS                                                                          \
    {.name = "id", .kind = FIELD_INT, .required = true, .example = "1"},                           \
    MENU_FIELDS(true),                                                                             \
    {.name = "created_at", .kind = FIELD_STR, .required = true,                                    \
     .example = "\"2025-10-01 12:00:00\""},                                                        \
    {.name = "updated_at", .kind = FIELD_STR, .example = "null"},                                  \
    {.name = "actions", .kind = FIELD_LIST, .of = &action_shown, .help = "Not in lists"}
static const struct field menu_shown_fields[] = {MENU_SHOWN_FIELDS, {0}};
static const struct field finding_fields[] = {
    {.name = "menu_id", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "dtmf_digit", .kind = FIELD_STR, .example = "\"5\"",
     .help = "Of the action; null: it is about the menu"},
    {.name = "type", .kind = FIELD_STR, .required = true, .example = "\"unknown_goto\"",
     .pattern = "^(unknown_goto|missing_audio|no_audio|no_keys|keys_too_long|never_invalid|"
                "unreachable|loop)$"},
    {.name = "severity", .kind = FIELD_STR, .required = true, .example = "\"error\"",
     .pattern = "^(error|warning)$"},
    {.name = "message", .kind = FIELD_STR, .required = true,
     .example = "\"There is no menu 77\""},
    {0}};
static const struct field menu_saved_fields[] = {
    MENU_SHOWN_FIELDS,
    {.name = "findings", .kind = FIELD_LIST, .required = true, .of = &ivr_finding_shown,
     .help = "What is wrong with it"},
    {0}};
/* clang-format on */
const struct schema ivr_menu_saved = {"IvrMenuSaved", "A menu, and what is wrong with it",
                                      menu_saved_fields};
const struct schema ivr_menu_sent = {"IvrMenuCreate", "A new menu with its actions",
                                     menu_sent_fields};
const struct schema ivr_menu_change = {"IvrMenuUpdate", "What is to change", menu_change_fields};
const struct schema ivr_menu_shown = {"IvrMenu", "A menu", menu_shown_fields};
const struct schema ivr_finding_shown = {"IvrFinding", "Something that is wrong with a menu",
                                         finding_fields};
