/* phantom.c - phantom cases: anatomy, vessels, lesions, blur and noise, and the files of them. */
#include "pleat/phantom.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/output.h"

#include "phantom_anatomy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the numbers of a case are drawn for. */
enum { DRAW_GRID, DRAW_PATIENT, DRAW_VESSELS, DRAW_LESIONS, DRAW_NODULES, DRAW_NOISE, DRAW_UPTAKE };

pleat_phantom_config pleat_phantom_default(void) {
    return (pleat_phantom_config){.dim = {40, 96, 96},
                                  .spacing = {6.0, 3.4, 3.4},
                                  .vary = 0.12,
                                  .infected = {0.06, 0.15},
                                  .windowed_every = 3,
                                  .channels = 1};
}

/* A case in the making. */
typedef struct scene {
    uint64_t seed;
    uint32_t number;
    patient who;
    pleat_image image;  /* of one channel */
    pleat_image uptake; /* the second one; empty when there is none */
    pleat_label label;
    size_t lung_voxels; /* labels 1 and 2 before any lesion */
} scene;

static draws draws_for(const scene *s, uint32_t what) {
    return (draws){pleat_rng_at(s->seed, PLEAT_STREAM_PHANTOM, s->number, what, 0), 0};
}

static double smooth_step(double t) {
    t = t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t;
    return t * t * (3.0 - 2.0 * t);
}

static vec between(vec a, vec b, double t) {
    return (vec){a.x + t * (b.x - a.x), a.y + t * (b.y - a.y), a.z + t * (b.z - a.z)};
}

static double distance(vec a, vec b) {
    return sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y) + (a.z - b.z) * (a.z - b.z));
}

/* The middle of voxel (d, h, w) in mm from the middle of the volume. */
static vec point_of(const pleat_image *v, int d, int h, int w) {
    return (vec){(w + 0.5 - 0.5 * v->dim[2]) * v->spacing[2],
                 (h + 0.5 - 0.5 * v->dim[1]) * v->spacing[1],
                 (d + 0.5 - 0.5 * v->dim[0]) * v->spacing[0]};
}

/* Voxels [first, end) that lie within `reach` mm of the box between a and b. */
static void box_around(const pleat_image *v, vec a, vec b, double reach, int first[3], int end[3]) {
    const double low[3] = {fmin(a.z, b.z), fmin(a.y, b.y), fmin(a.x, b.x)};
    const double high[3] = {fmax(a.z, b.z), fmax(a.y, b.y), fmax(a.x, b.x)};
    for (int i = 0; i < 3; i++) {
        const double half = 0.5 * v->dim[i];
        first[i] = (int)fmax(0.0, floor((low[i] - reach) / v->spacing[i] + half));
        end[i] = (int)fmin(v->dim[i], ceil((high[i] + reach) / v->spacing[i] + half));
    }
}

static size_t voxel_at(const pleat_image *v, int d, int h, int w) {
    return ((size_t)d * (size_t)v->dim[1] + (size_t)h) * (size_t)v->dim[2] + (size_t)w;
}

/* ---- what is in the chest -------------------------------------------------------------------- */

static void draw_anatomy(scene *s) {
    size_t lung = 0;
#pragma omp parallel for reduction(+ : lung)
    for (int d = 0; d < s->image.dim[0]; d++) {
        for (int h = 0; h < s->image.dim[1]; h++) {
            for (int w = 0; w < s->image.dim[2]; w++) {
                const size_t i = voxel_at(&s->image, d, h, w);
                const vec p = point_of(&s->image, d, h, w);
                s->image.data[i] = (float)patient_hu(&s->who, p, &s->label.data[i]);
                lung += s->label.data[i] != 0;
            }
        }
    }
    s->lung_voxels = lung;
}

/* A tube from a to b (a ball when they are one) of tissue `hu`, where it runs through a lung. */
static void draw_tube(scene *s, vec a, vec b, double radius, double hu) {
    int first[3], end[3];
    const double edge = s->image.spacing[2], length = distance(a, b);
    box_around(&s->image, a, b, radius + edge, first, end);
    for (int d = first[0]; d < end[0]; d++) {
        for (int h = first[1]; h < end[1]; h++) {
            for (int w = first[2]; w < end[2]; w++) {
                const size_t i = voxel_at(&s->image, d, h, w);
                if (s->label.data[i] == 0) continue;
                const vec p = point_of(&s->image, d, h, w);
                double t = 0.0; /* of the point of the axis next to p */
                if (length > 0.0)
                    t = ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y) +
                         (p.z - a.z) * (b.z - a.z)) /
                        (length * length);
                t = t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t;
                const double depth = (radius - distance(p, between(a, b, t))) / edge + 0.5;
                const double share = fmin(smooth_step(depth), fmin(1.0, 2.0 * radius / edge));
                const double mixed = s->image.data[i] + share * (hu - s->image.data[i]);
                s->image.data[i] = fmaxf(s->image.data[i], (float)mixed);
            }
        }
    }
}

