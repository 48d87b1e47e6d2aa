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

/* Of other links than Ethernet the first selection will do. */
static size_t selections_of(enum link link) {
  return link == LINK_ETHERNET ? SELECTIONS : 1;
}

/* One row of the table on one way, without the header of Ethernet if there is
 * another link layer. */
struct run {
  const struct counting_way *way;
  enum link link;
  const struct frame_case *frame;
};

/* Those of the way and the link that are being tested. */
static const struct counting_way *way;
static enum link link_layer;
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

/* As a frame that lies in one buffer, and as one of which no more than the
 * header of Ethernet can be read directly. */
static void check(const struct frame_case *c, const uint8_t *octets,
                  size_t length) {
  struct sample sample = {.octets = octets, .length = length};
  struct cell cells[CELLS_MAX], expected[CELLS_MAX + 1] = {0};

  if (!counting_takes(way, &sample))
    return;
  expect_add(c, length, 1, &layouts[0], expected);
  if (way->queue < QUEUE_COUNT)
    expected[layouts[0].first[GROUP_QUEUE] + way->queue] =
        (struct cell){1, length};
  expected[CELLS_MAX] = (struct cell){1, length};
  for (size_t i = 0; i < selections_of(link_layer); i++) {
    for (size_t linear = 0; linear <= (way->has_linear ? 14 : 0);
         linear += 14) {
      sample.linear = linear < length ? linear : 0;
      int error = way->count(countings[i], &sample, cells);
      if (error)
        fail_msg("%s, %zu octets: %s", c->name, length, strerror(-error));
      assert_cells(c->name, length, i, cells, expected);
    }
  }
}

/* What is left of a case in its first `length` octets: whether the header that
 * a tag's type announces is there does not matter to `vlan`. */
static struct frame_case cut_ethernet(const struct frame_case *c,
                                      size_t length) {
  struct frame_case rest = *c;

  if (length < 14)
    rest.cast = CAST_UNICAST;
  if (length < 14)
    rest.vlan = VLAN_UNTAGGED;
  else if (length < 18 && c->vlan == VLAN_QINQ)
    rest.vlan = VLAN_TAGGED;
  return rest;
}

/* The same without a link layer: by the address, if that is not cut. */
static struct frame_case cut_ip(const struct frame_case *c, size_t length,
                                uint8_t first) {
  struct frame_case rest = *c;

  if (length < (first >> 4 == 4 ? 20 : 40))
    rest.cast = CAST_UNICAST;
  return rest;
}

static struct frame_case cut(const struct frame_case *c, const uint8_t *octets,
                             size_t length) {
  struct frame_case rest = link_layer == LINK_ETHERNET
                               ? cut_ethernet(c, length)
                               : cut_ip(c, length, octets[0]);

  rest.size = expect_size(length);
  if (link_layer != LINK_OTHER && (length < c->whole || !c->whole)) {
    rest.protocol = PROTOCOL_TRUNCATED;
    rest.tcp = 0;
  }
  return rest;
}

/* How many octets lie between two cuts: one, unless the environment says that
 * the machine is slow. */
static size_t stride(void) {
  const char *value = getenv("XDP_TEST_STRIDE");
  size_t octets = value ? strtoul(value, NULL, 10) : 0;

  return octets ? octets : 1;
}

/* Whole, and cut at every octet. */
static void check_cuts(const struct frame_case *c, const uint8_t *octets,
                       size_t length) {
  check(c, octets, length);
  for (size_t n = 0; n < length; n += stride()) {
    struct frame_case rest = cut(c, octets, n);
    check(&rest, octets, n);
  }
}

static void close_all(void) {
  for (size_t i = 0; i < SELECTIONS; i++) {
    if (countings[i])
      way->close(countings[i]);
    countings[i] = NULL;
  }
  way = NULL;
}

static bool open_all(const struct run *run) {
  close_all();
  way = run->way;
  link_layer = run->link;
  for (size_t i = 0; i < selections_of(link_layer); i++) {
    countings[i] = way->open(way, selections[i].groups, link_layer,
                             selections[i].atomic, &layouts[i]);
    if (!countings[i]) {
      close_all();
      return false;
    }
  }
  /* The total has no cell among all groups; expectations have one for it. */
  layouts[0].first[GROUP_TOTAL] = CELLS_MAX;
  return true;
}

static void test_run(void **state) {
  const struct run *run = *state;
  struct frame_case frame = *run->frame;
  uint8_t octets[FRAME_MAX];
  size_t length = frame_octets(&frame, octets);

  if (run->way != way || run->link != link_layer)
    assert_true(open_all(run));
  if (link_layer == LINK_ETHERNET) {
    assert_int_equal(frame.size, expect_size(length));
    check_cuts(&frame, octets, length);
  } else if (expect_without_ethernet(&frame, link_layer, octets, length)) {
    check_cuts(&frame, octets + 14, length - 14);
  }
}

/* One test stands for all that this kernel cannot run. */
static size_t add_absent(const struct counting_way *w,
                         struct CMUnitTest *tests) {
  char *name = NULL;

  if (asprintf(&name, "%s" NOT_IN_THIS_KERNEL "%s", w->name, w->absent) < 0)
    abort();
  tests[0] =
      (struct CMUnitTest){.name = name, .test_func = counting_test_nothing};
  return 1;
}

static size_t add_runs(const struct counting_way *w, enum link link,
                       struct run *runs, struct CMUnitTest *tests) {
  static const char *const link_names[] = {
      [LINK_ETHERNET] = "Ethernet", [LINK_IP] = "IP", [LINK_OTHER] = "unknown"};

  for (size_t i = 0; i < frame_cases_count; i++) {
    const struct frame_case *c = &frame_cases[i];
    char *name = NULL;
    if (asprintf(&name, "%s, %s: %s", w->name, link_names[link], c->name) < 0)
      abort();
    runs[i] = (struct run){w, link, c};
    tests[i] = (struct CMUnitTest){
        .name = name, .test_func = test_run, .initial_state = &runs[i]};
  }
  return frame_cases_count;
}

int frames_test(const struct counting_way *ways, size_t ways_count) {
  size_t most = ways_count * (LINK_OTHER + 1) * frame_cases_count, count = 0;
  struct CMUnitTest *tests = calloc(most, sizeof(*tests));
  struct run *runs = calloc(most, sizeof(*runs));

  for (size_t i = 0; i < ways_count; i++) {
    if (!counting_is_there(&ways[i])) {
      count += add_absent(&ways[i], tests + count);
      continue;
    }
    for (enum link l = 0; l <= LINK_OTHER; l++)
      if (l == LINK_ETHERNET || ways[i].has_links)
        count += add_runs(&ways[i], l, runs + count, tests + count);
  }
  int failures = _cmocka_run_group_tests("frames", tests, count, NULL, NULL);

  close_all();
  for (size_t i = 0; i < count; i++)
    free((char *)tests[i].name);
  free(runs);
  free(tests);
  return failures;
}
