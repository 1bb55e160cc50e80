/* test_store.c - cases written are the boxes read, and what is wrong is refused by name. */
#include "pleat/file.h"
#include "pleat/store.h"
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char TEXT[] = "clip: -1250,250\nresample: 1.58,1.58,2.7\nzscore: yes\n";
static const int DIM[3] = {5, 7, 9};

/* Voxel (d, h, w) of case `c`: no two are alike. */
static float voxel_of(int c, int d, int h, int w) {
    return 1000.0f * (float)c + 100.0f * (float)d + 10.0f * (float)h + (float)w + 0.25f;
}
static uint8_t label_of(int c, int d, int h, int w) {
    return (uint8_t)((c + d + 2 * h + 3 * w) % 4);
}

static pleat_case_info info_of(const char *id) {
    pleat_case_info info = {
        .geometry = {.dim = {10, 20, 30},
                     .spacing = {2.5, 0.7, 0.8},
                     .affine = {{-0.8, 0, 0, 11}, {0, 0.7, 0, -12}, {0, 0, 2.5, 13}},
                     .sform_code = 2,
                     .qform_code = 1,
                     .xyzt_units = 10,
                     .sform = {{-0.8, 0, 0, 11}, {0, 0.7, 0, -12}, {0, 0, 2.5, 13}},
                     .quatern = {0, 1, 0},
                     .qoffset = {1, 2, 3},
                     .pixdim = {-1, 0.8, 0.7, 2.5, 0, 0, 0, 7}}};
    (void)snprintf(info.id, sizeof info.id, "%s", id);
    (void)snprintf(info.image_path, sizeof info.image_path, "/data/%s/imaging.nii.gz", id);
    (void)snprintf(info.label_path, sizeof info.label_path, "/data/%s/segmentation.nii.gz", id);
    info.image_file = (pleat_file_identity){123456789012, 0xfedcba9876543210};
    info.label_file = (pleat_file_identity){4711, 42};
    info.image_content = 77;
    info.label_content = UINT64_MAX;
    return info;
}

static void write_case(const char *folder, const char *text, int c, const char *id,
                       int with_label) {
    static float voxels[5 * 7 * 9];
    static uint8_t labels[5 * 7 * 9];
    pleat_case_info info = info_of(id);
    if (!with_label) info.label_file = (pleat_file_identity){0};
    for (int d = 0, i = 0; d < DIM[0]; d++)
        for (int h = 0; h < DIM[1]; h++)
            for (int w = 0; w < DIM[2]; w++, i++) {
                voxels[i] = voxel_of(c, d, h, w);
                labels[i] = label_of(c, d, h, w);
            }
    const pleat_image image = {{5, 7, 9}, {2.7, 1.58, 1.57}, 1, voxels};
    const pleat_label label = {{5, 7, 9}, {2.7, 1.58, 1.57}, labels};
    OK(pleat_store_write_case(folder, text, &info, &image, with_label ? &label : NULL));
}

/* A store of cases a (0), b (1) and, without a mask, c (2). */
static void make_store(const char *name, char folder[PLEAT_PATH_BYTES]) {
    static const char *const ids[] = {"b", "a", "c"};
    (void)in_root(folder, name);
    write_case(folder, TEXT, 1, "b", 1);
    write_case(folder, TEXT, 0, "a", 1);
    write_case(folder, TEXT, 2, "c", 0);
    OK(pleat_store_write_index(folder, TEXT, ids, 3));
}

