/*
 * provenance.h - the cases a fold has learnt from and is judged by, and what they held then.
 *
 * A fold's checkpoints and scores carry this list, so that a volume or a mask that was changed
 * later is noticed. As text, a line with the digest of the run's settings (config.h), where it is
 * known, then a line a case, in order of id (bytes):
 *
 *   settings 89abcdef01234567
 *   train 9000 41250:0123456789abcdef:fedcba9876543210 812:89abcdef01234567:76543210fedcba98 case_1
 *   val   ...
 *         |    |     |                |                |                                    its id
 *         |    |     |                |                the same of the mask
 *         |    bytes, digest and content of the image
 *         voxels of the volume
 *
 * Bytes and digest are of the files (pleat_file_identity), and are looked at first. The content is
 * a digest of what they hold: size, spacing and voxels; of an image that is turned to one
 * orientation (preprocess.orient) the axes of its file too. Where the files differ it decides, so a
 * volume that was only packed anew, renamed or moved in space is no other one.
 */
#ifndef PLEAT_PROVENANCE_H
#define PLEAT_PROVENANCE_H

#include "pleat/file.h"
#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_traced { /* an image or a mask */
    pleat_file_identity file;
    uint64_t content; /* 0: not known */
} pleat_traced;

typedef struct pleat_traced_case {
    char id[PLEAT_CASE_BYTES];
    int held_out;   /* else it was trained on */
    int64_t voxels; /* as in the file */
    pleat_traced image, mask;
} pleat_traced_case;

typedef struct pleat_provenance {
    int n;
    pleat_traced_case *of; /* [n], owned, in order of id; {0}: nothing is known */
    char settings[17];     /* of pleat_config_fold_settings; "": not known */
} pleat_provenance;

/* The images that weights have learnt, each once; one that is all zero stands for others, which are
 * not known. */
typedef struct pleat_learnt {
    uint64_t n;
    pleat_traced *of; /* [n], owned */
} pleat_learnt;

#define PLEAT_MOST_LEARNT (1 << 20) /* images */

/* XXH64 over the voxels, from the FNV-1a of size and spacing on. */
uint64_t pleat_content_image(const pleat_image *image);
uint64_t pleat_content_label(const pleat_label *label);

/* By content where both are known, else by file. */
int pleat_traced_same(const pleat_traced *a, const pleat_traced *b);

/* ERR_MEMORY. The caller frees. */
pleat_status pleat_provenance_text(const pleat_provenance *provenance, char **out);
/* Of the file `path`: ERR_FORMAT names it and the line. */
pleat_status pleat_provenance_parse(const char *text, const char *path, pleat_provenance *out);
void pleat_provenance_free(pleat_provenance *provenance);

/* Of weights that have learnt `before` and then the cases that `own` was trained on (n 0: not
 * known). ERR_MEMORY; ERR_UNSUPPORTED: more than PLEAT_MOST_LEARNT. To be freed. */
pleat_status pleat_learnt_make(const pleat_learnt *before, const pleat_provenance *own,
                               pleat_learnt *out);
int pleat_learnt_has(const pleat_learnt *learnt, const pleat_traced *image);
int pleat_learnt_is_whole(const pleat_learnt *learnt); /* there are no others */
void pleat_learnt_free(pleat_learnt *learnt);

/* NULL: the case is not among them. */
const pleat_traced_case *pleat_provenance_find(const pleat_provenance *provenance, const char *id);

/* ERR_DATA when `of`, of the file `path`, was made by other settings than these; what is not known
 * on either side is no difference. */
pleat_status pleat_provenance_check(const pleat_provenance *of, const char *path,
                                    const char *settings);

/* ERR_DATA when `was`, of the file `path`, is of other settings or cases than `is`: it names the
 * first case that is missing, has another part, image or mask. */
pleat_status pleat_provenance_compare(const pleat_provenance *was, const char *path,
                                      const pleat_provenance *is);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PROVENANCE_H */
