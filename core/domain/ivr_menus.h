/* ivr_menus.h - menus in the store. [control thread]
 *
 * They are read anew for each request, as other gateways share them; books for
 * calls are kept for a moment. A change is made to what was read and written
 * under the version that was read; where somebody was faster it is made again.
 */
#ifndef DOMAIN_IVR_MENUS_H
#define DOMAIN_IVR_MENUS_H

#include "data/store.h"
#include "domain/ivr_menu.h"
#include "loop/loop.h"

struct ivr_menus;

struct ivr_menus *ivr_menus_new(struct store *store, struct loop *loop);
void ivr_menus_free(struct ivr_menus *ms); /* after the store */

struct ivr_answer {
    enum dg_err err;
    const char *message;         /* NULL when err is DG_OK */
    const struct ivr_menu *menu; /* lent; NULL unless err is DG_OK */
};
typedef void ivr_menu_fn(void *arg, const struct ivr_answer *answer);

/* DG_ENOTFOUND, or the store's word. */
void ivr_menus_get(struct ivr_menus *ms, int64_t id, ivr_menu_fn *fn, void *arg);

/* Makes a change to what was read; may be called again, with what is there then. false: it is not
 * to be written, `problem` says why, and the answer too. */
typedef bool ivr_edit_fn(void *ctx, struct ivr_menu *m, struct problem *problem);
void ivr_menus_change(struct ivr_menus *ms, int64_t id, ivr_edit_fn *edit, void *ctx,
                      ivr_menu_fn *fn, void *arg);
void ivr_menus_delete(struct ivr_menus *ms, int64_t id, ivr_menu_fn *fn, void *arg);

/* All of them or none. They are taken over and get new ids; what leads from one of them to another
 * by the ids that they had leads there by the new ones. */
struct ivr_added {
    enum dg_err err;
    const char *message;
    struct ivr_menu *const *menus; /* lent */
    const int64_t *were;           /* their ids before */
    size_t count;
};
typedef void ivr_added_fn(void *arg, const struct ivr_added *added);
void ivr_menus_add(struct ivr_menus *ms, struct ivr_menu **menus, size_t count, ivr_added_fn *fn,
                   void *arg);

struct ivr_menu_query {
    int64_t campaign_id;    /* 0: any */
    uint64_t offset, limit; /* 0: all */
};
struct ivr_menu_list {
    enum dg_err err;
    const char *message;
    struct ivr_menu *const *menus; /* lent; newest first */
    size_t count;
    uint64_t total; /* of all pages */
};
typedef void ivr_menu_list_fn(void *arg, const struct ivr_menu_list *list);
void ivr_menus_list(struct ivr_menus *ms, const struct ivr_menu_query *query, ivr_menu_list_fn *fn,
                    void *arg);

/* The menu and all that it leads to; it stands first. What is not there is not in it. */
struct ivr_book_answer {
    enum dg_err err; /* DG_ENOTFOUND: the menu itself is not there */
    const char *message;
    struct ivr_book *book; /* lent: ivr_book_ref to keep it */
};
typedef void ivr_book_fn(void *arg, const struct ivr_book_answer *answer);
void ivr_menus_book(struct ivr_menus *ms, int64_t entry, ivr_book_fn *fn, void *arg);

#endif
