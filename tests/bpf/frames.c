// SPDX-License-Identifier: MIT

/* The entries of the BPF object, in the kernel, over the table of frames.
 * With an argument only the tests that match it, as in "native, Ethernet: *".
 */
#include "tests/frames_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int main(int argc, char **argv) {
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return frames_test(counting_kernel, counting_kernel_count);
}
