/* test_checkpoint.c - a fold's state comes back as it was, or from the generation before. */
#include "pleat/checkpoint.h"
#include "pleat/file.h"
#include "support.h"

#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARAMS = 1000, STATS = 12, EPOCHS = 3, COLUMNS = 6 /* of two metrics */ };

/* A state that `step` tells apart from every other. The caller frees it. */
static pleat_checkpoint make(int step) {
    pleat_checkpoint c = {.network = "input 1\nconv 8",
                          .config = "train:\n  epochs: 10 # h\xc3\xa4lf\n",
                          .preprocessing = "clip: none\n",
                          .classes = "background,lung",
                          .engine = "ref",
                          .precision = "f32",
                          .version = "0.1.0",
                          .metrics = "loss,dice_soft",
                          .fold = 4,
                          .epoch = EPOCHS,
                          .finished = 1,
                          .step = (INT64_C(1) << 40) + step,
                          .seed = UINT64_MAX - 5,
                          .n_params = PARAMS,
                          .n_stats = STATS};
    float **arrays[] = {&c.params, &c.moment1, &c.moment2};
    for (int a = 0; a < 3; a++) {
        *arrays[a] = calloc(PARAMS, sizeof(float));
        for (int i = 0; i < PARAMS; i++) (*arrays[a])[i] = 0.1f * (float)(i + a) + (float)step;
    }
    c.stats = calloc(STATS, sizeof(float));
    c.history = calloc((size_t)EPOCHS * COLUMNS, sizeof(double));
    for (int i = 0; i < STATS; i++) c.stats[i] = -(float)i / 3.0f;
    for (int i = 0; i < EPOCHS * COLUMNS; i++) c.history[i] = i / 7.0;
    for (int i = 0; i < 16; i++) c.schedule[i] = 1.0 / (i + step + 1);
    c.cases = strdup("train 8 1:2:3 4:5:6 a\nval 8 1:2:3 4:5:6 b\n");
    return c;
}

static void assert_same(const pleat_checkpoint *a, const pleat_checkpoint *b) {
    assert_string_equal(a->network, b->network);
    assert_string_equal(a->config, b->config);
    assert_string_equal(a->preprocessing, b->preprocessing);
    assert_string_equal(a->classes, b->classes);
    assert_string_equal(a->engine, b->engine);
    assert_string_equal(a->precision, b->precision);
    assert_string_equal(a->version, b->version);
    assert_string_equal(a->metrics, b->metrics);
    assert_string_equal(a->cases, b->cases);
    assert_int_equal(a->fold, b->fold);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->finished, b->finished);
    assert_true(a->step == b->step);
    assert_true(a->seed == b->seed);
    assert_memory_equal(a->schedule, b->schedule, sizeof a->schedule);
    assert_int_equal(a->n_params, b->n_params);
    assert_int_equal(a->n_stats, b->n_stats);
    assert_memory_equal(a->params, b->params, PARAMS * sizeof(float));
    assert_memory_equal(a->stats, b->stats, STATS * sizeof(float));
    assert_memory_equal(a->history, b->history, sizeof(double) * EPOCHS * COLUMNS);
}

/* Writes the state `step` to `path`. */
static void write_step(const char *path, int step) {
    pleat_checkpoint c = make(step);
    OK(pleat_checkpoint_write(path, &c, 1));
    pleat_checkpoint_free(&c);
}

/* The step that a read of `path` gives, and whether it had to fall back. */
static int read_step(const char *path, int *fell_back) {
    pleat_checkpoint c = {0};
    OK(pleat_checkpoint_resume(path, &c, fell_back));
    const int step = (int)(c.step - (INT64_C(1) << 40));
    pleat_checkpoint want = make(step);
    assert_same(&c, &want);
    pleat_checkpoint_free(&want);
    pleat_checkpoint_free(&c);
    return step;
}

