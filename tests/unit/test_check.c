/* test_check.c - a check of a data folder finds each kind of broken data, names the case, and finds
 * nothing else: nothing at all on clean data. */
#include "pleat/check.h"

#include "check_faults.h"

#include <math.h>
#include <unistd.h>

/* ---- each is found --------------------------------------------------------------------------- */

#define NO_GREY "preprocess.grayscale=false"
#define IGNORE  "classes=background,a,b,ignore=9"

typedef struct fault {
    const char *name;
    void (*change)(int number);
    void (*after)(void);
    const char *set;      /* a key of the configuration; NULL: its classes */
    const char *kinds[3]; /* what is found, and nothing else */
    const char *id;       /* the case; "": the data set */
    const char *text;     /* in the first of them */
} fault;

static const fault faults[] = {
    {"a mask of another size", other_size, NULL, NULL, {"shape"}, "case_2", "image's y, x, z"},
    {"shifted", shifted, NULL, NULL, {"place"}, "case_2", "shifted by 10, 0, 0 mm"},
    {"turned", turned, NULL, NULL, {"place"}, "case_2", "image's -x, y, z"},
    {"LPS for RAS", other_signs, NULL, NULL, {"place"}, "case_2", "LPS was written for RAS"},
    {"no place", no_place, NULL, NULL, {"place"}, "case_2", "sform_code and qform_code are 0"},
    {"rounded", rounded, NULL, NULL, {"off place"}, "case_2", "0.03 mm"},
    {"rounded more", rounded_more, NULL, NULL, {"off place"}, "case_2", "rounded to 0.1"},
    {"a header turned", turned_header, NULL, NULL, {"place"}, "case_2", "in the order y, x, z"},
    {"two forms", two_forms, NULL, NULL, {"forms"}, "case_2", "mm apart"},
    {"another pixdim", other_pixdim, NULL, NULL, {"pixdim"}, "case_2", "5"},
    {"sheared", sheared, NULL, NULL, {"sheared", "pixdim"}, "case_2", "off a right angle"},
    {"in metres", in_metres, NULL, NULL, {"spacing", "spacings", "refused"}, "case_2", "3000 mm"},
    {"no spacing", without_spacing, NULL, NULL, {"header"}, "case_2", "pixdim[3] is 0"},
    {"much thinner", thick, NULL, NULL, {"spacings"}, "case_2", "0.45 mm along z"},
    {"another orientation",
     right_to_left,
     NULL,
     NULL,
     {"orientation", "left-handed"},
     "case_2",
     "RPS, 3 of 4 cases have LPS"},
    {"left-handed", right_to_left, NULL, NULL, {"left-handed", "orientation"}, "case_2", "1 of 4"},
    {"front to back", front_to_back, NULL, NULL, {"flipped"}, "case_1", "front and back"},
    {"image to back", image_to_back, NULL, NULL, {"flipped"}, "case_2", "against 3 of 4 cases"},
    {"two to back", two_to_back, NULL, NULL, {"flipped"}, "case_1", "the other half of the 4"},
    {"left to right", left_to_right, NULL, NULL, {"flipped"}, "case_2", "'b' lies right of 'a'"},
    {"on any side", on_any_side, NULL, NULL, {NULL}, "", ""},
    {"side by side", side_by_side, eight_more, NULL, {NULL}, "", ""},
    {"flat", one_slice, NULL, NULL, {"flat", "flipped", "doubtful"}, "case_2", "2 voxels along z"},
    {"mostly outside clip",
     mostly_outside,
     NULL,
     NULL,
     {"doubtful"},
     "case_2",
     "clip [-1250, 250] cuts"},
    {"a strange label", strange_label, NULL, NULL, {"label"}, "case_2", "9 (2 voxels)"},
    {"a fraction", fraction, NULL, NULL, {"label value"}, "case_2", "voxels: 2)"},
    {"0 and 255", to_255, NULL, NULL, {"label range"}, "case_2", "its values are 0, 255; labels"},
    {"0 and 1", to_1, NULL, NULL, {NULL}, "", ""},
    {"nearly whole", nearly_whole, NULL, NULL, {NULL}, "", ""},
    {"a mask of channels",
     mask_of_channels,
     NULL,
     NULL,
     {"label value", "shape"},
     "case_2",
     "dim[4] is 2"},
    {"empty", empty, NULL, NULL, {"no foreground"}, "case_2", "background"},
    {"all to be ignored", all_ignored, NULL, IGNORE, {"no foreground"}, "case_2", "to be ignored"},
    {"none but ignored", some_ignored, NULL, IGNORE, {"no foreground"}, "case_2", "to be ignored"},
    {"ignored and a class", foreground_ignored, NULL, IGNORE, {NULL}, "", ""},
    {"regions",
     NULL,
     NULL,
     "classes=background,left=1+2:1,right=2+3:3",
     {"regions"},
     "",
     "region 'right' writes label 3"},
    {"regions in the wrong order",
     NULL,
     NULL,
     "classes=background,core=2:2,whole=1+2:1",
     {"configuration"},
     "",
     "'core' would never be written"},
    {"an absent class", without_two, NULL, NULL, {"absent"}, "", "'b', label 2"},
    {"a rare class",
     two_in_one,
     NULL,
     NULL,
     {"absent"},
     "case_2",
     "no other case has a voxel of 'b'"},
    {"a label alone", strange_label, NULL, "seed=1", {"absent"}, "case_2", "label 9, of which it"},
    {"gaps", gaps, NULL, "seed=1", {"gap"}, "", "labels 0, 1, 5"},
    {"grey levels", grey_levels, NULL, NO_GREY, {"intensities"}, "case_2", "0 to 2"},
    {"grey levels that all become", grey_levels, NULL, NULL, {NULL}, "", ""},
    {"only labels",
     labels_for_an_image,
     NULL,
     NULL,
     {"like a mask"},
     "case_2",
     "but the 3 whole numbers 0, 1, 2"},
    {"padding", padded, NULL, NULL, {"padding"}, "case_2", "-3024, and 11 %"},
    {"inverted", dark_inside, one_more, NULL, {"unlike"}, "case_2", "all others is -"},
    {"one value", one_value, NULL, NULL, {"constant"}, "case_2", "every voxel of channel 0 is 7"},
    {"NaN", nan_voxel, NULL, NULL, {"not finite"}, "case_2", "(12, 1, 3) is nan"},
    {"infinite", infinite_voxel, NULL, NULL, {"not finite"}, "case_2", "inf"},
    {"outside clip", outside_clip, NULL, NULL, {"refused"}, "case_2", "preprocess.clip"},
    {"two channels", two_channels, NULL, NULL, {"channels"}, "case_2", "2 channels, where 3"},
    {"cut short", NULL, cut_short, NULL, {"damaged", "header"}, "case_2", "cut short"},
    {"a mask cut short", NULL, cut_mask, NULL, {"damaged"}, "case_2", "cut short"},
    {"a header cut down", NULL, cut_down, NULL, {"left over"}, "case_2", "for 2 more slices"},
    {"no volume", NULL, no_volume, NULL, {"header"}, "case_2", "no NIfTI"},
    {"a lying header", NULL, lying, NULL, {"header"}, "case_2", "its header lies"},
    {"a grid larger than memory",
     NULL,
     NULL,
     "preprocess.resample=[0.001, 0.001, 0.001]",
     {"refused"},
     "case_0",
     "more than can be meant"},
    {"no mask", NULL, without_mask, NULL, {"files"}, "case_2", "has no label"},
    {"no masks", NULL, without_masks, NULL, {"no masks"}, "", "4 volumes"},
    {"an image twice", NULL, twice, NULL, {"files"}, "", "one volume twice"},
    {"a link to nowhere", NULL, dangling, NULL, {"files"}, "", "leads nowhere"},
    {"a strange file", NULL, stranger, NULL, {"skipped"}, "", "scan.nrrd"},
    {"a copy", NULL, copy, NULL, {"twins"}, "renamed", "case 'case_2', and the mask is too"},
    {"resampled", NULL, resampled, NULL, {"alike"}, "other", "like that of case 'case_2'"},
    {"another's mask",
     NULL,
     borrowed_mask,
     NULL,
     {"alike"},
     "other",
     "mm, and the mask is the same"},
    {"one mask", one_mask, NULL, NULL, {"same mask"}, "case_2", "it is the mask of case 'case_1'"},
    {"two visits", NULL, visits, NULL, {"patient"}, "", "scan_10_852_4, scan_10_852_5"},
    {"by date", NULL, visits_by_date, NULL, {"patient"}, "", "LIDC-0001_20190124, LIDC-0001_2"},
    {"one patient", NULL, by_letters, NULL, {"patient"}, "", "P01_a, P01_b, P01_c, P01_d"},
    {"numbered", NULL, by_numbers, NULL, {NULL}, "", ""},
    {"names of channels", NULL, names, NULL, {"names"}, "", "names 2 channels, the cases have 1"},
    {"nothing there", NULL, nothing, NULL, {"data"}, "", "no such file or folder"},
};

