// SPDX-License-Identifier: MIT

/* <Counter> blocks, as users write them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/config.h"
#include "plugin/log.h"
#include "tests/resolver.h"
#include "tests/unit/options.h"

static char logged[1024];
static unsigned lines;

void log_write(int severity, const char *format, ...) {
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(logged, sizeof(logged), format, arguments);
  va_end(arguments);
  assert_int_equal(severity, LOG_ERR);
  lines++;
}

static struct config config;

static int set_up(void **state) {
  (void)state;
  config = CONFIG_DEFAULT;
  lines = 0;
  logged[0] = *resolver_asked = '\0';
  return 0;
}

/* No name server is asked, whatever is written. */
static int tear_down(void **state) {
  (void)state;
  config_free(&config);
  assert_int_equal(config.counters.count, 0);
  assert_string_equal(resolver_asked, "");
  return 0;
}

#define FILTER(text) OPTION("Filter", STRING(text))
#define COUNTER(name, text) BLOCK("Counter", STRING(name), FILTER(text))

static void add(struct option option) {
  struct option block = {
      .key = "Plugin", .children = &option, .children_count = 1};

  assert_int_equal(config_add(&config, &block), 0);
}

static void assert_mistake(const char *line) {
  assert_string_equal(logged, line);
  assert_int_equal(lines, 1);
  assert_int_equal(config.mistakes.count, 1);
}

/* That the option is a mistake, of which this is said. */
static void refuse(struct option option, const char *line) {
  lines = config.mistakes.count = 0;
  add(option);
  assert_mistake(line);
  assert_int_equal(config_complete(&config), -EINVAL);
}

/* The set of its counters, after the last block. */
static __u64 counters_of(const char *name) {
  assert_int_equal(config_complete(&config), 0);
  assert_int_equal(lines, 0);
  const struct settings *settings = selection_find(&config.selection, name);
  assert_non_null(settings);
  return settings->counters;
}

static void assert_counter(unsigned index, const char *name, const char *text) {
  assert_true(index < config.counters.count);
  assert_string_equal(config.counters.list[index].name, name);
  assert_string_equal(filter_text(config.counters.list[index].filter), text);
}

/* --- what is right ---------------------------------------------------------*/

static void test_none(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  assert_int_equal(counters_of("eth0"), 0);
  assert_int_equal(config.counters.count, 0);
}

static void test_global(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(COUNTER("dns", "udp port 53"));
  add(BLOCK("COUNTER", STRING("Web-2"), OPTION("filter", STRING("tcp"))));
  assert_int_equal(config.counters.count, 2);
  assert_counter(0, "dns", "udp port 53");
  assert_counter(1, "Web-2", "tcp");
  assert_int_equal(counters_of("eth0"), 0x3);
}

static void test_in_a_block(void **state) {
  (void)state;
  add(BLOCK("Interface", STRING("eth0"), COUNTER("dns", "udp port 53")));
  add(OPTION("Interface", STRING("eth1")));
  assert_int_equal(config.counters.count, 1);
  assert_counter(0, "dns", "udp port 53");
  assert_int_equal(counters_of("eth0"), 0x1);
  assert_int_equal(counters_of("eth1"), 0);
}

/* Wherever the global ones stand. */
static void test_both_add_up(void **state) {
  (void)state;
  add(COUNTER("first", "udp"));
  add(BLOCK("Interface", STRING("eth0"), COUNTER("own", "icmp"),
            COUNTER("other", "arp")));
  add(BLOCK("Interface", STRING("eth1"), OPTION("Mode", STRING("tc"))));
  add(OPTION("Interface", STRING("eth2")));
  add(COUNTER("last", "tcp"));
  assert_int_equal(counters_of("eth0"), 0xf);
  assert_int_equal(counters_of("eth1"), 0x9);
  assert_int_equal(counters_of("eth2"), 0x9);
}

static void test_one_name_of_two_filters(void **state) {
  (void)state;
  add(BLOCK("Interface", STRING("eth0"), COUNTER("dns", "udp port 53")));
  add(BLOCK("Interface", STRING("eth1"), COUNTER("dns", "tcp port 53")));
  assert_counter(0, "dns", "udp port 53");
  assert_counter(1, "dns", "tcp port 53");
  assert_int_equal(counters_of("eth0"), 0x1);
  assert_int_equal(counters_of("eth1"), 0x2);
}

/* It has one cell, and its filter is compiled once. */
static void test_the_same_in_two_blocks(void **state) {
  (void)state;
  add(BLOCK("Interface", STRING("eth0"), COUNTER("arp", "arp")));
  add(BLOCK("Interface", STRING("eth1"), COUNTER("dns", "udp port 53"),
            COUNTER("arp", "arp")));
  assert_int_equal(config.counters.count, 2);
  assert_int_equal(counters_of("eth0"), 0x1);
  assert_int_equal(counters_of("eth1"), 0x3);
}

static void test_one_filter_of_two_names(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(COUNTER("a", "arp"));
  add(COUNTER("b", "arp"));
  assert_int_equal(config.counters.count, 2);
  assert_int_equal(counters_of("eth0"), 0x3);
}

