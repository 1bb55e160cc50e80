/* fuzz_targets.c - the parsers, one function each. What they accept must survive its own writer. */
#include "fuzz.h"

#include "options.h"
#include "pleat/checkpoint.h"
#include "pleat/config.h"
#include "pleat/crossval.h"
#include "pleat/file.h"
#include "pleat/folds.h"
#include "pleat/halt.h"
#include "pleat/json.h"
#include "pleat/keras.h"
#include "pleat/layout.h"
#include "pleat/log.h"
#include "pleat/manifest.h"
#include "pleat/measured.h"
#include "pleat/networks.h"
#include "pleat/nifti.h"
#include "pleat/postprocessing.h"
#include "pleat/predicted.h"
#include "pleat/prep.h"
#include "pleat/progress.h"
#include "pleat/report.h"
#include "pleat/schedule.h"
#include "pleat/store.h"
#include "pleat/text.h"
#include "pleat/unpack.h"
#include "pleat/warn.h"

#include <ftw.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[PLEAT_PATH_BYTES];

/* A promise that did not hold. */
#define HOLDS(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            (void)fprintf(stderr, "%s:%d: %s does not hold; last message: %s\n", __FILE__, \
                          __LINE__, #condition, pleat_error_message());                    \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

static void put(const char *path, const void *bytes, size_t n) {
    HOLDS(pleat_file_write(path, bytes, n) == PLEAT_OK);
}

/* --- volumes ---------------------------------------------------------------------------------- */

enum { MOST_VOXELS = 1 << 20 };

static void read_back_image(const pleat_image *image, const pleat_geometry *geometry) {
    pleat_image again = {0};
    if (pleat_nifti_write_image("again.nii", image, geometry, 0) != PLEAT_OK) return;
    HOLDS(pleat_nifti_read_image("again.nii", &again, NULL) == PLEAT_OK);
    HOLDS(memcmp(image->dim, again.dim, sizeof image->dim) == 0);
    HOLDS(memcmp(image->data, again.data, pleat_voxels(image->dim) * sizeof(float)) == 0);
    pleat_image_free(&again);
}

static void read_back_label(const pleat_label *label, const pleat_geometry *geometry) {
    pleat_label again = {0};
    if (pleat_nifti_write_label("again.nii.gz", label, geometry) != PLEAT_OK) return;
    HOLDS(pleat_nifti_read_label("again.nii.gz", &again, NULL) == PLEAT_OK);
    HOLDS(memcmp(label->dim, again.dim, sizeof label->dim) == 0);
    HOLDS(memcmp(label->data, again.data, pleat_voxels(label->dim)) == 0);
    pleat_label_free(&again);
}

static void feed_nifti(const uint8_t *bytes, size_t n) {
    pleat_geometry geometry;
    pleat_nifti_info info;
    pleat_image image = {0};
    pleat_label label = {0};
    put("in.nii", bytes, n);
    if (pleat_nifti_read_header("in.nii", &geometry, &info) != PLEAT_OK ||
        pleat_voxels(geometry.dim) > MOST_VOXELS)
        return;
    if (pleat_nifti_read_image("in.nii", &image, &geometry) == PLEAT_OK) {
        for (size_t i = 0; i < pleat_voxels(image.dim); i++) HOLDS(isfinite(image.data[i]));
        if (image.channels == 1) read_back_image(&image, &geometry);
        pleat_image_free(&image);
    }
    if (pleat_nifti_read_label("in.nii", &label, &geometry) == PLEAT_OK) {
        read_back_label(&label, &geometry);
        pleat_label_free(&label);
    }
}

/* --- configuration ---------------------------------------------------------------------------- */