static int allowed(const fault *f, const char *kind) {
    int good = 0;
    for (size_t i = 0; i < COUNT(f->kinds); i++)
        good |= f->kinds[i] != NULL && strcmp(f->kinds[i], kind) == 0;
    return good;
}

/* One finding at least of the first kind, of that case and with that text; no other kinds. */
static int is_found(const fault *f, const pleat_check_report *report) {
    int found = f->kinds[0] == NULL, others = 0;
    for (int i = 0; i < report->n; i++) {
        const pleat_finding *one_of = &report->finding[i];
        const char *kind = pleat_check_kinds[one_of->kind].name;
        others += !allowed(f, kind);
        found |= f->kinds[0] != NULL && strcmp(kind, f->kinds[0]) == 0 &&
                 strcmp(one_of->id, f->id) == 0 && strstr(one_of->text, f->text) != NULL;
    }
    return found && others == 0;
}

static void every_fault_is_found_and_named_and_nothing_else(void **state) {
    (void)state;
    int missed = 0;
    for (size_t i = 0; i < COUNT(faults); i++) {
        const fault *f = &faults[i];
        const pleat_check_how how = {0};
        pleat_check_report report;
        write_data(f->change);
        if (f->after != NULL) f->after();
        look(f->set, &how, &report);
        if (!is_found(f, &report)) {
            print_error("%s: not found as %s of '%s' with '%s', or not alone; of %d:\n", f->name,
                        f->kinds[0] != NULL ? f->kinds[0] : "nothing", f->id, f->text, report.n);
            print_all(f->name, &report);
            missed++;
        }
        pleat_check_free(&report);
    }
    assert_int_equal(missed, 0);
}

