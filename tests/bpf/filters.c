// SPDX-License-Identifier: MIT

/* Translated filters in the kernel match the frames that pcap_offline_filter()
 * matches: the table of expressions over the table of frames, whole and cut,
 * and random programs. With an argument only the tests that match it. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/clsact.h"
#include "plugin/filter.h"
#include "tests/expressions.h"
#include "tests/frames.h"
#include "tests/judge.h"
#include "tests/mutate.h"
#include "tests/programs.h"
#include "tests/reference.h"
#include "tests/tap.h"

/* Frames are cut at every octet up to this one: behind it are no headers. */
enum { CUT_MAX = 100 };

/* At XDP nothing is read that ends behind this one. */
enum { LARGE_MAX = 65536 };

static const char *const style_names[] = {[STYLE_XDP] = "XDP",
                                          [STYLE_XDP_FRAGS] = "XDP of buffers",
                                          [STYLE_SKB] = "tc",
                                          [STYLE_MEMORY] = "memory"};

enum { STYLES = sizeof(style_names) / sizeof(*style_names) };

/* Expressions in one block, and what libpcap makes of them. */
struct set {
  enum style style;
  size_t count;
  const char *texts[BLOCK_FILTERS_MAX];
  struct filter *filters[BLOCK_FILTERS_MAX];
  struct block_filter programs[BLOCK_FILTERS_MAX];
  struct reference *references[BLOCK_FILTERS_MAX][LINK_OTHER];
  struct judge *judge;
  unsigned processed;
};

static void set_add(struct set *set, const char *text) {
  size_t i = set->count++;
  char why[512] = "";

  set->texts[i] = text;
  if (filter_open(text, &set->filters[i], why, sizeof(why)) != 0)
    fail_msg("\"%s\": %s", text, why);
  for (enum link l = 0; l < LINK_OTHER; l++) {
    set->programs[i].programs[l] = filter_program(set->filters[i], l);
    set->references[i][l] = reference_open(text, l);
    assert_int_equal(!set->programs[i].programs[l], !set->references[i][l]);
  }
}

static void set_load(struct set *set) {
  struct block block;
  size_t index = 0;
  char why[512] = "";

  if (block_open(set->programs, set->count, set->style, &block, &index, why,
                 sizeof(why)) != 0)
    fail_msg("\"%s\": %s", set->texts[index], why);
  assert_int_equal(judge_open(&block, set->style, &set->judge, &set->processed),
                   0);
  block_close(&block);
}

static void set_clear(struct set *set) {
  for (size_t i = 0; i < set->count; i++) {
    filter_close(set->filters[i]);
    for (enum link l = 0; l < LINK_OTHER; l++)
      reference_close(set->references[i][l]);
  }
  judge_close(set->judge);
  *set = (struct set){.style = set->style};
}

/* The next of the table that are right for a link; false: none is left. */
static bool set_fill(struct set *set, size_t *next) {
  for (; *next < expressions_count && set->count < BLOCK_FILTERS_MAX; ++*next)
    if (expressions[*next].right_for != RIGHT_FOR_NONE)
      set_add(set, expressions[*next].text);
  return set->count;
}

static size_t octets_there(enum style style, size_t length) {
  return style == STYLE_MEMORY && length > MEMORY_SIZE ? MEMORY_SIZE : length;
}

/* `whole` is the frame with the tag. */
static void check_with(struct set *set, const struct judged *judged,
                       const uint8_t *whole, size_t length, const char *name) {
  size_t there = octets_there(set->style, length);
  __u64 mask;

  if (!judge_takes(set->judge, judged))
    return;
  assert_int_equal(judge_run(set->judge, judged, &mask), 0);
  for (size_t i = 0; i < set->count; i++) {
    const struct reference *reference = set->references[i][judged->link];
    bool expected =
        reference && reference_matches(reference, whole, length, there);
    if (expected != (mask >> i & 1))
      fail_msg("\"%s\" on %s, %zu octets, %zu linear, link %u: %d",
               set->texts[i], name, length, judged->linear, judged->link,
               !expected);
  }
}

