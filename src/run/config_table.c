/* config_table.c - every key of the configuration: its kind, its place, its manual. */
#include "config_table.h"

#include <string.h>

#define AT(member)         offsetof(pleat_config, member), 0
#define AT2(member, other) offsetof(pleat_config, member), offsetof(pleat_config, other)
#define LENGTH(member)     sizeof(((pleat_config *)0)->member), 0, NULL
#define BIG                1e9

const config_row pleat_config_rows[] = {
    {"data", TEXT, AT(data), LENGTH(data), "folder of the annotated volumes"},
    {"store", TEXT, AT(store), LENGTH(store),
     "folder of the preprocessed cases; empty: <out>/store"},
    {"classes", TEXT, AT(classes), LENGTH(classes),
     "names in the order of the labels, background first; empty: from dataset.json"},
    {"seed", UNSIGNED, AT(seed), 0, 0, NULL, "of every random number of the run"},
    {"fidelity", BOOLEAN, AT(fidelity), 0, 0, NULL,
     "also repeat the original's black end slices after up-sampling"},

    {"preprocess.clip", RANGES_OR, AT2(prep.channel[0].clip_range, prep.channel[0].clip), -BIG, BIG,
     NULL, "intensities are cut to this range first; none: not; a list: of each channel"},
    {"preprocess.grayscale", FLAGS, AT(prep.channel[0].grayscale), 0, 0, NULL,
     "stretch each volume to whole numbers 0 to 255; a list: of each channel"},
    {"preprocess.resample", SPACING_OR, AT2(prep.spacing, prep.resample), 1e-3, 1e3, NULL,
     "voxel spacing in mm, x y z; none: keep each volume's own"},
    {"preprocess.zscore", FLAGS, AT(prep.channel[0].zscore), 0, 0, NULL,
     "subtract each volume's mean, divide by its standard deviation; a list: of each channel"},

    {"folds.k", INTEGER, AT(folds), 2, 1000, NULL, "number of folds"},
    {"folds.splits", TEXT, AT(splits), LENGTH(splits),
     "a splits_final.json to use; empty: drawn from the seed"},
    {"folds.group_by", TEXT, AT(group_by), LENGTH(group_by),
     "extended regular expression; cases with the same (first group of the) match, such as one "
     "patient's, stay in one fold"},

    {"patch", SIZE, AT(patch), 1, 4096, NULL, "voxels the network sees at once, x y z"},
    {"overlap", SIZE, AT(overlap), 0, 4095, NULL, "of neighbouring patches in prediction, x y z"},
    {"pad", CHOICE, AT(pad_background), 0, 0, "zero|background",
     "of volumes smaller than the patch: zero is the original's 0 that belongs to no class; "
     "background is the volume's minimum labelled background"},

    {"network.depth", INTEGER, AT(network.depth), 1, 7, NULL, "how often sizes are halved"},
    {"network.filters", INTEGER, AT(network.filters), 1, 512, NULL, "channels of the first level"},
    {"network.norm", BOOLEAN, AT(network.norm), 0, 0, NULL, "batch norm after each ReLU"},
    {"network.norm_sync", BOOLEAN, AT(norm_sync), 0, 0, NULL,
     "norm's statistics over all ranks of a fold, not each rank's own"},
    {"network.norm_momentum", REAL, AT(norm_momentum), 0.01, 0.9999, NULL,
     "of the running statistics; lower when a fold has less than about a thousand steps"},

    {"train.epochs", INTEGER, AT(epochs), 1, BIG, NULL, "at most"},
    {"train.iterations", INTEGER, AT(iterations), 1, BIG, NULL, "steps per epoch"},
    {"train.batch", INTEGER, AT(batch), 1, 4096, NULL,
     "patches per step, over all ranks of a fold"},
    {"train.validation", INTEGER, AT(validation), 0, 1000, NULL,
     "random patches per validation case and epoch"},
    {"train.oversample", REAL, AT(oversample), 0, 1, NULL,
     "share of patches around a foreground voxel, classes equally often; the others lie anywhere"},
    {"train.lr", REAL, AT(lr), 1e-12, 10, NULL, "learning rate of Adam at the start"},
    {"train.schedule", CHOICE, AT(schedule), 0, 0, "plateau|poly",
     "plateau: the original's; poly: lr * (1 - epoch/epochs)^0.9"},
    {"train.plateau.factor", REAL, AT(plateau_factor), 0, 1, NULL, "lr is multiplied by it"},
    {"train.plateau.patience", INTEGER, AT(plateau_patience), 0, BIG, NULL,
     "epochs without a better training loss; 0: lr stays"},
    {"train.plateau.min_delta", REAL, AT(plateau_delta), 0, 1, NULL, "what counts as better"},
    {"train.plateau.cooldown", INTEGER, AT(plateau_cooldown), 0, BIG, NULL,
     "epochs of rest after a reduction"},
    {"train.plateau.min_lr", REAL, AT(plateau_min_lr), 0, 1, NULL, "never below"},
    {"train.stop_patience", INTEGER, AT(stop_patience), 0, BIG, NULL,
     "epochs without a better training loss before a fold ends early; 0: never"},
    {"train.weights", CHOICE, AT(weights), 0, 0, "best|latest",
     "that predict: of the best training loss, or of the last epoch"},

    {"augment.on", BOOLEAN, AT(augment), 0, 0, NULL, "false: crops only"},
    {"augment.mirror", TRIPLE, AT(transforms.mirror), 0, 1, NULL,
     "probability along x, y and z; one number for all"},
    {"augment.contrast.p", REAL, AT(transforms.contrast_p), 0, 1, NULL, "probability"},
    {"augment.contrast.range", RANGE, AT(transforms.contrast), 0, 100, NULL,
     "factor about the mean"},
    {"augment.brightness.p", REAL, AT(transforms.brightness_p), 0, 1, NULL, "probability"},
    {"augment.brightness.range", RANGE, AT(transforms.brightness), 0, 100, NULL, "factor"},
    {"augment.gamma.p", REAL, AT(transforms.gamma_p), 0, 1, NULL, "probability"},
    {"augment.gamma.range", RANGE, AT(transforms.gamma), 1e-3, 100, NULL, "exponent"},
    {"augment.noise.p", REAL, AT(transforms.noise_p), 0, 1, NULL, "probability"},
    {"augment.noise.range", RANGE, AT(transforms.noise), 0, 100, NULL,
     "standard deviation, in units of the stored image"},
    {"augment.elastic.p", REAL, AT(transforms.elastic_p), 0, 1, NULL, "probability"},
    {"augment.elastic.alpha", RANGE, AT(transforms.alpha), 0, 1e5, NULL, "strength"},
    {"augment.elastic.sigma", RANGE, AT(transforms.sigma), 0.1, 100, NULL, "smoothness, voxels"},
    {"augment.rotation.p", REAL, AT(transforms.rotation_p), 0, 1, NULL, "probability"},
    {"augment.rotation.range", RANGE, AT(transforms.rotation), -180, 180, NULL,
     "degrees about each axis"},
    {"augment.scale.p", REAL, AT(transforms.scale_p), 0, 1, NULL, "probability"},
    {"augment.scale.range", RANGE, AT(transforms.scale), 0.1, 10, NULL, "factor"},

    {"predict.merge", CHOICE, AT(merge), 0, 0, "original|uniform|gaussian",
     "how overlapping patches are weighted"},
    {"predict.batch", INTEGER, AT(predict_batch), 1, 256, NULL, "patches at once"},

    {"engine", TEXT, AT(engine), LENGTH(engine), "auto, or one that `pleat info` lists"},
    {"precision", CHOICE, AT(precision), 0, 0, "auto|f32|tf32|bf16",
     "of products; auto: bf16 where the device has it"},
    {"deterministic", BOOLEAN, AT(deterministic), 0, 0, NULL,
     "the same bits on any number of threads and ranks; on a GPU, on the same ranks only"},
    {"threads", INTEGER, AT(threads), 0, 4096, NULL, "per rank; 0: the node's cores / its ranks"},
    {"loader_threads", INTEGER, AT(loader_threads), 1, 256, NULL, "that make patches ahead"},
    {"ranks_per_fold", INTEGER, AT(ranks_per_fold), 0, 1e6, NULL,
     "ranks that share one fold's batches; 0: 1 while ranks <= folds, else ranks / folds"},
    {"host_memory", BYTES, AT(host_memory), 0, 1e15, NULL,
     "of a node that the store may take; more is read from disk as needed"},
    {"device_memory", BYTES, AT(device_memory), 0, 1e15, NULL,
     "of a GPU that the training cases may take; more are streamed; 0: four fifths of what is "
     "free"},
    {"share_gpu", BOOLEAN, AT(share_gpu), 0, 0, NULL,
     "ranks of a fold may use one GPU, their sums then go through host memory"},
    {NULL, TEXT, 0, 0, 0, 0, NULL, NULL},
};

