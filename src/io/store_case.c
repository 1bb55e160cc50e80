/* store_case.c - reading a case file's attributes, and comparing preprocessing texts. */
#include "store_case.h"

#include "pleat/classes.h"
#include "pleat/file.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static pleat_status check_id(const char *id) {
    PLEAT_CHECK(id[0] != '\0' && id[0] != '.' && strchr(id, '/') == NULL &&
                    strlen(id) < PLEAT_CASE_BYTES,
                PLEAT_ERR_ARG,
                "'%.200s' cannot be the name of a case: 1 to %d bytes without '/', and no '.' in "
                "front; rename it",
                id, PLEAT_CASE_BYTES - 1);
    return PLEAT_OK;
}

pleat_status pleat_store_set_id(pleat_case_info *info, const char *id) {
    PLEAT_TRY(check_id(id));
    (void)snprintf(info->id, sizeof info->id, "%s", id);
    return PLEAT_OK;
}

pleat_status store_case_path(const char *folder, const char *id, char *out, size_t size) {
    PLEAT_TRY(check_id(id));
    return pleat_path(out, size, "%s/cases/%s.h5", folder, id);
}

uint64_t store_digest(const pleat_case_info *info, const float *image, const uint8_t *label) {
    const size_t n = pleat_voxels(info->dim);
    const uint64_t digest = pleat_digest(0, image, (size_t)info->channels * n * sizeof *image);
    return label == NULL ? digest : pleat_digest(digest, label, n);
}

/* Of one file its own; of several the sum of their bytes, and their digests digested. */
static pleat_status identify_images(char *const *paths, int n, pleat_file_identity *out) {
    PLEAT_TRY(pleat_file_identify(paths[0], out));
    for (int i = 1; i < n; i++) {
        pleat_file_identity one;
        PLEAT_TRY(pleat_file_identify(paths[i], &one));
        out->bytes += one.bytes;
        out->digest = pleat_digest(out->digest, &one.digest, sizeof one.digest);
    }
    return PLEAT_OK;
}

pleat_status pleat_store_set_files(pleat_case_info *info, char *const *image_paths, int n,
                                   const char *label_path) {
    pleat_file_identity image, label = {0};
    char paths[2][sizeof info->image_path] = {"", ""};
    PLEAT_TRY(pleat_path(paths[0], sizeof paths[0], "%s", image_paths[0]));
    PLEAT_TRY(identify_images(image_paths, n, &image));
    if (label_path != NULL) {
        PLEAT_TRY(pleat_path(paths[1], sizeof paths[1], "%s", label_path));
        PLEAT_TRY(pleat_file_identify(label_path, &label));
    }
    memcpy(info->image_path, paths[0], sizeof paths[0]);
    memcpy(info->label_path, paths[1], sizeof paths[1]);
    info->image_file = image;
    info->label_file = label;
    return PLEAT_OK;
}

/* ---- one case -------------------------------------------------------------------------------- */

enum kind { TEXT, INT, REAL, DIGEST };

/* The attributes of a case, and where they stand in pleat_case_info. */
static const struct field {
    const char *name;
    enum kind kind;
    int rank;
    uint64_t dim[2];
    size_t at, size; /* size: of a text */
} fields[] = {
#define AT(member)   offsetof(pleat_case_info, member)
#define TEXT(member) AT(member), sizeof((pleat_case_info *)NULL)->member
    {"id", TEXT, 0, {0}, TEXT(id)},
    {"image_path", TEXT, 0, {0}, TEXT(image_path)},
    {"label_path", TEXT, 0, {0}, TEXT(label_path)},
    {"image_file", DIGEST, 1, {2}, AT(image_file), 0},
    {"label_file", DIGEST, 1, {2}, AT(label_file), 0},
    {"spacing", REAL, 1, {3}, AT(spacing), 0},
    {"classes", INT, 0, {0}, AT(classes), 0},
    {"digest", DIGEST, 0, {0}, AT(digest), 0},
    {"native_dim", INT, 1, {3}, AT(geometry.dim), 0},
    {"native_spacing", REAL, 1, {3}, AT(geometry.spacing), 0},
    {"affine", REAL, 2, {3, 4}, AT(geometry.affine), 0},
    {"sform_code", INT, 0, {0}, AT(geometry.sform_code), 0},
    {"qform_code", INT, 0, {0}, AT(geometry.qform_code), 0},
    {"xyzt_units", INT, 0, {0}, AT(geometry.xyzt_units), 0},
    {"sform", REAL, 2, {3, 4}, AT(geometry.sform), 0},
    {"quatern", REAL, 1, {3}, AT(geometry.quatern), 0},
    {"qoffset", REAL, 1, {3}, AT(geometry.qoffset), 0},
    {"pixdim", REAL, 1, {8}, AT(geometry.pixdim), 0},
#undef AT
#undef TEXT
};
static const size_t N_FIELDS = sizeof fields / sizeof fields[0];
#define CONTENT "content" /* of image and mask */
#define KINDS   "kinds"   /* of the channels' values */
static const uint64_t CONTENTS[1] = {2};

