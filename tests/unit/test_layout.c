/* test_layout.c - the cases of a data folder are found, whole, or the missing file is named. */
#include "pleat/file.h"
#include "pleat/layout.h"
#include "pleat/log.h"
#include "pleat/warn.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    const char *id, *image, *label; /* image: "channel 0|channel 1" where there are two */
} row;

static void finds(const char *folder, int need_labels, const row *rows, int wanted) {
    pleat_case_paths *cases = NULL;
    int n = 0;
    if (pleat_layout_scan(folder, need_labels, &cases, &n) != PLEAT_OK)
        fail_msg("%s", pleat_error_message());
    assert_int_equal(n, wanted);
    for (int i = 0; i < n && i < wanted; i++) {
        assert_string_equal(cases[i].id, rows[i].id);
        char first[PLEAT_PATH_BYTES];
        const char *second = strchr(rows[i].image, '|');
        (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(rows[i].image, "|"),
                       rows[i].image);
        if (!same_file(cases[i].image[0], folder, first) ||
            !same_file(cases[i].label, folder, rows[i].label))
            fail_msg("case %s has %s and %s", cases[i].id, cases[i].image[0], cases[i].label);
        assert_int_equal(cases[i].images, second == NULL ? 1 : 2);
        if (second != NULL && !same_file(cases[i].image[1], folder, second + 1))
            fail_msg("case %s has channel 1 %s", cases[i].id, cases[i].image[1]);
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

/* What the log tells of a scan that finds `wanted` cases is `text`, "" for nothing. */
static void tells(const char *folder, pleat_layout_want want, int wanted, const char *text) {
    char path[PLEAT_PATH_BYTES], *said = NULL;
    pleat_case_paths *cases = NULL;
    int n = 0;
    OK(pleat_path(path, sizeof path, "%s/log", root));
    OK(pleat_file_write_atomic(path, "", 0));
    OK(pleat_log_open(path, 0));
    pleat_log_set_level(PLEAT_INFO);
    pleat_warn_forget();
    const pleat_status status = pleat_layout_scan(folder, want, &cases, &n);
    pleat_log_set_level(PLEAT_QUIET);
    OK(pleat_log_open(NULL, 0));
    OK(status);
    OK(pleat_file_read_all(path, &said, NULL));
    if (n != wanted || (text[0] == '\0' ? said[0] != '\0' : strstr(said, text) == NULL))
        fail_msg("%d cases, not %d; said '%s', not '%s'", n, wanted, said, text);
    free(said);
    pleat_layout_free(cases, n);
}

static void link_to(const char *target, const char *folder, const char *name) {
    char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/%s", folder, name));
    (void)unlink(path);
    assert_int_equal(symlink(target, path), 0);
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

static void missing_halves_are_named(void **state) {
    (void)state;
    const char *f = FOLDER("nolabel", "imagesTr/h_1.nii", "imagesTr/h_2.nii", "labelsTr/h_1.nii");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "labelsTr/h_2.nii");
    f = FOLDER("noimage", "imagesTr/h_1.nii", "labelsTr/h_1.nii", "labelsTr/h_2.nii");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "case 'h_2' has a label");
    f = FOLDER("nolabels", "imagesTr/h_1.nii");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "labelsTr/h_1.nii");
    f = FOLDER("same", "imagesTr/h.nii", "imagesTr/h.nii.gz", "labelsTr/h.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "case 'h' is there twice");
    f = FOLDER("test", "imagesTr/h.nii", "labelsTr/h.nii", "imagesTs/h_0000.nii");
    refuses(f, 0, PLEAT_ERR_DATA, "case 'h' is there twice");
}

static void channels_are_found_in_every_layout(void **state) {
    (void)state;
    const char *f =
        FOLDER("channels", "imagesTr/h_0000.nii", "imagesTr/h_0001.nii", "imagesTr/k_0000.nii",
               "imagesTr/k_0001.nii.gz", "labelsTr/h.nii", "labelsTr/k.nii");
    for (int need = 0; need < 2; need++)
        FINDS(f, need, {"h", "imagesTr/h_0000.nii|imagesTr/h_0001.nii", "labelsTr/h.nii"},
              {"k", "imagesTr/k_0000.nii|imagesTr/k_0001.nii.gz", "labelsTr/k.nii"});
    put_json(f, "{\"modality\": {\"0\": \"CT\", \"1\": \"PET\"}, \"training\": ["
                "{\"image\": \"imagesTr/k.nii\", \"label\": \"labelsTr/k.nii\"}]}");
    FINDS(f, 1, {"k", "imagesTr/k_0000.nii|imagesTr/k_0001.nii.gz", "labelsTr/k.nii"});
    put_json(f, "{\"channel_names\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}}");
    refuses(f, 1, PLEAT_ERR_DATA, "case 'h' has 2 channels, ");
    f = FOLDER("channel-cases", "a/imaging_0000.nii.gz", "a/imaging_0001.nii.gz",
               "a/segmentation.nii.gz");
    FINDS(f, 1, {"a", "a/imaging_0000.nii.gz|a/imaging_0001.nii.gz", "a/segmentation.nii.gz"});
    f = FOLDER("channel-cases/a", "imaging_0000.nii.gz");
    FINDS(f, 1, {"a", "imaging_0000.nii.gz|imaging_0001.nii.gz", "segmentation.nii.gz"});
    f = FOLDER("flat-channels", "p_0000.nii", "p_0001.nii", "q_0000.nii", "q_0001.nii");
    FINDS(f, 0, {"p", "p_0000.nii|p_0001.nii", NULL}, {"q", "q_0000.nii|q_0001.nii", NULL});
}

static void a_missing_channel_is_named(void **state) {
    (void)state;
    const char *f = FOLDER("lonely", "imagesTr/h_0001.nii", "labelsTr/h.nii");
    for (int need = 0; need < 2; need++) refuses(f, need, PLEAT_ERR_DATA, "case 'h' has channel 1");
    f = FOLDER("gap", "imagesTr/h_0000.nii", "imagesTr/h_0002.nii", "labelsTr/h.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "h_0002.nii', but no channel 1");
    f = FOLDER("gap-case", "c/imaging_0000.nii", "c/imaging_0002.nii", "c/segmentation.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "imaging_0002.nii', but no channel 1");
    f = FOLDER("uneven", "imagesTr/h_0000.nii", "imagesTr/h_0001.nii", "imagesTr/k_0000.nii",
               "labelsTr/h.nii", "labelsTr/k.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "case 'k' has no channel 1, which case 'h' has");
    f = FOLDER("both", "c/imaging.nii", "c/imaging_0000.nii", "c/segmentation.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "one channel twice");
    f = FOLDER("seventeen", "h_0000.nii", "h_0001.nii", "h_0002.nii", "h_0003.nii", "h_0004.nii",
               "h_0005.nii", "h_0006.nii", "h_0007.nii", "h_0008.nii", "h_0009.nii", "h_0010.nii",
               "h_0011.nii", "h_0012.nii", "h_0013.nii", "h_0014.nii", "h_0015.nii", "h_0016.nii");
    refuses(f, 0, PLEAT_ERR_UNSUPPORTED, "h_0016.nii' is channel 16; 16 channels are supported");
}

static void channel_names_are_read(void **state) {
    (void)state;
    const char *f = FOLDER("names", "README");
    char **names = NULL;
    int n = -1;
    OK(pleat_layout_channels(f, &names, &n));
    assert_int_equal(n, 0);
    assert_null(names);
    static const char *const good[] = {
        "{\"channel_names\": {\"1\": \"PET\", \"0\": \"CT\"}}",
        "{\"modality\": {\"0\": \"CT\", \"1\": \"PET\"}}",
    };
    for (int i = 0; i < 2; i++) {
        put_json(f, good[i]);
        OK(pleat_layout_channels(f, &names, &n));
        assert_int_equal(n, 2);
        assert_string_equal(names[0], "CT");
        assert_string_equal(names[1], "PET");
        pleat_layout_names_free(names, n);
    }
    put_json(f, "{\"modality\": {\"0\": \"CT\", \"2\": \"PET\"}}");
    REFUSED(pleat_layout_channels(f, &names, &n), PLEAT_ERR_DATA, "'PET' is channel 2");
    put_json(f, "{\"channel_names\": {\"zero\": \"CT\"}}");
    REFUSED(pleat_layout_channels(f, &names, &n), PLEAT_ERR_FORMAT, "'zero'");
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
        {"{\"training\": [{\"image\": \"imagesTr/h_4.nii\"}, {\"image\": \"imagesTr/h_5.nii\"},"
         " {\"image\": \"imagesTr/h_1.nii.gz\", \"label\": \"labelsTr/h_1.nii.gz\"}]}",
         PLEAT_ERR_NOT_FOUND, "2 of 3 entries of"},
        {"{\"training\": [{\"image\": 3}]}", PLEAT_ERR_FORMAT, "\"training\"[0]"},
        {"{\"training\": [\"imagesTr/h_1.nii.gz\"]}", PLEAT_ERR_FORMAT, "\"training\"[0]"},
        {"{\"training\": [{\"image\": \"imagesTr/h.png\"}]}", PLEAT_ERR_FORMAT, "h.png"},
        {"{\"training\": {}}", PLEAT_ERR_FORMAT, "\"training\""},
        {"{\"training\": []}", PLEAT_ERR_DATA, "an empty list \"training\""},
        {"{\"file_ending\": \".png\"}", PLEAT_ERR_UNSUPPORTED, ".png"},
        {"{\"file_ending\": 3}", PLEAT_ERR_UNSUPPORTED, "file_ending"},
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
    assert_string_equal(cases[0].image[0], path);
    pleat_layout_free(cases, n);
    refuses(path, 1, PLEAT_ERR_NOT_FOUND, "is a file");
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

static void endings_in_capitals_are_read(void **state) {
    (void)state;
    const char *f = FOLDER("capitals", "imagesTr/a_0000.NII.GZ", "imagesTr/b_0000.nii.gz",
                           "labelsTr/a.NII.gz", "labelsTr/b.Nii");
    put_json(f, "{\"file_ending\": \".nii.gz\"}");
    FINDS(f, 1, {"a", "imagesTr/a_0000.NII.GZ", "labelsTr/a.NII.gz"},
          {"b", "imagesTr/b_0000.nii.gz", "labelsTr/b.Nii"});
    f = FOLDER("capital-case", "c/imaging.NII", "c/segmentation.NII.GZ");
    FINDS(f, 1, {"c", "c/imaging.NII", "c/segmentation.NII.GZ"});
    f = FOLDER("capital-flat", "d.NII.GZ");
    FINDS(f, 0, {"d", "d.NII.GZ", NULL});
    f = FOLDER("capital-twice", "c/imaging.NII", "c/imaging.nii", "c/segmentation.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "one volume twice");
    f = FOLDER("capital-list", "imagesTr/a.nii", "labelsTr/a.nii", "Dataset.JSON");
    refuses(f, 1, PLEAT_ERR_UNSUPPORTED, "rename it to dataset.json");
}

static void what_is_passed_by_is_counted_and_named(void **state) {
    (void)state;
    const char *f = FOLDER("passed", "imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTr/notes.txt",
                           "README", "imagesTr/.hidden.nii");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "");
    f = FOLDER("passed", "imagesTr/b.nrrd", "labelsTr/b.nrrd");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "warning: 2 files of '");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "imagesTr/b.nrrd, labelsTr/b.nrrd");
    f = FOLDER("passed-ending", "imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTr/b.nii",
               "labelsTr/b.nii");
    tells(f, PLEAT_LAYOUT_LABELLED, 2, "");
    put_json(f, "{\"file_ending\": \".nii.gz\"}");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "imagesTr/b.nii, labelsTr/b.nii");
    put_json(f, "{\"training\": [{\"image\": \"imagesTr/b.nii\", \"label\": \"labelsTr/b.nii\"}]}");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "imagesTr/a.nii.gz, labelsTr/a.nii.gz");
    f = FOLDER("passed-cases", "a/imaging.nii", "a/segmentation.nii", "a/second_reader.nii",
               "b.nii.gz", "list.csv");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "2 files");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "a/second_reader.nii, b.nii.gz");
    f = FOLDER("passed-flat", "a.nii", "1.bak", "2.bak", "3.bak", "4.bak", "5.bak", "6.bak");
    tells(f, PLEAT_LAYOUT_VOLUMES, 1, "6 files");
    tells(f, PLEAT_LAYOUT_VOLUMES, 1, "1.bak, 2.bak, 3.bak, 4.bak, 5.bak, ...");
}

