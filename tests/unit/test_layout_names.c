/* test_layout_names.c - cases by patterns of names, of BIDS, of a table; volumes that are there
 * twice; what to do about DICOM. */
#include "pleat/cases.h"
#include "pleat/file.h"
#include "pleat/layout.h"
#include "pleat/log.h"
#include "pleat/warn.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file below the root, and the folders to it. */
static void put(const char *name, const void *text, size_t n) {
    char path[PLEAT_PATH_BYTES], parent[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/%s", root, name));
    memcpy(parent, path, sizeof parent);
    *strrchr(parent, '/') = '\0';
    OK(pleat_file_make_folder(parent));
    OK(pleat_file_write_atomic(path, text, n));
}

static void files(const char *const *names) {
    for (; *names != NULL; names++) put(*names, "x", 1);
}

#define FILES(...) files((const char *const[]){__VA_ARGS__, NULL})

/* "id image,image label" of each case, a line each; ROOT/ is left out. */
static void finds(const char *where, pleat_layout_want want, const char *wanted) {
    char path[PLEAT_PATH_BYTES], got[4096] = "";
    pleat_case_paths *cases = NULL;
    int n = 0;
    size_t used = 0;
    const size_t top = strlen(root) + 1;
    OK(pleat_path(path, sizeof path, "%s/%s", root, where));
    if (pleat_layout_scan(path, want, &cases, &n) != PLEAT_OK)
        fail_msg("%s", pleat_error_message());
    for (int i = 0; i < n; i++) {
        used += (size_t)snprintf(got + used, sizeof got - used, "%s ", cases[i].id);
        for (int c = 0; c < cases[i].images; c++)
            used += (size_t)snprintf(got + used, sizeof got - used, "%s%s", c > 0 ? "," : "",
                                     cases[i].image[c] + top);
        used += (size_t)snprintf(got + used, sizeof got - used, " %s\n",
                                 cases[i].label != NULL ? cases[i].label + top : "-");
    }
    assert_string_equal(got, wanted);
    pleat_layout_free(cases, n);
}

static void refuses(const char *where, pleat_layout_want want, pleat_status status,
                    const char *text) {
    char path[PLEAT_PATH_BYTES];
    pleat_case_paths *cases = NULL;
    int n = 0;
    OK(pleat_path(path, sizeof path, "%s/%s", root, where));
    REFUSED(pleat_layout_scan(path, want, &cases, &n), status, text);
}

static void names_of_a_pattern_are_cases(void **state) {
    (void)state;
    FILES("p/a b/ct.nii.gz", "p/a b/mask.nii.gz", "p/\xc3\xa4/CT.nii.gz", "p/\xc3\xa4/ct.NII",
          "p/\xc3\xa4/mask.nii.gz", "p/\xc3\xa4/._ct.nii.gz");
    finds("p|{case}/ct.nii.gz|{case}/mask.nii.gz", PLEAT_LAYOUT_LABELLED,
          "a b p/a b/ct.nii.gz p/a b/mask.nii.gz\n"
          "\xc3\xa4 p/\xc3\xa4/ct.NII p/\xc3\xa4/mask.nii.gz\n");
    finds("p|{case}/mask.nii.gz", PLEAT_LAYOUT_MAPS,
          "a b p/a b/mask.nii.gz -\n\xc3\xa4 p/\xc3\xa4/mask.nii.gz -\n");
    FILES("q/img/s1_x_2.nii", "q/img/s1_x_10.nii", "q/img/s2_2.nii", "q/img/s2_10.nii",
          "q/lab/s1_x-m1.nii", "q/lab/s2-m9.nii");
    finds("q|img/{case}_{channel}.nii|lab/{case}-*.nii", PLEAT_LAYOUT_LABELLED,
          "s1_x q/img/s1_x_2.nii,q/img/s1_x_10.nii q/lab/s1_x-m1.nii\n"
          "s2 q/img/s2_2.nii,q/img/s2_10.nii q/lab/s2-m9.nii\n");
    FILES("r/B1/B1_t1.nii", "r/B1/B1_flair.nii", "r/B1/B1_seg.nii");
    finds("r|{case}/{case}_{channel}.nii|{case}/{case}_seg.nii", PLEAT_LAYOUT_LABELLED,
          "B1 r/B1/B1_flair.nii,r/B1/B1_t1.nii r/B1/B1_seg.nii\n");
    FILES("t/a.nii", "t/a_seg.nii", "t/b.nii", "t/b_seg.nii", "t/img_c.nii", "t/c.nii");
    finds("t|{case}.nii|{case}_seg.nii", PLEAT_LAYOUT_VOLUMES,
          "a t/a.nii t/a_seg.nii\nb t/b.nii t/b_seg.nii\nc t/c.nii -\nimg_c t/img_c.nii -\n");
    finds("r|{case}/{case}_{channel=t1,flair}.nii", PLEAT_LAYOUT_VOLUMES,
          "B1 r/B1/B1_t1.nii,r/B1/B1_flair.nii -\n");
}

static void what_a_pattern_does_not_explain_is_told_or_refused(void **state) {
    (void)state;
    static const struct {
        const char *where, *text;
    } bad[] = {{"p|{case/ct.nii.gz", "'{' without '}' in '{case/ct.nii.gz'"},
               {"p|case}/ct.nii.gz", "'}' without '{'"},
               {"p|{}/ct.nii.gz", "'{}' in '{}/ct.nii.gz' is no name"},
               {"p|{a=x,}/ct.nii.gz", "has an empty choice"},
               {"p|{a}{b}/ct.nii.gz", "nothing stands before '{b}/ct.nii.gz'"},
               {"p|{a}/ct.png", "does not end in .nii.gz or .nii"},
               {"p|x/ct.nii", "has no name that tells the cases apart"},
               {"p|../{a}.nii", "leads out of the data folder"},
               {"p|{a}/../x.nii", "leads out of the data folder"},
               {"p|/{a}.nii", "leads out of the data folder"},
               {"p|{a}_{b}_{c}_{d}_{e}.nii", "more than 4 wildcards"},
               {"p|{a}.nii|{a}_{channel}.nii", "has {channel}"}};
    for (size_t i = 0; i < COUNT(bad); i++) refuses(bad[i].where, 0, PLEAT_ERR_ARG, bad[i].text);
    refuses("p|{case}/ct.nii.gz", PLEAT_LAYOUT_LABELLED, PLEAT_ERR_ARG, "data.label is empty");
    refuses("p|{case}/no.nii.gz", 0, PLEAT_ERR_NOT_FOUND, "no file has such a name");
    FILES("h/a/ct.nii", "h/a/m1.nii", "h/a/m2.nii", "h/b/ct.nii", "h/b/m3.nii", "h/c/m1.nii");
    refuses("h|{case}/ct.nii|{case}/m*.nii", 1, PLEAT_ERR_DATA, "case 'a' has two labels");
    refuses("h|{case}/ct.nii|{case}/m1.nii", 1, PLEAT_ERR_NOT_FOUND, "expected '");
    refuses("h|{case}/m{x}.nii|{case}/ct.nii", 1, PLEAT_ERR_NOT_FOUND, "case 'c_1' has no label");
    FILES("k/a/ct.nii", "k/a/m.nii", "k/b/m.nii", "k/c/notes.txt", "k/c/d/x.nrrd");
    refuses("k|{case}/ct.nii|{case}/m.nii", 1, PLEAT_ERR_NOT_FOUND, "case 'b' has a label");
    FILES("u/a_t1.nii", "u/a_t2.nii", "u/b_t1.nii", "u/b_t3.nii");
    refuses("u|{case}_{channel}.nii", 0, PLEAT_ERR_DATA, "case 'b' has the channel 't3'");
    char path[PLEAT_PATH_BYTES], *said = NULL;
    pleat_case_paths *cases = NULL;
    int n = 0;
    OK(pleat_path(path, sizeof path, "%s/log", root));
    OK(pleat_log_open(path, 0));
    pleat_log_set_level(PLEAT_INFO);
    pleat_warn_forget();
    char where[PLEAT_PATH_BYTES];
    OK(pleat_path(where, sizeof where, "%s/k|{case}/ct.nii", root));
    const pleat_status status = pleat_layout_scan(where, 0, &cases, &n);
    pleat_log_set_level(PLEAT_QUIET);
    OK(pleat_log_open(NULL, 0));
    OK(status);
    OK(pleat_file_read_all(path, &said, NULL));
    if (n != 1 || strstr(said, "b, c, a/m.nii, b/m.nii, c/d/x.nrrd") == NULL)
        fail_msg("%d cases; said '%s'", n, said);
    free(said);
    pleat_layout_free(cases, n);
}

static void bids_is_found_as_it_is(void **state) {
    (void)state;
    FILES("b/dataset_description.json", "b/sub-1/anat/sub-1_T1w.nii.gz",
          "b/sub-1/anat/sub-1_T1w.json", "b/sub-1/anat/sub-1_mod-T1w_defacemask.nii.gz",
          "b/sub-2/ses-a/anat/sub-2_ses-a_T1w.nii.gz", "b/sub-2/ses-a/func/sub-2_ses-a_bold.nii.gz",
          "b/derivatives/m/sub-1/anat/sub-1_desc-brain_mask.nii.gz",
          "b/derivatives/m/sub-1/anat/sub-1_dseg.nii.gz",
          "b/derivatives/m/sub-2/ses-a/anat/sub-2_ses-a_label-L_mask.nii.gz");
    finds("b", PLEAT_LAYOUT_LABELLED,
          "sub-1 b/sub-1/anat/sub-1_T1w.nii.gz b/derivatives/m/sub-1/anat/sub-1_dseg.nii.gz\n"
          "sub-2_ses-a b/sub-2/ses-a/anat/sub-2_ses-a_T1w.nii.gz "
          "b/derivatives/m/sub-2/ses-a/anat/sub-2_ses-a_label-L_mask.nii.gz\n");
    FILES("b/sub-3/anat/sub-3_T1w.nii.gz");
    refuses("b", PLEAT_LAYOUT_LABELLED, PLEAT_ERR_NOT_FOUND,
            "derivatives/*/sub-3/anat/sub-3_*dseg.nii.gz");
}

static void put_table(const char *text) { put("t/list.CSV", text, strlen(text)); }

static void a_table_lists_the_cases(void **state) {
    (void)state;
    FILES("t/x, y.nii", "t/z.nii.gz", "t/2/x.nii", "t/2/z.nii", "t/m/1.nii", "t/m/2.nii");
    put_table("\xef\xbb\xbf"
              "Case, age,image ,image_2,LABEL\r\nb,7 , z.nii.gz,\"./2/z.nii\" ,m/1.nii\r\n\r\n"
              "a,8,\"x, y.nii\",2/x.nii,m/2.nii");
    finds("t/list.CSV", PLEAT_LAYOUT_LABELLED,
          "a t/x, y.nii,t/2/x.nii t/m/2.nii\nb t/z.nii.gz,t/2/z.nii t/m/1.nii\n");
    put_table("case,image,image_2,label\na,z.nii.gz,./z.nii.gz,m/1.nii\n");
    refuses("t/list.CSV", PLEAT_LAYOUT_LABELLED, PLEAT_ERR_DATA, "is two of its channels");
    put_table("case,image,label,group\na,z.nii.gz,m/1.nii,p\nb,z.nii.gz,m/2.nii,q\n");
    refuses(
        "t/list.CSV", PLEAT_LAYOUT_LABELLED, PLEAT_ERR_DATA,
        "z.nii.gz' is the image of case 'a' and the image of case 'b'; correct the wrong one, or "
        "give the cases one group (column group)");
    put_table("case,image,label,group\na,z.nii.gz,m/1.nii,p\nb,z.nii.gz,m/2.nii,p\n");
    finds("t/list.CSV", PLEAT_LAYOUT_LABELLED, "a t/z.nii.gz t/m/1.nii\nb t/z.nii.gz t/m/2.nii\n");
}

static void a_bad_table_is_refused_with_line_and_field(void **state) {
    (void)state;
    static const struct {
        const char *table;
        pleat_status status;
        const char *text;
    } bad[] = {{"", PLEAT_ERR_FORMAT, "is empty"},
               {"case;image\na;z.nii.gz\n", PLEAT_ERR_FORMAT, "line 1: no column 'case'"},
               {"case,label\n", PLEAT_ERR_FORMAT, "line 1: no column 'image'"},
               {"case,image\na,z.nii.gz\n", PLEAT_ERR_NOT_FOUND, "no column 'label'"},
               {"case,image,label\na,z.nii.gz,m/1.nii\nb,z.nii.gz\n", PLEAT_ERR_FORMAT,
                "line 3: 2 columns, the first line has 3"},
               {"case,image,label,group\na,z.nii.gz,m/1.nii,\"p\n", PLEAT_ERR_FORMAT,
                "line 2: a quotation mark"},
               {"case,image,label,group\na,z.nii.gz,m/1.nii,\"p\"q\n", PLEAT_ERR_FORMAT,
                "line 2: a quotation mark"},
               {"case,image,label,group\na,z.nii.gz,m/1.nii,p\"\n", PLEAT_ERR_FORMAT,
                "line 2: a quotation mark"},
               {"case,image,label,group\na,z.nii.gz,m/1.nii,\033[2J\n", PLEAT_ERR_DATA,
                "line 2: the group of case 'a' is not UTF-8 or has a control character"},
               {"case,image,label,group\na,z.nii.gz,m/1.nii,\xff\n", PLEAT_ERR_DATA,
                "line 2: the group of case 'a' is not UTF-8 or has a control character"},
               {"case,image,label,Label\na,z.nii.gz,m/1.nii,m/2.nii\n", PLEAT_ERR_FORMAT,
                "two columns are named 'Label'"},
               {"case,image,label\na,no.nii,m/1.nii\n", PLEAT_ERR_NOT_FOUND,
                "line 2: its image is not there"},
               {"case,image,label\na,z.nii.gz,\n", PLEAT_ERR_NOT_FOUND, "line 2 has no label"},
               {"case,image,label\na,z.png,m/1.nii\n", PLEAT_ERR_FORMAT, "the image 'z.png'"},
               {"case,image,label\na,../p/x.nii,m/1.nii\n", PLEAT_ERR_DATA, "leads out"},
               {"case,image,label\n../a,z.nii.gz,m/1.nii\n", PLEAT_ERR_DATA, "no name of a case"},
               {"case,image,label\na,z.nii.gz,m/1.nii\na,z.nii.gz,m/2.nii\n", PLEAT_ERR_DATA,
                "'a' is there twice"},
               {"case,image,label,fold\na,z.nii.gz,m/1.nii,one\n", PLEAT_ERR_FORMAT,
                "line 2: the fold 'one'"},
               {"case,image,label,fold\na,z.nii.gz,m/1.nii,0\nb,z.nii.gz,m/2.nii,\n",
                PLEAT_ERR_DATA, "case 'b' of"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        put_table(bad[i].table);
        refuses("t/list.CSV", PLEAT_LAYOUT_LABELLED, bad[i].status, bad[i].text);
    }
}

static pleat_status folds_of(const char *group_by, pleat_folds *out) {
    pleat_config config;
    pleat_cases cases;
    pleat_config_defaults(&config);
    OK(pleat_path(config.data, sizeof config.data, "%s/t/list.CSV", root));
    (void)snprintf(config.group_by, sizeof config.group_by, "%s", group_by);
    config.folds = 2;
    OK(pleat_cases_find(&config, &cases));
    const pleat_status status = pleat_cases_folds(&config, cases.paths, cases.n, NULL, out);
    pleat_cases_free(&cases);
    return status;
}

#define ROW(id, more) id "," id ".nii,m/" id ".nii," more "\n"

static void groups_and_folds_of_a_table_are_kept(void **state) {
    (void)state;
    pleat_folds folds = {0};
    FILES("t/a.nii", "t/b.nii", "t/c.nii", "t/d.nii", "t/m/a.nii", "t/m/b.nii", "t/m/c.nii",
          "t/m/d.nii");
    put_table("case,image,label,group\n" ROW("a", "p") ROW("b", "q") ROW("c", "p") ROW("d", "q"));
    OK(folds_of("", &folds));
    assert_int_equal(folds.fold_of[0], folds.fold_of[2]);
    assert_int_equal(folds.fold_of[1], folds.fold_of[3]);
    assert_int_not_equal(folds.fold_of[0], folds.fold_of[1]);
    pleat_folds_free(&folds);
    REFUSED(folds_of("^.", &folds), PLEAT_ERR_ARG, "empty one of them");
    put_table("case,image,label,fold\n" ROW("a", "1") ROW("b", "0") ROW("c", "0"));
    OK(folds_of("", &folds));
    assert_int_equal(folds.k, 2);
    assert_int_equal(folds.fold_of[0], 1);
    assert_int_equal(folds.fold_of[1], 0);
    assert_int_equal(folds.fold_of[2], 0);
    const pleat_config of_two = {.data = "t.csv", .folds = 2, .repeats = 1};
    const pleat_config thrice = {.folds = 2, .repeats = 3};
    OK(pleat_cases_check_counts(&of_two, &folds, NULL));
    REFUSED(pleat_cases_check_counts(&thrice, &folds, "s.json"), PLEAT_ERR_ARG,
            "'s.json' has 1 repeat of its folds, and folds.repeats is 3; set folds.repeats=1");
    pleat_folds_free(&folds);
    put_table("case,image,label,fold\n" ROW("a", "2") ROW("b", "0"));
    REFUSED(folds_of("", &folds), PLEAT_ERR_DATA, "has fold 1");
    put_table("case,image,label,group,fold\n" ROW("a", "p,0") ROW("b", "p,1"));
    REFUSED(folds_of("", &folds), PLEAT_ERR_DATA, "group 'p' is in two folds");
}

static void other_formats_are_answered_by_how_to_convert_them(void **state) {
    (void)state;
    static const unsigned char dicom[140] = {[128] = 'D', 'I', 'C', 'M'};
    put("d/1/2/IM0001", dicom, sizeof dicom);
    for (int want = 0; want < 2; want++)
        refuses("d", (pleat_layout_want)want, PLEAT_ERR_NOT_FOUND, "dcm2niix -z y -o OUT IN");
    FILES("e/a.nrrd", "f/a/x.mha", "g/a/imaging.nii", "g/b/x.dcm");
    refuses("e", 1, PLEAT_ERR_NOT_FOUND,
            "it holds NRRD, which is not read; convert it by: python3");
    refuses("e/a.nrrd", 0, PLEAT_ERR_FORMAT, "s.ReadImage('IN.nrrd')");
    refuses("f", 1, PLEAT_ERR_NOT_FOUND, "it holds MetaImage");
    refuses("g", 0, PLEAT_ERR_NOT_FOUND, "case 'b' has no image");
    refuses("g", 0, PLEAT_ERR_NOT_FOUND, "dcm2niix -z y");
}

/* All that a scan refuses is `text`, once; `left` cases are taken. */
static void refuses_once(const char *where, int left, const char *text) {
    char path[PLEAT_PATH_BYTES];
    pleat_layout_refusals refused = {0};
    pleat_case_paths *cases = NULL;
    int n = 0;
    OK(pleat_path(path, sizeof path, "%s/%s", root, where));
    OK(pleat_layout_scan_all(path, PLEAT_LAYOUT_LABELLED, &refused, &cases, &n));
    for (int i = 1; i < refused.n; i++) print_error("%s\n", refused.text[i]);
    assert_int_equal(refused.n, 1);
    assert_int_equal(n, left);
    if (strstr(refused.text[0], text) == NULL) fail_msg("'%s', not '%s'", refused.text[0], text);
    pleat_layout_refusals_free(&refused);
    pleat_layout_free(cases, n);
}

static void a_volume_that_is_there_twice_is_refused_once(void **state) {
    (void)state;
    static const char json[] = "{\"file_ending\": \".nii.gz\"}";
    FILES("w/imagesTr/h.nii.gz", "w/imagesTr/h.nii", "w/imagesTr/k.nii.gz", "w/labelsTr/h.nii.gz",
          "w/labelsTr/k.nii.gz");
    refuses_once("w", 1, "case 'h' is there twice: ");
    put("w/dataset.json", json, sizeof json - 1);
    refuses_once("w", 2, "imagesTr/h.nii'; remove or rename one");
    refuses("w", PLEAT_LAYOUT_LABELLED, PLEAT_ERR_DATA, "case 'h' is there twice");
    FILES("wc/imagesTr/h_0000.nii.gz", "wc/imagesTr/h_0000.nii", "wc/labelsTr/h.nii.gz");
    put("wc/dataset.json", json, sizeof json - 1);
    refuses_once("wc", 1, "imagesTr/h_0000.nii' are one volume twice; remove one");
    FILES("wm/imagesTr/h_0000.nii.gz", "wm/labelsTr/h.nii", "wm/labelsTr/h.nii.gz");
    refuses_once("wm", 0, "labelsTr/h.nii.gz' are one volume twice; remove one");
    FILES("wb/dataset_description.json", "wb/sub-1/anat/sub-1_T1w.nii",
          "wb/sub-1/anat/sub-1_T1w.nii.gz", "wb/derivatives/s/sub-1/anat/sub-1_dseg.nii");
    refuses_once("wb", 0, "are one image twice; remove one");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_a_pattern_are_cases),
        cmocka_unit_test(what_a_pattern_does_not_explain_is_told_or_refused),
        cmocka_unit_test(bids_is_found_as_it_is),
        cmocka_unit_test(a_table_lists_the_cases),
        cmocka_unit_test(a_bad_table_is_refused_with_line_and_field),
        cmocka_unit_test(groups_and_folds_of_a_table_are_kept),
        cmocka_unit_test(other_formats_are_answered_by_how_to_convert_them),
        cmocka_unit_test(a_volume_that_is_there_twice_is_refused_once),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
