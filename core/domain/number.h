/* number.h - a number of a campaign, and its document. [any thread]
 *
 * `due_at` is when it may be dialled, and the order in which numbers are taken
 * (`where` campaign_id, status pending, due_at <= @now, by due_at): a number
 * that was not dialled yet and waits for nothing has -priority, so that the
 * more important ones come first and then the older ones; one that waits for a
 * time has that time. Those that have waited are told apart by due_at > 0.
 */
#ifndef DOMAIN_NUMBER_H
#define DOMAIN_NUMBER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"

enum number_status {
    NUMBER_PENDING,
    NUMBER_CALLING,
    NUMBER_ANSWERED,
    NUMBER_COMPLETED,
    NUMBER_FAILED,
    NUMBER_NO_ANSWER,
    NUMBER_BUSY,
    NUMBER_STATUSES,
};

#define NUMBER_PHONE_MAX    50
#define NUMBER_PRIORITY_MAX 100

struct number {
    int64_t id; /* 0: new */
    uint64_t version;
    int64_t campaign_id;
    char *phone_number;
    enum number_status status;
    int64_t due_at_ms;
    unsigned priority; /* 0..100, higher first */
    char *timezone;    /* NULL: the campaign's */
    char *claimed_by;  /* which gateway; NULL: none */
    int64_t claimed_until_ms;
    char call_id[ID_SIZE]; /* of the attempt under way, or the last one; "": none */
    unsigned attempts;
    int64_t last_attempt_ms;              /* when it began; 0: never */
    char *data;                           /* a JSON object as text; NULL: none */
    int64_t created_at_ms, updated_at_ms; /* updated 0: never */
};

void number_clear(struct number *n); /* frees what it holds */
void number_copy(struct number *to, const struct number *from);
void number_write(const struct number *n, struct buf *out);
/* false: the document is none of a number. number_clear afterwards. */
bool number_read(struct number *n, const char *id, uint64_t version, const json_t *doc);
/* Of what the store yields. */
struct dg_doc;
bool number_of_doc(struct number *n, const struct dg_doc *doc);

/* As one that was never dialled: pending, no attempts, due at once. */
void number_reset(struct number *n);

const char *number_status_name(enum number_status s);
bool number_status_parse(const char *name, enum number_status *out);

#endif