/* A branch and, until `generation` runs out, the two it parts into. */
static void draw_branch(scene *s, draws *d, vec from, vec direction, double radius, double length,
                        int generation) {
    const double norm = distance(direction, (vec){0, 0, 0});
    const vec to = {from.x + direction.x / norm * length, from.y + direction.y / norm * length,
                    from.z + direction.z / norm * length};
    draw_tube(s, from, to, radius, 40.0);
    if (generation == 0) return;
    for (int child = 0; child < 2; child++) {
        const vec turn = {draw_in(d, -0.85, 0.85), draw_in(d, -0.85, 0.85),
                          draw_in(d, -0.85, 0.85)};
        const vec next = {direction.x / norm + turn.x, direction.y / norm + turn.y,
                          direction.z / norm + turn.z};
        draw_branch(s, d, to, next, radius * draw_in(d, 0.74, 0.84),
                    length * draw_in(d, 0.72, 0.92), generation - 1);
    }
}

static void draw_vessels(scene *s) {
    static const vec trunks[4] = {
        {0.7, -0.6, 0.7}, {0.8, 0.5, 0.5}, {0.6, -0.5, -0.7}, {0.6, 0.7, -0.6}};
    draws d = draws_for(s, DRAW_VESSELS);
    const double unit = s->who.unit;
    for (int side = -1; side <= 1; side += 2)
        for (int i = 0; i < 4; i++)
            draw_branch(s, &d, patient_hilum(&s->who, side),
                        (vec){side * trunks[i].x, trunks[i].y, trunks[i].z},
                        draw_in(&d, 5.0, 7.0) * unit, draw_in(&d, 24.0, 32.0) * unit, 5);
}

/* A random voxel of the lungs. */
static vec point_in_lungs(const scene *s, draws *d) {
    const int *dim = s->image.dim;
    for (;;) {
        const int at[3] = {(int)draw_in(d, 0, dim[0]), (int)draw_in(d, 0, dim[1]),
                           (int)draw_in(d, 0, dim[2])};
        if (s->label.data[voxel_at(&s->image, at[0], at[1], at[2])] != 0)
            return point_of(&s->image, at[0], at[1], at[2]);
    }
}

/* Small, bright, sharp and harmless. */
static void draw_nodules(scene *s) {
    draws d = draws_for(s, DRAW_NODULES);
    const int count = (int)draw_in(&d, 6, 13);
    for (int i = 0; i < count; i++) {
        const vec p = point_in_lungs(s, &d);
        draw_tube(s, p, p, draw_in(&d, 3.5, 6.5) * s->who.unit, draw_in(&d, -100.0, 300.0));
    }
}

typedef struct lesion {
    vec middle, half;    /* mm */
    double glass, solid; /* HU of ground glass and of the consolidated core */
    double core;         /* radius of the core as a share of the lesion's; 0: none */
} lesion;

static lesion next_lesion(const scene *s, draws *d) {
    lesion l;
    const double radius = draw_in(d, 17.0, 29.0) * s->who.unit;
    /* Of four places the rearmost and outermost: where the disease is seen. */
    double best = -INFINITY;
    for (int i = 0; i < 4; i++) {
        const vec p = point_in_lungs(s, d);
        const double score = fabs(p.x / s->who.half.x) + p.y / s->who.half.y + draw_in(d, 0.0, 1.0);
        if (score > best) l.middle = p;
        if (score > best) best = score;
    }
    l.half = (vec){radius * draw_in(d, 0.75, 1.25), radius * draw_in(d, 0.75, 1.25),
                   radius * draw_in(d, 0.75, 1.25)};
    l.glass = draw_in(d, -600.0, -380.0);
    l.solid = draw_in(d, -60.0, 30.0);
    l.core = draw_in(d, 0.0, 1.0) < 0.45 ? draw_in(d, 0.35, 0.6) : 0.0;
    return l;
}

