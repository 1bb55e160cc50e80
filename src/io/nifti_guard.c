/*
 * nifti_guard.c - checks a NIfTI header field by field before anything acts on it.
 *
 * libnifti2 reads many damaged headers as something else (a negative dim as one slice, a bad
 * vox_offset as 348, a product of dims that overflows as a small buffer) and one of them not at
 * all (it crashes), so it only swaps bytes and turns quaternions here, after these checks.
 */
#include "nifti_guard.h"

#include <nifti2_io.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t MAX_DIM = 32767;            /* voxels along an axis: NIfTI-1's own limit */
static const uint64_t MAX_BYTES = 1ULL << 35;    /* of a volume, stored or as float32 */
static const uint64_t MAX_OFFSET = 1ULL << 30;   /* bytes before the voxels */
static const double MAX_SHEAR = 1e-5;            /* determinant over the product of the columns */
static const double MIN_MM = 1e-6, MAX_MM = 1e6; /* spacing that is still a length */
static const double QUATERNION_SLACK = 1e-3;     /* float rounding of b, c, d */

#define BAD(condition, format, ...)                                                              \
    PLEAT_CHECK(condition, PLEAT_ERR_FORMAT, "'%s': " format "; copy or convert the file again", \
                path, __VA_ARGS__)

size_t pleat_nifti_header_bytes(const void *first) {
    int32_t n = 0;
    memcpy(&n, first, sizeof n);
    if (n != NIFTI1_BYTES && n != NIFTI2_BYTES) nifti_swap_4bytes(1, &n);
    return n == NIFTI1_BYTES || n == NIFTI2_BYTES ? (size_t)n : 0;
}

/* The fields that matter of a NIfTI-1 header, in NIfTI-2's types. */
static pleat_status widen(const char *path, const nifti_1_header *in, nifti_2_header *out) {
    *out = (nifti_2_header){.sizeof_hdr = NIFTI2_BYTES};
    out->datatype = in->datatype;
    out->bitpix = in->bitpix;
    for (int i = 0; i < 8; i++) {
        out->dim[i] = in->dim[i];
        out->pixdim[i] = (double)in->pixdim[i];
    }
    BAD(isfinite(in->vox_offset) && in->vox_offset >= 0 && in->vox_offset <= (float)MAX_OFFSET &&
            in->vox_offset == floorf(in->vox_offset),
        "vox_offset is %g, which is no place in the file", (double)in->vox_offset);
    out->vox_offset = (int64_t)in->vox_offset;
    out->scl_slope = (double)in->scl_slope;
    out->scl_inter = (double)in->scl_inter;
    out->qform_code = in->qform_code;
    out->sform_code = in->sform_code;
    out->quatern_b = (double)in->quatern_b;
    out->quatern_c = (double)in->quatern_c;
    out->quatern_d = (double)in->quatern_d;
    out->qoffset_x = (double)in->qoffset_x;
    out->qoffset_y = (double)in->qoffset_y;
    out->qoffset_z = (double)in->qoffset_z;
    for (int i = 0; i < 4; i++) {
        out->srow_x[i] = (double)in->srow_x[i];
        out->srow_y[i] = (double)in->srow_y[i];
        out->srow_z[i] = (double)in->srow_z[i];
    }
    out->xyzt_units = (unsigned char)in->xyzt_units;
    memcpy(out->descrip, in->descrip, sizeof out->descrip);
    return PLEAT_OK;
}

