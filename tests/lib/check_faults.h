/* check_faults.h - what may be wrong with a data folder: changes of a case before it is written,
 * and of its files after. */
#ifndef PLEAT_TESTS_CHECK_FAULTS_H
#define PLEAT_TESTS_CHECK_FAULTS_H

#include "check_data.h"

#include <unistd.h>

/* ---- what may be wrong with it --------------------------------------------------------------- */

#define OF_BAD \
    if (number != BAD) return

static void both(int entry, double value) { one.image.srow[entry] = one.mask.srow[entry] = value; }
static void other_size(int number) {
    OF_BAD;
    one.mask.dim[1] = Y;
    one.mask.dim[2] = X;
}
static void shifted(int number) {
    OF_BAD;
    one.mask.srow[3] += 10;
}
static void turned(int number) { /* x of the mask leads the other way, over the same box */
    OF_BAD;
    one.mask.srow[0] = 3;
    one.mask.srow[3] = 20 - 3 * (X - 1);
}
static void other_signs(int number) {
    OF_BAD;
    for (int i = 0; i < 8; i++) one.mask.srow[i] *= -1;
}
static void no_place(int number) {
    OF_BAD;
    one.mask.sform_code = 0;
}
static void rounded(int number) {
    OF_BAD;
    one.mask.srow[0] = -3.002;
}
static void rounded_more(int number) {
    OF_BAD;
    both(0, -3.04);
    one.image.pixdim[1] = 3.04;
    one.mask.srow[0] = -3.0;
}
static void turned_header(int number) { /* x and y of the header exchanged, not of the voxels */
    static const double rows[12] = {0, -3, 0, 20, -3, 0, 0, 30, 0, 0, 4, -40};
    OF_BAD;
    place(&one.mask, rows);
}
static void two_forms(int number) {
    OF_BAD;
    one.image.qform_code = 1; /* no rotation, while the sform turns x and y */
}
static void other_pixdim(int number) {
    OF_BAD;
    one.image.pixdim[3] = 5;
}
static void sheared(int number) {
    OF_BAD;
    both(1, 0.5);
}
static void in_metres(int number) {
    OF_BAD;
    for (int i = 0; i < 12; i++) both(i, one.image.srow[i] * 1000);
    for (int i = 1; i < 4; i++) one.image.pixdim[i] = one.mask.pixdim[i] *= 1000;
}
static void without_spacing(int number) {
    OF_BAD;
    one.image.sform_code = 0;
    one.image.pixdim[3] = 0;
}
static void thick(int number) {
    OF_BAD;
    both(10, 0.45);
    one.image.pixdim[3] = one.mask.pixdim[3] = 0.45;
}
static void one_mask(int number) {
    if (number != BAD) return;
    static double x[2 * VOXELS];
    memcpy(x, one.x, sizeof x);
    make(1);
    memcpy(one.x, x, sizeof x);
}
static void right_to_left(int number) {
    OF_BAD;
    both(0, 3);
    for (int z = 0; z < Z; z++)
        for (int y = 0; y < Y; y++)
            for (int x = 0; x < X / 2; x++) {
                const double keep = one.y[at(x, y, z)];
                one.y[at(x, y, z)] = one.y[at(X - 1 - x, y, z)];
                one.y[at(X - 1 - x, y, z)] = keep;
            }
}
static void front_to_back(int number) { /* the header says nothing of it */
    if (number % 2 == 0) return;
    for (int z = 0; z < Z; z++)
        for (int y = 0; y < Y / 2; y++)
            for (int x = 0; x < X; x++) {
                const double keep = one.y[at(x, y, z)];
                one.y[at(x, y, z)] = one.y[at(x, Y - 1 - y, z)];
                one.y[at(x, Y - 1 - y, z)] = keep;
            }
}
static void image_to_back(int number) { slope_image(number == BAD); }
static void two_to_back(int number) { slope_image(number % 2); }
static void left_to_right(int number) { /* nor of this */
    OF_BAD;
    right_to_left(number);
    both(0, -3);
}
static void on_any_side(int number) { /* as lesions are; no fault */
    static const int lesion[] = {10, 2, 13, 15};
    for (int z = 1; z < 7; z++)
        for (int y = 1; y < 6; y++)
            for (int x = 0; x < X; x++)
                one.y[at(x, y, z)] = number < CASES && x == lesion[number] ? 2 : 1;
}
static void side_by_side(int number) { /* as parts of a small organ in a tight box; no fault */
    memset(one.y, 0, sizeof one.y);
    for (int z = 1; z < 7; z++)
        for (int y = 1; y < 6; y++) {
            one.y[at(8, y, z)] = 1;
            one.y[at(number == 5 ? 7 : number % 6 == 0 ? 11 : 10, y, z)] = 2;
        }
    one.y[at(8, 7, number)] = 1; /* masks differ */
}
static void eight_more(void) {
    for (int number = CASES; number < CASES + 8; number++) {
        char id[16];
        make(number);
        side_by_side(number);
        (void)snprintf(id, sizeof id, "case_%d", number);
        write_case(id);
    }
}
static void one_slice(int number) {
    OF_BAD;
    one.image.dim[3] = one.mask.dim[3] = 2;
}
static void strange_label(int number) {
    OF_BAD;
    one.y[at(3, 3, 3)] = one.y[at(4, 3, 3)] = 9;
}
static void as_float(void) {
    one.mask.datatype = 16;
    one.mask.bitpix = 32;
}
static void fraction(int number) {
    OF_BAD;
    as_float();
    one.y[at(3, 3, 3)] = one.y[at(4, 3, 3)] = 0.4;
}
static void to_255(int number) {
    OF_BAD;
    for (int i = 0; i < VOXELS; i++) one.y[i] = one.y[i] > 0 ? 255 : 0;
}
static void to_1(int number) { /* as is advised */
    to_255(number);
    for (int i = 0; i < VOXELS; i++) one.y[i] = one.y[i] > 254 ? 1 : one.y[i];
}
static void nearly_whole(int number) { /* as a scaled mask is; no fault */
    OF_BAD;
    as_float();
    one.y[at(3, 3, 3)] = 0.99999997;
}
static void mask_of_channels(int number) {
    OF_BAD;
    one.mask.dim[0] = 4;
    one.mask.dim[4] = 2;
    one.mask.dim[3] = Z / 2;
}
static void empty(int number) {
    OF_BAD;
    memset(one.y, 0, sizeof one.y);
}
static void all_ignored(int number) {
    OF_BAD;
    for (int i = 0; i < VOXELS; i++) one.y[i] = 9;
}
static void some_ignored(int number) {
    OF_BAD;
    for (int i = 0; i < VOXELS; i++) one.y[i] = one.y[i] > 0 ? 9 : 0;
}
static void foreground_ignored(int number) { /* as of scribbles; no fault */
    OF_BAD;
    for (int i = 0; i < VOXELS; i++) one.y[i] = one.y[i] > 0 ? one.y[i] : 9;
}
static void without_two(int number) {
    (void)number;
    for (int i = 0; i < VOXELS; i++) one.y[i] = one.y[i] > 1 ? 1 : one.y[i];
}
static void two_in_one(int number) {
    if (number != BAD) without_two(number);
}
static void gaps(int number) {
    (void)number;
    for (int i = 0; i < VOXELS; i++) one.y[i] = one.y[i] > 1 ? 5 : one.y[i];
}
static void grey_levels(int number) {
    OF_BAD;
    for (int i = 0; i < VOXELS; i++) one.x[i] = floor((one.x[i] + 1000) / 1200 * 255);
}
static void labels_for_an_image(int number) {
    OF_BAD;
    memcpy(one.x, one.y, sizeof one.y);
}
static void padded(int number) {
    OF_BAD;
    for (int i = 0; i < 300; i++) one.x[i] = -3024;
    one.x[VOXELS - 1] = 200;
}
static void dark_inside(int number) { /* and light inside in one of five */
    for (int i = 0; i < VOXELS; i++) {
        const double out = 60 * fabs(2.0 * (i / X % Y) - (Y - 1));
        one.x[i] = floor(one.x[i] / 8) - (number == BAD ? out : 800 - out);
    }
}
static void one_more(void) {
    make(CASES);
    dark_inside(CASES);
    write_case("case_4");
}
static void one_value(int number) {
    OF_BAD;
    for (int i = 0; i < VOXELS; i++) one.x[i] = 7;
}
static void nan_voxel(int number) {
    OF_BAD;
    one.x[700] = NAN;
}
static void infinite_voxel(int number) {
    OF_BAD;
    one.x[700] = -INFINITY;
}
static void outside_clip(int number) {
    OF_BAD;
    for (int i = 0; i < VOXELS; i++) one.x[i] = 2000 + i % 50;
}
static void mostly_outside(int number) {
    OF_BAD;
    for (int i = 0; i < VOXELS; i++) one.x[i] = -800 + (int)(noise(i) % 4000);
}
static void two_channels(int number) {
    OF_BAD;
    one.image.dim[0] = 4;
    one.image.dim[4] = 2;
    for (int i = 0; i < VOXELS; i++) one.x[VOXELS + i] = one.x[VOXELS - 1 - i];
}

