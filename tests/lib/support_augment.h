/*
 * support_augment.h - a case and a list of samples, for tests that hold another augmentation to
 * pleat_augment_patch.
 */
#ifndef PLEAT_TESTS_SUPPORT_AUGMENT_H
#define PLEAT_TESTS_SUPPORT_AUGMENT_H

#include "pleat/augment.h"

enum {
    SUPPORT_SAMPLE_KINDS = 14, /* of the original */
    SUPPORT_ALL_KINDS = 20     /* and of nnU-Net's augmentation */
};

typedef struct support_case {
    pleat_source source;        /* of the memory below */
    float *image;               /* [C, dim]: waves, noise and clipped ends, about -1.5 .. 2.5 */
    uint8_t *label;             /* [dim]: four classes */
    pleat_histogram *histogram; /* [C] */
} support_case;

/* NULL without memory. */
support_case *support_case_make(const int dim[3], int channels);
void support_case_free(support_case *c);

/* Sample number `draw` of one kind: a transform alone, mirrored too, or many at once. Returns what
 * kind it is, in words. */
const char *support_sample(int kind, int draw, const int dim[3], const int patch[3],
                           pleat_sample *out);

/* The largest difference of two patches [n, C] of one sample, and how many values differ by more
 * than `tolerance`, voxels in the label. */
typedef struct support_difference {
    double largest;
    size_t off, off_label;
} support_difference;

support_difference support_compare(size_t n, int channels, double tolerance, const float *image,
                                   const uint8_t *label, const float *expected,
                                   const uint8_t *expected_label);

#endif /* PLEAT_TESTS_SUPPORT_AUGMENT_H */
