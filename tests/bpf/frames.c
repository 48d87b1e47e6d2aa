// SPDX-License-Identifier: MIT

/* The entries of the BPF object, in the kernel, over the table of frames. */
#include "tests/frames_test.h"

int main(void) { return frames_test(counting_kernel, counting_kernel_count); }
