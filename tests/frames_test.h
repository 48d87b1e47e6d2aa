/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FRAMES_TEST_H
#define TESTS_FRAMES_TEST_H

#include "tests/counting.h"

/* Runs the table of frames, whole and cut at every octet, with several
 * selections of groups; one test per case. Returns the number of failures. */
int frames_test(const struct counting_way *way);

#endif
