/* export.h - lists as files: pages that are fetched one after the other while the client takes them
 * (export.c). */
#ifndef CAMPAIGN_DIALER_EXPORT_H
#define CAMPAIGN_DIALER_EXPORT_H

#include "api/campaign_dialer/campaigns.h"
#include "base/csv.h"
#include "domain/cdrs.h"

#define EXPORT_PAGE 500

struct export_part;

/* What is exported; a constant. */
struct export_kind {
    const char *file;           /* its name, without the extension */
    const char *const *columns; /* of CSV; the last is NULL */
    /* [control thread] Reads the page behind p->place; then export_add for each, export_more if
     * there is another, and export_end or export_fail. */
    void (*fetch)(struct export_part *p);
};

/* Where it is: behind the last that was read. */
struct export_place {
    int64_t at;
    char id[64];
};

struct export_part {
    struct api *api;
    struct arena *arena;
    int64_t campaign;         /* of the path; 0: none */
    const char *status;       /* of numbers; NULL: any */
    struct cdr_filter filter; /* of CDRs */
    struct export_place place;
    bool csv;
    struct buf out;
    /* Of export.c. */
    const struct export_kind *kind;
    struct hop *hop;
    enum dg_err err;
    const char *message;
    bool begun, last;
    size_t columns;
};

/* [HTTP thread] `page` is taken over; it says what and which (export_open). */
struct export_part *export_open(struct request *req); /* NULL: answered, ?format= makes no sense */
void export_close(struct export_part *page);
void export_start(struct request *req, struct export_part *page, const struct export_kind *kind);

/* [control thread] A field of a row of CSV, in the columns' order. */
void export_text(struct export_part *p, const char *text);
void export_int(struct export_part *p, int64_t number);
void export_time(struct export_part *p, int64_t unix_ms); /* 0: empty */
void export_row(struct export_part *p);                   /* the row is whole */
/* In front of an object, for JSON. */
void export_object(struct export_part *p, struct json_writer *w);
void export_end(struct export_part *p, bool last);
void export_fail(struct export_part *p, enum dg_err err, const char *message);

/* clang-format off */
#define EXPORT_FORMAT_FIELD                                                                        \
    {.name = "format", .kind = FIELD_STR, .pattern = "^(csv|json)$", .fallback = "\"csv\"",        \
     .example = "\"csv\""}
/* clang-format on */

#endif
