/*
 * methods.h - RUN/methods.md: what a paper says of a run, from its own configuration and versions.
 *
 * A paragraph of methods, in the public domain, and the items of CLAIM, TRIPOD+AI and Metrics
 * Reloaded: what the run knows of each, else "for the authors".
 */
#ifndef PLEAT_RUN_METHODS_H
#define PLEAT_RUN_METHODS_H

#include "pleat/crossval.h"

#include <stdio.h>

typedef struct pleat_methods { /* what both parts know */
    const pleat_record *record;
    const pleat_config *config;
    const pleat_results *results;
    int cases, missed, spurious; /* classes of cases that the prediction lacks, or has too much */
    size_t params;               /* of the network; 0: not known */
    int heads;                   /* of it that guide training, the main one included */
    char kept[1024];             /* the largest components that predict keeps; "": all */
} pleat_methods;

/* ERR_IO, ERR_MEMORY. */
pleat_status pleat_methods_write(const char *folder, const pleat_record *record,
                                 const pleat_config *config, const pleat_results *results);

/* The tables of items. checklists.c */
void pleat_checklists_print(FILE *out, const pleat_methods *m);

#endif /* PLEAT_RUN_METHODS_H */
