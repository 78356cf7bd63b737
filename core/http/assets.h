/* assets.h - the files that lie in the program (web/assets.h), as answers. */
#ifndef HTTP_ASSETS_H
#define HTTP_ASSETS_H

#include "http/request.h"

/* 200 with the file, 304 when the client has it, 404 when there is none of this path. */
void assets_reply(struct request *req, const char *path);

#endif
