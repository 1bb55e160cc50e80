/* support_augment.c - a case and a list of samples for tests of augmentation. */
#include "support_augment.h"

#include "pleat/rng.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdlib.h>

/* What may be drawn, as bits. */
enum {
    CONTRAST = 1,
    BRIGHTNESS = 2,
    GAMMA = 4,
    NOISE = 8,
    ELASTIC = 16,
    ROTATION = 32,
    SCALE = 64,
    BLUR = 128,
    COARSEN = 256,
    INVERTED = 512,
    NNUNET = 1024
};

static const struct {
    const char *name;
    int drawn;
    double mirror;
} kinds[SUPPORT_ALL_KINDS] = {
    {"crop", 0, 0.0},
    {"mirror", 0, 0.5},
    {"contrast", CONTRAST, 0.5},
    {"brightness", BRIGHTNESS, 0.5},
    {"gamma", GAMMA, 0.5},
    {"noise", NOISE, 0.5},
    {"all intensities", CONTRAST | BRIGHTNESS | GAMMA | NOISE, 0.5},
    {"rotation", ROTATION, 0.0},
    {"scale", SCALE, 0.5},
    {"elastic", ELASTIC, 0.0},
    {"rotation and scale", ROTATION | SCALE, 0.5},
    {"elastic and rotation", ELASTIC | ROTATION, 0.5},
    {"elastic and noise", ELASTIC | NOISE, 0.5},
    {"everything", CONTRAST | BRIGHTNESS | GAMMA | NOISE | ELASTIC | ROTATION | SCALE, 0.5},
    {"nnU-Net's crop", NNUNET, 0.5},
    {"nnU-Net's noise, blur", NNUNET | NOISE | BLUR, 0.0},
    {"nnU-Net's contrast", NNUNET | CONTRAST | BRIGHTNESS | COARSEN, 0.5},
    {"nnU-Net's gammas", NNUNET | GAMMA | INVERTED, 0.5},
    {"nnU-Net's rotation", NNUNET | ROTATION | SCALE, 0.0},
    {"nnU-Net's all",
     NNUNET | CONTRAST | BRIGHTNESS | GAMMA | NOISE | ROTATION | SCALE | BLUR | COARSEN | INVERTED,
     0.5},
};

const char *support_sample(int kind, int draw, const int dim[3], const int patch[3],
                           pleat_sample *out) {
    pleat_augment_config config = pleat_augment_defaults();
    const int drawn = kinds[kind].drawn;
    config.contrast_p = drawn & CONTRAST ? 1.0 : 0.0;
    config.brightness_p = drawn & BRIGHTNESS ? 1.0 : 0.0;
    config.gamma_p = drawn & GAMMA ? 1.0 : 0.0;
    config.noise_p = drawn & NOISE ? 1.0 : 0.0;
    config.elastic_p = drawn & ELASTIC ? 1.0 : 0.0;
    config.rotation_p = drawn & ROTATION ? 1.0 : 0.0;
    config.scale_p = drawn & SCALE ? 1.0 : 0.0;
    config.like = drawn & NNUNET ? PLEAT_AUGMENT_NNUNET : PLEAT_AUGMENT_ORIGINAL;
    config.blur_p = drawn & BLUR ? 1.0 : 0.0;
    config.coarsen_p = drawn & COARSEN ? 1.0 : 0.0;
    config.inverted_p = drawn & INVERTED ? 1.0 : 0.0;
    for (int a = 0; a < 3; a++) config.mirror[a] = kinds[kind].mirror;
    pleat_sampler_draw(&(pleat_sample_key){7, kind, 0, draw, draw + 1, 1}, 1, (const int(*)[3])dim,
                       patch, &config, out);
    for (int a = 0; a < 3 && (drawn & BLUR); a++) out->blur[0][a] = 0.5 + 0.2 * a;
    if (drawn & COARSEN) out->coarsen[0] = 0.6; /* which are drawn for half of the channels */
    return kinds[kind].name;
}

support_case *support_case_make(const int dim[3], int channels) {
    const size_t n = pleat_voxels(dim);
    support_case *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->image = malloc((size_t)channels * n * sizeof *c->image);
    c->label = malloc(n);
    c->histogram = malloc((size_t)channels * sizeof *c->histogram);
    if (c->image == NULL || c->label == NULL || c->histogram == NULL) {
        support_case_free(c);
        return NULL;
    }
    const pleat_rng rng = pleat_rng_at(3, PLEAT_STREAM_PHANTOM, 0, 0, 0);
    for (size_t at = 0; at < (size_t)channels * n; at++) {
        const size_t i = at % n, channel = at / n, line = i / (size_t)dim[2];
        const double d = (double)(line / (size_t)dim[1]), h = (double)(line % (size_t)dim[1]);
        const double w = (double)(i % (size_t)dim[2]), phase = (double)channel;
        const double wave =
            sin(0.31 * d + phase) + sin(0.23 * h + 1.0 + 2.0 * phase) + sin(0.17 * w + 2.0);
        const double x = 0.5 + wave + 0.5 * pleat_rng_uniform(&rng, (uint32_t)at);
        c->image[at] = (float)fmin(2.5, fmax(-1.5, x));
        if (channel == 0)
            c->label[i] = (uint8_t)(wave < -1.0 ? 0 : wave < 0.0 ? 1 : wave < 1.0 ? 2 : 3);
    }
    for (size_t k = 0; k < (size_t)channels; k++)
        pleat_histogram_make(c->image + k * n, n, &c->histogram[k]);
    c->source = (pleat_source){.dim = {dim[0], dim[1], dim[2]},
                               .channels = channels,
                               .image = c->image,
                               .label = c->label,
                               .histogram = c->histogram};
    return c;
}

void support_case_free(support_case *c) {
    if (c == NULL) return;
    free(c->image);
    free(c->label);
    free(c->histogram);
    free(c);
}

support_difference support_compare(size_t n, int channels, double tolerance, const float *image,
                                   const uint8_t *label, const float *expected,
                                   const uint8_t *expected_label) {
    support_difference d = {0.0, 0, 0};
    for (size_t i = 0; i < n * (size_t)channels; i++) {
        const double difference = fabs((double)image[i] - (double)expected[i]);
        const int off = !(difference <= tolerance); /* so that not-a-number is off */
        d.largest = difference > d.largest ? difference : d.largest;
        d.off += (size_t)off;
    }
    for (size_t i = 0; i < n; i++) d.off_label += (size_t)(label[i] != expected_label[i]);
    return d;
}
