/* cli_user.c - the verbs about users. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "admin_client.h"
#include "base/json.h"
#include "base/str.h"
#include "cli_private.h"

/* One line without its end. */
static bool read_line(char out[CLI_SECRET_MAX])
{
    size_t len = fread(out, 1, CLI_SECRET_MAX, stdin);
    if (len && out[len - 1] == '\n')
        len--;
    if (len && out[len - 1] == '\r')
        len--;
    if (len == CLI_SECRET_MAX || memchr(out, '\n', len) || memchr(out, '\0', len))
        return false;
    out[len] = '\0';
    return true;
}

bool cli_read_secret(const char *prompt, char out[CLI_SECRET_MAX])
{
    struct termios shown;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown) != 0)
        return read_line(out);
    struct termios hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", prompt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool read = fgets(out, CLI_SECRET_MAX, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    if (read)
        out[strcspn(out, "\r\n")] = '\0';
    return read;
}

void cli_set_text(json_t *request, const char *key, const char *text)
{
    if (text) /* an argument that is no UTF-8 becomes an empty one, which is refused */
        json_object_set_new(request, key,
                            str_utf8(text, strlen(text)) ? json_string(text) : json_string(""));
}

/* "user add" is the verb "user.add" of the control socket. NULL: the password cannot be read. */
static json_t *request_of(const struct cli_args *args)
{
    char password[CLI_SECRET_MAX] = "";
    const bool wants = str_eq(args->verb, "user add") || str_eq(args->verb, "user passwd");
    if (wants && !cli_read_secret("Password", password)) {
        cli_refuse("the password must be one line of at most 72 bytes on standard input");
        return NULL;
    }
    json_t *request = json_pack("{s:s+}", "verb", "user.", args->verb + strlen("user "));
    cli_set_text(request, "username", args->name);
    cli_set_text(request, "role", args->role);
    cli_set_text(request, "email", args->email);
    if (wants)
        cli_set_text(request, "password", password);
    explicit_bzero(password, sizeof password);
    return request;
}

static const char *shown(const json_t *user, const char *key)
{
    const char *text = json_get_str(user, key);
    return text ? text : "-";
}

static void print_table(const json_t *users)
{
    size_t i;
    json_t *user;
    if (json_array_size(users))
        printf("%-4s %-24s %-6s %-8s %-30s %s\n", "ID", "USERNAME", "ROLE", "STATE", "EMAIL",
               "LAST LOGIN");
    json_array_foreach(users, i, user)
    {
        printf("%-4lld %-24s %-6s %-8s %-30s %s\n", (long long)json_get_int(user, "id", 0),
               shown(user, "username"), shown(user, "role"),
               json_get_bool(user, "is_active", false) ? "active" : "disabled",
               shown(user, "email"), shown(user, "last_login"));
    }
}

static void print_json(const json_t *users)
{
    json_dumpf(users, stdout, JSON_INDENT(2));
    putchar('\n');
}

enum cli_status cli_user(const struct cli_args *args)
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
    const json_t *users = json_object_get(answer, "users");
    if (users && args->json)
        print_json(users);
    else if (users)
        print_table(users);
    enum cli_status status = answer ? CLI_DONE : cli_refuse("%s", problem.text);
    json_decref(request);
    json_decref(answer);
    session_close(&s);
    return status;
}
