/*
 * checkpoint.c - a fold's state as one HDF5 file, with a checksum and a generation before it.
 *
 *   .NAME.HOST-PID.tmp written, synced;  NAME -> NAME.previous;  .NAME.HOST-PID.tmp -> NAME
 *
 * so at every moment NAME or NAME.previous is whole.
 */
#include "pleat/checkpoint.h"

#include "hdf5_write.h"
#include "pleat/file.h"
#include "pleat/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT         "pleat-checkpoint"
#define FORMAT_VERSION 7 /* 1: no epoch under way, 2: no names of metrics, 3: no cases, 4: no */
                         /* average of the weights, 5: nothing learnt before, 6: no amsgrad */
#define ADVICE         "remove it and train the fold again"

/* One that needs no more is written as before, so that an older pleat reads it. */
static int version_of(const pleat_checkpoint *c) {
    if (c->moment2_max != NULL) return 7;
    return c->learnt.n > 0 ? 6 : c->raw_params != NULL ? 5 : 4;
}

/* ---- the scalars ----------------------------------------------------------------------------- */

enum kind { TEXT, INT, INT64, UINT64, SCHEDULE, PARTIAL };

/* The attributes, where they stand in pleat_checkpoint, and the version since which. */
static const struct field {
    const char *name;
    size_t at, size;
    enum kind kind;
    int since;
} fields[] = {
#define NAMED(name, member, kind, since)                                                          \
    {                                                                                             \
        name, offsetof(pleat_checkpoint, member), sizeof((pleat_checkpoint *)NULL)->member, kind, \
            since                                                                                 \
    }
#define FIELD(member, kind, since) NAMED(#member, member, kind, since)
    FIELD(network, TEXT, 1),
    FIELD(config, TEXT, 1),
    FIELD(preprocessing, TEXT, 1),
    FIELD(classes, TEXT, 1),
    FIELD(engine, TEXT, 1),
    FIELD(precision, TEXT, 1),
    FIELD(version, TEXT, 1),
    FIELD(fold, INT, 1),
    FIELD(epoch, INT, 1),
    FIELD(finished, INT, 1),
    FIELD(step, INT64, 1),
    FIELD(seed, UINT64, 1),
    FIELD(n_params, UINT64, 1),
    FIELD(n_stats, UINT64, 1),
    FIELD(schedule, SCHEDULE, 1),
    FIELD(iteration, INT, 2),
    FIELD(partial, PARTIAL, 2),
    FIELD(metrics, TEXT, 3),
    NAMED("n_learnt", learnt.n, UINT64, 6),
#undef FIELD
#undef NAMED
};
enum { FIELDS = sizeof fields / sizeof *fields };

static int is_list(enum kind kind) { return kind == SCHEDULE || kind == PARTIAL; }

static pleat_hdf5_type type_of(enum kind kind) {
    switch (kind) {
    case INT: return PLEAT_HDF5_I32;
    case INT64: return PLEAT_HDF5_I64;
    case UINT64: return PLEAT_HDF5_U64;
    default: return PLEAT_HDF5_F64;
    }
}

static pleat_status put_fields(const pleat_hdf5_out *file, int version, const pleat_checkpoint *c) {
    for (const struct field *f = fields; f < fields + FIELDS; f++) {
        if (f->since > version) continue;
        const void *from = (const char *)c + f->at;
        const uint64_t dim[1] = {f->size / sizeof(double)};
        if (f->kind == TEXT)
            PLEAT_TRY(pleat_hdf5_put_text(file, file->id, f->name, from));
        else
            PLEAT_TRY(pleat_hdf5_put_values(file, file->id, f->name, type_of(f->kind),
                                            is_list(f->kind), dim, from));
    }
    return PLEAT_OK;
}

static pleat_status get_fields(const pleat_hdf5_in *file, int version, pleat_checkpoint *c) {
    for (const struct field *f = fields; f < fields + FIELDS; f++) {
        if (f->since > version) continue;
        void *to = (char *)c + f->at;
        const uint64_t dim[1] = {f->size / sizeof(double)};
        if (f->kind == TEXT)
            PLEAT_TRY(pleat_hdf5_get_text(file, f->name, to, f->size));
        else
            PLEAT_TRY(
                pleat_hdf5_get_values(file, f->name, type_of(f->kind), is_list(f->kind), dim, to));
    }
    return PLEAT_OK;
}