static void a_number_of_cases_that_is_not_theirs_is_told(void **state) {
    (void)state;
    const char *f = FOLDER("number", "imagesTr/a.nii", "labelsTr/a.nii", "imagesTs/b.nii");
    put_json(f, "{\"numTraining\": 10}");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "numTraining 10, cases found: 1");
    tells(f, PLEAT_LAYOUT_VOLUMES, 2, "numTraining 10, cases found: 1");
    put_json(f, "{\"numTraining\": 1, \"numTest\": 1}");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "");
    tells(f, PLEAT_LAYOUT_VOLUMES, 2, "");
    put_json(f, "{\"numTraining\": \"one\"}");
    refuses(f, 1, PLEAT_ERR_FORMAT, "numTraining");
}

static void what_cannot_be_looked_at_is_not_absent(void **state) {
    (void)state;
    static const char *const places[] = {"dataset.json", "imagesTr", "labelsTr"};
    for (size_t i = 0; i < COUNT(places); i++) {
        char name[32], path[PLEAT_PATH_BYTES];
        (void)snprintf(name, sizeof name, "annex-%zu", i);
        const char *f = FOLDER(name, "a/imaging.nii", "a/segmentation.nii");
        link_to(".git/annex/x", f, places[i]);
        refuses(f, 1, PLEAT_ERR_IO, places[i]);
        OK(pleat_path(path, sizeof path, "%s/%s", f, places[i]));
        assert_int_equal(unlink(path), 0);
        FINDS(f, 1, {"a", "a/imaging.nii", "a/segmentation.nii"});
    }
    const char *f = FOLDER("annex", "a/imaging.nii", "a/segmentation.nii", "b/segmentation.nii");
    link_to("../.git/x", f, "b/imaging.nii.gz");
    refuses(f, 1, PLEAT_ERR_IO, "b/imaging.nii.gz' is a link that leads nowhere, to '../.git/x'");
    f = FOLDER("annex-folder", "a/imaging.nii", "a/segmentation.nii");
    link_to("../gone", f, "b");
    refuses(f, 1, PLEAT_ERR_IO, "/b' is a link that leads nowhere");
    link_to("b", f, "b");
    refuses(f, 1, PLEAT_ERR_IO, "/b' is a link that leads nowhere");
    f = FOLDER("device", "imagesTr/a.nii", "labelsTr/a.nii");
    link_to("/dev/zero", f, "dataset.json");
    refuses(f, 1, PLEAT_ERR_IO, "neither a file nor a folder");
    f = FOLDER("pipe", "b.nii");
    char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/a.nii", f));
    assert_int_equal(mkfifo(path, 0600), 0);
    refuses(f, 0, PLEAT_ERR_IO, "a.nii' is neither a file nor a folder");
}

