/* pattern.h - names with a star in them: "users/" and a star. [pure; any thread]
 *
 * A star stands for any run of characters, an empty one and slashes included;
 * everything else for itself. Takes time proportional to pattern times text at
 * most, whatever they hold.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the pattern stands for the whole text. A star in the text is matched
 * by stars alone, so `text` may be a pattern too: then this says whether it
 * stands for nothing that `pattern` does not stand for. */
bool pattern_covers(const char *pattern, const char *text, size_t len);

#endif
