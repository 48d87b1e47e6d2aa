/* SPDX-License-Identifier: MIT */

/* What frames of the table add to the cells of an interface. */
#ifndef TESTS_EXPECT_H
#define TESTS_EXPECT_H

#include "tests/frames.h"

/* Adds what `frames` frames of this case, of `octets` each, are expected to
 * count, all groups but those of the path: queue and CPU. */
void expect_add(const struct frame_case *c, size_t octets, uint64_t frames,
                const struct layout *layout, struct cell cells[CELLS_MAX]);

#endif
