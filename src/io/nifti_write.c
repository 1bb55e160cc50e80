/*
 * nifti_write.c - writes NIfTI-1 volumes.
 *
 * libnifti2 makes the header; it and the voxels are written by nifti_gzip.c, because libnifti2's
 * writer returns nothing and a full disk would go unseen.
 */
#include "pleat/file.h"
#include "pleat/nifti.h"

#include "nifti_guard.h"
#include "nifti_gzip.h"

#include <nifti2_io.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

void pleat_nifti_plain_geometry(const int dim[3], const double spacing[3], pleat_geometry *out) {
    *out = (pleat_geometry){.sform_code = NIFTI_XFORM_SCANNER_ANAT,
                            .qform_code = NIFTI_XFORM_SCANNER_ANAT,
                            .xyzt_units = NIFTI_UNITS_MM};
    out->pixdim[0] = 1.0;
    for (int i = 0; i < 3; i++) {
        out->dim[i] = dim[i];
        out->spacing[i] = spacing[i];
        out->pixdim[i + 1] = spacing[2 - i];
        out->affine[i][i] = out->sform[i][i] = spacing[2 - i];
    }
}

static pleat_status make_header(const char *path, const pleat_geometry *g, int channels,
                                int datatype, int intent, nifti_1_header *out) {
    const int64_t dims[8] = {
        channels > 1 ? 4 : 3, g->dim[2], g->dim[1], g->dim[0], channels, 1, 1, 1};
    nifti_1_header *made = nifti_make_new_n1_header(dims, datatype);
    PLEAT_CHECK(made != NULL, PLEAT_ERR_MEMORY, "no memory for the header of '%s'", path);
    nifti_1_header h = *made;
    free(made);
    for (int i = 4; i < 8; i++) h.dim[i] = (short)dims[i];
    for (int i = 0; i < 8; i++) h.pixdim[i] = (float)g->pixdim[i];
    memcpy(h.magic, "n+1", 4);
    memcpy(h.descrip, NIFTI_BY_PLEAT, sizeof NIFTI_BY_PLEAT);
    h.vox_offset = NIFTI1_BYTES + 4;
    h.scl_slope = 1.0F;
    h.scl_inter = 0.0F;
    h.intent_code = (short)intent;
    h.xyzt_units = (char)g->xyzt_units;
    h.qform_code = (short)g->qform_code;
    h.sform_code = (short)g->sform_code;
    h.quatern_b = (float)g->quatern[0];
    h.quatern_c = (float)g->quatern[1];
    h.quatern_d = (float)g->quatern[2];
    h.qoffset_x = (float)g->qoffset[0];
    h.qoffset_y = (float)g->qoffset[1];
    h.qoffset_z = (float)g->qoffset[2];
    for (int i = 0; i < 4; i++) {
        h.srow_x[i] = (float)g->sform[0][i];
        h.srow_y[i] = (float)g->sform[1][i];
        h.srow_z[i] = (float)g->sform[2][i];
    }
    nifti_head unused;
    *out = h;
    if (h.dim[4] > PLEAT_MAX_CHANNELS) h.dim[4] = PLEAT_MAX_CHANNELS; /* classes may be more */
    PLEAT_TRY(pleat_nifti_guard(path, &h, &unused)); /* write nothing that would not be read */
    return PLEAT_OK;
}

static pleat_status write_pieces(const char *path, const nifti_1_header *header,
                                 const char *extension, size_t between, const void *voxels,
                                 size_t bytes) {
    const nifti_part parts[] = {{header, sizeof *header}, {extension, between}, {voxels, bytes}};
    char temporary[PLEAT_PATH_BYTES];
    int fd = -1;
    PLEAT_TRY(pleat_file_create(path, temporary, sizeof temporary, &fd));
    int why = pleat_nifti_write_parts(fd, parts, 3, ends_with(path, ".gz"));
    if (close(fd) != 0 && why == 0) why = errno;
    if (why != 0) {
        (void)unlink(temporary);
        return pleat_file_not_written(path, bytes, why);
    }
    PLEAT_TRY(pleat_file_publish(temporary, path));
    return PLEAT_OK;
}

/* What stands between header and voxels: whether there are extensions, and the one of `text`, NULL
 * for none. *bytes of it, freed by the caller; NULL without memory. */
static char *make_extension(const char *text, size_t *bytes) {
    const size_t n = text != NULL ? strlen(text) : 0, size = (8 + n + 16) / 16 * 16;
    *bytes = 4 + (text != NULL ? size : 0);
    char *out = calloc(*bytes, 1);
    if (out == NULL || text == NULL) return out;
    const int32_t head[2] = {(int32_t)size, NIFTI_ECODE_CARET};
    out[0] = 1;
    memcpy(out + 4, head, sizeof head);
    memcpy(out + 4 + sizeof head, text, n + 1);
    return out;
}

