/* test_layout.c - the cases of a data folder are found, whole, or the missing file is named. */
#include "pleat/file.h"
#include "pleat/layout.h"
#include "support.h"

#include <string.h>

/* An empty folder below the root, made with these files ("a/b.nii" NULL-ended), all of `text`. */
static const char *folder_of(const char *name, const char *const *files) {
    static char folder[PLEAT_PATH_BYTES];
    OK(pleat_path(folder, sizeof folder, "%s/%s", root, name));
    OK(pleat_file_make_folder(folder));
    for (; *files != NULL; files++) {
        char path[PLEAT_PATH_BYTES], parent[PLEAT_PATH_BYTES];
        OK(pleat_path(path, sizeof path, "%s/%s", folder, *files));
        memcpy(parent, path, sizeof parent);
        *strrchr(parent, '/') = '\0';
        OK(pleat_file_make_folder(parent));
        OK(pleat_file_write_atomic(path, "x", 1));
    }
    return folder;
}

#define FOLDER(name, ...) folder_of(name, (const char *const[]){__VA_ARGS__, NULL})

static void put_json(const char *folder, const char *text) {
    char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/dataset.json", folder));
    OK(pleat_file_write_atomic(path, text, strlen(text)));
}

static int same_file(const char *got, const char *folder, const char *wanted) {
    char path[PLEAT_PATH_BYTES] = "";
    if (wanted == NULL || got == NULL) return wanted == NULL && got == NULL;
    OK(pleat_path(path, sizeof path, "%s/%s", folder, wanted));
    return strcmp(got, path) == 0;
}

typedef struct row {
    const char *id, *image, *label;
} row;

static void finds(const char *folder, int need_labels, const row *rows, int wanted) {
    pleat_case_paths *cases = NULL;
    int n = 0;
    if (pleat_layout_scan(folder, need_labels, &cases, &n) != PLEAT_OK)
        fail_msg("%s", pleat_error_message());
    assert_int_equal(n, wanted);
    for (int i = 0; i < n && i < wanted; i++) {
        assert_string_equal(cases[i].id, rows[i].id);
        if (!same_file(cases[i].image, folder, rows[i].image) ||
            !same_file(cases[i].label, folder, rows[i].label))
            fail_msg("case %s has %s and %s", cases[i].id, cases[i].image, cases[i].label);
    }
    pleat_layout_free(cases, n);
}

#define FINDS(folder, need, ...)                    \
    finds(folder, need, (const row[]){__VA_ARGS__}, \
          (int)(sizeof((const row[]){__VA_ARGS__}) / sizeof(row)))

static void refuses(const char *folder, int need_labels, pleat_status wanted, const char *text) {
    pleat_case_paths *cases = NULL;
    int n = 0;
    REFUSED(pleat_layout_scan(folder, need_labels, &cases, &n), wanted, text);
    assert_null(cases);
}

static void a_folder_a_case_is_found_in_order(void **state) {
    (void)state;
    const char *f = FOLDER("cases", "b/imaging.nii", "b/segmentation.nii.gz", "a/imaging.nii.gz",
                           "a/segmentation.nii.gz", "README", ".git/config");
    FINDS(f, 1, {"a", "a/imaging.nii.gz", "a/segmentation.nii.gz"},
          {"b", "b/imaging.nii", "b/segmentation.nii.gz"});
    f = FOLDER("cases/c", "imaging.nii");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "case 'c' has no label");
    f = FOLDER("cases", "README");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "c/segmentation.nii.gz");
    FINDS(f, 0, {"a", "a/imaging.nii.gz", "a/segmentation.nii.gz"},
          {"b", "b/imaging.nii", "b/segmentation.nii.gz"}, {"c", "c/imaging.nii", NULL});
    f = FOLDER("half", "a/imaging.nii", "a/segmentation.nii", "b/notes.txt");
    refuses(f, 0, PLEAT_ERR_NOT_FOUND, "case 'b' has no image");
    f = FOLDER("double", "a/imaging.nii", "a/imaging.nii.gz", "a/segmentation.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "twice");
}

static void a_folder_may_be_one_case_itself(void **state) {
    (void)state;
    const char *f = FOLDER("one", "imaging.nii.gz", "segmentation.nii.gz");
    FINDS(f, 1, {"one", "imaging.nii.gz", "segmentation.nii.gz"});
}

