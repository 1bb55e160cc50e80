/* sheet.c - the three ways to print a fact. */
#include "sheet.h"

#include "pleat/json.h"
#include "pleat/terminal.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_WIDTH    16
#define CELL_BYTES   2048
#define LINE_BYTES   8192 /* of a text; what is longer is cut */
/* On a terminal: columns of a table, room for its last text beside the others, its place below. */
#define MOST_COLUMNS 32
#define LEAST_ROOM   24
#define BELOW        6

/* A member of the open row, else of the object. */
static void put_json(const sheet *s, const char *key, json_t *value) {
    (void)json_object_set_new(s->row != NULL ? s->row : s->object, key, value);
}

static void print_words(const char *key) { /* with blanks for '_' */
    for (; *key != '\0'; key++) (void)putchar(*key == '_' ? ' ' : *key);
}

/* What stands before a value that is not JSON, up to the value. */
static void print_key(sheet *s, const char *key) {
    const int first = !s->filled;
    s->filled = 1;
    if (s->form == SHEET_LINE) {
        if (s->columns == NULL || !first) (void)putchar(' ');
        (void)printf("%s=", key);
    } else if (s->columns != NULL) {
        (void)fputs("  ", stdout);
    } else {
        print_words(key);
        (void)printf("%*s", (int)strlen(key) < KEY_WIDTH ? KEY_WIDTH - (int)strlen(key) : 1, "");
    }
}

/* The last cell of a row needs no blanks behind it. */
static int column_width(const sheet_column *column) {
    return column[1].key == NULL && column->width < 0 ? 0 : column->width;
}

static void print_lines(const sheet *s, const char *text) {
    char line[LINE_BYTES];
    while (*text != '\0') {
        const size_t n = strcspn(text, "\n");
        (void)snprintf(line, sizeof line, "%.*s", (int)n, text);
        pleat_text_put(stdout, line);
        text += n;
        if (*text == '\0') break;
        text++;
        if (s->form == SHEET_LINE)
            (void)putchar(';');
        else if (*text != '\0')
            (void)printf("\n%*s", KEY_WIDTH, "");
    }
    if (s->form == SHEET_TEXT) (void)putchar('\n');
}

/* Without memory a cell is empty. */
static void keep(sheet *s, const char *text) {
    char **more = realloc(s->kept, ((size_t)s->n_kept + 1) * sizeof *more);
    if (more == NULL) return;
    s->kept = more;
    s->kept[s->n_kept++] = strdup(text);
}

/* For people: the next cell of the open table, or a line of its own. */
static void print_plain(sheet *s, const char *key, const char *text) {
    char cell[CELL_BYTES];
    if (s->wide > 0 && s->columns != NULL) {
        pleat_text_show(text, cell, sizeof cell);
        keep(s, cell);
        return;
    }
    print_key(s, key);
    if (s->form == SHEET_TEXT && s->columns != NULL) {
        pleat_text_show(text, cell, sizeof cell);
        (void)printf("%*s", column_width(s->cell++), cell);
    } else {
        print_lines(s, text);
    }
}

sheet sheet_begin(sheet_form form, const char *title) {
    if (form == SHEET_LINE) (void)fputs(title, stdout);
    return (sheet){.form = form,
                   .wide = form == SHEET_TEXT ? pleat_terminal_width(STDOUT_FILENO) : 0,
                   .object = form == SHEET_JSON ? json_object() : NULL};
}

void sheet_end(sheet *s) {
    if (s->form == SHEET_JSON && pleat_warn_count() > 0 &&
        json_object_get(s->object, "warnings") == NULL) /* `check` counts its own */
        put_json(s, "warnings", pleat_json_warnings(NULL));
    if (s->form == SHEET_JSON) (void)json_dumpf(s->object, stdout, JSON_REAL_PRECISION(10));
    if (s->form != SHEET_TEXT) (void)putchar('\n');
    json_decref(s->object);
}

void sheet_text(sheet *s, const char *key, const char *value) {
    if (s->form == SHEET_JSON)
        put_json(s, key, value != NULL ? pleat_json_text(value) : json_null());
    else
        print_plain(s, key, value != NULL ? value : "-");
}

