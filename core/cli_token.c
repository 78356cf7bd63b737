/* cli_token.c - the verbs about tokens. */
#include <stdio.h>
#include <string.h>

#include "admin_client.h"
#include "base/json.h"
#include "base/str.h"
#include "cli_private.h"

/* "token create" is the verb "token.create" of the control socket. NULL: the token cannot be read.
 */
static json_t *request_of(const struct cli_args *args)
{
    char secret[CLI_SECRET_MAX] = "";
    const bool imports = str_eq(args->verb, "token import");
    if (imports && !cli_read_secret("Token", secret)) {
        cli_refuse("the token must be one line of at most 128 letters on standard input");
        return NULL;
    }
    json_t *request = json_pack("{s:s+}", "verb", "token.", args->verb + strlen("token "));
    cli_set_text(request, "username", args->user);
    cli_set_text(request, "name", args->token_name);
    cli_set_text(request, "expires_at", args->expires);
    cli_set_text(request, "id", args->name);
    if (args->permissions)
        json_object_set(request, "permissions", args->permissions);
    if (imports)
        cli_set_text(request, "token", secret);
    explicit_bzero(secret, sizeof secret);
    return request;
}

static const char *shown(const json_t *token, const char *key)
{
    const char *text = json_get_str(token, key);
    return text ? text : "-";
}

static void print_permissions(const json_t *list)
{
    size_t i;
    json_t *one;
    if (!json_array_size(list))
        fputs("all", stdout);
    json_array_foreach((json_t *)list, i, one) printf("%s%s", i ? "," : "", json_string_value(one));
}

static void print_table(const json_t *answer)
{
    size_t i;
    json_t *token;
    const json_t *tokens = json_object_get(answer, "tokens");
    const int64_t total = json_get_int(answer, "total", 0);
    if (json_array_size(tokens))
        printf("%-5s %-16s %-20s %-20s %-8s %-25s %-25s %s\n", "ID", "USERNAME", "TOKEN", "NAME",
               "STATE", "LAST USED", "EXPIRES", "PERMISSIONS");
    json_array_foreach((json_t *)tokens, i, token)
    {
        printf("%-5lld %-16s %-20s %-20s %-8s %-25s %-25s ",
               (long long)json_get_int(token, "id", 0), shown(token, "username"),
               shown(token, "token"), shown(token, "name"),
               json_get_bool(token, "is_active", false) ? "active" : "revoked",
               shown(token, "last_used"), shown(token, "expires_at"));
        print_permissions(json_object_get(token, "permissions"));
        putchar('\n');
    }
    if (total > (int64_t)json_array_size(tokens))
        printf("(the newest %zu of %lld; name a user with --user)\n", json_array_size(tokens),
               (long long)total);
}

static void print(const struct cli_args *args, const json_t *answer)
{
    const json_t *tokens = json_object_get(answer, "tokens");
    if (tokens && args->json) {
        json_dumpf(tokens, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (tokens) {
        print_table(answer);
    } else if (json_get_str(answer, "token")) {
        puts(json_get_str(answer, "token"));
    }
}

enum cli_status cli_token(const struct cli_args *args)
{
    struct session s;
    struct problem problem;
    json_t *request = request_of(args);
    if (!request)
        return CLI_REFUSED;
    if (!session_open(&s, args, false)) {
        json_decref(request);
        return CLI_REFUSED;
    }
    json_t *answer = client_ask(s.fd, request, &problem);
    if (answer)
        print(args, answer);
    enum cli_status status = answer ? CLI_DONE : cli_refuse("%s", problem.text);
    json_decref(request);
    json_decref(answer);
    session_close(&s);
    return status;
}
