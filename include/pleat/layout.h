/*
 * layout.h - which files of a data folder are cases.
 *
 *   one folder a case                 MSD and nnU-Net                          volumes alone
 *     case_001/imaging.nii.gz           imagesTr/case_001.nii.gz                 case_001.nii.gz
 *              segmentation.nii.gz        or     case_001_0000.nii.gz            case_002_0000.nii
 *     case_002/imaging_0000.nii                  case_001_0001.nii.gz            case_002_0001.nii
 *              imaging_0001.nii         labelsTr/case_001.nii.gz
 *              segmentation.nii         dataset.json (optional)
 *
 * Every .nii.gz may be a .nii, either in capitals. A folder may also be one case itself, and a path
 * one volume. Where dataset.json has a "training" list, that list decides, in any layout; its
 * "file_ending" is honoured. Hidden files, as macOS's ._*, and documents (README, .json, .txt, ...)
 * are passed over; what else is passed by, the log counts and names in one line, and it tells of a
 * "numTraining" that is not the number of cases.
 *
 * BIDS:  sub-*[/ses-*]/anat/sub-*_T1w.nii.gz    each suffix a channel
 *        derivatives/X/sub-*[/ses-*]/anat/sub-*_dseg.nii.gz, else _mask.nii.gz
 * Table: a path that ends in .csv, whose columns are case, image, image..., label, group, fold; its
 *        paths are absolute or below its folder.
 * Names: FOLDER|IMAGE|LABEL, such as "data|{case}/ct.nii.gz|{case}/mask.nii.gz"; LABEL may lack.
 *        {name} is any text, the same wherever it stands again, {name=a,b} one of these, * any
 *        text. The names' values joined by '_' are the case, {channel} is its channel.
 * Wherever a folder of data is given, one of these may be. With names or a table, what else lies
 * there is no case.
 *
 * The channels of a case, 1 to 16, are files _0000, _0001, ..., or one file whose fourth dimension
 * they are. All cases have the same files. A file beside a case that its name makes a channel, and
 * that is none, is refused. Label maps have no channels.
 */
#ifndef PLEAT_LAYOUT_H
#define PLEAT_LAYOUT_H

#include "pleat/classes.h"
#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_case_paths {
    char *id; /* of the case: its folder, or its file without ending and channel */
    /* Paths: a volume for each channel, or one volume, which may hold several. */
    char *image[PLEAT_MAX_CHANNELS];
    int images;
    int fold;    /* of a table: 1 + the fold that holds the case out; 0: none is named */
    char *label; /* path; NULL when there is none */
    char *group; /* of a table: cases of one group stay in one fold; NULL: none is named */
} pleat_case_paths;

typedef enum pleat_layout_want {
    PLEAT_LAYOUT_VOLUMES = 0,  /* labels are given where they are, imagesTs counts too, and volumes
                                  alone will do */
    PLEAT_LAYOUT_LABELLED = 1, /* each case must have a label */
    PLEAT_LAYOUT_MAPS = 2      /* as VOLUMES, but volumes alone are label maps */
} pleat_layout_want;

/* All cases of `folder`, sorted by id (bytes). ERR_NOT_FOUND: no such folder, no cases in it, or
 * one half of a pair is missing. ERR_DATA: two cases of one id, or image twice, or a channel that
 * is missing. ERR_IO: a link that leads nowhere, or what may not be read. ERR_UNSUPPORTED: more
 * channels than 16, a pipe or device, a list of cases that cannot be followed. ERR_FORMAT:
 * dataset.json. */
pleat_status pleat_layout_scan(const char *folder, pleat_layout_want want, pleat_case_paths **out,
                               int *n);

/* What is wrong with single cases: a message each. */
typedef struct pleat_layout_refusals {
    char **text; /* [n], owned */
    int n;
} pleat_layout_refusals;

/* The same, but a case that is wrong is left out and told in *refused, which is empty before; so is
 * what is wrong between cases, but for their numbers of channels. NULL: as pleat_layout_scan. No
 * case at all may be left. */
pleat_status pleat_layout_scan_all(const char *folder, pleat_layout_want want,
                                   pleat_layout_refusals *refused, pleat_case_paths **out, int *n);
void pleat_layout_refusals_free(pleat_layout_refusals *refused);

void pleat_layout_free(pleat_case_paths *cases, int n);

/* The place of a case among those of a scan, which are in order of id; -1: it is not there. */
int pleat_layout_find(const pleat_case_paths *cases, int n, const char *id);

/* The folder of "FOLDER|IMAGE|LABEL", the file of a table, else the path itself:
 * base[PLEAT_PATH_BYTES]. *rest (may be NULL) is "|IMAGE|LABEL" of the path, or "". ERR_ARG: too
 * long. */
pleat_status pleat_layout_base(const char *path, char *base, const char **rest);

/* Whether the base of the path is there. */
int pleat_layout_is_there(const char *path);

/* Whether the path is a table or names, which are no folder. */
int pleat_layout_is_described(const char *path);

/* FOLDER/ID with the ending that is there, as above; "" when there is none. path[PLEAT_PATH_BYTES]
 * of pleat/file.h. ERR_DATA: two of them. */
pleat_status pleat_layout_volume(const char *folder, const char *id, char *path);

/* The classes of dataset.json's "labels", in either order: MSD's {"0": "background"} or nnU-Net's
 * {"background": 0}, by label; where some are lists, these are regions, in the order of the file
 * and of "regions_class_order". "ignore" is none of them. None when there is no dataset.json or no
 * labels in it. ERR_FORMAT, ERR_DATA, and ERR_ARG of pleat_classes_check. */
pleat_status pleat_layout_classes(const char *folder, pleat_classes *out);

/* The names of dataset.json's "channel_names" (nnU-Net) or "modality" (MSD), by channel; none as
 * above. ERR_FORMAT, ERR_DATA (a gap, more than 16). */
pleat_status pleat_layout_channels(const char *folder, char ***names, int *n);

void pleat_layout_names_free(char **names, int n);

/* "2.14": of jansson. */
void pleat_layout_jansson_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LAYOUT_H */
