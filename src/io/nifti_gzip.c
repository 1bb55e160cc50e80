/* nifti_gzip.c - gzip streams by ISA-L, which takes half the time of zlib; docs/speed.md. */
#include "nifti_gzip.h"

#include "pleat/file.h"
#include "pleat/nifti.h"

#include <isa-l.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { BUFFER = 1 << 18 };             /* bytes of the file at a time */
enum { PIECE = 1 << 16 };              /* bytes packed at a time */
static const size_t SKIPPED = 1 << 12; /* bytes unpacked for nothing at a time */

struct nifti_unpacker {
    int fd;
    uint64_t at; /* in the file */
    struct inflate_state state;
    uint8_t buffer[BUFFER];
};

/* The next bytes of the file; 0: there are none, or they cannot be read. */
static size_t fill(nifti_unpacker *u) {
    ssize_t got;
    do got = pread(u->fd, u->buffer, sizeof u->buffer, (off_t)u->at);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return 0;
    u->at += (uint64_t)got;
    u->state.next_in = u->buffer;
    u->state.avail_in = (uint32_t)got;
    return (size_t)got;
}

/* Until avail_out bytes are there or the stream ends; 0: it is damaged, or cut short. */
static int run(nifti_unpacker *u) {
    struct inflate_state *s = &u->state;
    while (s->block_state != ISAL_BLOCK_FINISH) {
        const uint32_t in = s->avail_in, out = s->avail_out;
        if (isal_inflate(s) != ISAL_DECOMP_OK) return 0;
        if (s->avail_out == 0) return 1;
        if (s->avail_in == 0 && s->block_state != ISAL_BLOCK_FINISH && fill(u) > 0) continue;
        if (s->avail_in == in && s->avail_out == out) return 0;
    }
    return 1;
}

int pleat_nifti_unpack_next(nifti_unpacker *from, void *out, size_t n) {
    if (n > UINT32_MAX) return 0;
    from->state.next_out = out;
    from->state.avail_out = (uint32_t)n;
    return n == 0 || (run(from) && from->state.avail_out == 0);
}

int pleat_nifti_unpack_ends(nifti_unpacker *from) {
    uint8_t one;
    from->state.next_out = &one;
    from->state.avail_out = 1;
    return run(from) && from->state.avail_out == 1 && from->state.avail_in == 0 && fill(from) == 0;
}

nifti_unpacker *pleat_nifti_unpack(int fd, uint64_t skip) {
    uint8_t unused[SKIPPED];
    nifti_unpacker *u = malloc(sizeof *u);
    if (u == NULL) return NULL;
    u->fd = fd;
    u->at = 0;
    isal_inflate_init(&u->state);
    u->state.crc_flag = ISAL_GZIP;
    u->state.avail_in = 0;
    for (uint64_t left = skip, n; left > 0; left -= n) {
        n = left < SKIPPED ? left : SKIPPED;
        if (pleat_nifti_unpack_next(u, unused, (size_t)n)) continue;
        free(u);
        return NULL;
    }
    return u;
}

void pleat_nifti_unpack_end(nifti_unpacker *from) { free(from); }

typedef struct packer {
    struct isal_zstream stream;
    uint8_t level[ISAL_DEF_LVL1_DEFAULT], piece[PIECE], buffer[BUFFER];
} packer;

/* Packs n bytes of the piece; 0, or an errno. */
static int pack(int fd, packer *p, size_t n, int last) {
    int why = 0;
    p->stream.next_in = p->piece;
    p->stream.avail_in = (uint32_t)n;
    p->stream.end_of_stream = (uint16_t)last;
    do {
        p->stream.next_out = p->buffer;
        p->stream.avail_out = sizeof p->buffer;
        if (isal_deflate(&p->stream) != COMP_OK) return EINVAL;
        why = pleat_file_put(fd, p->buffer, sizeof p->buffer - p->stream.avail_out);
    } while (why == 0 && p->stream.avail_out == 0);
    return why;
}

static int pack_parts(int fd, const nifti_part *parts, int n_parts) {
    int why = 0;
    packer *p = malloc(sizeof *p);
    if (p == NULL) return ENOMEM;
    isal_deflate_init(&p->stream);
    p->stream.gzip_flag = IGZIP_GZIP;
    p->stream.level = 1;
    p->stream.level_buf = p->level;
    p->stream.level_buf_size = sizeof p->level;
    for (int i = 0; i < n_parts; i++)
        for (size_t at = 0; at < parts[i].n && why == 0; at += PIECE) {
            const size_t left = parts[i].n - at, n = left < PIECE ? left : PIECE;
            memcpy(p->piece, (const uint8_t *)parts[i].bytes + at, n);
            why = pack(fd, p, n, 0);
        }
    if (why == 0) why = pack(fd, p, 0, 1);
    free(p);
    return why;
}

int pleat_nifti_write_parts(int fd, const nifti_part *parts, int n_parts, int packed) {
    int why = 0;
    if (packed) return pack_parts(fd, parts, n_parts);
    for (int i = 0; i < n_parts && why == 0; i++)
        why = pleat_file_put(fd, parts[i].bytes, parts[i].n);
    return why;
}

void pleat_nifti_isal_version(char *out, size_t size) {
    (void)snprintf(out, size, "%d.%d.%d", ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION,
                   ISAL_PATCH_VERSION);
}
