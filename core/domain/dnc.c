/* dnc.c - the do-not-call list, as far as it is looked at; see dnc.h. */
#include "domain/dnc.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/phone.h"
#include "base/str.h"

bool dnc_id(const char *number, char out[DNC_ID_SIZE])
{
    size_t digits = phone_digits(number, out, DNC_ID_SIZE);
    return digits > 0 && digits < DNC_ID_SIZE;
}

struct looking {
    dnc_listed_fn *fn;
    void *arg;
    size_t count;
    char (*ids)[DNC_ID_SIZE]; /* "": can be on no list */
};

static void on_found(void *arg, const struct op_result *res)
{
    struct looking *l = arg;
    bool *listed = xcalloc(l->count + 1, sizeof *listed);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        for (size_t k = 0; k < l->count; k++)
            listed[k] = listed[k] || str_eq(doc->id, l->ids[k]);
    }
    l->fn(l->arg, res->err, res->message, listed);
    free(listed);
    free(l->ids);
    free(l);
}

void dnc_listed(struct store *store, const char *const *numbers, size_t count, dnc_listed_fn *fn,
                void *arg)
{
    struct looking *l = xcalloc(1, sizeof *l);
    struct buf list;
    struct json_writer w;
    *l = (struct looking){.fn = fn, .arg = arg, .count = count};
    l->ids = xcalloc(count + 1, sizeof *l->ids);
    buf_init(&list, BUF_MAX);
    jw_init(&w, &list);
    jw_array(&w, NULL);
    for (size_t i = 0; i < count; i++) {
        if (dnc_id(numbers[i], l->ids[i]))
            jw_str(&w, NULL, l->ids[i]);
        else
            l->ids[i][0] = '\0';
    }
    jw_end(&w);
    const struct dg_where where = {.field = "id", .compare = DG_IN, .value = buf_cstr(&list)};
    const struct dg_query query = {.collection = COLLECTION_DNC, .where = &where, .where_count = 1};
    store_query(store, &query, on_found, l);
    buf_free(&list);
}
