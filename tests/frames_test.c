// SPDX-License-Identifier: MIT

#include "tests/frames_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/groups.h"
#include "tests/expect.h"
#include "tests/frames.h"

static const struct counting *counting;
static struct layout layout;

static void check(const struct frame_case *c, const uint8_t *octets,
                  size_t length) {
  struct cell expected[CELLS_MAX], cells[CELLS_MAX];

  int error = counting->count(octets, length, 0, cells);
  if (error)
    fail_msg("%s, %zu octets: %s", c->name, length, strerror(-error));
  memset(expected, 0, sizeof(expected));
  expect_add(c, length, 1, &layout, expected);
  expected[layout.first[GROUP_QUEUE]] = (struct cell){1, length};
  for (enum group g = 0; g < GROUP_COUNT; g++) {
    size_t first = layout.first[g];
    if (!(layout.groups & GROUP_BIT(g)))
      continue;
    for (size_t i = 0; i < groups_members(g); i++)
      if (memcmp(&cells[first + i], &expected[first + i], sizeof(*cells)))
        fail_msg("%s, %zu octets: group %s, member %zu: %llu frames", c->name,
                 length, groups_name(g), i, cells[first + i].packets);
  }
}

static enum size size_of(size_t octets) {
  static const size_t last[] = {63, 127, 255, 511, 1023, 1518};
  enum size size = SIZE_0_63;

  while (size < SIZE_1519_MAX && octets > last[size])
    size++;
  return size;
}

/* What is left of a case in its first `length` octets: whether the header that
 * a tag's type announces is there does not matter to `vlan`. */
static struct frame_case cut(const struct frame_case *c, size_t length) {
  struct frame_case rest = *c;

  rest.size = size_of(length);
  if (length < c->whole || !c->whole) {
    rest.protocol = PROTOCOL_TRUNCATED;
    rest.tcp = 0;
  }
  if (length < 14)
    rest.cast = CAST_UNICAST;
  if (length < 14)
    rest.vlan = VLAN_UNTAGGED;
  else if (length < 18 && c->vlan == VLAN_QINQ)
    rest.vlan = VLAN_TAGGED;
  return rest;
}

static void test_case(void **state) {
  const struct frame_case *c = *state;
  uint8_t octets[FRAME_MAX];
  size_t length = frame_octets(c, octets);

  assert_int_equal(c->size, size_of(length));
  if (length <= counting->length_max)
    check(c, octets, length);
  for (size_t n = counting->length_min; n < length && n <= counting->length_max;
       n++) {
    struct frame_case rest = cut(c, n);
    check(&rest, octets, n);
  }
}

int frames_test(const struct counting *c) {
  struct CMUnitTest *tests = calloc(frame_cases_count, sizeof(*tests));
  int failures = 1;

  counting = c;
  if (tests && counting->open(&layout) == 0) {
    for (size_t i = 0; i < frame_cases_count; i++)
      tests[i] = (struct CMUnitTest){.name = frame_cases[i].name,
                                     .test_func = test_case,
                                     .initial_state = (void *)&frame_cases[i]};
    failures =
        _cmocka_run_group_tests("frames", tests, frame_cases_count, NULL, NULL);
    counting->close();
  }
  free(tests);
  return failures;
}
