/* explore_measure.c - keeps of a volume in memory what an exploration needs of it. */
#include "explore_impl.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    LABELS = 256,
    FEW = 8, /* cases, which are shown large: */
    LARGE = 256,
    SMALL = 128 /* pixels of a plane's longer side */
};

static pleat_status append(explore_work *e, explore_part part, const void *data, size_t n) {
    explore_list *list = &e->list[part];
    if (list->n + n > list->room) {
        const size_t room = 2 * list->room + n;
        void *grown = realloc(list->data, room);
        PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory for what is found in the volumes");
        list->data = grown;
        list->room = room;
    }
    memcpy((char *)list->data + list->n, data, n);
    list->n += n;
    return PLEAT_OK;
}

/* ---- the voxels of each label ---------------------------------------------------------------- */

typedef struct tally {
    int64_t n;
    double origin, sum, squares; /* of x - origin */
    float min, max;
    int64_t step, next, taken, place; /* which voxels are kept, and where */
} tally;

static void count(const float *x, const uint8_t *mask, size_t n, tally *of) {
    for (size_t i = 0; i < n; i++) {
        tally *t = &of[mask != NULL ? mask[i] : 0];
        if (t->n++ == 0) {
            t->origin = x[i];
            t->min = t->max = x[i];
        }
        const double d = x[i] - t->origin;
        t->sum += d;
        t->squares += d * d;
        if (x[i] < t->min) t->min = x[i];
        if (x[i] > t->max) t->max = x[i];
    }
}

/* One voxel of each `step` in their order, not always the same one, lest a pattern of the volume be
 * met at one place. */
static int64_t which(int64_t k, int64_t step) {
    const uint64_t mixed =
        ((uint64_t)k + 1) * UINT64_C(0x9E3779B97F4A7C15); /* 2^64 / golden ratio */
    return k * step + (int64_t)((mixed >> 33) % (uint64_t)step);
}

static void keep(const float *x, const uint8_t *mask, size_t n, tally *of, float *kept) {
    int64_t met[LABELS] = {0};
    for (size_t i = 0; i < n; i++) {
        const int label = mask != NULL ? mask[i] : 0;
        tally *t = &of[label];
        if (met[label]++ != t->next) continue;
        kept[t->place + t->taken++] = x[i];
        t->next = which(t->taken, t->step);
    }
}

/* How many voxels are kept of all labels together. */
static int64_t plan(tally *of, int labels) {
    const int64_t most = PLEAT_EXPLORE_VOXELS / labels;
    int64_t place = 0;
    for (int v = 0; v < LABELS; v++) {
        of[v].step = (of[v].n + most - 1) / most;
        of[v].place = place;
        if (of[v].step > 0) of[v].next = which(0, of[v].step);
        if (of[v].step > 0) place += (of[v].n + of[v].step - 1) / of[v].step;
    }
    return place;
}

static pleat_status add_lump(explore_work *e, const tally *t, explore_lump lump, float *kept,
                             int most) {
    pleat_point *point = malloc((size_t)most * sizeof *point);
    PLEAT_CHECK(point != NULL, PLEAT_ERR_MEMORY, "no memory for the values of a label");
    const size_t points = pleat_points_make(kept, (size_t)t->taken, (size_t)most, point);
    const float scale = (float)((double)t->n / (double)t->taken);
    for (size_t i = 0; i < points; i++) point[i].weight *= scale;
    lump.points = (int)points;
    lump.n = t->n;
    lump.mean = t->origin + t->sum / (double)t->n;
    lump.squares = fmax(0.0, t->squares - t->sum * t->sum / (double)t->n);
    lump.min = (double)t->min;
    lump.max = (double)t->max;
    pleat_status status = append(e, LUMPS, &lump, sizeof lump);
    if (status == PLEAT_OK) status = append(e, POINTS, point, points * sizeof *point);
    free(point);
    return status;
}