/* ---- the arrays ------------------------------------------------------------------------------ */

enum { N_ARRAYS = 9 };

enum { LEARNT = 3 }; /* numbers of an image that was learnt */
_Static_assert(sizeof(pleat_traced) == LEARNT * sizeof(uint64_t), "its bytes, digest, content");

typedef struct array {
    const char *name;
    pleat_hdf5_type type;
    size_t bytes; /* of an element */
    int optional, rank;
    uint64_t dim[2];
    void *data;
    size_t at; /* of the pointer in pleat_checkpoint */
} array;

int pleat_checkpoint_columns(const pleat_checkpoint *c) {
    int metrics = 1;
    if (c->metrics[0] == '\0') metrics = 4;
    for (const char *at = c->metrics; *at != '\0'; at++) metrics += *at == ',';
    return 2 * metrics + 2;
}

/* The arrays of *c; one without elements is not stored. */
static void list_arrays(const pleat_checkpoint *c, array out[N_ARRAYS]) {
    const pleat_hdf5_type real = PLEAT_HDF5_F32, wide = PLEAT_HDF5_F64;
    const uint64_t n = c->n_params, epochs = (uint64_t)c->epoch;
    const uint64_t columns = (uint64_t)pleat_checkpoint_columns(c);
    const array rows[N_ARRAYS] = {
#define AT(member) c->member, offsetof(pleat_checkpoint, member)
        {"params", real, 4, 0, 1, {n, 1}, AT(params)},
        {"moment1", real, 4, 1, 1, {n, 1}, AT(moment1)},
        {"moment2", real, 4, 1, 1, {n, 1}, AT(moment2)},
        {"stats", real, 4, 0, 1, {c->n_stats, 1}, AT(stats)},
        {"history", wide, 8, 0, 2, {epochs, columns}, AT(history)},
        {"raw_params", real, 4, 1, 1, {n, 1}, AT(raw_params)},
        {"raw_stats", real, 4, 1, 1, {c->n_stats, 1}, AT(raw_stats)},
        {"learnt", PLEAT_HDF5_U64, 8, 0, 2, {c->learnt.n, LEARNT}, AT(learnt.of)},
        {"moment2_max", real, 4, 1, 1, {n, 1}, AT(moment2_max)},
#undef AT
    };
    memcpy(out, rows, sizeof rows);
}

static size_t bytes_of(const array *a) { return (size_t)(a->dim[0] * a->dim[1]) * a->bytes; }

/* FNV-1a over the fields in the order of the table (texts with their end), arrays, cases. */
static uint64_t digest_of(const pleat_checkpoint *c, int version) {
    array arrays[N_ARRAYS];
    uint64_t digest = 0;
    for (const struct field *f = fields; f < fields + FIELDS; f++) {
        if (f->since > version) continue;
        const char *from = (const char *)c + f->at;
        digest = pleat_digest(digest, from, f->kind == TEXT ? strlen(from) + 1 : f->size);
    }
    list_arrays(c, arrays);
    for (int i = 0; i < N_ARRAYS; i++)
        if (arrays[i].data != NULL)
            digest = pleat_digest(digest, arrays[i].data, bytes_of(&arrays[i]));
    return c->cases == NULL ? digest : pleat_digest(digest, c->cases, strlen(c->cases) + 1);
}

/* ---- writing --------------------------------------------------------------------------------- */

