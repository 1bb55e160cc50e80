/*
 * nifti.c - reads NIfTI volumes.
 *
 *   open -> header -> guard -> size of the file against the header -> voxels, a piece at a time ->
 *   to the end of the stream, so that its checksum is compared
 *
 * The voxels are read by zlib and not by libnifti2, which takes a flipped bit for data. Many voxels
 * are unpacked by ISA-L, in half the time. Whatever it stumbles over, be it the stream or a voxel,
 * is read again by zlib, so that there is one set of errors and of streams that are let pass.
 */
#include "pleat/nifti.h"

#include "pleat/file.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include "nifti_guard.h"
#include "nifti_gzip.h"

#include <nifti2_io.h>
#include <zlib.h>

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t PIECE = 16384;             /* voxels converted at a time, in the L2 cache */
static const unsigned STREAM_BUFFER = 1 << 18; /* bytes */
static const uint64_t MAX_RATIO = 1032;        /* deflate cannot shrink more (zlib.net/zlib_tech) */
static const size_t MAX_TAIL = 1 << 20;        /* bytes after the voxels that are let pass */
static const uint64_t MANY_BYTES = 1 << 22;    /* of voxels, from which ISA-L unpacks */
static const double SAME_SPACING = 1e-3;       /* of a spacing; float32 rounds by less */
static const double LABEL_SLACK = 1e-4;        /* of a scaled label; float32 slopes need 2e-5 */

typedef struct source {
    const char *path;
    int fd; /* of gz */
    gzFile gz;
    uint64_t bytes; /* of the file as stored */
} source;

/* `voxels` pieces go to one of these: first is the index of values[0] in the volume. */
typedef pleat_status (*sink)(const char *path, const int dim[3], const double *values, size_t n,
                             size_t first, void *out);

static int ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static pleat_status open_source(const char *path, source *out) {
    static const char *const halves[] = {".hdr", ".img", ".hdr.gz", ".img.gz"};
    int64_t bytes = 0;
    int fd = -1;
    PLEAT_TRY(pleat_file_open(path, &fd, &bytes));
    int half = 0;
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) half |= ends_with(path, halves[i]);
    gzFile gz = half || bytes == 0 ? NULL : gzdopen(fd, "rb");
    if (gz == NULL) (void)close(fd);
    PLEAT_CHECK(!half, PLEAT_ERR_FORMAT,
                "'%s' is half of a .hdr/.img pair; convert the pair to one .nii.gz", path);
    PLEAT_CHECK(bytes > 0, PLEAT_ERR_FORMAT, "'%s' is empty; copy it again", path);
    PLEAT_CHECK(gz != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    (void)gzbuffer(gz, STREAM_BUFFER);
    *out = (source){path, fd, gz, (uint64_t)bytes};
    return PLEAT_OK;
}

/* Up to `n` bytes; less only where the stream ends as it should. */
static pleat_status read_some(const source *from, void *out, size_t n, size_t *got) {
    errno = 0;
    size_t have = 0;
    while (have < n) {
        const size_t rest = n - have;
        const int step =
            gzread(from->gz, (char *)out + have, rest < 1 << 30 ? (unsigned)rest : 1U << 30);
        if (step <= 0) break;
        have += (size_t)step;
    }
    *got = have;
    if (have == n) return PLEAT_OK;
    int code = Z_OK;
    const char *why = gzerror(from->gz, &code), *colon = strstr(why, ">: ");
    if (strncmp(why, "<fd:", 4) == 0 && colon != NULL) why = colon + 3; /* zlib knows no name */
    PLEAT_CHECK(code != Z_ERRNO, PLEAT_ERR_IO, "cannot read '%s': %s", from->path, strerror(errno));
    PLEAT_CHECK(code != Z_MEM_ERROR, PLEAT_ERR_MEMORY, "no memory to unpack '%s'", from->path);
    PLEAT_CHECK(code != Z_BUF_ERROR, PLEAT_ERR_FORMAT,
                "'%s': the gzip stream is cut short; copy the file again", from->path);
    PLEAT_CHECK(code == Z_OK || code == Z_STREAM_END, PLEAT_ERR_FORMAT,
                "'%s': the gzip stream is damaged (%s); copy the file again", from->path, why);
    return PLEAT_OK;
}

