/* nifti_guard.h - what src/io/nifti*.c share: checked headers and voxel types. */
#ifndef PLEAT_NIFTI_GUARD_H
#define PLEAT_NIFTI_GUARD_H

#include "pleat/nifti.h"

#define NIFTI1_BYTES   348 /* of a header; 4 more tell whether extensions follow */
#define NIFTI2_BYTES   540
#define NIFTI_BY_PLEAT "pleat" /* descrip of what we write */

typedef struct nifti_type {
    int code; /* NIFTI_TYPE_... */
    int bits;
    const char *name;
    void (*to_double)(const void *raw, size_t n, double *out); /* raw[n] in host order */
} nifti_type;

/* NULL when pleat does not read that type. */
const nifti_type *pleat_nifti_type(int code);

typedef struct nifti_head { /* a header that passed the guard */
    pleat_geometry geometry;
    pleat_nifti_info info; /* all but `compressed` */
    const nifti_type *type;
    int swapped;     /* the file's byte order is not this machine's */
    uint64_t offset; /* bytes before the first voxel */
    uint64_t bytes;  /* of all voxels of all channels */
} nifti_head;

/* 348 or 540: how long a header that begins with these 4 bytes is; 0 when it is no NIfTI. */
size_t pleat_nifti_header_bytes(const void *first);

/* Believes nothing: bytes[pleat_nifti_header_bytes] of file `path` to a head, or ERR_FORMAT naming
 * the field. */
pleat_status pleat_nifti_guard(const char *path, const void *bytes, nifti_head *out);

#endif /* PLEAT_NIFTI_GUARD_H */
