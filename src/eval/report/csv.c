/* csv.c - fields and rows of comma-separated values. */
#include "pleat/csv.h"

#include "pleat/file.h"
#include "pleat/statistics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

pleat_status pleat_csv_open(pleat_csv *csv) {
    *csv = (pleat_csv){0};
    csv->out = open_memstream(&csv->text, &csv->bytes);
    PLEAT_CHECK(csv->out != NULL, PLEAT_ERR_MEMORY, "no memory for a table: %s", strerror(errno));
    return PLEAT_OK;
}

static void separate(pleat_csv *csv) {
    if (csv->fields++ > 0) (void)fputc(',', csv->out);
}

/* A spreadsheet computes what begins so, unless an apostrophe says that it is text. */
static int is_formula(const char *text) { return text[0] != '\0' && strchr("=+-@\t", text[0]); }

void pleat_csv_text(pleat_csv *csv, const char *text) {
    separate(csv);
    if (text[strcspn(text, ",\"\r\n")] == '\0' && !is_formula(text)) {
        (void)fputs(text, csv->out);
        return;
    }
    (void)fputs(is_formula(text) ? "\"'" : "\"", csv->out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') (void)fputc('"', csv->out);
        (void)fputc(*c, csv->out);
    }
    (void)fputc('"', csv->out);
}

void pleat_csv_real(pleat_csv *csv, double x) {
    char text[PLEAT_NUMBER_BYTES] = "";
    separate(csv);
    if (!isnan(x)) (void)fputs(pleat_number(x, 15, text), csv->out);
}

void pleat_csv_rounded(pleat_csv *csv, double x, int digits) {
    separate(csv);
    if (!isnan(x)) (void)fprintf(csv->out, "%.*g", digits, x);
}

void pleat_csv_end_row(pleat_csv *csv) {
    (void)fputc('\n', csv->out);
    csv->fields = 0;
}

pleat_status pleat_csv_send(pleat_csv *csv, FILE *out) {
    const int failed = ferror(csv->out);
    pleat_status status = PLEAT_OK;
    if (fclose(csv->out) != 0 || failed)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory to print a table");
    else if (fwrite(csv->text, 1, csv->bytes, out) != csv->bytes)
        status = PLEAT_FAIL(PLEAT_ERR_IO, "a table cannot be printed: %s", strerror(errno));
    free(csv->text);
    return status;
}

pleat_status pleat_csv_close(pleat_csv *csv, const char *path) {
    const int failed = ferror(csv->out);
    pleat_status status = PLEAT_OK;
    if (fclose(csv->out) != 0 || failed)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    else
        status = pleat_file_write_atomic(path, csv->text, csv->bytes);
    free(csv->text);
    return status;
}
