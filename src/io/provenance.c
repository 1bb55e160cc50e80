/* provenance.c - the list of a fold's cases as text, its comparison, and the digests in it. */
#include "pleat/provenance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART   "%" PRIu64 ":%016" PRIx64 ":%016" PRIx64
#define CURE   "put it back as it was, or remove it and start the run again"
#define GROWTH 64 /* cases */

static const char *const roles[] = {"train", "val"}; /* by held_out */
static const char settings_key[] = "settings ";

/* ---- contents -------------------------------------------------------------------------------- */

static uint64_t digest_grid(const int dim[3], const double spacing[3]) {
    return pleat_digest(pleat_digest(0, dim, 3 * sizeof *dim), spacing, 3 * sizeof *spacing);
}

uint64_t pleat_content_image(const pleat_image *image) {
    return pleat_digest_large(digest_grid(image->dim, image->spacing), image->data,
                              pleat_image_values(image) * sizeof *image->data);
}

uint64_t pleat_content_label(const pleat_label *label) {
    return pleat_digest_large(digest_grid(label->dim, label->spacing), label->data,
                              pleat_voxels(label->dim));
}

int pleat_traced_same(const pleat_traced *a, const pleat_traced *b) {
    if (a->file.bytes == b->file.bytes && a->file.digest == b->file.digest) return 1;
    return a->content != 0 && a->content == b->content;
}

/* ---- text ------------------------------------------------------------------------------------ */

pleat_status pleat_provenance_text(const pleat_provenance *provenance, char **out) {
    size_t n = 0;
    char *text = NULL;
    FILE *to = open_memstream(&text, &n);
    PLEAT_CHECK(to != NULL, PLEAT_ERR_MEMORY, "no memory for a list of %d cases", provenance->n);
    if (provenance->settings[0] != '\0')
        (void)fprintf(to, "%s%s\n", settings_key, provenance->settings);
    for (int i = 0; i < provenance->n; i++) {
        const pleat_traced_case *c = &provenance->of[i];
        const pleat_traced *a = &c->image, *b = &c->mask;
        (void)fprintf(to, "%s %" PRId64 " " PART " " PART " %s\n", roles[!!c->held_out], c->voxels,
                      a->file.bytes, a->file.digest, a->content, b->file.bytes, b->file.digest,
                      b->content, c->id);
    }
    const int failed = ferror(to);
    if (fclose(to) != 0 || failed) {
        free(text);
        return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for a list of %d cases", provenance->n);
    }
    *out = text;
    return PLEAT_OK;
}

/* The number at *at in `base` and the character after it, which must be `end`; 0: it is none. */
static int take_number(const char **at, int base, char end, uint64_t *out) {
    char *after = NULL;
    *out = strtoull(*at, &after, base);
    if (after == *at || *after != end) return 0;
    *at = after + 1;
    return 1;
}

static int take_part(const char **at, pleat_traced *out) {
    return take_number(at, 10, ':', &out->file.bytes) &&
           take_number(at, 16, ':', &out->file.digest) && take_number(at, 16, ' ', &out->content);
}

/* A line of `length` bytes. */
static int take_line(const char *line, size_t length, pleat_traced_case *out) {
    const char *at = strchr(line, ' ');
    uint64_t voxels = 0;
    *out = (pleat_traced_case){0};
    if (at == NULL) return 0;
    while (out->held_out < 2 && (strlen(roles[out->held_out]) != (size_t)(at - line) ||
                                 strncmp(line, roles[out->held_out], (size_t)(at - line)) != 0))
        out->held_out++;
    at++;
    if (out->held_out == 2 || !take_number(&at, 10, ' ', &voxels) || voxels > INT64_MAX ||
        !take_part(&at, &out->image) || !take_part(&at, &out->mask) || at >= line + length)
        return 0;
    const size_t id = (size_t)(line + length - at);
    out->voxels = (int64_t)voxels;
    if (id >= sizeof out->id) return 0;
    memcpy(out->id, at, id);
    return 1;
}

/* The first line, if it is that of the settings; what is behind it. */
static const char *take_settings(const char *text, char out[17]) {
    const size_t key = strlen(settings_key), digits = 16;
    const char *at = text + key;
    if (strncmp(text, settings_key, key) != 0 || strspn(at, "0123456789abcdef") != digits ||
        at[digits] != '\n')
        return text;
    memcpy(out, at, digits);
    return at + digits + 1;
}

pleat_status pleat_provenance_parse(const char *text, const char *path, pleat_provenance *out) {
    pleat_status status = PLEAT_OK;
    pleat_provenance made = {0};
    text = take_settings(text, made.settings);
    for (const char *line = text; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        if (made.n % GROWTH == 0) {
            pleat_traced_case *more = realloc(made.of, ((size_t)made.n + GROWTH) * sizeof *more);
            PLEAT_CHECK_GOTO(status, done, more != NULL, PLEAT_ERR_MEMORY,
                             "no memory for the cases of '%s'", path);
            made.of = more;
        }
        PLEAT_CHECK_GOTO(
            status, done,
            line[length] == '\n' && take_line(line, length, &made.of[made.n]) &&
                (made.n == 0 || strcmp(made.of[made.n - 1].id, made.of[made.n].id) < 0),
            PLEAT_ERR_FORMAT, "'%s': line %d of its cases is damaged: '%.*s'; " CURE, path,
            made.n + 1, (int)length, line);
        made.n++;
        line += length + 1;
    }
    *out = made;
    made = (pleat_provenance){0};
done:
    pleat_provenance_free(&made);
    return status;
}

