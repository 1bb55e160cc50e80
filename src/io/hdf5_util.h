/*
 * hdf5_util.h - the part of HDF5 that the store and the checkpoint need, with errors in words.
 *
 * The library is not thread-safe: every caller holds pleat_hdf5_lock around all it does with hid_t
 * values. Each failure is one message naming the file and the dataset or attribute.
 *
 *   create -> put ... -> close -> pleat_file_publish        open -> get ... -> close
 */
#ifndef PLEAT_HDF5_UTIL_H
#define PLEAT_HDF5_UTIL_H

#include "pleat/status.h"

#include <hdf5.h>
#include <stdint.h>

/* One lock for the whole process. Taking it silences the library's own printing of errors, and
 * begins to note what else than the file may be to blame: a read that failed, memory that ended. */
void pleat_hdf5_lock(void);
void pleat_hdf5_unlock(void);

/* A file being read or written, and the words for its errors. */
typedef struct pleat_hdf5 {
    hid_t id; /* H5I_INVALID_HID when none */
    char path[1024];
    int being_written;
    char *bytes;        /* of a loaded file, owned; else NULL */
    int64_t size;       /* of a file that is read, in bytes */
    const char *advice; /* what the user does about a damaged one: "remove it and ..." */
} pleat_hdf5;

#define PLEAT_HDF5_NONE \
    { .id = H5I_INVALID_HID }

/* Makes a file in memory, which close writes to `path`. Metadata carry checksums (format of HDF5
 * 1.8). ERR_MEMORY. */
pleat_status pleat_hdf5_create(const char *path, pleat_hdf5 *out);
/* Read-only and without file locks, so that NFS and read-only mounts work. ERR_NOT_FOUND, ERR_IO
 * (it cannot be read), ERR_MEMORY, ERR_FORMAT (no HDF5 file, or cut short). */
pleat_status pleat_hdf5_open(const char *path, const char *advice, pleat_hdf5 *out);
/* The same of the whole file, read into memory at once: no later `get` meets the disk. */
pleat_status pleat_hdf5_load(const char *path, const char *advice, pleat_hdf5 *out);
/* Nothing for a file that is not open. ERR_IO when what was put could not be written; then a part
 * of it may be at `path`. */
pleat_status pleat_hdf5_close(pleat_hdf5 *file);

/* ERR_FORMAT: "'PATH': WHAT; ADVICE". But when since the lock was taken HDF5 could not read or had
 * no memory, that is why, and nothing is said of the file: ERR_IO or ERR_MEMORY. So it is for every
 * ERR_FORMAT below. */
pleat_status pleat_hdf5_damaged(const pleat_hdf5 *file, const char *what, const char *name);

/* Attributes of `at` (a group or the file itself). Types are H5T_NATIVE_*; rank 0 is a scalar,
 * dim[rank] otherwise. Text is UTF-8 of fixed length. put: ERR_IO; get: ERR_FORMAT when absent,
 * of another kind, rank or size, or longer than out[size]. */
pleat_status pleat_hdf5_put_text(const pleat_hdf5 *file, hid_t at, const char *name,
                                 const char *value);
pleat_status pleat_hdf5_get_text(const pleat_hdf5 *file, hid_t at, const char *name, char *out,
                                 size_t size);
pleat_status pleat_hdf5_put_values(const pleat_hdf5 *file, hid_t at, const char *name, hid_t type,
                                   int rank, const hsize_t *dim, const void *values);
pleat_status pleat_hdf5_get_values(const pleat_hdf5 *file, hid_t at, const char *name, hid_t type,
                                   int rank, const hsize_t *dim, void *out);

/* A dataset of the root, contiguous and uncompressed. ERR_IO. */
pleat_status pleat_hdf5_put_array(const pleat_hdf5 *file, const char *name, hid_t type, int rank,
                                  const hsize_t *dim, const void *data);
/* Opens dataset `name`: contiguous, of exactly `type`, of `rank` (at most 4), all of it inside the
 * file. Fills dim[rank] and the offset of its first byte in the file. ERR_FORMAT. */
pleat_status pleat_hdf5_find_array(const pleat_hdf5 *file, const char *name, hid_t type, int rank,
                                   hsize_t *dim, int64_t *offset);
/* All of it into out, which holds what find_array said. ERR_FORMAT. */
pleat_status pleat_hdf5_get_array(const pleat_hdf5 *file, const char *name, hid_t type, void *out);
/* 1 or 0: a dataset of the root, an attribute of it. ERR_FORMAT. */
pleat_status pleat_hdf5_has(const pleat_hdf5 *file, const char *name, int *out);
pleat_status pleat_hdf5_has_attribute(const pleat_hdf5 *file, const char *name, int *out);

#endif /* PLEAT_HDF5_UTIL_H */
