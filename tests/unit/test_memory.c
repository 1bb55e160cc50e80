/* test_memory.c - what asks for more memory than there is, is refused before it is taken. */
#include "pleat/memory.h"

#include "pleat/nifti.h"
#include "pleat/prep.h"
#include "support.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

static void what_is_free_may_be_had_and_more_may_not(void **state) {
    (void)state;
    const double free_bytes = pleat_memory_available();
    assert_true(free_bytes > 0x1p26);
    OK(pleat_memory_check(0.0, "nothing"));
    OK(pleat_memory_check(0x1p26, "little"));
    if (!isinf(free_bytes))
        REFUSED(pleat_memory_check(2.0 * free_bytes + 0x1p40, "the volume '%s'", "a"),
                PLEAT_ERR_MEMORY, "the volume 'a' needs ");
}

static void a_volume_of_more_is_not_made(void **state) {
    (void)state;
    const int dim[3] = {32767, 32767, 32767};
    const double spacing[3] = {1, 1, 1};
    pleat_image image = {0};
    pleat_label label = {0};
    REFUSED(pleat_image_make(1, dim, spacing, &image), PLEAT_ERR_MEMORY, "131060.0 GiB");
    REFUSED(pleat_label_make(dim, spacing, &label), PLEAT_ERR_MEMORY, "32765.0 GiB");
    assert_true(image.data == NULL && label.data == NULL);
}

static void a_volume_that_grows_too_much_is_refused_by_its_header(void **state) {
    (void)state;
    const int dim[3] = {3, 4, 5};
    const double spacing[3] = {2, 1, 1};
    char path[PLEAT_PATH_BYTES];
    char *paths[] = {path};
    pleat_geometry geometry;
    pleat_label label = {0};
    pleat_image image = {0};
    (void)in_root(path, "grows.nii.gz");
    const pleat_case_paths one = {.id = "grows", .image = {paths[0]}, .images = 1};
    pleat_nifti_plain_geometry(dim, spacing, &geometry);
    OK(pleat_label_make(dim, spacing, &label));
    OK(pleat_nifti_write_label(path, &label, &geometry));
    pleat_label_free(&label);
    pleat_prep_config config = {.resample = 1, .spacing = {1, 1, 1}};
    OK(pleat_prep_check_memory(&config, &one, 1, 16, 0));
    OK(pleat_prep_check_memory(&config, &one, 1, 16, 1000000)); /* 60 MB of the native grid */
    REFUSED(pleat_prep_check_memory(&config, &one, 1, 16, INT_MAX), PLEAT_ERR_DATA, "120 GiB");
    for (int a = 0; a < 3; a++) config.spacing[a] = 5e-3; /* as if millimetres were metres */
    REFUSED(pleat_prep_check_memory(&config, &one, 1, 16, 0), PLEAT_ERR_DATA, path);
    TOLD("16000000 times as many");
    TOLD("correct the spacing");
    REFUSED(pleat_prep_load(&config, &one, &image, NULL), PLEAT_ERR_DATA, "more than can be meant");
    assert_null(image.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_free_may_be_had_and_more_may_not),
        cmocka_unit_test(a_volume_of_more_is_not_made),
        cmocka_unit_test(a_volume_that_grows_too_much_is_refused_by_its_header),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
