/* h2o_lib.h - the only way by which H2O's headers come in.
 *
 * The library is built with its own event loop. Its headers do not know that:
 * compiled with the wrong value, structures silently have other layouts. What
 * the preprocessor can see is checked here, the rest when a thread starts.
 */
#ifndef HTTP_H2O_LIB_H
#define HTTP_H2O_LIB_H

#if !defined(H2O_USE_LIBUV) || H2O_USE_LIBUV
#error "compile with -DH2O_USE_LIBUV=0: the program links libh2o-evloop"
#endif

#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>

#endif
