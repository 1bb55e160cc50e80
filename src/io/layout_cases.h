/* layout_cases.h - the cases that src/io/layout*.c have found so far. */
#ifndef PLEAT_LAYOUT_CASES_H
#define PLEAT_LAYOUT_CASES_H

#include "layout_files.h"

typedef struct case_list {
    pleat_case_paths *item;
    int n;
    const char *top; /* the data folder */
    pleat_layout_want want;
    layout_passed passed;           /* what of it is no part of a case */
    pleat_layout_refusals *refused; /* NULL: the first case that is wrong ends the scan */
} case_list;

void layout_release_case(pleat_case_paths *item);

/* What is wrong with a case ends the scan, or is kept for later, and the cases that were added
 * since there were `n` are left out. */
pleat_status layout_settle(case_list *to, int n, pleat_status status);

/* Takes id[id_bytes], its first image and label (NULL: none). */
pleat_status layout_add(case_list *to, const char *id, size_t id_bytes, const char *image,
                        const char *label);

/* Another channel of the case added last. */
pleat_status layout_add_image(const case_list *to, const char *image);

/* The path of an entry of the list `file`: below `folder`, or absolute. ERR_DATA: it leads out of
 * the folder by "..". */
pleat_status layout_resolve(const char *file, const char *folder, const char *entry,
                            char out[PLEAT_PATH_BYTES]);

/* The cases of `path`, a CSV. layout_table.c */
pleat_status layout_scan_table(const char *path, case_list *to);

/* The cases of to->top whose images have names of the pattern `image`, with labels of `label` ("":
 * none). layout_pattern.c */
pleat_status layout_scan_patterns(const char *image, const char *label, case_list *to);

/* The cases of to->top where that is a BIDS data set; none where it is not. layout_pattern.c */
pleat_status layout_scan_bids(const layout_names *entries, case_list *to);

/* ERR_DATA when beside an image of a case lies the same volume with another ending, or what its
 * name makes a further channel, which the case is without; a volume that has a label of its own is
 * none. layout_channels.c */
pleat_status layout_check_beside(case_list *found);

/* ERR_DATA: two cases, sorted by their ids, have one id; where that is kept, both are left out.
 * layout_shared.c */
pleat_status layout_check_twice(case_list *found);

/* ERR_DATA: a file is image and label of a case, or belongs to two cases; images that cases of one
 * group share are none. layout_shared.c */
pleat_status layout_check_shared(case_list *found);

#endif /* PLEAT_LAYOUT_CASES_H */
