/*
 * explore_page.c - a data set as one HTML file: facts, findings, pictures, plots, tables.
 *
 * It has no scripts and asks for nothing; text of others is text in it, whatever it holds.
 */
#include "explore_print.h"

#include "pleat/case_pictures.h"
#include "pleat/file.h"
#include "pleat/page.h"
#include "pleat/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COVER = 102, WIDE = 480, HIGH = 150, ROW = 24, NAME = 150, LABEL = 64, MOST_FINDINGS = 40 };

static const char STYLE[] =
    ".cases { display: flex; flex-wrap: wrap; gap: 1rem 1.25rem; }\n"
    ".cases figure { max-width: 100%; }\n"
    ".cases img { display: block; max-width: 100%; height: auto; border-radius: 4px; "
    "background: #18181c; }\n"
    ".legend span { white-space: nowrap; }\n"
    ".plots.volumes { grid-template-columns: minmax(0, 36rem); }\n"
    "svg .area { fill: var(--quiet); fill-opacity: 0.35; }\n"
    "svg .centre { fill: var(--ink); }\n"
    "svg .curve { fill: none; stroke-width: 2; }\n"
    "svg .mark { stroke-width: 1.5; stroke-opacity: 0.55; }\n"
    "svg .middle { stroke-width: 4; }\n"
    "svg .ground { fill: var(--panel); }\n"
    "td.case { text-align: left; font-weight: 500; }\n";

/* ---- pieces ---------------------------------------------------------------------------------- */

static void put_cell(FILE *out, const char *class, const char *text) {
    (void)fprintf(out, "<td%s>", class);
    pleat_page_put_text(out, text);
    (void)fputs("</td>", out);
}

static void put_number(FILE *out, double x) {
    char text[32] = "-";
    if (isfinite(x)) (void)snprintf(text, sizeof text, "%.5g", x);
    put_cell(out, "", text);
}

static void put_count(FILE *out, int64_t n) { (void)fprintf(out, "<td>%lld</td>", (long long)n); }

/* "x,y,z" of D, H, W. */
static void put_size(FILE *out, const int dim[3]) {
    (void)fprintf(out, "<td>%d x %d x %d</td>", dim[2], dim[1], dim[0]);
}

/* heads: between '|'; the first columns are text. */
static void begin_table(FILE *out, const char *heads, int texts) {
    (void)fputs("<div class=\"wide\"><table><thead><tr>", out);
    for (int k = 0; *heads != '\0'; k++) {
        const size_t n = strcspn(heads, "|");
        (void)fprintf(out, "<th%s>%.*s</th>", k < texts ? " class=\"text\"" : "", (int)n, heads);
        heads += n + (heads[n] == '|');
    }
    (void)fputs("</tr></thead><tbody>\n", out);
}

static void end_table(FILE *out) { (void)fputs("</tbody></table></div>\n", out); }

static void put_fact(FILE *out, const char *name, const char *text) {
    (void)fprintf(out, "<dt>%s</dt><dd>", name);
    pleat_page_put_text(out, text);
    (void)fputs("</dd>\n", out);
}

static void put_colour(FILE *out, pleat_colour c) {
    (void)fprintf(out, "#%02x%02x%02x", c.red, c.green, c.blue);
}

static void put_class(FILE *out, const pleat_exploration *e, int c) {
    (void)fputs("<span class=\"chip\" style=\"background:", out);
    if (c > 0)
        put_colour(out, pleat_class_colour(&e->classes, c));
    else
        (void)fputs("none", out);
    (void)fputs("\"></span>", out);
    pleat_page_put_text(out, e->classes.name[c]);
}

/* ---- facts and findings ---------------------------------------------------------------------- */