static void test_everything_written_is_read_back(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    const pleat_layer_info layers[] = {{"enc0.conv1.weights", 5, {2, 3, 3, 3, 1}, 0, 0},
                                       {"enc0.conv1.bias", 1, {2}, 0, 54},
                                       {"enc0.norm1.mean", 1, {2}, 1, 0}};
    int fell_back = -1;
    pleat_checkpoint c = make(1), got = {0};
    c.layers = layers;
    c.n_layers = 3;
    c.raw_params = calloc(PARAMS, sizeof(float)); /* with these, more than the eight links */
    c.raw_stats = calloc(STATS, sizeof(float));   /* that HDF5 keeps in a group's header */
    c.moment2_max = calloc(PARAMS, sizeof(float));
    for (int i = 0; i < PARAMS; i++) c.raw_params[i] = (float)i / 9.0f;
    for (int i = 0; i < PARAMS; i++) c.moment2_max[i] = (float)i / 11.0f;
    for (int i = 0; i < STATS; i++) c.raw_stats[i] = (float)i;
    c.learnt = (pleat_learnt){2, calloc(2, sizeof *c.learnt.of)};
    c.learnt.of[0] = (pleat_traced){{7, 8}, 9};
    c.learnt.of[1] = (pleat_traced){{UINT64_MAX, 1}, 0};
    (void)in_root(path, "all.h5");
    OK(pleat_checkpoint_write(path, &c, 1));
    OK(pleat_checkpoint_resume(path, &got, &fell_back));
    assert_int_equal(fell_back, 0);
    assert_same(&got, &c);
    assert_memory_equal(got.moment1, c.moment1, PARAMS * sizeof(float));
    assert_memory_equal(got.moment2, c.moment2, PARAMS * sizeof(float));
    assert_memory_equal(got.raw_params, c.raw_params, PARAMS * sizeof(float));
    assert_memory_equal(got.raw_stats, c.raw_stats, STATS * sizeof(float));
    assert_memory_equal(got.moment2_max, c.moment2_max, PARAMS * sizeof(float));
    assert_int_equal(got.learnt.n, 2);
    assert_memory_equal(got.learnt.of, c.learnt.of, 2 * sizeof *c.learnt.of);
    assert_null(got.layers);
    pleat_checkpoint_free(&got);
    pleat_checkpoint_free(&got); /* twice is fine */
    pleat_checkpoint_free(&c);
}

static void test_a_model_alone_has_no_moments_no_statistics_and_no_history(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = make(2), got = {0};
    float *moments[2] = {c.moment1, c.moment2};
    c.moment1 = c.moment2 = NULL;
    c.epoch = 0;
    c.n_stats = 0;
    (void)in_root(path, "model.h5");
    OK(pleat_checkpoint_write(path, &c, 0));
    OK(pleat_checkpoint_read(path, &got));
    assert_null(got.moment1);
    assert_null(got.moment2);
    assert_null(got.stats);
    assert_null(got.history);
    assert_memory_equal(got.params, c.params, PARAMS * sizeof(float));
    pleat_checkpoint_free(&got);
    pleat_checkpoint_free(&c);
    free(moments[0]);
    free(moments[1]);
}

static void test_the_generation_before_is_kept_when_asked(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], previous[PLEAT_PATH_BYTES];
    int fell_back;
    (void)in_root(path, "kept.h5");
    (void)in_root(previous, "kept.h5.previous");
    write_step(path, 1);
    assert_false(pleat_file_exists(previous));
    write_step(path, 2);
    write_step(path, 3);
    assert_int_equal(read_step(path, &fell_back), 3);
    assert_int_equal(read_step(previous, &fell_back), 2);
    pleat_checkpoint c = make(4);
    OK(pleat_checkpoint_write(path, &c, 0));
    pleat_checkpoint_free(&c);
    assert_int_equal(read_step(path, &fell_back), 4);
    assert_int_equal(read_step(previous, &fell_back), 2);
}