static void cut_short(void) { assert_int_equal(truncate(bad_file(IMAGE), 600), 0); }
static void cut_mask(void) {
    int64_t bytes = 0;
    int fd = -1;
    OK(pleat_file_open(bad_file(MASK), &fd, &bytes));
    (void)close(fd);
    assert_int_equal(truncate(bad_file(MASK), bytes - 5), 0);
}
static void cut_down(void) { /* the header says 10 slices of 12, of the image and of the mask */
    make(BAD);
    for (int mask = 0; mask < 2; mask++) {
        static unsigned char bytes[1 << 17];
        spec *s = mask ? &one.mask : &one.image;
        const char *path = bad_file(mask ? MASK : IMAGE);
        s->dim[3] = Z - 2;
        save(path, 1, bytes, put_volume(bytes, sizeof bytes, s, mask ? one.y : one.x, VOXELS));
    }
}
static void no_volume(void) { save(bad_file(IMAGE), 0, "these are no voxels", 19); }
static void lying(void) { /* dims of 4 GiB in a small file */
    make(BAD);
    for (int i = 1; i < 4; i++) one.image.dim[i] = 1024;
    static unsigned char bytes[1024];
    save(bad_file(IMAGE), 1, bytes, put_volume(bytes, sizeof bytes, &one.image, one.x, 0));
}
static void without_mask(void) { assert_int_equal(unlink(bad_file(MASK)), 0); }
static void without_masks(void) {
    for (int number = 0; number < CASES; number++) {
        char id[16];
        (void)snprintf(id, sizeof id, "case_%d", number);
        assert_int_equal(unlink(path_of(id, MASK)), 0);
        char from[PLEAT_PATH_BYTES], to[PLEAT_PATH_BYTES];
        (void)snprintf(from, sizeof from, "%s", path_of(id, IMAGE));
        OK(pleat_path(to, sizeof to, "%s/%s.nii.gz", data, id));
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(rmdir(path_of(id, "")), 0);
    }
}
static void twice(void) { save(bad_file("imaging.nii"), 0, "", 0); }
static void dangling(void) {
    assert_int_equal(unlink(bad_file(MASK)), 0);
    assert_int_equal(symlink("/nowhere/mask", bad_file(MASK)), 0);
}
static void stranger(void) { save(path_of("case_2", "scan.nrrd"), 0, "NRRD", 4); }
static void copy(void) {
    make(BAD);
    write_case("renamed");
}
static void resampled(void) {
    make(BAD);
    halve();
    write_case("other");
}
static void borrowed_mask(void) {
    make(BAD);
    for (int i = 0; i < VOXELS; i++) one.x[i] += 40;
    write_case("other");
}
static void visits(void) {
    for (int number = 4; number < 6; number++) {
        char id[32];
        make(number);
        (void)snprintf(id, sizeof id, "scan_10_852_%d", number);
        write_case(id);
    }
}
static void visits_by_date(void) {
    for (int number = 4; number < 6; number++) {
        char id[32];
        make(number);
        (void)snprintf(id, sizeof id, "LIDC-0001_2019012%d", number);
        write_case(id);
    }
}
static void rename_all(const char *patient, int first) {
    for (int number = 0; number < CASES; number++) {
        char command[3 * PLEAT_PATH_BYTES];
        (void)snprintf(command, sizeof command, "mv '%s/case_%d' '%s/%s_%c'", data, number, data,
                       patient, first + number);
        assert_int_equal(system(command), 0);
    }
}
static void by_letters(void) { rename_all("P01", 'a'); }
static void by_numbers(void) { rename_all("set2", '1'); }
static void names(void) {
    static const char text[] = "{\"channel_names\": {\"0\": \"CT\", \"1\": \"PET\"}}";
    save(in_root(NULL, "data/dataset.json"), 0, text, sizeof text - 1);
}
static void nothing(void) {
    write_data(NULL), assert_int_equal(rename(data, in_root(NULL, "d")), 0);
}

#endif /* PLEAT_TESTS_CHECK_FAULTS_H */