static pleat_status put_facts(FILE *out, const pleat_exploration *e, int fold) {
    explore_extent extent[EXPLORE_EXTENTS];
    char text[1024];
    int labelled = 0;
    PLEAT_TRY(explore_extents(e, extent));
    for (int i = 0; i < e->n; i++) labelled += e->of[i].labelled;
    (void)fputs("<dl class=\"facts\">\n", out);
    (void)snprintf(text, sizeof text, "%d; %d with a mask; %d could not be read", e->n, labelled,
                   e->n - e->measured);
    put_fact(out, "cases", text);
    (void)snprintf(text, sizeof text, "%d", e->channels);
    put_fact(out, "channels", text);
    explore_tally(e, explore_axes, text, sizeof text);
    put_fact(out, "orientation", text);
    explore_tally(e, explore_type, text, sizeof text);
    put_fact(out, "voxel types", text);
    for (int k = 0; k < EXPLORE_EXTENTS; k++) {
        const double *x = extent[k].xyz;
        (void)snprintf(text, sizeof text, "%.5g x %.5g x %.5g", x[0], x[1], x[2]);
        put_fact(out, extent[k].what, text);
    }
    if (fold >= 0) {
        (void)snprintf(text, sizeof text,
                       "%d: classes, histograms and fingerprint are of the cases "
                       "it trains on",
                       fold);
        put_fact(out, "fold", text);
    }
    (void)fputs("</dl>\n", out);
    return PLEAT_OK;
}

static void put_findings(FILE *out, const pleat_check_report *check) {
    int shown = 0, met[PLEAT_CHECK_KINDS] = {0};
    if (check->n == 0) {
        (void)fputs("<p class=\"fine\">Nothing was found that a run would refuse or that would "
                    "spoil it.</p>\n",
                    out);
        return;
    }
    (void)fprintf(out,
                  "<p>%d error%s, %d warning%s. <code>pleat check</code> lists all, and looks "
                  "at a configuration too.</p>\n",
                  check->of[PLEAT_ERROR], pleat_plural(check->of[PLEAT_ERROR]),
                  check->of[PLEAT_WARNING], pleat_plural(check->of[PLEAT_WARNING]));
    begin_table(out, "severity|case|file|what", 4);
    for (int severity = PLEAT_ERROR; severity >= PLEAT_NOTE; severity--)
        for (int i = 0; i < check->n && shown < MOST_FINDINGS; i++) {
            const pleat_finding *f = &check->finding[i];
            const pleat_check_kind *kind = &pleat_check_kinds[f->kind];
            if ((int)kind->severity != severity || ++met[f->kind] > PLEAT_CHECK_MOST) continue;
            shown++;
            (void)fputs("<tr>", out);
            put_cell(out, severity == PLEAT_ERROR ? " class=\"text bad\"" : " class=\"text\"",
                     pleat_severity_name(kind->severity));
            put_cell(out, " class=\"text\"", f->id);
            put_cell(out, " class=\"text\"", f->field);
            put_cell(out, " class=\"text long\"", f->text);
            (void)fputs("</tr>\n", out);
        }
    end_table(out);
    if (shown < check->n)
        (void)fprintf(out,
                      "<p class=\"quiet\">%d more are not shown; %d of a kind are at most.</p>\n",
                      check->n - shown, PLEAT_CHECK_MOST);
}

/* ---- pictures -------------------------------------------------------------------------------- */

static pleat_status put_strip(FILE *out, const pleat_exploration *e, const explore_strip *strip,
                              const pleat_paint *paints) {
    static const pleat_colour ground = {24, 24, 28};
    const pleat_explored_case *c = &e->of[e->picture[strip->first].at];
    pleat_picture p;
    void *png = NULL;
    size_t n = 0;
    PLEAT_TRY(pleat_picture_make(strip->width, strip->height, ground, &p));
    explore_strip_draw(e, strip, paints, &p, 0, 0);
    const pleat_status status = pleat_picture_png(&p, &png, &n);
    pleat_picture_free(&p);
    PLEAT_TRY(status);
    (void)fprintf(out, "<figure><img width=\"%d\" height=\"%d\" alt=\"", strip->width,
                  strip->height);
    pleat_page_put_text(out, c->id);
    (void)fputs("\" src=\"data:image/png;base64,", out);
    pleat_page_put_base64(out, png, n);
    (void)fputs("\"><figcaption>", out);
    pleat_page_put_text(out, c->id);
    (void)fprintf(out, "<br>%d x %d x %d, %.3g x %.3g x %.3g mm, %s</figcaption></figure>\n",
                  c->dim[2], c->dim[1], c->dim[0], c->spacing[2], c->spacing[1], c->spacing[0],
                  c->axes);
    free(png);
    return PLEAT_OK;
}