static pleat_status put_layers(const pleat_hdf5_out *file, const pleat_checkpoint *c) {
    pleat_status status = PLEAT_OK;
    const hid_t group = H5Gcreate2(file->id, "layers", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    PLEAT_CHECK(group >= 0, PLEAT_ERR_IO, "cannot write 'layers' into '%s'", file->path);
    for (int i = 0; i < c->n_layers && status == PLEAT_OK; i++) {
        const pleat_layer_info *layer = &c->layers[i];
        const uint64_t rank[1] = {(uint64_t)layer->rank};
        const uint64_t offset = layer->offset;
        const hid_t at = H5Gcreate2(group, layer->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        if (at < 0) {
            status = PLEAT_FAIL(PLEAT_ERR_IO, "cannot write the layer '%s' into '%s'", layer->name,
                                file->path);
            break;
        }
        status = pleat_hdf5_put_text(file, at, "array", layer->in_stats ? "stats" : "params");
        if (status == PLEAT_OK)
            status =
                pleat_hdf5_put_values(file, at, "shape", PLEAT_HDF5_I32, 1, rank, layer->shape);
        if (status == PLEAT_OK)
            status = pleat_hdf5_put_values(file, at, "offset", PLEAT_HDF5_U64, 0, NULL, &offset);
        (void)H5Gclose(at);
    }
    (void)H5Gclose(group);
    return status;
}

/* The list can be read alone, so it has a digest of its own. */
static pleat_status put_cases(const pleat_hdf5_out *file, const char *cases) {
    if (cases == NULL || cases[0] == '\0') return PLEAT_OK;
    const uint64_t n[1] = {strlen(cases)};
    const uint64_t digest = pleat_digest(0, cases, n[0]);
    PLEAT_TRY(
        pleat_hdf5_put_values(file, file->id, "cases_digest", PLEAT_HDF5_U64, 0, NULL, &digest));
    return pleat_hdf5_put_array(file, "cases", PLEAT_HDF5_U8, 1, n, cases);
}

static pleat_status get_cases(const pleat_hdf5_in *file, char **out) {
    uint64_t n[1] = {0}, digest = 0;
    int64_t offset = 0;
    *out = NULL;
    if (!pleat_hdf5_has(file, "cases")) return PLEAT_OK;
    PLEAT_TRY(pleat_hdf5_get_values(file, "cases_digest", PLEAT_HDF5_U64, 0, NULL, &digest));
    PLEAT_TRY(pleat_hdf5_find_array(file, "cases", PLEAT_HDF5_U8, 1, n, &offset));
    char *text = calloc(n[0] + 1, 1);
    PLEAT_CHECK(text != NULL, PLEAT_ERR_MEMORY, "no memory for the cases of '%s'",
                pleat_hdf5_path(file));
    pleat_status status = pleat_hdf5_get_bytes(file, offset, text, n[0]);
    if (status == PLEAT_OK && pleat_digest(0, text, n[0]) != digest)
        status = pleat_hdf5_damaged(file, "its cases are not those that were written", NULL);
    if (status == PLEAT_OK)
        *out = text;
    else
        free(text);
    return status;
}

static pleat_status fill_file(const pleat_hdf5_out *file, const pleat_checkpoint *c) {
    array arrays[N_ARRAYS];
    const int version = version_of(c);
    const uint64_t digest = digest_of(c, version);
    PLEAT_TRY(pleat_hdf5_put_text(file, file->id, "format", FORMAT));
    PLEAT_TRY(
        pleat_hdf5_put_values(file, file->id, "format_version", PLEAT_HDF5_I32, 0, NULL, &version));
    PLEAT_TRY(pleat_hdf5_put_values(file, file->id, "digest", PLEAT_HDF5_U64, 0, NULL, &digest));
    PLEAT_TRY(put_fields(file, version, c));
    list_arrays(c, arrays);
    for (int i = 0; i < N_ARRAYS; i++)
        if (arrays[i].data != NULL && bytes_of(&arrays[i]) > 0)
            PLEAT_TRY(pleat_hdf5_put_array(file, arrays[i].name, arrays[i].type, arrays[i].rank,
                                           arrays[i].dim, arrays[i].data));
    PLEAT_TRY(put_cases(file, c->cases));
    return put_layers(file, c);
}

static pleat_status write_temporary(const char *temporary, const pleat_checkpoint *c) {
    pleat_hdf5_out file = PLEAT_HDF5_NONE;
    pleat_hdf5_lock();
    pleat_status status = pleat_hdf5_create(temporary, &file);
    if (status == PLEAT_OK) status = fill_file(&file, c);
    const pleat_status closed = pleat_hdf5_close(&file);
    if (status == PLEAT_OK) status = closed;
    pleat_hdf5_unlock();
    return status;
}

/* On disk before the older generation makes room, so that the moment without `path` is short. */
static pleat_status sync_file(const char *path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const int why = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) (void)close(fd);
    PLEAT_CHECK(why == 0, PLEAT_ERR_IO, "cannot sync '%s': %s", path, strerror(why));
    return PLEAT_OK;
}

/* A fold's files have one writer at a time, so what another process left is a dead one's. */
static void remove_leftovers_of(const char *path) {
    char folder[PLEAT_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    const int n = slash == NULL ? 1 : (int)(slash + 1 - path);
    if (pleat_path(folder, sizeof folder, "%.*s", n, slash == NULL ? "." : path) == PLEAT_OK)
        pleat_file_remove_leftovers(folder, slash == NULL ? path : slash + 1, INFINITY);
}

pleat_status pleat_checkpoint_write(const char *path, const pleat_checkpoint *checkpoint,
                                    int keep_previous) {
    pleat_status status = PLEAT_OK;
    char temporary[PLEAT_PATH_BYTES], previous[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_file_temporary(path, temporary, sizeof temporary));
    PLEAT_TRY(pleat_path(previous, sizeof previous, "%s.previous", path));
    remove_leftovers_of(path);
    PLEAT_TRY_GOTO(status, done, write_temporary(temporary, checkpoint));
    PLEAT_TRY_GOTO(status, done, sync_file(temporary));
    PLEAT_CHECK_GOTO(status, done, !keep_previous || rename(path, previous) == 0 || errno == ENOENT,
                     PLEAT_ERR_IO, "cannot rename '%s' to '%s': %s", path, previous,
                     strerror(errno));
    PLEAT_TRY_GOTO(status, done, pleat_file_publish(temporary, path));
done:
    if (status != PLEAT_OK) (void)unlink(temporary);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

void pleat_checkpoint_free(pleat_checkpoint *checkpoint) {
    array arrays[N_ARRAYS];
    list_arrays(checkpoint, arrays);
    for (int i = 0; i < N_ARRAYS; i++) free(arrays[i].data);
    free(checkpoint->cases);
    memset(checkpoint, 0, sizeof *checkpoint);
}

/* All of them, or that of the name `only`. */
static pleat_status get_arrays(const pleat_hdf5_in *file, const char *only, pleat_checkpoint *c) {
    array arrays[N_ARRAYS];
    list_arrays(c, arrays);
    for (int i = 0; i < N_ARRAYS; i++) {
        array *a = &arrays[i];
        uint64_t dim[2] = {0, 1};
        int64_t offset;
        if (bytes_of(a) == 0 || (only != NULL && strcmp(a->name, only) != 0)) continue;
        if (a->optional && !pleat_hdf5_has(file, a->name)) continue;
        PLEAT_TRY(pleat_hdf5_find_array(file, a->name, a->type, a->rank, dim, &offset));
        if (dim[0] != a->dim[0] || dim[1] != a->dim[1])
            return pleat_hdf5_damaged(file, "unexpected size of dataset", a->name);
        void *data = malloc(bytes_of(a));
        PLEAT_CHECK(data != NULL, PLEAT_ERR_MEMORY, "no memory for %zu bytes of '%s'", bytes_of(a),
                    pleat_hdf5_path(file));
        memcpy((char *)c + a->at, &data, sizeof data);
        PLEAT_TRY(pleat_hdf5_get_bytes(file, offset, data, bytes_of(a)));
    }
    return PLEAT_OK;
}

static pleat_status get_version(const pleat_hdf5_in *file, int *out) {
    char format[32];
    int version = 0;
    PLEAT_TRY(pleat_hdf5_get_text(file, "format", format, sizeof format));
    PLEAT_CHECK(strcmp(format, FORMAT) == 0, PLEAT_ERR_FORMAT, "'%s' is no checkpoint but '%s'",
                pleat_hdf5_path(file), format);
    PLEAT_TRY(pleat_hdf5_get_values(file, "format_version", PLEAT_HDF5_I32, 0, NULL, &version));
    PLEAT_CHECK(version >= 1 && version <= FORMAT_VERSION, PLEAT_ERR_FORMAT,
                "'%s': its format has version %d, this pleat knows 1 to %d", pleat_hdf5_path(file),
                version, FORMAT_VERSION);
    *out = version;
    return PLEAT_OK;
}

static pleat_status get_scalars(const pleat_hdf5_in *file, int *version, pleat_checkpoint *c) {
    PLEAT_TRY(get_version(file, version));
    PLEAT_TRY(get_fields(file, *version, c));
    if (c->epoch < 0) return pleat_hdf5_damaged(file, "cannot use the attribute", "epoch");
    if (c->iteration < 0) return pleat_hdf5_damaged(file, "cannot use the attribute", "iteration");
    if (c->learnt.n > PLEAT_MOST_LEARNT)
        return pleat_hdf5_damaged(file, "cannot use the attribute", "n_learnt");
    return PLEAT_OK;
}

static pleat_status get_all(const pleat_hdf5_in *file, pleat_checkpoint *c) {
    int version = 0;
    uint64_t digest = 0;
    PLEAT_TRY(get_scalars(file, &version, c));
    PLEAT_TRY(pleat_hdf5_get_values(file, "digest", PLEAT_HDF5_U64, 0, NULL, &digest));
    PLEAT_TRY(get_arrays(file, NULL, c));
    if (version >= 4) PLEAT_TRY(get_cases(file, &c->cases));
    if (digest_of(c, version) != digest)
        return pleat_hdf5_damaged(file, "its contents are not those that were written", NULL);
    return PLEAT_OK;
}

static pleat_status get_history(const pleat_hdf5_in *file, pleat_checkpoint *c) {
    int version = 0;
    PLEAT_TRY(get_scalars(file, &version, c));
    return get_arrays(file, "history", c);
}

static pleat_status get_learnt(const pleat_hdf5_in *file, pleat_checkpoint *c) {
    int version = 0;
    PLEAT_TRY(get_scalars(file, &version, c));
    PLEAT_TRY(get_arrays(file, "learnt", c));
    return version >= 4 ? get_cases(file, &c->cases) : PLEAT_OK;
}

static pleat_status read_part(const char *path,
                              pleat_status (*get)(const pleat_hdf5_in *, pleat_checkpoint *),
                              pleat_checkpoint *out) {
    pleat_status status = PLEAT_OK;
    pleat_hdf5_in *file = NULL;
    pleat_checkpoint made = {0};
    PLEAT_TRY_GOTO(status, done, pleat_hdf5_open(path, ADVICE, &file));
    PLEAT_TRY_GOTO(status, done, get(file, &made));
    *out = made; /* ownership of the arrays moves to the caller */
    memset(&made, 0, sizeof made);
done:
    pleat_checkpoint_free(&made);
    pleat_hdf5_release(file);
    return status;
}

pleat_status pleat_checkpoint_read(const char *path, pleat_checkpoint *out) {
    return read_part(path, get_all, out);
}

pleat_status pleat_checkpoint_history(const char *path, pleat_checkpoint *out) {
    return read_part(path, get_history, out);
}

pleat_status pleat_checkpoint_learnt(const char *path, pleat_checkpoint *out) {
    return read_part(path, get_learnt, out);
}

/* Of this file alone. */
static pleat_status read_cases(const char *path, char **out) {
    pleat_status status = PLEAT_OK;
    pleat_hdf5_in *file = NULL;
    int version = 0;
    *out = NULL;
    PLEAT_TRY_GOTO(status, done, pleat_hdf5_open(path, ADVICE, &file));
    PLEAT_TRY_GOTO(status, done, get_version(file, &version));
    if (version >= 4) PLEAT_TRY_GOTO(status, done, get_cases(file, out));
done:
    pleat_hdf5_release(file);
    return status;
}

/* The file does not stand for what was written: there is none, or another. */
static int is_unusable(pleat_status status) {
    return status == PLEAT_ERR_FORMAT || status == PLEAT_ERR_NOT_FOUND;
}

pleat_status pleat_checkpoint_resume(const char *path, pleat_checkpoint *out, int *fell_back) {
    char previous[PLEAT_PATH_BYTES], why[512];
    PLEAT_TRY(pleat_path(previous, sizeof previous, "%s.previous", path));
    const pleat_status latest = pleat_checkpoint_read(path, out);
    *fell_back = 0;
    if (!is_unusable(latest)) return latest;
    (void)snprintf(why, sizeof why, "%s", pleat_error_message());
    const pleat_status before = pleat_checkpoint_read(previous, out);
    if (before == PLEAT_OK) {
        pleat_log(PLEAT_INFO, "%s. Resuming from '%s'", why, previous);
        *fell_back = 1;
        return PLEAT_OK;
    }
    if (!is_unusable(before)) return before;
    PLEAT_CHECK(before != PLEAT_ERR_NOT_FOUND, latest, "%s", why);
    return PLEAT_FAIL(before, "%s; nor can '%s' be used", why, previous);
}

pleat_status pleat_checkpoint_cases(const char *path, char **out) {
    char previous[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(previous, sizeof previous, "%s.previous", path));
    const pleat_status latest = read_cases(path, out);
    return is_unusable(latest) && pleat_file_exists(previous) ? read_cases(previous, out) : latest;
}
