/* test_suggest.c - what is suggested reads back as a configuration that can be run, fits the data,
 * the hours and the memory, and says what nnU-Net's plan says. */
#include "pleat/suggest.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CASES = 300 };

typedef struct made { /* an exploration of cases that are all alike */
    pleat_exploration e;
    pleat_explored_case of[MOST_CASES];
    pleat_fingerprint_case print[MOST_CASES];
    pleat_finding finding;
} made;

static made *make(int n, const double spacing[3], const int dim[3], const char *classes) {
    static made m;
    memset(&m, 0, sizeof m);
    m.e.n = m.e.measured = m.e.fingerprint.n = n;
    m.e.of = m.of;
    m.e.fingerprint.of = m.print;
    m.e.fingerprint.kept = 1;
    m.e.check.finding = &m.finding;
    m.e.channels = m.e.fingerprint.channels = 1;
    m.e.named = 1;
    for (int i = 0; i < n; i++) {
        m.of[i].measured = 1;
        m.of[i].group = i;
        memcpy(m.of[i].axes, "RAS", 4);
        memcpy(m.print[i].spacing, spacing, sizeof m.print[i].spacing);
        memcpy(m.print[i].crop, dim, sizeof m.print[i].crop);
        (void)snprintf(m.print[i].id, sizeof m.print[i].id, "case_%03d", i);
    }
    OK(pleat_classes_parse(classes, &m.e.classes));
    return &m;
}

/* Whether the text says so, wherever its comments are broken into lines. */
static int says(const char *text, const char *words) {
    char *flat = strdup(text), *to = flat;
    assert_non_null(flat);
    for (const char *at = text; *at != '\0';) {
        const size_t gap = *at == '\n' ? 1 + strspn(at + 1, " #") : 0;
        *to++ = (char)(gap > 0 ? ' ' : *at);
        at += gap > 0 ? gap : 1;
    }
    *to = '\0';
    const int found = strstr(flat, words) != NULL;
    free(flat);
    return found;
}

static void free_made(made *m) { pleat_classes_free(&m->e.classes); }

static void make_ct(made *m, int channel) {
    m->e.fingerprint.channel[channel] = (pleat_fingerprint_channel){.modality = PLEAT_MODALITY_CT,
                                                                    .cases = m->e.n,
                                                                    .mean = 99.5,
                                                                    .sd = 38.25,
                                                                    .low = -17,
                                                                    .high = 201};
}

static const double mm1[3] = {1, 1, 1};
static const int hippocampus[3] = {36, 50, 35};

/* A machine of so many multiply-adds a second, whose activations are 100 bytes a voxel and
 * filter. */
static pleat_status count(void *context, const pleat_config *config, int batch, double *bytes) {
    (void)context;
    *bytes = 100.0 * batch * (double)pleat_voxels(config->patch) * config->network.filters;
    return PLEAT_OK;
}

static pleat_status measure(void *context, const pleat_config *config, int batch,
                            pleat_suggest_step *out) {
    pleat_graph graph;
    OK(pleat_network_build(&config->network, &graph));
    *out = (pleat_suggest_step){.macs = batch * pleat_graph_macs(&graph, config->patch),
                                .where = "a machine"};
    out->seconds = out->macs / *(const double *)context;
    pleat_graph_free(&graph);
    return PLEAT_OK;
}

typedef struct suggested {
    pleat_suggest_request request;
    pleat_suggestion s;
    pleat_config config;
    char *text;
} suggested;

/* rate 0: nothing is timed. */
static suggested suggest(const made *m, pleat_suggest_request request, double rate, int ranks) {
    static suggested out;
    const pleat_suggest_machine machine = {.memory =
                                               request.gpu_memory > 0 ? request.gpu_memory : 16e9,
                                           .count = count,
                                           .measure = rate > 0 ? measure : NULL,
                                           .context = &rate};
    if (request.data == NULL) request.data = "data";
    if (request.hours == 0) request.hours = 1;
    out.request = request;
    OK(pleat_suggest_begin(&out.request, &m->e, ranks, &out.s));
    if (request.like != NULL)
        OK(pleat_suggest_like(&out.s));
    else
        OK(pleat_suggest_fit(&machine, &out.s));
    OK(pleat_suggest_text(&out.s, &out.text, &out.config));
    return out;
}

