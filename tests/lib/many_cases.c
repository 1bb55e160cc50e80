/*
 * many_cases.c - many_cases FOLDER N: a data set of N tiny cases, imagesTr and labelsTr.
 *
 * 8 x 8 x 8 voxels each, of 2 mm: noise, and a box of two classes in it, at a place and with values
 * of the case's own, so that no two are alike. Written fast, for tests of how work grows with N.
 */
#include "nifti_bytes.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { SIDE = 8, VOXELS = SIDE * SIDE * SIDE };

static spec grid(int datatype, int bits) {
    spec s = spec_of(1, datatype, bits);
    for (int a = 1; a <= 3; a++) s.dim[a] = SIDE, s.pixdim[a] = 2.0;
    for (size_t a = 0; a < 3; a++) s.srow[5 * a] = 2.0;
    s.sform_code = 1;
    return s;
}

static int label_at(int i, int number) {
    const int x = i % SIDE, y = i / SIDE % SIDE, z = i / SIDE / SIDE;
    const int x0 = 1 + number % 3, y0 = 1 + number / 3 % 3, z0 = 1 + number / 9 % 3;
    const int inside = x >= x0 && x < x0 + 4 && y >= y0 && y < y0 + 3 && z >= z0 && z < z0 + 3;
    return inside ? 1 + (x >= x0 + 2) : 0;
}

static void write_case(const char *folder, int number) {
    static unsigned char bytes[8 * 1024];
    const spec image = grid(16, 32), mask = grid(2, 8);
    double x[VOXELS], y[VOXELS];
    char path[4096];
    uint32_t noise = 2654435761U * (uint32_t)(number + 1);
    for (int i = 0; i < VOXELS; i++) {
        noise = noise * 1664525U + 1013904223U;
        y[i] = label_at(i, number);
        x[i] = 100.0 * y[i] + (double)(noise >> 16) / 1024.0;
    }
    (void)snprintf(path, sizeof path, "%s/imagesTr/case_%05d_0000.nii", folder, number);
    save(path, 0, bytes, put_volume(bytes, sizeof bytes, &image, x, VOXELS));
    (void)snprintf(path, sizeof path, "%s/labelsTr/case_%05d.nii", folder, number);
    save(path, 0, bytes, put_volume(bytes, sizeof bytes, &mask, y, VOXELS));
}

int main(int argc, char **argv) {
    static const char *const parts[] = {"", "/imagesTr", "/labelsTr"};
    char path[4096];
    if (argc != 3) {
        (void)fprintf(stderr, "usage: many_cases FOLDER N\n");
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s%s", argv[1], parts[i]);
        (void)mkdir(path, 0777);
    }
    for (long i = 0; i < strtol(argv[2], NULL, 10); i++) write_case(argv[1], (int)i);
    return 0;
}
