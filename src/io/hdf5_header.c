/*
 * hdf5_header.c - the header of an object in an HDF5 file: messages, in chunks here and there.
 *
 * Version 2, as libhdf5 writes it for us, has a signature and a checksum in each chunk; version 1,
 * its default for other programs, has neither. Sections IV.A.1.a and IV.A.1.b.
 */
#include "hdf5_parts.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CHUNKS = 64, PREFIX1 = 16 };
enum { CONSTANT = 0x01, SHARED = 0x02, UNSHARED = 0x04 }; /* flags of a message */

typedef struct chunk {
    uint64_t at, n;
} chunk;

typedef struct header {
    const hdf5_file *file;
    int version;
    chunk chunks[MOST_CHUNKS];
    int n;
    hdf5_message_visit visit;
    void *to;
} header;

static pleat_status add_chunk(header *h, hdf5_bytes body) {
    const uint64_t at = hdf5_take(&body, 8), n = hdf5_take(&body, 8);
    if (body.bad || h->n == MOST_CHUNKS)
        return hdf5_refuse(h->file, "object header continues in too many places");
    h->chunks[h->n++] = (chunk){at, n};
    return PLEAT_OK;
}

/* Others may set flags that say what to do when a message is changed or not known. */
static int may_be(const header *h, int flags) {
    return h->file->budget == NULL ? (flags & ~(CONSTANT | UNSHARED)) == 0 : (flags & SHARED) == 0;
}

static pleat_status walk_messages(header *h, hdf5_bytes messages) {
    const size_t least = h->version == 1 ? 8 : 4; /* less is a gap */
    while (messages.left >= least) {
        const int type = (int)hdf5_take(&messages, h->version == 1 ? 2 : 1);
        const size_t n = hdf5_take(&messages, 2);
        const int flags = (int)hdf5_take(&messages, 1);
        if (h->version == 1) (void)hdf5_take_all(&messages, 3);
        const hdf5_bytes body = {hdf5_take_all(&messages, n), n, 0};
        if (messages.bad || !may_be(h, flags))
            return hdf5_refuse(h->file, "object header has a message of another kind");
        if (type == HDF5_CONTINUATION)
            PLEAT_TRY(add_chunk(h, body));
        else if (type != HDF5_NOTHING && type != HDF5_FILL && type != HDF5_GROUP_INFO)
            PLEAT_TRY(h->visit(h->to, type, body));
    }
    return PLEAT_OK;
}

/* Version 2, with times or without. Its first chunk's size stands in its prefix. */
static int read_prefix2(const hdf5_file *file, hdf5_bytes from, size_t *prefix, uint64_t *n) {
    hdf5_expect(&from, "OHDR\2", 5);
    const uint64_t flags = hdf5_take(&from, 1);
    if ((flags & 0x20) != 0) (void)hdf5_take_all(&from, 16);
    const size_t width = (size_t)1 << (flags & 3);
    const uint64_t chunk0 = hdf5_take(&from, width);
    *prefix = 6 + ((flags & 0x20) != 0 ? 16 : 0) + width;
    *n = *prefix + chunk0 + 4;
    return !from.bad && (flags & ~0x23U) == 0 && chunk0 <= file->size;
}

/* Version 1: numbers of messages and of links to it, size of the first chunk, a gap. */
static int read_prefix1(const hdf5_file *file, hdf5_bytes from, size_t *prefix, uint64_t *n) {
    hdf5_expect(&from, "\1\0", 2);
    (void)hdf5_take_all(&from, 6);
    const uint64_t chunk0 = hdf5_take(&from, 4);
    *prefix = PREFIX1;
    *n = PREFIX1 + chunk0;
    return !from.bad && chunk0 <= file->size;
}

static pleat_status first_chunk(header *h, uint64_t at, size_t *prefix) {
    unsigned char *bytes = NULL;
    uint64_t n = 0;
    PLEAT_TRY(hdf5_fetch(h->file, at, 32, &bytes)); /* the file's last header is longer too */
    const hdf5_bytes from = {bytes, 32, 0};
    h->version = h->file->budget != NULL && bytes[0] == 1 ? 1 : 2;
    const int good = h->version == 1 ? read_prefix1(h->file, from, prefix, &n)
                                     : read_prefix2(h->file, from, prefix, &n);
    free(bytes);
    h->chunks[h->n++] = (chunk){at, n};
    return good ? PLEAT_OK : hdf5_refuse(h->file, "object header is of another kind");
}

static pleat_status walk_chunk(header *h, int i, size_t prefix) {
    unsigned char *bytes = NULL;
    const chunk c = h->chunks[i];
    hdf5_bytes body;
    if (h->version == 1) {
        PLEAT_TRY(hdf5_fetch(h->file, c.at, c.n, &bytes));
        body = (hdf5_bytes){bytes, c.n, 0};
        if (i == 0) (void)hdf5_take_all(&body, prefix);
    } else {
        PLEAT_TRY(hdf5_fetch_block(h->file, c.at, c.n, i == 0 ? "OHDR" : "OCHK", &bytes, &body));
        if (i == 0) (void)hdf5_take_all(&body, prefix - 4);
    }
    const pleat_status status = walk_messages(h, body);
    free(bytes);
    return status;
}

pleat_status hdf5_walk_header(const hdf5_file *file, uint64_t at, hdf5_message_visit visit,
                              void *to) {
    header h = {.file = file, .visit = visit, .to = to};
    size_t prefix = 0;
    PLEAT_TRY(first_chunk(&h, at, &prefix));
    for (int i = 0; i < h.n; i++) PLEAT_TRY(walk_chunk(&h, i, prefix));
    return PLEAT_OK;
}