/* Size, magic and byte order; leaves a NIfTI-2 header in host order. */
static pleat_status decode(const char *path, const void *bytes, nifti_2_header *h,
                           nifti_head *head) {
    int32_t size = 0;
    memcpy(&size, bytes, sizeof size);
    head->swapped = size != NIFTI1_BYTES && size != NIFTI2_BYTES;
    head->info.big_endian = head->swapped != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    const size_t n = pleat_nifti_header_bytes(bytes);
    BAD(n > 0, "sizeof_hdr is %d, not 348 or 540, so this is no NIfTI file", (int)size);
    if (n == NIFTI1_BYTES) {
        nifti_1_header one;
        memcpy(&one, bytes, sizeof one);
        BAD(memcmp(one.magic, "ni1", 4) != 0,
            "magic is '%s', half of a .hdr/.img pair; only one-file .nii and .nii.gz are read",
            "ni1");
        BAD(memcmp(one.magic, "n+1", 4) == 0,
            "magic is not 'n+1' (bytes %02x %02x %02x %02x): ANALYZE or damaged",
            (unsigned char)one.magic[0], (unsigned char)one.magic[1], (unsigned char)one.magic[2],
            (unsigned char)one.magic[3]);
        if (head->swapped) nifti_swap_as_nifti1(&one);
        head->info.version = 1;
        return widen(path, &one, h);
    }
    memcpy(h, bytes, sizeof *h);
    BAD(memcmp(h->magic, "ni2", 4) != 0,
        "magic is '%s', half of a .hdr/.img pair; only one-file .nii and .nii.gz are read", "ni2");
    BAD(memcmp(h->magic, "n+2\0\r\n\032\n", 8) == 0,
        "magic is not '%s': damaged, perhaps copied as text", "n+2");
    if (head->swapped) nifti_swap_as_nifti2(h);
    head->info.version = 2;
    return PLEAT_OK;
}

static pleat_status check_size(const char *path, const nifti_2_header *h, nifti_head *head) {
    BAD(h->dim[0] >= 1 && h->dim[0] <= 7, "dim[0] is %lld, not a number of dimensions from 1 to 7",
        (long long)h->dim[0]);
    BAD(h->dim[0] >= 3, "dim[0] is %lld; a volume of 3 dimensions is needed", (long long)h->dim[0]);
    for (int i = 1; i <= 3; i++) {
        BAD(h->dim[i] >= 1 && h->dim[i] <= MAX_DIM, "dim[%d] is %lld, not from 1 to %lld", i,
            (long long)h->dim[i], (long long)MAX_DIM);
        head->geometry.dim[3 - i] = (int)h->dim[i];
    }
    head->info.channels = 1;
    for (int i = 4; i <= h->dim[0]; i++)
        PLEAT_CHECK(h->dim[i] == 1 || (i == 4 && h->dim[i] >= 2 && h->dim[i] <= PLEAT_MAX_CHANNELS),
                    PLEAT_ERR_FORMAT,
                    "'%s': dim[%d] is %lld; 1 to %d channels are read, in dim[4], so split a "
                    "series into files",
                    path, i, (long long)h->dim[i], PLEAT_MAX_CHANNELS);
    if (h->dim[0] >= 4) head->info.channels = (int)h->dim[4];
    return PLEAT_OK;
}

static pleat_status check_type(const char *path, const nifti_2_header *h, nifti_head *head) {
    head->type = pleat_nifti_type(h->datatype);
    PLEAT_CHECK(head->type != NULL, PLEAT_ERR_FORMAT,
                "'%s': datatype is %d (%s); integers of 8 to 64 bits, float32 and float64 are "
                "read, so convert the file",
                path, h->datatype, nifti_datatype_to_string(h->datatype));
    BAD(h->bitpix == head->type->bits, "bitpix is %d, but datatype %s has %d bits", h->bitpix,
        head->type->name, head->type->bits);
    head->info.bits = head->type->bits;
    (void)strncpy(head->info.datatype, head->type->name, sizeof head->info.datatype - 1);

    /* no overflow: three dims below 2^15, at most 8 bytes and 2^4 channels */
    head->info.voxels = pleat_voxels(head->geometry.dim);
    const uint64_t values = head->info.voxels * (uint64_t)head->info.channels;
    head->bytes = values * (uint64_t)(head->type->bits / 8);
    BAD(head->bytes <= MAX_BYTES && values * sizeof(float) <= MAX_BYTES,
        "dim asks for %d x %d x %d x %d voxels, more than %llu GiB", head->geometry.dim[2],
        head->geometry.dim[1], head->geometry.dim[0], head->info.channels,
        (unsigned long long)(MAX_BYTES >> 30));

    const int64_t least = (head->info.version == 1 ? NIFTI1_BYTES : NIFTI2_BYTES) + 4;
    BAD(h->vox_offset >= least && h->vox_offset <= (int64_t)MAX_OFFSET,
        "vox_offset is %lld, but the voxels cannot begin before byte %lld",
        (long long)h->vox_offset, (long long)least);
    head->offset = (uint64_t)h->vox_offset;

    if (isnan(h->scl_slope) || h->scl_slope == 0.0) { /* both mean: stored as they are */
        head->info.slope = 1.0;
        head->info.inter = 0.0;
        return PLEAT_OK;
    }
    BAD(isfinite(h->scl_slope), "scl_slope is %g", h->scl_slope);
    BAD(isfinite(h->scl_inter), "scl_inter is %g", h->scl_inter);
    head->info.slope = h->scl_slope;
    head->info.inter = h->scl_inter;
    return PLEAT_OK;
}

