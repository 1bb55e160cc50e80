/* check_data.h - a small data folder of sound cases, each of which a test may change before it is
 * written. */
#ifndef PLEAT_TESTS_CHECK_DATA_H
#define PLEAT_TESTS_CHECK_DATA_H

#include "nifti_bytes.h"
#include "support.h"

#include "pleat/check.h"

#include <math.h>
#include <stdlib.h>

enum { X = 16, Y = 14, Z = 12, VOXELS = X * Y * Z, CASES = 4, BAD = 2 };

typedef struct made { /* a case before it is written */
    spec image, mask;
    double x[2 * VOXELS], y[VOXELS];
} made;

static char data[PLEAT_PATH_BYTES];
static made one;

static inline size_t at(int x, int y, int z) { return ((size_t)z * Y + (size_t)y) * X + (size_t)x; }

static inline void place(spec *s, const double rows[12]) {
    memcpy(s->srow, rows, sizeof s->srow);
    s->sform_code = 1;
}

static inline spec grid(int datatype, int bits) {
    static const double rows[12] = {-3, 0, 0, 20, 0, -3, 0, 30, 0, 0, 4, -40}; /* LPS */
    spec s = spec_of(1, datatype, bits);
    const int64_t dim[8] = {3, X, Y, Z, 1, 1, 1, 1};
    const double pixdim[8] = {1, 3, 3, 4, 0, 0, 0, 0};
    memcpy(s.dim, dim, sizeof dim);
    memcpy(s.pixdim, pixdim, sizeof pixdim);
    place(&s, rows);
    return s;
}

static inline unsigned noise(int i) { return ((unsigned)i * 2654435761U ^ 977U) * 40503U >> 12; }

/* HU that differ from case to case; two organs of which neither is like itself mirrored. */
static inline void make(int number) {
    one = (made){.image = grid(16, 32), .mask = grid(2, 8)};
    for (int i = 0; i < VOXELS; i++) one.x[i] = -1000.0 + noise(i + number * VOXELS) % 1200;
    for (int z = 1; z < 7; z++)
        for (int y = 1; y < 6; y++)
            for (int x = 2; x < 12 + number % 3; x++) one.y[at(x, y, z)] = x < 7 ? 1 : 2;
    one.y[at(0, 0, number)] = 1;
}

/* The image grows darker to the back, or to the front. */
static inline void slope_image(int to_front) {
    for (int i = 0; i < VOXELS; i++) {
        const int y = i / X % Y;
        one.x[i] = floor(one.x[i] / 8) + 70 * (to_front ? Y - 1 - y : y) - 900;
    }
}

/* Every two voxels along x become one. */
static inline void halve(void) {
    for (int i = 0; i < VOXELS / 2; i++) {
        one.x[i] = (one.x[2 * i] + one.x[2 * i + 1]) / 2;
        one.y[i] = one.y[2 * i];
    }
    for (int mask = 0; mask < 2; mask++) {
        spec *s = mask ? &one.mask : &one.image;
        s->dim[1] = X / 2;
        s->pixdim[1] = 6;
        s->srow[0] = -6;
        s->srow[3] -= 1.5;
    }
}

static inline void write_volume(const char *path, const spec *s, const double *values) {
    static unsigned char bytes[1 << 17];
    const size_t n = (size_t)(s->dim[1] * s->dim[2] * s->dim[3] * s->dim[4]);
    save(path, 1, bytes, put_volume(bytes, sizeof bytes, s, values, n));
}

static inline const char *path_of(const char *id, const char *file) {
    char name[128];
    (void)snprintf(name, sizeof name, "data/%s%s%s", id, file[0] != '\0' ? "/" : "", file);
    return in_root(NULL, name);
}

static inline const char *bad_file(const char *file) { return path_of("case_2", file); }

#define IMAGE "imaging.nii.gz"
#define MASK  "segmentation.nii.gz"

static inline void write_case(const char *id) {
    OK(pleat_file_make_folder(path_of(id, "")));
    write_volume(path_of(id, IMAGE), &one.image, one.x);
    write_volume(path_of(id, MASK), &one.mask, one.y);
}

static inline void write_data(void (*change)(int number)) {
    char command[PLEAT_PATH_BYTES + 16];
    (void)in_root(data, "data");
    (void)snprintf(command, sizeof command, "rm -rf '%s'", data);
    assert_int_equal(system(command), 0);
    OK(pleat_file_make_folder(data));
    for (int number = 0; number < CASES; number++) {
        char id[16];
        make(number);
        if (change != NULL) change(number);
        (void)snprintf(id, sizeof id, "case_%d", number);
        write_case(id);
    }
}

/* ---- what a check says of it ----------------------------------------------------------------- */

#define THREE "classes=background,a,b"

/* `set`: a key of the configuration; of preprocessing, with the classes. */
static inline void look(const char *set, const pleat_check_how *how, pleat_check_report *out) {
    pleat_comm *self = NULL;
    pleat_config config;
    pleat_config_defaults(&config);
    OK(pleat_config_set_key("test", "data", data, &config));
    OK(pleat_config_set(set == NULL || strncmp(set, "preprocess", 10) == 0 ? THREE : set, &config));
    if (set != NULL) OK(pleat_config_set(set, &config));
    OK(pleat_comm_self(&self));
    OK(pleat_check(self, &config, how, out));
    pleat_comm_destroy(self);
}

static inline void print_all(const char *name, const pleat_check_report *report) {
    for (int i = 0; i < report->n; i++)
        print_error("%s: %s, '%s', %s: %s\n", name, pleat_check_kinds[report->finding[i].kind].name,
                    report->finding[i].id, report->finding[i].field, report->finding[i].text);
}

/* How many findings there are of a kind. */
static inline int count_kind(const pleat_check_report *report, const char *kind) {
    int n = 0;
    for (int i = 0; i < report->n; i++)
        n += strcmp(pleat_check_kinds[report->finding[i].kind].name, kind) == 0;
    return n;
}

#endif /* PLEAT_TESTS_CHECK_DATA_H */