/* Turns one byte of the file over. */
static void flip(const char *path, off_t at) {
    unsigned char byte = 0;
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

static off_t size_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void test_a_damaged_latest_falls_back_wherever_the_byte_is(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    (void)in_root(path, "flip.h5");
    write_step(path, 1);
    write_step(path, 2);
    const off_t size = size_of(path);
    int found = 0, n = 0;
    for (off_t at = 0; at < size; at += 53, n++) {
        int fell_back = -1;
        flip(path, at);
        const int step = read_step(path, &fell_back); /* whole in either case */
        assert_int_equal(step, fell_back ? 1 : 2);
        found += fell_back;
        flip(path, at);
    }
    /* the rest are bytes that HDF5 leaves unused between its objects */
    if (found < n * 3 / 4) fail_msg("only %d of %d damaged bytes were noticed", found, n);
}

static void test_the_cases_can_be_read_alone_and_fall_back_too(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], *cases = NULL, *bytes = NULL;
    size_t n = 0;
    (void)in_root(path, "cases.h5");
    REFUSED(pleat_checkpoint_cases(path, &cases), PLEAT_ERR_NOT_FOUND, path);
    write_step(path, 1);
    OK(pleat_checkpoint_cases(path, &cases));
    assert_string_equal(cases, "train 8 1:2:3 4:5:6 a\nval 8 1:2:3 4:5:6 b\n");
    free(cases);
    OK(pleat_file_read_all(path, &bytes, &n));
    const char *at = memmem(bytes, n, "val 8 1", 7);
    assert_non_null(at);
    flip(path, at - bytes);
    REFUSED(pleat_checkpoint_cases(path, &cases), PLEAT_ERR_FORMAT,
            "its cases are not those that were written");
    flip(path, at - bytes);
    write_step(path, 2); /* as large */
    flip(path, at - bytes);
    OK(pleat_checkpoint_cases(path, &cases)); /* of the one before */
    assert_non_null(cases);
    free(cases);
    free(bytes);
}

/* As before a checkpoint had its cases. */
static void test_a_file_of_version_3_is_read_and_knows_no_cases(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], *cases = NULL;
    const int version = 3;
    pleat_checkpoint c = make(3), got = {0};
    (void)in_root(path, "version3.h5");
    free(c.cases);
    c.cases = NULL;
    OK(pleat_checkpoint_write(path, &c, 0));
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t attribute = H5Aopen(file, "format_version", H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT, &version) >= 0);
    assert_true(H5Aclose(attribute) >= 0 && H5Fclose(file) >= 0);
    OK(pleat_checkpoint_read(path, &got));
    assert_null(got.cases);
    assert_memory_equal(got.params, c.params, PARAMS * sizeof(float));
    OK(pleat_checkpoint_cases(path, &cases));
    assert_null(cases);
    pleat_checkpoint_free(&got);
    pleat_checkpoint_free(&c);
}

static void test_a_truncated_or_missing_latest_falls_back(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    int fell_back = 0;
    (void)in_root(path, "cut.h5");
    write_step(path, 1);
    write_step(path, 2);
    for (off_t size = size_of(path) - 1; size > 0; size /= 2) {
        assert_int_equal(truncate(path, size), 0);
        assert_int_equal(read_step(path, &fell_back), 1);
        assert_int_equal(fell_back, 1);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_step(path, &fell_back), 1);
    assert_int_equal(fell_back, 1);
    write_step(path, 3); /* the good generation stays until the new one is there */
    assert_int_equal(read_step(path, &fell_back), 3);
    assert_int_equal(fell_back, 0);
}

static void test_a_read_takes_the_file_it_is_told_and_no_other(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    (void)in_root(path, "told.h5");
    write_step(path, 1);
    write_step(path, 2);
    flip(path, size_of(path) / 2);
    REFUSED(pleat_checkpoint_read(path, &c), PLEAT_ERR_FORMAT, "told.h5'");
    assert_int_equal(unlink(path), 0);
    REFUSED(pleat_checkpoint_read(path, &c), PLEAT_ERR_NOT_FOUND, "told.h5'");
    assert_null(c.params);
}