static void check(struct set *set, const uint8_t *octets, size_t length,
                  size_t linear, const char *name) {
  struct judged judged = {.octets = octets,
                          .length = length,
                          .linear = linear,
                          .link = LINK_ETHERNET,
                          .wanted = ~0ULL};

  check_with(set, &judged, octets, length, name);
  if (set->style != STYLE_MEMORY && length < 14 + 14)
    return;
  judged.link = LINK_IP;
  judged.octets += length < 14 ? length : 14;
  judged.length -= length < 14 ? length : 14;
  if (linear >= judged.length)
    judged.linear = 0;
  check_with(set, &judged, judged.octets, judged.length, name);
}

static void check_lengths(struct set *set, const uint8_t *octets, size_t length,
                          const char *name) {
  check(set, octets, length, 0, name);
  for (size_t cut = 0; cut < length && cut <= CUT_MAX; cut++)
    check(set, octets, cut, 0, name);
}

static void check_frames(struct set *set) {
  uint8_t octets[FRAME_MAX];

  for (size_t i = 0; i < frame_cases_count; i++)
    check_lengths(set, octets, frame_octets(&frame_cases[i], octets),
                  frame_cases[i].name);
}

static void for_all_expressions(enum style style,
                                void (*check_set)(struct set *)) {
  struct set set = {.style = style};
  size_t next = 0;

  while (set_fill(&set, &next)) {
    set_load(&set);
    check_set(&set);
    set_clear(&set);
  }
}

static void test_expressions(void **state) {
  for_all_expressions(*(const enum style *)*state, check_frames);
}

/* Where the first buffer ends within the headers, and what is beyond them. */
static void check_buffers(struct set *set) {
  uint8_t octets[FRAME_MAX];

  for (size_t i = 0; i < frame_cases_count; i++) {
    size_t length = frame_octets(&frame_cases[i], octets);
    for (size_t linear = 14; linear < length && linear < CUT_MAX; linear++)
      check(set, octets, length, linear, frame_cases[i].name);
  }
}

static void test_buffers(void **state) {
  (void)state;
  for_all_expressions(STYLE_XDP_FRAGS, check_buffers);
}

static void check_large(struct set *set) {
  static uint8_t octets[LARGE_MAX];

  frame_octets(frame_find("ipv4-udp"), octets);
  for (size_t i = FRAME_MAX; i < LARGE_MAX; i++)
    octets[i] = (uint8_t)(i % 3);
  for (size_t length = 60; length <= LARGE_MAX; length += 4096)
    check(set, octets, length, 0, "large");
  check(set, octets, LARGE_MAX - 1, 0, "large");
  check(set, octets, LARGE_MAX, 0, "large");
}

static void test_large(void **state) {
  (void)state;
  for_all_expressions(STYLE_XDP_FRAGS, check_large);
}

/* The frame that libpcap sees has the tag that the kernel's metadata have. */
static void check_tagged(struct set *set) {
  static const uint32_t tags[] = {0x81000064, 0x88a8e065, 0x81000fff};
  uint8_t octets[FRAME_MAX], whole[FRAME_MAX + 4];

  for (size_t i = 0; i < frame_cases_count; i++) {
    size_t length = frame_octets(&frame_cases[i], octets);
    for (size_t cut = 14; cut <= length;
         cut = cut < CUT_MAX || cut == length ? cut + 1 : length) {
      uint32_t tag = tags[cut % 3];
      struct judged judged = {.octets = octets,
                              .length = cut,
                              .link = LINK_ETHERNET,
                              .tag = tag,
                              .wanted = ~0ULL};
      memcpy(whole, octets, 12);
      whole[12] = tag >> 24, whole[13] = tag >> 16;
      whole[14] = tag >> 8, whole[15] = tag;
      memcpy(whole + 16, octets + 12, cut - 12);
      check_with(set, &judged, whole, cut + 4, frame_cases[i].name);
    }
  }
}