static void test_what_is_written_about_a_case_is_read_back(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    make_store("info", folder);
    OK(pleat_store_open(folder, TEXT, &store));
    assert_int_equal(pleat_store_count(store), 3);
    assert_string_equal(pleat_store_preprocessing(store), TEXT);
    static const char *const sorted[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        const pleat_case_info *got = pleat_store_info(store, i);
        const pleat_case_info want = info_of(sorted[i]);
        const double spacing[3] = {2.7, 1.58, 1.57};
        assert_string_equal(got->id, sorted[i]);
        assert_memory_equal(got->dim, DIM, sizeof DIM);
        assert_memory_equal(got->spacing, spacing, sizeof spacing);
        assert_memory_equal(&got->geometry, &want.geometry, sizeof want.geometry);
        assert_string_equal(got->image_path, want.image_path);
        assert_string_equal(got->label_path, want.label_path);
        assert_true(got->image_file.bytes == 123456789012);
        assert_true(got->image_file.digest == 0xfedcba9876543210);
        assert_true(got->label_file.bytes == (i < 2 ? 4711 : 0));
        assert_true(got->label_file.digest == (i < 2 ? 42 : 0));
        assert_true(got->image_content == 77 && got->label_content == UINT64_MAX);
        assert_int_equal(got->has_label, i < 2);
        assert_int_equal(got->classes, i < 2 ? 4 : 0);
        OK(pleat_store_verify(store, i));
    }
    pleat_store_close(store);
}

static void assert_box(pleat_store *store, int c, const int start[3], const int size[3]) {
    float image[5 * 7 * 9];
    uint8_t label[5 * 7 * 9];
    OK(pleat_store_read(store, c, 0, start, size, image, label));
    for (int d = 0, i = 0; d < size[0]; d++)
        for (int h = 0; h < size[1]; h++)
            for (int w = 0; w < size[2]; w++, i++) {
                const int z = start[0] + d, y = start[1] + h, x = start[2] + w;
                if (image[i] != voxel_of(c, z, y, x) || label[i] != label_of(c, z, y, x))
                    fail_msg("case %d, voxel z %d y %d x %d: %g, %d instead of %g, %d", c, z, y, x,
                             image[i], label[i], voxel_of(c, z, y, x), label_of(c, z, y, x));
            }
}

/* Case "m" of three channels: channel k is write_case's case k. */
static void write_channels(const char *folder) {
    enum { N = 5 * 7 * 9 };
    static float voxels[3 * N];
    static uint8_t labels[N];
    pleat_case_info info = info_of("m");
    const char *const ids[] = {"m"};
    for (int k = 0, i = 0; k < 3; k++)
        for (int d = 0; d < DIM[0]; d++)
            for (int h = 0; h < DIM[1]; h++)
                for (int w = 0; w < DIM[2]; w++, i++) {
                    voxels[i] = voxel_of(k, d, h, w);
                    if (k == 0) labels[i] = label_of(0, d, h, w);
                }
    const pleat_image image = {{5, 7, 9}, {2.7, 1.58, 1.57}, 3, voxels};
    const pleat_label label = {{5, 7, 9}, {2.7, 1.58, 1.57}, labels};
    OK(pleat_store_write_case(folder, TEXT, &info, &image, &label));
    OK(pleat_store_write_index(folder, TEXT, ids, 1));
}

static void test_a_case_of_several_channels_is_read_channel_by_channel(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    const int start[3] = {1, 2, 3}, size[3] = {2, 3, 4};
    float image[24];
    int channels = 0;
    (void)in_root(folder, "channels");
    write_channels(folder);
    OK(pleat_store_open(folder, TEXT, &store));
    OK(pleat_store_channels(store, &channels));
    assert_int_equal(channels, 3);
    assert_int_equal(pleat_store_info(store, 0)->channels, 3);
    OK(pleat_store_verify(store, 0));
    for (int k = 0; k < 3; k++) {
        OK(pleat_store_read(store, 0, k, start, size, image, NULL));
        for (int i = 0; i < 24; i++)
            assert_true(image[i] == voxel_of(k, 1 + i / 12, 2 + i / 4 % 3, 3 + i % 4));
    }
    REFUSED(pleat_store_read(store, 0, 3, start, size, image, NULL), PLEAT_ERR_ARG,
            "3 channels, no number 3");
    pleat_store_close(store);
}

static void test_cases_of_other_channels_are_named(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES];
    const char *const ids[] = {"a", "m"};
    pleat_store *store = NULL;
    int channels = 0;
    (void)in_root(folder, "mixed");
    write_channels(folder);
    write_case(folder, TEXT, 0, "a", 1);
    OK(pleat_store_write_index(folder, TEXT, ids, 2));
    OK(pleat_store_open(folder, TEXT, &store));
    REFUSED(pleat_store_channels(store, &channels), PLEAT_ERR_DATA,
            "case 'a' has 1 channels, case 'm' has 3");
    pleat_store_close(store);
}

