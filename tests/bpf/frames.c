// SPDX-License-Identifier: MIT

/* The BPF object, in the kernel, over the table of frames. */
#include "tests/frames_test.h"

int main(void) { return frames_test(&counting_kernel); }
