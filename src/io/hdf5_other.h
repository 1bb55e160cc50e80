/*
 * hdf5_other.h - reads HDF5 files that other programs wrote: of Keras, a model's weights.
 *
 * libhdf5 opens no file of a stranger; this reads the part of the format that h5py writes by its
 * defaults and with libver="latest": superblocks 0 to 3, object headers 1 and 2, groups as a tree
 * of symbols or as links, contiguous datasets of float32, attributes that are texts of fixed or of
 * any length. What is compressed, chunked, shared, linked softly or from outside is refused. Every
 * place and size is compared with the file's before it is used, trees are at most 8 deep, and what
 * is read to find things is bounded by a budget of some times the file.
 *
 *   open -> find ... -> texts, floats -> release
 */
#ifndef PLEAT_HDF5_OTHER_H
#define PLEAT_HDF5_OTHER_H

#include "pleat/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct pleat_hdf5_other pleat_hdf5_other;

enum { PLEAT_HDF5_OTHER_RANK = 5 };
#define PLEAT_HDF5_ABSENT UINT64_MAX

/* `advice` is what the user does about a file that cannot be read. ERR_NOT_FOUND, ERR_IO,
 * ERR_MEMORY, ERR_FORMAT; *root is its root group. */
pleat_status pleat_hdf5_other_open(const char *path, const char *advice, pleat_hdf5_other **out,
                                   uint64_t *root);
void pleat_hdf5_other_release(pleat_hdf5_other *in); /* NULL is fine */

/* The object "a/b/c" below the group; PLEAT_HDF5_ABSENT when there is none. ERR_FORMAT ... */
pleat_status pleat_hdf5_other_find(pleat_hdf5_other *in, uint64_t group, const char *path,
                                   uint64_t *out);

/* The texts of the object's attribute, one block that the caller frees: *out[0] to *out[n-1], each
 * ending with 0; NULL and 0 when there is no such attribute. ERR_FORMAT when it is of no texts. */
pleat_status pleat_hdf5_other_texts(pleat_hdf5_other *in, uint64_t object, const char *name,
                                    char ***out, int *n);

/* A dataset of float32. Fills rank and dim; the caller frees the values. ERR_FORMAT. */
pleat_status pleat_hdf5_other_floats(pleat_hdf5_other *in, uint64_t object, int *rank,
                                     uint64_t dim[PLEAT_HDF5_OTHER_RANK], float **out);

#endif /* PLEAT_HDF5_OTHER_H */
