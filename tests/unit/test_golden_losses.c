/*
 * test_golden_losses.c - losses against numbers that PyTorch gave in float64 for logits and labels
 * made by integer formulas: values and gradients.
 */
#include "support_net.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { N = 2, K = 3 };

static void close_to(const char *what, const char *net, double got, double want, double size) {
    if (!(fabs(got - want) <= 1e-11 * size))
        fail_msg("%s of '%s': %.15g, not %.15g", what, net, got, want);
}

enum { VOXELS = 8 };

typedef struct golden_loss {
    const char *name;
    int classes;                               /* 0: K */
    int ignores;                               /* voxels 2, 7, 12 count for nothing */
    double weights[K];                         /* of E instead of the loss's own; 0: its own */
    double more_of_term;                       /* 0: 1; what nnU-Net multiplies E with */
    double value, first[3], squares, weighted; /* of the gradient by the logits */
} golden_loss;

static const golden_loss golden_losses[] = {
    {.name = "tversky_crossentropy",
     .value = 3.403625323179285,
     .first = {-0.06875049328949027, 0.04353360370307058, 0.02521688958641969},
     .squares = 0.09592263138205087,
     .weighted = 0.3444568839778772},
    {.name = "soft_dice",
     .value = 0.6890156396976592,
     .first = {-0.004794747857107287, 0.004827443770765085, -3.269591365779827e-05},
     .squares = 0.001531835797505556,
     .weighted = 0.05384449040265821},
    {.name = "dice_ce",
     .value = 1.1149814121010961,
     .first = {-0.0553159747157412, 0.03295665731867451, 0.022359317397066696},
     .squares = 0.05769466428456507,
     .weighted = 0.16872996777584848},
    {.name = "batch_dice_ce",
     .value = 1.0162019522459855,
     .first = {-0.056402670943158935, 0.0303237109829261, 0.02607895996023285},
     .squares = 0.06876507620422617,
     .weighted = 0.15260804461757438},
    {.name = "topk_crossentropy",
     .value = 3.360295991814008,
     .first = {0, 0, 0},
     .squares = 1.5866562509844104,
     .weighted = -1.7553393129084396},
    {.name = "dice_topk",
     .value = 3.1387036865474274,
     .first = {-0.0009497202448974026, 0.003905472127849297, -0.0029557518829518934},
     .squares = 1.5944262667964963,
     .weighted = -1.7695326938805247},
    {.name = "batch_dice_topk",
     .value = 3.0399242266923165,
     .first = {-0.0020364164723151407, 0.0012725257921008806, 0.000763890680214263},
     .squares = 1.5979545072416153,
     .weighted = -1.7856546170387961},
    {.name = "dice_coefficient",
     .value = 0.6042051680218248,
     .first = {-0.007075218256821399, 0.003780717981126646, 0.0032945002756947545},
     .squares = 0.0029611163911486393,
     .weighted = 0.08095401445838518},
    {.name = "dice_crossentropy",
     .value = 2.025589357065336,
     .first = {-0.05916100232795108, 0.033878628961590294, 0.025282373366360782},
     .squares = 0.059668221506585656,
     .weighted = 0.23676783915059085},
    {.name = "tversky",
     .value = 2.0670516058116077,
     .first = {-0.014384238818646476, 0.014482418512245373, -9.817969359889727e-05},
     .squares = 0.01378650305688017,
     .weighted = 0.1615335352299444},
    {.name = "focal_tversky",
     .value = 0.7674788951356325,
     .first = {-0.004188137640827279, 0.0031529000227075127, 0.0010352376181197664},
     .squares = 0.0010500657253985583,
     .weighted = 0.047945819166957615},
    {.name = "symmetric_focal_tversky",
     .classes = 2,
     .value = 0.8423127960196608,
     .first = {-0.004633210661826948, 0.004633210661826948, 0.004162015949566221},
     .squares = 0.0007423536479829706,
     .weighted = -0.06988058136085434},
    {.name = "asymmetric_focal_tversky",
     .classes = 2,
     .value = 0.6724323486787291,
     .first = {-0.010057257603451003, 0.010057257603451001, 0.0050139843942778786},
     .squares = 0.002131406911764727,
     .weighted = -0.11397661839029838},
    {.name = "dice_ce",
     .ignores = 1,
     .value = 1.0795891589513453,
     .first = {-0.06800050647620243, 0.04023005559811075, 0.027770450878091688},
     .squares = 0.07094530015502748,
     .weighted = -0.00780141031538828},
    {.name = "dice_bce",
     .classes = 2,
     .value = 0.5028284666365808,
     .first = {0.023923059449555556, 0.0270553771946527, 0.028659990498738564},
     .squares = 0.014582940771076698,
     .weighted = 0.5297206343697032},
    {.name = "dice_bce",
     .classes = 2,
     .ignores = 1,
     .more_of_term = 2, /* the mask counted once, not for each region */
     .value = 1.5312741431333527,
     .first = {0.053997368266327374, 0.06659783952510949, 0.0678138760558005},
     .squares = 0.06366125697936985,
     .weighted = 1.0029961916867838},
    {.name = "batch_dice_bce", /* by complex steps in Python */
     .classes = 2,
     .value = 0.46282109028177576,
     .first = {0.023800379318979256, 0.028698800230655068, 0.028591407490963377},
     .squares = 0.015897920108564965,
     .weighted = 0.6029074024866535},
    {.name = "categorical_focal",
     .weights = {0.25, 0.25, 0.5},
     .value = 0.31408031039463197,
     .first = {-0.016559055451371145, 0.008848507059851175, 0.007710548391519966},
     .squares = 0.006657279189712137,
     .weighted = -0.028303849159841826},
    {.name = "combo",
     .classes = 2,
     .value = -0.028812369960384776,
     .first = {-0.01754758168852892, 0.01754758168852892, 0.017468969796410157},
     .squares = 0.006435659107416754,
     .weighted = -0.13653969543715871},
    {.name = "symmetric_focal",
     .classes = 2,
     .value = 0.2174435850295746,
     .first = {-0.016550661671436488, 0.016550661671436484, 0.04128161712601247},
     .squares = 0.011772048525461706,
     .weighted = -0.08407703128930977},
    {.name = "asymmetric_focal",
     .classes = 2,
     .value = 0.37279676655131105,
     .first = {-0.016550661671436488, 0.016550661671436484, 0.03539816506580449},
     .squares = 0.011870853041444546,
     .weighted = -0.1138330057052741},
    {.name = "symmetric_unified_focal",
     .classes = 2,
     .value = 0.5330247603499174,
     .first = {-0.014394218212061874, 0.014394218212061872, 0.019718737442338426},
     .squares = 0.005315299884443089,
     .weighted = -0.108033985915579},
    {.name = "asymmetric_unified_focal",
     .classes = 2,
     .value = 0.5063891818301522,
     .first = {-0.01569250201962199, 0.01569250201962199, 0.018868716627028635},
     .squares = 0.005829425265993005,
     .weighted = -0.12082995506108757},
};

