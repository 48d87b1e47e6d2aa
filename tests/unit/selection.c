// SPDX-License-Identifier: MIT

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/datapath.h"
#include "plugin/log.h"
#include "plugin/selection.h"

/* Nothing of this is for the log. */
void log_write(int severity, const char *format, ...) {
  (void)severity;
  fail_msg("logged: %s", format);
}

#define RX DIRECTION_BIT(DIRECTION_RX)
#define TX DIRECTION_BIT(DIRECTION_TX)

static struct selection selection;
static const struct settings global = {MODE_GENERIC, RX, BUSY_SKIP,
                                       GROUP_BIT(GROUP_SIZE), 0x5};

static int tear_down(void **state) {
  (void)state;
  selection_free(&selection);
  return 0;
}

static struct pattern *open_pattern(const char *text) {
  struct pattern *pattern;
  char why[256] = "";

  assert_int_equal(pattern_open(text, &pattern, why, sizeof(why)), 0);
  assert_string_equal(why, "");
  return pattern;
}

static void add_line(const char *text) {
  assert_int_equal(selection_add(&selection, open_pattern(text), NULL), 0);
}

/* With all options, of which the groups tell it from others. */
static void add_block(const char *text, __u32 groups) {
  struct overrides overrides = {{MODE_TC, TX, BUSY_TC, groups, 0x6}, ~0U};

  assert_int_equal(selection_add(&selection, open_pattern(text), &overrides),
                   0);
}

/* The groups of its settings, 0 where it is not selected. */
static __u32 found(const char *name) {
  selection_resolve(&selection, &global);
  const struct settings *settings = selection_find(&selection, name);
  return settings ? settings->groups : 0;
}

enum { GLOBAL = 1 << GROUP_SIZE };

static bool matches(const char *text, const char *name) {
  struct pattern *pattern = open_pattern(text);
  bool is_so = pattern_matches(pattern, name);

  assert_string_equal(pattern_text(pattern), text);
  assert_null(pattern_close(pattern));
  return is_so;
}

static void test_a_name_matches_itself_only(void **state) {
  (void)state;
  assert_true(matches("eth0", "eth0"));
  assert_false(matches("eth0", "eth01"));
  assert_false(matches("eth0", "eth"));
  assert_false(matches("eth0", "Eth0"));
  assert_true(matches("eth0.1", "eth0.1"));
  assert_false(matches("eth0.1", "eth0x1"));
  assert_true(matches("e*", "e*"));
  assert_false(matches("e*", "ee"));
  assert_true(matches("\"'`$(x)", "\"'`$(x)"));
}

static void test_a_regex_is_extended_and_anchored_by_hand(void **state) {
  (void)state;
  assert_true(matches("/th/", "eth0"));
  assert_false(matches("/^th/", "eth0"));
  assert_false(matches("/th$/", "eth0"));
  assert_true(matches("/^(eth|ens)[0-9]+$/", "ens12"));
  assert_false(matches("/^(eth|ens)[0-9]+$/", "ens"));
  assert_true(matches("/^v{2,3}$/", "vv"));
  assert_false(matches("/ETH/", "eth0"));
  assert_true(matches("/^eth0\\.1$/", "eth0.1"));
  assert_false(matches("/^eth0\\.1$/", "eth0x1"));
  assert_true(matches("/./", "/"));
}

/* Two octets are two "." in collectd's locale. */
static void test_a_regex_matches_octets(void **state) {
  (void)state;
  assert_true(matches("/^\xc3\xbc[0-9]$/", "\xc3\xbc"
                                           "1"));
  assert_true(matches("/^..$/", "\xc3\xbc"));
  assert_false(matches("/^.$/", "\xc3\xbc"));
  assert_true(matches("/^a\"b'.$/", "a\"b'c"));
}

static void test_what_is_a_regex(void **state) {
  static const char *const names[] = {"eth0", "^eth", "a.b"};
  static const char *const regexes[] = {"/eth0/", "/a/b/", "/ /", "///"};

  (void)state;
  for (size_t i = 0; i < 3; i++) {
    struct pattern *pattern = open_pattern(names[i]);
    assert_false(pattern_is_regex(pattern));
    pattern_close(pattern);
  }
  for (size_t i = 0; i < 4; i++) {
    struct pattern *pattern = open_pattern(regexes[i]);
    assert_true(pattern_is_regex(pattern));
    pattern_close(pattern);
  }
}

static void refuse(const char *text, const char *expected) {
  struct pattern *pattern = NULL;
  char why[256];

  assert_int_equal(pattern_open(text, &pattern, why, sizeof(why)), -EINVAL);
  assert_string_equal(why, expected);
  assert_null(pattern);
}

#define NOT_A_REGEX "not a regex (POSIX extended): "

