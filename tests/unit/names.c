// SPDX-License-Identifier: MIT

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/names.h"

static struct names names;
static unsigned allocations; /* the n-th from now fails; 0: none does */

/* Never looked into. */
static struct interface *const somebody = (void *)&allocations;

static bool has_memory(void) { return !allocations || --allocations > 0; }

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
  return has_memory() ? __real_malloc(size) : NULL;
}

void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);

void *__wrap_reallocarray(void *memory, size_t count, size_t size) {
  return has_memory() ? __real_reallocarray(memory, count, size) : NULL;
}

static int tear_down(void **state) {
  (void)state;
  allocations = 0;
  names_clear(&names);
  return 0;
}

/* One that nobody has had since then. */
static struct name *obtain_gone(const char *text, __u64 gone_at) {
  struct name *name = names_obtain(&names, text);

  assert_non_null(name);
  name->gone_at = gone_at;
  return name;
}

static void test_empty(void **state) {
  (void)state;
  assert_null(names_find(&names, "eth0"));
  names_sweep(&names, UINT64_MAX);
  names_clear(&names);
  assert_int_equal(names.count, 0);
}

static void test_a_new_name_is_blank(void **state) {
  static const struct name blank = {.text = "eth0"};
  struct name *name = names_obtain(&names, "eth0");

  (void)state;
  assert_memory_equal(name, &blank, sizeof(blank));
  assert_int_equal(names.count, 1);
  assert_ptr_equal(names.list[0], name);
}

static void test_a_name_is_found_again(void **state) {
  struct name *a = names_obtain(&names, "eth0");
  struct name *b = names_obtain(&names, "eth1");

  (void)state;
  assert_ptr_not_equal(a, b);
  assert_ptr_equal(names_find(&names, "eth0"), a);
  assert_ptr_equal(names_find(&names, "eth1"), b);
  assert_ptr_equal(names_obtain(&names, "eth0"), a);
  assert_null(names_find(&names, "eth"));
  assert_null(names_find(&names, "eth00"));
  assert_int_equal(names.count, 2);
}

/* Any octets, up to the longest that the kernel has. */
static void test_strange_names(void **state) {
  static const char *const strange[] = {"a b", "a/b", "\"", "\xc3\xa9t\xe9",
                                        "123456789012345"};

  (void)state;
  for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++)
    assert_string_equal(names_obtain(&names, strange[i])->text, strange[i]);
  for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++)
    assert_string_equal(names_find(&names, strange[i])->text, strange[i]);
}

static void test_many(void **state) {
  char text[IF_NAMESIZE];

  (void)state;
  for (unsigned i = 0; i < 4096; i++) {
    snprintf(text, sizeof(text), "veth%u", i * 2311 % 4096);
    assert_non_null(names_obtain(&names, text));
  }
  assert_int_equal(names.count, 4096);
  for (unsigned i = 0; i < 4096; i++) {
    snprintf(text, sizeof(text), "veth%u", i);
    assert_string_equal(names_find(&names, text)->text, text);
  }
}

static void test_sweep(void **state) {
  (void)state;
  obtain_gone("before", 99);
  obtain_gone("then", 100);
  obtain_gone("after", 101);
  obtain_gone("had", 1)->interface = somebody;
  obtain_gone("configured", 1)->is_configured = true;
  names_sweep(&names, 100);
  assert_null(names_find(&names, "before"));
  assert_null(names_find(&names, "then"));
  assert_non_null(names_find(&names, "after"));
  assert_non_null(names_find(&names, "had"));
  assert_non_null(names_find(&names, "configured"));
}

/* Who goes through the places meets each name that stays. */
static void test_places(void **state) {
  struct name *last;

  (void)state;
  obtain_gone("eth0", 1);
  obtain_gone("eth1", 1);
  last = obtain_gone("eth2", 2);
  names_sweep(&names, 1);
  assert_int_equal(names.count, 3);
  assert_null(names.list[0]);
  assert_null(names.list[1]);
  assert_ptr_equal(names.list[2], last);
  obtain_gone("eth3", 1);
  assert_int_equal(names.count, 3);
  assert_string_equal(names.list[0]->text, "eth3");
  obtain_gone("eth4", 1);
  obtain_gone("eth5", 1);
  assert_int_equal(names.count, 4);
  assert_ptr_equal(names.list[2], last);
}

static void keep_one_frame(struct series *series) {
  static const struct counts counts = {.total = {1, 64}, .cells_count = 1};

  assert_int_equal(series_keep(series, &counts), 0);
}

/* What was kept goes along, else it would be seen as a leak. */
static void test_a_forgotten_name_begins_anew(void **state) {
  struct name *name = obtain_gone("eth0", 1);

  (void)state;
  keep_one_frame(&name->series[DIRECTION_RX]);
  keep_one_frame(&name->series[DIRECTION_TX]);
  names_sweep(&names, 1);
  name = names_obtain(&names, "eth0");
  assert_null(name->series[DIRECTION_RX].base);
  assert_null(name->series[DIRECTION_TX].base);
  keep_one_frame(&name->series[DIRECTION_TX]);
}

/* The list, and the name. */
static void test_no_memory(void **state) {
  (void)state;
  for (unsigned i = 1; i <= 2; i++) {
    allocations = i;
    assert_null(names_obtain(&names, "eth0"));
    assert_null(names_find(&names, "eth0"));
  }
  names_sweep(&names, UINT64_MAX);
  assert_non_null(names_obtain(&names, "eth0"));
  assert_int_equal(names.count, 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_empty),
      TEST(test_a_new_name_is_blank),
      TEST(test_a_name_is_found_again),
      TEST(test_strange_names),
      TEST(test_many),
      TEST(test_sweep),
      TEST(test_places),
      TEST(test_a_forgotten_name_begins_anew),
      TEST(test_no_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
