/*
 * trained_on.h - how the volumes lay that a run was trained on, for who labels others by it.
 *
 * A model knows voxels and not millimetres: where preprocessing does not bring all volumes to one
 * spacing or one orientation, those to be labelled must be like those it has learnt. A run's store
 * knows these; a checkpoint alone does not.
 */
#ifndef PLEAT_TRAINED_ON_H
#define PLEAT_TRAINED_ON_H

#include "pleat/layout.h"
#include "pleat/prep.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_TRAINED_AXES 48 /* ways in which three axes can lead */

typedef struct pleat_trained_on {
    int cases;                        /* 0: nothing is known */
    double least[3], most[3];         /* mm, D, H, W: of their spacings after `orient` */
    char axes[PLEAT_TRAINED_AXES][4]; /* [n_axes] as files have them: "RAS", ... */
    int n_axes;
} pleat_trained_on;

/* Adds the cases in the store of `run`; nothing where it is not there, or of another version. */
void pleat_trained_on_add(const char *run, pleat_trained_on *to);
/* Warns where the case's image has other axes and `orient` is none, or a spacing that is more than
 * half as large again as any of these, or as much smaller, and `resample` is none. */
void pleat_trained_on_tell(const pleat_trained_on *on, const pleat_prep_config *prep,
                           const pleat_case_paths *paths);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_TRAINED_ON_H */
