/* Menus from anywhere: what is accepted can be written and read again, checked and walked, and a
 * session ends. The input is keys, a line break, and a list of menus. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "domain/ivr_check.h"
#include "domain/ivr_simulate.h"
#include "fuzz.h"

static void add(struct ivr_book *book, size_t index, const json_t *doc)
{
    static const char *const ids[] = {"1", "2", "3", "4", "5", "6", "7", "8"};
    struct ivr_menu *m = ivr_menu_read(ids[index], 1, doc);
    struct buf one, two;
    if (!m)
        return;
    buf_init(&one, BUF_MAX);
    buf_init(&two, BUF_MAX);
    ivr_menu_write(m, &one);
    json_t *again = json_parse(one.ptr, one.len, 16, NULL);
    struct ivr_menu *copy = ivr_menu_read(ids[index], 1, again);
    if (!copy)
        abort();
    ivr_menu_write(copy, &two);
    if (strcmp(one.ptr, two.ptr) != 0)
        abort();
    ivr_menu_free(copy);
    json_decref(again);
    buf_free(&one);
    buf_free(&two);
    ivr_book_add(book, m);
}

static void walk(struct ivr_book *book, const char *keys)
{
    struct ivr_session s;
    ivr_simulate(&s, book, 1, keys);
    for (unsigned i = 0; s.state != IVR_OVER; i++) {
        struct ivr_commands out;
        bool talks = s.state == IVR_CONNECTING || s.state == IVR_CONNECTED;
        const struct ivr_event ev = {.type = talks ? IVR_EV_PARTED : IVR_EV_TIMER,
                                     .number = talks ? s.number : s.timer};
        ivr_step(&s, &ev, &out);
        if (i > 5000)
            abort();
    }
    ivr_session_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const uint8_t *line = memchr(bytes, '\n', len);
    size_t i, key_len = line ? (size_t)(line - bytes) : 0;
    json_t *one;
    if (!line || key_len > IVR_SIMULATE_KEYS_MAX)
        return 0;
    char *keys = xstrndup((const char *)bytes, key_len);
    json_t *list = json_parse((const char *)line + 1, len - key_len - 1, 16, NULL);
    struct ivr_book *book = ivr_book_new();
    json_array_foreach(list, i, one)
    {
        if (i < 8)
            add(book, i, one);
    }
    const struct ivr_check check = {.book = book};
    struct ivr_findings found;
    ivr_check(&check, &found);
    ivr_findings_clear(&found);
    if (strlen(keys) == key_len && !ivr_simulate_refusal(keys))
        walk(book, keys);
    ivr_book_unref(book);
    json_decref(list);
    free(keys);
    return 0;
}