static suggested suggest_usual(const made *m) {
    return suggest(m, (pleat_suggest_request){.data = NULL}, 0, 1);
}

static void check_size(const int got[3], int d, int h, int w) {
    assert_int_equal(got[0], d);
    assert_int_equal(got[1], h);
    assert_int_equal(got[2], w);
}

/* --- pleat's own ------------------------------------------------------------------------------ */

/* As docs/examples/hippocampus.yaml, on the machine it was written for. */
static void small_mri_on_two_cores_gets_the_example(void **state) {
    (void)state;
    made *m = make(260, mm1, hippocampus, "background,anterior,posterior");
    const suggested one = suggest(m, (pleat_suggest_request){.hours = 1}, 113e9, 1);
    const pleat_config *c = &one.config;
    check_size(c->patch, 40, 56, 40);
    check_size(c->overlap, 20, 28, 20);
    assert_string_equal(pleat_network_name(c->network.name), "unet");
    assert_int_equal(c->network.depth, 3);
    assert_int_equal(c->network.filters, 16);
    assert_false(c->prep.channel[0].clip || c->prep.channel[0].grayscale || c->prep.resample);
    assert_true(c->prep.channel[0].zscore);
    assert_int_equal(c->train.epochs, 30);
    assert_in_range(c->train.iterations, 70, 110);
    assert_in_range(c->train.batch, 2, 4);
    assert_int_equal(c->folds, 5);
    assert_true(c->train.transforms.mirror[2] == 0.5 && c->train.transforms.mirror[0] == 0);
    free(one.text);
    free_made(m);
}

static void more_hours_or_a_faster_machine_train_larger_networks(void **state) {
    static const int liver[3] = {120, 512, 512};
    static const double spacing[3] = {2, 0.8, 0.8};
    static const double rates[] = {1e9, 30e9, 1e12, 1e13, 1e15};
    double before = 0;
    int filters = 0;
    (void)state;
    made *m = make(60, spacing, liver, "background,liver");
    make_ct(m, 0);
    for (size_t i = 0; i < COUNT(rates); i++) {
        const suggested one = suggest(m, (pleat_suggest_request){.hours = 8}, rates[i], 1);
        const double voxels = (double)pleat_voxels(one.config.patch);
        const double steps = (double)one.config.train.epochs * one.config.train.iterations;
        const double hours = steps * one.s.step.seconds * one.s.rounds / 3600;
        const int short_of = says(one.text, "a fold needs more steps");
        assert_true(hours <= 8 || short_of);
        assert_int_equal(short_of, steps < PLEAT_SUGGEST_ENOUGH);
        assert_true(steps <= 62500);
        assert_true(voxels >= before && one.config.network.filters >= filters);
        before = voxels;
        filters = one.config.network.filters;
        free(one.text);
    }
    assert_int_equal(filters, 32);
    free_made(m);
}

static void patches_keep_to_the_memory(void **state) {
    static const int liver[3] = {480, 512, 512};
    static const double memories[] = {1e9, 2e9, 4e9, 16e9, 64e9};
    double before = 0;
    (void)state;
    made *m = make(60, mm1, liver, "background,liver");
    for (size_t i = 0; i < COUNT(memories); i++) {
        double bytes = 0;
        const suggested one =
            suggest(m, (pleat_suggest_request){.gpu_memory = memories[i] * 1.1}, 0, 1);
        OK(count(NULL, &one.config, one.config.train.batch, &bytes));
        assert_true(bytes <= memories[i] * 1.1 && bytes >= before);
        before = bytes;
        free(one.text);
    }
    free_made(m);
}