static pleat_status put_pictures(FILE *out, const pleat_exploration *e) {
    pleat_paint paints[256];
    int shown = 0;
    pleat_plane_paints(&e->classes, COVER, paints);
    (void)fputs("<p class=\"legend\">", out);
    for (int c = 1; c < e->classes.n; c++) {
        (void)fputs("<span>", out);
        put_class(out, e, c);
        (void)fputs("</span> ", out);
    }
    (void)fputs("</p>\n<p class=\"quiet\">Axial, coronal and sagittal slices", out);
    (void)fputs(e->channels > 1 ? " of each channel" : "", out);
    (void)fputs(", each where most of the classes is seen, as radiologists hang them: the "
                "patient's right is on the left.</p>\n<div class=\"cases\">\n",
                out);
    for (int i = 0; i < e->pictures; shown++) {
        const explore_strip strip = explore_strip_at(e, i);
        PLEAT_TRY(put_strip(out, e, &strip, paints));
        i += strip.channels;
    }
    (void)fputs("</div>\n", out);
    if (shown < e->n)
        (void)fprintf(out,
                      "<p class=\"quiet\">%d of %d cases, evenly spread; <code>--show %d</code> "
                      "shows all.</p>\n",
                      shown, e->n, e->n);
    return PLEAT_OK;
}

/* ---- plots ----------------------------------------------------------------------------------- */

static void put_path(FILE *out, const pleat_explored_histogram *h, const double *bin) {
    for (int i = 0; i < h->bins; i++) {
        const double y = HIGH * (1.0 - explore_height(bin, h->bins, i));
        if (i == 0) (void)fprintf(out, "M0 %d", HIGH);
        (void)fprintf(out, "V%.1f H%.1f", y, (double)WIDE * (i + 1) / h->bins);
    }
    (void)fprintf(out, "V%d", HIGH);
}

static void put_histogram(FILE *out, const pleat_exploration *e, int channel) {
    const pleat_explored_histogram *h = &e->histogram[channel];
    char text[32];
    (void)fprintf(out,
                  "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"histogram of "
                  "channel %d\"><rect class=\"ground\" width=\"%d\" height=\"%d\"/>"
                  "<path class=\"area\" d=\"",
                  WIDE, HIGH + 20, channel, WIDE, HIGH);
    put_path(out, h, h->all);
    (void)fputs("\"/>", out);
    for (int c = 1; c < e->classes.n && c <= EXPLORE_CURVES; c++) {
        if (e->of_class[c].cases == 0) continue;
        (void)fputs("<path class=\"curve\" stroke=\"", out);
        put_colour(out, pleat_class_colour(&e->classes, c));
        (void)fputs("\" d=\"", out);
        put_path(out, h, h->of_class[c]);
        (void)fputs("\"/>", out);
    }
    for (int k = 0; k <= 2; k++) {
        static const char *const anchors[] = {"start", "middle", "end"};
        (void)fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>", WIDE * k / 2,
                      HIGH + 15, anchors[k],
                      explore_number(h->low + h->width * h->bins * k / 2.0, text));
    }
    (void)fprintf(out, "</svg><figcaption>channel %d ", channel);
    pleat_page_put_text(out, e->channel_name[channel]);
    (void)fprintf(out, "%s</figcaption></figure>\n", explore_unit(h));
}

static void put_bar(FILE *out, const char *class, double x, double width, double top, double end) {
    (void)fprintf(out, "<rect class=\"%s\" x=\"%.1f\" width=\"%.1f\" y=\"%.1f\" height=\"%.1f\"/>",
                  class, x, width, top, fmax(end - top, 1.0));
}

