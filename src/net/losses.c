/* losses.c - the list of losses. */
#include "pleat/losses.h"

#include <stddef.h>

/* The losses, each of a file in losses/; the first is the default. */
#define LOSSES(ROW)  SOFT(ROW) TVERSKY(ROW) FOCAL(ROW) NNUNETS(ROW)
#define SOFT(ROW)    ROW(tversky_crossentropy) ROW(soft_dice) DICE(ROW)
#define DICE(ROW)    ROW(dice_coefficient) ROW(dice_crossentropy)
#define TVERSKY(ROW) ROW(tversky) ROW(focal_tversky) BINARY(ROW)
#define BINARY(ROW)  ROW(symmetric_focal_tversky) ROW(asymmetric_focal_tversky)
#define FOCAL(ROW) \
    ROW(categorical_focal) ROW(symmetric_focal) ROW(asymmetric_focal) ROW(combo) UNIFIED(ROW)
#define UNIFIED(ROW) ROW(symmetric_unified_focal) ROW(asymmetric_unified_focal)
#define NNUNETS(ROW) ROW(dice_ce) ROW(batch_dice_ce) ROW(dice_bce) ROW(batch_dice_bce) TOPK(ROW)
#define TOPK(ROW)    ROW(topk_crossentropy) ROW(dice_topk) ROW(batch_dice_topk)

#define DECLARED(name) extern const pleat_loss pleat_loss_##name;
#define LISTED(name)   &pleat_loss_##name,
LOSSES(DECLARED)
const pleat_loss *const pleat_losses[] = {LOSSES(LISTED) NULL};

const char *pleat_loss_name(int place) {
    return pleat_losses[place] != NULL ? pleat_losses[place]->name : NULL;
}

const char *pleat_loss_what(int place) { return pleat_losses[place]->what; }