static void names_that_no_file_of_text_can_hold_are_refused(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"M\xfc", "case 'M\\xfc'"}, {"a\x1b[1m", "'a\\x1b[1m'"}, {"a\nb", "'a\\x0ab'"}};
    for (size_t i = 0; i < COUNT(names); i++) {
        char folder[PLEAT_PATH_BYTES], image[PLEAT_PATH_BYTES];
        pleat_case_paths *cases = NULL;
        int n = 0;
        OK(pleat_path(folder, sizeof folder, "%s/named%zu", root, i));
        OK(pleat_path(image, sizeof image, "%s/imagesTr/%s.nii.gz", folder, names[i][0]));
        *strrchr(image, '/') = '\0';
        OK(pleat_file_make_folder(image));
        image[strlen(image)] = '/';
        OK(pleat_file_write_atomic(image, "x", 1));
        refuses(folder, PLEAT_LAYOUT_MAPS, PLEAT_ERR_DATA, names[i][1]);
        TOLD("not UTF-8 or has a control character");
        if (i > 0) refuses(folder, PLEAT_LAYOUT_VOLUMES, PLEAT_ERR_DATA, names[i][1]);
        if (i > 0) continue;
        OK(pleat_layout_scan(folder, PLEAT_LAYOUT_VOLUMES, &cases, &n)); /* labelled all the same */
        assert_string_equal(cases[0].id, names[i][0]);
        pleat_layout_free(cases, n);
    }
}

