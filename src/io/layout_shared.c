/* layout_shared.c - a file that two cases name, or one case twice. */
#include "layout_cases.h"
#include "layout_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How many cases have the id of that at `first`. */
static int count_alike(const case_list *sorted, int first) {
    int many = 1;
    while (first + many < sorted->n &&
           strcmp(sorted->item[first].id, sorted->item[first + many].id) == 0)
        many++;
    return many;
}

pleat_status layout_check_twice(case_list *found) {
    int kept = 0;
    for (int i = 1; i < found->n; i++) {
        const pleat_case_paths *a = &found->item[i - 1], *b = &found->item[i];
        if (strcmp(a->id, b->id) != 0) continue;
        PLEAT_TRY(layout_settle(
            found, found->n,
            PLEAT_FAIL(PLEAT_ERR_DATA,
                       "case '%s' is there twice: '%s' and '%s'; remove or rename one", b->id,
                       a->image[0], b->image[0])));
    }
    for (int first = 0, many = 0; first < found->n; first += many) {
        many = count_alike(found, first);
        if (many == 1)
            found->item[kept++] = found->item[first];
        else
            for (int i = first; i < first + many; i++) layout_release_case(&found->item[i]);
    }
    found->n = kept;
    return PLEAT_OK;
}

typedef struct use { /* of a file */
    const char *path, *what;
    const pleat_case_paths *by;
} use;

static int by_path(const void *a, const void *b) {
    const use *x = a, *y = b;
    const int order = strcmp(x->path, y->path);
    if (order != 0) return order;
    return x->by != y->by ? (x->by > y->by) - (x->by < y->by) : strcmp(x->what, y->what);
}

/* Also where links hide it: no image is its own label. */
static pleat_status check_own(const pleat_case_paths *item) {
    struct stat image, label;
    for (int c = 0; c < item->images && item->label != NULL; c++)
        PLEAT_CHECK(stat(item->image[c], &image) != 0 || stat(item->label, &label) != 0 ||
                        image.st_dev != label.st_dev || image.st_ino != label.st_ino,
                    PLEAT_ERR_DATA,
                    "case '%s': its image '%s' and its label '%s' are one file; correct which "
                    "files are meant",
                    item->id, item->image[c], item->label);
    return PLEAT_OK;
}

/* Cases of one group may be one image, labelled by several raters. */
static int may_share(const use *a, const use *b) {
    return a->by->group != NULL && b->by->group != NULL && a->by != b->by &&
           strcmp(a->by->group, b->by->group) == 0 && strcmp(a->what, "image") == 0 &&
           strcmp(b->what, "image") == 0;
}

static pleat_status check_pair(const use *a, const use *b) {
    if (strcmp(a->path, b->path) != 0 || may_share(a, b)) return PLEAT_OK;
    const int images = strcmp(a->what, "image") == 0 && strcmp(b->what, "image") == 0;
    PLEAT_CHECK(a->by == b->by, PLEAT_ERR_DATA,
                "'%s' is the %s of case '%s' and the %s of case '%s'; correct the wrong one%s",
                a->path, a->what, a->by->id, b->what, b->by->id,
                images ? ", or give the cases one group (column group) where they are one image, "
                         "drawn by several raters"
                       : "");
    PLEAT_CHECK(strcmp(a->what, b->what) != 0, PLEAT_ERR_DATA,
                "case '%s': '%s' is two of its channels; correct the wrong one", a->by->id,
                a->path);
    return PLEAT_OK; /* told by check_own */
}

pleat_status layout_check_shared(case_list *found) {
    const size_t most = (size_t)found->n * (PLEAT_MAX_CHANNELS + 1);
    pleat_status status = PLEAT_OK;
    size_t n = 0;
    use *uses = calloc(most + 1, sizeof *uses);
    PLEAT_CHECK(uses != NULL, PLEAT_ERR_MEMORY, "no memory to scan '%s'", found->top);
    for (int i = 0; i < found->n && status == PLEAT_OK; i++) {
        const pleat_case_paths *item = &found->item[i];
        for (int c = 0; c < item->images; c++) uses[n++] = (use){item->image[c], "image", item};
        if (item->label != NULL) uses[n++] = (use){item->label, "label", item};
        status = layout_settle(found, found->n, check_own(item));
    }
    qsort(uses, n, sizeof *uses, by_path);
    for (size_t i = 1; i < n && status == PLEAT_OK; i++)
        status = layout_settle(found, found->n, check_pair(&uses[i - 1], &uses[i]));
    free(uses);
    return status;
}
