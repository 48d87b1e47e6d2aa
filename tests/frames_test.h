/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FRAMES_TEST_H
#define TESTS_FRAMES_TEST_H

#include "tests/counting.h"

/* Runs the table of frames in each of these ways, whole and cut at every octet,
 * with several selections of groups, and behind other link layers; one test per
 * case. Returns the number of failures. */
int frames_test(const struct counting_way *ways, size_t ways_count);

#endif