/* The octet at which what is wrong is there, or begins. */
static void test_where_a_regex_is_wrong(void **state) {
  (void)state;
  refuse("/(a(b)/", NOT_A_REGEX "Unmatched ( or \\(, at octet 1, \"(a(b)\"");
  refuse("/(a)(b/", NOT_A_REGEX "Unmatched ( or \\(, at octet 4, \"(b\"");
  refuse("/^(veth|tap[0-9]+$/",
         NOT_A_REGEX "Unmatched ( or \\(, at octet 2, \"(veth|tap[0-9]+$\"");
  refuse("/(b{2})c(d[^)]|[(]e{3}/",
         NOT_A_REGEX "Unmatched ( or \\(, at octet 8, \"(d[^)]|[(]e{3}\"");
  refuse("/a|*b/", NOT_A_REGEX
         "Invalid preceding regular expression, at octet 3, \"*b\"");
  refuse("/x{3,2}y/",
         NOT_A_REGEX "Invalid content of \\{\\}, at octet 6, \"}y\"");
  refuse("/x{3/", NOT_A_REGEX "Unmatched \\{, at octet 2, \"{3\"");
  refuse("/[[:digits:]]/",
         NOT_A_REGEX "Invalid character class name, at octet 11, \"]]\"");
  refuse("/x[/", NOT_A_REGEX "Invalid regular expression, at octet 2, \"[\"");
  refuse("/(/", NOT_A_REGEX "Unmatched ( or \\(, at octet 1, \"(\"");
}

/* The rest is shown as far as there is room. */
static void test_a_long_regex(void **state) {
  char text[3000];

  (void)state;
  memset(text, 'x', sizeof(text));
  memcpy(text, "/eth(", 5);
  strcpy(text + sizeof(text) - 2, "/");
  refuse(text,
         NOT_A_REGEX "Unmatched ( or \\(, at octet 4, \"(xxxxxxxxxxxxxxx\"");
}

static void test_nothing(void **state) {
  (void)state;
  assert_false(selection_has_any(&selection));
  assert_int_equal(found("eth0"), 0);
  assert_int_equal(selection_groups(&selection), 0);
  assert_int_equal(selection_entries(&selection), 0);
  selection_free(&selection);
}

static void test_lines(void **state) {
  (void)state;
  add_line("eth0");
  add_line("/^ens/");
  assert_true(selection_has_any(&selection));
  assert_int_equal(found("eth0"), GLOBAL);
  assert_int_equal(found("ens3"), GLOBAL);
  assert_int_equal(found("eth1"), 0);
  assert_int_equal(found(""), 0);
}

static void test_ignored_lines(void **state) {
  (void)state;
  selection.ignores_lines = true;
  assert_true(selection_has_any(&selection));
  assert_int_equal(found("eth0"), GLOBAL);
  add_line("eth0");
  add_line("/^ens/");
  assert_int_equal(found("eth0"), 0);
  assert_int_equal(found("ens3"), 0);
  assert_int_equal(found("eth1"), GLOBAL);
}

/* Wherever the line stands. */
static void test_a_block_wins_over_lines(void **state) {
  (void)state;
  add_line("/^eth/");
  add_block("eth0", 0x10);
  add_line("/0$/");
  for (int i = 0; i < 2; i++) {
    selection.ignores_lines = i;
    assert_int_equal(found("eth0"), 0x10);
    assert_int_equal(found("eth1"), i ? 0 : GLOBAL);
    assert_int_equal(found("lo"), i ? GLOBAL : 0);
  }
}

static void test_the_first_block_wins(void **state) {
  (void)state;
  add_block("eth1", 0x10);
  add_block("/^eth[12]$/", 0x20);
  add_block("/^eth/", 0x40);
  add_block("eth2", 0x80);
  assert_int_equal(found("eth1"), 0x10);
  assert_int_equal(found("eth2"), 0x20);
  assert_int_equal(found("eth3"), 0x40);
  assert_int_equal(found("lo"), 0);
}

/* The block that replaces a line is not before blocks that stood before it. */
static void test_of_one_text(void **state) {
  (void)state;
  add_line("eth0");
  add_line("eth0");
  add_block("/^eth/", 0x10);
  add_block("eth0", 0x20);
  assert_int_equal(selection.count, 2);
  assert_int_equal(found("eth0"), 0x10);
  add_block("/^eth/", 0x40);
  add_line("/^eth/");
  assert_int_equal(selection.count, 2);
  assert_int_equal(found("eth0"), 0x10);
  assert_false(selection_rule(&selection, "eth0") == NULL);
  assert_true(selection_rule(&selection, "/^eth/")->is_block);
  assert_null(selection_rule(&selection, "/^eth"));
}

static void test_settings(void **state) {
  struct overrides none = {0};

  (void)state;
  add_line("eth0");
  add_block("eth1", 0x10);
  assert_int_equal(selection_add(&selection, open_pattern("eth2"), &none), 0);
  selection_resolve(&selection, &global);
  assert_memory_equal(selection_find(&selection, "eth0"), &global,
                      sizeof(global));
  assert_memory_equal(selection_find(&selection, "eth1"),
                      (&(struct settings){MODE_TC, TX, BUSY_TC, 0x10, 0x7}),
                      sizeof(global));
  assert_memory_equal(selection_find(&selection, "eth2"), &global,
                      sizeof(global));
}

