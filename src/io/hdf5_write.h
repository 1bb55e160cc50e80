/*
 * hdf5_write.h - the part of HDF5 that writes a store and a checkpoint, with errors in words.
 *
 * The library is not thread-safe: every caller holds pleat_hdf5_lock around all it does with hid_t
 * values. Each failure is one message naming the file and the dataset or attribute.
 *
 *   create -> put ... -> close -> pleat_file_publish
 */
#ifndef PLEAT_HDF5_WRITE_H
#define PLEAT_HDF5_WRITE_H

#include "hdf5_read.h"

#include <hdf5.h>

/* One lock for the whole process. Taking it silences the library's own printing of errors. */
void pleat_hdf5_lock(void);
void pleat_hdf5_unlock(void);

/* A file being written, and the words for its errors. */
typedef struct pleat_hdf5_out {
    hid_t id; /* H5I_INVALID_HID when none */
    char path[1024];
} pleat_hdf5_out;

#define PLEAT_HDF5_NONE \
    { .id = H5I_INVALID_HID }

/* Makes a file in memory, which close writes to `path`. Metadata carry checksums (format of HDF5
 * 1.8). ERR_MEMORY. */
pleat_status pleat_hdf5_create(const char *path, pleat_hdf5_out *out);
/* Nothing for a file that is not open. ERR_IO when what was put could not be written; then a part
 * of it may be at `path`. */
pleat_status pleat_hdf5_close(pleat_hdf5_out *file);

/* Attributes of `at` (a group or the file itself): rank 0 is a scalar, dim[rank] otherwise. Text is
 * UTF-8 of fixed length. ERR_IO. */
pleat_status pleat_hdf5_put_text(const pleat_hdf5_out *file, hid_t at, const char *name,
                                 const char *value);
pleat_status pleat_hdf5_put_values(const pleat_hdf5_out *file, hid_t at, const char *name,
                                   pleat_hdf5_type type, int rank, const uint64_t *dim,
                                   const void *values);
/* A dataset of the root, contiguous and uncompressed; rank is at most 4. ERR_IO. */
pleat_status pleat_hdf5_put_array(const pleat_hdf5_out *file, const char *name,
                                  pleat_hdf5_type type, int rank, const uint64_t *dim,
                                  const void *data);

#endif /* PLEAT_HDF5_WRITE_H */