void pleat_config_defaults(pleat_config *config) {
    *config = (pleat_config){
        .seed = 1,
        .prep = {.resample = 1, .spacing = {2.70, 1.58, 1.58}},
        .folds = 5,
        .patch = {80, 160, 160},
        .overlap = {30, 80, 80},
        .network = {.depth = 4, .filters = 32, .norm = 1},
        .norm_sync = 1,
        .norm_momentum = 0.99,
        .epochs = 1000,
        .iterations = 150,
        .batch = 2,
        .validation = 1,
        .lr = 1e-3,
        .schedule = "plateau",
        .plateau_factor = 0.1,
        .plateau_delta = 1e-4,
        .plateau_min_lr = 1e-5,
        .plateau_patience = 15,
        .plateau_cooldown = 1,
        .stop_patience = 100,
        .weights = "best",
        .augment = 1,
        .transforms = pleat_augment_defaults(),
        .merge = "original",
        .predict_batch = 2,
        .engine = "auto",
        .precision = "auto",
        .loader_threads = 1,
        .host_memory = 4.0 * 1024 * 1024 * 1024,
    };
    const pleat_prep_steps steps = {
        .clip = 1, .clip_range = {-1250, 250}, .grayscale = 1, .zscore = 1};
    pleat_prep_all_channels(&config->prep, &steps);
}