static void test_shadow(void **state) {
  (void)state;
  add_line("/0/");
  add_line("eth9");
  add_block("eth1", 0x10);
  add_block("/^eth/", 0x20);
  add_block("eth0", 0x40);
  add_block("/^eth0/", 0x80);
  assert_null(selection_shadow(&selection, &selection.rules[1]));
  assert_null(selection_shadow(&selection, &selection.rules[2]));
  assert_null(selection_shadow(&selection, &selection.rules[3]));
  assert_ptr_equal(selection_shadow(&selection, &selection.rules[4]),
                   &selection.rules[3]);
  assert_null(selection_shadow(&selection, &selection.rules[5]));
}

typedef const char *visitor(const struct selection *selection,
                            size_t *position);

static const char *list(visitor *next) {
  static char text[256];
  const char *item;
  size_t position = 0;

  text[0] = '\0';
  while ((item = next(&selection, &position)))
    sprintf(text + strlen(text), "%s ", item);
  assert_null(next(&selection, &position));
  return text;
}

static void test_names(void **state) {
  (void)state;
  assert_string_equal(list(selection_next_name), "");
  add_line("eth1");
  add_line("/^ens/");
  add_block("/^veth/", 0x10);
  add_block("eth0", 0x10);
  add_line("a\"b.\xc3\xbc");
  add_line("eth1");
  assert_string_equal(list(selection_next_name), "eth1 eth0 a\"b.\xc3\xbc ");
  selection.ignores_lines = true;
  assert_string_equal(list(selection_next_name), "eth0 ");
}

static void test_unseen(void **state) {
  (void)state;
  add_line("eth0");
  add_line("/^ens/");
  add_block("/^veth/", 0x10);
  add_block("/^veth1$/", 0x10);
  add_block("lo", 0x10);
  assert_string_equal(list(selection_next_unseen), "/^ens/ /^veth/ /^veth1$/ ");
  selection_see(&selection, "wlan0");
  assert_string_equal(list(selection_next_unseen), "/^ens/ /^veth/ /^veth1$/ ");
  selection_see(&selection, "veth0");
  assert_string_equal(list(selection_next_unseen), "/^ens/ /^veth1$/ ");
  /* That an earlier block decides is nothing to tell. */
  selection_see(&selection, "veth1");
  assert_string_equal(list(selection_next_unseen), "/^ens/ ");
  selection.ignores_lines = true;
  assert_string_equal(list(selection_next_unseen), "/^ens/ ");
  selection_see(&selection, "ens3");
  selection_see(&selection, "wlan0");
  assert_string_equal(list(selection_next_unseen), "");
}

enum {
  GENERIC = 1 << ENTRY_GENERIC,
  TC_RX = 1 << ENTRY_TC_RX,
  TC_TX = 1 << ENTRY_TC_TX
};

static void assert_union(__u32 groups, unsigned entries) {
  selection_resolve(&selection, &global);
  assert_int_equal(selection_groups(&selection), groups);
  assert_int_equal(selection_entries(&selection), entries);
}

/* What no interface can have is not counted: it would cost each frame. */
static void test_union(void **state) {
  struct overrides tc = {{MODE_TC, RX | TX, BUSY_TC, 0x20, 0}, ~0U};

  (void)state;
  add_block("eth0", 0x10);
  assert_union(0x10, TC_TX);
  assert_int_equal(selection_add(&selection, open_pattern("/^veth/"), &tc), 0);
  assert_union(0x30, TC_RX | TC_TX);
  add_line("eth1");
  assert_union(0x30 | GLOBAL, GENERIC | TC_RX | TC_TX);
}

static void test_union_of_all(void **state) {
  (void)state;
  selection.ignores_lines = true;
  assert_union(GLOBAL, GENERIC);
  add_block("eth0", 0x10);
  assert_union(0x10 | GLOBAL, GENERIC | TC_TX);
}

/* As on a host of containers. */
static void test_many(void **state) {
  char name[16];

  (void)state;
  for (unsigned i = 0; i < 1000; i++) {
    snprintf(name, sizeof(name), "veth%u", i);
    add_line(name);
    snprintf(name, sizeof(name), "/^eth%u$/", i);
    add_block(name, i + 1);
  }
  assert_int_equal(selection.count, 2000);
  assert_int_equal(found("veth999"), GLOBAL);
  assert_int_equal(found("veth1000"), 0);
  assert_int_equal(found("eth999"), 1000);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_name_matches_itself_only),
      TEST(test_a_regex_is_extended_and_anchored_by_hand),
      TEST(test_a_regex_matches_octets),
      TEST(test_what_is_a_regex),
      TEST(test_where_a_regex_is_wrong),
      TEST(test_a_long_regex),
      TEST(test_nothing),
      TEST(test_lines),
      TEST(test_ignored_lines),
      TEST(test_a_block_wins_over_lines),
      TEST(test_the_first_block_wins),
      TEST(test_of_one_text),
      TEST(test_settings),
      TEST(test_shadow),
      TEST(test_names),
      TEST(test_unseen),
      TEST(test_union),
      TEST(test_union_of_all),
      TEST(test_many),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
