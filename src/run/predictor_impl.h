/* predictor_impl.h - what a predictor is made of: predictor.c opens it, blend.c averages. */
#ifndef PLEAT_PREDICTOR_IMPL_H
#define PLEAT_PREDICTOR_IMPL_H

#include "pleat/predictor.h"

/* Models of one network and preprocessing that predict alike: they see the same image, cut into the
 * same patches, which are merged by the same rule. */
typedef struct pleat_kind {
    pleat_config config;
    pleat_prep_config prep;
    pleat_network network;
    const uint8_t *writes; /* of pleat_predict_config */
    char network_text[PLEAT_NETWORK_TEXT], preprocessing[2048];
    int n;
    pleat_model **models; /* [n] */
    pleat_net **nets;
} pleat_kind;

struct pleat_predictor {
    pleat_engine *engine;              /* not owned */
    char classes[PLEAT_CLASSES_BYTES]; /* of all models; and as they are in the store: */
    int of_regions;
    uint32_t regions[256];
    uint8_t writes[PLEAT_MAX_REGIONS]; /* a region's label */
    int kinds, models;
    int one_grid; /* all models have the same preprocessing */
    pleat_kind **kind;
};

/* How a kind cuts and merges. */
pleat_predict_config pleat_kind_predicts(const pleat_kind *kind);

/* Bytes a voxel, beside the image, that pleat_blend_case takes on the grid of the models and on the
 * native one. */
void pleat_blend_needs(const pleat_predictor *p, int wants, int *stored, int *native);

/* The case by all models, with what `wants` of pleat/predictor.h says: their mean probabilities. */
pleat_status pleat_blend_case(const pleat_predictor *p, const pleat_case_paths *paths, int wants,
                              pleat_prediction *out, pleat_geometry *native);

/* An image as a kind sees it. */
typedef struct pleat_seen {
    pleat_image image;
    pleat_histogram *histograms; /* [C]: their minima may become padding */
    pleat_source source;         /* of both */
} pleat_seen;

pleat_status pleat_seen_load(const pleat_kind *kind, const pleat_case_paths *paths, pleat_seen *out,
                             pleat_geometry *native);
void pleat_seen_free(pleat_seen *seen); /* an empty one too */

#endif /* PLEAT_PREDICTOR_IMPL_H */