void sheet_int(sheet *s, const char *key, long long value) {
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", value);
    if (s->form == SHEET_JSON)
        put_json(s, key, json_integer(value));
    else
        print_plain(s, key, text);
}

static void real_text(double value, char out[32]) {
    (void)snprintf(out, 32, isfinite(value) ? "%.6g" : "-", value);
}

void sheet_real(sheet *s, const char *key, double value) {
    char text[32];
    real_text(value, text);
    if (s->form == SHEET_JSON)
        put_json(s, key, pleat_json_real(value));
    else
        print_plain(s, key, text);
}

void sheet_flag(sheet *s, const char *key, int value) {
    if (s->form == SHEET_JSON)
        put_json(s, key, json_boolean(value));
    else
        print_plain(s, key, value ? "yes" : "no");
}

/* "1 2", or "1,2" where a blank would end the value. Cut at CELL_BYTES. */
static void list_text(const sheet *s, const double *values, int n, char out[CELL_BYTES]) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n && used < CELL_BYTES - 40; i++) {
        char one[32];
        real_text(values[i], one);
        used += (size_t)snprintf(out + used, CELL_BYTES - used, "%s%s",
                                 i == 0                  ? ""
                                 : s->form == SHEET_LINE ? ","
                                                         : " ",
                                 one);
    }
}

static json_t *json_list(const double *values, int n) {
    json_t *list = json_array();
    for (int i = 0; i < n; i++) (void)json_array_append_new(list, pleat_json_real(values[i]));
    return list;
}

void sheet_reals(sheet *s, const char *key, const double *values, int n) {
    char text[CELL_BYTES];
    list_text(s, values, n, text);
    if (s->form == SHEET_JSON)
        put_json(s, key, json_list(values, n));
    else
        print_plain(s, key, text);
}

void sheet_ints(sheet *s, const char *key, const int *values, int n) {
    char text[CELL_BYTES] = "";
    json_t *list = s->form == SHEET_JSON ? json_array() : NULL;
    size_t used = 0;
    for (int i = 0; i < n && used < CELL_BYTES - 16; i++) {
        const char *gap = i == 0 ? "" : s->form == SHEET_LINE ? "," : " ";
        used += (size_t)snprintf(text + used, CELL_BYTES - used, "%s%d", gap, values[i]);
        if (list != NULL) (void)json_array_append_new(list, json_integer(values[i]));
    }
    if (s->form == SHEET_JSON)
        put_json(s, key, list);
    else
        print_plain(s, key, text);
}

static json_t *json_matrix(const double *values, int rows, int columns) {
    json_t *matrix = json_array();
    for (int r = 0; r < rows; r++)
        (void)json_array_append_new(matrix, json_list(values + (ptrdiff_t)r * columns, columns));
    return matrix;
}

void sheet_matrix(sheet *s, const char *key, const double *values, int rows, int columns) {
    if (s->form == SHEET_JSON) {
        put_json(s, key, json_matrix(values, rows, columns));
        return;
    }
    print_key(s, key);
    for (int r = 0; r < rows; r++) {
        char text[CELL_BYTES];
        list_text(s, values + (ptrdiff_t)r * columns, columns, text);
        if (s->form == SHEET_TEXT)
            (void)printf("%*s%s\n", r > 0 ? KEY_WIDTH : 0, "", text);
        else
            (void)printf("%s%s", r > 0 ? ";" : "", text);
    }
}

void sheet_table(sheet *s, const char *key, const sheet_column *columns) {
    if (s->form == SHEET_JSON) {
        s->table = json_array();
        put_json(s, key, s->table);
    }
    s->title = key;
    s->columns = columns;
    s->rows = 0;
}

/* --- a table on a terminal -------------------------------------------------------------------- */

typedef struct fitted {
    int n, shown; /* columns: all, and those that stand side by side */
    int width[MOST_COLUMNS];
    int wraps; /* the last of all is text that is wrapped, */
    int below; /* below its row and not beside it */
} fitted;

static const char *cell_of(const sheet *s, int row, int n, int column) {
    const long place = (long)row * n + column;
    return place < s->n_kept && s->kept[place] != NULL ? s->kept[place] : "";
}

static int together(const fitted *f, int columns) {
    int sum = 0;
    for (int k = 0; k < columns; k++) sum += 2 + f->width[k];
    return sum;
}