static void test_every_box_is_that_part_of_the_volume(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    make_store("boxes", folder);
    OK(pleat_store_open(folder, NULL, &store));
    for (int d = 1; d <= DIM[0]; d++)
        for (int h = 1; h <= DIM[1]; h++)
            for (int w = 1; w <= DIM[2]; w++) {
                const int size[3] = {d, h, w}, low[3] = {0, 0, 0};
                const int high[3] = {DIM[0] - d, DIM[1] - h, DIM[2] - w};
                assert_box(store, 0, low, size);
                assert_box(store, 1, high, size);
            }
    pleat_store_close(store);
}

static void test_a_box_outside_or_a_mask_that_is_not_there_is_refused(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    float image[8];
    uint8_t label[8];
    make_store("outside", folder);
    OK(pleat_store_open(folder, NULL, &store));
    const int size[3] = {1, 2, 2}, inside[3] = {0, 0, 0};
    const int outside[3][3] = {{-1, 0, 0}, {0, 6, 0}, {0, 0, 8}};
    for (int i = 0; i < 3; i++) {
        REFUSED(pleat_store_read(store, 0, 0, outside[i], size, image, NULL), PLEAT_ERR_SHAPE,
                "case 'a'");
    }
    REFUSED(pleat_store_read(store, 2, 0, inside, size, image, label), PLEAT_ERR_DATA, "case 'c'");
    OK(pleat_store_read(store, 2, 0, inside, size, image, NULL));
    assert_int_equal(pleat_store_read(store, 3, 0, inside, size, image, NULL), PLEAT_ERR_ARG);
    pleat_store_close(store);
}

/* What the store has for a case with a mask and the files of info_of. */
static pleat_case_state state_of(const char *folder, const char *id) {
    const pleat_case_info wanted = info_of(id);
    pleat_case_state state = PLEAT_CASE_ABSENT;
    OK(pleat_store_find_case(folder, TEXT, &wanted, &state));
    return state;
}

static void test_other_preprocessing_is_refused_naming_the_first_difference(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    pleat_case_state found;
    const pleat_case_info wanted = info_of("a");
    make_store("other", folder);
    static const char *const rows[][2] = {
        {"clip: -1250,250\nresample: none\nzscore: no\n",
         "resample: store has 1.58,1.58,2.7, configuration says none"},
        {"clip: none\nresample: none\nzscore: yes\n",
         "clip: store has -1250,250, configuration says none"},
        {"clip: -1250,250\nresample: 1.58,1.58,2.7\n",
         "zscore: store has yes, configuration says nothing"},
        {"clip: -1250,250\nresample: 1.58,1.58,2.7\nzscore: yes\nedge: zero\n",
         "edge: store has nothing, configuration says zero"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        REFUSED(pleat_store_open(folder, rows[i][0], &store), PLEAT_ERR_DATA, rows[i][1]);
        TOLD(folder);
        REFUSED(pleat_store_find_case(folder, rows[i][0], &wanted, &found), PLEAT_ERR_DATA,
                rows[i][1]);
    }
    assert_null(store);
    /* a case that was made otherwise, below an index that does not say so */
    write_case(folder, "clip: none\nresample: none\nzscore: yes\n", 0, "a", 1);
    REFUSED(pleat_store_open(folder, TEXT, &store), PLEAT_ERR_DATA, "/cases/a.h5");
}

static void test_a_case_is_whole_or_damaged_or_absent(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES], moved[PLEAT_PATH_BYTES];
    (void)in_root(folder, "has");
    assert_int_equal(state_of(folder, "a"), PLEAT_CASE_ABSENT);
    write_case(folder, TEXT, 0, "a", 1);
    assert_int_equal(state_of(folder, "a"), PLEAT_CASE_WHOLE);
    (void)in_root(path, "has/cases/a.h5");
    (void)in_root(moved, "has/cases/b.h5");
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(state_of(folder, "b"), PLEAT_CASE_DAMAGED);
    TOLD("holds case 'a'");
    struct stat st;
    assert_int_equal(rename(moved, path), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 1), 0);
    assert_int_equal(state_of(folder, "a"), PLEAT_CASE_DAMAGED);
    TOLD(path);
    static const char *const not_ids[] = {"a/b", "../a", ""};
    for (int i = 0; i < 3; i++) {
        const pleat_case_info wanted = info_of(not_ids[i]);
        pleat_case_state none;
        assert_int_equal(pleat_store_find_case(folder, TEXT, &wanted, &none), PLEAT_ERR_ARG);
    }
}

