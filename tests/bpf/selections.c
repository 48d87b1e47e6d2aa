// SPDX-License-Identifier: MIT

/* Each selection of groups is another program to the verifier: all load, and
 * count a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/groups.h"
#include "tests/counting.h"
#include "tests/frames.h"

static void check_selection(__u32 groups, bool atomic) {
  uint8_t octets[FRAME_MAX];
  size_t length = frame_octets(frame_find("qinq-ipv6-tcp-rst-dscp-8"), octets);
  struct cell cells[CELLS_MAX];
  struct layout layout;
  struct counting *counting = counting_kernel.open(groups, atomic, &layout);

  if (!counting)
    fail_msg("groups %#x%s do not load", groups, atomic ? ", atomically" : "");
  assert_int_equal(counting_kernel.count(counting, octets, length, 0, cells),
                   0);
  for (enum group g = 0; g < GROUP_COUNT; g++) {
    unsigned packets = 0;
    if (!(layout.groups & GROUP_BIT(g)))
      continue;
    for (size_t i = 0; i < groups_members(g); i++)
      packets += cells[layout.first[g] + i].packets;
    assert_int_equal(packets, 1);
  }
  counting_kernel.close(counting);
}

static void test_selections(void **state) {
  (void)state;
  for (__u32 groups = 0; groups <= GROUPS_ALL; groups++)
    if (!(groups & (GROUP_BIT(GROUP_TOTAL) | GROUP_BIT(GROUP_CPU))))
      check_selection(groups, false);
}

static void test_selections_atomically(void **state) {
  (void)state;
  for (__u32 groups = 0; groups <= GROUPS_ALL; groups++)
    if (!(groups & (GROUP_BIT(GROUP_TOTAL) | GROUP_BIT(GROUP_CPU))))
      check_selection(groups, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_selections),
      cmocka_unit_test(test_selections_atomically),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
