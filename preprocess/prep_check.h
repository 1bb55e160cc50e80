/*
 * prep_check.h - what is looked at so that no case is lost in silence: its headers before anything
 * is read, its voxels before and after its steps.
 *
 * What leaves nothing to learn from is ERR_DATA; what may be meant is a warning. Both name the case
 * and the key.
 */
#ifndef PREP_CHECK_H
#define PREP_CHECK_H

#include "pleat/prep.h"
#include "pleat/store.h"

#include <stdint.h>

/* The grid that covers the same box with voxels of `target` mm: both its sizes and, as these are
 * whole, its true spacing. */
void prep_store_grid(const int dim[3], const double spacing[3], const double target[3],
                     int new_dim[3], double new_spacing[3]);

/* By the headers of the image's files: their grid, which all of them have, and their channels. */
pleat_status prep_check_files(const pleat_case_paths *paths, pleat_geometry *image, int *channels);
/* As well: one grid, as many channels as the configuration may have,
 * and a store's grid that this machine can hold and that leaves something of the volume. */
pleat_status prep_check_image(const pleat_prep_config *config, const pleat_case_paths *paths,
                              pleat_geometry *image, int *channels);

/* Warns, and keeps the warning with the case; `info` may be NULL. */
void prep_tell(pleat_case_info *info, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Keeps what was warned of since there were `first` warnings, by who reads the files. */
void prep_keep_from(pleat_case_info *info, int first);

/* The voxels of the image as they were read: what clip and grayscale will leave of them. */
pleat_status prep_check_voxels(const pleat_prep_config *config, const pleat_case_paths *paths,
                               const pleat_image *image, pleat_case_info *info);
/* How many voxels each label has. */
void prep_count_labels(const pleat_label *label, size_t counts[256]);
/* Tells of the classes of `label` that had voxels before it was resampled, and have none now. */
void prep_check_classes(const pleat_prep_config *config, const pleat_case_paths *paths,
                        const size_t before[256], const pleat_label *label, pleat_case_info *info);

#endif /* PREP_CHECK_H */
