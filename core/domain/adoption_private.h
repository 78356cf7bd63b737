/* adoption_private.h - what the files of the adoption share. */
#ifndef DOMAIN_ADOPTION_PRIVATE_H
#define DOMAIN_ADOPTION_PRIVATE_H

#include "base/list.h"
#include "domain/adoption.h"
#include "domain/calls_private.h"

#define ADOPTION_BACKENDS 16

struct adoption {
    struct adoption_config config;
    struct work *work;            /* under way; NULL: none */
    struct adoption_return *back; /* likewise: this gateway was taken for dead */
    char *after;                  /* the gateway that was looked at last */
    struct map *cleared;          /* name -> the run that has left nothing behind */
    struct link stand_ins;
    struct metric *adopted;
};

/* ---- adoption_stand_in.c: the events of calls that another gateway had placed ---- */
void adoption_stand_in(struct adoption *a, const char *node, struct instance *in);
void adoption_stand_ins(struct adoption *a); /* those that are needed no more are ended */
void adoption_stand_ins_free(struct adoption *a);

/* ---- adoption_return.c: what is still our own ---- */
void adoption_returned(struct adoption *a);
void adoption_return_end(struct adoption *a);

#endif