static void test_tags(void **state) {
  (void)state;
  for_all_expressions(STYLE_SKB, check_tagged);
}

static int tap;
static unsigned tap_ifindex, tap_received;

/* Returns whether it came to tc: the kernel has its own mind about a frame with
 * a tag that is cut. */
static bool receive(struct set *set, const uint8_t *octets, size_t length,
                    size_t linear, __u64 *ret_mask) {
  const struct judged judged = {.octets = octets,
                                .length = length,
                                .link = LINK_ETHERNET,
                                .wanted = ~0ULL};
  __u64 before = judge_frames(set->judge, ret_mask);

  judge_tell(set->judge, &judged);
  if (tap_receive(tap, octets, length, linear) != 0)
    return false;
  for (int i = 0; i < 1000; i++)
    if (judge_frames(set->judge, ret_mask) != before)
      return true;
  return false;
}

static void check_received(struct set *set, const uint8_t *octets,
                           size_t length, size_t linear, const char *name) {
  __u64 mask;

  if (!receive(set, octets, length, linear, &mask))
    return;
  tap_received++;
  for (size_t i = 0; i < set->count; i++) {
    const struct reference *reference = set->references[i][LINK_ETHERNET];
    bool expected =
        reference && reference_matches(reference, octets, length, length);
    if (expected != (mask >> i & 1))
      fail_msg("\"%s\" on %s, %zu octets, %zu linear: %d", set->texts[i], name,
               length, linear, !expected);
  }
}

static void check_tap(struct set *set) {
  static const size_t linears[] = {14, 15, 18, 23, 34, 38, 54, 60};
  uint8_t octets[FRAME_MAX];
  struct clsact clsact;

  assert_int_equal(
      clsact_attach(judge_program(set->judge), tap_ifindex, false, &clsact), 0);
  for (size_t i = 0; i < frame_cases_count; i++) {
    size_t length = frame_octets(&frame_cases[i], octets);
    for (size_t j = 0; j < sizeof(linears) / sizeof(*linears); j++)
      if (linears[j] < length)
        check_received(set, octets, length, linears[j], frame_cases[i].name);
  }
  clsact_detach(&clsact);
}

/* What an skb has in its first buffer, and what it does not. */
static void test_buffers_of_skb(void **state) {
  (void)state;
  tap = tap_open(&tap_ifindex);
  assert_true(tap >= 0);
  for_all_expressions(STYLE_SKB, check_tap);
  close(tap);
  printf("# %u frames received\n", tap_received);
  assert_in_range(tap_received, 10000, UINT_MAX);
}

/* What is not wanted is not told, and neither is anything of an unknown link.
 */
static void test_wanted(void **state) {
  static const uint8_t octets[60] = {[12] = 0x08, [14] = 0x45, [23] = 17};
  struct set set = {.style = *(const enum style *)*state};
  struct judged judged = {.octets = octets, .length = 60};
  __u64 mask;

  for (int i = 0; i < BLOCK_FILTERS_MAX; i++)
    set_add(&set, i % 3 == 0 ? "udp" : i % 3 == 1 ? "ip" : "");
  set_load(&set);
  for (int i = 0; i < 64; i++) {
    judged.wanted = 1ULL << i | 1ULL << (i * 7 % 64);
    assert_int_equal(judge_run(set.judge, &judged, &mask), 0);
    assert_true(mask == judged.wanted);
  }
  judged.wanted = 0;
  assert_int_equal(judge_run(set.judge, &judged, &mask), 0);
  assert_true(mask == 0);
  judged.wanted = ~0ULL;
  judged.link = LINK_OTHER;
  assert_int_equal(judge_run(set.judge, &judged, &mask), 0);
  assert_true(mask == 0);
  set_clear(&set);
}

