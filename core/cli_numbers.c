/* cli_numbers.c - the verbs about numbers of campaigns: files of any size into a
 * campaign, and whether the campaigns' counts are right.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin_client.h"
#include "base/json.h"
#include "base/str.h"
#include "cli_private.h"

/* ---- import-numbers ----------------------------------------------------------------------------
 */

/* On a terminal always in the same line. */
static void tell_progress(int64_t lines)
{
    fprintf(stderr, "%lld lines%c", (long long)lines, isatty(STDERR_FILENO) ? '\r' : '\n');
}

static const char *format_of(const struct cli_args *args)
{
    const char *dot = args->name ? strrchr(args->name, '.') : NULL;
    if (args->format)
        return args->format;
    return str_ieq(dot, ".ndjson") || str_ieq(dot, ".jsonl") ? "ndjson" : "csv";
}

static json_t *request_of(const struct cli_args *args)
{
    json_t *request = json_pack("{s:s}", "verb", "numbers.import");
    cli_set_text(request, "campaign", args->campaign);
    cli_set_text(request, "dnc", args->dnc ? "1" : NULL);
    cli_set_text(request, "format", format_of(args));
    cli_set_text(request, "skip_duplicates", args->skip_duplicates ? "1" : NULL);
    cli_set_text(request, "phone_number", args->phone_column);
    cli_set_text(request, "priority", args->priority_column);
    cli_set_text(request, "timezone", args->timezone_column);
    return request;
}

static enum cli_status tell_import(const json_t *answer)
{
    size_t i;
    json_t *one;
    const char *error = json_get_str(answer, "error");
    const int64_t wrong = json_get_int(answer, "wrong", 0);
    const json_t *errors = json_object_get(answer, "errors");
    json_array_foreach((json_t *)errors, i, one)
        fprintf(stderr, "line %lld: %s\n", (long long)json_get_int(one, "line", 0),
                json_get_str(one, "error"));
    if (wrong > (int64_t)json_array_size(errors))
        fprintf(stderr, "(the first %zu of %lld)\n", json_array_size(errors), (long long)wrong);
    printf("%lld accepted, %lld skipped, %lld wrong\n",
           (long long)json_get_int(answer, "accepted", 0),
           (long long)json_get_int(answer, "skipped", 0), (long long)wrong);
    if (!json_get_bool(answer, "ok", false))
        return cli_refuse("%s", error ? error : "the gateway's answer makes no sense");
    return wrong ? CLI_REFUSED : CLI_DONE;
}

static enum cli_status import_file(const struct cli_args *args, FILE *in)
{
    struct session s;
    struct problem problem;
    if (!session_open(&s, args, false))
        return CLI_REFUSED;
    bool told = args->progress || (isatty(STDERR_FILENO) && !isatty(fileno(in)));
    json_t *request = request_of(args);
    json_t *answer = client_upload(s.fd, request, in, told ? tell_progress : NULL, &problem);
    enum cli_status status = answer ? tell_import(answer) : cli_refuse("%s", problem.text);
    json_decref(request);
    json_decref(answer);
    session_close(&s);
    return status;
}

enum cli_status cli_import_numbers(const struct cli_args *args)
{
    if (!args->name || str_eq(args->name, "-"))
        return import_file(args, stdin);
    FILE *in = fopen(args->name, "re");
    if (!in)
        return cli_refuse("%s: %s", args->name, strerror(errno));
    enum cli_status status = import_file(args, in);
    fclose(in);
    return status;
}

/* ---- check-counts ------------------------------------------------------------------------------
 */

static void tell_difference(const json_t *campaign)
{
    const char *key;
    json_t *said;
    const json_t *there = json_object_get(campaign, "there");
    json_object_foreach(json_object_get(campaign, "said"), key, said)
    {
        const long long says = json_integer_value(said), is = json_get_int(there, key, 0);
        if (says != is)
            printf("    %s: the counts say %lld, there are %lld\n", key, says, is);
    }
}

static enum cli_status tell_counts(const struct cli_args *args, const json_t *answer)
{
    size_t i, wrong = 0;
    json_t *one;
    const json_t *list = json_object_get(answer, "campaigns");
    if (args->campaign && !json_array_size(list))
        return cli_refuse("there is no campaign %s", args->campaign);
    json_array_foreach((json_t *)list, i, one)
    {
        const bool equal = json_get_bool(one, "equal", false);
        printf("campaign %lld: %s\n", (long long)json_get_int(one, "campaign", 0),
               equal ? "right" : "wrong");
        if (!equal)
            tell_difference(one);
        wrong += !equal;
    }
    if (!wrong)
        return CLI_DONE;
    fflush(stdout);
    return cli_refuse("the counts of %zu of %zu campaigns are wrong", wrong, json_array_size(list));
}

enum cli_status cli_check_counts(const struct cli_args *args)
{
    struct session s;
    struct problem problem;
    if (!session_open(&s, args, false))
        return CLI_REFUSED;
    json_t *request = json_pack("{s:s}", "verb", "counts.check");
    cli_set_text(request, "campaign", args->campaign);
    json_t *answer = client_ask(s.fd, request, &problem);
    enum cli_status status = answer ? tell_counts(args, answer) : cli_refuse("%s", problem.text);
    json_decref(request);
    json_decref(answer);
    session_close(&s);
    return status;
}