static void a_name_that_is_too_long_for_other_files_is_refused(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], image[PLEAT_PATH_BYTES], name[PLEAT_CASE_BYTES + 1];
    pleat_case_paths *cases = NULL;
    int n = 0;
    memset(name, 'n', sizeof name);
    OK(pleat_path(folder, sizeof folder, "%s/long", root));
    OK(pleat_file_make_folder(folder));
    for (size_t bytes = PLEAT_CASE_BYTES - 1; bytes <= PLEAT_CASE_BYTES; bytes++) {
        OK(pleat_path(image, sizeof image, "%s/%.*s.nii", folder, (int)bytes, name));
        OK(pleat_file_write_atomic(image, "x", 1));
        if (bytes == PLEAT_CASE_BYTES)
            refuses(folder, PLEAT_LAYOUT_VOLUMES, PLEAT_ERR_DATA,
                    "its name has 161 characters, 160 are the most");
        else
            OK(pleat_layout_scan(folder, PLEAT_LAYOUT_VOLUMES, &cases, &n));
    }
    pleat_layout_free(cases, n);
}

static void label_maps_have_no_channels(void **state) {
    (void)state;
    const char *f = FOLDER("maps", "s_0000.nii", "s_0001.nii", "t_0003.nii");
    FINDS(f, PLEAT_LAYOUT_MAPS, {"s_0000", "s_0000.nii", NULL}, {"s_0001", "s_0001.nii", NULL},
          {"t_0003", "t_0003.nii", NULL});
    refuses(f, 0, PLEAT_ERR_DATA, "rename them");
    f = FOLDER("maps-of-data", "imagesTr/s_0000.nii", "imagesTr/s_0001.nii", "labelsTr/s.nii");
    FINDS(f, PLEAT_LAYOUT_MAPS, {"s", "imagesTr/s_0000.nii|imagesTr/s_0001.nii", "labelsTr/s.nii"});
    char path[PLEAT_PATH_BYTES];
    OK(pleat_layout_volume(f, "s", path));
    assert_string_equal(path, "");
    f = FOLDER("maps-found", "s.NII.GZ", "s_0000.nii");
    OK(pleat_layout_volume(f, "s", path));
    assert_true(same_file(path, f, "s.NII.GZ"));
}

