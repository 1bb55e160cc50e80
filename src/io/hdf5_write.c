/* hdf5_write.c - HDF5 files, attributes and contiguous datasets, with errors in words. */
#include "hdf5_write.h"

#include "pleat/file.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define MEMORY_STEP ((size_t)1 << 20) /* by which a file in memory grows */

/* The library keeps process-wide state of its own, so its lock is process-wide too. */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

void pleat_hdf5_lock(void) {
    (void)pthread_mutex_lock(&library);
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void pleat_hdf5_unlock(void) { (void)pthread_mutex_unlock(&library); }

static pleat_status not_written(const pleat_hdf5_out *file, const char *name) {
    return PLEAT_FAIL(PLEAT_ERR_IO, "cannot write '%s' into '%s': %s", name, file->path,
                      errno != 0 ? strerror(errno) : "HDF5 refused it");
}

/* In memory until it is closed: HDF5 1.10 crashes, in H5Fclose or at the exit, when it cannot write
 * what it holds, for example to a full disk. */
pleat_status pleat_hdf5_create(const char *path, pleat_hdf5_out *out) {
    pleat_hdf5_out file = {.id = H5I_INVALID_HID};
    PLEAT_TRY(pleat_path(file.path, sizeof file.path, "%s", path));
    errno = 0;
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    (void)H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18);
    (void)H5Pset_fapl_core(access, MEMORY_STEP, 0);
    file.id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    (void)H5Pclose(access);
    PLEAT_CHECK(file.id >= 0, PLEAT_ERR_MEMORY, "no memory to make '%s'", path);
    *out = file;
    return PLEAT_OK;
}

static pleat_status write_memory(const pleat_hdf5_out *file) {
    void **bytes = NULL; /* the core driver's handle is the address of its pointer to them */
    const ssize_t size =
        H5Fflush(file->id, H5F_SCOPE_LOCAL) >= 0 ? H5Fget_file_image(file->id, NULL, 0) : -1;
    PLEAT_CHECK(size > 0 && H5Fget_vfd_handle(file->id, H5P_DEFAULT, (void **)&bytes) >= 0,
                PLEAT_ERR_MEMORY, "no memory to make '%s'", file->path);
    return pleat_file_write(file->path, *bytes, (size_t)size);
}

pleat_status pleat_hdf5_close(pleat_hdf5_out *file) {
    if (file->id < 0) return PLEAT_OK;
    const pleat_status status = write_memory(file);
    (void)H5Fclose(file->id);
    *file = (pleat_hdf5_out)PLEAT_HDF5_NONE;
    return status;
}

static hid_t make_space(int rank, const uint64_t *dim) {
    hsize_t wide[4] = {0};
    for (int i = 0; i < rank; i++) wide[i] = dim[i];
    return rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, wide, NULL);
}

static hid_t type_of(pleat_hdf5_type type) {
    const hid_t types[] = {
        [PLEAT_HDF5_I32] = H5T_STD_I32LE,  [PLEAT_HDF5_I64] = H5T_STD_I64LE,
        [PLEAT_HDF5_U8] = H5T_STD_U8LE,    [PLEAT_HDF5_U64] = H5T_STD_U64LE,
        [PLEAT_HDF5_F32] = H5T_IEEE_F32LE, [PLEAT_HDF5_F64] = H5T_IEEE_F64LE,
    };
    return types[type];
}

static pleat_status put_attribute(const pleat_hdf5_out *file, hid_t at, const char *name,
                                  hid_t type, int rank, const uint64_t *dim, const void *values) {
    errno = 0;
    const hid_t space = make_space(rank, dim);
    const hid_t attribute = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const herr_t written = attribute >= 0 ? H5Awrite(attribute, type, values) : -1;
    if (attribute >= 0) (void)H5Aclose(attribute);
    (void)H5Sclose(space);
    return written >= 0 ? PLEAT_OK : not_written(file, name);
}

pleat_status pleat_hdf5_put_values(const pleat_hdf5_out *file, hid_t at, const char *name,
                                   pleat_hdf5_type type, int rank, const uint64_t *dim,
                                   const void *values) {
    return put_attribute(file, at, name, type_of(type), rank, dim, values);
}

/* Of fixed length with the ending 0, so that the text stands in the object header or in a heap with
 * checksums; text of variable length lies in a heap without. */
pleat_status pleat_hdf5_put_text(const pleat_hdf5_out *file, hid_t at, const char *name,
                                 const char *value) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    (void)H5Tset_size(type, strlen(value) + 1);
    (void)H5Tset_cset(type, H5T_CSET_UTF8);
    const pleat_status status = put_attribute(file, at, name, type, 0, NULL, value);
    (void)H5Tclose(type);
    return status;
}

pleat_status pleat_hdf5_put_array(const pleat_hdf5_out *file, const char *name,
                                  pleat_hdf5_type type, int rank, const uint64_t *dim,
                                  const void *data) {
    errno = 0;
    const hid_t space = make_space(rank, dim), of = type_of(type);
    const hid_t set = H5Dcreate2(file->id, name, of, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const herr_t written = set >= 0 ? H5Dwrite(set, of, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) : -1;
    if (set >= 0) (void)H5Dclose(set);
    (void)H5Sclose(space);
    return written >= 0 ? PLEAT_OK : not_written(file, name);
}
