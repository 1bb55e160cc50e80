/* losses.h - the rows of the list of losses, each in a file of its own. */
#ifndef PLEAT_NET_LOSSES_LOSSES_H
#define PLEAT_NET_LOSSES_LOSSES_H

#include "pleat/losses.h"

extern const pleat_loss pleat_loss_tversky_crossentropy;

#endif /* PLEAT_NET_LOSSES_LOSSES_H */
