/*
 * test_surface.c - distances between surfaces: against numbers of other tools, and against a way
 * that needs no thought, all pairs of elements.
 *
 * The numbers "by surface-distance" and "by MedPy" are those of the PyPI packages surface-distance
 * 0.1 and MedPy 0.5.2 of the same masks; those of monai follow its definitions with SciPy 1.17's
 * binary_erosion, distance_transform_edt and percentile, and of twenty pairs of masks they are of
 * MONAI 1.6.1 itself (PyTorch 2.15, float32).
 */
#include "../../src/eval/surface_impl.h"
#include "pleat/rng.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct masks {
    int dim[3];
    uint8_t *truth, *predicted; /* labels 0 and 7 */
} masks;

enum { LABEL = 7 };

static masks empty(int d, int h, int w) {
    masks m = {{d, h, w}, NULL, NULL};
    m.truth = calloc(pleat_voxels(m.dim), 1);
    m.predicted = calloc(pleat_voxels(m.dim), 1);
    assert_non_null(m.truth);
    assert_non_null(m.predicted);
    return m;
}

static void free_masks(masks *m) {
    free(m->truth);
    free(m->predicted);
}

static uint8_t *at(const masks *m, uint8_t *labels, int d, int h, int w) {
    return &labels[((size_t)d * (size_t)m->dim[1] + (size_t)h) * (size_t)m->dim[2] + (size_t)w];
}

/* Voxels first[a] .. last[a] - 1 of each axis. */
static void fill_box(const masks *m, uint8_t *labels, const int first[3], const int last[3]) {
    for (int d = first[0]; d < last[0]; d++)
        for (int h = first[1]; h < last[1]; h++)
            for (int w = first[2]; w < last[2]; w++) *at(m, labels, d, h, w) = LABEL;
}

static pleat_surface_distances measured(const masks *m, const double spacing[3], int definition,
                                        double tolerance) {
    pleat_surface_distances out;
    const pleat_pair pair = {m->truth,
                             m->predicted,
                             {m->dim[0], m->dim[1], m->dim[2]},
                             {spacing[0], spacing[1], spacing[2]},
                             spacing[0] * spacing[1] * spacing[2]};
    OK(pleat_surface_measure(&pair, LABEL, definition, tolerance, &out));
    return out;
}

enum { NUMBERS = 7 };
static const char *const number_names[NUMBERS] = {
    "mean of truth", "mean of prediction", "HD", "HD95", "ASSD", "MASD", "NSD"};

static void assert_numbers(const char *what, const pleat_surface_distances *got,
                           const double want[NUMBERS], double within) {
    const double is[NUMBERS] = {got->mean[0], got->mean[1], got->hd, got->hd95,
                                got->assd,    got->masd,    got->nsd};
    for (int i = 0; i < NUMBERS; i++)
        if (isnan(want[i]) ? !isnan(is[i]) : !(fabs(is[i] - want[i]) <= within))
            fail_msg("%s: %s is %.12g, not %.12g", what, number_names[i], is[i], want[i]);
}

/* --- other tools ------------------------------------------------------------------------------ */

static void two_voxels_two_apart(void **state) {
    (void)state;
    const double spacing[3] = {3, 2, 1};
    const double want[NUMBERS] = {1.5, 1.5, 2, 2, 1.5, 1.5, 0.5};
    masks m = empty(100, 100, 100);
    *at(&m, m.truth, 50, 60, 70) = LABEL;
    *at(&m, m.predicted, 50, 60, 72) = LABEL;
    const pleat_surface_distances got = measured(&m, spacing, PLEAT_SURFACE_DEEPMIND, 1.0);
    assert_numbers("two voxels", &got, want, 1e-12);
    free_masks(&m);
}

