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

static void check_selection(const struct counting_way *way, __u32 groups,
                            bool atomic) {
  uint8_t octets[FRAME_MAX];
  struct sample sample = {.octets = octets};
  struct cell cells[CELLS_MAX];
  struct layout layout;
  struct counting *counting =
      way->open(way, groups, LINK_ETHERNET, atomic, &layout);

  sample.length = frame_octets(frame_find("qinq-ipv6-tcp-rst-dscp-8"), octets);
  if (!counting)
    fail_msg("%s: groups %#x%s do not load", way->name, groups,
             atomic ? ", atomically" : "");
  assert_int_equal(way->count(counting, &sample, cells), 0);
  for (enum group g = 0; g < GROUP_COUNT; g++) {
    unsigned packets = 0;
    if (!(layout.groups & GROUP_BIT(g)))
      continue;
    for (size_t i = 0; i < groups_members(g); i++)
      packets += cells[layout.first[g] + i].packets;
    assert_int_equal(packets, g != GROUP_QUEUE || way->queue != QUEUE_NONE);
  }
  way->close(counting);
}

/* What is told from the others and the elements alone. */
enum { DERIVED = GROUP_BIT(GROUP_TOTAL) | GROUP_BIT(GROUP_CPU) };

static void check_all(bool atomic) {
  for (__u32 groups = 0; groups <= GROUPS_ALL; groups++)
    if (!(groups & DERIVED))
      check_selection(&counting_kernel[0], groups, atomic);
}

/* Each group alone, and all but each one. */
static void check_some(const struct counting_way *way, bool atomic) {
  if (!counting_is_there(way))
    return;
  for (enum group g = 0; g < GROUP_COUNT; g++) {
    if (GROUP_BIT(g) & DERIVED)
      continue;
    check_selection(way, GROUP_BIT(g), atomic);
    check_selection(way, GROUPS_ALL & ~GROUP_BIT(g), atomic);
  }
}

static void test_selections(void **state) {
  (void)state;
  check_all(false);
}

static void test_selections_atomically(void **state) {
  (void)state;
  check_all(true);
}

static void test_other_entries(void **state) {
  (void)state;
  for (size_t i = 1; i < counting_kernel_count; i++)
    check_some(&counting_kernel[i], false);
}

static void test_other_entries_atomically(void **state) {
  (void)state;
  for (size_t i = 1; i < counting_kernel_count; i++)
    check_some(&counting_kernel[i], true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_selections),
      cmocka_unit_test(test_selections_atomically),
      cmocka_unit_test(test_other_entries),
      cmocka_unit_test(test_other_entries_atomically),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
