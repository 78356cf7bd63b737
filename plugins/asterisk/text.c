/* text.c - see text.h. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *text_alloc(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        abort();
    return p;
}

char *text_copy(const char *s)
{
    if (!s)
        return NULL;
    size_t len = strlen(s) + 1;
    return memcpy(text_alloc(len), s, len);
}

void text_set(char **slot, const char *s)
{
    if (*slot && s && strcmp(*slot, s) == 0)
        return;
    free(*slot);
    *slot = text_copy(s);
}

bool text_same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

void text_add(struct text *t, const char *ptr, size_t len)
{
    if (t->size - t->len < len + 1) {
        size_t size = (t->len + len + 1) * 2;
        t->at = realloc(t->at, size);
        if (!t->at)
            abort();
        t->size = size;
    }
    if (len)
        memcpy(t->at + t->len, ptr, len);
    t->len += len;
    t->at[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void text_encoded(struct text *t, const char *s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (is_alnum(c) || strchr("-._~", c))
            text_add(t, s, 1);
        else
            text_add(t, (const char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

void text_free(struct text *t)
{
    free(t->at);
    *t = (struct text){0};
}

int64_t text_time_ms(const char *stamp)
{
    struct tm tm = {0};
    int ms = 0, zone = 0;
    char sign = '+';
    if (!stamp || sscanf(stamp, "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c%4d", &tm.tm_year, &tm.tm_mon,
                         &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &sign, &zone) < 7)
        return 0;
    if (tm.tm_year < 1970 || tm.tm_year > 9999 || ms < 0)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t offset = (int64_t)(zone / 100) * 3600 + zone % 100 * 60;
    int64_t at = (int64_t)timegm(&tm) - (sign == '-' ? -offset : offset);
    return at * 1000 + ms;
}

bool text_is_plain(const char *s, size_t max)
{
    if (!s || !*s)
        return false;
    size_t len = 0;
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f || ++len > max)
            return false;
    return true;
}

bool text_is_number(const char *s)
{
    if (!text_is_plain(s, 80))
        return false;
    for (; *s; s++)
        if (!is_alnum((unsigned char)*s) && !strchr("+*#_.-", *s))
            return false;
    return true;
}

bool text_is_variable(const char *s)
{
    if (!text_is_plain(s, 80) || (*s >= '0' && *s <= '9'))
        return false;
    for (; *s; s++)
        if (!is_alnum((unsigned char)*s) && *s != '_')
            return false;
    return true;
}

bool text_is_file(const char *s)
{
    if (!text_is_plain(s, 200) || *s == '/')
        return false;
    for (const char *piece = s; piece; piece = strchr(piece, '/')) {
        piece += *piece == '/';
        if (strncmp(piece, "..", 2) == 0 && (piece[2] == '/' || !piece[2]))
            return false;
    }
    return true;
}

bool text_is_uuid(const char *s)
{
    if (strlen(s) != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (s[i] == '-') || (!dash && !strchr("0123456789abcdefABCDEF", s[i])))
            return false;
    }
    return true;
}

bool text_is_recording(const char *s)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._+@=/";
    return text_is_file(s) && strlen(s) <= 200 && !s[strspn(s, allowed)] && *s != '-' && *s != '.';
}

bool text_is_address(const char *s)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789/_.-:[]";
    size_t scheme = !s                               ? 0
                    : strncmp(s, "http://", 7) == 0  ? 7
                    : strncmp(s, "https://", 8) == 0 ? 8
                                                     : 0;
    return scheme && s[scheme] && s[scheme] != '/' && strlen(s) <= 400 && !strstr(s, "..") &&
           !s[strspn(s, allowed)];
}

bool text_is_media(const char *s)
{
    static const char *const kinds[] = {
        "sound:", "recording:", "number:", "digits:", "characters:", "tone:"};
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789/_.+*#=;,-";
    for (size_t i = 0; s && i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(kinds[i]);
        const char *name = s + len;
        if (strncmp(s, kinds[i], len) == 0)
            return (i == 0 && text_is_address(name)) ||
                   (*name && *name != '/' && strlen(name) <= 200 && !strstr(name, "..") &&
                    !name[strspn(name, allowed)]);
    }
    return false;
}
