/* check_impl.h - what src/run/check*.c share: kinds, findings, and what is known of a case. */
#ifndef PLEAT_CHECK_IMPL_H
#define PLEAT_CHECK_IMPL_H

#include "pleat/cases.h"
#include "pleat/check.h"

/* Rows of pleat_check_kinds, in its order. */
typedef enum check_id {
    CHECK_DATA,
    CHECK_FILES,
    CHECK_PASSED,
    CHECK_NO_LABELS,
    CHECK_HEADER,
    CHECK_SHAPE,
    CHECK_PLACE,
    CHECK_OFF_PLACE,
    CHECK_FORMS,
    CHECK_PIXDIM,
    CHECK_SHEARED,
    CHECK_LEFT_HANDED,
    CHECK_SPACING,
    CHECK_FLAT,
    CHECK_PREPARE,
    CHECK_DOUBT,
    CHECK_DAMAGED,
    CHECK_LEFT_OVER,
    CHECK_NOT_FINITE,
    CHECK_MASK_LIKE,
    CHECK_CONSTANT,
    CHECK_PADDING,
    CHECK_LABEL_VALUE,
    CHECK_LABEL_RANGE,
    CHECK_LABEL,
    CHECK_EMPTY,
    CHECK_FULL,
    CHECK_CHANNELS,
    CHECK_NAMES,
    CHECK_ORIENTATION,
    CHECK_SPACINGS,
    CHECK_INTENSITY,
    CHECK_INTENSITIES,
    CHECK_FLIPPED,
    CHECK_MASK_TURNED,
    CHECK_MASK_ELSE,
    CHECK_RELABELLED,
    CHECK_UNLIKE,
    CHECK_SHUFFLED,
    CHECK_BLANK,
    CHECK_TWINS,
    CHECK_RATED_TWICE,
    CHECK_ALIKE,
    CHECK_PART,
    CHECK_SAME_MASK,
    CHECK_PATIENT,
    CHECK_GAP,
    CHECK_ABSENT,
    CHECK_PATCH,
    CHECK_REGIONS,
    CHECK_BEGINNING,
    CHECK_IDLE,
    CHECK_CONFIG,
    CHECK_KINDS /* how many there are */
} check_id;

enum { CHECK_SIDE = 8 }; /* cells of a coarse picture along an axis */
enum { CHECK_SAMPLES = 64 };
enum { CHECK_CELLS = CHECK_SIDE * CHECK_SIDE * CHECK_SIDE };

/* Of one case, for the comparison with the others. Plain bytes: ranks send it. */
typedef struct check_facts {
    int at;
    int readable; /* its headers */
    int measured; /* the voxels of its image */
    int counted;  /* the labels of its mask */
    int channels;
    pleat_geometry image;
    char axes[4];  /* "RAS": where x, y, z lead */
    char type[16]; /* of the voxels of its first file, "int16" */
    /* What its voxels show; where only headers are read none of it is kept (check.c). */
    float low[PLEAT_MAX_CHANNELS], high[PLEAT_MAX_CHANNELS];
    uint64_t image_content, mask_content;
    int64_t count[256]; /* voxels of a label of the file */
    int from[3], to[3]; /* the box: planes from .. to - 1 along D, H, W, without padding */
    /* Share of the foreground's voxels that lie in each cell of the box [z, y, x]. */
    float coarse[CHECK_CELLS];
    float picture[CHECK_CELLS]; /* mean of the first channel in each cell of the volume, alike */
    float inner[CHECK_CELLS];   /* the same of the box */
    /* Where a label lies on average: 0 at the left of the box, 1 at the right, and from back to
     * front, and up; NaN: unknown. */
    float place[256][3];
    /* Of the first channel in a label, by the image's deviation: its mean less the image's, and the
     * logarithm of its deviation: of the mask, and of the mask mirrored along D, H, W; NaN: few. */
    float mean[256], spread[256], turned[3][256];
    float order[3];                 /* of the slices along D, H, W: check_slices.c; NaN: unknown */
    int blank_from[3], blank[3];    /* the longest run of slices of one value each */
    uint64_t sample[CHECK_SAMPLES]; /* ascending: check_samples.c */
    int samples;
} check_facts;

struct check_work;

/* Who else looks at the volumes while they are in memory, so that they are read once. */
typedef struct check_guest {
    const char *name; /* of the progress */
    void *self;
    /* The image of a file, whose channels are `first` and so on of case facts->at, each with
     * different values or not, and its mask; NULL: it has none of the image's size. */
    pleat_status (*image)(void *self, const struct check_work *w, const check_facts *facts,
                          int first, const pleat_image *image, const pleat_label *mask);
    /* Collective, once all cases have been looked at: facts[w->n] in their order on rank 0. */
    pleat_status (*all)(void *self, const struct check_work *w, pleat_comm *comm,
                        const check_facts *facts);
} check_guest;

typedef struct check_work {
    const check_guest *guest; /* or NULL */
    pleat_status failed;      /* of this rank: the guest, or a wish to halt */
    const pleat_config *config;
    const pleat_check_how *how;
    const pleat_case_paths *cases; /* [n] */
    int n;
    const pleat_classes *classes; /* n 0: not known */
    pleat_finding *found;         /* [n_found], owned */
    int n_found, no_memory;
    int taken; /* warnings that are findings already */
} check_work;