static void a_cube_that_is_one_layer_thicker(void **state) {
    (void)state;
    const double spacing[3] = {2, 1, 1};
    masks m = empty(100, 100, 100);
    fill_box(&m, m.truth, (const int[]){0, 0, 0}, (const int[]){50, 100, 100});
    fill_box(&m, m.predicted, (const int[]){0, 0, 0}, (const int[]){51, 100, 100});
    const pleat_surface_distances got = measured(&m, spacing, PLEAT_SURFACE_DEEPMIND, 1.0);
    assert_true(fabs(got.mean[0] - 0.322) < 5e-4);
    assert_true(fabs(got.mean[1] - 0.339) < 5e-4);
    assert_true(got.hd95 == 2.0);
    assert_true(fabs(got.nsd - 0.836) < 5e-4);
    free_masks(&m);
}

static void boxes_of_other_tools(void **state) {
    (void)state;
    static const struct {
        double spacing[3], tolerance, want[3][NUMBERS]; /* by definition */
    } rows[] = {
        {{3, 0.7, 1.1},
         1.5,
         {{1.09686311405, 4.88935569519, 11, 11, 3.63340668639, 2.99310940462, 0.425976348231},
          {1.10371186362, 5.16470588235, 11, 11, 3.86518779636, 3.13420887298, 0.405},
          {1.10371186362, 5.16470588235, 11, 11, 3.86518779636, 3.13420887298, 0.405}}},
        {{1, 2.3, 3.7},
         2.3,
         {{2.55013780207, 15.6978800752, 37, 37, 11.7642635576, 9.12400893861, 0.333079051753},
          {3.51433426665, 17.25, 37, 37, 12.8545869653, 10.3821671333, 0.3},
          {3.51433426665, 17.25, 37, 37, 12.8545869653, 10.3821671333, 0.3}}},
    };
    masks m = empty(10, 12, 16);
    fill_box(&m, m.truth, (const int[]){2, 2, 1}, (const int[]){8, 9, 5});
    fill_box(&m, m.predicted, (const int[]){2, 3, 3}, (const int[]){8, 9, 15});
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int def = 0; pleat_surface_name(def) != NULL; def++) {
            const pleat_surface_distances got =
                measured(&m, rows[i].spacing, def, rows[i].tolerance);
            assert_numbers(pleat_surface_name(def), &got, rows[i].want[def], 1e-9);
        }
    free_masks(&m);
}

/* Two ellipsoids and a spot far away. */
static void ellipsoids_of_other_tools(void **state) {
    (void)state;
    static const double want[3][NUMBERS] = {
        {1.42934814968, 1.33471118067, 9.98649087518, 4.65617869073, 1.38704742212, 1.38202966517,
         0.647591309625},
        {1.88285478778, 1.62813004628, 9.98649087518, 4.27200187266, 1.77489198344, 1.75549241703,
         0.524282560706},
        {1.88285478778, 1.62813004628, 9.98649087518, 4.27200187266, 1.77489198344, 1.75549241703,
         0.524282560706},
    };
    masks m = empty(14, 20, 24);
    for (int z = 0; z < 14; z++)
        for (int y = 0; y < 20; y++)
            for (int x = 0; x < 24; x++) {
                const double a =
                    pow((z - 6) * 3.0, 2) + pow((y - 9) * 1.5, 2) + pow((x - 11) * 1.2, 2);
                const double b =
                    pow((z - 7) * 3.0, 2) + pow((y - 10) * 1.5, 2) + pow((x - 12) * 1.2, 2);
                const double spot = pow(z - 2, 2) + pow(y - 3, 2) + pow(x - 20, 2);
                if (a <= 144.0) *at(&m, m.truth, z, y, x) = LABEL;
                if (b <= 100.0 || spot <= 4.0) *at(&m, m.predicted, z, y, x) = LABEL;
            }
    for (int def = 0; pleat_surface_name(def) != NULL; def++) {
        const double spacing[3] = {3.0, 0.7, 1.1};
        const pleat_surface_distances got = measured(&m, spacing, def, 1.5);
        assert_numbers(pleat_surface_name(def), &got, want[def], 1e-9);
    }
    free_masks(&m);
}

static uint32_t lcg(uint32_t *x) {
    *x = *x * 1664525u + 1013904223u;
    return *x >> 16;
}