/* Blends the lesion into the lung and labels where it is at least half; returns voxels gained. */
static size_t draw_lesion(scene *s, const lesion *l, const field *edge) {
    int first[3], end[3];
    size_t gained = 0;
    const double reach = 1.6 * fmax(l->half.x, fmax(l->half.y, l->half.z));
    box_around(&s->image, l->middle, l->middle, reach, first, end);
    for (int d = first[0]; d < end[0]; d++) {
        for (int h = first[1]; h < end[1]; h++) {
            for (int w = first[2]; w < end[2]; w++) {
                const size_t i = voxel_at(&s->image, d, h, w);
                if (s->label.data[i] == 0) continue;
                const vec p = point_of(&s->image, d, h, w), m = l->middle;
                const vec q = {(p.x - m.x) / l->half.x, (p.y - m.y) / l->half.y,
                               (p.z - m.z) / l->half.z};
                const double r = distance(q, (vec){0, 0, 0}) + 0.16 * field_at(edge, p);
                const double share = smooth_step((1.3 - r) / 0.6); /* half at r = 1 */
                const double core = smooth_step((l->core - r) / 0.3 + 0.5) * (l->core > 0.0);
                double hu = l->glass + 70.0 * field_at(&s->who.texture, p);
                hu += core * (l->solid - hu);
                const double mixed = s->image.data[i] + share * (hu - s->image.data[i]);
                s->image.data[i] = fmaxf(s->image.data[i], (float)mixed);
                if (share < 0.5 || s->label.data[i] == 3) continue;
                s->label.data[i] = 3;
                gained++;
            }
        }
    }
    return gained;
}

static void draw_lesions(scene *s, const double infected[2]) {
    enum { MOST = 40 };
    draws d = draws_for(s, DRAW_LESIONS);
    field edge;
    field_make(&d, 20.0 * s->who.unit, &edge);
    const double wanted = draw_in(&d, infected[0], infected[1]) * (double)s->lung_voxels;
    size_t made = 0;
    for (int i = 0; i < MOST && (double)made < wanted; i++) {
        const lesion l = next_lesion(s, &d);
        made += draw_lesion(s, &l, &edge);
    }
}

/* ---- what the scanner makes of it ------------------------------------------------------------ */

/* Each axis in turn by (share, 1 - 2 share, share), ends repeated: the scanner's point spread. */
static pleat_status blur(pleat_image *image, double share) {
    const float side = (float)share, middle = 1.0f - 2.0f * side;
    int longest = 1;
    for (int a = 0; a < 3; a++) longest = image->dim[a] > longest ? image->dim[a] : longest;
    float *line = malloc((size_t)longest * sizeof *line);
    PLEAT_CHECK(line != NULL, PLEAT_ERR_MEMORY, "no memory for a line of %d voxels", longest);
    for (int axis = 0; axis < 3; axis++) {
        const int n = image->dim[axis];
        size_t step = 1;
        for (int a = axis + 1; a < 3; a++) step *= (size_t)image->dim[a];
        const size_t lines = pleat_voxels(image->dim) / (size_t)n;
        for (size_t l = 0; l < lines; l++) {
            float *x = image->data + l / step * step * (size_t)n + l % step;
            for (int k = 0; k < n; k++) line[k] = x[(size_t)k * step];
            for (int k = 0; k < n; k++)
                x[(size_t)k * step] = middle * line[k] + side * (line[k > 0 ? k - 1 : 0] +
                                                                 line[k < n - 1 ? k + 1 : k]);
        }
    }
    free(line);
    return PLEAT_OK;
}

/* Noise, whole numbers, the scanner's range, and where asked the window 0..255. */
static void digitise(scene *s, int windowed) {
    draws d = draws_for(s, DRAW_NOISE);
    const double sigma = draw_in(&d, 40.0, 60.0);
    const size_t n = pleat_voxels(s->image.dim);
#pragma omp parallel for
    for (size_t i = 0; i < n; i++) {
        double hu = s->image.data[i] + sigma * pleat_rng_normal(&d.rng, (uint32_t)i + d.next);
        hu = rint(fmin(fmax(hu, -1024.0), 3071.0));
        if (windowed) hu = rint((fmin(fmax(hu, -1250.0), 250.0) + 1250.0) / 1500.0 * 255.0);
        s->image.data[i] = (float)hu;
    }
}

/* ---- the second channel ---------------------------------------------------------------------- */

/* By the finished anatomy, before the scanner blurs it: dense voxels of the lungs that are not
 * infected are vessels and nodules. */
