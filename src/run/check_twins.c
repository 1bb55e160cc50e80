/*
 * check_twins.c - who is there twice: an image, a mask, a volume on another grid, a part of it.
 *
 * What two cases may have in common, the digests of image and mask and the samples, stands in one
 * sorted list; cases side by side in it are pairs to be compared. A volume on another grid shares
 * none: for those all pairs are compared by their sketches, in nanoseconds.
 */
#include "check_impl.h"

#include <stdlib.h>

enum { MOST_BY_CHANCE = 12 }; /* samples in common; of unrelated images none are */

static int is_one_image(const check_facts *a, const check_facts *b) {
    return a->measured && b->measured && a->image_content == b->image_content;
}

static int is_one_mask(const check_facts *a, const check_facts *b) {
    return a->measured && b->measured && a->counted && b->counted &&
           a->mask_content == b->mask_content && a->count[0] < (int64_t)pleat_voxels(a->image.dim);
}

/* ---- who shares something -------------------------------------------------------------------- */

typedef struct mark {
    uint64_t digest;
    int at; /* a case that has it */
} mark;

static int by_digest(const void *a, const void *b) {
    const mark *x = a, *y = b;
    if (x->digest != y->digest) return x->digest < y->digest ? -1 : 1;
    return x->at - y->at;
}

static int by_cases(const void *a, const void *b) {
    const check_pair *x = a, *y = b;
    return x->at != y->at ? x->at - y->at : x->other - y->other;
}

/* Sorted marks[n]. */
static size_t mark_all(const check_facts *f, int cases, mark *marks) {
    size_t n = 0;
    for (int i = 0; i < cases; i++) {
        if (!f[i].measured) continue;
        marks[n++] = (mark){f[i].image_content, i};
        if (f[i].counted) marks[n++] = (mark){f[i].mask_content, i};
        for (int k = 0; k < f[i].samples; k++) marks[n++] = (mark){f[i].sample[k], i};
    }
    qsort(marks, n, sizeof *marks, by_digest);
    return n;
}

/* Pairs of sorted marks[n], some more than once; `pairs` NULL: counts them. */
static size_t pair_up(const mark *marks, size_t n, check_pair *pairs) {
    size_t n_pairs = 0;
    for (size_t first = 0, i = 0; i < n; i++) {
        if (marks[i].digest != marks[first].digest) first = i;
        for (size_t k = first; k < i && k < first + CHECK_SHARE; k++) {
            if (marks[k].at == marks[i].at) continue;
            if (pairs != NULL) pairs[n_pairs] = (check_pair){marks[i].at, marks[k].at};
            n_pairs++;
        }
    }
    return n_pairs;
}

int check_pairs(const check_facts *f, int n, check_pair **pairs, size_t *n_pairs) {
    mark *marks = malloc(((size_t)n * (CHECK_SAMPLES + 2) + 1) * sizeof *marks);
    size_t n_marks = 0, all = 0;
    *pairs = NULL;
    *n_pairs = 0;
    if (marks != NULL) {
        n_marks = mark_all(f, n, marks);
        all = pair_up(marks, n_marks, NULL);
        *pairs = malloc((all + 1) * sizeof **pairs);
    }
    if (*pairs != NULL) {
        (void)pair_up(marks, n_marks, *pairs);
        qsort(*pairs, all, sizeof **pairs, by_cases);
        for (size_t i = 0; i < all; i++)
            if (i == 0 || by_cases(&(*pairs)[i], &(*pairs)[i - 1]) != 0)
                (*pairs)[(*n_pairs)++] = (*pairs)[i];
    }
    free(marks);
    return *pairs != NULL;
}

/* ---- what they are --------------------------------------------------------------------------- */

/* Two cases, which may be alike by their sketches, or share something. One finding a pair, and of a
 * kind (told) one for a case, of the first other that it is like: of 300 copies all are named and
 * not all pairs. Of a group, as of raters of one image, as a note. */
static void compare(check_work *w, const check_facts *f, check_pair of, int may_be_alike,
                    int shares, int *told) {
    const int i = of.at, k = of.other;
    const int twins = is_one_image(&f[i], &f[k]), one_mask = is_one_mask(&f[i], &f[k]);
    const int like = !twins && may_be_alike && check_one_volume(&f[i], &f[k]);
    const int in_common = shares ? check_in_common(&f[i], &f[k]) : 0;
    const int part = !twins && !like && in_common >= MOST_BY_CHANCE;
    const char *id = w->cases[k].id, *image = w->cases[i].image[0];
    check_id kind = twins ? CHECK_TWINS : like ? CHECK_ALIKE : part ? CHECK_PART : CHECK_SAME_MASK;
    if (kind != CHECK_SAME_MASK && check_one_group(w, i, k)) kind = CHECK_RATED_TWICE;
    if ((kind == CHECK_SAME_MASK && !one_mask) || told[kind]++ > 0) return;
    if (twins)
        check_find(w, kind, i, image, "it is the image of case '%s'%s", id,
                   one_mask ? ", and the mask is too" : ", with another mask");
    else if (like)
        check_find(w, kind, i, image, "it is very like that of case '%s', of the same size in mm%s",
                   id, one_mask ? ", and the mask is the same" : "");
    else if (part)
        check_find(w, kind, i, image, "it has voxels of case '%s': %d of %d samples are in both%s",
                   id, in_common, f[i].samples, one_mask ? ", and the mask is the same" : "");
    else
        check_find(w, kind, i, w->cases[i].label, "it is the mask of case '%s'", id);
}

void check_twins(check_work *w, const check_facts *f) {
    const size_t room = (size_t)w->n + 1;
    check_sketch *sketches = malloc(room * sizeof *sketches);
    int *of = malloc(room * sizeof *of), n = 0; /* the measured cases */
    check_pair *pairs = NULL;
    size_t n_pairs = 0, next = 0;
    if (sketches == NULL || of == NULL || !check_pairs(f, w->n, &pairs, &n_pairs)) w->no_memory = 1;
    for (int i = 0; i < w->n && pairs != NULL && w->failed == PLEAT_OK; i++) {
        int told[CHECK_KINDS] = {0};
        if (!f[i].measured) continue;
        check_sketch_make(f[i].picture, &sketches[n]);
        for (int k = 0; k < n && !told[CHECK_TWINS]; k++) {
            const int alike = check_may_be_alike(&sketches[n], &sketches[k]);
            const int shares = next < n_pairs && pairs[next].at == i && pairs[next].other == of[k];
            if (alike || shares) compare(w, f, (check_pair){i, of[k]}, alike, shares, told);
            next += (size_t)shares;
        }
        while (next < n_pairs && pairs[next].at == i) next++;
        of[n++] = i;
        w->failed = check_halt(w, 0.0);
    }
    free(pairs);
    free(of);
    free(sketches);
}