static void test_names(void **state) {
  char longest[101];

  (void)state;
  memset(longest, 'x', 100);
  longest[100] = '\0';
  add(OPTION("Interface", STRING("eth0")));
  add(COUNTER(longest, "arp"));
  add(COUNTER("~!\"#$%&'()*+,-.:;<=>?@[\\]^_`{|}", "arp"));
  assert_counter(0, longest, "arp");
  assert_int_equal(counters_of("eth0"), 0x3);
}

/* For one kind of links is enough. */
static void test_right_for_one_link(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(COUNTER("v", "vlan 100"));
  assert_int_equal(counters_of("eth0"), 0x1);
}

/* --- one name twice --------------------------------------------------------*/

#define TWICE "there is a counter of that name already; call one of them "

static void test_twice_globally(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  add(COUNTER("dns", "udp port 53"));
  refuse(COUNTER("dns", "tcp port 53"),
         "configuration: <Counter \"dns\">: " TWICE "otherwise");
  refuse(COUNTER("dns", "udp port 53"),
         "configuration: <Counter \"dns\">: " TWICE "otherwise");
  assert_int_equal(config.counters.count, 1);
}

static void test_twice_in_a_block(void **state) {
  (void)state;
  refuse(BLOCK("Interface", STRING("eth0"), COUNTER("dns", "udp port 53"),
               COUNTER("dns", "tcp port 53")),
         "configuration: <Counter \"dns\">: " TWICE "otherwise");
}

#define GLOBAL_TWIN                                                            \
  "configuration: <Interface \"eth0\">: <Counter \"dns\">: there is a global " \
  "counter of that name; call one of them otherwise"

static void test_in_a_block_and_globally(void **state) {
  (void)state;
  add(COUNTER("dns", "udp port 53"));
  add(BLOCK("Interface", STRING("eth0"), COUNTER("dns", "tcp port 53")));
  assert_int_equal(lines, 0);
  assert_int_equal(config_complete(&config), -EINVAL);
  assert_mistake(GLOBAL_TWIN);
}

static void test_globally_after_a_block(void **state) {
  (void)state;
  add(BLOCK("Interface", STRING("eth0"), COUNTER("dns", "tcp port 53")));
  add(COUNTER("dns", "udp port 53"));
  assert_int_equal(config_complete(&config), -EINVAL);
  assert_mistake(GLOBAL_TWIN);
}

/* It is counted once. */
static void test_the_same_in_a_block_and_globally(void **state) {
  (void)state;
  add(COUNTER("dns", "udp port 53"));
  add(BLOCK("Interface", STRING("eth0"), COUNTER("dns", "udp port 53")));
  assert_int_equal(counters_of("eth0"), 0x1);
}

/* --- names -----------------------------------------------------------------*/

#define NO_NAME                                                                \
  "a name has letters, digits and punctuation of ASCII, but no slash and no "  \
  "blank"

static void test_bad_names(void **state) {
  char text[102], line[256];

  (void)state;
  refuse(COUNTER("", "arp"),
         "configuration: <Counter \"\">: a counter needs a name, as in "
         "<Counter \"dns\">");
  refuse(COUNTER("a/b", "arp"), "configuration: <Counter \"a/b\">: " NO_NAME);
  refuse(COUNTER("a b", "arp"), "configuration: <Counter \"a b\">: " NO_NAME);
  refuse(COUNTER("a\n", "arp"), "configuration: <Counter \"a\n\">: " NO_NAME);
  refuse(COUNTER("\xc3\xa9", "arp"),
         "configuration: <Counter \"\xc3\xa9\">: " NO_NAME);
  memset(text, 'x', 101);
  text[101] = '\0';
  snprintf(line, sizeof(line),
           "configuration: <Counter \"%.64s\">: the name has 101 octets, 100 "
           "is the limit",
           text);
  refuse(COUNTER(text, "arp"), line);
  assert_int_equal(config.counters.count, 0);
}

static void test_no_name(void **state) {
  struct option block = COUNTER("dns", "arp");

  (void)state;
  block.values_count = 0;
  refuse(block, "configuration: Counter: takes the name of one counter, as in "
                "<Counter \"dns\">");
  refuse(BLOCK("Counter", NUMBER(5), FILTER("arp")),
         "configuration: Counter 5: takes the name of one counter, as in "
         "<Counter \"dns\">");
  block = OPTION("Counter", STRING("a"), STRING("b"));
  refuse(block, "configuration: Counter \"a\" \"b\": takes the name of one "
                "counter, as in <Counter \"dns\">");
}

/* --- what is in it ---------------------------------------------------------*/

static void test_no_filter(void **state) {
  (void)state;
  refuse(OPTION("Counter", STRING("dns")),
         "configuration: <Counter \"dns\">: Filter is missing; say what is to "
         "be counted, as in Filter \"udp port 53\"");
}

static void test_two_filters(void **state) {
  (void)state;
  refuse(BLOCK("Counter", STRING("dns"), FILTER("udp"), FILTER("tcp")),
         "configuration: <Counter \"dns\">: Filter is given twice; join them "
         "by \"or\"");
  assert_int_equal(config.counters.count, 0);
}