static pleat_hdf5_type type_of(enum kind kind) {
    return kind == INT ? PLEAT_HDF5_I32 : kind == REAL ? PLEAT_HDF5_F64 : PLEAT_HDF5_U64;
}

pleat_status store_case_put_fields(const pleat_hdf5_out *file, const pleat_case_info *info) {
    for (const struct field *f = fields; f < fields + N_FIELDS; f++) {
        const void *from = (const char *)info + f->at;
        if (f->kind == TEXT)
            PLEAT_TRY(pleat_hdf5_put_text(file, file->id, f->name, from));
        else
            PLEAT_TRY(pleat_hdf5_put_values(file, file->id, f->name, type_of(f->kind), f->rank,
                                            f->dim, from));
    }
    if (info->warnings[0] != '\0')
        PLEAT_TRY(pleat_hdf5_put_text(file, file->id, "warnings", info->warnings));
    if (info->channels > 1) /* else as before there were more */
        PLEAT_TRY(pleat_hdf5_put_values(file, file->id, "channels", PLEAT_HDF5_I32, 0, NULL,
                                        &info->channels));
    const uint64_t channels[1] = {(uint64_t)info->channels};
    if (info->channels > 0)
        PLEAT_TRY(
            pleat_hdf5_put_values(file, file->id, KINDS, PLEAT_HDF5_I32, 1, channels, info->kind));
    return pleat_hdf5_put_values(file, file->id, CONTENT, PLEAT_HDF5_U64, 1, CONTENTS,
                                 (uint64_t[]){info->image_content, info->label_content});
}

/* Stores of older versions lack it. */
static pleat_status get_content(const pleat_hdf5_in *file, pleat_case_info *info) {
    uint64_t of[2] = {0};
    if (pleat_hdf5_has_attribute(file, CONTENT))
        PLEAT_TRY(pleat_hdf5_get_values(file, CONTENT, PLEAT_HDF5_U64, 1, CONTENTS, of));
    info->image_content = of[0];
    info->label_content = of[1];
    return PLEAT_OK;
}

static pleat_status get_fields(const pleat_hdf5_in *file, pleat_case_info *info) {
    for (const struct field *f = fields; f < fields + N_FIELDS; f++) {
        void *to = (char *)info + f->at;
        if (f->kind == TEXT)
            PLEAT_TRY(pleat_hdf5_get_text(file, f->name, to, f->size));
        else
            PLEAT_TRY(pleat_hdf5_get_values(file, f->name, type_of(f->kind), f->rank, f->dim, to));
    }
    info->channels = 1;
    PLEAT_TRY(get_content(file, info));
    if (pleat_hdf5_has_attribute(file, "warnings"))
        PLEAT_TRY(pleat_hdf5_get_text(file, "warnings", info->warnings, sizeof info->warnings));
    if (pleat_hdf5_has_attribute(file, "channels")) {
        PLEAT_TRY(
            pleat_hdf5_get_values(file, "channels", PLEAT_HDF5_I32, 0, NULL, &info->channels));
        if (info->channels < 2 || info->channels > PLEAT_MAX_CHANNELS)
            return pleat_hdf5_damaged(file, "no number of channels is the attribute", "channels");
    }
    const uint64_t channels[1] = {(uint64_t)info->channels};
    if (!pleat_hdf5_has_attribute(file, KINDS)) return PLEAT_OK; /* as above */
    return pleat_hdf5_get_values(file, KINDS, PLEAT_HDF5_I32, 1, channels, info->kind);
}