static fitted fit(const sheet *s) {
    fitted f = {0};
    while (f.n < MOST_COLUMNS && s->columns[f.n].key != NULL) f.n++;
    f.shown = f.n;
    for (int k = 0; k < f.n; k++) {
        f.width[k] = (int)strlen(s->columns[k].key);
        for (int row = 0; row < s->rows; row++) {
            const int wide = pleat_text_width(cell_of(s, row, f.n, k));
            if (wide > f.width[k]) f.width[k] = wide;
        }
    }
    if (together(&f, f.n) <= s->wide) return f;
    f.wraps = s->columns[f.n - 1].width < 0;
    f.below = f.wraps && s->wide - together(&f, f.n - 1) - 2 < LEAST_ROOM;
    if (f.wraps && !f.below) return f;
    if (f.below) f.shown--;
    while (f.shown > 1 && together(&f, f.shown) > s->wide) f.shown--;
    return f;
}

/* A cell in its width: to the left where the column says so; nothing behind the last of a line. */
static void put_cell(const sheet *s, const fitted *f, int column, const char *text) {
    const int gap = f->width[column] - pleat_text_width(text);
    const int left = s->columns[column].width < 0, last = column == f->shown - 1;
    (void)printf("  %*s%s%*s", left ? 0 : gap, "", text, left && !last ? gap : 0, "");
}

static void put_row(const sheet *s, const fitted *f, int row) {
    const int beside = f->wraps && !f->below;
    for (int k = 0; k < f->shown - beside; k++) put_cell(s, f, k, cell_of(s, row, f->n, k));
    const char *last = cell_of(s, row, f->n, f->n - 1);
    if (beside) {
        (void)printf("  ");
        pleat_text_wrap(stdout, last, together(f, f->n - 1) + 2, s->wide);
        return;
    }
    (void)putchar('\n');
    if (!f->below || strcmp(last, "-") == 0) return;
    pleat_terminal_print(stdout, BELOW, 0, "%s: %s", s->columns[f->n - 1].key, last);
}

static void put_fitted(sheet *s) {
    const fitted f = fit(s);
    const int end =
        f.below ? f.n - 1 : f.n; /* of the columns that are side by side, were there room */
    print_words(s->title);
    (void)putchar('\n');
    for (int k = 0; k < f.shown; k++) put_cell(s, &f, k, s->columns[k].key);
    (void)putchar('\n');
    for (int row = 0; row < s->rows; row++) put_row(s, &f, row);
    if (f.shown < end) {
        char names[256] = "";
        for (int k = f.shown; k < end; k++) {
            const size_t used = strlen(names);
            (void)snprintf(names + used, sizeof names - used, "%s%s", k > f.shown ? ", " : "",
                           s->columns[k].key);
        }
        pleat_terminal_print(
            stdout, 2, 0, "(the terminal is too narrow for %s; a pipe and --json have all)", names);
    }
}

/* --- tables ----------------------------------------------------------------------------------- */

/* For people, before the first row: a table without any is left out. */
static void begin_rows(const sheet *s) {
    print_words(s->title);
    (void)putchar('\n');
    for (const sheet_column *c = s->columns; c->key != NULL; c++)
        (void)printf("  %*s", column_width(c), c->key);
    (void)putchar('\n');
}

static void end_row(const sheet *s) {
    if (s->rows > 0 && s->wide == 0 && s->form == SHEET_TEXT) (void)putchar('\n');
}

void sheet_row(sheet *s) {
    end_row(s);
    if (s->rows == 0 && s->wide == 0 && s->form == SHEET_TEXT) begin_rows(s);
    if (s->form == SHEET_JSON) {
        s->row = json_object();
        (void)json_array_append_new(s->table, s->row);
    }
    if (s->form == SHEET_LINE) (void)fputs("\n  ", stdout);
    s->rows++;
    s->cell = s->columns;
    s->filled = 0;
}

void sheet_table_end(sheet *s) {
    end_row(s);
    if (s->wide > 0 && s->rows > 0) put_fitted(s);
    for (int i = 0; i < s->n_kept; i++) free(s->kept[i]);
    free(s->kept);
    s->kept = NULL;
    s->n_kept = 0;
    s->columns = NULL;
    s->row = NULL;
    s->filled = 1;
}
