// SPDX-License-Identifier: MIT

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/block.h"
#include "plugin/expression.h"
#include "plugin/filter.h"
#include "tests/expressions.h"
#include "tests/frames.h"
#include "tests/mutate.h"
#include "tests/reference.h"
#include "tests/resolver.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static char why[512];

static int open_text(const char *text, struct filter **ret_filter) {
  *why = *resolver_asked = '\0';
  int error = filter_open(text, ret_filter, why, sizeof(why));
  assert_string_equal(resolver_asked, "");
  return error;
}

static void test_table(void **state) {
  (void)state;
  for (size_t i = 0; i < expressions_count; i++) {
    const struct expression *e = &expressions[i];
    struct filter *filter = NULL;
    int error = open_text(e->text, &filter);
    enum right_for right_for = RIGHT_FOR_NONE;
    if (!error)
      right_for =
          (filter_program(filter, LINK_ETHERNET) ? RIGHT_FOR_ETHERNET
                                                 : RIGHT_FOR_NONE) |
          (filter_program(filter, LINK_IP) ? RIGHT_FOR_IP : RIGHT_FOR_NONE);
    if (right_for != e->right_for)
      fail_msg("\"%s\" is right for %d: %s", e->text, right_for, why);
    assert_int_equal(error, right_for == RIGHT_FOR_NONE ? -EINVAL : 0);
    assert_int_equal(!*why, !error);
    for (enum link l = 0; !error && l < LINK_OTHER; l++)
      assert_int_equal(!filter_program(filter, l),
                       strlen(filter_why_not(filter, l)) != 0);
    filter_close(filter);
  }
}

static void assert_refused(const char *text, const char *words) {
  struct filter *filter;

  assert_int_equal(open_text(text, &filter), -EINVAL);
  assert_string_equal(why, words);
}

static char *repeat(const char *begin, const char *part, size_t times,
                    const char *end) {
  char *text = malloc(strlen(begin) + strlen(part) * times + strlen(end) + 1);

  strcpy(text, begin);
  char *at = text + strlen(text);
  for (size_t i = 0; i < times; i++, at += strlen(part))
    strcpy(at, part);
  strcpy(at, end);
  return text;
}

static void test_words(void **state) {
  (void)state;
  assert_refused("tcp and", "can't parse filter expression: syntax error");
  assert_refused("port 70000", "illegal port number 70000 > 65535");
  assert_refused("udp port http", "port 'http' is tcp");
  assert_refused("inbound",
                 "inbound, outbound and ifindex are known only when frames are "
                 "captured: use Direction and Interface");
  assert_refused("ifindex 1",
                 "inbound, outbound and ifindex are known only when frames are "
                 "captured: use Direction and Interface");
  assert_refused("ip6 protochain 6",
                 "protochain needs a loop, which BPF does not have here: use "
                 "proto");
  assert_refused("on eth0", "ifname supported only on PF linktype");
  assert_refused("ip and ip6", "expression rejects all packets");
  assert_refused("ip broadcast",
                 "netmask not known, so 'ip broadcast' not supported");
}

static void test_words_of_size(void **state) {
  struct filter *filter;
  char *text = repeat("portrange 1-2", " or 3-4", 50, "");

  (void)state;
  assert_int_equal(open_text(text, &filter), -EINVAL);
  assert_string_equal(why, "becomes 4758 instructions of libpcap, and 4096 is "
                           "the limit: write a shorter expression, or several");
  free(text);
}

static void test_words_of_one_link(void **state) {
  struct filter *filter;

  (void)state;
  assert_int_equal(open_text("vlan 100", &filter), 0);
  assert_string_equal(filter_text(filter), "vlan 100");
  assert_non_null(filter_program(filter, LINK_ETHERNET));
  assert_string_equal(filter_why_not(filter, LINK_ETHERNET), "");
  assert_null(filter_program(filter, LINK_IP));
  assert_string_equal(filter_why_not(filter, LINK_IP),
                      "no VLAN support for Raw IP");
  filter_close(filter);
  assert_null(filter_close(NULL));
}

/* Words in letters of their own; what is next to them is no letter, digit or
 * underscore. */