static void thick_slices_have_strides_of_each_axis(void **state) {
    static const double spacing[3] = {6, 1, 1};
    static const int dim[3] = {20, 240, 240};
    (void)state;
    made *m = make(30, spacing, dim, "background,heart");
    const suggested one = suggest_usual(m);
    assert_string_equal(pleat_network_name(one.config.network.name), "plainconv");
    assert_memory_equal(one.config.network.strides, "221", 3);
    assert_memory_equal(one.config.network.kernels, "331", 3);
    assert_int_equal(one.config.train.transforms.like, PLEAT_AUGMENT_NNUNET);
    free(one.text);
    free_made(m);
}

static void each_channel_is_normalised_by_what_it_is(void **state) {
    (void)state;
    made *m = make(20, mm1, hippocampus, "background,lesion");
    m->e.channels = m->e.fingerprint.channels = 2;
    make_ct(m, 0);
    suggested one = suggest_usual(m);
    const pleat_prep_steps *ct = &one.config.prep.channel[0], *pet = &one.config.prep.channel[1];
    assert_true(ct->clip && ct->clip_range[0] == -17 && ct->clip_range[1] == 201);
    assert_true(ct->scale && !ct->zscore);
    assert_true(ct->scale_range[0] == 99.5 - 38.25 && ct->scale_range[1] == 99.5 + 38.25);
    assert_true(!pet->clip && !pet->scale && pet->zscore);
    free(one.text);
    /* Grey levels beside Hounsfield units: each volume by itself. */
    m->e.check.n = 1;
    while (strcmp(pleat_check_kinds[m->finding.kind].name, "intensities") != 0) m->finding.kind++;
    one = suggest_usual(m);
    assert_true(one.config.prep.channel[0].zscore && !one.config.prep.channel[0].scale);
    free(one.text);
    one = suggest(m, (pleat_suggest_request){.like = "nnunet"}, 0, 1);
    assert_null(strstr(one.text, "mean the same"));
    free(one.text);
    free_made(m);
}

static void sides_are_not_mirrored(void **state) {
    static const struct {
        const char *classes, *axes;
        int named, axis; /* of D, H, W; -1: none */
    } rows[] = {{"background,liver", "RAS", 1, 2},
                {"background,lung_L,lung_R", "RAS", 1, -1},
                {"background,left lung", "RAS", 1, -1},
                {"background,label 1", "RAS", 0, -1},
                {"background,liver", "PIR", 1, 0}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        made *m = make(10, mm1, hippocampus, rows[i].classes);
        m->e.named = rows[i].named;
        for (int k = 0; k < 10; k++) memcpy(m->of[k].axes, rows[i].axes, 4);
        const suggested one = suggest_usual(m);
        for (int a = 0; a < 3; a++)
            assert_true(one.config.train.transforms.mirror[a] == (a == rows[i].axis ? 0.5 : 0));
        free(one.text);
        free_made(m);
    }
}

/* Axes that differ are turned, and counted where they lead: 1 mm from head to foot, 3 from side to
 * side, in all of them. */
static void axes_that_differ_are_turned(void **state) {
    static const double spacing[3] = {1, 2, 3};
    static const int dim[3] = {80, 70, 60};
    (void)state;
    made *m = make(3, spacing, dim, "background,liver");
    memcpy(m->of[1].axes, "SAR", 4); /* x leads to the head */
    for (int a = 0; a < 3; a++) {
        m->print[1].spacing[a] = spacing[2 - a];
        m->print[1].crop[a] = dim[2 - a];
    }
    const suggested one = suggest_usual(m);
    assert_int_equal(one.config.prep.orient, PLEAT_ORIENT_RAS);
    assert_false(one.config.prep.resample);
    assert_true(one.s.full.spacing[0] == 1 && one.s.full.spacing[2] == 3);
    assert_true(one.s.full.size[0] == 80 && one.s.full.size[2] == 60);
    assert_true(one.config.train.transforms.mirror[2] == 0.5);
    free(one.text);
    free_made(m);
}