/* `voxels`[bytes] under a header, to a temporary name and then to `path`. */
static pleat_status write_volume(const char *path, nifti_1_header *header, const char *text,
                                 const void *voxels, size_t bytes) {
    size_t between = 0;
    char *extension = make_extension(text, &between);
    PLEAT_CHECK(extension != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    header->vox_offset = (float)(NIFTI1_BYTES + between);
    const pleat_status status = write_pieces(path, header, extension, between, voxels, bytes);
    free(extension);
    return status;
}

static pleat_status check_target(const char *path, const int dim[3],
                                 const pleat_geometry *geometry) {
    PLEAT_CHECK(ends_with(path, ".nii") || ends_with(path, ".nii.gz"), PLEAT_ERR_ARG,
                "cannot write '%s': the name must end in .nii or .nii.gz", path);
    PLEAT_CHECK(memcmp(dim, geometry->dim, sizeof geometry->dim) == 0, PLEAT_ERR_SHAPE,
                "cannot write '%s': %d x %d x %d voxels (x, y, z) do not fit a geometry of "
                "%d x %d x %d",
                path, dim[2], dim[1], dim[0], geometry->dim[2], geometry->dim[1], geometry->dim[0]);
    return PLEAT_OK;
}

pleat_status pleat_nifti_write_named(const char *path, const pleat_label *label,
                                     const pleat_geometry *geometry, const char *table) {
    nifti_1_header header;
    PLEAT_TRY(check_target(path, label->dim, geometry));
    PLEAT_TRY(make_header(path, geometry, 1, NIFTI_TYPE_UINT8, NIFTI_INTENT_LABEL, &header));
    PLEAT_TRY(write_volume(path, &header, table, label->data, pleat_voxels(label->dim)));
    return PLEAT_OK;
}

pleat_status pleat_nifti_write_label(const char *path, const pleat_label *label,
                                     const pleat_geometry *geometry) {
    return pleat_nifti_write_named(path, label, geometry, NULL);
}

/* Whole numbers to int16[C,D,H,W], to be freed by the caller. */
static pleat_status narrow(const char *path, const pleat_image *image, int16_t **out) {
    const size_t n = pleat_image_values(image), voxels = pleat_voxels(image->dim);
    const size_t w = (size_t)image->dim[2], h = (size_t)image->dim[1];
    int16_t *data = malloc(n * sizeof *data);
    PLEAT_CHECK(data != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    for (size_t i = 0; i < n; i++) {
        const float v = image->data[i];
        if (!(v >= INT16_MIN && v <= INT16_MAX && v == floorf(v))) {
            free(data);
            return PLEAT_FAIL(PLEAT_ERR_DATA,
                              "cannot write '%s' as int16: voxel (x, y, z) = (%zu, %zu, %zu) is %g",
                              path, i % w, i / w % h, i % voxels / w / h, (double)v);
        }
        data[i] = (int16_t)v;
    }
    *out = data;
    return PLEAT_OK;
}

static pleat_status check_finite(const char *path, const pleat_image *image) {
    const size_t n = pleat_image_values(image), voxels = pleat_voxels(image->dim);
    const size_t w = (size_t)image->dim[2], h = (size_t)image->dim[1];
    for (size_t i = 0; i < n; i++)
        PLEAT_CHECK(isfinite(image->data[i]), PLEAT_ERR_DATA,
                    "cannot write '%s': voxel (x, y, z) = (%zu, %zu, %zu) is %g", path, i % w,
                    i / w % h, i % voxels / w / h, (double)image->data[i]);
    return PLEAT_OK;
}

pleat_status pleat_nifti_write_image(const char *path, const pleat_image *image,
                                     const pleat_geometry *geometry, int as_int16) {
    nifti_1_header header;
    int16_t *narrowed = NULL;
    PLEAT_TRY(check_target(path, image->dim, geometry));
    PLEAT_TRY(make_header(path, geometry, image->channels,
                          as_int16 ? NIFTI_TYPE_INT16 : NIFTI_TYPE_FLOAT32, NIFTI_INTENT_NONE,
                          &header));
    if (as_int16)
        PLEAT_TRY(narrow(path, image, &narrowed));
    else
        PLEAT_TRY(check_finite(path, image));
    const size_t width = as_int16 ? sizeof *narrowed : sizeof *image->data;
    const pleat_status status =
        write_volume(path, &header, NULL, as_int16 ? (const void *)narrowed : image->data,
                     pleat_image_values(image) * width);
    free(narrowed);
    PLEAT_TRY(status);
    return PLEAT_OK;
}
