/* assets.h - the pages under /docs and /redoc, as they lie in the program.
 *
 * The table is made at build time (embed.cmake) from the files of this folder
 * and from the npm packages that package-lock.json pins. Every body is kept
 * compressed; a client that does not take gzip gets it inflated by the server.
 */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include <stddef.h>

struct web_asset {
    const char *path; /* as requested, "/docs/swagger-ui.css" */
    const char *type; /* value of Content-Type */
    const char *etag; /* with its quotes; differs when the plain body differs */
    const unsigned char *gzip;
    size_t gzip_len;
    size_t plain_len;
};

/* Ends with an entry whose path is NULL. */
extern const struct web_asset web_assets[];

#endif
