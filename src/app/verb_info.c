/* verb_info.c - info: this build and machine, or what a file or folder holds. */
#include "info.h"

#include "app.h"

#include "pleat/checksum.h"
#include "pleat/commit.h"
#include "pleat/download.h"
#include "pleat/engine.h"
#include "pleat/host_memory.h"
#include "pleat/layout.h"
#include "pleat/nifti.h"
#include "pleat/rundir.h"
#include "pleat/store.h"
#include "pleat/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- this build and machine ------------------------------------------------------------------- */

typedef struct library {
    const char *name;
    void (*version)(char *out, size_t size); /* NULL: it does not tell */
} library;

static const library libraries[] = {
    {"MPI", pleat_session_mpi_version},
    {"HDF5", pleat_store_hdf5_version},
    {"libnifti2", NULL},
    {"zlib", pleat_nifti_zlib_version},
    {"ISA-L", pleat_nifti_isal_version},
    {"libyaml", pleat_config_yaml_version},
    {"jansson", pleat_layout_jansson_version},
    {"libcurl", pleat_download_curl_version},
    {"libarchive", pleat_unpack_archive_version},
    {"nettle", pleat_checksum_nettle_version},
    {NULL, NULL},
};

static const sheet_column library_columns[] = {{"name", -10}, {"version", -1}, {NULL, 0}};

static void print_libraries(sheet *s) {
    sheet_table(s, "libraries", library_columns);
    for (const library *l = libraries; l->name != NULL; l++) {
        char version[64] = "";
        if (l->version != NULL) l->version(version, sizeof version);
        sheet_row(s);
        sheet_text(s, "name", l->name);
        sheet_text(s, "version", l->version != NULL ? version : NULL);
    }
    sheet_table_end(s);
}

static const sheet_column engine_columns[] = {
    {"name", -8},    {"available", -9}, {"precision", -9}, {"library", -14},
    {"device", -40}, {"why", -1},       {NULL, 0}};

static void print_engine(sheet *s, const char *name, const pleat_engine *engine, const char *why) {
    sheet_row(s);
    sheet_text(s, "name", name);
    sheet_flag(s, "available", engine != NULL);
    sheet_text(s, "precision", engine != NULL ? pleat_engine_precision(engine) : NULL);
    sheet_text(s, "library", engine != NULL && engine->library[0] != '\0' ? engine->library : NULL);
    sheet_text(s, "device", engine != NULL ? engine->device : NULL);
    sheet_text(s, "why", why);
}

/* Each engine is made: what a list promises may still not start on this machine. */
static void print_engines(sheet *s, int threads) {
    sheet_table(s, "engines", engine_columns);
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
        const pleat_engine_options options = {.engine = e->name, .threads = threads, .device = -1};
        pleat_engine *engine = NULL;
        const char *why = e->missing();
        if (why == NULL && e->create(&options, &engine) != PLEAT_OK) {
            engine = NULL;
            why = pleat_error_message();
        }
        if (why == NULL && e->tried && pleat_engine_try(engine) != PLEAT_OK)
            why = pleat_error_message();
        print_engine(s, e->name, engine, why);
        pleat_engine_destroy(engine);
    }
    sheet_table_end(s);
}

static void info_build(const app *a, sheet_form form) {
    const pleat_host_memory memory = pleat_host_memory_find();
    sheet s = sheet_begin(form, "pleat");
    sheet_text(&s, "kind", "build");
    sheet_text(&s, "pleat", pleat_commit_version);
    sheet_text(&s, "compiler", __VERSION__);
    sheet_text(&s, "host", a->session->host);
    sheet_int(&s, "cores", sysconf(_SC_NPROCESSORS_ONLN));
    sheet_real(&s, "memory_gib", memory.machine / 0x1p30);
    sheet_real(&s, "allowed_gib", memory.allowed / 0x1p30);
    sheet_int(&s, "ranks", a->session->size);
    sheet_int(&s, "threads", a->session->threads); /* of a rank */
    print_engines(&s, a->session->threads);
    print_libraries(&s);
    sheet_end(&s);
}

static const sheet_column built_columns[] = {{"name", -8}, {"built", -5}, {"why", -1}, {NULL, 0}};

void info_version(void) {
    sheet s = sheet_begin(SHEET_JSON, "pleat");
    sheet_text(&s, "kind", "version");
    sheet_text(&s, "pleat", pleat_commit_version);
    sheet_text(&s, "commit", pleat_commit[0] != '\0' ? pleat_commit : NULL);
    sheet_text(&s, "date", pleat_commit_date);
    sheet_text(&s, "compiler", __VERSION__);
    sheet_table(&s, "engines", built_columns);
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
        const char *why = e->missing();
        sheet_row(&s);
        sheet_text(&s, "name", e->name);
        sheet_flag(&s, "built", why == NULL);
        sheet_text(&s, "why", why);
    }
    sheet_table_end(&s);
    print_libraries(&s);
    sheet_end(&s);
}