static pleat_status check_fields_of_space(const char *path, const nifti_2_header *h) {
    for (int i = 1; i <= 3 && h->sform_code <= 0; i++) /* an sform has the spacing itself */
        PLEAT_CHECK(isfinite(h->pixdim[i]) && h->pixdim[i] != 0, PLEAT_ERR_FORMAT,
                    "'%s': pixdim[%d] is %g and there is no sform, so the spacing is not known; "
                    "write it into the header (nibabel: header.set_zooms)",
                    path, i, h->pixdim[i]);
    BAD(h->qform_code >= 0 && h->qform_code <= INT16_MAX, "qform_code is %d", h->qform_code);
    BAD(h->sform_code >= 0 && h->sform_code <= INT16_MAX, "sform_code is %d", h->sform_code);
    BAD(h->xyzt_units >= 0 && h->xyzt_units <= UINT8_MAX, "xyzt_units is %d", h->xyzt_units);
    if (h->qform_code > 0) {
        const double q[6] = {h->quatern_b, h->quatern_c, h->quatern_d,
                             h->qoffset_x, h->qoffset_y, h->qoffset_z};
        static const char *const names[6] = {"quatern_b", "quatern_c", "quatern_d",
                                             "qoffset_x", "qoffset_y", "qoffset_z"};
        for (int i = 0; i < 6; i++) BAD(isfinite(q[i]), "%s of the qform is %g", names[i], q[i]);
        const double norm = q[0] * q[0] + q[1] * q[1] + q[2] * q[2];
        BAD(norm <= 1.0 + QUATERNION_SLACK, "quatern_b, c, d have length %g, so are no rotation",
            sqrt(norm));
        BAD(isfinite(h->pixdim[0]), "pixdim[0], the qform's handedness, is %g", h->pixdim[0]);
    }
    if (h->sform_code > 0)
        for (int i = 0; i < 4; i++)
            BAD(isfinite(h->srow_x[i]) && isfinite(h->srow_y[i]) && isfinite(h->srow_z[i]),
                "column %d of the sform (srow_x, y, z) is %g, %g, %g", i, h->srow_x[i],
                h->srow_y[i], h->srow_z[i]);
    return PLEAT_OK;
}

static double mm_of(int xyzt_units) {
    const int unit = XYZT_TO_SPACE(xyzt_units); /* unknown is taken as mm, as everybody does */
    return unit == NIFTI_UNITS_METER ? 1e3 : unit == NIFTI_UNITS_MICRON ? 1e-3 : 1.0;
}

/* What is no length in pixdim becomes the spacing, in the file's unit; info has what was there. */
static void mend_pixdim(const nifti_2_header *h, nifti_head *head) {
    pleat_geometry *g = &head->geometry;
    for (int i = 1; i <= 3; i++) {
        head->info.pixdim[i - 1] = h->pixdim[i] * mm_of(h->xyzt_units);
        if (!isfinite(h->pixdim[i]) || h->pixdim[i] <= 0)
            g->pixdim[i] = g->spacing[3 - i] / mm_of(h->xyzt_units);
    }
}

