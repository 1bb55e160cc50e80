/*
 * store.c - opening a store and reading boxes of its cases.
 *
 * HDF5 is asked once, when the store is opened, where the voxels of each case begin; they lie in
 * one piece and uncompressed. Reads then are pread(2) on a descriptor of our own:
 *
 *   slice d of the box   |....rrrr....|....rrrr....|....rrrr|    r: rows wanted, one read spans
 *                             ^-------- one pread --------^      them and the gaps between them
 *
 * which needs no lock, so threads read side by side, and for which a file that vanishes is an error
 * and not a signal, as it would be for mmap. docs/store.md has the times of the ways compared.
 */
#include "pleat/file.h"
#include "store_case.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_OPEN    48        /* descriptors kept per store */
#define SPAN_BYTES  (1 << 20) /* of one pread over rows and gaps; half an L2 cache */
#define PREAD_BYTES (1 << 30) /* Linux moves at most 2 GiB - 4 KiB at once */

typedef struct open_file {
    int fd;             /* -1: closed */
    int users;          /* reads going on */
    uint64_t last_used; /* store's clock */
} open_file;

struct pleat_store {
    char folder[PLEAT_PATH_BYTES];
    char preprocessing[PLEAT_PREPROCESSING_BYTES];
    int n;
    store_case *cases;    /* [n], in order of id */
    pthread_mutex_t lock; /* of everything below */
    open_file *files;     /* [n] */
    int n_open;
    uint64_t clock;
};

/* ---- opening --------------------------------------------------------------------------------- */

static pleat_status make_room(pleat_store *store, int n) {
    store->cases = calloc((size_t)n + 1, sizeof *store->cases);
    store->files = calloc((size_t)n + 1, sizeof *store->files);
    PLEAT_CHECK(store->cases != NULL && store->files != NULL, PLEAT_ERR_MEMORY,
                "no memory for the %d cases of '%s'", n, store->folder);
    for (int i = 0; i < n; i++) store->files[i].fd = -1;
    store->n = n;
    return PLEAT_OK;
}

/* Makes room for the cases the index links to and sets their ids, ascending. */
static pleat_status list_cases(const pleat_hdf5_in *file, pleat_store *store) {
    pleat_status status = PLEAT_OK;
    char **names = NULL;
    int n = 0;
    PLEAT_TRY(pleat_hdf5_list(file, "cases", &names, &n));
    PLEAT_TRY_GOTO(status, done, make_room(store, n));
    for (int i = 0; i < n; i++)
        (void)snprintf(store->cases[i].info.id, sizeof store->cases[i].info.id, "%s", names[i]);
done:
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
    return status;
}

static pleat_status read_index(pleat_store *store, const char *preprocessing) {
    pleat_status status = PLEAT_OK;
    pleat_hdf5_in *file = NULL;
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/index.h5", store->folder));
    status = pleat_hdf5_open(path, STORE_ADVICE, &file);
    PLEAT_CHECK_GOTO(status, done, status != PLEAT_ERR_NOT_FOUND, PLEAT_ERR_NOT_FOUND,
                     "'%s' is no store: it has no index.h5; run `pleat prep` to make it",
                     store->folder);
    PLEAT_TRY_GOTO(status, done, status);
    PLEAT_TRY_GOTO(status, done, store_check_format(file, STORE_FORMAT));
    PLEAT_TRY_GOTO(status, done,
                   pleat_hdf5_get_text(file, "preprocessing", store->preprocessing,
                                       sizeof store->preprocessing));
    if (preprocessing != NULL)
        PLEAT_TRY_GOTO(status, done,
                       store_compare_text(store->folder, store->preprocessing, preprocessing));
    PLEAT_TRY_GOTO(status, done, list_cases(file, store));
done:
    pleat_hdf5_release(file);
    return status;
}

static pleat_status load_case(pleat_store *store, store_case *one) {
    char path[PLEAT_PATH_BYTES], id[sizeof one->info.id];
    memcpy(id, one->info.id, sizeof id);
    PLEAT_TRY(store_case_path(store->folder, id, path, sizeof path));
    const pleat_status status = store_case_load(path, one);
    PLEAT_CHECK(status != PLEAT_ERR_NOT_FOUND, status,
                "'%s' is not there but the store's index names it; run `pleat prep` again", path);
    PLEAT_TRY(status);
    PLEAT_CHECK(strcmp(id, one->info.id) == 0, PLEAT_ERR_FORMAT,
                "'%s' holds case '%s'; " STORE_ADVICE, path, one->info.id);
    return store_compare_text(path, one->preprocessing, store->preprocessing);
}

