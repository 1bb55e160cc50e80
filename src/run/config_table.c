/* config_table.c - every key of the configuration: its kind, its place, its manual. */
#include "config_table.h"

#include "pleat/engine.h"
#include "pleat/folds.h"
#include "pleat/losses.h"
#include "pleat/optimizers.h"
#include "pleat/page.h"
#include "pleat/rundir.h"
#include "pleat/surface.h"
#include "pleat/window.h"

enum { MOST_REPEATS = PLEAT_MAX_FOLDS / 2 }; /* of two folds each */

const config_row pleat_config_rows[] = {
    {"preset", DESCRIBED(preset, pleat_preset_name, pleat_preset_what), CHOOSES,
     "which recipe gives the keys that are not set their values"},

    {"data", TEXT(data), RESUME | NEEDED,
     "folder of the annotated volumes, or a CSV that lists them: case, image, label, group, fold; "
     "a "
     "relative path begins in the folder where pleat is started"},
    {"data.image", TEXT(data_image), RESUME,
     "names of the images below that folder, such as {case}/ct.nii.gz; empty: those of a layout "
     "that is known"},
    {"data.label", TEXT(data_label), RESUME, "names of the masks, such as {case}/mask.nii.gz"},
    {"data.affine", CHOICE(prep.affine, pleat_affine_name), RESUME,
     "what to do with a mask that lies more than half a voxel from its image, by their affines: "
     "error refuses it; warn takes the voxels as they lie"},
    {"store", TEXT(store), RESUME, "folder of the preprocessed cases; empty: <out>/store"},
    {"classes", TEXT(classes), LISTED,
     "names of the classes, background first, with labels 0, 1, 2, ..., NAME=LABEL, or regions "
     "NAME=LABEL+LABEL:WRITTEN; "
     "ignore=LABEL counts for nothing; empty: from dataset.json"},
    {"seed", UNSIGNED(seed), 0, "seed of all random numbers of the run"},
    {"fidelity", BOOLEAN(fidelity), 0,
     "also repeat the original's black end slices after up-sampling"},

    {"preprocess.orient", CHOICE(prep.orient, pleat_orient_name), 0,
     "turn each volume so that its axes x, y, z lead there (R right, L left, A front, P back, S "
     "head); none: as the file has it; predictions are turned back"},
    {"preprocess.clip", RANGES_OR(prep.channel[0].clip_range, prep.channel[0].clip, -BIG, BIG), 0,
     "intensities are cut to this range first; none: not; a list: of each channel"},
    {"preprocess.grayscale", FLAGS(prep.channel[0].grayscale), 0,
     "stretch each volume to whole numbers 0 to 255; a list: of each channel"},
    {"preprocess.resample", SPACING_OR(prep.spacing, prep.resample, 1e-3, 1e3), 0,
     "voxel spacing in mm, x y z; none: keep each volume's own"},
    {"preprocess.scale", RANGES_OR(prep.channel[0].scale_range, prep.channel[0].scale, -BIG, BIG),
     0,
     "after that these values become -1 and 1, of all volumes alike, such as mean - sd and mean + "
     "sd "
     "of a CT's foreground, as nnU-Net has it; none: not; a list: of each channel"},
    {"preprocess.zscore", FLAGS(prep.channel[0].zscore), 0,
     "subtract each volume's mean, divide by its standard deviation; a list: of each channel"},

    {"folds.k", INTEGER(folds, 2, PLEAT_MAX_FOLDS), 0, "number of folds"},
    {"folds.repeats", INTEGER(repeats, 1, MOST_REPEATS), 0,
     "repeated cross-validation: this many times k folds, each time split in another way by the "
     "seed"},
    {"folds.like", DESCRIBED(folds_like, pleat_folds_like_name, pleat_folds_like_what), 0,
     "how folds are drawn"},
    {"folds.splits", TEXT(splits), RESUME,
     "a splits_final.json to use; empty: drawn from the seed"},
    {"folds.group_by", TEXT(group_by), 0,
     "extended regular expression; cases with the same (first group of the) match, such as one "
     "patient's, stay in one fold"},

    {"patch", SIZE(patch, 1, 4096), PREDICT, "voxels the network sees at once, x y z"},
    {"overlap", SIZE(overlap, 0, 4095), PREDICT,
     "overlap of neighbouring patches in prediction, x y z; where it is not set and patch is too "
     "small for the default: half of patch"},
    {"pad", CHOICE(pad, pleat_pad_name), PREDICT,
     "outside the volume: zero is the original's 0 that belongs to no class; background is the "
     "volume's minimum labelled background; nnunet is 0 labelled background"},

    {"network.name", DESCRIBED(network.name, pleat_network_name, pleat_network_what), 0,
     "name of the network"},
    {"network.depth", INTEGER(network.depth, 1, 7), 0, "how often sizes are halved"},
    {"network.filters", INTEGER(network.filters, 1, 512), 0, "channels of the first level"},
    {"network.norm", BOOLEAN(network.norm), 0, "batch norm after each ReLU"},
    {"network.most_filters", INTEGER(network.most_filters, 1, 4096), 0,
     "most channels of any level, for isensee, plainconv and resenc; nnU-Net has 320, for flat "
     "images 512"},
    {"network.input_shortcut", BOOLEAN(network.input_shortcut), 0,
     "attention_residual's shortcuts are of a block's input, as MIScnn's for flat images, not of "
     "its "
     "result"},
    {"network.supervise", BOOLEAN(network.supervise), 0,
     "heads at the coarser levels guide training, of plainconv and resenc"},
    {"network.strides", TEXT(network.strides), LISTED,
     "strides of each halving, three digits x y z, such as [221, 222]; empty: 222"},
    {"network.kernels", TEXT(network.kernels), LISTED,
     "kernels of each level, the first too, such as [331, 333, 333]; empty: 333"},
    {"network.blocks", TEXT(network.blocks), LISTED,
     "blocks of each level of resenc, such as [1, 3, 4]; empty: 1,3,4,6,6,..."},
    {"network.norm_sync", BOOLEAN(train.norm_sync), 0,
     "norm's statistics over all ranks of a fold, not each rank's own"},
    {"network.norm_momentum", REAL(train.norm_momentum, 0.01, 0.9999), 0,
     "momentum of the running statistics, which predict; a fold whose steps leave more than 5 % of "
     "what they begin with is warned of, at 0.99 one of fewer than 299 steps: then set it lower, "
     "such "
     "as 0.9"},

    {"train.from", TEXT(from), 0,
     "a checkpoint of the same network, but for the classes, whose weights training begins with; "
     "empty: random ones"},
    {"train.epochs", INTEGER(train.epochs, 1, BIG), 0, "most epochs of a fold"},
    {"train.iterations", INTEGER(train.iterations, 1, BIG), 0, "steps per epoch"},
    {"train.batch", INTEGER(train.batch, 1, 4096), 0, "patches per step, over all ranks of a fold"},
    {"train.validation", INTEGER(train.validation, 0, 1000), 0,
     "random patches per validation case and epoch"},
    {"train.oversample", REAL(train.oversample, 0, 1), 0,
     "share of patches around a foreground voxel, classes equally often; the others lie anywhere, "
     "or with a label to ignore around an annotated voxel; with augment.like: nnunet the last of "
     "each batch"},
    {"train.loss", DESCRIBED(train.loss, pleat_loss_name, pleat_loss_what), 0,
     "loss that is minimised; its metrics are logged"},
    {"train.optimizer",
     DESCRIBED(train.update.optimizer, pleat_optimizer_name, pleat_optimizer_what), 0,
     "how gradients change the weights"},
    {"train.momentum", REAL(train.update.momentum, 0, 0.99999), 0, "momentum of sgd"},
    {"train.weight_decay", REAL(train.update.decay, 0, 1), 0, "weight decay of sgd and adamw"},
    {"train.amsgrad", BOOLEAN(train.update.amsgrad), 0,
     "adam and adamw divide by the largest second moment so far"},
    {"train.clip", REAL(train.update.clip, 0, 1e9), 0,
     "gradients of a larger norm are shortened to it; nnU-Net's is 12; 0: never"},
    {"train.average", REAL(train.update.average, 0, 0.99999), 0,
     "a moving average of the weights validates and predicts, and keeps this share of itself in a "
     "step, such as 0.999; 0: none"},
    {"train.lr", REAL(train.lr, 1e-12, 10), 0, "learning rate at the start"},
    {"train.schedule", DESCRIBED(train.schedule, pleat_schedule_name, pleat_schedule_what), 0,
     "schedule of the learning rate"},
    {"train.warmup", INTEGER(train.rates.warmup, 0, BIG), 0,
     "epochs in which lr rises to its start, fewer than train.epochs"},
    {"train.plateau.factor", REAL(train.rates.factor, 0, 1), 0, "lr is multiplied by this"},
    {"train.plateau.patience", INTEGER(train.rates.patience, 0, BIG), 0,
     "epochs without a better training loss; 0: lr stays"},
    {"train.plateau.min_delta", REAL(train.rates.min_delta, 0, 1), 0,
     "smallest fall of the loss that counts as better"},
    {"train.plateau.cooldown", INTEGER(train.rates.cooldown, 0, BIG), 0,
     "epochs of rest after a reduction"},
    {"train.plateau.min_lr", REAL(train.rates.min_rate, 0, 1), 0, "lr never falls below this"},
    {"train.stop_patience", INTEGER(train.rates.stop_patience, 0, BIG), 0,
     "epochs without a better training loss before a fold ends early; 0: never"},
    {"train.weights", CHOICE(weights, pleat_weights_name), 0,
     "weights that predict: those of the best training loss, or of the last epoch"},

    {"augment.on", BOOLEAN(train.augment), 0, "false: crops only, drawn as the original's"},
    {"augment.like",
     DESCRIBED(train.transforms.like, pleat_augment_like_name, pleat_augment_like_what), CHOOSES,
     "which patches are taken and how they are changed; see docs/math.md"},
    {"augment.mirror", TRIPLE(train.transforms.mirror, 0, 1), 0,
     "probability along x, y and z; one number for all"},
    {"augment.contrast.p", REAL(train.transforms.contrast_p, 0, 1), 0, "probability"},
    {"augment.contrast.range", RANGE(train.transforms.contrast, 0, 100), 0,
     "factor about the mean"},
    {"augment.brightness.p", REAL(train.transforms.brightness_p, 0, 1), 0, "probability"},
    {"augment.brightness.range", RANGE(train.transforms.brightness, 0, 100), 0, "factor"},
    {"augment.gamma.p", REAL(train.transforms.gamma_p, 0, 1), 0, "probability"},
    {"augment.gamma.range", RANGE(train.transforms.gamma, 1e-3, 100), 0, "exponent"},
    {"augment.noise.p", REAL(train.transforms.noise_p, 0, 1), 0, "probability"},
    {"augment.noise.range", RANGE(train.transforms.noise, 0, 100), 0,
     "standard deviation, in units of the stored image"},
    {"augment.blur.p", REAL(train.transforms.blur_p, 0, 1), 0,
     "probability of a blur; this and the next five are of augment.like: nnunet alone"},
    {"augment.blur.range", RANGE(train.transforms.blur, 0.05, 20), 0,
     "standard deviation along each axis, voxels"},
    {"augment.low_resolution.p", REAL(train.transforms.coarsen_p, 0, 1), 0,
     "probability of a low resolution"},
    {"augment.low_resolution.range", RANGE(train.transforms.coarsen, 0.01, 1), 0,
     "share of the voxels along an axis that are left"},
    {"augment.inverted_gamma.p", REAL(train.transforms.inverted_p, 0, 1), 0,
     "probability of a gamma of the negative"},
    {"augment.inverted_gamma.range", RANGE(train.transforms.inverted, 1e-3, 100), 0, "exponent"},
    {"augment.elastic.p", REAL(train.transforms.elastic_p, 0, 1), 0, "probability"},
    {"augment.elastic.alpha", RANGE(train.transforms.alpha, 0, 1e5), 0, "strength"},
    {"augment.elastic.sigma", RANGE(train.transforms.sigma, 0.1, 100), 0, "smoothness, voxels"},
    {"augment.rotation.p", REAL(train.transforms.rotation_p, 0, 1), 0, "probability"},
    {"augment.rotation.range", RANGE(train.transforms.rotation, -180, 180), 0,
     "degrees about each axis"},
    {"augment.scale.p", REAL(train.transforms.scale_p, 0, 1), 0, "probability"},
    {"augment.scale.range", RANGE(train.transforms.scale, 0.1, 10), 0, "factor"},

    {"predict.merge", CHOICE(merge, pleat_merge_name), PREDICT,
     "how overlapping patches are weighted; see docs/math.md"},
    {"predict.mirror", BOOLEAN(mirror), PREDICT,
     "the mean over each patch and its mirror images, along all choices of the axes that "
     "augment.mirror has mirrored in training"},
    {"predict.batch", INTEGER(predict_batch, 1, 256), RESUME | PREDICT, "patches at once"},

    {"report.surface", CHOICE(surface, pleat_surface_name), 0,
     "whose definition of surface distances: areas of surface, or voxels at the rim; see "
     "docs/math.md"},
    {"report.tolerance", TEXT(tolerance), LISTED,
     "mm within which surfaces count as one (NSD): a number, or CLASS=MM for some; empty: 1, and 3 "
     "for a class named infection"},
    {"report.lesions", TEXT(lesions), LISTED, "classes whose connected parts are counted"},
    {"report.lesion_overlap", REAL(lesion_overlap, 0, 1), 0,
     "share of a lesion that must be covered before it counts as found; never less than a voxel"},
    {"report.figures", BOOLEAN(figures), RESUME,
     "gnuplot draws the figures; false: their data and scripts are written, nothing is drawn"},
    {"report.pictures", INTEGER(pictures, 0, 1e6), RESUME,
     "cases that the page of a report shows in pictures, the worst first; 0: none"},

    {"engine", CHOICE(engine, pleat_engine_name), RESUME | PREDICT | QUOTED,
     "auto, or one that `pleat info` lists"},
    {"precision", CHOICE(precision, pleat_precision_name), RESUME | PREDICT,
     "precision of products; auto: bf16 where the device has it"},
    {"deterministic", BOOLEAN(deterministic), PREDICT,
     "the same bits on any number of threads and ranks; on a GPU, on the same ranks only"},
    {"threads", INTEGER(threads, 0, 4096), RESUME | PREDICT,
     "threads per rank; 0: the node's cores / its ranks"},
    {"loader_threads", INTEGER(train.loader_threads, 1, 256), RESUME,
     "threads that make patches ahead"},
    {"ranks_per_fold", INTEGER(ranks_per_fold, 0, 1e6), RESUME,
     "ranks that share one fold's batches, fewer where there are fewer; 0: 1 while ranks <= folds, "
     "else "
     "ranks / folds"},
    {"host_memory", BYTES(host_memory, 0, 1e15), RESUME,
     "memory of a node that the store may take, at most 7/8 of what machine and cgroup allow; the "
     "rest is read from disk as needed"},
    {"device_memory", BYTES(train.device_memory, 0, 1e15), RESUME,
     "memory of a GPU that the training cases may take; more are streamed; 0: four fifths of what "
     "is free"},
    {"share_gpu", BOOLEAN(share_gpu), RESUME,
     "ranks of a fold may use one GPU, their sums then go through host memory"},
    {"progress", INTEGER(progress, 0, 86400), RESUME,
     "seconds between two lines on how far each fold is, and between two writes of the files that "
     "pleat status reads; 0: neither"},
    {NULL, VALUE_TEXT, 0, 0, 0, 0, PLAIN, 0, NULL},
};
_Static_assert(sizeof pleat_config_rows / sizeof *pleat_config_rows <= PLEAT_CONFIG_KEYS, "keys");

