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

/* Of the ways that count_frame() goes, each one. */
static const struct {
  const char *name;
  __u32 groups;
  bool atomic;
} selections[] = {
    {"all groups", GROUPS_ALL, false},
    {"the default group", GROUPS_DEFAULT, false},
    {"the total", GROUP_BIT(GROUP_TOTAL), false},
    {"most groups", GROUPS_ALL & ~GROUP_BIT(GROUP_CAST), false},
    {"no protocol", GROUPS_ALL & ~GROUP_BIT(GROUP_PROTOCOL), false},
    {"all groups, atomically", GROUPS_ALL, true},
};

enum { SELECTIONS = sizeof(selections) / sizeof(*selections) };

static const struct counting_way *way;
static struct counting *countings[SELECTIONS];
static struct layout layouts[SELECTIONS];

/* The cells of the selection's groups, out of those of all groups. */
static void assert_cells(const char *name, size_t length, size_t selection,
                         const struct cell *cells,
                         const struct cell *expected) {
  const struct layout *layout = &layouts[selection];

  for (enum group g = 0; g < GROUP_COUNT; g++) {
    if (!(layout->groups & GROUP_BIT(g)))
      continue;
    for (size_t i = 0; i < groups_members(g); i++) {
      const struct cell *cell = &cells[layout->first[g] + i];
      if (memcmp(cell, &expected[layouts[0].first[g] + i], sizeof(*cell)))
        fail_msg("%s, %zu octets, %s: %s, member %zu: %llu frames", name,
                 length, selections[selection].name, groups_name(g), i,
                 cell->packets);
    }
  }
}

static void check(const struct frame_case *c, const uint8_t *octets,
                  size_t length) {
  struct cell cells[CELLS_MAX], expected[CELLS_MAX + 1] = {0};

  expect_add(c, length, 1, &layouts[0], expected);
  expected[layouts[0].first[GROUP_QUEUE]] = (struct cell){1, length};
  expected[CELLS_MAX] = (struct cell){1, length};
  for (size_t i = 0; i < SELECTIONS; i++) {
    int error = way->count(countings[i], octets, length, 0, cells);
    if (error)
      fail_msg("%s, %zu octets: %s", c->name, length, strerror(-error));
    assert_cells(c->name, length, i, cells, expected);
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
  if (length <= way->length_max)
    check(c, octets, length);
  for (size_t n = way->length_min; n < length && n <= way->length_max; n++) {
    struct frame_case rest = cut(c, n);
    check(&rest, octets, n);
  }
}

static bool open_all(void) {
  for (size_t i = 0; i < SELECTIONS; i++) {
    countings[i] =
        way->open(selections[i].groups, selections[i].atomic, &layouts[i]);
    if (!countings[i])
      return false;
  }
  /* The total has no cell among all groups; expectations have one for it. */
  layouts[0].first[GROUP_TOTAL] = CELLS_MAX;
  return true;
}

int frames_test(const struct counting_way *w) {
  struct CMUnitTest *tests = calloc(frame_cases_count, sizeof(*tests));
  int failures = 1;

  way = w;
  if (tests && open_all()) {
    for (size_t i = 0; i < frame_cases_count; i++)
      tests[i] = (struct CMUnitTest){.name = frame_cases[i].name,
                                     .test_func = test_case,
                                     .initial_state = (void *)&frame_cases[i]};
    failures =
        _cmocka_run_group_tests("frames", tests, frame_cases_count, NULL, NULL);
  }
  for (size_t i = 0; i < SELECTIONS; i++)
    way->close(countings[i]);
  free(tests);
  return failures;
}
