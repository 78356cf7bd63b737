/* admin_numbers.c - files of numbers that come in by the control socket, and
 * whether the counts of campaigns are right.
 */
#include "admin_numbers.h"

#include <stdlib.h>

#include "admin_run.h"
#include "base/str.h"

/* ---- numbers.import -------------------------------------------------------------------------- */

static const char *read_target(const json_t *request, struct number_import_request *out)
{
    const char *campaign = json_get_str(request, "campaign");
    str_to_bool(json_get_str(request, "dnc"), &out->dnc);
    if (out->dnc)
        return campaign ? "a campaign and the do-not-call list: one of the two" : NULL;
    if (!campaign || !str_to_int(campaign, &out->campaign) || out->campaign < 1)
        return "campaign: must be the number of a campaign";
    return NULL;
}

static const char *read_request(const struct admin_config *config, const json_t *request,
                                struct number_import_request *out)
{
    const char *format = json_get_str(request, "format");
    const char *skip = json_get_str(request, "skip_duplicates");
    if (!config->users || !config->ledger)
        return STORE_DISABLED_TEXT;
    if (format && !str_eq(format, "csv") && !str_eq(format, "ndjson"))
        return "format: must be csv or ndjson";
    if (skip && !str_to_bool(skip, &out->skip_duplicates))
        return "skip_duplicates: must be 0 or 1";
    out->format = str_eq(format, "ndjson") ? NUMBERS_NDJSON : NUMBERS_CSV;
    out->columns = (struct number_columns){.phone_number = json_get_str(request, "phone_number"),
                                           .priority = json_get_str(request, "priority"),
                                           .timezone = json_get_str(request, "timezone")};
    return read_target(request, out);
}

struct number_import *admin_numbers_import(const struct admin_config *config, const json_t *request,
                                           number_import_fn *fn, void *arg, const char **why)
{
    struct number_import_request wanted = {0};
    *why = read_request(config, request, &wanted);
    return *why ? NULL
                : number_import_new(config->store, config->ledger, config->loop, &wanted, fn, arg);
}

static void write_errors(struct json_writer *w, const struct number_import_result *result)
{
    jw_array(w, "errors");
    for (size_t i = 0; i < result->error_count; i++) {
        jw_object(w, NULL);
        jw_int(w, "line", (int64_t)result->errors[i].line);
        jw_str(w, "error", result->errors[i].why);
        jw_end(w);
    }
    jw_end(w);
}

void admin_numbers_answer(const struct number_import_result *result, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_bool(&w, "ok", result->err == DG_OK);
    if (result->err != DG_OK)
        jw_str(&w, "error", result->message);
    jw_int(&w, "accepted", (int64_t)result->accepted);
    jw_int(&w, "skipped", (int64_t)result->skipped);
    jw_int(&w, "wrong", (int64_t)result->wrong);
    write_errors(&w, result);
    jw_end(&w);
}

/* ---- counts.check ------------------------------------------------------------------------------
 */

struct checking {
    struct admin_run *run;
    int64_t *campaigns;
    size_t count, at;
    struct buf reply;
    struct json_writer w;
};

static void end(struct checking *k, const char *error)
{
    if (error) {
        admin_run_refuse(k->run, error);
    } else {
        jw_end(&k->w);
        jw_end(&k->w);
        admin_run_end(k->run, &k->reply);
    }
    buf_free(&k->reply);
    free(k->campaigns);
    free(k);
}

static void check_next(struct checking *k);

static void write_counts(struct json_writer *w, const char *key, const struct campaign_counts *c)
{
    jw_object(w, key);
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        jw_int(w, number_status_name((enum number_status)i), c->numbers[i]);
    jw_int(w, "total_calls", c->total_calls);
    jw_int(w, "answered_calls", c->answered_calls);
    jw_end(w);
}

/* A campaign that is deleted meanwhile is none to be counted. */
static void on_checked(void *arg, const struct ledger_check *check)
{
    struct checking *k = arg;
    if (check->err != DG_OK && check->err != DG_ENOTFOUND) {
        end(k, check->message);
        return;
    }
    if (check->err == DG_OK) {
        jw_object(&k->w, NULL);
        jw_int(&k->w, "campaign", k->campaigns[k->at]);
        jw_bool(&k->w, "equal", check->equal);
        write_counts(&k->w, "said", &check->said);
        write_counts(&k->w, "there", &check->there);
        jw_end(&k->w);
    }
    k->at++;
    check_next(k);
}

static void check_next(struct checking *k)
{
    if (!k->run->config)
        end(k, "cancelled");
    else if (k->at < k->count)
        ledger_check(k->run->config->store, k->campaigns[k->at], on_checked, k);
    else
        end(k, NULL);
}

static void on_campaigns(void *arg, const struct op_result *res)
{
    struct checking *k = arg;
    if (res->err != DG_OK || !k->run->config) {
        end(k, res->err != DG_OK ? res->message : "cancelled");
        return;
    }
    k->campaigns = xcalloc(res->count + 1, sizeof *k->campaigns);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        if (str_to_int(doc->id, &k->campaigns[k->count]))
            k->count++;
    }
    check_next(k);
}

void admin_counts_check(struct admin_run *run)
{
    const char *campaign = json_get_str(run->request, "campaign");
    struct checking *k = xcalloc(1, sizeof *k);
    k->run = run;
    buf_init(&k->reply, BUF_MAX);
    jw_init(&k->w, &k->reply);
    jw_object(&k->w, NULL);
    jw_bool(&k->w, "ok", true);
    jw_array(&k->w, "campaigns");
    const struct dg_where where = {.field = "id", .value = campaign};
    const struct dg_query query = {
        .collection = COLLECTION_CAMPAIGN_COUNTS, .where = &where, .where_count = campaign ? 1 : 0};
    store_query(run->config->store, &query, on_campaigns, k);
}
