/* test_check.c - a check of a data folder finds each kind of broken data, names the case, and finds
 * nothing else: nothing at all on clean data. */
#include "pleat/check.h"

#include "check_data.h"

#include <math.h>
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

/* ---- each is found --------------------------------------------------------------------------- */

#define NO_GREY "preprocess.grayscale=false"

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
    {"front to back", front_to_back, NULL, NULL, {"flipped"}, "case_1", "front and back"},
    {"image to back", image_to_back, NULL, NULL, {"flipped"}, "case_2", "against 3 of 4 cases"},
    {"two to back", two_to_back, NULL, NULL, {"flipped"}, "case_1", "the other half of the 4"},
    {"left to right", left_to_right, NULL, NULL, {"flipped"}, "case_2", "'b' lies right of 'a'"},
    {"on any side", on_any_side, NULL, NULL, {NULL}, "", ""},
    {"side by side", side_by_side, eight_more, NULL, {NULL}, "", ""},
    {"flat", one_slice, NULL, NULL, {"flat", "flipped", "doubtful"}, "case_2", "2 voxels along z"},
    {"a strange label", strange_label, NULL, NULL, {"label"}, "case_2", "9 (2 voxels)"},
    {"a fraction", fraction, NULL, NULL, {"label value"}, "case_2", "voxels: 2)"},
    {"nearly whole", nearly_whole, NULL, NULL, {NULL}, "", ""},
    {"a mask of channels",
     mask_of_channels,
     NULL,
     NULL,
     {"label value", "shape"},
     "case_2",
     "dim[4] is 2"},
    {"empty", empty, NULL, NULL, {"no foreground"}, "case_2", "background"},
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
    {"grey levels", grey_levels, NULL, NO_GREY, {"intensity"}, "case_2", "0 to 2"},
    {"grey levels that all become", grey_levels, NULL, NULL, {NULL}, "", ""},
    {"only labels", labels_for_an_image, NULL, NULL, {"like a mask"}, "case_2", "has 3 values"},
    {"padding", padded, NULL, NULL, {"padding"}, "case_2", "-3024, and 11 %"},
    {"inverted", dark_inside, one_more, NULL, {"unlike"}, "case_2", "all others is -0."},
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
        cmocka_unit_test(every_fault_is_found_and_named_and_nothing_else),
        cmocka_unit_test(all_that_is_wrong_is_found_in_one_pass),
        cmocka_unit_test(a_copy_is_named_once_however_many_there_are),
        cmocka_unit_test(the_headers_alone_show_what_they_show),
        cmocka_unit_test(a_configuration_is_checked_with_its_data),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