/* The stored file must be able to hold what its header promises, before memory is asked for. */
static pleat_status check_promise(const source *from, const nifti_head *head) {
    const uint64_t need = head->offset + head->bytes;
    PLEAT_CHECK(head->info.compressed || need <= from->bytes, PLEAT_ERR_FORMAT,
                "'%s' is cut short: dim, datatype and vox_offset ask for %llu bytes, the file has "
                "%llu; copy it again",
                from->path, (unsigned long long)need, (unsigned long long)from->bytes);
    PLEAT_CHECK(!head->info.compressed || need / MAX_RATIO <= from->bytes, PLEAT_ERR_FORMAT,
                "'%s' is cut short or its header lies: dim, datatype and vox_offset ask for %llu "
                "bytes, which %llu compressed ones cannot hold; copy it again",
                from->path, (unsigned long long)need, (unsigned long long)from->bytes);
    return PLEAT_OK;
}

static pleat_status read_head(const source *from, nifti_head *out) {
    unsigned char bytes[NIFTI2_BYTES] = {0};
    size_t got = 0, more = 0;
    PLEAT_TRY(read_some(from, bytes, NIFTI1_BYTES, &got));
    const size_t n = got >= 4 ? pleat_nifti_header_bytes(bytes) : 0;
    if (n == NIFTI2_BYTES && got == NIFTI1_BYTES)
        PLEAT_TRY(read_some(from, bytes + got, NIFTI2_BYTES - NIFTI1_BYTES, &more));
    PLEAT_CHECK(got + more >= (n > 0 ? n : 4), PLEAT_ERR_FORMAT,
                "'%s' ends inside its header, after %zu bytes; copy it again", from->path,
                got + more);
    nifti_head head = {0};
    PLEAT_TRY(pleat_nifti_guard(from->path, bytes, &head));
    head.info.compressed = !gzdirect(from->gz);
    PLEAT_TRY(check_promise(from, &head));
    *out = head;
    return PLEAT_OK;
}