static pleat_status measure(explore_work *e, int at, int channel, const float *x,
                            const uint8_t *mask, size_t n) {
    tally of[LABELS] = {{0}};
    int labels = 0;
    count(x, mask, n, of);
    for (int v = 0; v < LABELS; v++) labels += of[v].n > 0;
    const int most = labels <= 8 ? PLEAT_EXPLORE_VALUES : PLEAT_EXPLORE_VALUES * 8 / labels;
    float *kept = malloc((size_t)plan(of, labels) * sizeof *kept);
    PLEAT_CHECK(kept != NULL, PLEAT_ERR_MEMORY, "no memory for the values of a channel");
    keep(x, mask, n, of, kept);
    pleat_status status = PLEAT_OK;
    for (int v = 0; v < LABELS && status == PLEAT_OK; v++)
        if (of[v].n > 0)
            status = add_lump(e, &of[v], (explore_lump){.at = at, .channel = channel, .label = v},
                              kept + of[v].place, most);
    free(kept);
    return status;
}

/* ---- the box, the slices --------------------------------------------------------------------- */

static void widen(explore_seen *s, const float *x, const int dim[3]) {
    size_t i = 0;
    int at[3];
    for (at[0] = 0; at[0] < dim[0]; at[0]++)
        for (at[1] = 0; at[1] < dim[1]; at[1]++)
            for (at[2] = 0; at[2] < dim[2]; at[2]++, i++) {
                if (x[i] == 0.0F) continue; /* NOLINT: as nnU-Net asks */
                for (int a = 0; a < 3; a++) {
                    if (at[a] < s->low[a]) s->low[a] = at[a];
                    if (at[a] > s->high[a]) s->high[a] = at[a];
                }
            }
}

/* Of n[slices][label] the slice where the labels are seen best: a label counts by its voxels, of
 * the most that a slice has of it. `middle` where there are none. */
static int best_slice(int32_t (*n)[LABELS], int slices, int middle) {
    double best = 0.0;
    int32_t most[LABELS] = {0};
    int at = middle;
    for (int k = 0; k < slices; k++)
        for (int v = 1; v < LABELS; v++)
            if (n[k][v] > most[v]) most[v] = n[k][v];
    for (int k = 0; k < slices; k++) {
        double worth = 0.0;
        for (int v = 1; v < LABELS; v++)
            if (most[v] > 0) worth += (double)n[k][v] / most[v];
        if (worth > best) at = k;
        if (worth > best) best = worth;
    }
    return at;
}

/* Along each axis the best of a mask. */
static pleat_status choose_slices(const pleat_label *mask, int ignore, int slice[3]) {
    const int *dim = mask->dim;
    const int most = dim[0] > dim[1] ? dim[0] : dim[1], longest = most > dim[2] ? most : dim[2];
    int32_t(*n)[LABELS] = calloc((size_t)longest * 3, sizeof *n); /* [axis][slice][label] */
    PLEAT_CHECK(n != NULL, PLEAT_ERR_MEMORY, "no memory to choose slices");
    size_t i = 0;
    int at[3];
    for (at[0] = 0; at[0] < dim[0]; at[0]++)
        for (at[1] = 0; at[1] < dim[1]; at[1]++)
            for (at[2] = 0; at[2] < dim[2]; at[2]++, i++)
                for (int a = 0; a < 3 && mask->data[i] != 0 && mask->data[i] != ignore; a++)
                    n[a * longest + at[a]][mask->data[i]]++;
    for (int a = 0; a < 3; a++) slice[a] = best_slice(n + (ptrdiff_t)a * longest, dim[a], slice[a]);
    free(n);
    return PLEAT_OK;
}

/* The entry of a case, which comes last; made with its first file. */
static pleat_status find_seen(explore_work *e, const check_work *w, const check_facts *f, int first,
                              const pleat_image *image, const pleat_label *mask,
                              explore_seen **out) {
    if (first == 0) {
        explore_seen made = {.at = f->at, .labelled = mask != NULL};
        for (int a = 0; a < 3; a++) {
            made.low[a] = image->dim[a];
            made.high[a] = -1;
            made.slice[a] = image->dim[a] / 2;
        }
        if (mask != NULL) PLEAT_TRY(choose_slices(mask, w->classes->ignore, made.slice));
        PLEAT_TRY(append(e, SEEN, &made, sizeof made));
    }
    explore_list *list = &e->list[SEEN];
    *out = list->n > 0 ? (explore_seen *)list->data + list->n / sizeof **out - 1 : NULL;
    if (*out != NULL && (*out)->at != f->at) *out = NULL; /* its first file could not be read */
    return PLEAT_OK;
}