static void test_has_word(void **state) {
  static const char *const with[] = {"vlan",
                                     "vlan 100",
                                     "not vlan",
                                     "vlan and ip",
                                     "ip and(vlan)",
                                     "!vlan",
                                     "vlan100 or vlan",
                                     "vlan&&vlan 10",
                                     "udp or\tvlan\n10"};
  static const char *const without[] = {"",        "vlan100", "vlans",
                                        "my_vlan", "vlan_id", "qvlan",
                                        "VLAN",    "vla",     "v"};

  (void)state;
  for (size_t i = 0; i < COUNT(with); i++)
    assert_true(expression_has_word(with[i], "vlan"));
  for (size_t i = 0; i < COUNT(without); i++)
    assert_false(expression_has_word(without[i], "vlan"));
}

/* A tag is looked for in the frame, not in the kernel's metadata. */
static void test_tags_are_octets(void **state) {
  static const uint8_t tagged[60] = {[12] = 0x81, [15] = 100};
  struct filter *filter;

  (void)state;
  assert_int_equal(open_text("vlan 100", &filter), 0);
  assert_true(reference_program_matches(filter_program(filter, LINK_ETHERNET),
                                        tagged, 60, 60));
  filter_close(filter);
}

struct name_case {
  const char *text, *name;
};

static const struct name_case name_cases[] = {
    {"host example.org", "example.org"},
    {"host a", "a"},
    {"host 1.2.3.4.5", "1.2.3.4.5"},
    {"host 1.2.3.4a", "1.2.3.4a"},
    {"host 1.", "1."},
    {"host 00-11-22-33-44-55a", "00-11-22-33-44-55a"},
    {"host cafe", "cafe"},
    {"host cafe:", "cafe"},
    {"host cafe:1", "cafe"},
    {"host \\tcp", "\\tcp"},
    {"host \\192.0.2.1", "\\192.0.2.1"},
    {"host \\[::1]", "\\[::1]"},
    {"host tcp-syn", "tcp-syn"},
    {"host icmp-echo", "icmp-echo"},
    {"host x-", "x"},
    {"host Host", "Host"},
    {"host not-a-keyword", "not-a-keyword"},
    {"src a", "a"},
    {"dst a", "a"},
    {"src or dst a", "a"},
    {"src host a", "a"},
    {"net a", "a"},
    {"net loopback", "loopback"},
    {"src net a", "a"},
    {"gateway a", "a"},
    {"ether host a", "a"},
    {"ether src a", "a"},
    {"ether dst host a", "a"},
    {"ether gateway a", "a"},
    {"ip host a", "a"},
    {"ip6 host a", "a"},
    {"arp host a", "a"},
    {"wlan ra a", "a"},
    {"wlan addr1 a", "a"},
    {"host (a)", "a"},
    {"host ((a or b))", "a"},
    {"host (192.0.2.1 or b)", "b"},
    {"host not a", "a"},
    {"host ! a", "a"},
    {"host !(a)", "a"},
    {"host 192.0.2.1 or a", "a"},
    {"host 192.0.2.1 and a", "a"},
    {"host 192.0.2.1||a", "a"},
    {"host 192.0.2.1&&!a", "a"},
    {"host 192.0.2.1 or not (a)", "a"},
    {"host ::1 or a", "a"},
    {"net 192.0.2.0/24 or a", "a"},
    {"net 192.0.2.0 mask 255.255.255.0 or a", "a"},
    {"ether host 02:00:00:00:00:01 or a", "a"},
    {"port 53 and host a", "a"},
    {"port ftp or host a", "a"},
    {"host 192.0.2.1 and (port 53) and a", "a"},
    {"host 192.0.2.1 and (port 53 or ftp) and not a", "a"},
    {"host 192.0.2.1 and ((tcp)) and a", "a"},
    {"tcp and host a", "a"},
    {"tcp[0] = 1 and host a", "a"},
    {"host\ta", "a"},
    {"host\na", "a"},
};

static void test_names(void **state) {
  char words[256];

  (void)state;
  for (size_t i = 0; i < COUNT(name_cases); i++) {
    snprintf(words, sizeof(words),
             "\"%s\" is a name, which would have to be looked up: write the "
             "address",
             name_cases[i].name);
    assert_refused(name_cases[i].text, words);
  }
}