static void test_a_case_of_other_files_is_changed_however_they_are_called(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES];
    make_store("files", folder);
    pleat_case_state now;
    pleat_case_info wanted = info_of("a");
    (void)snprintf(wanted.image_path, sizeof wanted.image_path, "/elsewhere/a.nii.gz");
    wanted.label_path[0] = '\0';
    OK(pleat_store_find_case(folder, TEXT, &wanted, &now));
    assert_int_equal(now, PLEAT_CASE_WHOLE);
    for (int i = 0; i < 5; i++) {
        wanted = info_of("a");
        wanted.image_file.bytes += i == 0;
        wanted.image_file.digest += i == 1;
        wanted.label_file.bytes += i == 2;
        wanted.label_file.digest += i == 3;
        if (i == 4) wanted.label_file = (pleat_file_identity){0}; /* the mask is gone */
        OK(pleat_store_find_case(folder, TEXT, &wanted, &now));
        assert_int_equal(now, PLEAT_CASE_CHANGED);
    }
    assert_int_equal(state_of(folder, "c"), PLEAT_CASE_CHANGED); /* a mask where none was */
}

/* A case as the first version of the format had it. */
static void test_a_case_that_does_not_say_of_which_files_it_is_is_made_again(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    const int version = 1;
    make_store("older", folder);
    (void)in_root(path, "older/cases/a.h5");
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Adelete(file, "image_file") >= 0);
    assert_true(H5Adelete(file, "label_file") >= 0);
    assert_true(H5Fclose(file) >= 0);
    assert_int_equal(state_of(folder, "a"), PLEAT_CASE_DAMAGED);
    TOLD("lacks the attribute 'image_file'");
    (void)in_root(path, "older/cases/b.h5");
    const hid_t other = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t attribute = H5Aopen(other, "format_version", H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT, &version) >= 0);
    assert_true(H5Aclose(attribute) >= 0 && H5Fclose(other) >= 0);
    assert_int_equal(state_of(folder, "b"), PLEAT_CASE_DAMAGED);
    TOLD("version 1, this pleat knows 2");
}

/* A store of c4b6085. */
static void test_a_case_that_does_not_say_what_its_files_hold_is_whole(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    pleat_case_info info;
    char preprocessing[PLEAT_PREPROCESSING_BYTES];
    make_store("no_content", folder);
    (void)in_root(path, "no_content/cases/a.h5");
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Adelete(file, "content") >= 0);
    assert_true(H5Fclose(file) >= 0);
    assert_int_equal(state_of(folder, "a"), PLEAT_CASE_WHOLE);
    OK(pleat_store_look(path, &info, preprocessing));
    assert_true(info.image_content == 0 && info.label_content == 0);
}