void pleat_config_defaults(pleat_config *config) {
    *config = (pleat_config){
        .seed = 1,
        .prep = {.resample = 1, .spacing = {2.70, 1.58, 1.58}},
        .folds = 5,
        .repeats = 1,
        .patch = {80, 160, 160},
        .overlap = {30, 80, 80},
        .network = {.depth = 4, .filters = 32, .norm = 1, .most_filters = 320, .supervise = 1},
        .train = {.epochs = 1000,
                  .iterations = 150,
                  .batch = 2,
                  .validation = 1,
                  .update = {.momentum = 0.99, .decay = 3e-5}, /* nnU-Net's */
                  .lr = 1e-3,
                  .rates = pleat_schedule_defaults(),
                  .norm_sync = 1,
                  .norm_momentum = 0.99,
                  .augment = 1,
                  .transforms = pleat_augment_defaults(),
                  .loader_threads = 1},
        .predict_batch = 2,
        .lesion_overlap = PLEAT_LESIONS_OVERLAP,
        .figures = 1,
        .pictures = PLEAT_PAGE_PICTURES,
        .host_memory = 4.0 * 1024 * 1024 * 1024,
        .progress = 30,
    };
    const pleat_prep_steps steps = {
        .clip = 1, .clip_range = {-1250, 250}, .grayscale = 1, .zscore = 1};
    pleat_prep_all_channels(&config->prep, &steps);
}
