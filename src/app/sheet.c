/* sheet.c - the three ways to print a fact. */
#include "sheet.h"

#include "pleat/json.h"

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define KEY_WIDTH  16
#define CELL_BYTES 512

static void print_json_text(const char *text) {
    json_t *value = pleat_json_text(text);
    (void)json_dumpf(value, stdout, JSON_ENCODE_ANY);
    json_decref(value);
}

static void print_words(const char *key) { /* with blanks for '_' */
    for (; *key != '\0'; key++) (void)putchar(*key == '_' ? ' ' : *key);
}

/* What stands before a value, up to the value. */
static void print_key(sheet *s, const char *key) {
    const int first = !s->filled;
    s->filled = 1;
    switch (s->form) {
    case SHEET_JSON:
        if (!first) (void)fputs(", ", stdout);
        print_json_text(key);
        (void)fputs(": ", stdout);
        return;
    case SHEET_LINE:
        if (s->columns == NULL || !first) (void)putchar(' ');
        (void)printf("%s=", key);
        return;
    case SHEET_TEXT:
        if (s->columns != NULL) {
            (void)fputs("  ", stdout);
            return;
        }
        print_words(key);
        (void)printf("%*s", (int)strlen(key) < KEY_WIDTH ? KEY_WIDTH - (int)strlen(key) : 1, "");
    }
}

/* The last cell of a row needs no blanks behind it. */
static int column_width(const sheet_column *column) {
    return column[1].key == NULL && column->width < 0 ? 0 : column->width;
}

static void print_lines(const sheet *s, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text != '\n')
            (void)putchar(*text);
        else if (s->form == SHEET_LINE)
            (void)putchar(';');
        else if (text[1] != '\0')
            (void)printf("\n%*s", KEY_WIDTH, "");
    }
    if (s->form == SHEET_TEXT) (void)putchar('\n');
}

/* Text for people: the next cell of the open table, or a line of its own. */
static void print_plain(sheet *s, const char *text) {
    if (s->form == SHEET_TEXT && s->columns != NULL)
        (void)printf("%*s", column_width(s->cell++), text);
    else
        print_lines(s, text);
}

sheet sheet_begin(sheet_form form, const char *title) {
    if (form == SHEET_JSON) (void)putchar('{');
    if (form == SHEET_LINE) (void)fputs(title, stdout);
    return (sheet){.form = form};
}

void sheet_end(sheet *s) {
    if (s->form == SHEET_JSON) (void)putchar('}');
    if (s->form != SHEET_TEXT) (void)putchar('\n');
}

void sheet_text(sheet *s, const char *key, const char *value) {
    print_key(s, key);
    if (s->form != SHEET_JSON)
        print_plain(s, value != NULL ? value : "-");
    else if (value != NULL)
        print_json_text(value);
    else
        (void)fputs("null", stdout);
}

/* `text` as it stands: a number or a list of them. */
static void print_bare(sheet *s, const char *key, const char *text) {
    print_key(s, key);
    if (s->form == SHEET_JSON)
        (void)fputs(text, stdout);
    else
        print_plain(s, text);
}

void sheet_int(sheet *s, const char *key, long long value) {
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", value);
    print_bare(s, key, text);
}

static void real_text(const sheet *s, double value, char out[32]) {
    if (!isfinite(value))
        (void)snprintf(out, 32, "%s", s->form == SHEET_JSON ? "null" : "-");
    else
        (void)snprintf(out, 32, "%.*g", s->form == SHEET_JSON ? 10 : 6, value);
}

void sheet_real(sheet *s, const char *key, double value) {
    char text[32];
    real_text(s, value, text);
    print_bare(s, key, text);
}

void sheet_flag(sheet *s, const char *key, int value) {
    if (s->form == SHEET_JSON)
        print_bare(s, key, value ? "true" : "false");
    else
        print_bare(s, key, value ? "yes" : "no");
}

/* "[1, 2]", or "1 2", or "1,2" where a blank would end the value. Cut at CELL_BYTES. */
static void list_text(const sheet *s, const double *values, int n, char out[CELL_BYTES]) {
    static const char *const gaps[] = {" ", ",", ", "};
    const int json = s->form == SHEET_JSON;
    size_t used = (size_t)snprintf(out, CELL_BYTES, "%s", json ? "[" : "");
    for (int i = 0; i < n && used < CELL_BYTES - 40; i++) {
        char one[32];
        real_text(s, values[i], one);
        used += (size_t)snprintf(out + used, CELL_BYTES - used, "%s%s", i > 0 ? gaps[s->form] : "",
                                 one);
    }
    (void)snprintf(out + used, CELL_BYTES - used, "%s", json ? "]" : "");
}

void sheet_reals(sheet *s, const char *key, const double *values, int n) {
    char text[CELL_BYTES];
    list_text(s, values, n, text);
    print_bare(s, key, text);
}

void sheet_ints(sheet *s, const char *key, const int *values, int n) {
    double reals[16];
    const int most = (int)(sizeof reals / sizeof *reals);
    for (int i = 0; i < n && i < most; i++) reals[i] = values[i];
    sheet_reals(s, key, reals, n < most ? n : most);
}

void sheet_matrix(sheet *s, const char *key, const double *values, int rows, int columns) {
    print_key(s, key);
    if (s->form == SHEET_JSON) (void)putchar('[');
    for (int r = 0; r < rows; r++) {
        char text[CELL_BYTES];
        list_text(s, values + (size_t)r * (size_t)columns, columns, text);
        if (s->form == SHEET_TEXT)
            (void)printf("%*s%s\n", r > 0 ? KEY_WIDTH : 0, "", text);
        else
            (void)printf("%s%s", r > 0 ? s->form == SHEET_JSON ? ", " : ";" : "", text);
    }
    if (s->form == SHEET_JSON) (void)putchar(']');
}

void sheet_table(sheet *s, const char *key, const sheet_column *columns) {
    if (s->form == SHEET_JSON) {
        print_key(s, key);
        (void)putchar('[');
    }
    if (s->form == SHEET_TEXT) {
        print_words(key);
        (void)putchar('\n');
        for (const sheet_column *c = columns; c->key != NULL; c++)
            (void)printf("  %*s", column_width(c), c->key);
        (void)putchar('\n');
    }
    s->columns = columns;
    s->rows = 0;
}

static void end_row(const sheet *s) {
    if (s->rows == 0) return;
    if (s->form == SHEET_JSON) (void)putchar('}');
    if (s->form == SHEET_TEXT) (void)putchar('\n');
}

void sheet_row(sheet *s) {
    end_row(s);
    if (s->form == SHEET_JSON) (void)fputs(s->rows > 0 ? ", {" : "{", stdout);
    if (s->form == SHEET_LINE) (void)fputs("\n  ", stdout);
    s->rows++;
    s->cell = s->columns;
    s->filled = 0;
}

void sheet_table_end(sheet *s) {
    end_row(s);
    if (s->form == SHEET_JSON) (void)putchar(']');
    s->columns = NULL;
    s->filled = 1;
}