static void msd_and_nnunet_folders_are_found(void **state) {
    (void)state;
    const char *f =
        FOLDER("msd", "imagesTr/h_002.nii.gz", "imagesTr/h_001.nii.gz", "imagesTr/._h_001.nii.gz",
               "labelsTr/h_001.nii.gz", "labelsTr/h_002.nii.gz", "labelsTr/._h_001.nii.gz",
               "imagesTs/h_000.nii.gz");
    FINDS(f, 1, {"h_001", "imagesTr/h_001.nii.gz", "labelsTr/h_001.nii.gz"},
          {"h_002", "imagesTr/h_002.nii.gz", "labelsTr/h_002.nii.gz"});
    FINDS(f, 0, {"h_000", "imagesTs/h_000.nii.gz", NULL},
          {"h_001", "imagesTr/h_001.nii.gz", "labelsTr/h_001.nii.gz"},
          {"h_002", "imagesTr/h_002.nii.gz", "labelsTr/h_002.nii.gz"});
    f = FOLDER("nnunet", "imagesTr/h_1_0000.nii", "imagesTr/h_2_0000.nii", "labelsTr/h_1.nii",
               "labelsTr/h_2.nii", "imagesTr/h_3_0000.nii.gz", "labelsTr/h_3.nii.gz");
    put_json(f, "{\"file_ending\": \".nii\", \"channel_names\": {\"0\": \"CT\"}}");
    FINDS(f, 1, {"h_1", "imagesTr/h_1_0000.nii", "labelsTr/h_1.nii"},
          {"h_2", "imagesTr/h_2_0000.nii", "labelsTr/h_2.nii"});
    f = FOLDER("digits", "imagesTr/h_0000.nii", "imagesTr/h_0001.nii", "labelsTr/h_0000.nii",
               "labelsTr/h_0001.nii");
    FINDS(f, 1, {"h_0000", "imagesTr/h_0000.nii", "labelsTr/h_0000.nii"},
          {"h_0001", "imagesTr/h_0001.nii", "labelsTr/h_0001.nii"});
}

static void missing_halves_and_second_channels_are_named(void **state) {
    (void)state;
    const char *f = FOLDER("nolabel", "imagesTr/h_1.nii", "imagesTr/h_2.nii", "labelsTr/h_1.nii");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "labelsTr/h_2.nii");
    f = FOLDER("noimage", "imagesTr/h_1.nii", "labelsTr/h_1.nii", "labelsTr/h_2.nii");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "case 'h_2' has a label");
    f = FOLDER("nolabels", "imagesTr/h_1.nii");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "labelsTr/h_1.nii");
    f = FOLDER("channels", "imagesTr/h_0000.nii", "imagesTr/h_0001.nii", "labelsTr/h.nii");
    refuses(f, 1, PLEAT_ERR_UNSUPPORTED, "one channel is supported");
    refuses(f, 0, PLEAT_ERR_UNSUPPORTED, "one channel is supported");
    f = FOLDER("lonely", "imagesTr/h_0001.nii", "labelsTr/h.nii");
    refuses(f, 1, PLEAT_ERR_UNSUPPORTED, "one channel is supported");
    f = FOLDER("same", "imagesTr/h.nii", "imagesTr/h.nii.gz", "labelsTr/h.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "case 'h' is there twice");
    f = FOLDER("test", "imagesTr/h.nii", "labelsTr/h.nii", "imagesTs/h_0000.nii");
    refuses(f, 0, PLEAT_ERR_DATA, "case 'h' is there twice");
}

static void the_list_of_dataset_json_decides(void **state) {
    (void)state;
    const char *f =
        FOLDER("listed", "imagesTr/h_1.nii.gz", "imagesTr/h_2_0000.nii.gz", "imagesTr/h_3.nii.gz",
               "labelsTr/h_1.nii.gz", "labelsTr/h_2.nii.gz", "labelsTr/h_3.nii.gz");
    put_json(f, "{\"modality\": {\"0\": \"CT\"}, \"training\": ["
                "{\"image\": \"./imagesTr/h_2.nii.gz\", \"label\": \"./labelsTr/h_2.nii.gz\"},"
                "{\"image\": \"imagesTr/h_1.nii.gz\", \"label\": \"labelsTr/h_1.nii.gz\"}]}");
    FINDS(f, 1, {"h_1", "imagesTr/h_1.nii.gz", "labelsTr/h_1.nii.gz"},
          {"h_2", "imagesTr/h_2_0000.nii.gz", "labelsTr/h_2.nii.gz"});
    put_json(f, "{\"training\": [{\"image\": \"imagesTr/h_2_0000.nii.gz\","
                " \"label\": \"labelsTr/h_2.nii.gz\"}]}");
    FINDS(f, 1, {"h_2", "imagesTr/h_2_0000.nii.gz", "labelsTr/h_2.nii.gz"});
    static const struct {
        const char *json;
        pleat_status status;
        const char *text;
    } wrong[] = {
        {"{\"training\": [{\"image\": \"imagesTr/h_4.nii\"}]}", PLEAT_ERR_NOT_FOUND, "case 'h_4'"},
        {"{\"training\": [{\"image\": \"imagesTr/h_1.nii.gz\", \"label\": \"no.nii\"}]}",
         PLEAT_ERR_NOT_FOUND, "no.nii"},
        {"{\"training\": [{\"image\": \"imagesTr/h_1.nii.gz\"}]}", PLEAT_ERR_NOT_FOUND, "label"},
        {"{\"training\": [{\"image\": 3}]}", PLEAT_ERR_FORMAT, "\"training\"[0]"},
        {"{\"training\": [\"imagesTr/h_1.nii.gz\"]}", PLEAT_ERR_FORMAT, "\"training\"[0]"},
        {"{\"training\": [{\"image\": \"imagesTr/h.png\"}]}", PLEAT_ERR_FORMAT, "h.png"},
        {"{\"training\": {}}", PLEAT_ERR_FORMAT, "\"training\""},
        {"{\"file_ending\": \".png\"}", PLEAT_ERR_UNSUPPORTED, ".png"},
        {"{\"file_ending\": 3}", PLEAT_ERR_UNSUPPORTED, "file_ending"},
        {"{\"modality\": {\"0\": \"T1\", \"1\": \"T2\"}}", PLEAT_ERR_UNSUPPORTED, "2 channels"},
        {"{\"training\": [}", PLEAT_ERR_FORMAT, "line 1"},
        {"[]", PLEAT_ERR_FORMAT, "no JSON object"},
        {"", PLEAT_ERR_FORMAT, "dataset.json"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        put_json(f, wrong[i].json);
        refuses(f, 1, wrong[i].status, wrong[i].text);
    }
}

static void volumes_alone_do_where_no_labels_are_needed(void **state) {
    (void)state;
    const char *f = FOLDER("flat", "p2_0000.nii.gz", "p1.nii", ".hidden.nii", "notes.txt");
    FINDS(f, 0, {"p1", "p1.nii", NULL}, {"p2", "p2_0000.nii.gz", NULL});
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "imagesTr with labelsTr");
    char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/p2_0000.nii.gz", f));
    pleat_case_paths *cases = NULL;
    int n = 0;
    OK(pleat_layout_scan(path, 0, &cases, &n));
    assert_int_equal(n, 1);
    assert_string_equal(cases[0].id, "p2");
    assert_string_equal(cases[0].image, path);
    pleat_layout_free(cases, n);
    refuses(path, 1, PLEAT_ERR_NOT_FOUND, "is a file");
    f = FOLDER("flat-channels", "p_0000.nii", "p_0001.nii");
    refuses(f, 0, PLEAT_ERR_UNSUPPORTED, "p_0001.nii");
}

