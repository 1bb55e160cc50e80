/*
 * store.h - the preprocessed cases on disk: one HDF5 file per case and an index.
 *
 *   STORE/ index.h5            external links /cases/<id> -> cases/<id>.h5; attributes: format,
 *                              preprocessing (text), digest of it, version
 *          cases/<id>.h5       image float32 [D,H,W], or [C,D,H,W] of several channels; label uint8
 *                              [D,H,W] (absent without a mask)
 *                              attributes: id, spacing, native_dim, native_spacing, affine and the
 *                              other fields of pleat_geometry, preprocessing, source paths and
 *                              identities, digest
 *
 * Files are written to a temporary name, synced and renamed, so a case is there whole or not at
 * all. docs/store.md is the format for readers of other languages. The HDF5 library is not
 * thread-safe: one thread of a process at a time, which this module ensures by a lock.
 */
#ifndef PLEAT_STORE_H
#define PLEAT_STORE_H

#include "pleat/file.h"
#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_PREPROCESSING_BYTES 4096 /* of the canonical text, with its end */

typedef struct pleat_store pleat_store;

typedef struct pleat_case_info {
    char id[PLEAT_CASE_BYTES];
    int dim[3];                            /* D, H, W as stored */
    int channels;                          /* of the image */
    double spacing[3];                     /* mm */
    pleat_geometry geometry;               /* of the source */
    int has_label, classes;                /* highest label + 1, but of PLEAT_IGNORED */
    uint64_t digest;                       /* of image and label bytes */
    char image_path[512], label_path[512]; /* the image's first file */
    /* Of these when it was made, of all files of the image together; 0 without a mask. */
    pleat_file_identity image_file, label_file;
    uint64_t image_content, label_content; /* of provenance.h; 0: not known, or no mask */
    /* Of each channel's values before its preparation, pleat_intensity_kind + 1; 0: not known, or
     * the channel is one value. */
    int32_t kind[PLEAT_MAX_CHANNELS];
    char warnings[2048]; /* of its preparation, a line each; "" where there was none */
} pleat_case_info;

/* ERR_ARG for a name that cannot be a case's: it is a part of file names. */
pleat_status pleat_store_set_id(pleat_case_info *info, const char *id);
/* Sets the paths and what identifies the files there, before they are read: an image's n files,
 * and its mask's, which may be NULL. Errors of pleat_file_identify, ERR_ARG for a path that is too
 * long. */
pleat_status pleat_store_set_files(pleat_case_info *info, char *const *image_paths, int n,
                                   const char *label_path);

/* Writes cases/<id>.h5 below `folder`, made when absent. label may be NULL. `preprocessing` is the
 * canonical text of the configuration that made it. Fills info->digest. */
pleat_status pleat_store_write_case(const char *folder, const char *preprocessing,
                                    pleat_case_info *info, const pleat_image *image,
                                    const pleat_label *label);

typedef enum pleat_case_state {
    PLEAT_CASE_ABSENT,
    PLEAT_CASE_DAMAGED, /* or of another version; pleat_error_message says how */
    PLEAT_CASE_CHANGED, /* made from other files, or with a mask that is gone, or without one */
    PLEAT_CASE_WHOLE
} pleat_case_state;

/* What cases/<id>.h5 is worth to one who wants the case wanted->id of the files
 * wanted->image_file and label_file; their names do not count, nor are voxels looked at. ERR_DATA
 * when made by other preprocessing, naming the first difference. */
pleat_status pleat_store_find_case(const char *folder, const char *preprocessing,
                                   const pleat_case_info *wanted, pleat_case_state *out);
/* Writes index.h5 over the n cases named. */
pleat_status pleat_store_write_index(const char *folder, const char *preprocessing,
                                     const char *const *ids, int n);

/* Refuses a store made by other preprocessing, naming the first difference ("resample: store has
 * 1.58,1.58,2.70, configuration says none"); NULL accepts any. */
pleat_status pleat_store_open(const char *folder, const char *preprocessing, pleat_store **out);
/* What the store knows of its cases as bytes[*n], to be freed, and a store of it that reads voxels
 * as any: so one process opens all files, and a thousand others only those whose voxels they want.
 * ERR_MEMORY. */
pleat_status pleat_store_pack(const pleat_store *store, void **bytes, size_t *n);
pleat_status pleat_store_unpack(const void *bytes, pleat_store **out);
void pleat_store_close(pleat_store *store);
int pleat_store_count(const pleat_store *store);
const pleat_case_info *pleat_store_info(const pleat_store *store, int i); /* in order of id */
/* The number of the case, -1: it is not there. */
int pleat_store_find(const pleat_store *store, const char *id);
/* Of the images, the same of all cases; ERR_DATA names one that differs. 0 of an empty store. */
pleat_status pleat_store_channels(const pleat_store *store, int *out);
/* The canonical text the store was made with. */
const char *pleat_store_preprocessing(const pleat_store *store);

/* A box that lies inside the volume: image [size] of one channel, and label [size]; each may be
 * NULL. */
pleat_status pleat_store_read(pleat_store *store, int i, int channel, const int start[3],
                              const int size[3], float *image, uint8_t *label);
/* The whole case: image [C,D,H,W], label [D,H,W], each may be NULL. */
pleat_status pleat_store_read_case(pleat_store *store, int i, float *image, uint8_t *label);

#define PLEAT_FOREGROUND_VOXELS 1000 /* listed of each class at most */

/* Voxels of the foreground classes of a mask, for patches around them: (*out)[*n] of label, D, H,
 * W with the labels ascending, each class's voxels a uniform choice that depends on the mask alone.
 * With `ignored`, a label of the files is to be ignored, and the last rows are so chosen of all
 * other voxels, labelled PLEAT_ANNOTATED. The caller frees. n 0 and NULL when there are no rows.
 * ERR_MEMORY. */
pleat_status pleat_foreground_list(const int dim[3], const uint8_t *label, int ignored,
                                   int32_t (**out)[4], int *n);
/* The list of case i as it was stored, or made now for a store of an older pleat. */
pleat_status pleat_store_foreground(pleat_store *store, int i, int32_t (**out)[4], int *n);

/* Compares the voxels of a whole case with its digest; label is NULL for one without a mask.
 * ERR_FORMAT names the file and the way out. */
pleat_status pleat_store_check(const pleat_store *store, int i, const float *image,
                               const uint8_t *label);
/* Reads the whole case and checks it. */
pleat_status pleat_store_verify(pleat_store *store, int i);

#define PLEAT_FORMAT_BYTES 32

/* What an HDF5 file of pleat's is: "pleat-store" (an index), "pleat-case" or "pleat-checkpoint".
 * ERR_NOT_FOUND, ERR_IO, ERR_FORMAT for any other file. src/io/store_look.c */
pleat_status pleat_store_format(const char *path, char out[PLEAT_FORMAT_BYTES]);
/* What one case file says of itself, without the index. Errors the same. */
pleat_status pleat_store_look(const char *path, pleat_case_info *info,
                              char preprocessing[PLEAT_PREPROCESSING_BYTES]);
/* "1.10.8": of HDF5. */
void pleat_store_hdf5_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_STORE_H */