static void dataset_json_may_begin_with_a_byte_order_mark(void **state) {
    (void)state;
    const char *f = FOLDER("mark", "imagesTr/a.nii", "labelsTr/a.nii", "imagesTr/b.nii");
    put_json(f, "\xef\xbb\xbf{\"training\": [{\"image\": \"imagesTr/a.nii\","
                " \"label\": \"labelsTr/a.nii\"}]}");
    FINDS(f, 1, {"a", "imagesTr/a.nii", "labelsTr/a.nii"});
    put_json(f, "\xff\xfe{");
    refuses(f, 1, PLEAT_ERR_FORMAT, "UTF-16");
}

/* A dataset.json of one case with these paths. */
static void put_list(const char *folder, const char *image, const char *label, const char *more) {
    char text[4 * PLEAT_PATH_BYTES];
    (void)snprintf(text, sizeof text, "{\"training\": [{\"image\": \"%s\", \"label\": \"%s\"}]%s}",
                   image, label, more);
    put_json(folder, text);
}

static void a_list_is_followed_or_refused(void **state) {
    (void)state;
    char image[PLEAT_PATH_BYTES], label[PLEAT_PATH_BYTES];
    const char *f = FOLDER("paths", "imagesTr/a.nii", "labelsTr/a.nii", "ct/b.nii", "seg/b.nii");
    OK(pleat_path(image, sizeof image, "%s/imagesTr/a.nii", f));
    OK(pleat_path(label, sizeof label, "%s/labelsTr/a.nii", f));
    put_list(f, image, label, "");
    FINDS(f, 1, {"a", "imagesTr/a.nii", "labelsTr/a.nii"});
    put_list(f, "ct/b.nii", "seg/b.nii", "");
    FINDS(f, 1, {"b", "ct/b.nii", "seg/b.nii"});
    put_list(f, "../paths/ct/b.nii", "seg/b.nii", "");
    refuses(f, 1, PLEAT_ERR_DATA, "'../paths/ct/b.nii', which leads out of the folder");
    put_list(f, "ct/b.nii", "seg/..", "");
    refuses(f, 1, PLEAT_ERR_DATA, "leads out of the folder");
    put_list(f, "ct/c..nii", "seg/b.nii", "");
    refuses(f, 1, PLEAT_ERR_NOT_FOUND, "ct/c..nii'; add it, or take the entry out");
    put_list(f, "ct/b.nii", "seg/b.nii", ", \"validation\": [{\"image\": \"imagesTr/a.nii\"}]");
    tells(f, PLEAT_LAYOUT_LABELLED, 1, "lists cases (1) under \"validation\"");
    put_json(f, "{\"training\": [{\"image\": \"ct/b.nii\", \"label\": \"seg/b.nii\", \"fold\": 0,"
                " \"use\": false}, {\"image\": \"imagesTr/a.nii\", \"label\": \"labelsTr/a.nii\","
                " \"fold\": 1}]}");
    tells(f, PLEAT_LAYOUT_LABELLED, 2, "these keys are not: fold, use\n");
    put_json(f, "{\"dataset\": {\"a\": {\"images\": [\"imagesTr/a.nii\"]}}}");
    refuses(f, 1, PLEAT_ERR_UNSUPPORTED, "lists cases (1) under \"dataset\", which is not read");
    put_json(f, "{\"test\": [\"./imagesTs/a.nii\"], \"name\": \"x\", \"licence\": [\"CC\"]}");
    FINDS(f, 1, {"a", "imagesTr/a.nii", "labelsTr/a.nii"});
    f = FOLDER("list-of-cases", "a/imaging.nii", "a/segmentation.nii", "b/imaging.nii",
               "b/segmentation.nii");
    put_list(f, "b/imaging.nii", "b/segmentation.nii", "");
    FINDS(f, 1, {"imaging", "b/imaging.nii", "b/segmentation.nii"});
}

