// SPDX-License-Identifier: MIT

/* The parser, compiled for the host, over the table of frames. */
#include "tests/frames_test.h"

int main(void) { return frames_test(&counting_native, 1); }