pleat_status store_check_format(const pleat_hdf5_in *file, const char *wanted) {
    char format[32];
    int version = 0;
    PLEAT_TRY(pleat_hdf5_get_text(file, "format", format, sizeof format));
    PLEAT_CHECK(strcmp(format, wanted) == 0, PLEAT_ERR_FORMAT,
                "'%s': its format is '%s' and not '%s'; %s", pleat_hdf5_path(file), format, wanted,
                STORE_ADVICE);
    PLEAT_TRY(pleat_hdf5_get_values(file, "format_version", PLEAT_HDF5_I32, 0, NULL, &version));
    PLEAT_CHECK(version == STORE_VERSION, PLEAT_ERR_FORMAT,
                "'%s': its format has version %d, this pleat knows %d; %s", pleat_hdf5_path(file),
                version, STORE_VERSION, STORE_ADVICE);
    return PLEAT_OK;
}

pleat_status store_put_format(const pleat_hdf5_out *file, const char *format,
                              const char *preprocessing) {
    const int version = STORE_VERSION;
    PLEAT_TRY(pleat_hdf5_put_text(file, file->id, "format", format));
    PLEAT_TRY(
        pleat_hdf5_put_values(file, file->id, "format_version", PLEAT_HDF5_I32, 0, NULL, &version));
    PLEAT_TRY(pleat_hdf5_put_text(file, file->id, "pleat_version", PLEAT_VERSION));
    return pleat_hdf5_put_text(file, file->id, "preprocessing", preprocessing);
}

static pleat_status find_voxels(const pleat_hdf5_in *file, store_case *out) {
    uint64_t all[4] = {1}, label_dim[3] = {0}; /* C, D, H, W */
    const uint64_t *dim = all + 1;
    const int channels = out->info.channels;
    out->label_at = -1;
    PLEAT_TRY(pleat_hdf5_find_array(file, "image", PLEAT_HDF5_F32, channels > 1 ? 4 : 3,
                                    channels > 1 ? all : all + 1, &out->image_at));
    if (all[0] != (uint64_t)channels)
        return pleat_hdf5_damaged(file, "another number of channels has the dataset", "image");
    for (int a = 0; a < 3; a++) out->info.dim[a] = (int)dim[a];
    if (dim[0] > INT16_MAX || dim[1] > INT16_MAX || dim[2] > INT16_MAX)
        return pleat_hdf5_damaged(file, "too large is the dataset", "image");
    out->info.has_label = pleat_hdf5_has(file, "label");
    if (!out->info.has_label) return PLEAT_OK;
    PLEAT_TRY(pleat_hdf5_find_array(file, "label", PLEAT_HDF5_U8, 3, label_dim, &out->label_at));
    if (memcmp(dim, label_dim, sizeof label_dim) != 0)
        return pleat_hdf5_damaged(file, "image has another shape than the dataset", "label");
    return PLEAT_OK;
}

/* The list of foreground voxels; stores of older versions have none. */
static pleat_status find_foreground(const pleat_hdf5_in *file, store_case *out) {
    uint64_t dim[2] = {0};
    out->foreground_at = -1;
    if (!pleat_hdf5_has(file, "foreground")) return PLEAT_OK;
    PLEAT_TRY(
        pleat_hdf5_find_array(file, "foreground", PLEAT_HDF5_I32, 2, dim, &out->foreground_at));
    if (dim[1] != 4 || dim[0] > (uint64_t)256 * PLEAT_FOREGROUND_VOXELS)
        return pleat_hdf5_damaged(file, "unexpected shape of dataset", "foreground");
    out->n_foreground = (int)dim[0];
    return PLEAT_OK;
}

