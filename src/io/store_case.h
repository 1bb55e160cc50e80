/*
 * store_case.h - one case file of the store: its attributes, and where its voxels begin.
 */
#ifndef PLEAT_STORE_CASE_H
#define PLEAT_STORE_CASE_H

#include "hdf5_write.h"
#include "pleat/store.h"

#include <sys/types.h>
#include <time.h>

#define STORE_FORMAT  "pleat-store"
#define CASE_FORMAT   "pleat-case"
#define STORE_VERSION 2 /* of the layout; a reader refuses any other */
#define STORE_ADVICE  "remove it and run `pleat prep` again"

typedef struct store_case {
    pleat_case_info info;
    char preprocessing[PLEAT_PREPROCESSING_BYTES];
    int64_t image_at, label_at; /* bytes from the start of the file; label_at -1: no mask */
    int64_t foreground_at;      /* -1: not listed */
    int n_foreground;           /* rows of the list */
    ino_t inode;                /* of the file these were read from, 0: by another process; */
    off_t bytes;                /* so that one put in its place is noticed */
    struct timespec written;
} store_case;

/* FOLDER/cases/ID.h5. ERR_ARG for an id that cannot be a file name. */
pleat_status store_case_path(const char *folder, const char *id, char *out, size_t size);

/* Reads all but the voxels and checks that these are there. ERR_NOT_FOUND, ERR_IO, ERR_FORMAT. */
pleat_status store_case_load(const char *path, store_case *out);

/* Attributes at the root of a case file or of the index; who puts holds pleat_hdf5_lock. */
pleat_status store_put_format(const pleat_hdf5_out *file, const char *format,
                              const char *preprocessing);
pleat_status store_check_format(const pleat_hdf5_in *file, const char *wanted); /* ERR_FORMAT */
pleat_status store_case_put_fields(const pleat_hdf5_out *file, const pleat_case_info *info);

/* ERR_DATA with the first key whose value differs, both values and what to do, unless the two
 * canonical texts are equal. `what` names the store. */
pleat_status store_compare_text(const char *what, const char *stored, const char *configured);

/* Whether, by the text of the preprocessing, a label of the files is to be ignored. */
int store_ignores(const char *preprocessing);

/* FNV-1a over the voxels: image, then label, as they lie in the file. label may be NULL. Of `info`
 * dim and channels count. */
uint64_t store_digest(const pleat_case_info *info, const float *image, const uint8_t *label);

#endif /* PLEAT_STORE_CASE_H */
