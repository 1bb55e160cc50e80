/* layout_table.c - cases that a CSV lists: case, image, label, group, fold. */
#include "layout_cases.h"

#include "pleat/csv_read.h"
#include "pleat/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_FOLD = 999 };

typedef struct table {
    const char *path;
    char folder[PLEAT_PATH_BYTES]; /* of the table: relative paths are below it */
    int id, label, group, fold;    /* columns; -1: there is none */
    int image[PLEAT_MAX_CHANNELS];
    int images;
} table;

static pleat_status find_columns(table *t, const pleat_csv_row *names) {
    static const char *const ids[] = {"case", NULL}, *const labels[] = {"label", NULL};
    static const char *const groups[] = {"group", NULL}, *const folds[] = {"fold", NULL};
    t->id = pleat_csv_column(names, ids);
    t->label = pleat_csv_column(names, labels);
    t->group = pleat_csv_column(names, groups);
    t->fold = pleat_csv_column(names, folds);
    for (int k = 0; k < names->n; k++) {
        const char *const name[] = {names->field[k], NULL};
        PLEAT_CHECK(name[0][0] == '\0' || pleat_csv_column(names, name) == k, PLEAT_ERR_FORMAT,
                    "'%s' line %d: two columns are named '%s'; name one otherwise", t->path,
                    names->line, name[0]);
        if (strncasecmp(names->field[k], "image", 5) != 0) continue;
        PLEAT_CHECK(t->images < PLEAT_MAX_CHANNELS, PLEAT_ERR_UNSUPPORTED,
                    "'%s' line %d: more than %d columns image...; a case has at most so many "
                    "channels",
                    t->path, names->line, PLEAT_MAX_CHANNELS);
        t->image[t->images++] = k;
    }
    PLEAT_CHECK(t->id >= 0 && t->images > 0, PLEAT_ERR_FORMAT,
                "'%s' line %d: no column '%s'; the first line must name the columns, separated by "
                "commas: case,image,label and, if there are any, image_1, ..., group, fold",
                t->path, names->line, t->id < 0 ? "case" : "image");
    return PLEAT_OK;
}

/* The file of a field, which must be there. */
static pleat_status find_file(const table *t, const pleat_csv_row *row, const char *what,
                              int column, char out[PLEAT_PATH_BYTES]) {
    const char *entry = row->field[column];
    layout_kind kind = LAYOUT_ABSENT;
    PLEAT_CHECK(entry[0] != '\0', PLEAT_ERR_NOT_FOUND,
                "case '%s' of '%s' line %d has no %s; add it, or take the line out",
                row->field[t->id], t->path, row->line, what);
    PLEAT_CHECK(layout_stem(entry) > 0, PLEAT_ERR_FORMAT,
                "'%s' line %d: the %s '%s' is no .nii or .nii.gz; convert it, or take the line out",
                t->path, row->line, what, entry);
    PLEAT_TRY(layout_resolve(t->path, t->folder, entry, out));
    PLEAT_TRY(layout_look(out, &kind));
    PLEAT_CHECK(kind == LAYOUT_FILE, PLEAT_ERR_NOT_FOUND,
                "case '%s' of '%s' line %d: its %s is not there: expected '%s'; add it, or take "
                "the line out",
                row->field[t->id], t->path, row->line, what, out);
    return PLEAT_OK;
}

/* The group and fold of the case added last. */
static pleat_status take_fold(const table *t, const pleat_csv_row *row, case_list *to) {
    pleat_case_paths *item = &to->item[to->n - 1];
    if (t->group >= 0 && row->field[t->group][0] != '\0') {
        const char *group = row->field[t->group];
        PLEAT_CHECK(pleat_text_is_plain(group), PLEAT_ERR_DATA,
                    "'%s' line %d: the group of case '%s' is not UTF-8 or has a control character; "
                    "rename it",
                    t->path, row->line, item->id);
        item->group = strdup(group);
        PLEAT_CHECK(item->group != NULL, PLEAT_ERR_MEMORY, "no memory for case '%s'", item->id);
    }
    if (t->fold < 0 || row->field[t->fold][0] == '\0') return PLEAT_OK;
    const char *text = row->field[t->fold];
    const size_t digits = strspn(text, "0123456789");
    PLEAT_CHECK(digits == strlen(text) && digits <= 3, PLEAT_ERR_FORMAT,
                "'%s' line %d: the fold '%s' is no number from 0 to %d; correct it", t->path,
                row->line, text, MOST_FOLD);
    item->fold = 1 + (int)strtol(text, NULL, 10);
    return PLEAT_OK;
}