static double uptake_of(float hu, uint8_t label) {
    if (label == 3) return 400.0;
    if (label != 0) return hu > -500.0F ? 60.0 : 120.0;
    return hu > -950.0F ? 180.0 : 0.0;
}

static pleat_status make_uptake(scene *s) {
    const size_t n = pleat_voxels(s->image.dim);
    PLEAT_TRY(pleat_image_make(1, s->image.dim, s->image.spacing, &s->uptake));
    for (size_t i = 0; i < n; i++)
        s->uptake.data[i] = (float)uptake_of(s->image.data[i], s->label.data[i]);
    PLEAT_TRY(blur(&s->uptake, 0.2));
    const draws d = draws_for(s, DRAW_UPTAKE);
    for (size_t i = 0; i < n; i++) {
        const double noisy = s->uptake.data[i] + 50.0 * pleat_rng_normal(&d.rng, (uint32_t)i);
        s->uptake.data[i] = (float)rint(fmin(fmax(noisy, 0.0), 1000.0));
    }
    return PLEAT_OK;
}

/* Both channels as one image in place of the first. */
static pleat_status join_channels(scene *s) {
    const size_t n = pleat_voxels(s->image.dim);
    pleat_image both;
    PLEAT_TRY(pleat_image_make(2, s->image.dim, s->image.spacing, &both));
    memcpy(both.data, s->image.data, n * sizeof *both.data);
    memcpy(both.data + n, s->uptake.data, n * sizeof *both.data);
    pleat_image_free(&s->image);
    s->image = both;
    return PLEAT_OK;
}

static void make_geometry(const pleat_image *image, pleat_geometry *out) {
    pleat_nifti_plain_geometry(image->dim, image->spacing, out);
    const double sign[3] = {-1.0, -1.0, 1.0}; /* indices grow to the left, back and head */
    for (int row = 0; row < 3; row++) {
        const double mm = image->spacing[2 - row], n = image->dim[2 - row];
        for (int column = 0; column < 3; column++)
            out->affine[row][column] = row == column ? sign[row] * mm : 0.0;
        out->affine[row][3] = -sign[row] * mm * 0.5 * (n - 1.0);
        out->qoffset[row] = out->affine[row][3];
    }
    memcpy(out->sform, out->affine, sizeof out->sform);
    const double half_turn[3] = {0.0, 0.0, 1.0}; /* about the long axis */
    memcpy(out->quatern, half_turn, sizeof out->quatern);
    out->pixdim[0] = 1.0;
    out->sform_code = out->qform_code = 1; /* scanner's coordinates */
}

/* ---- cases ----------------------------------------------------------------------------------- */

static pleat_status check_config(const pleat_phantom_config *c) {
    for (int a = 0; a < 3; a++)
        PLEAT_CHECK(c->dim[a] >= 8 && c->dim[a] <= 1024 && c->spacing[a] > 0.0, PLEAT_ERR_ARG,
                    "a phantom of %d x %d x %d voxels of %g x %g x %g mm cannot be made; sizes are "
                    "8 to 1024, spacings above 0",
                    c->dim[2], c->dim[1], c->dim[0], c->spacing[2], c->spacing[1], c->spacing[0]);
    PLEAT_CHECK(c->channels == 1 || c->channels == 2, PLEAT_ERR_ARG,
                "phantoms of %d channels cannot be made; use 1 or 2", c->channels);
    PLEAT_CHECK(c->vary >= 0.0 && c->vary <= 0.5, PLEAT_ERR_ARG,
                "phantoms cannot vary by %g; use 0 to 0.5", c->vary);
    PLEAT_CHECK(c->infected[0] >= 0.0 && c->infected[0] <= c->infected[1] && c->infected[1] <= 0.5,
                PLEAT_ERR_ARG, "lungs cannot be infected by %g to %g; use 0 to 0.5", c->infected[0],
                c->infected[1]);
    return PLEAT_OK;
}

