/* check_kinds.c - the kinds of findings: what each means and what to do about it. */
#include "check_impl.h"

#define REMAKE "write the mask again on the image's grid"

const pleat_check_kind pleat_check_kinds[] = {
    [CHECK_DATA] = {"data", PLEAT_ERROR, 0, "the data folder cannot be read", ""},
    [CHECK_FILES] = {"files", PLEAT_ERROR, 0,
                     "a case lacks an image, a mask or a channel, or has one twice", ""},
    [CHECK_PASSED] = {"skipped", PLEAT_WARNING, 1,
                      "files that are no part of a case, or that dataset.json counts otherwise",
                      "rename what should be a case, move away what should not"},
    [CHECK_NO_LABELS] =
        {"no masks", PLEAT_WARNING, 0, "no case has a mask",
         "such a folder is for pleat predict; a run needs masks: where they are there by "
         "other names, set data.image and data.label, such as "
         "{case}_ct.nii.gz and {case}_mask.nii.gz"},
    [CHECK_HEADER] = {"header", PLEAT_ERROR, 0,
                      "a file that is missing, cut short, or whose header cannot be", ""},
    [CHECK_SHAPE] = {"shape", PLEAT_ERROR, 0, "image and mask are of different size", REMAKE},
    [CHECK_PLACE] = {"place", PLEAT_ERROR, 0,
                     "by their affines image and mask lie apart, by more than half a voxel",
                     REMAKE ", or set data.affine: warn where the voxels do belong together"},
    [CHECK_OFF_PLACE] = {"off place", PLEAT_WARNING, 1,
                         "the same by less, or with data.affine: warn",
                         "the voxels are taken as they lie"},
    [CHECK_FORMS] = {"forms", PLEAT_WARNING, 0, "sform and qform of a header say different places",
                     "the sform is taken, other programs may take the qform; write the right one "
                     "into both"},
    [CHECK_PIXDIM] = {"pixdim", PLEAT_WARNING, 1, "pixdim is not the spacing of the affine", ""},
    [CHECK_SHEARED] = {"sheared", PLEAT_WARNING, 0, "the axes of an affine are not at right angles",
                       "surface distances and resampling take them as at right angles; resample "
                       "the volume onto a grid of right angles"},
    [CHECK_LEFT_HANDED] = {"left-handed", PLEAT_NOTE, 0,
                           "some cases, not all, have left-handed axes",
                           "voxels are taken as they lie, so inside these cases are mirror images "
                           "of the others"},
    [CHECK_SPACING] = {"spacing", PLEAT_WARNING, 0,
                       "voxels or a volume of a size that no scan of a body has",
                       "correct the header: is the spacing in metres or micrometres?"},
    [CHECK_FLAT] = {"flat", PLEAT_WARNING, 0, "a volume of fewer than 4 voxels along an axis",
                    "if that is not meant, remove the case"},
    [CHECK_PREPARE] = {"refused", PLEAT_ERROR, 0,
                       "preprocessing refuses the case: its grid, memory, channels, or clip", ""},
    [CHECK_DOUBT] = {"doubtful", PLEAT_WARNING, 1, "preprocessing leaves little of the case", ""},
    [CHECK_DAMAGED] = {"damaged", PLEAT_ERROR, 0, "the voxels of a file cannot be read", ""},
    [CHECK_LEFT_OVER] = {"left over", PLEAT_WARNING, 1,
                         "a file holds more than its header says: slices are missing", ""},
    [CHECK_NOT_FINITE] = {"not finite", PLEAT_ERROR, 0, "a voxel is NaN or infinite", ""},
    [CHECK_MASK_LIKE] = {"like a mask", PLEAT_WARNING, 0,
                         "an image has but a few small whole numbers",
                         "if it is a mask, put the image in its place; else its values are lost: "
                         "export it again"},
    [CHECK_CONSTANT] = {"constant", PLEAT_WARNING, 1, "all voxels of a channel are alike",
                        "remove the case, or export it again"},
    [CHECK_PADDING] = {"padding", PLEAT_WARNING, 0, "values of CT far below that of air",
                       "set preprocess.clip to begin at -1024 or above, so that padding becomes "
                       "air"},
    [CHECK_LABEL_VALUE] = {"label value", PLEAT_ERROR, 0,
                           "a voxel of a mask is no whole number from 0 to 254, or there are "
                           "channels",
                           "export the mask as whole numbers, without interpolation"},
    [CHECK_LABEL_RANGE] =
        {"label range", PLEAT_ERROR, 0,
         "a mask has few whole numbers, as masks have, but some below 0 or above 254",
         "write it again with 1, 2, ... in their place, such as 1 for 255, in "
         "all masks, and no key has to be set"},
    [CHECK_LABEL] = {"label", PLEAT_ERROR, 0, "a mask has labels that are none of the classes",
                     "correct the mask, or name the label in classes"},
    [CHECK_EMPTY] = {"no foreground", PLEAT_WARNING, 0, "a mask has no voxel but background",
                     "if the case is not healthy, draw its mask"},
    [CHECK_FULL] = {"no background", PLEAT_WARNING, 0,
                    "every voxel of a mask is foreground, unlike in most cases",
                    "look at it: is it inverted, or a mask of the body?"},
    [CHECK_CHANNELS] = {"channels", PLEAT_ERROR, 0, "a case has not as many channels as the others",
                        "add what is missing, or remove what is too much"},
    [CHECK_NAMES] = {"names", PLEAT_ERROR, 0, "dataset.json names another number of channels",
                     "correct the names, or add what is missing"},
    [CHECK_ORIENTATION] = {"orientation", PLEAT_WARNING, 0,
                           "the axes of a case lead elsewhere than those of most",
                           "voxels are taken as they lie; set preprocess.orient: RAS, which turns "
                           "all to one orientation"},
    [CHECK_SPACINGS] = {"spacings", PLEAT_WARNING, 0,
                        "the spacing of a case is many times, or a fraction, of what most have",
                        "correct the header, or remove the case"},
    [CHECK_INTENSITY] = {"intensity", PLEAT_WARNING, 1,
                         "the values of a case are of another kind than those of most, and "
                         "neither preprocess.grayscale nor zscore without clip makes them alike",
                         "set preprocess.grayscale: true, which stretches each volume to one "
                         "range, export it again with the values of the scanner, or remove it"},
    [CHECK_INTENSITIES] = {"intensities", PLEAT_NOTE, 0,
                           "the same without a configuration, whose preprocess.grayscale may make "
                           "them alike",
                           "preprocess.grayscale: true, the default, makes them alike; without it "
                           "export the case again with the values of the scanner"},
    [CHECK_FLIPPED] =
        {"flipped", PLEAT_WARNING, 0,
         "the foreground of some cases lies as that of the others mirrored",
         "look at one of each side by side; mirror what of the image and the mask is mirrored"},
    [CHECK_MASK_TURNED] = {"mask mirrored", PLEAT_WARNING, 0,
                           "a mask fits its image as the others do only once it is mirrored",
                           "look at both; mirror the mask alone"},
    [CHECK_MASK_ELSE] =
        {"mask misfit", PLEAT_WARNING, 0,
         "inside the labels of a mask the image varies much more than in all other cases",
         "look at both: is it the mask of another case?"},
    [CHECK_RELABELLED] =
        {"relabelled", PLEAT_WARNING, 0,
         "a label of a case has the place, volume and values that another has in the others",
         "look at the mask: are its labels exchanged?"},
    [CHECK_UNLIKE] = {"unlike", PLEAT_WARNING, 0, "the image of a case looks like no other",
                      "look at it: is it inverted, overflowed, of another body part?"},
    [CHECK_SHUFFLED] = {"shuffled", PLEAT_WARNING, 0,
                        "the slices of a case are in no order, unlike those of the others",
                        "sort them by their place when you convert them"},
    [CHECK_BLANK] = {"blank", PLEAT_WARNING, 0,
                     "a quarter or more of the slices have one value each, unlike in most cases",
                     "look at it; export it again, or crop what is empty"},
    [CHECK_TWINS] = {"twins", PLEAT_WARNING, 1, "two cases have the very same image",
                     "a model would be scored on a case that it was trained on: remove one"},
    [CHECK_RATED_TWICE] = {"rated twice", PLEAT_NOTE, 0,
                           "two cases of one group of the table have the very same image, or "
                           "nearly so",
                           "no fold parts them"},
    [CHECK_ALIKE] = {"alike", PLEAT_WARNING, 0,
                     "two cases have nearly the same image, as where one was resampled",
                     "a model would be scored on what it was trained on: look at both, remove one"},
    [CHECK_PART] = {"part", PLEAT_WARNING, 0,
                    "two cases have voxels in common, as where one was cropped or padded",
                    "a model would be scored on what it was trained on: remove one, or put both "
                    "into one group (folds.group_by)"},
    [CHECK_SAME_MASK] = {"same mask", PLEAT_WARNING, 0, "two cases have one mask and other images",
                         "one of them is not its own; correct or remove it"},
    [CHECK_PATIENT] = {"patient", PLEAT_WARNING, 0,
                       "cases that by their names are of one patient may come into two folds",
                       "set folds.group_by to a pattern that finds the patient"},
    [CHECK_GAP] = {"gap", PLEAT_WARNING, 0, "labels in use are not 0, 1, 2, ...",
                   "name the classes with their labels, as classes: [background, liver=5]"},
    [CHECK_ABSENT] = {"absent", PLEAT_WARNING, 1, "no case, or one alone, has a voxel of a class",
                      "do classes and labels match?"},
    [CHECK_PATCH] = {"patch", PLEAT_WARNING, 1, "all volumes are smaller than the patch", ""},
    [CHECK_REGIONS] = {"regions", PLEAT_WARNING, 0,
                       "a predicted label map would be read back as other regions",
                       "let each region write a label that is in it, in the regions before it that "
                       "contain it, and in no other"},
    [CHECK_BEGINNING] = {"beginning", PLEAT_WARNING, 1,
                         "train.from was trained on images of another preprocessing", ""},
    [CHECK_IDLE] = {"no effect", PLEAT_WARNING, 0,
                    "a key is set that does nothing with the network, the optimizer or the "
                    "schedule that is chosen",
                    "remove it"},
    [CHECK_CONFIG] = {"configuration", PLEAT_ERROR, 0, "a run refuses the configuration", ""},
    {NULL, PLEAT_NOTE, 0, NULL, NULL},
};

const char *pleat_severity_name(pleat_severity severity) {
    static const char *const names[] = {
        [PLEAT_NOTE] = "note", [PLEAT_WARNING] = "warning", [PLEAT_ERROR] = "error"};
    return names[severity];
}