pleat_status pleat_store_open(const char *folder, const char *preprocessing, pleat_store **out) {
    pleat_status status = PLEAT_OK;
    pleat_store *store = calloc(1, sizeof *store);
    PLEAT_CHECK(store != NULL, PLEAT_ERR_MEMORY, "no memory for the store '%s'", folder);
    (void)pthread_mutex_init(&store->lock, NULL);
    PLEAT_TRY_GOTO(status, done, pleat_path(store->folder, sizeof store->folder, "%s", folder));
    PLEAT_TRY_GOTO(status, done, read_index(store, preprocessing));
    for (int i = 0; i < store->n; i++)
        PLEAT_TRY_GOTO(status, done, load_case(store, &store->cases[i]));
    *out = store;
    store = NULL;
done:
    pleat_store_close(store);
    return status;
}

/* What travels before the cases. */
typedef struct packed {
    char folder[PLEAT_PATH_BYTES];
    char preprocessing[PLEAT_PREPROCESSING_BYTES];
    int n;
} packed;

pleat_status pleat_store_pack(const pleat_store *store, void **bytes, size_t *n) {
    const size_t cases = (size_t)store->n * sizeof *store->cases;
    packed *head = calloc(1, sizeof *head + cases);
    PLEAT_CHECK(head != NULL, PLEAT_ERR_MEMORY, "no memory for the %d cases of '%s'", store->n,
                store->folder);
    memcpy(head->folder, store->folder, sizeof head->folder);
    memcpy(head->preprocessing, store->preprocessing, sizeof head->preprocessing);
    head->n = store->n;
    memcpy(head + 1, store->cases, cases);
    *bytes = head;
    *n = sizeof *head + cases;
    return PLEAT_OK;
}

pleat_status pleat_store_unpack(const void *bytes, pleat_store **out) {
    pleat_status status = PLEAT_OK;
    const packed *head = bytes;
    pleat_store *store = calloc(1, sizeof *store);
    PLEAT_CHECK(store != NULL, PLEAT_ERR_MEMORY, "no memory for the store '%s'", head->folder);
    (void)pthread_mutex_init(&store->lock, NULL);
    memcpy(store->folder, head->folder, sizeof store->folder);
    memcpy(store->preprocessing, head->preprocessing, sizeof store->preprocessing);
    PLEAT_TRY_GOTO(status, done, make_room(store, head->n));
    memcpy(store->cases, head + 1, (size_t)head->n * sizeof *store->cases);
    for (int i = 0; i < head->n; i++) store->cases[i].inode = 0; /* perhaps another one here */
    *out = store;
    store = NULL;
done:
    pleat_store_close(store);
    return status;
}

void pleat_store_close(pleat_store *store) {
    if (store == NULL) return;
    for (int i = 0; i < store->n; i++)
        if (store->files[i].fd >= 0) (void)close(store->files[i].fd);
    (void)pthread_mutex_destroy(&store->lock);
    free(store->files);
    free(store->cases);
    free(store);
}

int pleat_store_count(const pleat_store *store) { return store->n; }
const pleat_case_info *pleat_store_info(const pleat_store *store, int i) {
    return &store->cases[i].info;
}

static int by_id(const void *id, const void *one) {
    return strcmp(id, ((const store_case *)one)->info.id);
}

int pleat_store_find(const pleat_store *store, const char *id) {
    if (store->n == 0) return -1; /* bsearch takes no NULL */
    const store_case *at = bsearch(id, store->cases, (size_t)store->n, sizeof *at, by_id);
    return at != NULL ? (int)(at - store->cases) : -1;
}

const char *pleat_store_preprocessing(const pleat_store *store) { return store->preprocessing; }