static pleat_status add_row(const table *t, const pleat_csv_row *row, case_list *to) {
    char image[PLEAT_PATH_BYTES], label[PLEAT_PATH_BYTES];
    const char *id = row->field[t->id];
    PLEAT_CHECK(id[0] != '\0' && id[0] != '.' && strchr(id, '/') == NULL, PLEAT_ERR_DATA,
                "'%s' line %d: '%s' is no name of a case; files are named after it, so write one "
                "without '/' that does not begin with a dot",
                t->path, row->line, id);
    const int labelled = t->label >= 0 && row->field[t->label][0] != '\0';
    PLEAT_CHECK(t->label >= 0 || to->want != PLEAT_LAYOUT_LABELLED, PLEAT_ERR_NOT_FOUND,
                "'%s' has no column 'label'; add it, with the masks", t->path);
    if (labelled || to->want == PLEAT_LAYOUT_LABELLED)
        PLEAT_TRY(find_file(t, row, "label", t->label, label));
    for (int c = 0; c < t->images; c++) {
        PLEAT_TRY(find_file(t, row, "image", t->image[c], image));
        if (c == 0)
            PLEAT_TRY(layout_add(to, id, strlen(id), image, labelled ? label : NULL));
        else
            PLEAT_TRY(layout_add_image(to, image));
    }
    return take_fold(t, row, to);
}

static pleat_status read_rows(table *t, pleat_csv_rows *rows, case_list *to) {
    pleat_csv_row row;
    int more = 0;
    PLEAT_TRY(pleat_csv_next(rows, &row, &more));
    PLEAT_CHECK(more, PLEAT_ERR_FORMAT,
                "'%s' is empty; write a line case,image,label and a line a case", t->path);
    const int columns = row.n;
    PLEAT_TRY(find_columns(t, &row));
    for (;;) {
        PLEAT_TRY(pleat_csv_next(rows, &row, &more));
        if (!more) return PLEAT_OK;
        PLEAT_CHECK(row.n == columns, PLEAT_ERR_FORMAT,
                    "'%s' line %d: %d columns, the first line has %d; write names with commas in "
                    "quotation marks",
                    t->path, row.line, row.n, columns);
        const int before = to->n;
        PLEAT_TRY(layout_settle(to, before, add_row(t, &row, to)));
    }
}

/* All cases have a fold or none has. */
static pleat_status check_folds(const case_list *to) {
    int with = 0;
    for (int i = 0; i < to->n; i++) with += to->item[i].fold > 0;
    for (int i = 0; with > 0 && i < to->n; i++)
        PLEAT_CHECK(to->item[i].fold > 0, PLEAT_ERR_DATA,
                    "case '%s' of '%s' has no fold, others have; give it one, or empty the column",
                    to->item[i].id, to->top);
    return PLEAT_OK;
}

pleat_status layout_scan_table(const char *path, case_list *to) {
    table t = {.path = path};
    char *text = NULL;
    const char *slash = strrchr(path, '/');
    PLEAT_TRY(pleat_path(t.folder, sizeof t.folder, "%.*s",
                         slash == NULL   ? 1
                         : slash == path ? 1
                                         : (int)(slash - path),
                         slash == NULL ? "." : path));
    size_t n = 0;
    PLEAT_TRY(pleat_file_read_all(path, &text, &n));
    pleat_csv_rows rows = {.path = path, .at = text, .line = 1};
    const pleat_status status =
        strlen(text) == n ? read_rows(&t, &rows, to)
                          : PLEAT_FAIL(PLEAT_ERR_FORMAT,
                                       "'%s' is no text: byte %zu is 0; export the table as CSV",
                                       path, strlen(text));
    free(text);
    PLEAT_TRY(status);
    PLEAT_TRY(layout_settle(to, to->n, check_folds(to)));
    return layout_note_passed(t.folder, t.folder, 0, to->item, to->n, &to->passed);
}
