/* ivr_check.h - what is wrong with menus, before a caller finds out. [any thread; pure]
 *
 *     error    a caller will meet it: a goto that leads nowhere, a sound that is not there
 *     warning  it can be meant so: a menu or an action that nobody gets to, menus that
 *              go round and round as long as nobody presses a key
 */
#ifndef DOMAIN_IVR_CHECK_H
#define DOMAIN_IVR_CHECK_H

#include "base/json.h"
#include "domain/ivr_menu.h"

enum ivr_fault {
    IVR_FAULT_GOTO,        /* error: the action's menu is not there */
    IVR_FAULT_AUDIO,       /* error: a file that nobody has uploaded */
    IVR_FAULT_SILENT,      /* warning: nothing is heard in this menu */
    IVR_FAULT_NO_KEYS,     /* warning: no action for any key */
    IVR_FAULT_KEYS,        /* error: keys that are longer than max_digits */
    IVR_FAULT_SHADOWED,    /* warning: an i where every key has an action */
    IVR_FAULT_UNREACHABLE, /* warning: no way leads to the menu */
    IVR_FAULT_LOOP,        /* warning: by t and i alone */
    IVR_FAULTS,
};

struct ivr_finding {
    enum ivr_fault fault;
    bool error;
    int64_t menu;
    const struct ivr_action *action; /* of the book; NULL: it is about the menu */
    char *text;
};

struct ivr_findings {
    struct ivr_finding *list;
    size_t count;
    bool errors;
};

struct ivr_check {
    const struct ivr_book *book;
    const int64_t *entries; /* menus that calls begin with; none: the first of the book */
    size_t entry_count;
    /* Without ending; language NULL: that of all. has_file NULL: not looked at. */
    bool (*has_file)(void *arg, const char *language, const char *file);
    void *arg;
};

void ivr_check(const struct ivr_check *check, struct ivr_findings *out);
/* Those about other menus are taken out. */
void ivr_findings_only(struct ivr_findings *f, const int64_t *menus, size_t count);
void ivr_findings_clear(struct ivr_findings *f);
const char *ivr_fault_name(enum ivr_fault fault); /* "unknown_goto", ... */
/* [{"menu_id":1,"dtmf_digit":"2","type":"unknown_goto","severity":"error","message":...}] */
void ivr_findings_write(const struct ivr_findings *f, struct json_writer *w, const char *key);

#endif