pleat_status pleat_store_channels(const pleat_store *store, int *out) {
    *out = store->n > 0 ? store->cases[0].info.channels : 0;
    for (int i = 1; i < store->n; i++) {
        const pleat_case_info *a = &store->cases[0].info, *b = &store->cases[i].info;
        PLEAT_CHECK(a->channels == b->channels, PLEAT_ERR_DATA,
                    "store '%s': case '%s' has %d channels, case '%s' has %d", store->folder, a->id,
                    a->channels, b->id, b->channels);
    }
    return PLEAT_OK;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static void close_oldest(pleat_store *store) {
    int oldest = -1;
    for (int i = 0; i < store->n; i++) {
        const open_file *file = &store->files[i];
        if (file->fd >= 0 && file->users == 0 &&
            (oldest < 0 || file->last_used < store->files[oldest].last_used))
            oldest = i;
    }
    if (oldest < 0) return; /* all are being read: one more is open for a moment */
    (void)close(store->files[oldest].fd);
    store->files[oldest].fd = -1;
    store->n_open--;
}

/* 1 when the file is not, or no longer, as it was when the store was opened. */
static int has_changed(const store_case *one, int fd) {
    struct stat st;
    return fstat(fd, &st) != 0 || (one->inode != 0 && st.st_ino != one->inode) ||
           st.st_size != one->bytes || st.st_mtim.tv_sec != one->written.tv_sec ||
           st.st_mtim.tv_nsec != one->written.tv_nsec;
}

static pleat_status open_case(const pleat_store *store, int i, int *out) {
    const store_case *one = &store->cases[i];
    char path[PLEAT_PATH_BYTES];
    int64_t size = 0;
    int fd = -1;
    PLEAT_TRY(store_case_path(store->folder, one->info.id, path, sizeof path));
    const pleat_status status = pleat_file_open(path, &fd, &size);
    PLEAT_CHECK(status != PLEAT_ERR_NOT_FOUND, PLEAT_ERR_IO,
                "cannot read '%s': it was removed while the store was in use", path);
    PLEAT_TRY(status);
    if (has_changed(one, fd)) {
        (void)close(fd);
        return PLEAT_FAIL(PLEAT_ERR_IO, "'%s' changed while the store was in use; start again",
                          path);
    }
    *out = fd;
    return PLEAT_OK;
}

static pleat_status take_file(pleat_store *store, int i, int *fd) {
    pleat_status status = PLEAT_OK;
    open_file *file = &store->files[i];
    (void)pthread_mutex_lock(&store->lock);
    if (file->fd < 0) {
        if (store->n_open >= MAX_OPEN) close_oldest(store);
        PLEAT_TRY_GOTO(status, done, open_case(store, i, &file->fd));
        store->n_open++;
    }
    file->users++;
    file->last_used = ++store->clock;
    *fd = file->fd;
done:
    (void)pthread_mutex_unlock(&store->lock);
    return status;
}

static void give_file(pleat_store *store, int i) {
    (void)pthread_mutex_lock(&store->lock);
    store->files[i].users--;
    (void)pthread_mutex_unlock(&store->lock);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* n bytes at `at`; 0, an errno, or -1 when the file ends before. */
static int read_bytes(int fd, void *out, size_t n, int64_t at) {
    for (size_t done = 0; done < n;) {
        const size_t part = n - done < PREAD_BYTES ? n - done : PREAD_BYTES;
        const ssize_t got = pread(fd, (char *)out + done, part, at + (int64_t)done);
        if (got < 0 && errno != EINTR) return errno;
        if (got == 0) return -1;
        if (got > 0) done += (size_t)got;
    }
    return 0;
}

static pleat_status check_read(int failed, const char *folder, const char *id) {
    PLEAT_CHECK(failed == 0, PLEAT_ERR_IO, "cannot read '%s/cases/%s.h5': %s", folder, id,
                failed > 0 ? strerror(failed) : "it became shorter while the store was in use");
    return PLEAT_OK;
}

/* Where a box lies in a dataset of voxels of `voxel` bytes that begins at `at`. */
typedef struct box {
    int fd;
    int64_t at;
    size_t voxel;
    const int *dim, *start, *size; /* [3] */
} box;

static int64_t row_at(const box *b, int d, int h) {
    const int64_t row = ((int64_t)b->start[0] + d) * b->dim[1] + b->start[1] + h;
    return b->at + (row * b->dim[2] + b->start[2]) * (int64_t)b->voxel;
}

/* Whole rows of a slice follow one another, whole slices too: as few reads as there are gaps. */
static int read_whole_rows(const box *b, char *out) {
    const size_t slice = (size_t)b->size[1] * (size_t)b->size[2] * b->voxel;
    if (b->size[1] == b->dim[1])
        return read_bytes(b->fd, out, slice * (size_t)b->size[0], row_at(b, 0, 0));
    int failed = 0;
    for (int d = 0; d < b->size[0] && failed == 0; d++)
        failed = read_bytes(b->fd, out + (size_t)d * slice, slice, row_at(b, d, 0));
    return failed;
}

/* Rows with gaps between them, `rows` of them at a time through span[]. */
static int read_part_rows(const box *b, char *span, int rows, char *out) {
    const size_t width = (size_t)b->size[2] * b->voxel, pitch = (size_t)b->dim[2] * b->voxel;
    for (int d = 0; d < b->size[0]; d++) {
        for (int h = 0; h < b->size[1]; h += rows) {
            const int n = b->size[1] - h < rows ? b->size[1] - h : rows;
            const int failed =
                read_bytes(b->fd, span, (size_t)(n - 1) * pitch + width, row_at(b, d, h));
            if (failed != 0) return failed;
            for (int r = 0; r < n; r++, out += width) memcpy(out, span + (size_t)r * pitch, width);
        }
    }
    return 0;
}

static pleat_status read_box(const box *b, const char *folder, const char *id, void *out) {
    int failed;
    if (b->size[2] == b->dim[2]) {
        failed = read_whole_rows(b, out);
    } else {
        const size_t pitch = (size_t)b->dim[2] * b->voxel;
        const size_t fit = SPAN_BYTES / pitch + 1, wanted = (size_t)b->size[1];
        const size_t rows = wanted < fit ? wanted : fit;
        char *span = malloc(rows * pitch);
        PLEAT_CHECK(span != NULL, PLEAT_ERR_MEMORY, "no memory for %zu rows of '%s'", rows, id);
        failed = read_part_rows(b, span, (int)rows, out);
        free(span);
    }
    return check_read(failed, folder, id);
}

pleat_status pleat_store_read(pleat_store *store, int i, int channel, const int start[3],
                              const int size[3], float *image, uint8_t *label) {
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK(i >= 0 && i < store->n, PLEAT_ERR_ARG, "the store '%s' has %d cases, no number %d",
                store->folder, store->n, i);
    const store_case *one = &store->cases[i];
    const int *dim = one->info.dim;
    for (int a = 0; a < 3; a++)
        PLEAT_CHECK(start[a] >= 0 && size[a] >= 1 && start[a] <= dim[a] - size[a], PLEAT_ERR_SHAPE,
                    "voxels %d..%d of case '%s' along axis %c, which has %d", start[a],
                    start[a] + size[a] - 1, one->info.id, "zyx"[a], dim[a]);
    PLEAT_CHECK(label == NULL || one->label_at >= 0, PLEAT_ERR_DATA,
                "case '%s' of the store '%s' has no mask", one->info.id, store->folder);
    PLEAT_CHECK(channel >= 0 && channel < one->info.channels, PLEAT_ERR_ARG,
                "case '%s' has %d channels, no number %d", one->info.id, one->info.channels,
                channel);
    const int64_t plane = (int64_t)(pleat_voxels(dim) * sizeof *image);
    box b = {-1, one->image_at + channel * plane, sizeof *image, dim, start, size};
    PLEAT_TRY(take_file(store, i, &b.fd));
    if (image != NULL)
        PLEAT_TRY_GOTO(status, done, read_box(&b, store->folder, one->info.id, image));
    b.at = one->label_at;
    b.voxel = sizeof *label;
    if (label != NULL)
        PLEAT_TRY_GOTO(status, done, read_box(&b, store->folder, one->info.id, label));
    PLEAT_CHECK_GOTO(status, done, !has_changed(one, b.fd), PLEAT_ERR_IO,
                     "'%s/cases/%s.h5' changed while the store was in use; start again",
                     store->folder, one->info.id);
done:
    give_file(store, i);
    return status;
}

pleat_status pleat_store_read_case(pleat_store *store, int i, float *image, uint8_t *label) {
    static const int origin[3] = {0, 0, 0};
    const pleat_case_info *info = pleat_store_info(store, i);
    const size_t n = pleat_voxels(info->dim);
    for (int c = 0; c < info->channels && image != NULL; c++)
        PLEAT_TRY(pleat_store_read(store, i, c, origin, info->dim, image + (size_t)c * n, NULL));
    if (label != NULL) PLEAT_TRY(pleat_store_read(store, i, 0, origin, info->dim, NULL, label));
    return PLEAT_OK;
}

static pleat_status list_now(pleat_store *store, int i, int32_t (**rows)[4], int *n) {
    const pleat_case_info *info = pleat_store_info(store, i);
    uint8_t *label = malloc(pleat_voxels(info->dim));
    PLEAT_CHECK(label != NULL, PLEAT_ERR_MEMORY, "no memory for the mask of case '%s'", info->id);
    pleat_status status = pleat_store_read_case(store, i, NULL, label);
    if (status == PLEAT_OK)
        status =
            pleat_foreground_list(info->dim, label, store_ignores(store->preprocessing), rows, n);
    free(label);
    return status;
}

/* Rows that another program wrote, or that a disk spoiled, must not lead out of the volume. */
static int is_inside(const int dim[3], int32_t (*rows)[4], int n) {
    for (int r = 0; r < n; r++) {
        if (rows[r][0] < 1 || rows[r][0] > 255 || (r > 0 && rows[r][0] < rows[r - 1][0])) return 0;
        for (int a = 0; a < 3; a++)
            if (rows[r][1 + a] < 0 || rows[r][1 + a] >= dim[a]) return 0;
    }
    return 1;
}

pleat_status pleat_store_foreground(pleat_store *store, int i, int32_t (**out)[4], int *n) {
    pleat_status status = PLEAT_OK;
    const store_case *one = &store->cases[i];
    *out = NULL;
    *n = 0;
    if (!one->info.has_label) return PLEAT_OK;
    if (one->foreground_at < 0) return list_now(store, i, out, n);
    int fd = -1;
    int32_t(*rows)[4] = malloc((size_t)one->n_foreground * sizeof *rows);
    PLEAT_CHECK(rows != NULL, PLEAT_ERR_MEMORY, "no memory for the foreground of case '%s'",
                one->info.id);
    PLEAT_TRY_GOTO(status, done, take_file(store, i, &fd));
    const int failed =
        read_bytes(fd, rows, (size_t)one->n_foreground * sizeof *rows, one->foreground_at);
    give_file(store, i);
    PLEAT_TRY_GOTO(status, done, check_read(failed, store->folder, one->info.id));
    PLEAT_CHECK_GOTO(status, done, is_inside(one->info.dim, rows, one->n_foreground),
                     PLEAT_ERR_FORMAT,
                     "'%s/cases/%s.h5': its foreground lies outside; " STORE_ADVICE, store->folder,
                     one->info.id);
    const int annotated =
        one->n_foreground > 0 && rows[one->n_foreground - 1][0] == PLEAT_ANNOTATED;
    if (store_ignores(store->preprocessing) && !annotated) { /* an older pleat wrote it */
        status = list_now(store, i, out, n);
        goto done;
    }
    *out = rows;
    *n = one->n_foreground;
    rows = NULL;
done:
    free(rows);
    return status;
}

pleat_status pleat_store_check(const pleat_store *store, int i, const float *image,
                               const uint8_t *label) {
    const pleat_case_info *info = pleat_store_info(store, i);
    PLEAT_CHECK(store_digest(info, image, label) == info->digest, PLEAT_ERR_FORMAT,
                "'%s/cases/%s.h5': its voxels are not those that were written; remove it and start "
                "again: it is prepared again",
                store->folder, info->id);
    return PLEAT_OK;
}

pleat_status pleat_store_verify(pleat_store *store, int i) {
    pleat_status status = PLEAT_OK;
    const pleat_case_info *info = pleat_store_info(store, i);
    pleat_image image = {0};
    pleat_label label = {0};
    PLEAT_TRY_GOTO(status, done,
                   pleat_image_make(info->channels, info->dim, info->spacing, &image));
    if (info->has_label)
        PLEAT_TRY_GOTO(status, done, pleat_label_make(info->dim, info->spacing, &label));
    PLEAT_TRY_GOTO(status, done, pleat_store_read_case(store, i, image.data, label.data));
    PLEAT_TRY_GOTO(status, done, pleat_store_check(store, i, image.data, label.data));
done:
    pleat_image_free(&image);
    pleat_label_free(&label);
    return status;
}
