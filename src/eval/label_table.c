/* label_table.c - names and colours of the classes for ITK-SNAP, Slicer and NIfTI's header. */
#include "pleat/label_table.h"

#include "pleat/case_pictures.h"
#include "pleat/nifti.h"
#include "pleat/rundir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill_itksnap(FILE *out, const pleat_classes *classes) {
    (void)fputs("################################################\n"
                "# ITK-SnAP Label Description File\n"
                "# File format: \n"
                "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL\n"
                "# Fields: \n"
                "#    IDX:   Zero-based index \n"
                "#    -R-:   Red color component (0..255)\n"
                "#    -G-:   Green color component (0..255)\n"
                "#    -B-:   Blue color component (0..255)\n"
                "#    -A-:   Label transparency (0.00 .. 1.00)\n"
                "#    VIS:   Label visibility (0 or 1)\n"
                "#    MSH:   Label mesh visibility (0 or 1)\n"
                "#  LABEL:   Label description \n"
                "################################################\n"
                "    0     0    0    0        0  0  0    \"Clear Label\"\n",
                out);
    for (int c = 1; c < classes->n; c++) {
        const pleat_colour of = pleat_class_colour(classes, c);
        (void)fprintf(out, "%5d   %3d  %3d  %3d        1  1  1    \"", classes->value[c], of.red,
                      of.green, of.blue);
        for (const char *at = classes->name[c]; *at != '\0'; at++)
            (void)fputc(*at == '"' ? '\'' : *at, out);
        (void)fputs("\"\n", out);
    }
}

/* Names have no blanks there. */
static void fill_slicer(FILE *out, const pleat_classes *classes) {
    (void)fprintf(out, "# Color table file\n# %d values\n", classes->n);
    for (int c = 0; c < classes->n; c++) {
        const pleat_colour of = c == 0 ? (pleat_colour){0, 0, 0} : pleat_class_colour(classes, c);
        (void)fprintf(out, "%d ", classes->value[c]);
        for (const char *at = classes->name[c]; *at != '\0'; at++)
            (void)fputc(*at == ' ' ? '_' : *at, out);
        (void)fprintf(out, " %d %d %d %d\n", of.red, of.green, of.blue, c == 0 ? 0 : 255);
    }
}

/* Text in a CDATA section, which nothing but its own end can end. */
static void put_cdata(FILE *out, const char *text) {
    (void)fputs("<![CDATA[", out);
    for (; *text != '\0'; text++) {
        if (strncmp(text, "]]>", 3) == 0) {
            (void)fputs("]]]]><![CDATA[", out);
            text += 2;
        }
        (void)fputc(*text, out);
    }
    (void)fputs("]]>", out);
}

static void fill_xml(FILE *out, const pleat_classes *classes) {
    (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CaretExtension>\n"
                "<VolumeInformation Index=\"0\">\n<LabelTable>\n",
                out);
    for (int c = 1; c < classes->n; c++) {
        const pleat_colour of = pleat_class_colour(classes, c);
        (void)fprintf(out,
                      "<Label Key=\"%d\" Red=\"%.4f\" Green=\"%.4f\" Blue=\"%.4f\" Alpha=\"1\">",
                      classes->value[c], of.red / 255.0, of.green / 255.0, of.blue / 255.0);
        put_cdata(out, classes->name[c]);
        (void)fputs("</Label>\n", out);
    }
    (void)fputs("</LabelTable>\n<StudyMetaDataLinkSet></StudyMetaDataLinkSet>\n"
                "<VolumeType><![CDATA[Label]]></VolumeType>\n</VolumeInformation>\n"
                "</CaretExtension>\n",
                out);
}

static pleat_status compose(void (*fill)(FILE *out, const pleat_classes *classes),
                            const pleat_classes *classes, char **text, size_t *n) {
    FILE *out = open_memstream(text, n);
    PLEAT_CHECK(out != NULL, PLEAT_ERR_MEMORY, "no memory for the names of %d classes", classes->n);
    fill(out, classes);
    const int failed = ferror(out);
    if (fclose(out) == 0 && !failed) return PLEAT_OK;
    free(*text);
    return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the names of %d classes", classes->n);
}

pleat_status pleat_label_table_xml(const pleat_classes *classes, char **out) {
    size_t n = 0;
    return compose(fill_xml, classes, out, &n);
}

static pleat_status write(const char *folder, pleat_run_file file,
                          void (*fill)(FILE *out, const pleat_classes *classes),
                          const pleat_classes *classes) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    size_t n = 0;
    PLEAT_TRY(pleat_run_path(folder, file, path));
    PLEAT_TRY(compose(fill, classes, &text, &n));
    const pleat_status status = pleat_file_write_atomic(path, text, n);
    free(text);
    return status;
}

pleat_status pleat_label_tables_write(const char *folder, const pleat_classes *classes) {
    PLEAT_TRY(write(folder, PLEAT_RUN_LABELS_ITKSNAP, fill_itksnap, classes));
    return write(folder, PLEAT_RUN_LABELS_SLICER, fill_slicer, classes);
}

pleat_status pleat_label_map_write(const char *path, const pleat_label *label,
                                   const pleat_geometry *geometry, const pleat_classes *classes) {
    char *table = NULL;
    PLEAT_TRY(pleat_label_table_xml(classes, &table));
    const pleat_status status = pleat_nifti_write_named(path, label, geometry, table);
    free(table);
    return status;
}
