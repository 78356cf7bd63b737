/* ivr_menus_private.h - what the files of the menus share. */
#ifndef DOMAIN_IVR_MENUS_PRIVATE_H
#define DOMAIN_IVR_MENUS_PRIVATE_H

#include "base/map.h"
#include "base/mem.h"
#include "domain/ivr_menus.h"

#define IVR_ID_SIZE 24

struct ivr_menus {
    struct store *store;
    struct loop *loop;
    struct map *books; /* id of an entry -> struct kept_book */
    unsigned changes;  /* a book that was begun before the last is not kept */
};

void ivr_id_text(int64_t id, char out[IVR_ID_SIZE]);
void ivr_menu_put(struct store_batch *batch, const struct ivr_menu *m, uint64_t expect);

/* ivr_menus_add.c */
unsigned ivr_fresh_actions(const struct ivr_menu *m); /* those without an id */
void ivr_number_actions(struct ivr_menu *m, int64_t *next, int64_t now_ms);

/* ivr_menus_book.c */
void ivr_books_forget(struct ivr_menus *ms);

#endif
