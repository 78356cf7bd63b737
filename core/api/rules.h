/* rules.h - what the texts of requests may hold, beyond their length: for
 * `rule` and `pattern` of fields (check.h). */
#ifndef API_RULES_H
#define API_RULES_H

#define NUMBER_PATTERN    "^[+]?[0-9]+$"
#define CONTEXT_PATTERN   "^[a-zA-Z0-9_-]+$"
#define EXTENSION_PATTERN "^[a-zA-Z0-9_.+*#-]+$"
#define DIGITS_PATTERN    "^[0-9A-D*#]+$"
#define WORD_PATTERN      "^[a-z0-9]+$"
#define VARIABLE_PATTERN  "^[A-Za-z_][A-Za-z0-9_]*$"
#define MEDIA_PATTERN                                                                              \
    "^(sound:[A-Za-z0-9_/.-]+|number:[0-9]+|digits:[0-9A-D*#]+|tone:[A-Za-z0-9_-]+)$"
#define ENDPOINT_PATTERN "^(PJSIP|SIP|IAX2|DAHDI|Local)/[A-Za-z0-9_.+*#-]+(@[A-Za-z0-9_.-]+)?$"

/* NULL: fine; else why not. */
const char *rule_number(const char *name, const char *value); /* and 7 to 20 characters */
const char *rule_context(const char *name, const char *value);
const char *rule_extension(const char *name, const char *value);
const char *rule_printable(const char *name, const char *value); /* no control characters */
const char *rule_digits(const char *name, const char *value);
const char *rule_word(const char *name, const char *value);
/* "sound:NAME", "number:N", "digits:D", "tone:NAME"; a sound's name does not climb. */
const char *rule_media(const char *name, const char *value);
/* What rings: "PJSIP/100", "PJSIP/100@trunk". */
const char *rule_endpoint(const char *name, const char *value);
/* A variable to be read; one to be set, with its value. */
const char *rule_variable_name(const char *field, const char *name);
const char *rule_variable(const char *name, const char *value);

#endif
