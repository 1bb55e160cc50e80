/* store_write.c - cases and the index of the store, written whole or not at all. */
#include "pleat/file.h"
#include "store_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double STALE_S = 600.0; /* no case takes that long to write */

/* ---- a case ---------------------------------------------------------------------------------- */

static pleat_status put_foreground(const pleat_hdf5_out *file, const char *preprocessing,
                                   const pleat_label *label) {
    int32_t(*rows)[4] = NULL;
    int n = 0;
    PLEAT_TRY(
        pleat_foreground_list(label->dim, label->data, store_ignores(preprocessing), &rows, &n));
    const uint64_t dim[2] = {(uint64_t)n, 4};
    const pleat_status status =
        n > 0 ? pleat_hdf5_put_array(file, "foreground", PLEAT_HDF5_I32, 2, dim, rows) : PLEAT_OK;
    free(rows);
    return status;
}

static pleat_status fill_file(const pleat_hdf5_out *file, const char *preprocessing,
                              const pleat_case_info *info, const pleat_image *image,
                              const pleat_label *label) {
    const uint64_t all[4] = {(uint64_t)image->channels, (uint64_t)image->dim[0],
                             (uint64_t)image->dim[1], (uint64_t)image->dim[2]};
    const uint64_t *dim = all + 1;
    const int several = image->channels > 1;
    PLEAT_TRY(store_put_format(file, CASE_FORMAT, preprocessing));
    PLEAT_TRY(store_case_put_fields(file, info));
    PLEAT_TRY(pleat_hdf5_put_array(file, "image", PLEAT_HDF5_F32, several ? 4 : 3,
                                   several ? all : dim, image->data));
    if (label == NULL) return PLEAT_OK;
    PLEAT_TRY(pleat_hdf5_put_array(file, "label", PLEAT_HDF5_U8, 3, dim, label->data));
    return put_foreground(file, preprocessing, label);
}

static void complete_info(pleat_case_info *info, const pleat_image *image,
                          const pleat_label *label) {
    const size_t n = pleat_voxels(image->dim);
    info->channels = image->channels;
    memcpy(info->dim, image->dim, sizeof info->dim);
    memcpy(info->spacing, image->spacing, sizeof info->spacing);
    info->has_label = label != NULL;
    info->classes = 0;
    for (size_t i = 0; label != NULL && i < n; i++)
        if (label->data[i] >= info->classes && label->data[i] != PLEAT_IGNORED)
            info->classes = label->data[i] + 1;
    info->digest = store_digest(info, image->data, label ? label->data : NULL);
}

pleat_status pleat_store_write_case(const char *folder, const char *preprocessing,
                                    pleat_case_info *info, const pleat_image *image,
                                    const pleat_label *label) {
    pleat_status status = PLEAT_OK;
    pleat_hdf5_out file = PLEAT_HDF5_NONE;
    char path[PLEAT_PATH_BYTES], cases[PLEAT_PATH_BYTES], temporary[PLEAT_PATH_BYTES];
    PLEAT_TRY(store_case_path(folder, info->id, path, sizeof path));
    PLEAT_CHECK(
        label == NULL || memcmp(image->dim, label->dim, sizeof image->dim) == 0, PLEAT_ERR_SHAPE,
        "case '%s': the image has %d x %d x %d voxels, the mask %d x %d x %d", info->id,
        image->dim[2], image->dim[1], image->dim[0], label->dim[2], label->dim[1], label->dim[0]);
    PLEAT_CHECK(strlen(preprocessing) < PLEAT_PREPROCESSING_BYTES, PLEAT_ERR_ARG,
                "the text of the preprocessing is longer than %d bytes",
                PLEAT_PREPROCESSING_BYTES - 1);
    PLEAT_TRY(pleat_path(cases, sizeof cases, "%s/cases", folder));
    PLEAT_TRY(pleat_file_make_part(cases));
    PLEAT_TRY(pleat_file_temporary(path, temporary, sizeof temporary));
    complete_info(info, image, label);
    pleat_hdf5_lock();
    status = pleat_hdf5_create(temporary, &file);
    if (status == PLEAT_OK) status = fill_file(&file, preprocessing, info, image, label);
    const pleat_status closed = pleat_hdf5_close(&file);
    if (status == PLEAT_OK) status = closed;
    pleat_hdf5_unlock();
    if (status != PLEAT_OK) {
        (void)remove(temporary);
        return pleat_error_frame(status, __FILE__, __LINE__, __func__);
    }
    return pleat_file_publish(temporary, path);
}

static int same_file(pleat_file_identity a, pleat_file_identity b) {
    return a.bytes == b.bytes && a.digest == b.digest;
}

