/* test_label_table.c - names and colours of classes as ITK-SNAP, Slicer and Workbench read them. */
#include "pleat/label_table.h"
#include "pleat/nifti.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static pleat_classes three_classes(void) {
    static const char *const names[] = {"background", "lung_L", "a \"b\" ]]> c"};
    pleat_classes classes;
    OK(pleat_classes_make(names, 3, &classes));
    return classes;
}

static char *file_text(const char *name) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    OK(pleat_file_read_all(in_root(path, name), &text, NULL));
    return text;
}

static void both_files_have_a_line_for_each_class(void **state) {
    (void)state;
    pleat_classes classes = three_classes();
    OK(pleat_label_tables_write(root, &classes));
    char *text = file_text("labels.itksnap.txt");
    assert_non_null(strstr(text, "\n    0     0    0    0        0  0  0    \"Clear Label\"\n"
                                 "    1    86  180  233        1  1  1    \"lung_L\"\n"
                                 "    2     0  114  178        1  1  1    \"a 'b' ]]> c\"\n"));
    free(text);
    text = file_text("labels.ctbl");
    assert_non_null(strstr(text, "\n0 background 0 0 0 0\n1 lung_L 86 180 233 255\n"
                                 "2 a_\"b\"_]]>_c 0 114 178 255\n"));
    free(text);
    pleat_classes_free(&classes);
}

/* nifti1.h, "HEADER EXTENSIONS": a byte 1, then size (a multiple of 16), code and text; the voxels
 * begin at vox_offset. */
static void a_label_map_carries_the_names_and_reads_back(void **state) {
    (void)state;
    pleat_classes classes = three_classes();
    const int dim[3] = {2, 3, 4};
    const double spacing[3] = {1, 1, 1};
    char path[PLEAT_PATH_BYTES], bytes[4096];
    pleat_geometry g;
    pleat_label label, back;
    pleat_nifti_plain_geometry(dim, spacing, &g);
    OK(pleat_label_make(dim, spacing, &label));
    for (int i = 0; i < 24; i++) label.data[i] = (uint8_t)(i % 3);
    OK(pleat_label_map_write(in_root(path, "map.nii.gz"), &label, &g, &classes));
    OK(pleat_nifti_read_label(path, &back, NULL));
    assert_memory_equal(back.data, label.data, 24);
    gzFile file = gzopen(path, "rb");
    const int n = gzread(file, bytes, sizeof bytes);
    (void)gzclose(file);
    int32_t head[2];
    float offset = 0.0F;
    memcpy(&offset, bytes + 108, sizeof offset);
    memcpy(head, bytes + 352, sizeof head);
    assert_int_equal(bytes[348], 1);
    assert_int_equal(head[0] % 16, 0);
    assert_int_equal(head[1], 30);
    assert_int_equal((int)offset, 352 + head[0]);
    assert_int_equal(n, (int)offset + 24);
    assert_non_null(strstr(bytes + 360, "<Label Key=\"1\" Red=\"0.3373\" Green=\"0.7059\" "
                                        "Blue=\"0.9137\" Alpha=\"1\"><![CDATA[lung_L]]></Label>"));
    assert_non_null(strstr(bytes + 360, "<![CDATA[a \"b\" ]]]]><![CDATA[> c]]></Label>"));
    pleat_label_free(&label);
    pleat_label_free(&back);
    pleat_classes_free(&classes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_files_have_a_line_for_each_class),
        cmocka_unit_test(a_label_map_carries_the_names_and_reads_back),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
