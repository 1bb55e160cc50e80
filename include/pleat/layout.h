/*
 * layout.h - which files of a data folder are cases.
 *
 *   one folder a case                 MSD and nnU-Net                          volumes alone
 *     case_001/imaging.nii.gz           imagesTr/case_001.nii.gz                 case_001.nii.gz
 *              segmentation.nii.gz        or     case_001_0000.nii.gz            case_002_0000.nii
 *     case_002/imaging.nii              labelsTr/case_001.nii.gz
 *              segmentation.nii         dataset.json (optional)
 *
 * Every .nii.gz may be a .nii. A folder may also be one case itself, and a path one volume. Where
 * dataset.json has a "training" list, that list decides; its "file_ending" is honoured. Hidden
 * files, as macOS's ._*, are passed over. Images have one channel: _0001 is an error.
 */
#ifndef PLEAT_LAYOUT_H
#define PLEAT_LAYOUT_H

#include "pleat/classes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_case_paths {
    char *id;    /* of the case: its folder, or its file without ending and channel */
    char *image; /* path */
    char *label; /* path; NULL when there is none */
} pleat_case_paths;

/* All cases of `folder`, sorted by id (bytes). With `need_labels` each must have a label, else
 * labels are given where they are, imagesTs counts too, and volumes alone will do. ERR_NOT_FOUND:
 * no such folder, no cases in it, or one half of a pair is missing. ERR_DATA: two cases of one id,
 * or image twice. ERR_UNSUPPORTED: several channels. ERR_FORMAT: dataset.json. */
pleat_status pleat_layout_scan(const char *folder, int need_labels, pleat_case_paths **out, int *n);

void pleat_layout_free(pleat_case_paths *cases, int n);

/* The class names of dataset.json's "labels", by value 0..n-1, in either order: MSD's
 * {"0": "background"} or nnU-Net's {"background": 0}. None when there is no dataset.json or no
 * labels in it. ERR_FORMAT, ERR_DATA (values with a gap), ERR_UNSUPPORTED
 * (regions, "ignore"). */
pleat_status pleat_layout_classes(const char *folder, pleat_classes *out);

/* "2.14": of jansson. */
void pleat_layout_jansson_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LAYOUT_H */