/* ---- pictures -------------------------------------------------------------------------------- */

int explore_shows(int pictures, int at, int n) {
    const int64_t of = pictures;
    return pictures >= n || (pictures > 0 && (at == 0 || at * of / n != (at - 1) * of / n));
}

/* The 0.5 % and 99.5 % quantiles of the channel that was measured last. */
static pleat_status find_window(const explore_work *e, int at, int channel, double window[2]) {
    const explore_list *lumps = &e->list[LUMPS], *points = &e->list[POINTS];
    const explore_lump *lump = lumps->data;
    const size_t n = lumps->n / sizeof *lump;
    size_t many = 0, from = n;
    while (from > 0 && lump[from - 1].at == at && lump[from - 1].channel == channel)
        many += (size_t)lump[--from].points;
    pleat_point *mine = malloc((many + 1) * sizeof *mine);
    PLEAT_CHECK(mine != NULL, PLEAT_ERR_MEMORY, "no memory for the values of a channel");
    memcpy(mine, (const pleat_point *)points->data + (points->n / sizeof *mine - many),
           many * sizeof *mine);
    pleat_points_sort(mine, many);
    window[0] = pleat_points_quantile(mine, many, 0.005);
    window[1] = pleat_points_quantile(mine, many, 0.995);
    free(mine);
    return PLEAT_OK;
}

static pleat_status cut_planes(explore_work *e, int n, const check_facts *f,
                               const explore_seen *seen, int channel, const float *x,
                               const pleat_label *mask) {
    const int longest = n <= FEW || e->how->pictures <= FEW ? LARGE : SMALL;
    double window[2];
    PLEAT_TRY(find_window(e, f->at, channel, window));
    for (int name = 0; name < PLEAT_PLANES; name++) {
        const int axis = pleat_plane_across(f->axes, (pleat_plane_name)name);
        const explore_plane cut = {f->at, channel, name, seen->slice[axis], {0}};
        PLEAT_TRY(append(e, TILES, &cut, sizeof cut));
        explore_plane *kept =
            (explore_plane *)e->list[TILES].data + e->list[TILES].n / sizeof *kept - 1;
        PLEAT_TRY(pleat_plane_cut(&f->image, f->axes, (pleat_plane_name)name, cut.slice, x,
                                  window[0], window[1], mask != NULL ? mask->data : NULL, longest,
                                  &kept->plane));
        const size_t pixels = 2 * (size_t)kept->plane.width * (size_t)kept->plane.height;
        const pleat_status status = append(e, PIXELS, kept->plane.grey, pixels);
        free(kept->plane.grey);
        kept->plane.grey = kept->plane.labels = NULL;
        PLEAT_TRY(status);
    }
    return PLEAT_OK;
}

pleat_status explore_image(void *self, const check_work *w, const check_facts *f, int first,
                           const pleat_image *image, const pleat_label *mask) {
    explore_work *e = self;
    const size_t n = pleat_voxels(image->dim);
    explore_seen *seen = NULL;
    if (memcmp(image->dim, f->image.dim, sizeof image->dim) != 0) return PLEAT_OK; /* a finding */
    PLEAT_TRY(find_seen(e, w, f, first, image, mask, &seen));
    for (int c = 0; c < image->channels && first + c < PLEAT_MAX_CHANNELS; c++) {
        const float *x = image->data + (size_t)c * n;
        PLEAT_TRY(measure(e, f->at, first + c, x, mask != NULL ? mask->data : NULL, n));
        if (seen == NULL) continue;
        widen(seen, x, image->dim);
        if (explore_shows(e->how->pictures, f->at, w->n))
            PLEAT_TRY(cut_planes(e, w->n, f, seen, first + c, x, mask));
    }
    return PLEAT_OK;
}