static void test_the_files_of_a_case_are_taken_with_their_identities(void **state) {
    (void)state;
    char image[PLEAT_PATH_BYTES], other[PLEAT_PATH_BYTES], label[PLEAT_PATH_BYTES];
    char *const images[2] = {image, other};
    pleat_case_info info = info_of("a");
    (void)in_root(image, "image.nii");
    (void)in_root(other, "other.nii");
    (void)in_root(label, "label.nii");
    OK(pleat_file_write_atomic(image, "foobar", 6));
    REFUSED(pleat_store_set_files(&info, images, 1, label), PLEAT_ERR_NOT_FOUND, label);
    assert_string_equal(info.image_path, "/data/a/imaging.nii.gz"); /* all or nothing */
    OK(pleat_file_write_atomic(label, "a", 1));
    OK(pleat_store_set_files(&info, images, 1, label));
    assert_string_equal(info.image_path, image);
    assert_string_equal(info.label_path, label);
    /* FNV's own test vectors, see test_file.c */
    assert_true(info.image_file.bytes == 6 && info.image_file.digest == 0x85944171f73967e8);
    assert_true(info.label_file.bytes == 1 && info.label_file.digest == 0xaf63dc4c8601ec8c);
    OK(pleat_store_set_files(&info, images, 1, NULL));
    assert_string_equal(info.label_path, "");
    assert_true(info.label_file.bytes == 0 && info.label_file.digest == 0);
    /* Several files: their bytes together; another order is another image. */
    OK(pleat_file_write_atomic(other, "a", 1));
    OK(pleat_store_set_files(&info, images, 2, NULL));
    assert_string_equal(info.image_path, image);
    assert_true(info.image_file.bytes == 7 && info.image_file.digest != 0x85944171f73967e8);
    pleat_case_info turned = info;
    char *const reversed[2] = {other, image};
    OK(pleat_store_set_files(&turned, reversed, 2, NULL));
    assert_true(turned.image_file.bytes == 7);
    assert_true(turned.image_file.digest != info.image_file.digest);
}

static void test_what_a_killed_writer_left_is_ignored_and_cleared_once_old(void **state) {
    (void)state;
    static const char *const ids[] = {"a", "b", "c"};
    char folder[PLEAT_PATH_BYTES], old[PLEAT_PATH_BYTES], young[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    make_store("killed", folder);
    (void)in_root(old, "killed/cases/.z.h5.4711.tmp");
    (void)in_root(young, "killed/cases/.y.h5.4712.tmp");
    OK(pleat_file_write_atomic(old, "half", 4));
    OK(pleat_file_write_atomic(young, "half", 4));
    const struct timespec an_hour_ago[2] = {{time(NULL) - 3600, 0}, {time(NULL) - 3600, 0}};
    assert_int_equal(utimensat(AT_FDCWD, old, an_hour_ago, 0), 0);
    assert_int_equal(state_of(folder, "z"), PLEAT_CASE_ABSENT);
    OK(pleat_store_write_index(folder, TEXT, ids, 3));
    assert_false(pleat_file_exists(old));
    assert_true(pleat_file_exists(young)); /* may be another process's, at work */
    OK(pleat_store_open(folder, TEXT, &store));
    assert_int_equal(pleat_store_count(store), 3);
    pleat_store_close(store);
}

static void test_an_index_names_only_cases_that_are_there_and_each_once(void **state) {
    (void)state;
    static const char *const absent[] = {"a", "x"}, *const twice[] = {"a", "a"};
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    make_store("index", folder);
    REFUSED(pleat_store_write_index(folder, TEXT, absent, 2), PLEAT_ERR_NOT_FOUND, "/cases/x.h5");
    REFUSED(pleat_store_write_index(folder, TEXT, twice, 2), PLEAT_ERR_DATA, "'a'");
    OK(pleat_store_open(folder, TEXT, &store)); /* the old one stands */
    pleat_store_close(store);
    store = NULL;
    (void)in_root(path, "index/cases/b.h5");
    assert_int_equal(unlink(path), 0);
    REFUSED(pleat_store_open(folder, TEXT, &store), PLEAT_ERR_NOT_FOUND, path);
    (void)in_root(folder, "nowhere");
    REFUSED(pleat_store_open(folder, TEXT, &store), PLEAT_ERR_NOT_FOUND, folder);
    assert_null(store);
}

/* Overwrites n bytes of a file with `byte`. */
static void scribble(const char *path, off_t at, size_t n, int byte) {
    char bytes[64];
    memset(bytes, byte, sizeof bytes);
    const int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t done = 0; done < n; done += sizeof bytes)
        assert_int_equal(pwrite(fd, bytes, sizeof bytes, at + (off_t)done), sizeof bytes);
    assert_int_equal(close(fd), 0);
}