/* A column for each case, in their order. */
static void put_ranges(FILE *out, const pleat_exploration *e, int channel) {
    const explore_scale s = explore_scale_of(e, channel);
    const double tick[] = {s.high, s.bend, s.low}, step = (double)(WIDE - LABEL) / e->n;
    const double wide = step > 24.0 ? 24.0 : step > 3.0 ? step - 1.0 : step;
    const int last = PLEAT_EXPLORE_QUANTILES - 1, middle = last / 2;
    char text[32];
    (void)fprintf(out,
                  "<figure><svg viewBox=\"0 -6 %d %d\" role=\"img\" aria-label=\"ranges of "
                  "channel %d\"><rect class=\"ground\" x=\"%d\" width=\"%d\" height=\"%d\"/>",
                  WIDE, HIGH + 26, channel, LABEL, WIDE - LABEL, HIGH);
    for (int i = 0; i < e->n; i++) {
        double y[PLEAT_EXPLORE_QUANTILES];
        if (!explore_has(e, channel, i)) continue;
        for (int k = 0; k <= last; k++)
            y[k] = HIGH * (1.0 - explore_level(&s, e->of[i].channel[channel].quantile[k]));
        const double x = LABEL + (i + 0.5) * step - wide / 2.0;
        (void)fputs("<g><title>", out);
        pleat_page_put_text(out, e->of[i].id);
        (void)fputs("</title>", out);
        put_bar(out, "area", x, wide, y[last], y[0]);
        put_bar(out, "area", x, wide, y[middle + 1], y[middle - 1]);
        put_bar(out, "centre", x, wide, y[middle], y[middle] + 1.5);
        (void)fputs("</g>", out);
    }
    for (int k = 0; k < 3; k++)
        if (k != 1 || s.bend > 0.0)
            (void)fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>", LABEL - 4,
                          4.0 + HIGH * (1.0 - explore_level(&s, tick[k])),
                          explore_number(tick[k], text));
    (void)fprintf(
        out,
        "</svg><figcaption>channel %d, a bar for each case: 0.5 %% to 99.5 %%, quartiles, "
        "median%s</figcaption></figure>\n",
        channel, s.bend > 0.0 ? "; the scale is logarithmic above the middle number" : "");
}

static void put_mark(FILE *out, const char *class, const pleat_exploration *e, int c, double ml,
                     int margin) {
    const double at = NAME + explore_place(e, ml) * (WIDE - NAME);
    const int y = (c - 1) * ROW;
    if (!(at >= NAME && at <= WIDE)) return; /* of no case that counts */
    (void)fprintf(out, "<path class=\"%s\" stroke=\"", class);
    put_colour(out, pleat_class_colour(&e->classes, c));
    (void)fprintf(out, "\" d=\"M%.1f %dV%d\"/>", at, y + margin, y + ROW - margin);
}