static void a_channel_beside_a_case_is_not_left_out(void **state) {
    (void)state;
    const char *f =
        FOLDER("beside-label", "imagesTr/h_0000.nii", "imagesTr/h_0001.nii", "labelsTr/h_0000.nii");
    refuses(f, 1, PLEAT_ERR_DATA,
            "imagesTr/h_0001.nii' is channel 1; name the label 'h', or move the other file away");
    put_list(f, "imagesTr/h_0000.nii", "labelsTr/h_0000.nii", "");
    refuses(f, 1, PLEAT_ERR_DATA, "case 'h_0000' is named by its label and has one channel");
    f = FOLDER("beside-case", "c/imaging.nii.gz", "c/imaging_0001.nii.gz", "c/segmentation.nii");
    refuses(f, 1, PLEAT_ERR_DATA, "case 'c': '");
    refuses(f, 0, PLEAT_ERR_DATA, "c/imaging.nii.gz'; rename that to _0000");
    f = FOLDER("beside-case/c", "imaging.nii.gz");
    refuses(f, 1, PLEAT_ERR_DATA, "imaging_0001.nii.gz' is channel 1 by its name");
    f = FOLDER("beside-list", "imagesTr/h_0000.nii", "imagesTr/h_0002.nii", "labelsTr/h.nii");
    put_list(f, "imagesTr/h.nii", "labelsTr/h.nii", "");
    refuses(f, 1, PLEAT_ERR_DATA, "h_0002.nii', but no channel 1; add it");
    f = FOLDER("beside-plain", "imagesTr/h.nii", "imagesTr/h_0001.nii", "labelsTr/h.nii");
    put_list(f, "imagesTr/h.nii", "labelsTr/h.nii", "");
    refuses(f, 1, PLEAT_ERR_DATA, "imagesTr/h_0001.nii' is channel 1 by its name, but channel 0");
    f = FOLDER("beside-file", "p_0000.nii", "p_0002.nii");
    char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/p_0000.nii", f));
    refuses(path, 0, PLEAT_ERR_DATA, "case 'p' has channel 2");
}

