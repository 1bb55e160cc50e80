/*
 * classes.h - the classes of a label map: names, and the labels that files have for them.
 *
 *   "background, left lung, tumour"          labels 0, 1, 2
 *   "background, liver=5, tumour=7"          labels with gaps
 *   "background, tumour, ignore=9"           voxels labelled 9 count for nothing
 *   "background, whole=1+2+3:1, core=2+3:2, active=3:3"
 *                                            regions: sets of labels that may overlap; a voxel that
 *                                            is predicted to be in one gets the label behind ':',
 *                                            of several that of the last
 *
 * Class 0 is the background, label 0. Inside, in store and network, class c is label c whatever the
 * files say, or, of regions, the labels of the files are numbered from 0 in ascending order.
 *
 * A list of no names means that the classes are not known. layout.h reads one from the dataset.json
 * of MSD and nnU-Net.
 */
#ifndef PLEAT_CLASSES_H
#define PLEAT_CLASSES_H

#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_CLASSES_BYTES 4096 /* of a list as text, its last 0 included */
#define PLEAT_MAX_REGIONS   32

typedef struct pleat_classes {
    int n;             /* 0 .. PLEAT_MAX_CLASSES */
    const char **name; /* [n] and the names behind it: one block, owned; NULL when n is 0 */
    uint8_t value[PLEAT_MAX_CLASSES]; /* [n] the files' label of a class; what a region writes */
    int ignore;                       /* the files' label that counts for nothing; 0: none */
    int of_regions;                   /* classes 1 .. n-1 are regions */
    uint32_t regions[256];            /* by the files' label: bit c-1 says that it is in class c */
} pleat_classes;

/* How the labels of files are numbered inside: label value[i] is i, `ignore` is PLEAT_IGNORED. */
typedef struct pleat_labels {
    int n; /* 0: as they are */
    uint8_t value[PLEAT_MAX_CLASSES];
    int ignore; /* 0: none */
} pleat_labels;

/* Classes between commas, without the blanks around them; none in an empty or blank text. ERR_ARG:
 * a name is empty or comes twice, there are more than PLEAT_MAX_CLASSES, or the labels cannot be
 * so: two classes of one, a background that is not 0, one to ignore that is not the highest. Freed
 * by the caller. */
pleat_status pleat_classes_parse(const char *text, pleat_classes *out);

/* A list of name[n] as they are: of other files, with blanks and commas; labels 0 .. n-1. ERR_ARG:
 * a name is not UTF-8 or has a control character. ERR_MEMORY. */
pleat_status pleat_classes_make(const char *const *name, int n, pleat_classes *out);

/* ERR_ARG, after `where`, when the labels cannot be so: as pleat_classes_parse says. */
pleat_status pleat_classes_check(const char *where, const pleat_classes *classes);

/* ERR_ARG, after `where`, when predictions could not show all regions: two write one label, or all
 * labels of one lie in later ones, so that none of its voxels keeps what it writes. */
pleat_status pleat_classes_check_written(const char *where, const pleat_classes *classes);

/* 0 where a voxel that is predicted as the truth has it would be read back as in other regions:
 * none writes what stands for these. Then out[size] says which. */
int pleat_classes_read_back(const pleat_classes *classes, char *out, size_t size);

pleat_status pleat_classes_copy(const pleat_classes *classes, pleat_classes *out);

/* "a,b=5,c", which pleat_classes_parse reads back. ERR_ARG when a name has a comma or '=' or it
 * does not fit into out[size]. */
pleat_status pleat_classes_text(const pleat_classes *classes, char *out, size_t size);

void pleat_classes_free(pleat_classes *classes); /* an empty one may be freed again */

void pleat_labels_of(const pleat_classes *classes, pleat_labels *out);
/* Whether a voxel of the files' label is of class c, 0 .. n-1. */
int pleat_classes_has(const pleat_classes *classes, int c, int label);
/* The member `regions`, but by the labels inside. */
void pleat_classes_regions(const pleat_classes *classes, uint32_t out[256]);

/* data[n]: labels of a file become those inside. n, or the first voxel whose label is none of them,
 * before which all are changed. */
size_t pleat_labels_enter(const pleat_labels *labels, size_t n, uint8_t *data);
/* data[n]: labels inside become those of files. */
void pleat_labels_leave(const pleat_labels *labels, size_t n, uint8_t *data);

/* "0,5,7,ignore 9", "" of labels as they are; 0 when it does not fit. Its inverse; 0 for another
 * text. */
int pleat_labels_text(const pleat_labels *labels, char *out, size_t size);
int pleat_labels_parse(const char *text, pleat_labels *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CLASSES_H */
