// SPDX-License-Identifier: MIT

/* For libFuzzer: programs of classic BPF and expressions, made of its octets,
 * are translated, loaded into the kernel, and run. The verifier takes all of
 * them, and they match what libpcap matches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/filter.h"
#include "tests/frames.h"
#include "tests/judge.h"
#include "tests/programs.h"
#include "tests/reference.h"
#include "tests/resolver.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { FILTERS = 4, TRIES = 12, TAG = 0x81000064 };

static const uint8_t *input;
static size_t input_size;

/* Zeros when the input is used up. */
static size_t below(size_t limit) {
  size_t value = 0;

  for (int i = 0; i < (limit > 256 ? 2 : 1) && input_size; i++, input_size--)
    value = value << 8 | *input++;
  return value % limit;
}

static const char *const words[] = {"tcp",
                                    "udp",
                                    "ip",
                                    "ip6",
                                    "ether",
                                    "arp",
                                    "icmp",
                                    "icmp6",
                                    "sctp",
                                    "vlan",
                                    "mpls",
                                    "pppoes",
                                    "geneve",
                                    "port",
                                    "portrange",
                                    "host",
                                    "net",
                                    "src",
                                    "dst",
                                    "proto",
                                    "and",
                                    "or",
                                    "not",
                                    "(",
                                    ")",
                                    "[",
                                    "]",
                                    ":",
                                    "+",
                                    "-",
                                    "*",
                                    "/",
                                    "%",
                                    "&",
                                    "|",
                                    "^",
                                    "<<",
                                    ">>",
                                    "=",
                                    "!=",
                                    "<",
                                    ">",
                                    ">=",
                                    "<=",
                                    "len",
                                    "less",
                                    "greater",
                                    "multicast",
                                    "broadcast",
                                    "0",
                                    "1",
                                    "2",
                                    "4",
                                    "6",
                                    "12",
                                    "14",
                                    "17",
                                    "53",
                                    "80",
                                    "255",
                                    "256",
                                    "1500",
                                    "65535",
                                    "65536",
                                    "4294967295",
                                    "192.0.2.1",
                                    "2001:db8::1",
                                    "02:00:00:00:00:01",
                                    "192.0.2.0/24",
                                    "2001:db8::/32",
                                    "100-200",
                                    "protochain",
                                    "llc",
                                    "0x8100",
                                    "igmp",
                                    "tcp[13]",
                                    "ip[0]&0xf"};

static void make_text(char text[512]) {
  *text = '\0';
  for (size_t n = 1 + below(24); n; n--) {
    strcat(text, words[below(COUNT(words))]);
    strcat(text, " ");
  }
}

static void fail(const struct block_filter *filter, const struct judged *judged,
                 const char *text) {
  const struct classic *program = filter->programs[judged->link];

  fprintf(stderr, "differs: %s\n", text);
  for (size_t i = 0; program && i < program->count; i++)
    fprintf(stderr, "{0x%x, %u, %u, 0x%x},\n", program->insns[i].code,
            program->insns[i].jt, program->insns[i].jf, program->insns[i].k);
  abort();
}

/* The frame as libpcap is to see it. */
static size_t make_whole(const struct judged *judged, uint8_t *whole) {
  static const uint8_t tag[] = {TAG >> 24 & 0xff, TAG >> 16 & 0xff,
                                TAG >> 8 & 0xff, TAG & 0xff};
  size_t at = judged->tag ? 12 : judged->length;

  memcpy(whole, judged->octets, at);
  if (!judged->tag)
    return at;
  memcpy(whole + at, tag, 4);
  memcpy(whole + at + 4, judged->octets + at, judged->length - at);
  return judged->length + 4;
}

static void try_frame(struct judge *judge, enum style style,
                      const struct block_filter *filters, size_t count,
                      const struct judged *judged, const char *text) {
  static uint8_t whole[FRAME_MAX + 4];
  __u64 mask;

  if (!judge_takes(judge, judged))
    return;
  size_t length = make_whole(judged, whole);
  size_t there =
      style == STYLE_MEMORY && length > MEMORY_SIZE ? MEMORY_SIZE : length;
  if (judge_run(judge, judged, &mask) != 0)
    abort();
  for (size_t i = 0; i < count; i++) {
    const struct classic *program = filters[i].programs[judged->link];
    bool expected =
        program && reference_program_matches(program, whole, length, there);
    if (expected != (mask >> i & 1))
      fail(&filters[i], judged, text);
  }
}

static void try_frames(struct judge *judge, enum style style,
                       const struct block_filter *filters, size_t count,
                       const char *text) {
  static uint8_t octets[FRAME_MAX];

  for (int i = 0; i < TRIES; i++) {
    struct judged judged = {.octets = octets, .wanted = ~0ULL};
    judged.length =
        frame_octets(&frame_cases[below(frame_cases_count)], octets);
    for (size_t n = below(4); n && judged.length; n--)
      octets[below(judged.length < 60 ? judged.length : 60)] =
          (uint8_t)below(256);
    if (below(4) == 1 && judged.length > 14)
      judged.length = 14 + below(judged.length - 14);
    judged.link = below(4) ? LINK_ETHERNET : LINK_IP;
    if (style == STYLE_SKB && judged.link == LINK_ETHERNET &&
        judged.length >= 14 && below(2))
      judged.tag = TAG;
    if (style == STYLE_XDP_FRAGS && judged.length > 20 && below(2))
      judged.linear = 14 + below(judged.length - 14);
    try_frame(judge, style, filters, count, &judged, text);
  }
}

static void try_filters(const struct block_filter *filters, size_t count,
                        const char *text) {
  enum style style = below(STYLE_MEMORY + 1);
  struct block block;
  struct judge *judge;
  size_t index;
  char why[256];

  if (block_open(filters, count, style, &block, &index, why, sizeof(why)) != 0)
    return;
  if (judge_open(&block, style, &judge, NULL) != 0)
    fail(&filters[0], &(struct judged){0}, text);
  block_close(&block);
  try_frames(judge, style, filters, count, text);
  judge_close(judge);
}

static void try_programs(void) {
  static struct sock_filter insns[FILTERS][PROGRAM_MAX];
  struct classic programs[FILTERS];
  struct block_filter filters[FILTERS];

  for (size_t i = 0; i < FILTERS; i++) {
    programs_next(below, insns[i], &programs[i]);
    filters[i] = (struct block_filter){{&programs[i], &programs[i]}};
  }
  try_filters(filters, FILTERS, "");
}

static void try_text(void) {
  char text[512], why[512];
  struct filter *filter;

  make_text(text);
  int error = filter_open(text, &filter, why, sizeof(why));
  if (*resolver_asked)
    fail(&(struct block_filter){{NULL}}, &(struct judged){0}, text);
  if (error)
    return;
  struct block_filter programs = {
      {filter_program(filter, LINK_ETHERNET), filter_program(filter, LINK_IP)}};
  try_filters(&programs, 1, text);
  filter_close(filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input = data;
  input_size = size;
  if (below(2))
    try_text();
  else
    try_programs();
  return 0;
}
