/*
 * labellers.h - which of the models label each volume, and in which order volumes are labelled.
 *
 * All models label all volumes, as they come; or, held out, each volume is labelled by the models
 * that were not trained on it, and volumes of the same models come one after another: only these
 * models are in memory at a time, of a cross-validation one for each run.
 */
#ifndef PLEAT_APP_LABELLERS_H
#define PLEAT_APP_LABELLERS_H

#include "options.h"

#include "pleat/learnt.h"

typedef struct labellers {
    const text_list *models; /* not owned */
    int n;                   /* volumes */
    uint8_t *knows;          /* [n, models->n], pleat_knows; NULL: all label all */
    int *order;              /* [n]: the volumes, as they are to be labelled */
} labellers;

/* Collective; *out is the same on all ranks. held_out 0: nothing is looked at. Errors of
 * pleat_learnt_by_model. To be freed. */
pleat_status labellers_find(pleat_comm *comm, const text_list *models,
                            const pleat_case_paths *cases, int n, int held_out, labellers *out);
void labellers_free(labellers *l);

/* The volume that is labelled after `at` others. */
int labellers_volume(const labellers *l, int at);
/* The models of volume i. */
void labellers_of(const labellers *l, int i, text_list *out);
/* Whether volumes i and k have the same; -1 is none. */
int labellers_same(const labellers *l, int i, int k);

/* ERR_DATA where volume i has none, and why: all models were trained on it, or it could not be
 * compared with what they were; then errors of pleat_prep_content. */
pleat_status labellers_check(const labellers *l, int i, const pleat_case_paths *paths);

/* Held out: prints how many of the volumes that labelled[n] says were labelled by how many models.
 */
void labellers_print(const labellers *l, const double *labelled, const char *folder);

#endif /* PLEAT_APP_LABELLERS_H */