/* As a net has it: a loss of the batch sees the samples added up, and the engine divides by N. */
static double look(const pleat_loss *loss, const golden_loss *g, const double *sums, int classes,
                   double *slopes) {
    const int width = PLEAT_LOSS_SUMS(classes), k = PLEAT_LOSS_SLOPES(classes);
    const double more = g->more_of_term > 0 ? g->more_of_term : 1;
    double metrics[PLEAT_MOST_METRICS], added[PLEAT_LOSS_SUMS(K)];
    for (int i = 0; i < width; i++) added[i] = sums[i] + sums[width + i];
    const double voxels = added[width - 1] / N;
    assert_true(voxels == (g->ignores ? 13.0 : 16.0) / N);
    if (loss->of_batch) {
        loss->values(added, 1, N * voxels, classes, metrics);
        loss->slopes(added, classes, slopes);
        for (int i = 0; i < k; i++) slopes[k + i] = slopes[i] *= N;
    } else {
        loss->values(sums, N, voxels, classes, metrics);
        for (int b = 0; b < N; b++)
            loss->slopes(sums + (ptrdiff_t)b * width, classes, slopes + (ptrdiff_t)b * k);
    }
    const double term = loss->crossentropy / voxels / (loss->of_regions ? classes : 1);
    for (int b = 0; b < N; b++) slopes[b * k + k - 1] = more * term;
    return metrics[0] + (more - 1) * term * added[3 * classes] / N;
}

/* Labels 0, 1, 2 in regions "1 or 2" and "2". */
static uint32_t regions[256] = {0, 1, 3};

/* A tenth of 16 voxels is one, and E is to be 16 times its own. */
static void find_worst(pleat_engine *engine, const uint8_t *labels, int classes, double *z,
                       double *top) {
    OK(engine->ops->softmax(engine, z, (size_t)N * VOXELS, classes, z));
    top[0] = 1;
    top[1] = top[2] = N * VOXELS;
    for (size_t v = 0; v < (size_t)N * VOXELS; v++)
        top[0] = fmin(top[0], (double)(float)z[v * (size_t)classes + labels[v]]);
}