/* What is taken prints as text that means the same. */
static void print_again(const pleat_config *config) {
    char text[PLEAT_CONFIG_BYTES], twice[PLEAT_CONFIG_BYTES], what[64];
    pleat_config again;
    if (pleat_config_check(config) != PLEAT_OK) return;
    if (pleat_config_text(config, 0, text, sizeof text) != PLEAT_OK) return;
    pleat_config_defaults(&again);
    HOLDS(pleat_config_parse(text, strlen(text), "again", &again) == PLEAT_OK);
    HOLDS(pleat_config_differences(config, &again, what, sizeof what) == 0);
    HOLDS(pleat_config_text(&again, 0, twice, sizeof twice) == PLEAT_OK);
    HOLDS(strcmp(text, twice) == 0);
}

static void feed_config(const uint8_t *bytes, size_t n) {
    pleat_config config;
    pleat_config_defaults(&config);
    if (pleat_config_parse((const char *)bytes, n, "in.yaml", &config) == PLEAT_OK)
        print_again(&config);
}

/* "train.epochs=3", and the same as a variable. */
static void feed_words(const uint8_t *bytes, size_t n) {
    static char entry[4096] = "PLEAT_";
    char *one[] = {entry, NULL}, **others = environ;
    pleat_config config;
    double seconds = 0.0;
    (void)snprintf(entry + 6, sizeof entry - 6, "%.*s", (int)n, (const char *)bytes);
    pleat_config_defaults(&config);
    if (pleat_config_set(entry + 6, &config) == PLEAT_OK) print_again(&config);
    pleat_config_defaults(&config);
    environ = one;
    const pleat_status taken = pleat_config_environment(&config);
    environ = others;
    if (taken == PLEAT_OK) print_again(&config);
    if (pleat_halt_parse("--time", entry + 6, &seconds) == PLEAT_OK) HOLDS(seconds > 0.0);
}

/* A command line, its words apart by 0 bytes or ends of lines. */
static void feed_options(const uint8_t *bytes, size_t n) {
    const char *out = NULL;
    int fold = 0, flag = 0, help = 0, size[3] = {1, 1, 1}, argc = 1;
    text_list sets = {0}, words = {0};
    char *argv[64] = {(char *)(uintptr_t) "run"}, *text = calloc(1, n + 1);
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "RUN", ""},     {"--set", OPTION_LIST, &sets, "K", ""},
        {"--fold", OPTION_INT, &fold, "K", ""},      {"--dry-run", OPTION_FLAG, &flag, NULL, ""},
        {"--patch", OPTION_SIZE, size, "XxYxZ", ""}, {0}};
    HOLDS(text != NULL);
    for (size_t i = 0; i < n; i++) text[i] = bytes[i] == '\n' ? '\0' : (char)bytes[i];
    for (size_t i = 0; i < n && argc < 63; i += strlen(text + i) + 1) argv[argc++] = text + i;
    if (options_parse(rows, "run", argc, argv, &words, &help) == PLEAT_OK)
        HOLDS(size[0] >= 0 && size[1] >= 0 && size[2] >= 0);
    free(text);
}