/* What 64 filters of tcpdump's usual length cost the verifier. */
static void test_usual_load(void **state) {
  static const char *const texts[] = {
      "udp port %d",
      "tcp dst port %d and tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn",
      "host 192.0.2.%d and not port 22",
      "vlan %d and ip",
      "net 10.%d.0.0/16",
      "portrange %d-1023",
      "ip6 and udp dst port %d",
      "icmp[icmptype] = %d"};
  struct set set = {.style = *(const enum style *)*state};
  char written[BLOCK_FILTERS_MAX][128];

  for (int i = 0; i < BLOCK_FILTERS_MAX; i++) {
    snprintf(written[i], sizeof(written[i]), texts[i % 8], i + 1);
    set_add(&set, written[i]);
  }
  set_load(&set);
  printf("# %s: the verifier follows %u instructions\n", style_names[set.style],
         set.processed);
  assert_in_range(set.processed, 1, 500000);
  set_clear(&set);
}

/* Sets of 64 of the table, as they come. */
static void test_random_sets(void **state) {
  struct set set = {.style = *(const enum style *)*state};
  uint64_t sets = mutate_begin_with("SETS", 4);
  unsigned most = 0;

  while (sets--) {
    while (set.count < BLOCK_FILTERS_MAX) {
      size_t i = mutate_below(expressions_count);
      if (expressions[i].right_for != RIGHT_FOR_NONE)
        set_add(&set, expressions[i].text);
    }
    set_load(&set);
    if (set.processed > most)
      most = set.processed;
    set_clear(&set);
  }
  printf("# %s: the verifier follows %u instructions at most\n",
         style_names[set.style], most);
}

enum { TRIES = 100, TOGETHER = 16 };

static struct sock_filter insns[TOGETHER][PROGRAM_MAX];
static struct classic programs[TOGETHER];

static void explain(size_t i, const struct judged *judged, bool expected) {
  const struct classic *program = &programs[i];

  for (size_t j = 0; j < program->count; j++)
    fprintf(stderr, "{0x%x, %u, %u, 0x%x},\n", program->insns[j].code,
            program->insns[j].jt, program->insns[j].jf, program->insns[j].k);
  for (size_t j = 0; j < judged->length; j++)
    fprintf(stderr, "%02x", judged->octets[j]);
  fail_msg("on %zu octets, %zu linear, link %u, tag %x, libpcap says %d",
           judged->length, judged->linear, judged->link, judged->tag, expected);
}

static void put_back_tag(const struct judged *judged, uint8_t *whole) {
  const uint8_t tag[4] = {judged->tag >> 24, judged->tag >> 16,
                          judged->tag >> 8, judged->tag};

  memcpy(whole, judged->octets, 12);
  memcpy(whole + 12, tag, 4);
  memcpy(whole + 16, judged->octets + 12, judged->length - 12);
}

static void try_programs(struct judge *judge, enum style style,
                         struct judged judged) {
  static uint8_t tagged[FRAME_MAX + 4];
  const uint8_t *whole = judged.octets;
  size_t length = judged.length;
  __u64 mask;

  if (!judge_takes(judge, &judged))
    return;
  if (judged.tag) {
    put_back_tag(&judged, tagged);
    whole = tagged;
    length += 4;
  }
  assert_int_equal(judge_run(judge, &judged, &mask), 0);
  for (size_t i = 0; i < TOGETHER; i++) {
    bool expected = reference_program_matches(&programs[i], whole, length,
                                              octets_there(style, length));
    if (expected != (mask >> i & 1))
      explain(i, &judged, expected);
  }
}

static void try_frames(struct judge *judge, enum style style) {
  static uint8_t octets[FRAME_MAX];

  for (int i = 0; i < TRIES; i++) {
    struct judged judged = {.octets = octets, .wanted = ~0ULL};
    judged.length = mutate_next(octets, 1500);
    judged.link = mutate_below(4) ? LINK_ETHERNET : LINK_IP;
    if (style == STYLE_XDP_FRAGS && mutate_below(2))
      judged.linear = 14 + mutate_below(judged.length - 13);
    if (judged.linear >= judged.length)
      judged.linear = 0;
    if (style == STYLE_SKB && judged.link == LINK_ETHERNET && mutate_below(2))
      judged.tag = 0x81000000 + mutate_below(65536);
    try_programs(judge, style, judged);
  }
}

