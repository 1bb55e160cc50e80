/* nifti_gzip.h - gzip streams by ISA-L: large volumes in, all packed ones out. */
#ifndef PLEAT_NIFTI_GZIP_H
#define PLEAT_NIFTI_GZIP_H

#include <stddef.h>
#include <stdint.h>

/* A stream that is unpacked. It reads the file by offsets and leaves its position alone. What it
 * cannot do (a damaged stream, several in one file, no memory) it only says: who asks does the same
 * by zlib, whose words the user gets. */
typedef struct nifti_unpacker nifti_unpacker;

/* Of the file `fd`, which stays the caller's, behind its first `skip` unpacked bytes; or NULL. */
nifti_unpacker *pleat_nifti_unpack(int fd, uint64_t skip);

/* 1: the next n bytes are in `out`. */
int pleat_nifti_unpack_next(nifti_unpacker *from, void *out, size_t n);

/* 1: stream and file end here, and size and checksum are right. */
int pleat_nifti_unpack_ends(nifti_unpacker *from);

/* Accepts NULL. */
void pleat_nifti_unpack_end(nifti_unpacker *from);

typedef struct nifti_part {
    const void *bytes;
    size_t n;
} nifti_part;

/* The parts one after another, as one gzip stream where `packed`; 0, or an errno. */
int pleat_nifti_write_parts(int fd, const nifti_part *parts, int n_parts, int packed);

#endif /* PLEAT_NIFTI_GZIP_H */
