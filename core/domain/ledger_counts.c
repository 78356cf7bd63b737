/* ledger_counts.c - the counts of a campaign and their document; see ledger.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "domain/ledger_private.h"

int64_t campaign_counts_total(const struct campaign_counts *counts)
{
    int64_t total = 0;
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        total += counts->numbers[i];
    return total;
}

void counts_write(struct json_writer *w, const struct campaign_counts *counts)
{
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        jw_int(w, number_status_name((enum number_status)i), counts->numbers[i]);
    jw_int(w, "total", campaign_counts_total(counts));
    jw_int(w, "total_calls", counts->total_calls);
    jw_int(w, "answered_calls", counts->answered_calls);
}

void campaign_counts_write(const struct campaign_counts *counts, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    counts_write(&w, counts);
    jw_end(&w);
}

bool campaign_counts_read(struct campaign_counts *counts, const json_t *doc)
{
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        counts->numbers[i] = json_get_int(doc, number_status_name((enum number_status)i), 0);
    counts->total_calls = json_get_int(doc, "total_calls", 0);
    counts->answered_calls = json_get_int(doc, "answered_calls", 0);
    return json_is_object(doc);
}

void counts_add(struct campaign_counts *to, const struct campaign_counts *delta)
{
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        to->numbers[i] += delta->numbers[i];
    to->total_calls += delta->total_calls;
    to->answered_calls += delta->answered_calls;
}

struct asking {
    ledger_counts_fn *fn;
    void *arg;
};

static void on_asked(void *arg, const struct store_doc *doc)
{
    struct asking *asking = arg;
    struct campaign_counts counts = {0};
    if (doc->err == DG_OK)
        campaign_counts_read(&counts, doc->json);
    asking->fn(asking->arg, doc->err, doc->message, doc->err == DG_OK ? &counts : NULL);
    free(asking);
}

void ledger_counts(struct ledger *l, int64_t campaign, ledger_counts_fn *fn, void *arg)
{
    char id[LEDGER_ID_SIZE];
    struct asking *asking = xcalloc(1, sizeof *asking);
    *asking = (struct asking){fn, arg};
    snprintf(id, sizeof id, "%" PRId64, campaign);
    store_get_json(l->store, COLLECTION_CAMPAIGN_COUNTS, id, on_asked, asking);
}