pleat_status pleat_store_find_case(const char *folder, const char *preprocessing,
                                   const pleat_case_info *wanted, pleat_case_state *out) {
    char path[PLEAT_PATH_BYTES];
    store_case found;
    PLEAT_TRY(store_case_path(folder, wanted->id, path, sizeof path));
    pleat_status status = store_case_load(path, &found);
    if (status == PLEAT_ERR_NOT_FOUND) {
        *out = PLEAT_CASE_ABSENT;
        return PLEAT_OK;
    }
    if (status == PLEAT_OK && strcmp(found.info.id, wanted->id) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_FORMAT, "'%s' holds case '%s'; " STORE_ADVICE, path,
                            found.info.id);
    if (status == PLEAT_ERR_FORMAT) {
        *out = PLEAT_CASE_DAMAGED;
        return PLEAT_OK;
    }
    if (status != PLEAT_OK) return pleat_error_frame(status, __FILE__, __LINE__, __func__);
    PLEAT_TRY(store_compare_text(path, found.preprocessing, preprocessing));
    const int same = same_file(found.info.image_file, wanted->image_file) &&
                     same_file(found.info.label_file, wanted->label_file);
    *out = same ? PLEAT_CASE_WHOLE : PLEAT_CASE_CHANGED;
    return PLEAT_OK;
}

/* ---- the index ------------------------------------------------------------------------------- */

static pleat_status put_links(const pleat_hdf5_out *file, const char *const *ids, int n) {
    pleat_status status = PLEAT_OK;
    const hid_t group = H5Gcreate2(file->id, "cases", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    PLEAT_CHECK(group >= 0, PLEAT_ERR_IO, "cannot write 'cases' into '%s'", file->path);
    for (int i = 0; i < n && status == PLEAT_OK; i++) {
        char target[PLEAT_PATH_BYTES];
        status = pleat_path(target, sizeof target, "cases/%s.h5", ids[i]);
        if (status == PLEAT_OK &&
            H5Lcreate_external(target, "/", group, ids[i], H5P_DEFAULT, H5P_DEFAULT) < 0)
            status = PLEAT_FAIL(PLEAT_ERR_DATA,
                                "cannot name case '%s' in '%s': an id may occur once only", ids[i],
                                file->path);
    }
    (void)H5Gclose(group);
    return status;
}

static pleat_status fill_index(const pleat_hdf5_out *file, const char *preprocessing,
                               const char *const *ids, int n) {
    const uint64_t digest = pleat_digest(0, preprocessing, strlen(preprocessing));
    PLEAT_TRY(store_put_format(file, STORE_FORMAT, preprocessing));
    PLEAT_TRY(pleat_hdf5_put_values(file, file->id, "preprocessing_digest", PLEAT_HDF5_U64, 0, NULL,
                                    &digest));
    return put_links(file, ids, n);
}

pleat_status pleat_store_write_index(const char *folder, const char *preprocessing,
                                     const char *const *ids, int n) {
    pleat_status status = PLEAT_OK;
    pleat_hdf5_out file = PLEAT_HDF5_NONE;
    char path[PLEAT_PATH_BYTES], temporary[PLEAT_PATH_BYTES];
    for (int i = 0; i < n; i++) {
        PLEAT_TRY(store_case_path(folder, ids[i], path, sizeof path));
        PLEAT_CHECK(pleat_file_exists(path), PLEAT_ERR_NOT_FOUND,
                    "'%s' is not there; run `pleat prep` to make it", path);
    }
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/index.h5", folder));
    PLEAT_TRY(pleat_file_make_folder(folder));
    PLEAT_TRY(pleat_file_temporary(path, temporary, sizeof temporary));
    pleat_hdf5_lock();
    status = pleat_hdf5_create(temporary, &file);
    if (status == PLEAT_OK) status = fill_index(&file, preprocessing, ids, n);
    const pleat_status closed = pleat_hdf5_close(&file);
    if (status == PLEAT_OK) status = closed;
    pleat_hdf5_unlock();
    if (status != PLEAT_OK) {
        (void)remove(temporary);
        return pleat_error_frame(status, __FILE__, __LINE__, __func__);
    }
    PLEAT_TRY(pleat_file_publish(temporary, path));
    struct stat st; /* of the file just made: this file system's own clock */
    if (stat(path, &st) == 0) {
        char cases[PLEAT_PATH_BYTES];
        PLEAT_TRY(pleat_path(cases, sizeof cases, "%s/cases", folder));
        pleat_file_remove_leftovers(folder, NULL, (double)st.st_mtime - STALE_S);
        pleat_file_remove_leftovers(cases, NULL, (double)st.st_mtime - STALE_S);
    }
    return PLEAT_OK;
}
