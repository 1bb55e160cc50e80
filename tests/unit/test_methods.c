/* test_methods.c - a run's paragraph of methods says what its configuration does, in that order. */
#include "../../src/run/methods.h"
#include "pleat/file.h"
#include "support.h"
#include "support_results.h"

#include <stdlib.h>
#include <string.h>

/* The file of a run with these settings; freed by the caller. */
static char *methods_of(const char *const *settings, int ignore) {
    static const char *const names[] = {"rest", "spot"};
    static const counted one[] = {{"a", 0, {{1, 0, 0, 1}, {1, 0, 0, 1}}, "p", "r"}};
    const pleat_record record = {.version = "1",
                                 .engine = "ref",
                                 .precision = "f32",
                                 .folds = 2,
                                 .repeats = 1,
                                 .cases = 1,
                                 .ranks = 1,
                                 .channels = 1};
    char path[PLEAT_PATH_BYTES], *text = NULL;
    pleat_config config;
    pleat_results results = counted_results(one, 1, names, 2, 2);
    results.classes.ignore = ignore;
    pleat_config_defaults(&config);
    for (; *settings != NULL; settings++) OK(pleat_config_set(*settings, &config));
    OK(pleat_file_make_folder(in_root(path, "run")));
    OK(pleat_methods_write(path, &record, &config, &results));
    OK(pleat_file_read_all(in_root(path, "run/methods.md"), &text, NULL));
    pleat_results_free(&results);
    return text;
}

/* Each of wanted[] is there, after the one before it. */
static void assert_in_order(const char *text, const char *const *wanted) {
    const char *at = text;
    for (; at != NULL && *wanted != NULL; wanted++) {
        at = strstr(at, *wanted);
        if (at == NULL)
            fail_msg("'%s' is not there, or not after what precedes it:\n%.4000s", *wanted, text);
    }
    assert_non_null(text);
}

static void the_methods_tell_all_steps_in_their_order(void **state) {
    (void)state;
    static const char *const ct[] = {"preprocess.orient=RAS",
                                     "preprocess.clip=-1250,250",
                                     "preprocess.resample=1x2x3",
                                     "preprocess.scale=-500,500",
                                     "preprocess.grayscale=true",
                                     "preprocess.zscore=true",
                                     "network.name=plainconv",
                                     "network.depth=3",
                                     "network.filters=4",
                                     "network.strides=221,222,222",
                                     "network.kernels=331,333,333,333",
                                     "network.supervise=true",
                                     "pad=background",
                                     "train.optimizer=sgd",
                                     "train.momentum=0.99",
                                     "train.weight_decay=3e-5",
                                     "train.clip=12",
                                     "train.average=0.999",
                                     NULL};
    static const char *const wanted[] = {
        "turned to the orientation RAS. ",
        "Intensities were clipped to -1250 to 250 and scaled to whole grey levels, 0 at the least "
        "and 255 at the greatest value of each volume. ",
        "resampled to 1 x 2 x 3 mm by cubic splines",
        "Intensities were then scaled so that -500 and 500 became -1 and 1 and standardised to "
        "mean 0 and standard deviation 1 within each volume. ",
        "brought back to the image's own grid. ",
        "strides of the further levels along x, y, z 221,222,222; kernels of the levels along x, "
        "y, z "
        "331,333,333,333",
        "the volume's least value, as background",
        "deep supervision, by losses of 2 heads. ",
        "by stochastic gradient descent with Nesterov momentum 0.99 and weight decay 3e-05, with "
        "an initial learning rate",
        "Gradients were clipped to a norm of 12. ",
        "moving average of the weights (decay 0.999)",
        "Voxels of label 9 were ignored",
        NULL};
    char *text = methods_of(ct, 9);
    assert_in_order(text, wanted);
    free(text);
}

static void the_methods_of_the_defaults_name_adam_and_nothing_that_is_off(void **state) {
    (void)state;
    static const char *const none[] = {"preprocess.resample=off", NULL};
    static const char *const wanted[] = {"zeros that belong to no class", "by Adam, with", NULL};
    static const char *const absent[] = {"orientation", "own grid",    "momentum", "decay",
                                         "norm of",     "supervision", "ignored",  "strides"};
    char *text = methods_of(none, 0);
    char *end = strstr(text, "Agreement with the reference"); /* the lists follow */
    assert_non_null(end);
    *end = '\0';
    assert_in_order(text, wanted);
    for (size_t i = 0; i < COUNT(absent); i++)
        if (strstr(text, absent[i]) != NULL) fail_msg("'%s' is there:\n%s", absent[i], text);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_methods_tell_all_steps_in_their_order),
        cmocka_unit_test(the_methods_of_the_defaults_name_adam_and_nothing_that_is_off),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