pleat_status pleat_phantom_make(uint64_t seed, int number, const pleat_phantom_config *config,
                                pleat_image *image, pleat_label *label, pleat_geometry *geometry) {
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(check_config(config));
    scene s = {.seed = seed, .number = (uint32_t)number};
    draws d = draws_for(&s, DRAW_GRID);
    int dim[3];
    double spacing[3];
    for (int a = 0; a < 3; a++) {
        dim[a] = (int)rint(config->dim[a] * draw_in(&d, 1.0 - config->vary, 1.0 + config->vary));
        spacing[a] = config->spacing[a] * draw_in(&d, 1.0 - config->vary, 1.0 + config->vary);
    }
    spacing[2] = spacing[1] / config->spacing[1] * config->spacing[2]; /* one in-plane scale */
    PLEAT_TRY_GOTO(status, done, pleat_image_make(1, dim, spacing, &s.image));
    PLEAT_TRY_GOTO(status, done, pleat_label_make(dim, spacing, &s.label));
    d = draws_for(&s, DRAW_PATIENT);
    patient_make(&d, (vec){dim[2] * spacing[2], dim[1] * spacing[1], dim[0] * spacing[0]}, &s.who);
    draw_anatomy(&s);
    PLEAT_CHECK_GOTO(status, done, s.lung_voxels > 0, PLEAT_ERR_ARG,
                     "a phantom of %d x %d x %d voxels has no room for lungs", dim[2], dim[1],
                     dim[0]);
    draw_vessels(&s);
    draw_nodules(&s);
    draw_lesions(&s, config->infected);
    if (config->channels == 2) PLEAT_TRY_GOTO(status, done, make_uptake(&s));
    PLEAT_TRY_GOTO(status, done, blur(&s.image, 0.2));
    digitise(&s, config->windowed_every > 0 && number % config->windowed_every == 0);
    make_geometry(&s.image, geometry);
    if (config->channels == 2) PLEAT_TRY_GOTO(status, done, join_channels(&s));
    *image = s.image;
    *label = s.label;
    s.image = (pleat_image){0};
    s.label = (pleat_label){0};
done:
    pleat_image_free(&s.image);
    pleat_image_free(&s.uptake);
    pleat_label_free(&s.label);
    return status;
}

/* One channel is imaging.nii.gz, more are imaging_0000.nii.gz and so on. */
static pleat_status write_image(const char *folder, const pleat_image *image,
                                const pleat_geometry *geometry) {
    const size_t n = pleat_voxels(image->dim);
    char path[PLEAT_PATH_BYTES];
    for (int c = 0; c < 2 && image->channels > 1; c++) {
        PLEAT_TRY(pleat_path(path, sizeof path, "%s/imaging_%04d.nii.gz", folder, c));
        pleat_image one = *image;
        one.channels = 1;
        one.data = image->data + (size_t)c * n;
        PLEAT_TRY(pleat_nifti_write_image(path, &one, geometry, 1));
    }
    if (image->channels > 1) return PLEAT_OK;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/imaging.nii.gz", folder));
    return pleat_nifti_write_image(path, image, geometry, 1);
}

static pleat_status write_case(const char *folder, uint64_t seed, int number,
                               const pleat_phantom_config *config) {
    pleat_status status = PLEAT_OK;
    pleat_image image = {0};
    pleat_label label = {0};
    pleat_geometry geometry;
    char path[PLEAT_PATH_BYTES], here[PLEAT_PATH_BYTES];
    PLEAT_TRY_GOTO(status, done,
                   pleat_phantom_make(seed, number, config, &image, &label, &geometry));
    PLEAT_TRY_GOTO(status, done, pleat_path(here, sizeof here, "%s/case_%03d", folder, number));
    PLEAT_TRY_GOTO(status, done, pleat_file_make_folder(here));
    PLEAT_TRY_GOTO(status, done, write_image(here, &image, &geometry));
    PLEAT_TRY_GOTO(status, done, pleat_path(path, sizeof path, "%s/segmentation.nii.gz", here));
    PLEAT_TRY_GOTO(status, done, pleat_nifti_write_label(path, &label, &geometry));
done:
    pleat_image_free(&image);
    pleat_label_free(&label);
    return status;
}

pleat_status pleat_phantom_write(const char *folder, int cases, uint64_t seed,
                                 const pleat_phantom_config *config) {
    PLEAT_CHECK(cases >= 1 && cases <= 999, PLEAT_ERR_ARG,
                "%d phantom cases cannot be made; use 1 to 999", cases);
    PLEAT_TRY(pleat_output_check("the folder", folder, "pleat phantom", NULL));
    for (int number = 1; number <= cases; number++) {
        char name[16];
        PLEAT_TRY(pleat_path(name, sizeof name, "case_%03d", number));
        pleat_progress("phantom", (size_t)number - 1, (size_t)cases, name);
        PLEAT_TRY(write_case(folder, seed, number, config));
    }
    pleat_progress("phantom", (size_t)cases, (size_t)cases, "");
    return PLEAT_OK;
}