/* Adds a finding. `field` is a path or a key; a text that begins with the case's name loses it. */
void check_find(check_work *w, check_id kind, int at, const char *field, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Makes findings of what was warned of since. */
void check_take_warnings(check_work *w, check_id kind, int at, const char *field);

/* check.c: a wish to halt (pleat/halt.h) that comes within `reserve_s` seconds, as a failure.
 * ERR_ARG for the end of the time: to start again would not help. */
pleat_status check_halt(const check_work *w, double reserve_s);
/* check.c: pleat_check with a guest. ERR_MEMORY, ERR_COMM, ERR_PEER, and the guest's errors. */
pleat_status check_with(pleat_comm *comm, const pleat_config *config, const pleat_check_how *how,
                        const check_guest *guest, pleat_check_report *out);

/* check_place.c: where voxels lie. */

/* The most that a corner of a grid moves from one affine to another, in mm. */
double check_moved(const int dim[3], const double from[3][4], const double to[3][4]);
/* Whether the axes of m are left-handed. */
int check_left_handed(const double m[3][4]);
/* What explains that a mask is of another size, or lies elsewhere, than its image: ": ..." or "".
 */
void check_explain_shape(const pleat_geometry *image, const pleat_geometry *mask, char out[256]);
void check_explain_place(const pleat_geometry *image, const pleat_geometry *mask, char out[256]);

/* check_case.c: by the headers of case `at`; by its voxels. */
void check_headers(check_work *w, int at, check_facts *facts);
void check_voxels(check_work *w, int at, check_facts *facts);
/* Voxels of the mask that count for nothing. */
int64_t check_ignored(const check_work *w, const check_facts *facts);

/* check_picture.c: by coarse pictures of the first channel. */

/* How far apart the cells of a file's axes D, H, W lie in a picture, whose axes x, y, z lead to R,
 * A, S; and which lead back. */
void check_cells(const char axes[4], int stride[3], int back[3]);
/* Of the planes from .. to - 1 of x[dim], whose axes are known. */
void check_picture(const float *x, const int dim[3], const int from[3], const int to[3],
                   const char axes[4], float out[CHECK_CELLS]);
/* The cell that lies opposite along an axis of the body: 1 back to front, 2 up. */
int check_opposite(int cell, int axis);
/* Whether the box has so many slices along the axis of the body that cells have one at least. */
int check_is_deep(const check_facts *facts, int axis);
/* Whether n distances from the middle, `least` to `most`, are too much alike to be those of what
 * lies there by chance, in one of so many tests. */
int check_is_no_chance(double least, double most, int n, int tests);
/* mirrored[w->n] along such an axis, against most of the *seen cases; returns how many. */
int check_mirrored(check_work *w, const check_facts *facts, int axis, int *mirrored, int *seen);
/* Finds those that look like no other. */
void check_unlike(check_work *w, const check_facts *facts);
/* Pearson's correlation of b and a, which is mirrored along such an axis; 0: as it is. */
double check_alike(const float *a, const double *b, int axis);
/* A coarser picture still: whether two cases may be alike at all, in nanoseconds. */
typedef struct check_sketch {
    float coarse[8], fine[64];
} check_sketch;
void check_sketch_make(const float *picture, check_sketch *out);
int check_may_be_alike(const check_sketch *a, const check_sketch *b);
/* Whether two cases seem to be one volume, perhaps on another grid. */
int check_one_volume(const check_facts *a, const check_facts *b);

/* check_box.c: the box of x[dim], which is all of it so far; 0: no memory. */
int check_box(const float *x, const int dim[3], check_facts *facts);

/* check_slices.c: of x[dim]; 0: no memory. And against the other cases. */
int check_slices(const float *x, const int dim[3], check_facts *facts);
void check_slices_all(check_work *w, const check_facts *facts);

/* check_samples.c: of x[dim]; and how many samples two cases have in common. */
void check_sample(const float *x, const int dim[3], check_facts *facts);
int check_in_common(const check_facts *a, const check_facts *b);

/* check_twins.c */

/* Two cases that share a sample, an image or a mask. */
typedef struct check_pair {
    int at, other; /* other < at */
} check_pair;
/* (*pairs)[*n_pairs] of facts[n], each once, by `at`, then by `other`: owned. What many cases share
 * pairs each of them with the first CHECK_SHARE, so there are no more pairs than things that are
 * shared, times that. 0: no memory. */
enum { CHECK_SHARE = 8 };
int check_pairs(const check_facts *facts, int n, check_pair **pairs, size_t *n_pairs);
/* Finds cases that are there twice, or in part; facts[w->n]. */
void check_twins(check_work *w, const check_facts *facts);

/* check_fit.c: of the image x and its mask, of one size, after their labels are counted. */
void check_inside(const float *x, const pleat_label *mask, check_facts *facts);
/* Finds masks that are another's or mirrored, and labels that are another's. */
void check_fit(check_work *w, const check_facts *facts);

/* check.c: whether a case has a finding of that kind. */
int check_has(const check_work *w, check_id kind, int at);
/* check.c: takes such findings of a case away, as one has come that says more. */
void check_drop(check_work *w, check_id kind, int at);

/* check_all.c: whether the table of cases has two of them in one group. */
int check_one_group(const check_work *w, int a, int b);
/* check_all.c: what all cases together show; facts[n] in their order. */
void check_all(check_work *w, const check_facts *facts);
/* check_sides.c: cases whose left and right are exchanged. */
void check_sides(check_work *w, const check_facts *facts);
/* The table of classes. ERR_MEMORY. */
pleat_status check_classes(check_work *w, const check_facts *facts, pleat_check_report *out);

#endif /* PLEAT_CHECK_IMPL_H */
