/* auth_settings.h - the section [auth] beyond its types. */
#ifndef AUTH_AUTH_SETTINGS_H
#define AUTH_AUTH_SETTINGS_H

#include <jansson.h>

#include "plug/settings.h"

json_t *auth_chain_names(const struct settings *settings); /* a new array, or NULL */

#endif