/* What is in files, or is a number, or a syntax error. */
static void test_no_names(void **state) {
  static const char *const texts[] = {
      "port domain",
      "tcp dst port ftp or ftp-data or domain",
      "port (ftp or http)",
      "port not http",
      "src or dst port domain",
      "portrange ftp-http",
      "portrange 1-2 or 4-8",
      "port 53 and (host 192.0.2.1) and http",
      "proto \\tcp or \\udp",
      "ip proto sctp",
      "ether proto \\ip or \\arp",
      "tcp or domain",
      "host 192.0.2.1 and tcp and domain",
      "host 192.0.2.1 and len > 4 and domain",
      "host 192.0.2.1 adn tcp",
      "host 192.0.2.1 a",
      "host ::1 a",
      "host (192.0.2.1) a",
      "a",
      "tcp a",
      "llc ui",
      "llc ui or domain",
      "host 192.0.2.1 and llc ui",
      "ifname a",
      "type data subtype qos-data",
      "reason match",
      "host fe80::1 or host 1:2:3:4:5:6:7:8 or host ::ffff:192.0.2.1",
      "host 1:2:3:4::5",
      "host ::1::2",
      "net 2001:db8::/32 or 2001:db9::/32",
      "host 0x7f.1",
      "ether host 2:0:0:0:0:1 or 02-00-00-00-00-01 or 0200.0000.0001",
      "ether host 0:1:2",
      "host 192.0.2.1 and ip[2:2] > 4",
      "host 192.0.2.1 and tcp[tcpflags] & (tcp-syn|tcp-fin) != 0"};

  (void)state;
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct filter *filter;
    if (open_text(texts[i], &filter) == 0)
      filter_close(filter);
    else if (strstr(why, "is a name"))
      fail_msg("%s: %s", texts[i], why);
  }
}

/* Whatever stands there, a name is never looked up. */
static void test_random_words(void **state) {
  static const char *const words[] = {
      "a",    "b.c",   "1.2",   "::1",  "02:00:00:00:00:01",
      "host", "net",   "port",  "src",  "dst",
      "and",  "or",    "not",   "(",    ")",
      "tcp",  "ether", "proto", "=",    ">",
      "+",    "[",     "]",     "/",    "mask",
      "!",    "5",     "llc",   "vlan", "gateway",
      "len",  "ftp",   "\\x",   "ip",   "portrange",
      "1-2",  "cafe:", "cafe",  "&",    "on",
      "type", "rnr",   "-",     "$ab",  "1.2.3.4.5",
      "byte", "0:1:",  "|",     "ra",   "icmp-echo",
      "less", "wlan"};
  uint64_t count = mutate_begin_with("TEXTS", 100000), right = 0;
  struct filter *filter;

  (void)state;
  while (count--) {
    char text[256] = "";
    for (size_t n = 1 + mutate_below(10); n; n--) {
      strcat(text, words[mutate_below(COUNT(words))]);
      if (mutate_below(8))
        strcat(text, " ");
    }
    *resolver_asked = '\0';
    if (filter_open(text, &filter, why, sizeof(why)) == 0) {
      right++;
      filter_close(filter);
    }
    if (*resolver_asked)
      fail_msg("\"%s\" asks for \"%s\"", text, resolver_asked);
  }
  assert_true(right > 0);
}

/* The words that the test before refuses are looked up where they are let
 * through: it could fail. */
static void test_libpcap_asks(void **state) {
  size_t missed = 0;

  (void)state;
  for (size_t i = 0; i < COUNT(name_cases); i++) {
    *resolver_asked = '\0';
    reference_close(reference_open(name_cases[i].text, LINK_ETHERNET));
    missed += !*resolver_asked;
  }
  /* Those of gateway, and of 802.11, which libpcap refuses before. */
  assert_in_range(missed, 0, 8);
}

/* At the limit, and one octet beyond. */
static void test_length(void **state) {
  struct filter *filter;
  char *text = repeat("tcp", " ", EXPRESSION_MAX - 3, "");

  (void)state;
  assert_int_equal(open_text(text, &filter), 0);
  filter_close(filter);
  free(text);
  text = repeat("tcp", " ", EXPRESSION_MAX - 2, "");
  assert_refused(text, "has 2049 octets, 2048 is the limit");
  free(text);
}

struct hostile {
  const char *begin, *part, *end;
  size_t times;
};

static const struct hostile hostiles[] = {
    {"", "(", "", 2048},
    {"", "(", "tcp", 2045},
    {"", "!", "tcp", 2045},
    {"", "not ", "tcp", 511},
    {"tcp", " or tcp", "", 290},
    {"port 1", " or 2", "", 200},
    {"portrange 1-2", " or 3-4", "", 120},
    {"portrange 1-2", " or 3-4", "", 40},
    {"portrange 1-2", " and not 3-4", "", 42},
    {"host 1.2.3.4", " or ::1", "", 290},
    {"vlan 1", " and vlan 1", "", 185},
    {"mpls 1", " and mpls 1", "", 185},
    {"ip[0]", "+ip[0]", " = 0", 340},
    {"1", "*(2", "", 680},
    {"", "ether[", "0", 340},
    {"len = ", "-", "1", 2000},
    {"tcp port 80", " and tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", "",
     39}};

