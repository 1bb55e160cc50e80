/* page_data.c - the page's data as JSON, which its scripts make tables and plots of. */
#include "page_impl.h"
#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/log.h"
#include "pleat/rundir.h"
#include "pleat/text.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void put(json_t *object, const char *key, json_t *value) {
    (void)json_object_set_new(object, key, value); /* NULL, without memory, is found by the dump */
}

static void append(json_t *array, json_t *value) { (void)json_array_append_new(array, value); }

/* What ends a script element, or opens a comment in one, begins with '<', which JSON has in strings
 * alone. */
static void put_script(FILE *out, const char *json) {
    for (; *json != '\0'; json++)
        if (*json == '<')
            (void)fputs("\\u003c", out);
        else
            (void)fputc(*json, out);
}

/* --- the run ---------------------------------------------------------------------------------- */

/* A file of the run: text, NULL when it cannot be had. */
static char *text_of(const char *run, pleat_run_file file) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    if (pleat_run_path(run, file, path) != PLEAT_OK || !pleat_file_exists(path) ||
        pleat_file_read_all(path, &text, NULL) != PLEAT_OK)
        return NULL;
    return text;
}

static json_t *record_of(const char *run) {
    char *text = text_of(run, PLEAT_RUN_RECORD);
    json_t *root = text != NULL ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return root != NULL ? root : json_null();
}

/* Rows of a history: numbers, null where a column is empty. */
static json_t *numbers_of(char *line) {
    json_t *row = json_array();
    for (char *field = line; field != NULL;) {
        char *tab = strchr(field, '\t'), *end = NULL;
        if (tab != NULL) *tab = '\0';
        const double x = strtod(field, &end);
        append(row, end != field ? pleat_json_real(x) : json_null());
        field = tab != NULL ? tab + 1 : NULL;
    }
    return row;
}

static json_t *history_of(const fold_facts *f) {
    json_t *object = json_object(), *columns = json_array(), *rows = json_array();
    char *text = f->history != NULL ? strdup(f->history) : NULL, *save = NULL, *tabs = NULL;
    char *line = text != NULL ? strtok_r(text, "\n", &save) : NULL;
    for (char *name = line != NULL ? strtok_r(line, "\t", &tabs) : NULL; name != NULL;
         name = strtok_r(NULL, "\t", &tabs))
        append(columns, pleat_json_text(name));
    for (line = text != NULL ? strtok_r(NULL, "\n", &save) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &save))
        append(rows, numbers_of(line));
    free(text);
    put(object, "columns", columns);
    put(object, "rows", rows);
    return object;
}

static json_t *folds_of(const page *p) {
    json_t *list = json_array();
    for (int fold = 0; fold < p->source->folds; fold++) {
        const fold_facts *f = &p->folds[fold];
        json_t *one = json_object();
        put(one, "state", json_string(fold_state_name(f->state)));
        put(one, "scored", json_boolean(f->state == FOLD_SCORED));
        put(one, "why", pleat_json_text(f->why));
        put(one, "epochs", json_integer(f->epochs));
        put(one, "cases", json_integer(f->n));
        put(one, "history", history_of(f));
        append(list, one);
    }
    return list;
}

/* --- scores and colours ----------------------------------------------------------------------- */

static json_t *scores_of(const pleat_results *r) {
    static const char *const better[] = {[PLEAT_HIGHER_IS_BETTER] = "higher",
                                         [PLEAT_LOWER_IS_BETTER] = "lower",
                                         [PLEAT_NEITHER_IS_BETTER] = ""};
    json_t *list = json_array();
    for (int s = 0; s < pleat_scores_count(r->scores); s++) {
        const pleat_score *score = pleat_scores_at(r->scores, s);
        json_t *one = json_object();
        put(one, "name", json_string(score->name));
        put(one, "title", json_string(score->title));
        put(one, "unit", json_string(score->unit));
        put(one, "better", json_string(better[score->better]));
        put(one, "brief", json_boolean(score->brief));
        append(list, one);
    }
    return list;
}