static void test_random_programs(void **state) {
  enum style style = *(const enum style *)*state;
  uint64_t count = mutate_begin_with("PROGRAMS", 1000);

  for (uint64_t done = 0; done < count; done += TOGETHER) {
    struct block_filter filters[TOGETHER];
    struct block block;
    struct judge *judge;
    size_t index;
    char why[256] = "";
    for (size_t i = 0; i < TOGETHER; i++) {
      programs_next(mutate_below, insns[i], &programs[i]);
      filters[i] = (struct block_filter){{&programs[i], &programs[i]}};
      assert_true(classic_is_valid(&programs[i]));
    }
    assert_int_equal(
        block_open(filters, TOGETHER, style, &block, &index, why, sizeof(why)),
        0);
    assert_int_equal(judge_open(&block, style, &judge, NULL), 0);
    block_close(&block);
    try_frames(judge, style);
    judge_close(judge);
  }
}

/* The verifier follows ways on which X has values that it cannot have, or knows
 * less of 64 bits than of 32. */
static void test_known_bits(void **state) {
  static struct sock_filter bits_of_x[] = {
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
      BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_IND, 65531), BPF_STMT(BPF_RET | BPF_A, 0)};
  static struct sock_filter shifted[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 14),
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 27), BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_IND, 45), BPF_STMT(BPF_RET | BPF_A, 0)};
  static struct sock_filter in_memory[] = {
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
      BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_IND, 251), BPF_STMT(BPF_RET | BPF_A, 0)};
  const struct classic known[] = {{bits_of_x, 4}, {shifted, 5}, {in_memory, 4}};
  struct block_filter filters[3];
  struct block block;
  struct judge *judge;
  size_t index;
  char why[256];

  for (size_t i = 0; i < 3; i++)
    filters[i] = (struct block_filter){{&known[i], &known[i]}};
  assert_int_equal(block_open(filters, 3, *(const enum style *)*state, &block,
                              &index, why, sizeof(why)),
                   0);
  assert_int_equal(
      judge_open(&block, *(const enum style *)*state, &judge, NULL), 0);
  block_close(&block);
  judge_close(judge);
}

static void test_nothing(void **state) { (void)state; }

struct named {
  const char *name;
  CMUnitTestFunction test;
};

static const struct named of_each_style[] = {
    {"expressions", test_expressions},
    {"what is wanted", test_wanted},
    {"64 usual filters", test_usual_load},
    {"random sets of expressions", test_random_sets},
    {"bits that the verifier knows", test_known_bits},
    {"random programs", test_random_programs}};

enum { EACH = sizeof(of_each_style) / sizeof(*of_each_style) };

int main(int argc, char **argv) {
  static enum style styles[STYLES];
  static char names[STYLES * EACH][96];
  struct CMUnitTest tests[STYLES * EACH + 4];
  bool has_buffers = judge_is_there(STYLE_XDP_FRAGS);
  size_t count = 0;

  for (size_t s = 0; s < STYLES; s++) {
    bool is_there = s != STYLE_XDP_FRAGS || has_buffers;
    styles[s] = s;
    for (size_t i = 0; i < EACH; i++, count++) {
      snprintf(names[count], sizeof(names[count]), "%s: %s%s", style_names[s],
               of_each_style[i].name,
               is_there ? ""
                        : " # SKIP not in this kernel: XDP of several buffers");
      tests[count] = (struct CMUnitTest){
          .name = names[count],
          .test_func = is_there ? of_each_style[i].test : test_nothing,
          .initial_state = &styles[s]};
    }
  }
  if (has_buffers) {
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_buffers);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_large);
  }
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_tags);
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_buffers_of_skb);
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return _cmocka_run_group_tests("filters", tests, count, NULL, NULL);
}