static void put_volumes(FILE *out, const pleat_exploration *e) {
    const int high = (e->classes.n - 1) * ROW;
    double tick[EXPLORE_SCALES];
    const int ticks = explore_ticks(e, tick);
    (void)fprintf(out,
                  "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"volumes of the "
                  "classes\"><rect class=\"ground\" x=\"%d\" width=\"%d\" height=\"%d\"/>",
                  WIDE, high + 20, NAME, WIDE - NAME, high);
    for (int i = 0; i < ticks; i++) {
        const double x = NAME + explore_place(e, tick[i]) * (WIDE - NAME);
        (void)fprintf(out,
                      "<path class=\"axis\" d=\"M%.1f 0V%d\"/><text x=\"%.1f\" y=\"%d\" "
                      "text-anchor=\"middle\">%g</text>",
                      x, high, x, high + 15, tick[i]);
    }
    for (int c = 1; c < e->classes.n; c++) {
        (void)fprintf(out, "<text x=\"0\" y=\"%d\">", (c - 1) * ROW + ROW / 2 + 4);
        pleat_page_put_text(out, e->classes.name[c]);
        (void)fputs("</text>", out);
        for (int i = 0; i < e->n; i++) {
            const double ml = explore_ml(e, c, i);
            if (ml > 0.0) put_mark(out, "mark", e, c, ml, 6);
        }
        if (e->of_class[c].cases > 0) put_mark(out, "middle", e, c, e->of_class[c].median_ml, 2);
    }
    (void)fputs("</svg><figcaption>volumes in ml: a mark for each case, the median "
                "thick</figcaption></figure>\n",
                out);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void put_values(FILE *out, const pleat_explored_values *v) {
    put_number(out, v->mean);
    put_number(out, v->sd);
    put_number(out, v->min);
    for (int q = 0; q < PLEAT_EXPLORE_QUANTILES; q++) put_number(out, v->quantile[q]);
    put_number(out, v->max);
}

#define VALUES "mean|sd|min|0.5 %|5 %|25 %|median|75 %|95 %|99.5 %|max"

static void put_classes(FILE *out, const pleat_exploration *e) {
    begin_table(out, "class|label|cases|voxels|share of a case|least ml|median ml|most ml", 1);
    for (int c = 0; c < e->classes.n; c++) {
        const pleat_explored_class *k = &e->of_class[c];
        (void)fputs("<tr><td class=\"text\">", out);
        put_class(out, e, c);
        (void)fputs("</td>", out);
        put_count(out, k->label);
        put_count(out, k->cases);
        put_count(out, k->voxels);
        put_number(out, k->share);
        put_number(out, k->least_ml);
        put_number(out, k->median_ml);
        put_number(out, k->most_ml);
        (void)fputs("</tr>\n", out);
    }
    end_table(out);
}

static void put_class_values(FILE *out, const pleat_exploration *e) {
    begin_table(out, "class|channel|" VALUES, 1);
    for (int c = 0; c < e->classes.n; c++)
        for (int k = 0; k < e->channels; k++) {
            (void)fputs("<tr><td class=\"text\">", out);
            put_class(out, e, c);
            (void)fputs("</td>", out);
            put_count(out, k);
            put_values(out, &e->of_class[c].channel[k]);
            (void)fputs("</tr>\n", out);
        }
    end_table(out);
}

static void put_fingerprint(FILE *out, const pleat_fingerprint *f) {
    (void)fprintf(out,
                  "<p class=\"quiet\">Of the foreground of %d cases, each weighing the same, "
                  "without ignored labels. Cropped to what is not 0, the median case keeps "
                  "%.3g %% of its voxels.</p>\n",
                  f->n, 100.0 * f->kept);
    begin_table(out, "channel|modality|cases|mean|sd|min|0.5 %|median|99.5 %|max", 2);
    for (int c = 0; c < f->channels; c++) {
        const pleat_fingerprint_channel *v = &f->channel[c];
        const double x[] = {v->mean, v->sd, v->min, v->low, v->median, v->high, v->max};
        (void)fprintf(out, "<tr><td class=\"text\">%d ", c);
        pleat_page_put_text(out, v->name);
        (void)fputs("</td>", out);
        put_cell(out, " class=\"text\"", pleat_modality_name(v->modality));
        put_count(out, v->cases);
        for (size_t i = 0; i < sizeof x / sizeof *x; i++) put_number(out, x[i]);
        (void)fputs("</tr>\n", out);
    }
    end_table(out);
}

static void put_cases(FILE *out, const pleat_exploration *e) {
    begin_table(out, "case|size|without empty edges|spacing, mm|axes|type|channel|" VALUES, 1);
    for (int i = 0; i < e->n; i++)
        for (int k = 0; k < (e->of[i].channels > 0 ? e->of[i].channels : 1); k++) {
            const pleat_explored_case *c = &e->of[i];
            (void)fputs("<tr>", out);
            put_cell(out, " class=\"case\"", c->id);
            put_size(out, c->dim);
            put_size(out, c->crop);
            (void)fprintf(out, "<td>%.4g x %.4g x %.4g</td>", c->spacing[2], c->spacing[1],
                          c->spacing[0]);
            put_cell(out, "", c->axes);
            put_cell(out, "", c->type);
            put_count(out, k);
            put_values(out, &c->channel[k]);
            (void)fputs("</tr>\n", out);
        }
    end_table(out);
}

static void put_shares(FILE *out, const pleat_exploration *e) {
    (void)fputs("<div class=\"wide\"><table><thead><tr><th>case</th>", out);
    for (int c = 0; c < e->classes.n; c++) {
        (void)fputs("<th>", out);
        put_class(out, e, c);
        (void)fputs(", ml</th><th>share</th>", out);
    }
    (void)fputs("</tr></thead><tbody>\n", out);
    for (int i = 0; i < e->n; i++) {
        (void)fputs("<tr>", out);
        put_cell(out, " class=\"case\"", e->of[i].id);
        for (int c = 0; c < e->classes.n; c++) {
            const double n = (double)pleat_explored_count(&e->classes, c, &e->of[i]);
            put_number(out, e->of[i].labelled ? explore_ml(e, c, i) : NAN);
            put_number(out, e->of[i].labelled ? n / (double)pleat_voxels(e->of[i].dim) : NAN);
        }
        (void)fputs("</tr>\n", out);
    }
    end_table(out);
}

/* ---- the page -------------------------------------------------------------------------------- */

static void begin_section(FILE *out, const char *name, const char *title) {
    (void)fprintf(out, "<section id=\"%s\"><h2>%s</h2>\n", name, title);
}

static void end_section(FILE *out) { (void)fputs("</section>\n", out); }

static void put_head(FILE *out, const char *data, const pleat_exploration *e) {
    (void)fputs(EXPLORE_PAGE_BEGIN
                "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
                "<title>",
                out);
    pleat_page_put_text(out, data);
    (void)fputs(" - pleat explore</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n", out);
    pleat_page_put_style(out);
    (void)fprintf(out,
                  "%s</style>\n</head>\n<body>\n<header>\n<p class=\"kind\">Data set "
                  "overview</p>\n<h1>",
                  STYLE);
    pleat_page_put_text(out, data);
    (void)fprintf(out,
                  "</h1>\n<p class=\"quiet\">%d cases</p>\n"
                  "<nav aria-label=\"Parts of the page\"><a href=\"#facts\">Facts</a> "
                  "<a href=\"#findings\">Findings</a> <a href=\"#pictures\">Pictures</a> "
                  "<a href=\"#intensities\">Intensities</a> <a href=\"#classes\">Classes</a> "
                  "<a href=\"#fingerprint\">Fingerprint</a> <a href=\"#cases\">Cases</a>"
                  "</nav>\n</header>\n<main>\n",
                  e->n);
}

static pleat_status put_page(FILE *out, const char *data, int fold, const pleat_exploration *e) {
    put_head(out, data, e);
    begin_section(out, "facts", "Facts");
    PLEAT_TRY(put_facts(out, e, fold));
    end_section(out);
    begin_section(out, "findings", "Findings");
    put_findings(out, &e->check);
    end_section(out);
    begin_section(out, "pictures", "Pictures");
    PLEAT_TRY(put_pictures(out, e));
    end_section(out);
    begin_section(out, "intensities", "Intensities");
    (void)fputs(
        "<p class=\"quiet\">Grey: all voxels. A line: those of a class. Each case weighs the "
        "same. A bin is as high as the root of its share of the highest one.</p>\n"
        "<div class=\"plots\">\n",
        out);
    for (int c = 0; c < e->channels; c++) {
        put_histogram(out, e, c);
        put_ranges(out, e, c);
    }
    (void)fputs("</div>\n", out);
    put_class_values(out, e);
    end_section(out);
    begin_section(out, "classes", "Classes");
    if (e->classes.n > 1) {
        (void)fputs("<div class=\"plots volumes\">\n", out);
        put_volumes(out, e);
        (void)fputs("</div>\n", out);
    }
    put_classes(out, e);
    end_section(out);
    begin_section(out, "fingerprint", "nnU-Net's fingerprint");
    put_fingerprint(out, &e->fingerprint);
    end_section(out);
    begin_section(out, "cases", "Cases");
    put_cases(out, e);
    (void)fputs("<h3>Classes of each case</h3>\n", out);
    put_shares(out, e);
    end_section(out);
    (void)fputs("</main>\n</body>\n</html>\n", out);
    return PLEAT_OK;
}

pleat_status explore_write_page(const char *path, const char *data, int fold,
                                const pleat_exploration *e) {
    pleat_file_text file;
    PLEAT_TRY(pleat_file_text_begin(&file, path));
    return pleat_file_text_end(&file, put_page(file.out, data, fold, e));
}
