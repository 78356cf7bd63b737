/* abi_version.h - the version of the plugin interface as text, "1.1". */
#ifndef ABI_VERSION_H
#define ABI_VERSION_H

#include "dialgate/plugin.h"

#define ABI_DIGITS_OF(number) #number
#define ABI_DIGITS(number)    ABI_DIGITS_OF(number)
#define ABI_VERSION           ABI_DIGITS(DG_ABI_MAJOR) "." ABI_DIGITS(DG_ABI_MINOR)

#endif