/* Two volumes of a patient stay in one fold; a name without a visit is a patient. */
static void patients_stay_together(void **state) {
    static const char *const ids[] = {"p12_1", "p12_2", "p13_1", "p13_2", "scan_007", "other"};
    (void)state;
    made *m = make(6, mm1, hippocampus, "background,lesion");
    m->e.check.n = 1;
    for (int i = 0; i < 6; i++) memcpy(m->of[i].id, ids[i], strlen(ids[i]) + 1);
    while (strcmp(pleat_check_kinds[m->finding.kind].name, "patient") != 0) m->finding.kind++;
    const suggested one = suggest_usual(m);
    assert_int_equal(one.config.folds, 4); /* as there are patients */
    const pleat_folds_how how = {.k = 4, .seed = 3, .group_by = one.config.group_by};
    pleat_folds folds;
    OK(pleat_folds_make(ids, 6, &how, &folds));
    assert_int_equal(folds.fold_of[0], folds.fold_of[1]);
    assert_int_equal(folds.fold_of[2], folds.fold_of[3]);
    assert_int_not_equal(folds.fold_of[0], folds.fold_of[2]);
    pleat_folds_free(&folds);
    free(one.text);
    free_made(m);
}

/* The fold column and the groups of a table are followed; its groups are not drawn anew. */
static void a_table_gives_folds_and_groups(void **state) {
    (void)state;
    made *m = make(12, mm1, hippocampus, "background,lesion");
    for (int i = 0; i < 12; i++) m->of[i].group = i / 4 * 4;
    suggested one = suggest_usual(m);
    assert_int_equal(one.config.folds, 3);
    assert_true(says(one.text, "each group of the table by itself, as there are no more than 3"));
    assert_string_equal(one.config.group_by, "");
    free(one.text);
    for (int i = 0; i < 12; i++) m->of[i].fold = 1 + i / 6;
    one = suggest_usual(m);
    assert_int_equal(one.config.folds, 2);
    assert_true(says(one.text, "those of the column fold"));
    free(one.text);
    pleat_suggestion s;
    pleat_suggest_request r = {.data = "data", .hours = 1, .like = "nnunet"};
    OK(pleat_suggest_begin(&r, &m->e, 1, &s));
    for (int i = 0; i < 12; i++) m->of[i].fold = 0;
    REFUSED(pleat_suggest_begin(&r, &m->e, 1, &s), PLEAT_ERR_ARG, "add a column fold");
    for (int i = 0; i < 12; i++) m->of[i].group = 0;
    REFUSED(pleat_suggest_begin(&r, &m->e, 1, &s), PLEAT_ERR_DATA, "of one group");
    free_made(m);
}

static void ranks_share_a_batch(void **state) {
    (void)state;
    made *m = make(260, mm1, hippocampus, "background,anterior");
    const suggested one = suggest(m, (pleat_suggest_request){.hours = 1}, 100e9, 15);
    assert_int_equal(one.config.train.batch % 3, 0);
    free(one.text);
    free_made(m);
}

static void few_cases_and_odd_names_are_no_trouble(void **state) {
    (void)state;
    made *m = make(2, mm1, hippocampus, "background,it's=3");
    m->e.named = 0;
    const suggested one = suggest(m, (pleat_suggest_request){.data = "a b/it's: #1"}, 0, 1);
    assert_int_equal(one.config.folds, 2);
    assert_string_equal(one.config.data, "a b/it's: #1");
    assert_string_equal(one.config.classes, "background,it's=3");
    free(one.text);
    free_made(m);
}

/* --- nnU-Net's -------------------------------------------------------------------------------- */

