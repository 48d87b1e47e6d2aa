/* SPDX-License-Identifier: MIT OR GPL-2.0-only */

/* What the two sides of the frame generator share. */
#ifndef TESTS_FRAMEGEN_H
#define TESTS_FRAMEGEN_H

enum { FRAME_HEAD = 64 };

/* The first octets of the frame that is sent; odd ones at the end of a shorter
 * frame are left alone. */
struct frame_head {
  char octets[FRAME_HEAD];
};

#endif