/* A kind that is added wants a fault above, or a test that is named here. */
static void every_kind_has_a_fault(void **state) {
    (void)state;
    static const char *const elsewhere[] = {"patch", "no effect", /* below */
                                            "beginning",          /* e2e_recipes.sh */
                                            /* test_check_others.c */
                                            "rated twice", "part", "intensity", "blank", "shuffled",
                                            "mask misfit", "mask mirrored", "relabelled",
                                            "no background"};
    int missed = 0;
    for (const pleat_check_kind *k = pleat_check_kinds; k->name != NULL; k++) {
        int covered = 0;
        for (size_t i = 0; i < COUNT(faults); i++)
            covered |= faults[i].kinds[0] != NULL && strcmp(faults[i].kinds[0], k->name) == 0;
        for (size_t i = 0; i < COUNT(elsewhere); i++) covered |= strcmp(elsewhere[i], k->name) == 0;
        if (!covered) print_error("no fault is of the kind '%s'\n", k->name);
        missed += !covered;
    }
    assert_int_equal(missed, 0);
}

static void clean_data_have_no_findings_and_a_table_of_classes(void **state) {
    (void)state;
    const pleat_check_how how = {0};
    pleat_check_report report;
    int64_t voxels = 0;
    write_data(NULL);
    for (int number = 0; number < CASES; number++) {
        make(number);
        for (int i = 0; i < VOXELS; i++) voxels += one.y[i] == 2;
    }
    look(NULL, &how, &report);
    print_all("clean", &report);
    assert_int_equal(report.n, 0);
    assert_int_equal(report.cases, CASES);
    assert_int_equal(report.classes, 3);
    assert_string_equal(report.class[2].name, "b");
    assert_int_equal(report.class[2].label, 2);
    assert_int_equal(report.class[2].cases, CASES);
    assert_int_equal(report.class[2].voxels, voxels);
    assert_true(fabs(report.class[2].ml - (double)voxels * 3 * 3 * 4 / 1000) < 1e-6);
    pleat_check_free(&report);
}

/* whole has both labels; none has the third, which is no part of the table of plain labels. */
static void a_region_has_the_voxels_of_all_its_labels(void **state) {
    (void)state;
    pleat_check_report report;
    int64_t whole = 0, part = 0;
    write_data(NULL);
    for (int number = 0; number < CASES; number++) {
        make(number);
        for (int i = 0; i < VOXELS; i++) {
            whole += one.y[i] > 0;
            part += one.y[i] == 2;
        }
    }
    look("classes=background,whole=1+2+3:1,core=2:2,none=3:3", &(pleat_check_how){0}, &report);
    assert_int_equal(report.classes, 4);
    assert_string_equal(report.class[1].name, "whole");
    assert_int_equal(report.class[1].label, 1);
    assert_int_equal(report.class[1].voxels, whole);
    assert_int_equal(report.class[1].cases, CASES);
    assert_int_equal(report.class[2].voxels, part);
    assert_int_equal(report.class[0].voxels, (int64_t)CASES * VOXELS - whole);
    assert_true(fabs(report.class[1].ml - (double)whole * 3 * 3 * 4 / 1000) < 1e-6);
    assert_int_equal(report.n, 1);
    assert_string_equal(report.finding[0].text, "no case has a voxel of 'none'");
    pleat_check_free(&report);
}

