/* cors.h - whether a page of another origin may read our answers. [pure] */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

enum cors {
    CORS_NONE,    /* the request has no Origin */
    CORS_ANY,     /* every origin may */
    CORS_LISTED,  /* this one may: it is echoed */
    CORS_REFUSED, /* it may not */
};

/* `allowed` ends with NULL; "*" allows any. `origin`: the header's value, NULL: absent. */
enum cors cors_judge(const char *const *allowed, const char *origin);

#endif
