/*
 * postprocessing.h - the post-processing that a run has chosen on its cross-validation.
 *
 *   RUN/postprocessing.json   which largest components are kept (largest.h), the Dice of each class
 *                             as predicted and with them, and of which scores that is
 *
 * Chosen when all folds have scores: at the end of `run`, or by `report`; `predict` applies it.
 */
#ifndef PLEAT_POSTPROCESSING_H
#define PLEAT_POSTPROCESSING_H

#include "pleat/comm.h"
#include "pleat/largest.h"
#include "pleat/score.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Collective. Writes the file anew, unless it is of the scores that the run has now: pairs[n] are
 * all its predictions, which are put in order and shared out over the ranks. Where one cannot be
 * read there will be no file, and the log says why; nor of classes that are regions, which overlap.
 * ERR_MEMORY, ERR_IO. */
pleat_status pleat_postprocessing_choose(pleat_comm *comm, const char *run,
                                         const pleat_classes *classes, pleat_map_pair *pairs,
                                         int n);

typedef struct pleat_postprocessing { /* as the file has it */
    pleat_largest_choice choice;
    uint8_t label[PLEAT_MAX_CLASSES]; /* that files have of a class */
} pleat_postprocessing;

/* What the run has chosen; *found 0 and nothing kept where it has chosen nothing yet. ERR_FORMAT:
 * the file was changed; ERR_DATA: it is of other scores than the run has now. */
pleat_status pleat_postprocessing_read(const char *run, pleat_postprocessing *out, int *found);
/* The same for label maps with the labels of files: of_class[] of these. */
pleat_largest pleat_postprocessing_of_files(const pleat_postprocessing *p);

/* "the largest component of the foreground, then of lung_L, infection"; "none". Returns `text`. */
const char *pleat_postprocessing_text(const pleat_largest *kept, const pleat_classes *classes,
                                      char *text, size_t size);

/* A line about it, with both scores; nothing where nothing was chosen yet. */
pleat_status pleat_postprocessing_print(FILE *out, const char *run, const pleat_classes *classes);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_POSTPROCESSING_H */