void pleat_provenance_free(pleat_provenance *provenance) {
    free(provenance->of);
    *provenance = (pleat_provenance){0};
}

/* ---- what weights have learnt ---------------------------------------------------------------- */

static const pleat_traced others; /* that are not known */

static int by_value(const void *a, const void *b) { return memcmp(a, b, sizeof(pleat_traced)); }

pleat_status pleat_learnt_make(const pleat_learnt *before, const pleat_provenance *own,
                               pleat_learnt *out) {
    pleat_learnt made = {.of = malloc((before->n + (size_t)own->n + 1) * sizeof *made.of)};
    PLEAT_CHECK(made.of != NULL, PLEAT_ERR_MEMORY, "no memory for a list of %d cases", own->n);
    if (before->n > 0) memcpy(made.of, before->of, before->n * sizeof *made.of);
    made.n = before->n;
    if (own->n == 0) made.of[made.n++] = others;
    for (int i = 0; i < own->n; i++)
        if (!own->of[i].held_out) made.of[made.n++] = own->of[i].image;
    if (made.n > 0) qsort(made.of, made.n, sizeof *made.of, by_value);
    uint64_t each = 0;
    for (uint64_t i = 0; i < made.n; i++)
        if (each == 0 || by_value(&made.of[each - 1], &made.of[i]) != 0)
            made.of[each++] = made.of[i];
    made.n = each;
    if (made.n > PLEAT_MOST_LEARNT) {
        pleat_learnt_free(&made);
        return PLEAT_FAIL(PLEAT_ERR_UNSUPPORTED,
                          "the weights have learnt more than %d images, which a checkpoint cannot "
                          "list",
                          PLEAT_MOST_LEARNT);
    }
    *out = made;
    return PLEAT_OK;
}

int pleat_learnt_has(const pleat_learnt *learnt, const pleat_traced *image) {
    for (uint64_t i = 0; i < learnt->n; i++)
        if (by_value(&learnt->of[i], &others) != 0 && pleat_traced_same(&learnt->of[i], image))
            return 1;
    return 0;
}

int pleat_learnt_is_whole(const pleat_learnt *learnt) {
    for (uint64_t i = 0; i < learnt->n; i++)
        if (by_value(&learnt->of[i], &others) == 0) return 0;
    return 1;
}

void pleat_learnt_free(pleat_learnt *learnt) {
    free(learnt->of);
    *learnt = (pleat_learnt){0};
}

/* ---- comparing ------------------------------------------------------------------------------- */

static int by_id(const void *id, const void *of) {
    return strcmp(id, ((const pleat_traced_case *)of)->id);
}

const pleat_traced_case *pleat_provenance_find(const pleat_provenance *provenance, const char *id) {
    if (provenance->n == 0) return NULL;
    return bsearch(id, provenance->of, (size_t)provenance->n, sizeof *provenance->of, by_id);
}

pleat_status pleat_provenance_check(const pleat_provenance *of, const char *path,
                                    const char *settings) {
    PLEAT_CHECK(of->settings[0] == '\0' || settings[0] == '\0' ||
                    strcmp(of->settings, settings) == 0,
                PLEAT_ERR_DATA,
                "'%s' is of a run with another configuration, such as another seed; put the file "
                "of this run back, or remove its folder and start the run again",
                path);
    return PLEAT_OK;
}

pleat_status pleat_provenance_compare(const pleat_provenance *was, const char *path,
                                      const pleat_provenance *is) {
    PLEAT_TRY(pleat_provenance_check(was, path, is->settings));
    for (int i = 0; i < is->n; i++) {
        const pleat_traced_case *now = &is->of[i], *then = pleat_provenance_find(was, now->id);
        PLEAT_CHECK(then != NULL, PLEAT_ERR_DATA,
                    "'%s' knows nothing of case '%s', which its fold has now; " CURE, path,
                    now->id);
        PLEAT_CHECK(then->held_out == now->held_out, PLEAT_ERR_DATA,
                    "'%s' was made when case '%s' was %s, and now it is %s; put the folds back as "
                    "they were, or use another --out folder",
                    path, now->id, then->held_out ? "held out" : "trained on",
                    now->held_out ? "held out" : "trained on");
        const int image = pleat_traced_same(&then->image, &now->image);
        PLEAT_CHECK(image && pleat_traced_same(&then->mask, &now->mask), PLEAT_ERR_DATA,
                    "'%s' is of another %s of case '%s'; put that back, or start with --redo to do "
                    "again the folds that it touches",
                    path, image ? "mask" : "image", now->id);
    }
    PLEAT_CHECK(was->n == is->n, PLEAT_ERR_DATA,
                "'%s' is of %d cases, its fold has %d now; put the folds back as they were, or use "
                "another --out folder",
                path, was->n, is->n);
    return PLEAT_OK;
}