static void like_nnunet_is_its_plan(void **state) {
    static const double spacing[3] = {5, 1.5625, 1.5625};
    static const int heart[3] = {18, 237, 208};
    static const struct {
        const char *like, *configuration;
        double memory;
        int patch[3], batch;
        const char *name;
    } rows[] = {
        {"nnunet", NULL, 0, {20, 256, 224}, 4, "plainconv"},
        {"nnunet-m", NULL, 0, {20, 256, 224}, 3, "resenc"},
        {"nnunet-l", "3d_fullres", 0, {20, 256, 224}, 10, "resenc"},
        {"nnunet-m", NULL, 8 * 0x1p30, {20, 256, 224}, 3, "resenc"}, /* as without */
        {"nnunet-l", NULL, 24 * 0x1p30, {20, 256, 224}, 10, "resenc"},
        {"nnunet", NULL, 24 * 0x1p30, {20, 256, 224}, 8, "plainconv"},
        {"nnunet", "2d", 0, {1, 256, 224}, 56, "plainconv"},
    };
    (void)state;
    made *m = make(200, spacing, heart, "background,rv,myo,lv");
    for (size_t i = 0; i < COUNT(rows); i++) {
        const suggested one =
            suggest(m,
                    (pleat_suggest_request){.like = rows[i].like,
                                            .configuration = rows[i].configuration,
                                            .gpu_memory = rows[i].memory},
                    0, 1);
        const pleat_config *c = &one.config;
        check_size(c->patch, rows[i].patch[0], rows[i].patch[1], rows[i].patch[2]);
        assert_int_equal(c->train.batch, rows[i].batch);
        assert_string_equal(pleat_network_name(c->network.name), rows[i].name);
        assert_string_equal(c->network.strides,
                            rows[i].patch[0] == 1 ? "221,221,221,221,221" : "221,222,222,221,221");
        assert_string_equal(c->network.kernels, rows[i].patch[0] == 1 ? "331,331,331,331,331,331"
                                                                      : "331,333,333,333,333,333");
        assert_int_equal(c->network.most_filters, rows[i].patch[0] == 1 ? 512 : 320);
        assert_int_equal(c->train.epochs, 1000);
        assert_true(c->train.update.momentum == 0.99 && c->folds_like == PLEAT_FOLDS_NNUNET);
        free(one.text);
    }
    free_made(m);
}

/* By the names of nnU-Net's map_channel_name_to_normalization.py. */
static void like_nnunet_a_channels_name_says_how_it_is_normalised(void **state) {
    static const char *const names[] = {"noNorm", "rescale_to_0_1", "RGB_to_0_1", "T1", "CT"};
    (void)state;
    made *m = make(20, mm1, hippocampus, "background,anterior,posterior");
    m->e.channels = m->e.fingerprint.channels = 5;
    make_ct(m, 4);
    for (int c = 0; c < 5; c++)
        (void)snprintf(m->e.fingerprint.channel[c].name, 64, "%s", names[c]);
    const suggested one = suggest(m, (pleat_suggest_request){.like = "nnunet"}, 0, 1);
    for (int c = 0; c < 5; c++) {
        const pleat_prep_steps *steps = &one.config.prep.channel[c];
        const double most = c == 4 ? 137.75 : 255, least = c == 4 ? 61.25 : -255;
        assert_int_equal(steps->zscore, c == 3);
        assert_int_equal(steps->grayscale, c == 1);
        assert_int_equal(steps->scale, c != 0 && c != 3);
        if (steps->scale)
            assert_true(steps->scale_range[0] == least && steps->scale_range[1] == most);
    }
    assert_true(says(one.text, "0 to 255 become 0 to 1") && says(one.text, "noNorm: the values"));
    free(one.text);
    free_made(m);
}

