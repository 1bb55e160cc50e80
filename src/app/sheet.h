/*
 * sheet.h - facts on stdout, for people or as one JSON object, by the same calls.
 *
 *   calls                                SHEET_TEXT         SHEET_LINE      SHEET_JSON
 *
 *   sheet s = sheet_begin(form, "x");                       x
 *   sheet_int(&s, "fold", 3);            fold        3       fold=3         {"fold": 3,
 *   sheet_table(&s, "cases", columns);   cases                              "cases": [
 *   sheet_row(&s);
 *   sheet_text(&s, "id", "a");             id   n           \n  id=a        {"id": "a",
 *   sheet_int(&s, "n", 2);                 a    2            n=2            "n": 2}
 *   sheet_table_end(&s);                                                    ]
 *   sheet_end(&s);                                          \n              }
 *
 * On a terminal the columns of a table are as wide as their cells, and where they do not fit the
 * text of the last column is wrapped, beside or below its row, and other columns at the right end
 * are left out and named.
 *
 * Keys are JSON's; as text their '_' become blanks. A number that is not finite is null, or "-".
 */
#ifndef PLEAT_APP_SHEET_H
#define PLEAT_APP_SHEET_H

#include <stddef.h>

typedef enum sheet_form { SHEET_TEXT, SHEET_LINE, SHEET_JSON } sheet_form;

typedef struct sheet_column { /* the cells of a row come in this order */
    const char *key;
    int width; /* characters of the text; negative: to the left. A NULL key ends the list */
} sheet_column;

typedef struct sheet {
    sheet_form form;
    int filled;  /* the open object or row already has a member */
    int rows;    /* of the open table */
    int wide;    /* columns of the terminal; 0: it is none */
    char **kept; /* [n_kept] cells of the open table on a terminal, owned */
    int n_kept;
    const char *title;           /* of the open table */
    const sheet_column *columns; /* of the open table; NULL when none is open */
    const sheet_column *cell;    /* the next one */
    struct json_t *object;       /* of SHEET_JSON, printed by sheet_end */
    struct json_t *table, *row;  /* of it; row: NULL outside of a table */
} sheet;

/* `title` only begins the line of SHEET_LINE. */
sheet sheet_begin(sheet_form form, const char *title);
void sheet_end(sheet *s);

/* NULL is null, or "-". Lines of a text stay lines for people. */
void sheet_text(sheet *s, const char *key, const char *value);
void sheet_int(sheet *s, const char *key, long long value);
void sheet_real(sheet *s, const char *key, double value);
void sheet_flag(sheet *s, const char *key, int value); /* yes or no; true or false */
void sheet_ints(sheet *s, const char *key, const int *values, int n);
void sheet_reals(sheet *s, const char *key, const double *values, int n);
/* values [rows, columns]: a list of lists. */
void sheet_matrix(sheet *s, const char *key, const double *values, int rows, int columns);

void sheet_table(sheet *s, const char *key, const sheet_column *columns);
void sheet_row(sheet *s);
void sheet_table_end(sheet *s);

#endif /* PLEAT_APP_SHEET_H */