/* What a checkpoint says in words: its network, preprocessing and classes. */
static void feed_texts(const uint8_t *bytes, size_t n) {
    const char *text = (const char *)bytes;
    pleat_network network;
    pleat_graph graph;
    pleat_prep_config prep, again;
    pleat_classes classes;
    char printed[PLEAT_PREPROCESSING_BYTES];
    (void)n;
    if (pleat_network_parse(text, &network) == PLEAT_OK &&
        pleat_network_build(&network, &graph) == PLEAT_OK)
        pleat_graph_free(&graph);
    if (pleat_classes_parse(text, &classes) == PLEAT_OK) pleat_classes_free(&classes);
    if (pleat_prep_parse_text(text, &prep) != PLEAT_OK) return;
    pleat_prep_text(&prep, printed, sizeof printed);
    HOLDS(pleat_prep_parse_text(printed, &again) == PLEAT_OK);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void feed_dataset(const uint8_t *bytes, size_t n) {
    pleat_case_paths *cases = NULL;
    pleat_classes classes;
    int found = 0;
    put("data/dataset.json", bytes, n);
    for (int want = PLEAT_LAYOUT_VOLUMES; want <= PLEAT_LAYOUT_MAPS; want++) {
        if (pleat_layout_scan("data", (pleat_layout_want)want, &cases, &found) != PLEAT_OK)
            continue;
        for (int i = 0; i < found; i++)
            HOLDS(cases[i].id[0] != '\0' && strchr(cases[i].id, '/') == NULL);
        pleat_layout_free(cases, found);
    }
    if (pleat_layout_classes("data", &classes) == PLEAT_OK) pleat_classes_free(&classes);
}

/* Names of a pattern, and a table: both of the same text. */
static void feed_cases(const uint8_t *bytes, size_t n) {
    char pattern[4096];
    const char *const paths[] = {pattern, "data/list.csv"};
    (void)snprintf(pattern, sizeof pattern, "data|%.*s", (int)(n < 4000 ? n : 4000),
                   (const char *)bytes);
    put("data/list.csv", bytes, n);
    for (int i = 0; i < 4; i++) {
        pleat_case_paths *cases = NULL;
        int found = 0;
        if (pleat_layout_scan(paths[i % 2], (pleat_layout_want)(i / 2), &cases, &found) != PLEAT_OK)
            continue;
        for (int k = 0; k < found; k++) {
            HOLDS(cases[k].id[0] != '\0' && strchr(cases[k].id, '/') == NULL);
            HOLDS(cases[k].images > 0 && pleat_file_exists(cases[k].image[0]));
            HOLDS(i % 2 == 1 || pleat_file_is_inside(cases[k].image[0], "data"));
            HOLDS(i < 2 || cases[k].label != NULL);
        }
        pleat_layout_free(cases, found);
    }
    (void)remove("data/list.csv");
}

static void feed_splits(const uint8_t *bytes, size_t n) {
    static const char *const ids[] = {"a", "b", "c_1", "c_2"};
    pleat_folds folds, again;
    put("splits.json", bytes, n);
    if (pleat_folds_read("splits.json", ids, 4, &folds) != PLEAT_OK) return;
    HOLDS(pleat_folds_write("again.json", ids, &folds) == PLEAT_OK);
    HOLDS(pleat_folds_read("again.json", ids, 4, &again) == PLEAT_OK);
    HOLDS(folds.k == again.k && memcmp(folds.fold_of, again.fold_of, 4 * sizeof(int)) == 0);
    pleat_folds_free(&folds);
    pleat_folds_free(&again);
}

/* The report of what is taken, for the classes that the file names. */
static void report_scores(const json_t *root) {
    static const char *const odd[] = {"background", "a `b` 'c' \"d\" \\", "<x>", "=y"};
    static const pleat_report_info info = {.version = "0"};
    const char *names[8];
    const json_t *list = json_object_get(root, "classes");
    int n = (int)json_array_size(list);
    pleat_classes classes;
    pleat_results results;
    pleat_provenance cases = {0};
    for (int c = 0; c < n && c < 8; c++)
        if ((names[c] = json_string_value(json_array_get(list, (size_t)c))) == NULL) n = 0;
    if (n < 1 || n > 8 || pleat_classes_make(names, n, &classes) != PLEAT_OK)
        HOLDS(pleat_classes_make(odd, n = 4, &classes) == PLEAT_OK);
    HOLDS(pleat_results_begin(&classes, 2, pleat_scores_all(), &results) == PLEAT_OK);
    pleat_classes_free(&classes);
    if (pleat_report_read_fold("fold", 0, &results, &cases) == PLEAT_OK && results.n > 0) {
        (void)pleat_report_write("report", &results, &info);
        (void)pleat_report_write_fold("report", &results, NULL);
    }
    pleat_results_free(&results);
    pleat_provenance_free(&cases);
}

/* As it is, and as if pleat had written it: with its checksum. */
static void feed_scores(const uint8_t *bytes, size_t n) {
    json_t *root = json_loadb((const char *)bytes, n, 0, NULL);
    put("fold/scores.json", bytes, n);
    report_scores(root);
    if (json_is_object(root)) {
        HOLDS(pleat_json_write(root, "pleat/scores/2", "fold/scores.json") == PLEAT_OK);
        report_scores(root);
    }
    json_decref(root);
}

static void read_record(void) {
    pleat_record record;
    if (pleat_record_read(".", &record) == PLEAT_OK)
        HOLDS(memchr(record.classes, 0, sizeof record.classes) != NULL);
    if (pleat_record_warnings(".") == PLEAT_OK) pleat_warn_forget();
}

static void feed_record(const uint8_t *bytes, size_t n) {
    json_t *root = json_loadb((const char *)bytes, n, 0, NULL);
    put("run.json", bytes, n);
    read_record();
    if (json_is_object(root)) {
        HOLDS(pleat_json_write(root, "pleat/run/2", "run.json") == PLEAT_OK);
        read_record();
    }
    json_decref(root);
}

/* Sealed, as its checksum would keep all but the seeds out. */
static void feed_postprocessing(const uint8_t *bytes, size_t n) {
    json_t *root = NULL;
    pleat_postprocessing p;
    int found = 0;
    if (pleat_json_parse("in.json", (const char *)bytes, n, &root) != PLEAT_OK) return;
    if (pleat_json_write(root, "pleat/postprocessing/1", "postprocessing.json") == PLEAT_OK &&
        pleat_postprocessing_read(".", &p, &found) == PLEAT_OK) {
        const pleat_largest kept = pleat_postprocessing_of_files(&p);
        HOLDS(found && kept.of_class[0] == 0);
    }
    json_decref(root);
}

/* Sealed, too; beside good.nii, a volume that it says something of. */
static void feed_predicted(const uint8_t *bytes, size_t n) {
    static const pleat_predicted_folder here[] = {{".", "labels"}};
    static const pleat_largest none;
    static const pleat_engine_ops ops = {.name = "ref"};
    static const pleat_engine engine = {.ops = &ops, .precision = PLEAT_PRECISION_F32};
    json_t *root = NULL;
    const pleat_predicted by = {.settings = "", .engine = &engine, .largest = &none};
    if (pleat_json_parse("in.json", (const char *)bytes, n, &root) != PLEAT_OK) return;
    if (pleat_json_write(root, "pleat/predicted/1", PLEAT_PREDICTED) == PLEAT_OK &&
        pleat_predicted_begin(here, 1, &by) == PLEAT_OK)
        HOLDS(pleat_predicted_begin(here, 1, &by) == PLEAT_OK);
    json_decref(root);
}

/* Scores of any tool: what `compare` reads. */
/* What another process says of itself may be anything; the table stays one. */
static void feed_progress(const uint8_t *bytes, size_t n) {
    const pleat_terminal terminal = {80, 24, 0, 0};
    char text[8192];
    pleat_progress_state state, again;
    put("progress.json", bytes, n);
    if (pleat_progress_read("progress.json", &state) != PLEAT_OK) return;
    pleat_progress_view view = {.run = "RUN", .folds = 1, .end = 1, .fold = &state, .whole = state};
    pleat_progress_plan(&view);
    pleat_progress_table(&view, &terminal, text, sizeof text);
    HOLDS(strchr(text, '\033') == NULL);
    pleat_progress_line(&view, 0, text, sizeof text);
    HOLDS(pleat_progress_write("again.json", &state) == PLEAT_OK);
    HOLDS(pleat_progress_read("again.json", &again) == PLEAT_OK);
    HOLDS(again.phase == state.phase && again.step == state.step && again.total == state.total);
}

static void feed_measured(const uint8_t *bytes, size_t n) {
    pleat_measured m = {0};
    const char *path = n > 0 && (bytes[0] == '{' || bytes[0] == '[') ? "in.json" : "in.csv";
    put(path, bytes, n);
    if (pleat_measured_read(path, &m) == PLEAT_OK)
        for (int i = 0; i < m.n; i++) {
            const pleat_measurement *one = &m.list[i];
            HOLDS(one->score >= 0 && one->score < m.scores.n);
            HOLDS(one->label >= 0 && one->label < m.classes.n);
            HOLDS(one->at >= 0 && one->at < m.cases.n);
            HOLDS(one->definition >= 0 && one->definition < m.definitions.n);
        }
    pleat_measured_free(&m);
}

/* --- what fetch reads ------------------------------------------------------------------------- */

static void feed_manifest(const uint8_t *bytes, size_t n) {
    pleat_fetch_set set;
    if (pleat_manifest_parse((const char *)bytes, n, "in.yaml", &set) != PLEAT_OK) return;
    HOLDS(set.n >= 1 && set.name[0] != '\0' && pleat_text_is_plain(set.licence));
    for (int i = 0; i < set.n; i++) {
        const pleat_fetch_file *f = &set.file[i];
        HOLDS(strncasecmp(f->url, "http", 4) == 0 && pleat_text_is_plain(f->url));
        HOLDS(f->name[0] != '.' && strchr(f->name, '/') == NULL && pleat_text_is_plain(f->name));
        HOLDS(f->kind == PLEAT_NO_CHECKSUM ||
              strlen(f->checksum) == pleat_checksum_digits(f->kind));
    }
    pleat_fetch_free(&set);
}

static pleat_status as_it_is(const void *context, const char *entry, char path[PLEAT_PATH_BYTES]) {
    (void)context;
    return pleat_path(path, PLEAT_PATH_BYTES, "%s", entry);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* All that is listed is there, as long as it says, in the folder and nowhere else. */
static void feed_archive(const uint8_t *bytes, size_t n) {
    const pleat_unpack how = {"in.archive", "unpacked", 64, MOST_VOXELS, as_it_is, NULL};
    pleat_unpacked_list list = {0};
    put("in.archive", bytes, n);
    (void)nftw("unpacked", remove_one, 8, FTW_DEPTH | FTW_PHYS);
    HOLDS(pleat_file_make_folder("unpacked") == PLEAT_OK);
    if (pleat_unpack_archive(&how, &list) != PLEAT_OK) return;
    for (int i = 0; i < list.n; i++) {
        char path[PLEAT_PATH_BYTES];
        struct stat st;
        HOLDS(pleat_path(path, sizeof path, "unpacked/%s", list.item[i].path) == PLEAT_OK);
        HOLDS(lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == list.item[i].bytes);
        HOLDS(pleat_file_is_inside(path, "unpacked"));
    }
    pleat_unpacked_free(&list);
}

/* --- HDF5 ------------------------------------------------------------------------------------- */

static char *good[2]; /* the index and the case, as they were made */
static size_t good_bytes[2];
#define INDEX "store/index.h5"
#define CASE  "store/cases/a.h5"
static const char *const of_store[] = {INDEX, CASE};

static void use_store(void) {
    pleat_store *store = NULL;
    if (pleat_store_open("store", NULL, &store) != PLEAT_OK) return;
    for (int i = 0; i < pleat_store_count(store) && i < 3; i++) {
        int32_t(*rows)[4] = NULL;
        int n = 0;
        if (pleat_voxels(pleat_store_info(store, i)->dim) > MOST_VOXELS) continue;
        if (pleat_store_foreground(store, i, &rows, &n) == PLEAT_OK) free(rows);
        (void)pleat_store_verify(store, i);
    }
    pleat_store_close(store);
}

static void feed_one_of_store(int which, const uint8_t *bytes, size_t n) {
    char format[PLEAT_FORMAT_BYTES], preprocessing[PLEAT_PREPROCESSING_BYTES];
    pleat_case_info info;
    put(of_store[which], bytes, n);
    (void)pleat_store_format(of_store[which], format);
    (void)pleat_store_look(of_store[which], &info, preprocessing);
    use_store();
    put(of_store[which], good[which], good_bytes[which]);
}

static void feed_index(const uint8_t *bytes, size_t n) { feed_one_of_store(0, bytes, n); }
static void feed_case(const uint8_t *bytes, size_t n) { feed_one_of_store(1, bytes, n); }

static void feed_checkpoint(const uint8_t *bytes, size_t n) {
    pleat_checkpoint checkpoint;
    pleat_schedule schedule = {0};
    put("in.h5", bytes, n);
    if (pleat_checkpoint_read("in.h5", &checkpoint) != PLEAT_OK) return;
    pleat_schedule_load(&schedule, checkpoint.schedule);
    feed_config((const uint8_t *)checkpoint.config, strlen(checkpoint.config));
    pleat_checkpoint_free(&checkpoint);
}

/* A model of Keras: other programs' HDF5. */
static void feed_keras(const uint8_t *bytes, size_t n) {
    pleat_keras model;
    put("in.hdf5", bytes, n);
    if (pleat_keras_read("in.hdf5", &model) != PLEAT_OK) return;
    pleat_graph graph;
    HOLDS(pleat_network_build(&model.network, &graph) == PLEAT_OK);
    HOLDS(graph.params == model.n_params && graph.stats == model.n_stats);
    pleat_graph_free(&graph);
    pleat_keras_free(&model);
}

/* --- the table, and what it needs ------------------------------------------------------------- */

const fuzz_target fuzz_targets[] = {
    {"nifti", feed_nifti, "good.nii"},
    {"config", feed_config, "good.yaml"},
    {"words", feed_words, NULL},
    {"options", feed_options, NULL},
    {"texts", feed_texts, NULL},
    {"dataset", feed_dataset, NULL},
    {"cases", feed_cases, NULL},
    {"splits", feed_splits, "good.json"},
    {"scores", feed_scores, NULL},
    {"record", feed_record, NULL},
    {"postprocessing", feed_postprocessing, NULL},
    {"predicted", feed_predicted, NULL},
    {"progress", feed_progress, NULL},
    {"measured", feed_measured, NULL},
    {"manifest", feed_manifest, NULL},
    {"archive", feed_archive, NULL},
    {"index", feed_index, INDEX},
    {"case", feed_case, CASE},
    {"checkpoint", feed_checkpoint, "good.h5"},
    {"keras", feed_keras, NULL},
    {NULL, NULL, NULL},
};

const fuzz_target *fuzz_find(const char *name) {
    for (const fuzz_target *t = fuzz_targets; t->name != NULL; t++)
        if (strcmp(t->name, name) == 0) return t;
    return NULL;
}

enum { SIDE = 4, VOXELS = SIDE * SIDE * SIDE };

static void make_volume(void) {
    static const double spacing[3] = {1, 2, 3};
    static const int dim[3] = {SIDE, SIDE, SIDE};
    float values[VOXELS];
    pleat_image image = {.dim = {SIDE, SIDE, SIDE}, .channels = 1, .data = values};
    pleat_geometry geometry;
    for (int i = 0; i < VOXELS; i++) values[i] = (float)(i % 3);
    pleat_nifti_plain_geometry(dim, spacing, &geometry);
    HOLDS(pleat_nifti_write_image("good.nii", &image, &geometry, 1) == PLEAT_OK);
}

static void make_store(void) {
    static const char *const ids[] = {"a"};
    float values[VOXELS] = {0};
    uint8_t labels[VOXELS] = {0, 1, 2};
    char *paths[] = {(char *)(uintptr_t) "good.nii"}, text[PLEAT_PREPROCESSING_BYTES];
    pleat_image image = {.dim = {SIDE, SIDE, SIDE}, .channels = 1, .data = values};
    pleat_label label = {.dim = {SIDE, SIDE, SIDE}, .data = labels};
    pleat_case_info info = {.dim = {SIDE, SIDE, SIDE},
                            .channels = 1,
                            .spacing = {1, 2, 3},
                            .has_label = 1,
                            .classes = 3};
    pleat_config config;
    pleat_config_defaults(&config);
    pleat_prep_text(&config.prep, text, sizeof text);
    HOLDS(pleat_nifti_read_header(paths[0], &info.geometry, NULL) == PLEAT_OK);
    HOLDS(pleat_store_set_id(&info, ids[0]) == PLEAT_OK);
    HOLDS(pleat_store_set_files(&info, paths, 1, paths[0]) == PLEAT_OK);
    HOLDS(pleat_store_write_case("store", text, &info, &image, &label) == PLEAT_OK);
    HOLDS(pleat_store_write_index("store", text, ids, 1) == PLEAT_OK);
    for (int i = 0; i < 2; i++)
        HOLDS(pleat_file_read_all(of_store[i], &good[i], &good_bytes[i]) == PLEAT_OK);
}

static void make_checkpoint(void) {
    float values[3][8] = {{0}}, stats[4] = {0};
    double history[6] = {0};
    pleat_config config;
    pleat_checkpoint c = {.classes = "background,a",
                          .engine = "ref",
                          .precision = "f32",
                          .version = "0",
                          .metrics = "loss,dice_soft",
                          .epoch = 1,
                          .n_params = 8,
                          .n_stats = 4,
                          .params = values[0],
                          .moment1 = values[1],
                          .moment2 = values[2],
                          .stats = stats,
                          .history = history};
    pleat_config_defaults(&config);
    HOLDS(pleat_config_text(&config, 0, c.config, sizeof c.config) == PLEAT_OK);
    pleat_prep_text(&config.prep, c.preprocessing, sizeof c.preprocessing);
    HOLDS(pleat_checkpoint_write("good.h5", &c, 0) == PLEAT_OK);
}

static void make_texts(void) {
    static const char *const ids[] = {"a", "b", "c_1", "c_2"};
    char text[PLEAT_CONFIG_BYTES];
    pleat_config config;
    pleat_folds folds;
    pleat_config_defaults(&config);
    HOLDS(pleat_config_text(&config, 0, text, sizeof text) == PLEAT_OK);
    put("good.yaml", text, strlen(text));
    HOLDS(pleat_folds_make(ids, 4, &(pleat_folds_how){.k = 2, .seed = 1}, &folds) == PLEAT_OK);
    HOLDS(pleat_folds_write("good.json", ids, &folds) == PLEAT_OK);
    pleat_folds_free(&folds);
}

void fuzz_begin(void) {
    static const char *const folders[] = {"data/imagesTr", "data/labelsTr", "fold", "report"};
    static const char *const volumes[] = {"data/imagesTr/a.nii.gz", "data/labelsTr/a.nii.gz",
                                          "data/imagesTr/b_0000.nii.gz", "data/labelsTr/b.nii.gz"};
    const char *base = getenv("TMPDIR");
    (void)snprintf(scratch, sizeof scratch, "%s/fuzz-XXXXXX", base != NULL ? base : "/dev/shm");
    HOLDS(mkdtemp(scratch) != NULL && chdir(scratch) == 0);
    pleat_log_set_level(PLEAT_QUIET);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        HOLDS(pleat_file_make_folder(folders[i]) == PLEAT_OK);
    for (size_t i = 0; i < sizeof volumes / sizeof *volumes; i++) put(volumes[i], "x", 1);
    make_volume();
    make_store();
    make_checkpoint();
    make_texts();
}

void fuzz_end(void) {
    for (int i = 0; i < 2; i++) free(good[i]);
    (void)chdir("/");
    (void)nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