static void like_nnunet_at_low_resolution(void **state) {
    static const double spacing[3] = {1, 0.767578125, 0.767578125};
    static const int liver[3] = {482, 512, 512};
    (void)state;
    made *m = make(131, spacing, liver, "background,liver,cancer");
    make_ct(m, 0);
    suggested one = suggest(m, (pleat_suggest_request){.like = "nnunet"}, 0, 1);
    assert_false(one.config.prep.resample);
    assert_string_equal(pleat_losses[one.config.train.loss]->name, "batch_dice_ce");
    free(one.text);
    one = suggest(m, (pleat_suggest_request){.like = "nnunet", .configuration = "3d_lowres"}, 0, 1);
    check_size(one.config.patch, 128, 128, 128);
    assert_int_equal((int)(one.config.prep.spacing[0] * 1e4 + 0.5), 25001);
    assert_int_equal((int)(one.config.prep.spacing[2] * 1e4 + 0.5), 19190);
    assert_string_equal(pleat_losses[one.config.train.loss]->name, "dice_ce");
    free(one.text);
    free_made(m);
}

/* --- what cannot be --------------------------------------------------------------------------- */

static void bad_data_and_requests_are_refused(void **state) {
    pleat_suggestion s;
    pleat_suggest_request r = {.data = "data", .hours = 1};
    (void)state;
    made *m = make(1, mm1, hippocampus, "background,lesion");
    REFUSED(pleat_suggest_begin(&r, &m->e, 1, &s), PLEAT_ERR_DATA, "'data' has 1 case; folds need");
    free_made(m);
    m = make(3, mm1, hippocampus, "background");
    REFUSED(pleat_suggest_begin(&r, &m->e, 1, &s), PLEAT_ERR_DATA, "nothing to learn");
    m->e.check.n = 1;
    (void)snprintf(m->finding.id, sizeof m->finding.id, "case_2");
    (void)snprintf(m->finding.field, sizeof m->finding.field, "imaging.nii.gz");
    (void)snprintf(m->finding.text, sizeof m->finding.text, "cut short");
    while (pleat_check_kinds[m->finding.kind].severity != PLEAT_ERROR) m->finding.kind++;
    REFUSED(pleat_suggest_begin(&r, &m->e, 1, &s), PLEAT_ERR_DATA,
            "case 'case_2': imaging.nii.gz: cut short");
    r.like = "nnunet-q";
    REFUSED(pleat_suggest_check(&r), PLEAT_ERR_ARG, "--like nnunet-q: must be one of nnunet, ");
    r = (pleat_suggest_request){.data = "data", .hours = 1, .configuration = "2d"};
    REFUSED(pleat_suggest_check(&r), PLEAT_ERR_ARG, "give --like nnunet too");
    r = (pleat_suggest_request){.data = "data", .hours = -1};
    REFUSED(pleat_suggest_check(&r), PLEAT_ERR_ARG, "--hours -1");
    r = (pleat_suggest_request){.data = "data", .hours = 1, .gpu_memory = 24};
    REFUSED(pleat_suggest_check(&r), PLEAT_ERR_ARG, "write 8G or 24G");
    free_made(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_mri_on_two_cores_gets_the_example),
        cmocka_unit_test(more_hours_or_a_faster_machine_train_larger_networks),
        cmocka_unit_test(patches_keep_to_the_memory),
        cmocka_unit_test(thick_slices_have_strides_of_each_axis),
        cmocka_unit_test(each_channel_is_normalised_by_what_it_is),
        cmocka_unit_test(sides_are_not_mirrored),
        cmocka_unit_test(axes_that_differ_are_turned),
        cmocka_unit_test(patients_stay_together),
        cmocka_unit_test(a_table_gives_folds_and_groups),
        cmocka_unit_test(ranks_share_a_batch),
        cmocka_unit_test(few_cases_and_odd_names_are_no_trouble),
        cmocka_unit_test(like_nnunet_is_its_plan),
        cmocka_unit_test(like_nnunet_a_channels_name_says_how_it_is_normalised),
        cmocka_unit_test(like_nnunet_at_low_resolution),
        cmocka_unit_test(bad_data_and_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