static void test_not_a_filter(void **state) {
  (void)state;
  refuse(BLOCK("Counter", STRING("dns"), OPTION("Filter", NUMBER(53))),
         "configuration: <Counter \"dns\">: Filter 53: takes an expression of "
         "pcap-filter(7)");
  refuse(BLOCK("Counter", STRING("dns"),
               OPTION("Filter", STRING("udp"), STRING("tcp"))),
         "configuration: <Counter \"dns\">: Filter \"udp\" \"tcp\": takes an "
         "expression of pcap-filter(7)");
  refuse(BLOCK("Counter", STRING("dns"), (struct option){.key = "Filter"}),
         "configuration: <Counter \"dns\">: Filter: takes an expression of "
         "pcap-filter(7)");
}

static void test_unknown_option(void **state) {
  (void)state;
  refuse(BLOCK("Counter", STRING("dns"), FILTER("udp"),
               OPTION("Mode", STRING("tc"))),
         "configuration: <Counter \"dns\">: Mode: no such option; known is "
         "Filter");
  assert_int_equal(config.counters.count, 0);
}

/* --- expressions -----------------------------------------------------------*/

static void test_syntax(void **state) {
  (void)state;
  refuse(COUNTER("dns", "udp prot 53"),
         "configuration: <Counter \"dns\">: Filter \"udp prot 53\": can't "
         "parse filter expression: syntax error");
  refuse(COUNTER("high", "port 65536"),
         "configuration: <Counter \"high\">: Filter \"port 65536\": illegal "
         "port number 65536 > 65535");
}

static void test_names_of_hosts(void **state) {
  (void)state;
  refuse(COUNTER("web", "tcp and host www.example.org"),
         "configuration: <Counter \"web\">: Filter \"tcp and host "
         "www.example.org\": \"www.example.org\" is a name, which would have "
         "to be looked up: write the address");
  refuse(COUNTER("web", "net localnet"),
         "configuration: <Counter \"web\">: Filter \"net localnet\": "
         "\"localnet\" is a name, which would have to be looked up: write the "
         "address");
}

/* What follows is not in it, nor in what it is in. */
static void test_a_mistake_in_two_blocks(void **state) {
  (void)state;
  refuse(BLOCK("Interface", STRING("eth0"), COUNTER("dns", "udp and"),
               OPTION("Direction", STRING("both"))),
         "configuration: <Counter \"dns\">: Filter \"udp and\": can't parse "
         "filter expression: syntax error");
  lines = 0;
  add(BLOCK("Interface", STRING("eth1"), COUNTER("dns", "udp and"),
            OPTION("Modes", STRING("tc"))));
  assert_int_equal(lines, 2);
  assert_string_equal(logged,
                      "configuration: <Interface \"eth1\">: Modes: no such "
                      "option; known are Mode, Direction, Busy, Report, "
                      "Counter");
  refuse(OPTION("Mode", NUMBER(1)),
         "configuration: Mode 1: takes one of \"auto\", \"native\", "
         "\"generic\" or \"tc\"");
}

/* --- many ------------------------------------------------------------------*/

static void add_numbered(unsigned number) {
  char name[16], text[16];

  snprintf(name, sizeof(name), "port-%u", number);
  snprintf(text, sizeof(text), "port %u", number);
  add(COUNTER(name, text));
}

static void test_as_many_as_there_may_be(void **state) {
  (void)state;
  add(OPTION("Interface", STRING("eth0")));
  for (unsigned i = 0; i < 64; i++)
    add_numbered(i);
  assert_true(counters_of("eth0") == ~0ULL);
  assert_counter(63, "port-63", "port 63");
}

/* One that is there already is no other. */
static void test_one_more(void **state) {
  (void)state;
  for (unsigned i = 0; i < 64; i++)
    add_numbered(i);
  add(BLOCK("Interface", STRING("eth0"), COUNTER("port-7", "port 7")));
  assert_int_equal(lines, 0);
  refuse(COUNTER("port-64", "port 64"),
         "configuration: <Counter \"port-64\">: Filter \"port 64\": there are "
         "64 counters already, which is the limit");
  assert_int_equal(config.counters.count, 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_none),
      TEST(test_global),
      TEST(test_in_a_block),
      TEST(test_both_add_up),
      TEST(test_one_name_of_two_filters),
      TEST(test_the_same_in_two_blocks),
      TEST(test_one_filter_of_two_names),
      TEST(test_names),
      TEST(test_right_for_one_link),
      TEST(test_twice_globally),
      TEST(test_twice_in_a_block),
      TEST(test_in_a_block_and_globally),
      TEST(test_globally_after_a_block),
      TEST(test_the_same_in_a_block_and_globally),
      TEST(test_bad_names),
      TEST(test_no_name),
      TEST(test_no_filter),
      TEST(test_two_filters),
      TEST(test_not_a_filter),
      TEST(test_unknown_option),
      TEST(test_syntax),
      TEST(test_names_of_hosts),
      TEST(test_a_mistake_in_two_blocks),
      TEST(test_as_many_as_there_may_be),
      TEST(test_one_more),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
