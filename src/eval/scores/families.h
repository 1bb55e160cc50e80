/* families.h - the families of scores, a file each in this folder. */
#ifndef PLEAT_EVAL_SCORES_FAMILIES_H
#define PLEAT_EVAL_SCORES_FAMILIES_H

#include "pleat/metrics.h"

extern const pleat_score_family pleat_scores_overlap, pleat_scores_volume, pleat_scores_surface,
    pleat_scores_lesions;

#endif /* PLEAT_EVAL_SCORES_FAMILIES_H */
