/* judging.c - choices of scores, read from text and written as text. */
#include "pleat/judging.h"

#include "pleat/statistics.h"
#include "pleat/surface.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_MM     1.0
#define INFECTION    "infection" /* its rim is seen less sharply than a lung's */
#define INFECTION_MM 3.0

typedef struct piece { /* of a text between commas, without the blanks around it */
    char text[256];
    const char *rest; /* behind it */
} piece;

static int next_piece(const char *from, piece *p) {
    if (from == NULL || from[strspn(from, " \t,")] == '\0') return 0;
    from += strspn(from, " \t,");
    size_t n = strcspn(from, ",");
    p->rest = from + n;
    while (n > 0 && isspace((unsigned char)from[n - 1])) n--;
    (void)snprintf(p->text, sizeof p->text, "%.*s", (int)n, from);
    return 1;
}

static pleat_status find_class(const pleat_classes *classes, const char *key, const char *name,
                               int *out) {
    char known[512] = "";
    for (int c = 0; c < classes->n; c++) {
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%s", c > 0 ? ", " : "",
                       classes->name[c]);
        if (strcmp(classes->name[c], name) != 0) continue;
        *out = c;
        return PLEAT_OK;
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG, "%s: '%s' is no class; there are %s", key, name, known);
}

static int millimetres(const char *text, double *out) {
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out) && *out >= 0.0;
}

static pleat_status read_tolerances(const pleat_classes *classes, const char *text,
                                    double *tolerance) {
    piece p;
    int given[PLEAT_MAX_CLASSES] = {0};
    for (int c = 0; c < classes->n; c++)
        tolerance[c] = strcmp(classes->name[c], INFECTION) == 0 ? INFECTION_MM : USUAL_MM;
    for (int named = 0; named < 2; named++) /* what is said of one class holds before the rest */
        for (const char *at = text; next_piece(at, &p); at = p.rest) {
            char *equals = strrchr(p.text, '=');
            double mm = 0.0;
            int c = 0;
            PLEAT_CHECK(millimetres(equals != NULL ? equals + 1 : p.text, &mm), PLEAT_ERR_ARG,
                        "report.tolerance: '%s' is neither a number of mm nor CLASS=MM", p.text);
            if ((equals != NULL) != named) continue;
            for (int k = 0; !named && k < classes->n; k++) tolerance[k] = mm;
            if (!named) continue;
            *equals = '\0';
            PLEAT_TRY(find_class(classes, "report.tolerance", p.text, &c));
            PLEAT_CHECK(!given[c]++, PLEAT_ERR_ARG, "report.tolerance: '%s' comes twice", p.text);
            tolerance[c] = mm;
        }
    return PLEAT_OK;
}

pleat_status pleat_judging_make(const pleat_classes *classes, int surface, const char *tolerance,
                                const char *lesions, double overlap, pleat_judging *out) {
    pleat_judging how = {.surface = surface, .overlap = overlap};
    piece p;
    PLEAT_TRY(read_tolerances(classes, tolerance, how.tolerance));
    for (const char *at = lesions; next_piece(at, &p); at = p.rest) {
        int c = 0;
        PLEAT_TRY(find_class(classes, "report.lesions", p.text, &c));
        PLEAT_CHECK(c > 0, PLEAT_ERR_ARG, "report.lesions: '%s' is the background", p.text);
        how.lesions[c] = 1;
        how.any_lesions = 1;
    }
    *out = how;
    return PLEAT_OK;
}

const char *pleat_judging_text(const pleat_judging *how, const pleat_classes *classes,
                               char out[PLEAT_JUDGING_BYTES]) {
    char number[PLEAT_NUMBER_BYTES];
    size_t used = 0;
    (void)snprintf(out, PLEAT_JUDGING_BYTES, "surface %s; tolerance in mm",
                   pleat_surface_name(how->surface));
    for (int c = 1; c < classes->n && (used = strlen(out)) < PLEAT_JUDGING_BYTES - 1; c++)
        (void)snprintf(out + used, PLEAT_JUDGING_BYTES - used, " %s",
                       pleat_number(how->tolerance[c], 1, number));
    used = strlen(out);
    if (how->any_lesions)
        (void)snprintf(out + used, PLEAT_JUDGING_BYTES - used, "; overlap %s; lesions of",
                       pleat_number(how->overlap, 1, number));
    for (int c = 1; c < classes->n && (used = strlen(out)) < PLEAT_JUDGING_BYTES - 1; c++)
        if (how->lesions[c]) (void)snprintf(out + used, PLEAT_JUDGING_BYTES - used, " %d", c);
    return out;
}