pleat_status store_case_load(const char *path, store_case *out) {
    pleat_status status = PLEAT_OK;
    pleat_hdf5_in *file = NULL;
    store_case made = {0};
    struct stat st;
    PLEAT_TRY_GOTO(status, done, pleat_hdf5_open(path, STORE_ADVICE, &file));
    PLEAT_CHECK_GOTO(status, done, fstat(pleat_hdf5_descriptor(file), &st) == 0,
                     pleat_file_status(errno), "cannot read '%s': %s", path, strerror(errno));
    made.inode = st.st_ino;
    made.bytes = st.st_size;
    made.written = st.st_mtim;
    PLEAT_TRY_GOTO(status, done, store_check_format(file, CASE_FORMAT));
    PLEAT_TRY_GOTO(
        status, done,
        pleat_hdf5_get_text(file, "preprocessing", made.preprocessing, sizeof made.preprocessing));
    PLEAT_TRY_GOTO(status, done, get_fields(file, &made.info));
    PLEAT_TRY_GOTO(status, done, find_voxels(file, &made));
    PLEAT_TRY_GOTO(status, done, find_foreground(file, &made));
    *out = made;
done:
    pleat_hdf5_release(file);
    return status;
}

/* ---- preprocessing texts --------------------------------------------------------------------- */

/* The value of `key` [n] in text, as a pointer into it and a length; NULL when it has none. */
static const char *value_of(const char *text, const char *key, size_t n, int *length) {
    for (const char *line = text; *line != '\0';) {
        const size_t all = strcspn(line, "\n");
        if (all > n && strncmp(line, key, n) == 0 && line[n] == ':') {
            const size_t skip = n + 1 + strspn(line + n + 1, " ");
            *length = skip < all ? (int)(all - skip) : 0;
            return line + skip;
        }
        line += line[all] == '\n' ? all + 1 : all;
    }
    *length = 7;
    return NULL;
}

int store_ignores(const char *preprocessing) {
    static const char key[] = "labels";
    int n = 0;
    const char *labels = value_of(preprocessing, key, sizeof key - 1, &n);
    pleat_labels one;
    char text[PLEAT_PREPROCESSING_BYTES];
    if (labels == NULL) return 0;
    (void)snprintf(text, sizeof text, "%.*s", n, labels);
    return pleat_labels_parse(text, &one) && one.ignore > 0;
}

/* The first key of `keys` whose values differ in a and b; its length, or 0 when there is none. */
static size_t first_difference(const char *keys, const char *a, const char *b, const char **key) {
    for (const char *line = keys; *line != '\0';) {
        const size_t all = strcspn(line, "\n"), n = strcspn(line, ":\n");
        int n_a, n_b;
        const char *in_a = value_of(a, line, n, &n_a), *in_b = value_of(b, line, n, &n_b);
        *key = line;
        if (n > 0 && ((in_a == NULL) != (in_b == NULL) || n_a != n_b ||
                      (in_a != NULL && strncmp(in_a, in_b, (size_t)n_a) != 0)))
            return n;
        line += line[all] == '\n' ? all + 1 : all;
    }
    return 0;
}

pleat_status store_compare_text(const char *what, const char *stored, const char *configured) {
    if (strcmp(stored, configured) == 0) return PLEAT_OK;
    const char *key = NULL;
    size_t n = first_difference(stored, stored, configured, &key);
    if (n == 0) n = first_difference(configured, stored, configured, &key);
    PLEAT_CHECK(n > 0, PLEAT_ERR_DATA,
                "'%s' was made by other preprocessing: the same lines in another order; name "
                "another store or remove this one",
                what);
    int n_a, n_b;
    const char *a = value_of(stored, key, n, &n_a), *b = value_of(configured, key, n, &n_b);
    return PLEAT_FAIL(PLEAT_ERR_DATA,
                      "'%s' was made by other preprocessing: %.*s: store has %.*s, configuration "
                      "says %.*s; name another store or remove this one",
                      what, (int)n, key, n_a, a ? a : "nothing", n_b, b ? b : "nothing");
}
