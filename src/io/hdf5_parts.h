/*
 * hdf5_parts.h - what the reader of HDF5 files is made of: bytes taken one field at a time, blocks
 * with their checksums, and the tree and heap in which HDF5 keeps what a header has no room for.
 *
 * Sections are those of "HDF5 File Format Specification Version 3.0" (The HDF Group).
 */
#ifndef PLEAT_HDF5_PARTS_H
#define PLEAT_HDF5_PARTS_H

#include "hdf5_read.h"

#define HDF5_NOWHERE UINT64_MAX /* the address of what is not there */

/* Bytes that are read from the front. Once they do not suffice, `bad` stays and all else is 0. */
typedef struct hdf5_bytes {
    const unsigned char *at;
    size_t left;
    int bad;
} hdf5_bytes;

uint64_t hdf5_take(hdf5_bytes *from, size_t n);                  /* n <= 8, little-endian */
const unsigned char *hdf5_take_all(hdf5_bytes *from, size_t n);  /* NULL when there are fewer */
void hdf5_expect(hdf5_bytes *from, const void *bytes, size_t n); /* bad when others come */

typedef struct hdf5_file {
    int fd;
    uint64_t size; /* bytes */
    char path[1024];
    const char *advice;
    /* NULL: a file of ours. Else of another program: how many bytes may still be read of it to
     * find things, so that no file makes this long. */
    uint64_t *budget;
} hdf5_file;

/* ERR_FORMAT: this part of the file is damaged, or is none that pleat writes, or reads. */
pleat_status hdf5_refuse(const hdf5_file *file, const char *part);
/* n bytes at `at` to `out`. ERR_IO, ERR_MEMORY as the system says, ERR_FORMAT: the end came. */
pleat_status hdf5_read(const hdf5_file *file, uint64_t at, void *out, size_t n);
/* n bytes at `at`, which the caller frees. ERR_FORMAT when the file has them not, or the budget
 * does not. */
pleat_status hdf5_fetch(const hdf5_file *file, uint64_t at, uint64_t n, unsigned char **out);
/* The same of a block that begins with `signature`[4] and ends with its checksum; *body is what
 * lies between. */
pleat_status hdf5_fetch_block(const hdf5_file *file, uint64_t at, uint64_t n,
                              const char signature[5], unsigned char **out, hdf5_bytes *body);
/* Whether `sum` is the checksum of bytes[n]. */
int hdf5_is_checksum(uint32_t sum, const unsigned char *bytes, size_t n);

/* The kinds of messages in an object's header that matter here; IV.A.2. */
enum hdf5_message {
    HDF5_NOTHING = 0,
    HDF5_SPACE = 1,
    HDF5_LINK_INFO = 2,
    HDF5_TYPE = 3,
    HDF5_FILL = 5,
    HDF5_LINK = 6,
    HDF5_LAYOUT = 8,
    HDF5_GROUP_INFO = 10,
    HDF5_ATTRIBUTE = 12,
    HDF5_CONTINUATION = 16,
    HDF5_SYMBOLS = 17,
    HDF5_ATTRIBUTE_INFO = 21,
};

/* What hdf5_walk_header calls for each message: its type and body. */
typedef pleat_status (*hdf5_message_visit)(void *to, int type, hdf5_bytes body);

/* All messages of the object header at `at`, but for those that only say where others are, or what
 * a new object would be made with. Of version 2; of version 1 too where the file is of others.
 * ERR_FORMAT, ERR_IO, ERR_MEMORY, or what `visit` gives. */
pleat_status hdf5_walk_header(const hdf5_file *file, uint64_t at, hdf5_message_visit visit,
                              void *to);

/* What hdf5_walk calls for each object: an attribute's or a link's message. */
typedef pleat_status (*hdf5_visit)(void *to, hdf5_bytes object);

/* All objects of the fractal heap at `at` that the version 2 B-tree at `tree_at` names, at most
 * `most`; its records are of `type` (5: links, 8: attributes). ERR_FORMAT, ERR_IO, ERR_MEMORY, or
 * what `visit` gives. */
pleat_status hdf5_walk(const hdf5_file *file, uint64_t at, uint64_t tree_at, int type,
                       uint64_t most, hdf5_visit visit, void *to);

#endif /* PLEAT_HDF5_PARTS_H */