static json_t *hex(pleat_colour c) { return json_sprintf("#%02x%02x%02x", c.red, c.green, c.blue); }

static json_t *class_colours(const pleat_classes *classes) {
    json_t *list = json_array();
    for (int c = 0; c < classes->n; c++) append(list, hex(pleat_class_colour(classes, c)));
    return list;
}

static json_t *classes_of(const pleat_classes *classes) {
    json_t *list = json_array();
    for (int c = 0; c < classes->n; c++) append(list, pleat_json_text(classes->name[c]));
    return list;
}

static json_t *error_legend(void) {
    static const char *const names[PLEAT_ERROR_KINDS] = {[PLEAT_TRUE_POSITIVE] = "true positive",
                                                         [PLEAT_OTHER_CLASS] = "another class",
                                                         [PLEAT_FALSE_POSITIVE] = "false positive",
                                                         [PLEAT_FALSE_NEGATIVE] = "false negative"};
    json_t *list = json_array();
    for (int kind = 1; kind < PLEAT_ERROR_KINDS; kind++) {
        json_t *one = json_object();
        put(one, "name", json_string(names[kind]));
        put(one, "colour", hex(pleat_error_colour((pleat_error_kind)kind)));
        append(list, one);
    }
    return list;
}

/* --- pictures --------------------------------------------------------------------------------- */

const char *page_layer_name(pleat_layer layer) {
    static const char *const names[PLEAT_LAYERS] = {"image", "truth", "prediction", "errors"};
    return names[layer];
}

void page_sprite_name(int i, pleat_layer layer, char out[48]) {
    (void)snprintf(out, 48, "sprite-%d-%s", i, page_layer_name(layer));
}

/* {"image": "sprite-3-image"} in a single file; else the layers that lie in the case's folder. */
static json_t *layers_of(const page *p, int i) {
    json_t *object = json_object();
    for (int k = 0; k < PLEAT_LAYERS; k++) {
        char name[48];
        if (p->shown[i].pictures.layer[k].png == NULL) continue;
        page_sprite_name(i, (pleat_layer)k, name);
        put(object, page_layer_name((pleat_layer)k), json_string(name));
    }
    return object;
}

static json_t *picture_of(const page *p, int i) {
    const pleat_case_pictures *one = &p->shown[i].pictures;
    json_t *object = json_object();
    put(object, "lacks", pleat_json_text(one->lacks));
    if (p->shown[i].failed) return object;
    json_t *slices = json_array();
    for (int k = 0; k < one->slices; k++) append(slices, json_integer(one->slice[k]));
    put(object, "width", json_integer(one->width));
    put(object, "height", json_integer(one->height));
    put(object, "columns", json_integer(one->columns));
    put(object, "slices", slices);
    put(object, "worst", json_integer(one->worst));
    put(object, "pixel", json_real(one->pixel));
    put(object, "letters", json_string(one->letters));
    put(object, "size", json_pack("[iii]", one->size[0], one->size[1], one->size[2]));
    put(object, "mm", json_pack("[fff]", one->mm[0], one->mm[1], one->mm[2]));
    put(object, "layers", layers_of(p, i));
    return object;
}

static json_t *pictures_of(const page *p) {
    char key[PAGE_KEY_BYTES];
    json_t *object = json_object();
    for (int i = 0; p->results != NULL && i < p->n_shown; i++)
        (void)json_object_set_new(object, page_case_key(p, p->shown[i].index, key),
                                  picture_of(p, i));
    return object;
}

static json_t *order_of(const page *p) {
    json_t *list = json_array();
    for (int i = 0; p->results != NULL && i < p->results->n; i++)
        append(list, json_integer(p->order[i]));
    return list;
}

/* --- what else there is ----------------------------------------------------------------------- */

static int is_shown(const struct dirent *entry) {
    return entry->d_name[0] != '.' && pleat_text_is_plain(entry->d_name);
}