void pleat_nifti_qform(const pleat_geometry *g, double affine[3][4]) {
    const double mm = mm_of(g->xyzt_units);
    const nifti_dmat44 m = nifti_quatern_to_dmat44(
        g->quatern[0], g->quatern[1], g->quatern[2], g->qoffset[0], g->qoffset[1], g->qoffset[2],
        fabs(g->pixdim[1]), fabs(g->pixdim[2]), fabs(g->pixdim[3]), g->pixdim[0] < 0 ? -1.0 : 1.0);
    for (int i = 0; i < 12; i++) affine[i / 4][i % 4] = m.m[i / 4][i % 4] * mm;
}

/* sform, else qform, else pixdim, in mm; returns the name of the source. A negative pixdim counts
 * as its length, as for nibabel and ITK. */
static const char *build_affine(const nifti_2_header *h, pleat_geometry *g) {
    const char *source = "sform";
    if (h->sform_code > 0) {
        memcpy(g->affine, g->sform, sizeof g->affine);
    } else if (h->qform_code > 0) {
        pleat_nifti_qform(g, g->affine);
        return "qform";
    } else {
        memset(g->affine, 0, sizeof g->affine);
        for (int i = 0; i < 3; i++) g->affine[i][i] = fabs(h->pixdim[i + 1]);
        source = "pixdim";
    }
    const double mm = mm_of(h->xyzt_units);
    for (int i = 0; i < 12; i++) g->affine[i / 4][i % 4] *= mm;
    return source;
}

static pleat_status check_space(const char *path, const nifti_2_header *h, nifti_head *head) {
    PLEAT_TRY(check_fields_of_space(path, h));
    pleat_geometry *g = &head->geometry;
    g->sform_code = h->sform_code;
    g->qform_code = h->qform_code;
    g->xyzt_units = h->xyzt_units;
    for (int i = 0; i < 4; i++) {
        g->sform[0][i] = h->srow_x[i];
        g->sform[1][i] = h->srow_y[i];
        g->sform[2][i] = h->srow_z[i];
    }
    for (int i = 0; i < 8; i++) g->pixdim[i] = h->pixdim[i];
    const double quatern[3] = {h->quatern_b, h->quatern_c, h->quatern_d};
    const double qoffset[3] = {h->qoffset_x, h->qoffset_y, h->qoffset_z};
    memcpy(g->quatern, quatern, sizeof quatern);
    memcpy(g->qoffset, qoffset, sizeof qoffset);

    const char *source = build_affine(h, g);
    nifti_dmat33 m;
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 3; column++) m.m[row][column] = g->affine[row][column];
    double product = 1.0;
    for (int column = 0; column < 3; column++) {
        const double length = hypot(hypot(m.m[0][column], m.m[1][column]), m.m[2][column]);
        BAD(length >= MIN_MM && length <= MAX_MM,
            "column %d of the %s is %g mm long, which is no spacing of voxels", column, source,
            length);
        g->spacing[2 - column] = length;
        product *= length;
    }
    const double volume = fabs(nifti_dmat33_determ(m)) / product;
    BAD(volume >= MAX_SHEAR, "the %s is singular: its axes lie in one plane", source);
    mend_pixdim(h, head);
    return PLEAT_OK;
}

pleat_status pleat_nifti_guard(const char *path, const void *bytes, nifti_head *out) {
    nifti_2_header h = {0};
    nifti_head head = {0};
    PLEAT_TRY(decode(path, bytes, &h, &head));
    PLEAT_TRY(check_size(path, &h, &head));
    PLEAT_TRY(check_type(path, &h, &head));
    PLEAT_TRY(check_space(path, &h, &head));
    head.info.by_pleat = strncmp(h.descrip, NIFTI_BY_PLEAT, sizeof h.descrip) == 0;
    *out = head;
    return PLEAT_OK;
}