/* Every code of a cell comes up, so every area counts. */
static void noise_of_other_tools(void **state) {
    (void)state;
    static const struct {
        int dim[3];
        uint32_t seed, share; /* of 100 voxels inside */
        double spacing[3], tolerance, want[3][NUMBERS];
    } rows[] = {
        {{9, 11, 13},
         7,
         20,
         {2.5, 1, 0.6},
         0.8,
         {{0.133046423038, 0.175719479852, 2.5, 1, 0.154927280153, 0.154382951445, 0.935041492658},
          {0.789927872008, 0.832371302145, 2.5, 1.8, 0.811675077164, 0.811149587076,
           0.472380952381},
          {0.789927872008, 0.832371302145, 2.5, 1.8, 0.811675077164, 0.811149587076,
           0.472380952381}}},
        {{6, 7, 8},
         3,
         50,
         {1, 1, 1},
         1,
         {{0.0627720097725, 0.0345232890775, 1.41421356237, 1, 0.0493541996353, 0.048647649425,
           0.999686406664},
          {0.547700902044, 0.460885704309, 1.41421356237, 1, 0.507864814475, 0.504293303176,
           0.981012658228},
          {0.547700902044, 0.460885704309, 1.41421356237, 1, 0.507864814475, 0.504293303176,
           0.981012658228}}},
        {{12, 12, 12},
         5,
         35,
         {1, 2.3, 3.7},
         2,
         {{0.074170913508, 0.0940732221267, 3.7, 1, 0.0842400870162, 0.0841220678173,
           0.996976340771},
          {0.99746932444, 1.06003708739, 4.20594816896, 2.5079872408, 1.02990798006, 1.02875320592,
           0.837248322148},
          {0.99746932444, 1.06003708739, 4.20594816896, 2.5079872408, 1.02990798006, 1.02875320592,
           0.837248322148}}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t x = rows[i].seed;
        masks m = empty(rows[i].dim[0], rows[i].dim[1], rows[i].dim[2]);
        uint8_t *const to[2] = {m.truth, m.predicted};
        for (int side = 0; side < 2; side++)
            for (size_t v = 0; v < pleat_voxels(m.dim); v++)
                to[side][v] = lcg(&x) % 100 < rows[i].share ? LABEL : 0;
        for (int def = 0; pleat_surface_name(def) != NULL; def++) {
            const pleat_surface_distances got =
                measured(&m, rows[i].spacing, def, rows[i].tolerance);
            assert_numbers(pleat_surface_name(def), &got, rows[i].want[def], 1e-9);
        }
        free_masks(&m);
    }
}

/* Two boxes with 3 % of the voxels changed, 6 to 15 voxels of 0.5 to 4 mm a side. */
static masks blocks(uint32_t seed, double spacing[3], double *tolerance) {
    uint32_t x = seed;
    int dim[3];
    for (int a = 0; a < 3; a++) dim[a] = 6 + (int)(lcg(&x) % 10);
    for (int a = 0; a < 3; a++) spacing[a] = 0.5 + (lcg(&x) % 36) / 10.0;
    masks m = empty(dim[0], dim[1], dim[2]);
    for (int side = 0; side < 2; side++) {
        uint8_t *labels = side ? m.predicted : m.truth;
        for (int box = 0; box < 2; box++) {
            int first[3], last[3];
            for (int a = 0; a < 3; a++) first[a] = (int)(lcg(&x) % (uint32_t)dim[a]);
            for (int a = 0; a < 3; a++) {
                const int end = first[a] + 2 + (int)(lcg(&x) % 6);
                last[a] = end < dim[a] ? end : dim[a];
            }
            fill_box(&m, labels, first, last);
        }
        for (size_t v = 0; v < pleat_voxels(dim); v++)
            if (lcg(&x) % 100 < 3) labels[v] = labels[v] ? 0 : LABEL;
    }
    *tolerance = spacing[lcg(&x) % 3];
    return m;
}

/* MONAI's HD, HD95, ASSD, NSD; MedPy's HD, HD95, ASSD; surface-distance's two means, HD, HD95 and
 * NSD. */
static void twenty_pairs_of_monai_and_the_others_themselves(void **state) {
    (void)state;
    enum { MONAI = 4, MEDPY = 3, DEEPMIND = 5 };
    static const double want[20][MONAI + MEDPY + DEEPMIND] = {
        {6.02079725, 4.90306044, 2.70945597, 0.491228074, 6.02079729, 4.8259714, 2.70945587,
         1.9197714, 1.45994273, 6.02079729, 4.8259714, 0.834317854},
        {8.67640495, 5.85247087, 2.24695349, 0.635555565, 8.67640479, 5.83763311, 2.24695366,
         1.36177446, 1.54146188, 8.67640479, 5.2, 0.800677814},
        {10.5456152, 5.69999981, 3.16833401, 0.329073489, 10.5456152, 5.67411255, 3.16833371,
         1.77907309, 1.8836189, 8.8, 4.71699057, 0.717104829},
        {8.23468304, 5.64003563, 2.77853489, 0.248618782, 8.23468275, 5.31507291, 2.77853461,
         1.84529147, 1.50733982, 8.23468275, 4.53431362, 0.568663361},
        {7.29177618, 5.01445675, 1.53483737, 0.840764344, 7.29177619, 4.33871819, 1.53483735,
         1.15683542, 0.497569072, 7.29177619, 3.8340579, 0.933813385},
        {4.5, 3.80361176, 1.49737561, 0.863945603, 4.5, 3.63000712, 1.49737563, 0.404024603,
         1.04571987, 4.5, 3.08058436, 0.983988733},
        {11.8346949, 8.17012596, 4.54674006, 0.377272725, 11.8346948, 8.14370923, 4.54673994,
         2.50878399, 2.87465477, 10.4560987, 6.8, 0.703177928},
        {7.77945995, 6.72577381, 3.4961648, 0.539906085, 7.77946014, 6.08111832, 3.49616487,
         1.83403355, 1.4990315, 7.68960337, 4.41021541, 0.883847464},
        {9.41806793, 8.43748856, 4.85897684, 0.129921257, 9.41806774, 7.91770169, 4.85897712,
         3.07189709, 2.94510856, 9.41806774, 6.8, 0.363877276},
        {4.98196745, 4.70567083, 2.357548, 0.708333313, 4.98196748, 4.26574964, 2.35754821,
         1.00647442, 1.78554049, 4.55850853, 3.96358424, 0.894155871},
        {11.6777563, 9.74915886, 5.7115097, 0.115384616, 11.6777566, 8.83459111, 5.71150967,
         3.99773126, 3.93977561, 9.83971544, 8.1, 0.350215983},
        {6.96347618, 6.80000019, 3.12041783, 0.689873397, 6.96347614, 6.40996521, 3.12041776,
         1.17236913, 2.08906158, 6.96347614, 5.58659109, 0.909991804},
        {8.94706631, 6.93397427, 3.98866916, 0.129213482, 8.94706656, 6.93397433, 3.98866919,
         2.52985115, 2.37618086, 8.94706656, 6.10327781, 0.44709144},
        {7.51132488, 6.4000001, 3.04754019, 0.456521749, 7.51132478, 6.19435227, 3.04754029,
         1.93885985, 1.95665754, 7.51132478, 5.24785671, 0.738717916},
        {10.7238054, 7.6251812, 2.87076449, 0.615062773, 10.7238053, 6.09092768, 2.87076449,
         1.25630705, 2.21235583, 10.7238053, 6, 0.808030385},
        {7.87464285, 6.66299772, 3.31311846, 0.193442628, 7.87464285, 6.46219777, 3.31311815,
         1.98070374, 2.32693705, 7.3545904, 5.1, 0.408618825},
        {8.38152695, 6.54720926, 3.061059, 0.176870748, 8.38152731, 6.28012739, 3.06105918,
         1.72441926, 1.67316894, 8.38152731, 5.99082632, 0.426936328},
        {9.91261864, 7.86193371, 3.75256038, 0.25, 9.91261822, 7.7120301, 3.75256005, 2.56460901,
         2.48056935, 9.4154129, 6.76239603, 0.418359794},
        {14.4436836, 8.21824265, 3.45855355, 0.628571451, 14.4436837, 7.36868915, 3.45855289,
         1.54036763, 2.57300285, 13.1320219, 6.97782201, 0.848107858},
        {9.84885788, 6.23108482, 3.08859563, 0.477064222, 9.8488578, 6, 3.08859562, 1.6760521,
         1.86132173, 9.8488578, 5.45893763, 0.820601117},
    };
    for (uint32_t seed = 1; seed <= COUNT(want); seed++) {
        double spacing[3], tolerance = 0.0;
        masks m = blocks(seed, spacing, &tolerance);
        pleat_surface_distances by[3];
        for (int def = 0; def < 3; def++) by[def] = measured(&m, spacing, def, tolerance);
        const pleat_surface_distances *o = &by[PLEAT_SURFACE_MONAI], *y = &by[PLEAT_SURFACE_MEDPY],
                                      *d = &by[PLEAT_SURFACE_DEEPMIND];
        const double is[] = {o->hd,   o->hd95,    o->assd,    o->nsd, y->hd,   y->hd95,
                             y->assd, d->mean[0], d->mean[1], d->hd,  d->hd95, d->nsd};
        for (int i = 0; i < MONAI + MEDPY + DEEPMIND; i++) {
            const double within = (i < MONAI ? 1e-6 : 1e-8) * want[seed - 1][i];
            if (!(fabs(is[i] - want[seed - 1][i]) <= within))
                fail_msg("pair %u, number %d: %.9g, not %.9g", seed, i, is[i], want[seed - 1][i]);
        }
        free_masks(&m);
    }
}

/* --- all pairs -------------------------------------------------------------------------------- */

static int inside(const masks *m, const uint8_t *labels, int d, int h, int w) {
    return d >= 0 && d < m->dim[0] && h >= 0 && h < m->dim[1] && w >= 0 && w < m->dim[2] &&
           *at(m, (uint8_t *)labels, d, h, w) == LABEL;
}

typedef struct element {
    double place[3]; /* mm */
    double weight;
} element;

static int is_corner(const masks *m, const uint8_t *labels, int d, int h, int w) {
    int n = 0;
    for (int k = 0; k < 8; k++)
        n += inside(m, labels, d - (k >> 2 & 1), h - (k >> 1 & 1), w - (k & 1));
    return n > 0 && n < 8;
}

static int is_rim(const masks *m, const uint8_t *labels, int d, int h, int w) {
    return inside(m, labels, d, h, w) &&
           !(inside(m, labels, d - 1, h, w) && inside(m, labels, d + 1, h, w) &&
             inside(m, labels, d, h - 1, w) && inside(m, labels, d, h + 1, w) &&
             inside(m, labels, d, h, w - 1) && inside(m, labels, d, h, w + 1));
}

static int list_elements(const masks *m, const uint8_t *labels, int corners,
                         const double spacing[3], element *out) {
    int n = 0;
    for (int d = 0; d <= m->dim[0]; d++)
        for (int h = 0; h <= m->dim[1]; h++)
            for (int w = 0; w <= m->dim[2]; w++)
                if ((corners ? is_corner : is_rim)(m, labels, d, h, w))
                    out[n++] = (element){{d * spacing[0], h * spacing[1], w * spacing[2]}, 1.0};
    return n;
}

static double nearest(const element *from, const element *to, int n) {
    double best = INFINITY;
    for (int i = 0; i < n; i++) {
        double squares = 0.0;
        for (int a = 0; a < 3; a++)
            squares += (from->place[a] - to[i].place[a]) * (from->place[a] - to[i].place[a]);
        best = fmin(best, sqrt(squares));
    }
    return best;
}

static int random_masks(uint32_t number, masks *m, double spacing[3]) {
    const pleat_rng rng = pleat_rng_at(11, PLEAT_STREAM_PHANTOM, number, 0, 0);
    uint32_t draw = 0;
    int dim[3];
    for (int a = 0; a < 3; a++) {
        dim[a] = 1 + (int)pleat_rng_below(&rng, draw++, 9);
        spacing[a] = pleat_rng_range(&rng, draw++, 0.3, 4.0);
    }
    const double share = pleat_rng_range(&rng, draw++, 0.02, 0.9);
    *m = empty(dim[0], dim[1], dim[2]);
    int any = 0;
    for (size_t i = 0; i < pleat_voxels(dim); i++) {
        if (pleat_rng_uniform(&rng, draw++) < share) m->truth[i] = LABEL, any |= 1;
        if (pleat_rng_uniform(&rng, draw++) < share) m->predicted[i] = LABEL, any |= 2;
    }
    return any == 3;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of monai's: every number from the definition, by all pairs. Of the others what needs no area. */
static void every_distance_is_the_nearest_of_all_pairs(void **state) {
    (void)state;
    static element list[2][2000];
    static double distance[2000];
    int compared = 0;
    for (uint32_t number = 0; number < 120; number++) {
        masks m;
        double spacing[3];
        const int both = random_masks(number, &m, spacing);
        for (int def = 0; both && pleat_surface_name(def) != NULL; def++) {
            const double tolerance = spacing[number % 3];
            const pleat_surface_distances got = measured(&m, spacing, def, tolerance);
            double most = 0.0, sum = 0.0, within = 0.0, percentile = 0.0;
            int n[2];
            for (int side = 0; side < 2; side++)
                n[side] =
                    list_elements(&m, side ? m.predicted : m.truth, def == 0, spacing, list[side]);
            for (int side = 0; side < 2; side++) {
                double mean = 0.0;
                for (int i = 0; i < n[side]; i++) {
                    distance[i] = nearest(&list[side][i], list[!side], n[!side]);
                    most = fmax(most, distance[i]);
                    mean += distance[i] / n[side];
                    within += distance[i] <= tolerance * (1 + 1e-9);
                }
                sum += mean * n[side];
                qsort(distance, (size_t)n[side], sizeof *distance, by_size);
                const double rank = 0.95 * (n[side] - 1);
                const int low = (int)rank, high = low + 1 < n[side] ? low + 1 : low;
                percentile = fmax(percentile,
                                  distance[low] + (rank - low) * (distance[high] - distance[low]));
                if (def > 0) assert_true(fabs(got.mean[side] - mean) < 1e-9);
            }
            if (fabs(got.hd - most) > 1e-9) fail_msg("%u: HD %g, not %g", number, got.hd, most);
            if (def == 0) continue;
            assert_true(fabs(got.assd - sum / (n[0] + n[1])) < 1e-9);
            assert_true(fabs(got.nsd - within / (n[0] + n[1])) < 1e-9);
            if (def == PLEAT_SURFACE_MONAI) assert_true(fabs(got.hd95 - percentile) < 1e-9);
            compared++;
        }
        free_masks(&m);
    }
    assert_true(compared > 100);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void a_surface_that_is_not_there_has_no_distance(void **state) {
    (void)state;
    const double u = (double)NAN, spacing[3] = {1, 1, 1};
    const double neither[NUMBERS] = {u, u, u, u, u, u, u}, one[NUMBERS] = {u, u, u, u, u, u, 0};
    for (int def = 0; pleat_surface_name(def) != NULL; def++) {
        masks m = empty(3, 4, 5);
        pleat_surface_distances got = measured(&m, spacing, def, 1.0);
        assert_numbers("neither", &got, neither, 0.0);
        *at(&m, m.truth, 1, 1, 1) = LABEL;
        got = measured(&m, spacing, def, 1.0);
        assert_numbers("truth alone", &got, one, 0.0);
        *at(&m, m.truth, 1, 1, 1) = 0;
        *at(&m, m.predicted, 1, 1, 1) = LABEL;
        got = measured(&m, spacing, def, 1.0);
        assert_numbers("prediction alone", &got, one, 0.0);
        free_masks(&m);
    }
}

static void a_tolerance_of_whole_voxels_is_not_missed_by_rounding(void **state) {
    (void)state;
    const double spacing[3] = {1, 1, 0.7};
    masks m = empty(1, 1, 9);
    *at(&m, m.truth, 0, 0, 0) = LABEL;
    *at(&m, m.predicted, 0, 0, 3) = LABEL;
    assert_true(measured(&m, spacing, PLEAT_SURFACE_MONAI, 0.7 + 0.7 + 0.7).nsd == 1.0);
    assert_true(measured(&m, spacing, PLEAT_SURFACE_MONAI, 2.1).nsd == 1.0);
    assert_true(measured(&m, spacing, PLEAT_SURFACE_MONAI, 2.09).nsd == 0.0);
    free_masks(&m);
}

/* Ten voxels of both, and one more of the prediction ten away: one of 11 distances, one of 21. */
static void a_percentile_is_of_each_direction_or_of_both_together(void **state) {
    (void)state;
    const double spacing[3] = {1, 1, 1};
    masks m = empty(1, 1, 20);
    fill_box(&m, m.truth, (const int[]){0, 0, 0}, (const int[]){1, 1, 10});
    fill_box(&m, m.predicted, (const int[]){0, 0, 0}, (const int[]){1, 1, 10});
    *at(&m, m.predicted, 0, 0, 19) = LABEL;
    assert_true(fabs(measured(&m, spacing, PLEAT_SURFACE_MONAI, 1.0).hd95 - 5.0) < 1e-12);
    assert_true(measured(&m, spacing, PLEAT_SURFACE_MEDPY, 1.0).hd95 == 0.0);
    assert_true(measured(&m, spacing, PLEAT_SURFACE_MEDPY, 1.0).hd == 10.0);
    free_masks(&m);
}

static void areas_are_those_of_flat_cuts(void **state) {
    (void)state;
    const double spacing[3] = {3, 2, 1};
    double area[256];
    pleat_surface_areas(spacing, area);
    assert_true(area[0] == 0.0 && area[255] == 0.0);
    assert_true(area[0x0F] == 2.0); /* the four of d = 0: a plane of 2 x 1 mm */
    assert_true(area[0x33] == 3.0); /* h = 0: 3 x 1 */
    assert_true(area[0x55] == 6.0); /* w = 0: 3 x 2 */
    /* A corner cut off at the middle of three edges: half of |cross| of two sides. */
    const double corner = 0.5 * sqrt(0.25 * 0.25 * (4 * 1 + 9 * 1 + 9 * 4));
    for (int k = 0; k < 8; k++) {
        assert_true(fabs(area[1 << k] - corner) < 1e-12);
        assert_true(fabs(area[255 - (1 << k)] - corner) < 1e-12);
    }
    for (int code = 0; code < 256; code++) {
        assert_true(fabs(area[code] - area[255 - code]) < 1e-12 || __builtin_popcount(code) == 4);
        assert_true(code == 0 || code == 255 || area[code] > 0.0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_voxels_two_apart),
        cmocka_unit_test(a_cube_that_is_one_layer_thicker),
        cmocka_unit_test(boxes_of_other_tools),
        cmocka_unit_test(ellipsoids_of_other_tools),
        cmocka_unit_test(noise_of_other_tools),
        cmocka_unit_test(twenty_pairs_of_monai_and_the_others_themselves),
        cmocka_unit_test(every_distance_is_the_nearest_of_all_pairs),
        cmocka_unit_test(a_surface_that_is_not_there_has_no_distance),
        cmocka_unit_test(a_tolerance_of_whole_voxels_is_not_missed_by_rounding),
        cmocka_unit_test(a_percentile_is_of_each_direction_or_of_both_together),
        cmocka_unit_test(areas_are_those_of_flat_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