static void a_case_that_the_list_leaves_out_is_no_channel(void **state) {
    (void)state;
    const char *f = FOLDER("left-out", "imagesTr/h_0000.nii", "imagesTr/h_0001.nii",
                           "labelsTr/h_0000.nii", "labelsTr/h_0001.nii");
    put_list(f, "imagesTr/h_0000.nii", "labelsTr/h_0000.nii", "");
    FINDS(f, 1, {"h_0000", "imagesTr/h_0000.nii", "labelsTr/h_0000.nii"});
    f = FOLDER("left-out-too", "imagesTr/h.nii", "imagesTr/h_0001.nii", "labelsTr/h.nii",
               "labelsTr/h_0001.nii");
    put_list(f, "imagesTr/h.nii", "labelsTr/h.nii", "");
    FINDS(f, 1, {"h", "imagesTr/h.nii", "labelsTr/h.nii"});
}

static void a_file_has_one_part_in_one_case(void **state) {
    (void)state;
    static const struct {
        const char *second, *text; /* entries after that of case a */
    } rows[] = {
        {"{\"image\": \"imagesTr/b.nii\", \"label\": \"imagesTr/b.nii\"}", "case 'b': its image '"},
        {"{\"image\": \"labelsTr/b.nii\", \"label\": \"./labelsTr/b.nii\"}", "are one file"},
        {"{\"image\": \"imagesTr/b.nii\", \"label\": \"linked.nii\"}", "linked.nii' are one file"},
        {"{\"image\": \"imagesTr/b.nii\", \"label\": \"labelsTr/a.nii\"}",
         "is the label of case 'a' and the label of case 'b'"},
        {"{\"image\": \"labelsTr/a.nii\", \"label\": \"labelsTr/b.nii\"}",
         "case 'a' is there twice"},
        {"{\"image\": \"imagesTr/b.nii\", \"label\": \"imagesTr/a.nii\"}",
         "is the image of case 'a' and the label of case 'b'"},
    };
    const char *f =
        FOLDER("parts", "imagesTr/a.nii", "labelsTr/a.nii", "imagesTr/b.nii", "labelsTr/b.nii");
    link_to("imagesTr/b.nii", f, "linked.nii");
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text,
                       "{\"training\": [{\"image\": \"imagesTr/a.nii\", \"label\": "
                       "\"labelsTr/a.nii\"}, %s]}",
                       rows[i].second);
        put_json(f, text);
        refuses(f, 1, PLEAT_ERR_DATA, rows[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_a_case_is_found_in_order),
        cmocka_unit_test(a_folder_may_be_one_case_itself),
        cmocka_unit_test(msd_and_nnunet_folders_are_found),
        cmocka_unit_test(missing_halves_are_named),
        cmocka_unit_test(channels_are_found_in_every_layout),
        cmocka_unit_test(a_missing_channel_is_named),
        cmocka_unit_test(channel_names_are_read),
        cmocka_unit_test(the_list_of_dataset_json_decides),
        cmocka_unit_test(volumes_alone_do_where_no_labels_are_needed),
        cmocka_unit_test(nothing_there_is_said_so),
        cmocka_unit_test(endings_in_capitals_are_read),
        cmocka_unit_test(what_is_passed_by_is_counted_and_named),
        cmocka_unit_test(a_number_of_cases_that_is_not_theirs_is_told),
        cmocka_unit_test(what_cannot_be_looked_at_is_not_absent),
        cmocka_unit_test(names_that_no_file_of_text_can_hold_are_refused),
        cmocka_unit_test(a_name_that_is_too_long_for_other_files_is_refused),
        cmocka_unit_test(label_maps_have_no_channels),
        cmocka_unit_test(dataset_json_may_begin_with_a_byte_order_mark),
        cmocka_unit_test(a_list_is_followed_or_refused),
        cmocka_unit_test(a_file_has_one_part_in_one_case),
        cmocka_unit_test(a_channel_beside_a_case_is_not_left_out),
        cmocka_unit_test(a_case_that_the_list_leaves_out_is_no_channel),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
