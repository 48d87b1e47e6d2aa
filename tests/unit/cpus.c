// SPDX-License-Identifier: MIT

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/cpus.h"

static void visit(void *context, size_t cpu) {
  char *seen = context;

  assert_in_range(cpu, 0, 63);
  seen[cpu]++;
}

/* The set of a list, as octets of 0 and 1 below CPU 16. */
static void assert_list(const char *list, const char expected[16]) {
  char seen[64] = {0};

  assert_int_equal(cpus_parse(list, visit, seen), 0);
  assert_memory_equal(seen, expected, 16);
}

static void test_lists(void **state) {
  (void)state;
  assert_list("0\n", (char[16]){1});
  assert_list("0-3\n", (char[16]){1, 1, 1, 1});
  assert_list("0,2-3,8\n", (char[16]){[0] = 1, [2] = 1, [3] = 1, [8] = 1});
  assert_list("1", (char[16]){[1] = 1});
}

static void test_what_is_no_list(void **state) {
  static const char *const lists[] = {"",   "\n",   "a",     "-1",  "1-",
                                      "1,", "1-,2", "3-1\n", "1 2", "0-99999"};
  char seen[64] = {0};

  (void)state;
  for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
    assert_int_equal(cpus_parse(lists[i], visit, seen), -EINVAL);
}

static void test_this_machine(void **state) {
  int possible = cpus_possible();
  bool online[4096] = {false};
  size_t count = 0;

  (void)state;
  assert_in_range(possible, 1, 4096);
  assert_int_equal(cpus_online(online, possible), 0);
  for (int i = 0; i < possible; i++)
    count += online[i];
  assert_in_range(count, 1, possible);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_what_is_no_list),
      cmocka_unit_test(test_this_machine),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