/* They end, in an error or a program; none is too much for the memory. */
static void test_hostile(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(hostiles); i++) {
    const struct hostile *h = &hostiles[i];
    char *text = repeat(h->begin, h->part, h->times, h->end);
    struct filter *filter;
    struct block block;
    size_t index;
    if (open_text(text, &filter) == 0) {
      struct block_filter programs = {{filter_program(filter, LINK_ETHERNET),
                                       filter_program(filter, LINK_IP)}};
      if (block_open(&programs, 1, STYLE_SKB, &block, &index, why,
                     sizeof(why)) == 0)
        block_close(&block);
      filter_close(filter);
    }
    free(text);
  }
}

static void open_classic(struct sock_filter *insns, size_t count,
                         enum style style, int expected) {
  struct classic program = {insns, count};
  struct block_filter filters[3] = {{{NULL}}, {{NULL}}, {{&program, NULL}}};
  struct block block = {0};
  size_t index = 99;

  *why = '\0';
  assert_true(classic_is_valid(&program));
  assert_int_equal(
      block_open(filters, 3, style, &block, &index, why, sizeof(why)),
      expected);
  assert_int_equal(index, expected ? 2 : 99);
  block_close(&block);
}

static void test_too_large(void **state) {
  enum { LOADS = 3000 };
  static struct sock_filter insns[BPF_MAXINSNS];

  (void)state;
  for (size_t i = 0; i < BPF_MAXINSNS; i++)
    insns[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12);
  insns[LOADS] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
  open_classic(insns, LOADS + 1, STYLE_SKB, -E2BIG);
  assert_string_equal(why, "becomes 48006 instructions, and 16000 is the "
                           "limit: write a shorter expression, or several");
  for (size_t i = 0; i < BPF_MAXINSNS - 1; i++)
    insns[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 12);
  insns[BPF_MAXINSNS - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
  open_classic(insns, BPF_MAXINSNS, STYLE_SKB, 0);
}

static void test_too_many_jumps(void **state) {
  static struct sock_filter insns[BPF_MAXINSNS];
  struct classic program = {insns, BPF_MAXINSNS};
  struct classic other = {insns, BPF_MAXINSNS - 1};
  struct block_filter filters[2] = {{{&program, NULL}}, {{&other, NULL}}};
  struct block block;
  size_t index = 99;

  (void)state;
  for (size_t i = 0; i < BPF_MAXINSNS; i++)
    insns[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 0);
  for (size_t i = 0; i < BPF_MAXINSNS - 2; i++)
    insns[i].jt = 1;
  insns[BPF_MAXINSNS - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
  insns[BPF_MAXINSNS - 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 1);
  insns[BPF_MAXINSNS - 3].jt = insns[BPF_MAXINSNS - 4].jt = 0;
  assert_int_equal(
      block_open(filters, 1, STYLE_XDP, &block, &index, why, sizeof(why)), 0);
  block_close(&block);
  assert_int_equal(
      block_open(filters, 2, STYLE_XDP, &block, &index, why, sizeof(why)),
      -E2BIG);
  assert_int_equal(index, 1);
  assert_string_equal(why,
                      "can take 8194 decisions for one frame, with those of "
                      "the filters before it, and 7000 is the limit: write "
                      "shorter expressions");
}

static size_t size_of_block(const char *const *texts, size_t count) {
  struct filter *filters[BLOCK_FILTERS_MAX];
  struct block_filter programs[BLOCK_FILTERS_MAX] = {0};
  struct block block;
  size_t index;

  for (size_t i = 0; i < count; i++) {
    assert_int_equal(open_text(texts[i], &filters[i]), 0);
    for (enum link l = 0; l < LINK_OTHER; l++)
      programs[i].programs[l] = filter_program(filters[i], l);
  }
  assert_int_equal(
      block_open(programs, count, STYLE_XDP, &block, &index, why, sizeof(why)),
      0);
  size_t size = block.count;
  block_close(&block);
  for (size_t i = 0; i < count; i++)
    filter_close(filters[i]);
  return size;
}

static void test_equal_programs_once(void **state) {
  const char *const texts[] = {"udp port 53", "udp  port (53)",
                               "udp port domain"};

  (void)state;
  assert_int_equal(size_of_block(texts, 3), size_of_block(texts, 1));
}

/* No test of the wanted ones, and no load. */
static void test_always_is_free(void **state) {
  const char *const texts[] = {""};

  (void)state;
  assert_int_equal(size_of_block(texts, 1) - size_of_block(texts, 0), 2);
}

/* The first instructions may take the place of others, one for one. */
static void test_no_wide_instruction(void **state) {
  (void)state;
  for (size_t i = 0; i < expressions_count; i++) {
    struct filter *filter;
    struct block block;
    size_t index;
    if (filter_open(expressions[i].text, &filter, why, sizeof(why)) != 0)
      continue;
    struct block_filter programs = {{filter_program(filter, LINK_ETHERNET),
                                     filter_program(filter, LINK_IP)}};
    for (enum style style = 0; style <= STYLE_MEMORY; style++) {
      assert_int_equal(
          block_open(&programs, 1, style, &block, &index, why, sizeof(why)), 0);
      for (size_t j = 0; j < block.count; j++)
        assert_int_not_equal(block.insns[j].code, BPF_LD | BPF_DW | BPF_IMM);
      block_close(&block);
    }
    filter_close(filter);
  }
}

static void assert_reach(const char *text, enum link link, __u64 expected) {
  struct filter *filter;

  assert_int_equal(open_text(text, &filter), 0);
  assert_int_equal(filter_reach(filter, link), expected);
  filter_close(filter);
}

static void test_reach(void **state) {
  (void)state;
  assert_reach("", LINK_ETHERNET, 0);
  assert_reach("len > 5", LINK_ETHERNET, 0);
  assert_reach("ip", LINK_ETHERNET, 14);
  assert_reach("ip", LINK_IP, 1);
  assert_reach("ether[255] = 0", LINK_ETHERNET, 256);
  assert_reach("ether[300:4] = 0", LINK_ETHERNET, 304);
  assert_reach("ether[4294967295] = 0", LINK_ETHERNET, 4294967296);
}

static void assert_invalid(struct sock_filter a, struct sock_filter b) {
  struct sock_filter insns[] = {a, b};
  struct classic program = {insns, 2};

  assert_false(classic_is_valid(&program));
}

#define INSN4(c, t, f, value)                                                  \
  ((struct sock_filter){.code = (c), .jt = (t), .jf = (f), .k = (value)})

static void test_invalid_programs(void **state) {
  const struct sock_filter end = INSN4(BPF_RET | BPF_K, 0, 0, 0);
  struct classic empty = {NULL, 0};

  (void)state;
  assert_false(classic_is_valid(&empty));
  assert_invalid(end, INSN4(BPF_LD | BPF_IMM, 0, 0, 0));
  assert_invalid(INSN4(BPF_JMP | BPF_JA, 0, 0, 1), end);
  assert_invalid(INSN4(BPF_JMP | BPF_JA, 0, 0, -1), end);
  assert_invalid(INSN4(BPF_JMP | BPF_JEQ, 1, 0, 0), end);
  assert_invalid(INSN4(BPF_JMP | BPF_JEQ, 0, 1, 0), end);
  assert_invalid(INSN4(BPF_JMP | 0x50, 0, 0, 0), end);
  assert_invalid(INSN4(BPF_LD | BPF_MEM, 0, 0, 16), end);
  assert_invalid(INSN4(BPF_ST, 0, 0, 16), end);
  assert_invalid(INSN4(BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0), end);
  assert_invalid(INSN4(BPF_ALU | BPF_MOD | BPF_K, 0, 0, 0), end);
  assert_invalid(INSN4(BPF_ALU | 0xb0, 0, 0, 0), end);
  assert_invalid(INSN4(BPF_LDX | BPF_W | BPF_ABS, 0, 0, 0), end);
  assert_invalid(INSN4(0xffff, 0, 0, 0), end);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_words),
      cmocka_unit_test(test_words_of_size),
      cmocka_unit_test(test_words_of_one_link),
      cmocka_unit_test(test_has_word),
      cmocka_unit_test(test_tags_are_octets),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_no_names),
      cmocka_unit_test(test_random_words),
      cmocka_unit_test(test_libpcap_asks),
      cmocka_unit_test(test_length),
      cmocka_unit_test(test_hostile),
      cmocka_unit_test(test_too_large),
      cmocka_unit_test(test_too_many_jumps),
      cmocka_unit_test(test_equal_programs_once),
      cmocka_unit_test(test_always_is_free),
      cmocka_unit_test(test_no_wide_instruction),
      cmocka_unit_test(test_reach),
      cmocka_unit_test(test_invalid_programs),
  };

  return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