static void the_label_to_ignore_has_its_name_in_the_table(void **state) {
    (void)state;
    pleat_check_report report;
    write_data(all_ignored);
    look(IGNORE, &(pleat_check_how){0}, &report);
    assert_int_equal(report.classes, 4);
    assert_string_equal(report.class[3].name, "ignore");
    assert_int_equal(report.class[3].label, 9);
    assert_int_equal(report.class[3].voxels, VOXELS);
    pleat_check_free(&report);
}

static void all_that_is_wrong_is_found_in_one_pass(void **state) {
    (void)state;
    const pleat_check_how how = {0};
    pleat_check_report report;
    write_data(shifted);
    save(path_of("case_0", IMAGE), 0, "no", 2);
    assert_int_equal(unlink(path_of("case_3", MASK)), 0);
    make(1);
    one.y[5] = 7;
    write_volume(path_of("case_1", MASK), &one.mask, one.y);
    look(NULL, &how, &report);
    assert_int_equal(report.of[PLEAT_ERROR], 4);
    assert_string_equal(report.finding[0].id, "case_0"); /* in the order of the cases */
    assert_string_equal(report.finding[1].id, "case_1");
    assert_string_equal(report.finding[2].id, "case_2");
    assert_string_equal(report.finding[3].id, "case_3"); /* it is no case, so it comes last */
    pleat_check_free(&report);
}

static void a_copy_is_named_once_however_many_there_are(void **state) {
    (void)state;
    static const char *const names[] = {"anna", "bert", "carl", "dora", "emil"};
    pleat_check_report report;
    write_data(NULL);
    make(BAD);
    for (size_t i = 0; i < COUNT(names); i++) write_case(names[i]);
    look(NULL, &(pleat_check_how){0}, &report);
    assert_int_equal(count_kind(&report, "twins"), COUNT(names)); /* and not all 15 pairs */
    pleat_check_free(&report);
}

static void the_headers_alone_show_what_they_show(void **state) {
    (void)state;
    const pleat_check_how how = {.headers = 1};
    pleat_check_report report;
    write_data(nan_voxel);
    look(NULL, &how, &report);
    assert_int_equal(report.n, 0);
    assert_int_equal(report.classes, 0);
    pleat_check_free(&report);
    write_data(shifted);
    look(NULL, &how, &report);
    assert_int_equal(report.of[PLEAT_ERROR], 1);
    pleat_check_free(&report);
}

/* Of a user's configuration: what a run would refuse, or be worth little by. */
static void a_configuration_is_checked_with_its_data(void **state) {
    (void)state;
    static const struct {
        const char *set, *kind, *text;
    } rows[] = {
        {"folds.k=9", "configuration", "9 folds"},
        {"classes=", "configuration", "the classes are not known"},
        {"patch=[163,160,80]", "configuration", "patch"},
        {"report.lesions=heart", "configuration", "heart"},
        {"train.loss=symmetric_focal", "configuration", "there are 3 classes"},
        {"train.loss=dice_bce", "configuration", "the classes are no regions"},
        {"train.momentum=0.9", "no effect", "has no effect with train.optimizer: adam"},
        {"train.epochs=1", "patch", "160 voxels along x, the largest volume has 30; set it to 32"},
    };
    const pleat_check_how how = {.headers = 1, .given = 1, .threads = 1};
    write_data(NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_check_report report;
        pleat_comm *self = NULL;
        pleat_config config;
        int found = 0;
        pleat_config_defaults(&config);
        OK(pleat_config_set_key("test", "data", data, &config));
        OK(pleat_config_set(THREE, &config));
        OK(pleat_config_set("engine=ref", &config));
        OK(pleat_config_set("folds.k=2", &config));
        OK(pleat_config_set(rows[i].set, &config));
        OK(pleat_comm_self(&self));
        OK(pleat_check(self, &config, &how, &report));
        pleat_comm_destroy(self);
        for (int k = 0; k < report.n; k++)
            found |= strcmp(pleat_check_kinds[report.finding[k].kind].name, rows[i].kind) == 0 &&
                     strstr(report.finding[k].text, rows[i].text) != NULL;
        if (!found) print_all(rows[i].set, &report);
        assert_true(found);
        pleat_check_free(&report);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_data_have_no_findings_and_a_table_of_classes),
        cmocka_unit_test(a_region_has_the_voxels_of_all_its_labels),
        cmocka_unit_test(the_label_to_ignore_has_its_name_in_the_table),
        cmocka_unit_test(every_kind_has_a_fault),
        cmocka_unit_test(every_fault_is_found_and_named_and_nothing_else),
        cmocka_unit_test(all_that_is_wrong_is_found_in_one_pass),
        cmocka_unit_test(a_copy_is_named_once_however_many_there_are),
        cmocka_unit_test(the_headers_alone_show_what_they_show),
        cmocka_unit_test(a_configuration_is_checked_with_its_data),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