/* zlib compares the checksum when it meets the end, so the end must be met. */
static pleat_status check_tail(const source *from, const nifti_head *head) {
    const int *dim = head->geometry.dim;
    const size_t slice = (size_t)dim[1] * (size_t)dim[2] * (size_t)head->info.bits / 8;
    char *tail = malloc(MAX_TAIL);
    PLEAT_CHECK(tail != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", from->path);
    size_t got = 0;
    const pleat_status status = read_some(from, tail, MAX_TAIL, &got);
    free(tail);
    PLEAT_TRY(status);
    PLEAT_CHECK(got < MAX_TAIL, PLEAT_ERR_FORMAT,
                "'%s' has %zu bytes or more after the voxels that dim promises; "
                "copy or convert the file again",
                from->path, got);
    if (slice > 0 && got >= slice)
        pleat_warn("'%s' holds %zu bytes after the voxels that dim promises, enough for %zu more "
                   "slice%s: did something cut its header down? Export it again, or correct dim[3]",
                   from->path, got, got / slice, pleat_plural((long long)(got / slice)));
    return PLEAT_OK;
}

typedef struct reading {
    const source *from;
    const nifti_head *head;
    nifti_unpacker *fast; /* NULL: zlib reads */
    sink put;
    void *out;
    void *raw;      /* [PIECE] of any type */
    double *values; /* [PIECE] */
} reading;

static pleat_status read_piece(const reading *r, size_t first, size_t n) {
    const nifti_head *head = r->head;
    const size_t width = (size_t)head->info.bits / 8;
    const double slope = head->info.slope, inter = head->info.inter;
    size_t got = n * width;
    if (r->fast == NULL)
        PLEAT_TRY(read_some(r->from, r->raw, n * width, &got));
    else if (!pleat_nifti_unpack_next(r->fast, r->raw, n * width))
        got = 0;
    PLEAT_CHECK(got == n * width, PLEAT_ERR_FORMAT,
                "'%s' is cut short: it ends after %zu of the %llu bytes of voxels that "
                "dim and datatype promise; copy it again",
                r->from->path, first * width + got, (unsigned long long)head->bytes);
    if (head->swapped && width > 1) nifti_swap_Nbytes((int64_t)n, (int)width, r->raw);
    head->type->to_double(r->raw, n, r->values);
    if (slope != 1.0 || inter != 0.0)
        for (size_t i = 0; i < n; i++) r->values[i] = slope * r->values[i] + inter;
    return r->put(r->from->path, head->geometry.dim, r->values, n, first, r->out);
}

/* To byte `at` of the voxels by zlib, and on. A seek that goes too far shows as a short read. */
static pleat_status go_by_zlib(reading *r, uint64_t at) {
    pleat_nifti_unpack_end(r->fast);
    r->fast = NULL;
    PLEAT_CHECK(gzseek(r->from->gz, (z_off_t)(r->head->offset + at), SEEK_SET) >= 0, PLEAT_ERR_IO,
                "cannot read '%s' to its voxels", r->from->path);
    return PLEAT_OK;
}

static pleat_status read_pieces(reading *r) {
    const nifti_head *head = r->head;
    const size_t voxels = head->info.voxels * (size_t)head->info.channels;
    if (head->info.compressed && head->bytes >= MANY_BYTES)
        r->fast = pleat_nifti_unpack(r->from->fd, head->offset);
    if (r->fast == NULL) PLEAT_TRY(go_by_zlib(r, 0));
    for (size_t first = 0; first < voxels; first += PIECE) {
        const size_t n = voxels - first < PIECE ? voxels - first : PIECE;
        pleat_status status = read_piece(r, first, n);
        if (status != PLEAT_OK && r->fast != NULL) {
            PLEAT_TRY(go_by_zlib(r, first * (size_t)head->info.bits / 8));
            status = read_piece(r, first, n);
        }
        PLEAT_TRY(status);
    }
    if (r->fast != NULL && pleat_nifti_unpack_ends(r->fast)) return PLEAT_OK;
    if (r->fast != NULL) PLEAT_TRY(go_by_zlib(r, head->bytes));
    return check_tail(r->from, head);
}

static pleat_status read_voxels(const source *from, const nifti_head *head, sink put, void *out) {
    pleat_status status = PLEAT_OK;
    reading r = {.from = from,
                 .head = head,
                 .put = put,
                 .out = out,
                 .raw = malloc(PIECE * sizeof(double)), /* no type is wider */
                 .values = malloc(PIECE * sizeof *r.values)};
    PLEAT_CHECK_GOTO(status, done, r.raw != NULL && r.values != NULL, PLEAT_ERR_MEMORY,
                     "no memory to read '%s'", from->path);
    status = read_pieces(&r);
done:
    pleat_nifti_unpack_end(r.fast);
    free(r.values);
    free(r.raw);
    return status;
}

/* Two passes, so that the first is quick: all to float or label, then which voxel was wrong. */
static pleat_status put_image(const char *path, const int dim[3], const double *values, size_t n,
                              size_t first, void *out) {
    float *data = (float *)out + first;
    int right = 1;
    for (size_t i = 0; i < n; i++) {
        data[i] = (float)values[i];
        right &= fabsf(data[i]) <= FLT_MAX;
    }
    for (size_t i = 0; i < n && !right; i++) {
        const size_t at = first + i, w = (size_t)dim[2], h = (size_t)dim[1];
        PLEAT_CHECK(isfinite(data[i]), PLEAT_ERR_DATA,
                    "'%s': voxel (x, y, z) = (%zu, %zu, %zu) is %g; repair it or leave the case "
                    "out",
                    path, at % w, at / w % h, at / w / h % (size_t)dim[0], values[i]);
    }
    return PLEAT_OK;
}

/* The nearest label. */
static int nearest(double value) {
    const double above = value > 0.0 ? value : 0.0;
    return (int)((above < 254.0 ? above : 254.0) + 0.5);
}

static int is_label(double value) { return fabs(value - nearest(value)) <= LABEL_SLACK; }

static pleat_status put_label(const char *path, const int dim[3], const double *values, size_t n,
                              size_t first, void *out) {
    uint8_t *data = (uint8_t *)out + first;
    int right = 1;
    for (size_t i = 0; i < n; i++) {
        data[i] = (uint8_t)nearest(values[i]);
        right &= is_label(values[i]);
    }
    for (size_t i = 0; i < n && !right; i++) {
        const size_t at = first + i, w = (size_t)dim[2], h = (size_t)dim[1];
        PLEAT_CHECK(is_label(values[i]), PLEAT_ERR_DATA,
                    "'%s': label %g at voxel (x, y, z) = (%zu, %zu, %zu); labels are whole numbers "
                    "from 0 to 254: write the map with such labels, a mask of 0 and 255 as 0 and 1",
                    path, values[i], at % w, at / w % h, at / w / h);
    }
    return PLEAT_OK;
}

pleat_status pleat_nifti_read_header(const char *path, pleat_geometry *geometry,
                                     pleat_nifti_info *info) {
    source from = {0};
    nifti_head head = {0};
    PLEAT_TRY(open_source(path, &from));
    const pleat_status status = read_head(&from, &head);
    (void)gzclose_r(from.gz);
    PLEAT_TRY(status);
    if (geometry != NULL) *geometry = head.geometry;
    if (info != NULL) *info = head.info;
    return PLEAT_OK;
}

void pleat_nifti_tell_spacing(const char *path, const pleat_geometry *geometry,
                              const pleat_nifti_info *info) {
    const double *taken = geometry->spacing, *p = info->pixdim;
    int same = 1;
    for (int i = 0; i < 3; i++) same &= fabs(p[i] - taken[2 - i]) <= SAME_SPACING * taken[2 - i];
    if (!same)
        pleat_warn("'%s': pixdim says %g x %g x %g mm, the %s %g x %g x %g mm, which is taken",
                   path, p[0], p[1], p[2], geometry->sform_code > 0 ? "sform" : "length of pixdim",
                   taken[2], taken[1], taken[0]);
}

pleat_status pleat_nifti_read_image(const char *path, pleat_image *image,
                                    pleat_geometry *geometry) {
    source from = {0};
    nifti_head head = {0};
    pleat_image read = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(open_source(path, &from));
    PLEAT_TRY_GOTO(status, done, read_head(&from, &head));
    PLEAT_TRY_GOTO(
        status, done,
        pleat_image_make(head.info.channels, head.geometry.dim, head.geometry.spacing, &read));
    PLEAT_TRY_GOTO(status, done, read_voxels(&from, &head, put_image, read.data));
    *image = read; /* ownership moves to the caller */
    read = (pleat_image){0};
    if (geometry != NULL) *geometry = head.geometry;
done:
    pleat_image_free(&read);
    (void)gzclose_r(from.gz);
    return status;
}

pleat_status pleat_nifti_read_label(const char *path, pleat_label *label,
                                    pleat_geometry *geometry) {
    source from = {0};
    nifti_head head = {0};
    pleat_label read = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(open_source(path, &from));
    PLEAT_TRY_GOTO(status, done, read_head(&from, &head));
    PLEAT_CHECK_GOTO(status, done, head.info.channels == 1, PLEAT_ERR_FORMAT,
                     "'%s': dim[4] is %d; a label map has three dimensions", path,
                     head.info.channels);
    PLEAT_TRY_GOTO(status, done, pleat_label_make(head.geometry.dim, head.geometry.spacing, &read));
    PLEAT_TRY_GOTO(status, done, read_voxels(&from, &head, put_label, read.data));
    *label = read; /* ownership moves to the caller */
    read = (pleat_label){0};
    if (geometry != NULL) *geometry = head.geometry;
done:
    pleat_label_free(&read);
    (void)gzclose_r(from.gz);
    return status;
}

void pleat_nifti_zlib_version(char *out, size_t size) {
    (void)snprintf(out, size, "%s", zlibVersion());
}