/* --- which kind of file ----------------------------------------------------------------------- */

static pleat_status info_hdf5(const char *path, sheet_form form) {
    char format[PLEAT_FORMAT_BYTES], folder[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_store_format(path, format));
    if (strcmp(format, "pleat-case") == 0) return info_case(path, form);
    if (strcmp(format, "pleat-checkpoint") == 0) return info_checkpoint(path, form);
    PLEAT_CHECK(strcmp(format, "pleat-store") == 0, PLEAT_ERR_FORMAT,
                "'%s' is of the format '%s', which this pleat does not know", path, format);
    const char *slash = strrchr(path, '/');
    PLEAT_TRY(pleat_path(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) : 1,
                         slash != NULL ? path : "."));
    return info_store(folder, form);
}

/* Files that others know, by the endings of their names. */
static pleat_status refuse_file(const char *path) {
    static const struct {
        const char *ending, *what;
    } rows[] = {
        {".yaml", "a configuration; pleat config prints it as it is understood, pleat check looks "
                  "at its data"},
        {".yml", "a configuration; pleat config prints it as it is understood, pleat check looks "
                 "at its data"},
        {".json", "JSON of another kind; of a run, name its folder, files of scores are for pleat "
                  "compare"},
        {".onnx", "a model for other programs; pleat info reads the checkpoint that it was made "
                  "of"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t n = strlen(path), m = strlen(rows[i].ending);
        PLEAT_CHECK(n < m || strcmp(path + n - m, rows[i].ending) != 0, PLEAT_ERR_FORMAT,
                    "'%s' is %s", path, rows[i].what);
    }
    return PLEAT_FAIL(PLEAT_ERR_FORMAT,
                      "'%s' is neither a NIfTI volume nor an HDF5 file; pleat info reads volumes, "
                      "masks, data folders, dataset.json, files of folds, stores, checkpoints and "
                      "runs",
                      path);
}

static pleat_status info_file(const char *path, sheet_form form) {
    static const unsigned char hdf5[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    /* sizeof_hdr of NIfTI-1 and -2 in both byte orders; gzip */
    static const unsigned char nifti[][4] = {
        {0x5c, 1, 0, 0}, {0, 0, 1, 0x5c}, {0x1c, 2, 0, 0}, {0, 0, 2, 0x1c}};
    unsigned char start[8] = {0};
    size_t got = 0;
    PLEAT_TRY(verb_file_start(path, start, sizeof start, &got));
    if (memcmp(start, hdf5, sizeof hdf5) == 0) return info_hdf5(path, form);
    const unsigned char *first = start; /* behind a byte-order mark and blanks */
    if (memcmp(start, "\xef\xbb\xbf", 3) == 0) first += 3;
    while (first < start + got && *first != 0 && strchr(" \t\r\n", *first) != NULL) first++;
    const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    if (first < start + got && *first == '[') return info_splits(path, form);
    if (first < start + got && *first == '{' && strcmp(base, "dataset.json") == 0)
        return info_dataset(path, form);
    int volume = start[0] == 0x1f && start[1] == 0x8b;
    for (size_t i = 0; i < sizeof nifti / sizeof *nifti; i++)
        volume |= got >= 4 && memcmp(start, nifti[i], 4) == 0;
    return volume ? info_nifti(path, form) : refuse_file(path);
}

static pleat_status info_folder(const char *path, sheet_form form) {
    char index[PLEAT_PATH_BYTES], record[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(index, sizeof index, "%s/index.h5", path));
    PLEAT_TRY(pleat_run_path(path, PLEAT_RUN_RECORD, record));
    if (pleat_file_exists(index)) return info_store(path, form);
    if (pleat_file_exists(record)) return info_run(path, form);
    const pleat_status status = info_data(path, form);
    PLEAT_CHECK(status != PLEAT_ERR_NOT_FOUND, status,
                "'%s' is neither a store nor a run nor a data folder: it has no index.h5, no "
                "run.json and no cases",
                path);
    return status;
}

pleat_status verb_info(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0};
    int json = 0, go = 0;
    const option rows[] = {
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object on stdout"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    if (a->session->rank != 0) return PLEAT_OK;
    const sheet_form form = json ? SHEET_JSON : SHEET_TEXT;
    const char *path = words.item[0];
    if (words.n == 0) {
        info_build(a, form);
        return PLEAT_OK;
    }
    if (pleat_layout_is_described(path)) return info_data(path, form);
    PLEAT_CHECK(pleat_file_exists(path), PLEAT_ERR_NOT_FOUND, "'%s' is not there", path);
    return pleat_file_is_folder(path) ? info_folder(path, form) : info_file(path, form);
}