/* No process opens more files than its limit: then neither generation can be opened, both whole. */
static void test_a_file_that_cannot_be_opened_is_no_damaged_one(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    struct rlimit before, none;
    int fell_back = 0;
    pleat_checkpoint c = {0};
    (void)in_root(path, "limit.h5");
    write_step(path, 1);
    write_step(path, 2);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){3, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const pleat_status status = pleat_checkpoint_resume(path, &c, &fell_back);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    REFUSED(status, PLEAT_ERR_IO, "Too many open files");
    assert_null(strstr(pleat_error_message(), "remove"));
    assert_int_equal(read_step(path, &fell_back), 2);
    assert_int_equal(fell_back, 0);
}

static void test_without_a_whole_generation_the_error_names_both(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], previous[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    int fell_back;
    (void)in_root(path, "both.h5");
    (void)in_root(previous, "both.h5.previous");
    REFUSED(pleat_checkpoint_resume(path, &c, &fell_back), PLEAT_ERR_NOT_FOUND, path);
    write_step(path, 1);
    assert_int_equal(truncate(path, 300), 0);
    REFUSED(pleat_checkpoint_resume(path, &c, &fell_back), PLEAT_ERR_FORMAT, path);
    OK(pleat_file_write_atomic(previous, "junk", 4));
    REFUSED(pleat_checkpoint_resume(path, &c, &fell_back), PLEAT_ERR_FORMAT, path);
    TOLD(previous);
    assert_null(c.params);
}

static void test_a_killed_writer_leaves_a_whole_checkpoint(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], leftover[PLEAT_PATH_BYTES];
    (void)in_root(path, "killed.h5");
    (void)in_root(leftover, ".killed.h5.4711.tmp");
    write_step(path, 0);
    for (int round = 0; round < 20; round++) {
        const pid_t child = fork();
        if (child == 0) {
            for (int step = 1;; step++) {
                pleat_checkpoint c = make(step);
                (void)pleat_checkpoint_write(path, &c, 1);
                pleat_checkpoint_free(&c);
            }
        }
        (void)usleep((useconds_t)(3000 + 1700 * round));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        int fell_back;
        (void)read_step(path, &fell_back);
    }
    OK(pleat_file_write_atomic(leftover, "half", 4));
    write_step(path, 1);
    assert_false(pleat_file_exists(leftover));
}

static void test_a_folder_that_is_not_there_is_an_error_naming_the_file(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = make(1);
    (void)in_root(path, "no/such/folder.h5");
    REFUSED(pleat_checkpoint_write(path, &c, 1), PLEAT_ERR_IO, "folder.h5");
    pleat_checkpoint_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_written_is_read_back),
        cmocka_unit_test(test_a_model_alone_has_no_moments_no_statistics_and_no_history),
        cmocka_unit_test(test_the_generation_before_is_kept_when_asked),
        cmocka_unit_test(test_a_damaged_latest_falls_back_wherever_the_byte_is),
        cmocka_unit_test(test_the_cases_can_be_read_alone_and_fall_back_too),
        cmocka_unit_test(test_a_file_of_version_3_is_read_and_knows_no_cases),
        cmocka_unit_test(test_a_truncated_or_missing_latest_falls_back),
        cmocka_unit_test(test_a_read_takes_the_file_it_is_told_and_no_other),
        cmocka_unit_test(test_a_file_that_cannot_be_opened_is_no_damaged_one),
        cmocka_unit_test(test_without_a_whole_generation_the_error_names_both),
        cmocka_unit_test(test_a_killed_writer_leaves_a_whole_checkpoint),
        cmocka_unit_test(test_a_folder_that_is_not_there_is_an_error_naming_the_file),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