/* Where in the file these bytes stand. */
static off_t find_bytes(const char *path, const void *wanted, size_t n) {
    char *bytes = NULL;
    size_t size = 0;
    OK(pleat_file_read_all(path, &bytes, &size));
    const char *found = memmem(bytes, size, wanted, n);
    assert_non_null(found);
    const off_t at = found - bytes;
    free(bytes);
    return at;
}

static void test_a_damaged_file_is_an_error_naming_it_and_the_way_out(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    struct stat st;
    make_store("damaged", folder);
    (void)in_root(path, "damaged/cases/b.h5");
    assert_int_equal(stat(path, &st), 0);
    const float voxel = voxel_of(1, 2, 3, 4);
    scribble(path, find_bytes(path, &voxel, sizeof voxel), 64, 0x55);
    OK(pleat_store_open(folder, TEXT, &store));
    OK(pleat_store_verify(store, 0));
    REFUSED(pleat_store_verify(store, 1), PLEAT_ERR_FORMAT, path);
    TOLD("remove it and start again: it is prepared again");
    float image[5 * 7 * 9];
    uint8_t label[5 * 7 * 9];
    const int origin[3] = {0, 0, 0};
    OK(pleat_store_read(store, 0, 0, origin, DIM, image, label));
    OK(pleat_store_check(store, 0, image, label));
    assert_int_equal(pleat_store_check(store, 1, image, label), PLEAT_ERR_FORMAT);
    assert_int_equal(pleat_store_check(store, 0, image, NULL), PLEAT_ERR_FORMAT);
    label[5 * 7 * 9 - 1] ^= 1;
    assert_int_equal(pleat_store_check(store, 0, image, label), PLEAT_ERR_FORMAT);
    pleat_store_close(store);
    store = NULL;
    /* Cut at any length the file is refused, never half of it taken. */
    for (off_t size = st.st_size - 1; size >= 0; size -= 97) {
        assert_int_equal(truncate(path, size), 0);
        REFUSED(pleat_store_open(folder, TEXT, &store), PLEAT_ERR_FORMAT, path);
        TOLD("run `pleat prep` again");
    }
    OK(pleat_file_write_atomic(path, "not HDF5 at all", 15));
    REFUSED(pleat_store_open(folder, TEXT, &store), PLEAT_ERR_FORMAT, path);
    /* an index where a case should be */
    char index[PLEAT_PATH_BYTES], *bytes = NULL;
    size_t n = 0;
    (void)in_root(index, "damaged/index.h5");
    OK(pleat_file_read_all(index, &bytes, &n));
    OK(pleat_file_write_atomic(path, bytes, n));
    free(bytes);
    REFUSED(pleat_store_open(folder, TEXT, &store), PLEAT_ERR_FORMAT, "pleat-store");
    assert_null(store);
}

static void test_scribbled_headers_are_errors_and_never_wrong_shapes(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES], *whole = NULL;
    size_t n = 0;
    make_store("scribbled", folder);
    (void)in_root(path, "scribbled/cases/a.h5");
    OK(pleat_file_read_all(path, &whole, &n));
    int refused = 0;
    for (size_t at = 0; at + 64 < n; at += 61) {
        pleat_store *store = NULL;
        OK(pleat_file_write_atomic(path, whole, n));
        scribble(path, (off_t)at, 64, 0xa5);
        const pleat_status status = pleat_store_open(folder, TEXT, &store);
        refused += status != PLEAT_OK;
        if (status == PLEAT_OK)
            assert_memory_equal(pleat_store_info(store, 0)->dim, DIM, sizeof DIM);
        pleat_store_close(store);
    }
    free(whole);
    assert_true(refused > 10);
}

