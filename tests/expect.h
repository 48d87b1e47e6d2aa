/* SPDX-License-Identifier: MIT */

/* What frames of the table add to the cells of an interface. */
#ifndef TESTS_EXPECT_H
#define TESTS_EXPECT_H

#include <stdbool.h>

#include "tests/frames.h"

/* Adds what `frames` frames of this case, of `octets` each, are expected to
 * count, all groups but those of the path: queue and CPU. */
void expect_add(const struct frame_case *c, size_t octets, uint64_t frames,
                const struct layout *layout, struct cell cells[CELLS_MAX]);

/* The class of a frame of so many octets. */
enum size expect_size(size_t octets);

/* Makes of a case, whose octets these are, what it is without the header of
 * Ethernet on an interface that has another link. Returns false where it would
 * be something else than the table can say. */
bool expect_without_ethernet(struct frame_case *c, enum link link,
                             const uint8_t *octets, size_t length);

#endif