/* Names of the files in a folder, those that are not hidden; sorted. */
static json_t *files_in(const char *folder) {
    json_t *list = json_array();
    struct dirent **entry = NULL;
    const int n = scandir(folder, &entry, is_shown, alphasort);
    for (int i = 0; i < n; i++) {
        char path[PLEAT_PATH_BYTES];
        if (pleat_path(path, sizeof path, "%s/%s", folder, entry[i]->d_name) == PLEAT_OK &&
            !pleat_file_is_folder(path))
            append(list, pleat_json_text(entry[i]->d_name));
        free(entry[i]);
    }
    free(entry);
    return list;
}

/* --- all of it -------------------------------------------------------------------------------- */

pleat_status page_put_data(FILE *out, const page *p) {
    char stamp[32], figures[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(p->source->run, PLEAT_RUN_FIGURES, figures));
    char *config = text_of(p->source->run, PLEAT_RUN_CONFIG);
    char *methods = text_of(p->source->run, PLEAT_RUN_METHODS);
    json_t *root = json_object();
    pleat_time_text(stamp);
    put(root, "made", json_string(stamp));
    put(root, "version", json_string(PLEAT_VERSION));
    put(root, "single", json_boolean(p->options->single_file));
    put(root, "run", record_of(p->source->run));
    put(root, "config", pleat_json_text(config != NULL ? config : ""));
    put(root, "files", files_in(p->source->run));
    put(root, "figures", files_in(figures));
    put(root, "methods", pleat_json_text(methods));
    put(root, "epochs", json_integer(p->source->epochs));
    put(root, "folds", folds_of(p));
    put(root, "classes", classes_of(p->source->classes));
    put(root, "colours", class_colours(p->source->classes));
    put(root, "errors", error_legend());
    put(root, "scores", p->results != NULL ? scores_of(p->results) : json_array());
    put(root, "order", order_of(p));
    put(root, "pictures", pictures_of(p));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(root);
    free(config);
    free(methods);
    PLEAT_CHECK(text != NULL, PLEAT_ERR_MEMORY, "no memory for the page");
    put_script(out, text);
    free(text);
    return PLEAT_OK;
}

pleat_status page_put_statistics(FILE *out, const page *p) {
    char *text = NULL;
    size_t n = 0;
    if (p->results == NULL) {
        (void)fputs("null", out);
        return PLEAT_OK;
    }
    FILE *memory = open_memstream(&text, &n);
    PLEAT_CHECK(memory != NULL, PLEAT_ERR_MEMORY, "no memory for the page");
    pleat_status status = pleat_estimates_print_json(memory, p->source->estimates);
    if (fclose(memory) != 0 && status == PLEAT_OK)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the page");
    if (status == PLEAT_OK) put_script(out, text);
    free(text);
    return status;
}

void pleat_page_put_base64(FILE *out, const uint8_t *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const uint32_t word = (uint32_t)bytes[i] << 16 |
                              (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (i + 2 < n ? bytes[i + 2] : 0);
        char four[4] = {digits[word >> 18], digits[word >> 12 & 63], digits[word >> 6 & 63],
                        digits[word & 63]};
        if (i + 2 >= n) four[3] = '=';
        if (i + 1 >= n) four[2] = '=';
        (void)fwrite(four, 1, sizeof four, out);
    }
}

void page_put_sprites(FILE *out, const page *p) {
    for (int i = 0; p->options->single_file && i < p->n_shown; i++)
        for (int k = 0; k < PLEAT_LAYERS; k++) {
            const pleat_sprite *sprite = &p->shown[i].pictures.layer[k];
            char name[48];
            if (sprite->png == NULL) continue;
            page_sprite_name(i, (pleat_layer)k, name);
            (void)fprintf(out, "<script type=\"text/plain\" id=\"%s\">", name);
            pleat_page_put_base64(out, sprite->png, sprite->n);
            (void)fputs("</script>\n", out);
        }
}