static void test_a_case_replaced_or_removed_while_in_use_is_an_error(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    const int start[3] = {0, 0, 0}, size[3] = {1, 1, 1};
    float voxel = 0.0f;
    pleat_store *store = NULL;
    make_store("vanishes", folder);
    OK(pleat_store_open(folder, TEXT, &store));
    write_case(folder, TEXT, 0, "a", 0);
    assert_int_equal(pleat_store_read(store, 0, 0, start, size, &voxel, NULL), PLEAT_ERR_IO);
    (void)in_root(path, "vanishes/cases/a.h5");
    TOLD(path);
    (void)in_root(path, "vanishes/cases/b.h5");
    assert_int_equal(unlink(path), 0);
    REFUSED(pleat_store_read(store, 1, 0, start, size, &voxel, NULL), PLEAT_ERR_IO, path);
    (void)in_root(path, "vanishes/cases/c.h5");
    OK(pleat_store_read(store, 2, 0, start, size, &voxel, NULL));
    assert_int_equal(truncate(path, 100), 0);
    REFUSED(pleat_store_read(store, 2, 0, start, size, &voxel, NULL), PLEAT_ERR_IO, path);
    pleat_store_close(store);
}

typedef struct reader {
    pleat_store *store;
    int n, seed, wrong;
} reader;

static void *read_at_random(void *data) {
    reader *me = data;
    const int size[3] = {2, 3, 4};
    unsigned seed = (unsigned)me->seed;
    for (int k = 0; k < 400; k++) {
        float image[2 * 3 * 4];
        const int c = rand_r(&seed) % me->n;
        const int start[3] = {rand_r(&seed) % 4, rand_r(&seed) % 5, rand_r(&seed) % 6};
        if (pleat_store_read(me->store, c, 0, start, size, image, NULL) != PLEAT_OK)
            me->wrong++;
        else
            for (int i = 0; i < 24; i++)
                me->wrong += image[i] !=
                             voxel_of(c, start[0] + i / 12, start[1] + i / 4 % 3, start[2] + i % 4);
    }
    return NULL;
}

static void test_threads_read_side_by_side_from_more_cases_than_stay_open(void **state) {
    (void)state;
    enum { N = 60, THREADS = 4 };
    char folder[PLEAT_PATH_BYTES], names[N][8];
    const char *ids[N];
    pleat_store *store = NULL;
    reader readers[THREADS];
    pthread_t threads[THREADS];
    (void)in_root(folder, "threads");
    for (int c = 0; c < N; c++) {
        (void)snprintf(names[c], sizeof names[c], "c%02d", c);
        ids[c] = names[c];
        write_case(folder, TEXT, c, names[c], 0);
    }
    OK(pleat_store_write_index(folder, TEXT, ids, N));
    OK(pleat_store_open(folder, TEXT, &store));
    for (int t = 0; t < THREADS; t++) {
        readers[t] = (reader){store, N, t + 1, 0};
        assert_int_equal(pthread_create(&threads[t], NULL, read_at_random, &readers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
        assert_int_equal(readers[t].wrong, 0);
    }
    pleat_store_close(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_about_a_case_is_read_back),
        cmocka_unit_test(test_every_box_is_that_part_of_the_volume),
        cmocka_unit_test(test_a_case_of_several_channels_is_read_channel_by_channel),
        cmocka_unit_test(test_cases_of_other_channels_are_named),
        cmocka_unit_test(test_a_box_outside_or_a_mask_that_is_not_there_is_refused),
        cmocka_unit_test(test_other_preprocessing_is_refused_naming_the_first_difference),
        cmocka_unit_test(test_a_case_is_whole_or_damaged_or_absent),
        cmocka_unit_test(test_a_case_of_other_files_is_changed_however_they_are_called),
        cmocka_unit_test(test_a_case_that_does_not_say_of_which_files_it_is_is_made_again),
        cmocka_unit_test(test_a_case_that_does_not_say_what_its_files_hold_is_whole),
        cmocka_unit_test(test_the_files_of_a_case_are_taken_with_their_identities),
        cmocka_unit_test(test_what_a_killed_writer_left_is_ignored_and_cleared_once_old),
        cmocka_unit_test(test_an_index_names_only_cases_that_are_there_and_each_once),
        cmocka_unit_test(test_a_damaged_file_is_an_error_naming_it_and_the_way_out),
        cmocka_unit_test(test_scribbled_headers_are_errors_and_never_wrong_shapes),
        cmocka_unit_test(test_a_case_replaced_or_removed_while_in_use_is_an_error),
        cmocka_unit_test(test_threads_read_side_by_side_from_more_cases_than_stay_open),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
