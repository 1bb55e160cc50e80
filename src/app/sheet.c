/* sheet.c - the three ways to print a fact. */
#include "sheet.h"

#include "pleat/json.h"
#include "pleat/text.h"

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define KEY_WIDTH  16
#define CELL_BYTES 2048
#define LINE_BYTES 8192 /* of a text; what is longer is cut */

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

/* For people: the next cell of the open table, or a line of its own. */
static void print_plain(sheet *s, const char *key, const char *text) {
    char cell[CELL_BYTES];
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
    return (sheet){.form = form, .object = form == SHEET_JSON ? json_object() : NULL};
}

void sheet_end(sheet *s) {
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

/* For people, before the first row: a table without any is left out. */
static void begin_rows(const sheet *s) {
    print_words(s->title);
    (void)putchar('\n');
    for (const sheet_column *c = s->columns; c->key != NULL; c++)
        (void)printf("  %*s", column_width(c), c->key);
    (void)putchar('\n');
}

static void end_row(const sheet *s) {
    if (s->rows > 0 && s->form == SHEET_TEXT) (void)putchar('\n');
}

void sheet_row(sheet *s) {
    end_row(s);
    if (s->rows == 0 && s->form == SHEET_TEXT) begin_rows(s);
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
    s->columns = NULL;
    s->row = NULL;
    s->filled = 1;
}
