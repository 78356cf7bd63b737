/* The answer to the WebSocket upgrade, in one piece and cut in two: the verdict is the same, and
 * only the right Sec-WebSocket-Accept opens the socket. */
#include <stdlib.h>
#include <string.h>

#include "../../plugins/ari/upgrade.c"
#include "asterisk/text.h"
#include "fuzz.h"

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct upgrade_answer whole, half;
    const char *buf = (const char *)bytes;
    enum upgrade_result r = upgrade_read(&whole, buf, len, ACCEPT);
    if (r == UPGRADE_DONE && (whole.status != 101 || whole.head_len > len || whole.head_len < 4 ||
                              !memmem(buf, whole.head_len, ACCEPT, strlen(ACCEPT))))
        abort();
    if ((r == UPGRADE_REFUSED) != (whole.why[0] != '\0'))
        abort();
    enum upgrade_result first = upgrade_read(&half, buf, len / 2, ACCEPT);
    if (first == UPGRADE_DONE && (r != UPGRADE_DONE || half.head_len != whole.head_len))
        abort();
    if (first == UPGRADE_REFUSED && r != UPGRADE_REFUSED)
        abort();
    struct text t = {0};
    char *text = strndup(buf, len);
    text_encoded(&t, text);
    if (t.at && strpbrk(t.at, "/?#&=+ \r\n"))
        abort();
    text_time_ms(text);
    text_is_file(text);
    free(text);
    text_free(&t);
    return 0;
}
