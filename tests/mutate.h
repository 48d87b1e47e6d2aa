/* SPDX-License-Identifier: MIT */

/* Random frames: those of the table with some octets changed, cut or extended;
 * or noise. */
#ifndef TESTS_MUTATE_H
#define TESTS_MUTATE_H

#include "tests/frames.h"

/* Begins with a seed that it prints, so that a failure can be had again: SEED
 * in the environment, or the time. Returns how many frames to make: FRAMES in
 * the environment, or a million. */
uint64_t mutate_begin(void);

/* The same of something else, with that variable and that default. */
uint64_t mutate_begin_with(const char *variable, uint64_t otherwise);

/* The next frame, of 14 to limit octets; returns its length. */
size_t mutate_next(uint8_t octets[FRAME_MAX], size_t limit);

/* A random number below the limit. */
size_t mutate_below(size_t limit);

#endif
