/*
 * nifti.h - NIfTI volumes in and out.
 *
 * Nothing in a file is believed before it is checked: a truncated, damaged or lying file gives one
 * error that names file and field, never a crash, wrong voxels, or memory the file cannot fill.
 *
 * Read: NIfTI-1 and -2 in one file, plain or gzip whatever the name says, both byte orders,
 * integers of 8 to 64 bits and floats of 32 and 64, three dimensions, or four of an image whose
 * channels are the last one (further ones must be 1). A .hdr/.img pair, complex and colour voxels
 * are refused. Voxels are slope * stored + inter; slope 0 or NaN means unscaled. The affine is the
 * sform, else the qform, else pixdim (nifti1.h, "3D image (volume) orientation and location in
 * space"); spacing is the length of its columns in mm, so where pixdim disagrees the affine wins.
 * Beside an sform pixdim may be anything; without one a negative pixdim counts as its length, as
 * for nibabel and ITK, and zero is refused.
 *
 * Packed volumes of 4 MiB and more are unpacked by ISA-L, in half the time of zlib, which reads
 * the smaller ones, and again what ISA-L finds wrong. All that are written are packed by ISA-L.
 *
 * Written: NIfTI-1, plain for NAME.nii, gzip for NAME.nii.gz, to a temporary name first. Its
 * `descrip` is "pleat", by which a file of ours is known.
 *
 * Errors of all readers: ERR_NOT_FOUND, ERR_IO (cannot be opened or read), ERR_FORMAT (header or
 * stream is wrong), ERR_DATA (a voxel is wrong), ERR_MEMORY.
 */
#ifndef PLEAT_NIFTI_H
#define PLEAT_NIFTI_H

#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_nifti_info {
    char datatype[16];   /* "uint8" ... "float64" */
    int bits;            /* of one voxel: 8, 16, 32 or 64 */
    int version;         /* 1 or 2 */
    int big_endian;      /* 1 or 0 */
    int compressed;      /* 1 or 0 */
    double slope, inter; /* 1, 0 when unscaled */
    int channels;        /* dim[4] */
    size_t voxels;       /* of a channel */
    double pixdim[3];    /* x, y, z in mm as stored, be it a length or not */
    int by_pleat;        /* 1 where the header says that pleat has written the file */
} pleat_nifti_info;

/* The header alone; either result may be NULL. The size of the file is checked against it, but a
 * damaged compressed stream only shows when the voxels are read. */
pleat_status pleat_nifti_read_header(const char *path, pleat_geometry *geometry,
                                     pleat_nifti_info *info);

/* The affine of the qform, in mm, whether or not it is the one that is taken; qform_code > 0. */
void pleat_nifti_qform(const pleat_geometry *geometry, double affine[3][4]);

/* Warns in the log where the stored pixdim is not the spacing that is taken: names both. */
void pleat_nifti_tell_spacing(const char *path, const pleat_geometry *geometry,
                              const pleat_nifti_info *info);

/* Scaled voxels of all channels; `geometry` may be NULL. A NaN or infinite voxel is ERR_DATA. Warns
 * when a slice or more follows, as reading a label does. The caller frees `image`. */
pleat_status pleat_nifti_read_image(const char *path, pleat_image *image, pleat_geometry *geometry);

/* Scaled voxels of one channel (else ERR_FORMAT), which must be whole numbers 0..254 (within 1e-4,
 * for scaled ones), else ERR_DATA names value and voxel; `geometry` may be NULL. The caller frees
 * `label`. */
pleat_status pleat_nifti_read_label(const char *path, pleat_label *label, pleat_geometry *geometry);

/* A geometry for volumes that come from no file: axes along R, A, S, voxel 0 at the origin. */
void pleat_nifti_plain_geometry(const int dim[3], const double spacing[3], pleat_geometry *out);

/* uint8, intent NIFTI_INTENT_LABEL, with the sform, qform, codes, pixdim and units of `geometry`,
 * whose dim must be the label's (ERR_SHAPE). The path ends in .nii or .nii.gz (ERR_ARG). On failure
 * (ERR_IO) `path` is as before and nothing else is left. */
pleat_status pleat_nifti_write_label(const char *path, const pleat_label *label,
                                     const pleat_geometry *geometry);

/* The same with the labels' names as an extension of the header (label_table.h); NULL: none. */
pleat_status pleat_nifti_write_named(const char *path, const pleat_label *label,
                                     const pleat_geometry *geometry, const char *table);

/* The same as float32 or, `as_int16`, as int16 when all voxels are whole numbers in its range; in
 * four dimensions when there are several channels.
 * ERR_DATA names the voxel that is not finite or does not fit. */
pleat_status pleat_nifti_write_image(const char *path, const pleat_image *image,
                                     const pleat_geometry *geometry, int as_int16);

/* "1.2.13": of zlib, of the ISA-L that pleat was built with. libnifti2 does not tell its own. */
void pleat_nifti_zlib_version(char *out, size_t size);
void pleat_nifti_isal_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_NIFTI_H */
