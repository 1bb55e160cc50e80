/*
 * predict.h - a whole volume through one or several models.
 *
 *   grid of patches, mirrored ones too -> softmax of each model -> merged with the grid's weights,
 *   mirrors and models averaged -> argmax -> labels on the grid of the stored (preprocessed) volume
 *
 * The way back to the native grid is pleat_prep_unresample's.
 */
#ifndef PLEAT_PREDICT_H
#define PLEAT_PREDICT_H

#include "pleat/augment.h"
#include "pleat/net.h"
#include "pleat/volume.h"
#include "pleat/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_predict_config {
    int patch[3], overlap[3]; /* voxels, D, H, W; the nets' patch */
    int batch;                /* the nets' batch */
    pleat_merge merge;
    int mirror; /* axes, as window.h has them: each patch is also seen mirrored along every choice
                      of these, and the mean of all counts; 0: as it is */
    pleat_pad pad; /* of volumes smaller than the patch; as in training */
    int classes;
    const uint8_t *writes; /* [classes]: they are regions, more likely than not, and these are their
                              labels, as pleat_region_labels has them; NULL: argmax */
} pleat_predict_config;

/* labels [D,H,W] of source->dim. The nets share an engine, and the patch and batch of `config`. On
 * a GPU the sum is in its memory where that is enough (pleat/device.h). ERR_NUMERIC when a
 * probability is not finite; in a GPU's memory only the first window is looked at. Not
 * collective. */
pleat_status pleat_predict_volume(const pleat_predict_config *config, pleat_net *const *nets,
                                  int n_nets, const pleat_source *source, uint8_t *labels);

/* The same up to argmax: the mean probabilities, *out [D,H,W,K], freed by the caller. */
pleat_status pleat_predict_probabilities(const pleat_predict_config *config, pleat_net *const *nets,
                                         int n_nets, const pleat_source *source, float **out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PREDICT_H */