/* z_j = 2 sin(.9 j + .3); label of voxel i: (3 i + i / 4) mod K, of regions mod 3. */
static void check_loss(const golden_loss *g) {
    enum { IGNORED = 200 };
    const pleat_loss *loss = NULL;
    pleat_engine *engine = net_engine("ref64", PLEAT_PRECISION_AUTO);
    double z[N * VOXELS * K], dz[N * VOXELS * K], sums[N * PLEAT_LOSS_SUMS(K)];
    double slopes[N * PLEAT_LOSS_SLOPES(K)], focus[2 * K], squares = 0, weighted = 0;
    uint8_t labels[N * VOXELS];
    for (int i = 0; pleat_losses[i] != NULL; i++)
        if (strcmp(pleat_losses[i]->name, g->name) == 0) loss = pleat_losses[i];
    assert_non_null(loss);
    const int classes = g->classes > 0 ? g->classes : K, all = N * VOXELS * classes;
    double top[3];
    const pleat_targets targets = {loss->of_regions ? regions : NULL,
                                   loss->focus != NULL ? focus : NULL, g->ignores ? IGNORED : 0,
                                   loss->top > 0 ? top : NULL};
    if (loss->focus != NULL) loss->focus(classes, focus);
    if (g->weights[0] > 0) memcpy(focus, g->weights, sizeof g->weights);
    for (int j = 0; j < all; j++) z[j] = 2 * sin(0.9 * j + 0.3);
    for (int i = 0; i < N * VOXELS; i++) {
        labels[i] = (uint8_t)((3 * i + i / 4) % (loss->of_regions ? 3 : classes));
        if (g->ignores && i % 5 == 2) labels[i] = IGNORED;
    }
    if (loss->top > 0) find_worst(engine, labels, classes, z, top);
    OK(engine->ops->loss_forward(engine, &targets, z, labels, N, VOXELS, classes, z, sums));
    close_to("loss", g->name, look(loss, g, sums, classes, slopes), g->value, 1);
    const pleat_loss_gradient gradient = {slopes, 1.0 / N};
    OK(engine->ops->loss_backward(engine, &targets, z, labels, N, VOXELS, classes, &gradient, dz));
    for (int j = 0; j < all; j++) {
        squares += dz[j] * dz[j];
        weighted += dz[j] * (j % 17 - 8);
    }
    for (int i = 0; i < 3; i++) close_to("a gradient", g->name, dz[i], g->first[i], 1);
    close_to("gradients", g->name, squares, g->squares, 1);
    close_to("gradients by place", g->name, weighted, g->weighted, 1);
    pleat_engine_destroy(engine);
}

static void losses_are_pytorchs(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_losses); i++) check_loss(&golden_losses[i]);
}

/* The loss of one sample without its cross-entropy, whose sum E is 0. */
static double of_sums(const pleat_loss *loss, const double *sums) {
    double metrics[PLEAT_MOST_METRICS];
    loss->values(sums, 1, VOXELS, K, metrics);
    return metrics[0];
}

static void slopes_of_every_loss_are_differences(void **state) {
    (void)state;
    const double step = 1e-5;
    for (int i = 0; pleat_losses[i] != NULL; i++) {
        double sums[PLEAT_LOSS_SUMS(K)] = {1.5, 0.25, 2, 3, 0.75, 4.25, 2, 1, 5, 0}, slopes[2 * K];
        pleat_losses[i]->slopes(sums, K, slopes);
        for (int s = 0; s < 2 * K; s++) { /* TP, then P, of each class */
            double more[PLEAT_LOSS_SUMS(K)], less[PLEAT_LOSS_SUMS(K)];
            memcpy(more, sums, sizeof more);
            memcpy(less, sums, sizeof less);
            more[s] += step;
            less[s] -= step;
            const double slope =
                (of_sums(pleat_losses[i], more) - of_sums(pleat_losses[i], less)) / (2 * step);
            if (!(fabs(slope - slopes[s]) < 1e-8))
                fail_msg("slope %d of '%s': %.12g, not %.12g", s, pleat_losses[i]->name, slopes[s],
                         slope);
        }
    }
}

static void no_loss_is_left_out(void **state) {
    (void)state;
    for (int i = 0; pleat_losses[i] != NULL; i++) {
        int found = 0;
        for (size_t g = 0; g < COUNT(golden_losses); g++)
            found = found || strcmp(golden_losses[g].name, pleat_losses[i]->name) == 0;
        if (!found) fail_msg("loss '%s' has no golden numbers", pleat_losses[i]->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_pytorchs),
        cmocka_unit_test(slopes_of_every_loss_are_differences),
        cmocka_unit_test(no_loss_is_left_out),
    };
    return cmocka_run_group_tests_name("golden losses", tests, NULL, NULL);
}
