// SPDX-License-Identifier: MIT

/* Random and mutated frames: the parser compiled for the host and each entry of
 * the BPF object in the kernel count them alike, and the groups that add up to
 * the total do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/groups.h"
#include "tests/counting.h"
#include "tests/frames.h"
#include "tests/mutate.h"

static struct layout layout;
static struct counting *in_host, *in_kernel;

/* One entry and what frames begin with there. */
struct variant {
  const struct counting_way *way;
  enum link link;
};

static const struct cell *member_of(const struct cell *cells, enum group group,
                                    unsigned member) {
  return &cells[layout.first[group] + member];
}

static struct cell sum_of(const struct cell *cells, enum group group) {
  struct cell sum = {0};

  for (size_t i = 0; i < groups_members(group); i++) {
    sum.packets += member_of(cells, group, i)->packets;
    sum.octets += member_of(cells, group, i)->octets;
  }
  return sum;
}

static void assert_sum(const struct cell *cells, enum group group,
                       struct cell expected) {
  struct cell sum = sum_of(cells, group);

  assert_int_equal(sum.packets, expected.packets);
  assert_int_equal(sum.octets, expected.octets);
}

/* A code point if and only if it is IP, events only of TCP, once a frame. */
static void assert_belongs_together(const struct cell *cells) {
  struct cell code_points = sum_of(cells, GROUP_DSCP), ip = {0};
  bool is_tcp = member_of(cells, GROUP_PROTOCOL, PROTOCOL_IPV4_TCP)->packets ||
                member_of(cells, GROUP_PROTOCOL, PROTOCOL_IPV6_TCP)->packets;

  for (enum protocol p = 0; p <= PROTOCOL_IPV6_OTHER; p++)
    ip.packets += member_of(cells, GROUP_PROTOCOL, p)->packets;
  assert_int_equal(code_points.packets, ip.packets);
  for (unsigned i = 0; i < TCP_COUNT; i++)
    assert_in_range(member_of(cells, GROUP_TCP, i)->packets, 0, is_tcp);
}

/* As the kernel may have merged it, with sense or without. */
static void make_super(struct sample *sample) {
  static const unsigned sizes[] = {1, 64, 536, 1448, 65535};
  static const unsigned counts[] = {0, 0, 1, 2, 45, 65535};

  if (mutate_below(2))
    return;
  sample->gso_size = sizes[mutate_below(5)];
  sample->gso_segs = counts[mutate_below(6)];
}

static void check_frame(const struct counting_way *way,
                        const struct sample *sample) {
  static const enum group adding_up[] = {GROUP_CAST, GROUP_SIZE, GROUP_VLAN};
  struct cell host[CELLS_MAX], kernel[CELLS_MAX];

  assert_int_equal(counting_native.count(in_host, sample, host), 0);
  assert_int_equal(way->count(in_kernel, sample, kernel), 0);
  struct cell queues = sum_of(host, GROUP_QUEUE);
  memset(&host[layout.first[GROUP_QUEUE]], 0, QUEUE_COUNT * sizeof(*host));
  if (way->queue < QUEUE_COUNT)
    host[layout.first[GROUP_QUEUE] + way->queue] = queues;
  assert_memory_equal(host, kernel, sizeof(host));

  struct cell total = sum_of(kernel, GROUP_PROTOCOL);
  if (!sample->gso_size) {
    assert_int_equal(total.packets, 1);
    assert_int_equal(total.octets, sample->length);
  }
  for (size_t i = 0; i < sizeof(adding_up) / sizeof(*adding_up); i++)
    assert_sum(kernel, adding_up[i], total);
  assert_belongs_together(kernel);
}

static void test_random_frames(void **state) {
  const struct variant *variant = *state;
  const struct counting_way *way = variant->way;
  bool is_first = way == counting_kernel;
  uint64_t frames = mutate_begin() / (is_first ? 1 : 10);
  uint8_t octets[FRAME_MAX];
  size_t limit = way->length_max < FRAME_MAX ? way->length_max : FRAME_MAX;

  in_host = counting_native.open(&counting_native, GROUPS_ALL, variant->link,
                                 false, &layout);
  in_kernel = way->open(way, GROUPS_ALL, variant->link, false, &layout);
  assert_non_null(in_kernel);
  while (frames--) {
    struct sample sample = {.octets = octets,
                            .length = mutate_next(octets, limit)};
    if (variant->link != LINK_ETHERNET && sample.length >= 28) {
      sample.octets += 14;
      sample.length -= 14;
    }
    if (way->has_linear && sample.length > 14)
      sample.linear = 14 + mutate_below(sample.length - 13);
    if (sample.linear == sample.length)
      sample.linear = 0;
    if (way->has_gso)
      make_super(&sample);
    if (counting_takes(way, &sample))
      check_frame(way, &sample);
  }
  way->close(in_kernel);
  counting_native.close(in_host);
}

int main(void) {
  enum { LINKS = LINK_OTHER + 1 };
  struct variant variants[counting_kernel_count * LINKS];
  struct CMUnitTest tests[counting_kernel_count * LINKS];
  char names[counting_kernel_count * LINKS][128];
  size_t count = 0;

  for (size_t i = 0; i < counting_kernel_count; i++) {
    for (enum link l = 0; l <= LINK_OTHER; l++) {
      if (l != LINK_ETHERNET && !counting_kernel[i].has_links)
        continue;
      variants[count] = (struct variant){&counting_kernel[i], l};
      bool is_there = counting_is_there(&counting_kernel[i]);
      snprintf(names[count], sizeof(names[count]), "%s, link layer %u%s%s",
               counting_kernel[i].name, l, is_there ? "" : NOT_IN_THIS_KERNEL,
               is_there ? "" : counting_kernel[i].absent);
      tests[count] = (struct CMUnitTest){
          .name = names[count],
          .test_func = is_there ? test_random_frames : counting_test_nothing,
          .initial_state = &variants[count]};
      count++;
    }
  }
  return _cmocka_run_group_tests("random", tests, count, NULL, NULL);
}