static void nothing_there_is_said_so(void **state) {
    (void)state;
    const char *f = FOLDER("empty", "notes.txt");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "no cases in");
    refuses(f, 0, PLEAT_ERR_NOT_FOUND, "no cases in");
    refuses("/no/such/folder", 1, PLEAT_ERR_NOT_FOUND, "/no/such/folder");
    f = FOLDER("empty-msd", "imagesTr/notes.txt", "labelsTr/notes.txt");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "no cases in");
}

static void class_names_are_read_in_both_orders(void **state) {
    (void)state;
    static const char *const good[] = {
        "{\"labels\": {\"0\": \"background\", \"2\": \"right\", \"1\": \"left\"}}",
        "{\"labels\": {\"right\": 2, \"background\": 0, \"left\": 1}}",
    };
    const char *f = FOLDER("classes", "README");
    pleat_classes classes;
    OK(pleat_layout_classes(f, &classes));
    assert_int_equal(classes.n, 0);
    assert_null(classes.name);
    for (int i = 0; i < 2; i++) {
        put_json(f, good[i]);
        OK(pleat_layout_classes(f, &classes));
        assert_int_equal(classes.n, 3);
        assert_string_equal(classes.name[0], "background");
        assert_string_equal(classes.name[1], "left");
        assert_string_equal(classes.name[2], "right");
        pleat_classes_free(&classes);
    }
    static const struct {
        const char *json;
        pleat_status status;
        const char *text;
    } wrong[] = {
        {"{\"labels\": {\"0\": \"background\", \"2\": \"left\"}}", PLEAT_ERR_DATA, "'left'"},
        {"{\"labels\": {\"a\": 0, \"b\": 0}}", PLEAT_ERR_DATA, "each once"},
        {"{\"labels\": {\"a\": -1}}", PLEAT_ERR_DATA, "-1"},
        {"{\"labels\": {\"a\": 0, \"whole\": [1, 2]}}", PLEAT_ERR_UNSUPPORTED, "'whole'"},
        {"{\"labels\": {\"a\": 0, \"ignore\": 1}}", PLEAT_ERR_UNSUPPORTED, "ignore"},
        {"{\"labels\": {\"zero\": \"background\"}}", PLEAT_ERR_FORMAT, "'zero'"},
        {"{\"labels\": {\"0\": null}}", PLEAT_ERR_FORMAT, "'0'"},
        {"{\"labels\": [1]}", PLEAT_ERR_FORMAT, "labels"},
        {"{", PLEAT_ERR_FORMAT, "dataset.json"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        put_json(f, wrong[i].json);
        REFUSED(pleat_layout_classes(f, &classes), wrong[i].status, wrong[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_a_case_is_found_in_order),
        cmocka_unit_test(a_folder_may_be_one_case_itself),
        cmocka_unit_test(msd_and_nnunet_folders_are_found),
        cmocka_unit_test(missing_halves_and_second_channels_are_named),
        cmocka_unit_test(the_list_of_dataset_json_decides),
        cmocka_unit_test(volumes_alone_do_where_no_labels_are_needed),
        cmocka_unit_test(nothing_there_is_said_so),
        cmocka_unit_test(class_names_are_read_in_both_orders),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
