/*
 * judging.h - what a score leaves to be chosen, for each class.
 *
 *   surface    whose definition of surface distances (surface.h)
 *   tolerance  mm within which surfaces count as one (NSD), for each class
 *   lesions    the classes whose connected parts are counted as lesions, each found or not
 *   overlap    the share of a lesion that must be covered before it counts as found
 */
#ifndef PLEAT_JUDGING_H
#define PLEAT_JUDGING_H

#include "pleat/classes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_JUDGING_BYTES   4096 /* of pleat_judging_text */
#define PLEAT_LESIONS_OVERLAP 0.1  /* where nothing is said */

typedef struct pleat_judging {
    int surface;                         /* pleat_surface_definition */
    double tolerance[PLEAT_MAX_CLASSES]; /* mm */
    uint8_t lesions[PLEAT_MAX_CLASSES];  /* 1: counted */
    int any_lesions;
    double overlap; /* of 1 */
} pleat_judging;

/* `tolerance`: "1, tumour=2.5", a number for all classes and others by name, in any order; what is
 * not said is 1 mm, and 3 mm for a class named infection. `lesions`: names of classes between
 * commas. Both may be empty. ERR_ARG names what is no class or no number. */
pleat_status pleat_judging_make(const pleat_classes *classes, int surface, const char *tolerance,
                                const char *lesions, double overlap, pleat_judging *out);

/* The same in one line, by which two can be compared. Returns `out`. */
const char *pleat_judging_text(const pleat_judging *how, const pleat_classes *classes,
                               char out[PLEAT_JUDGING_BYTES]);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_JUDGING_H */
