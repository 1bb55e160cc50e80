/*
 * hdf5_read.h - reads the HDF5 files that pleat writes, and no others.
 *
 * A checkpoint or a store may come from anybody, and libhdf5 crashes on files that were made to do
 * so. Therefore it never opens a file: it only writes, into memory. What is read here is the small
 * part of the format that our own writer uses (docs/store.md): superblock 2, object headers 2 with
 * checksums, contiguous datasets and hard links of the root, attributes of the root in its header
 * or in a heap, external links of a group by name. All else is refused as damaged or not ours, and
 * every size is compared with the file's before memory is taken.
 *
 *   open -> get ... -> release
 */
#ifndef PLEAT_HDF5_READ_H
#define PLEAT_HDF5_READ_H

#include "pleat/status.h"

#include <stddef.h>
#include <stdint.h>

/* How the values of an attribute or a dataset lie in the file: little-endian, as in memory. */
typedef enum pleat_hdf5_type {
    PLEAT_HDF5_I32,
    PLEAT_HDF5_I64,
    PLEAT_HDF5_U8,
    PLEAT_HDF5_U64,
    PLEAT_HDF5_F32,
    PLEAT_HDF5_F64,
    PLEAT_HDF5_TEXT, /* UTF-8 of fixed length, ending with 0 */
} pleat_hdf5_type;

/* A file being read: its root, and the words for its errors. */
typedef struct pleat_hdf5_in pleat_hdf5_in;

/* Reads the root. `advice` is what the user does about a damaged file: "remove it and ...".
 * ERR_NOT_FOUND, ERR_IO (it cannot be read), ERR_MEMORY, ERR_FORMAT (damaged, or not pleat's). */
pleat_status pleat_hdf5_open(const char *path, const char *advice, pleat_hdf5_in **out);
void pleat_hdf5_release(pleat_hdf5_in *in); /* NULL is fine */

const char *pleat_hdf5_path(const pleat_hdf5_in *in);
int pleat_hdf5_descriptor(const pleat_hdf5_in *in); /* of the open file */

/* ERR_FORMAT: "'PATH': WHAT 'NAME'; ADVICE"; name may be NULL. */
pleat_status pleat_hdf5_damaged(const pleat_hdf5_in *in, const char *what, const char *name);

/* Attributes of the root; rank 0 is a scalar, dim[rank] otherwise. ERR_FORMAT when absent, of
 * another type, rank or size, or longer than out[size]. */
pleat_status pleat_hdf5_get_text(const pleat_hdf5_in *in, const char *name, char *out, size_t size);
pleat_status pleat_hdf5_get_values(const pleat_hdf5_in *in, const char *name, pleat_hdf5_type type,
                                   int rank, const uint64_t *dim, void *out);
int pleat_hdf5_has_attribute(const pleat_hdf5_in *in, const char *name);

/* Whether the root links to `name`. */
int pleat_hdf5_has(const pleat_hdf5_in *in, const char *name);
/* Dataset `name` of the root: contiguous, of exactly `type`, of `rank` (at most 4), all of it
 * inside the file. Fills dim[rank] and the offset of its first byte in the file. ERR_FORMAT. */
pleat_status pleat_hdf5_find_array(const pleat_hdf5_in *in, const char *name, pleat_hdf5_type type,
                                   int rank, uint64_t *dim, int64_t *offset);
/* n bytes of the file. ERR_IO, ERR_FORMAT. */
pleat_status pleat_hdf5_get_bytes(const pleat_hdf5_in *in, int64_t offset, void *out, size_t n);
/* The names in a group of the root that holds nothing but links NAME -> GROUP/NAME.h5 to other
 * files, ascending; the links are not followed. The caller frees the names and the list. */
pleat_status pleat_hdf5_list(const pleat_hdf5_in *in, const char *group, char ***names, int *n);

#endif /* PLEAT_HDF5_READ_H */
