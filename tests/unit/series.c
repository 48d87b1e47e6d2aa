// SPDX-License-Identifier: MIT

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/series.h"

enum { CELLS = 3, CPUS = 2 };

static struct series series;
static struct counts *counts;
static bool has_memory;
static unsigned allocations;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
  allocations++;
  return has_memory ? __real_calloc(count, size) : NULL;
}

static int set_up(void **state) {
  (void)state;
  has_memory = true;
  counts = calloc(1, sizeof(*counts) + CPUS * sizeof(struct cpu_count));
  allocations = 0;
  return counts ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  series_clear(&series);
  free(counts);
  return 0;
}

/* Each cell another multiple of the packets, of 100 octets each. */
static void set_counts(__u64 packets) {
  counts->cells_count = CELLS;
  counts->cpus_count = CPUS;
  counts->total = (struct cell){packets, 100 * packets};
  for (__u64 i = 0; i < CELLS; i++)
    counts->cells[i] = (struct cell){(2 + i) * packets, (200 + i) * packets};
  for (__u64 i = 0; i < CPUS; i++)
    counts->cpus[i].total =
        (struct cell){(10 + i) * packets, (1000 + i) * packets};
}

static void keep(__u64 packets) {
  set_counts(packets);
  assert_int_equal(series_keep(&series, counts), 0);
}

static void leave_out(__u64 packets) {
  set_counts(packets);
  assert_int_equal(series_leave_out(&series, counts), 0);
}

/* What is told of an interface that has counted so many. */
static __u64 told(__u64 packets) {
  set_counts(packets);
  series_complete(&series, counts);
  return counts->total.packets;
}

static void assert_cell(const struct cell *cell, __u64 packets, __u64 octets) {
  assert_int_equal(cell->packets, packets);
  assert_int_equal(cell->octets, octets);
}

static void test_a_new_one_adds_nothing(void **state) {
  (void)state;
  assert_int_equal(told(7), 7);
  assert_cell(&counts->total, 7, 700);
  assert_cell(&counts->cells[2], 28, 1414);
  assert_cell(&counts->cpus[1].total, 77, 7007);
}

static void test_each_cell(void **state) {
  (void)state;
  keep(10);
  leave_out(4);
  told(1);
  assert_cell(&counts->total, 7, 700);
  assert_cell(&counts->cells[0], 14, 1400);
  assert_cell(&counts->cells[1], 21, 1407);
  assert_cell(&counts->cells[2], 28, 1414);
  assert_cell(&counts->cpus[0].total, 70, 7000);
  assert_cell(&counts->cpus[1].total, 77, 7007);
}

/* What is not in use belongs to nobody. */
static void test_cells_beyond_the_last(void **state) {
  (void)state;
  keep(10);
  counts->cells[CELLS] = (struct cell){5, 6};
  told(1);
  assert_cell(&counts->cells[CELLS], 5, 6);
}

/* As verdicts do while nobody's program is observed. */
static void test_cells_that_stand_still(void **state) {
  (void)state;
  keep(10);
  set_counts(1);
  counts->cells[2] = (struct cell){0};
  assert_int_equal(series_keep(&series, counts), 0);
  set_counts(3);
  counts->cells[2] = (struct cell){0};
  series_complete(&series, counts);
  assert_cell(&counts->total, 14, 1400);
  assert_cell(&counts->cells[1], 42, 2814);
  assert_cell(&counts->cells[2], 40, 2020);
  told(1);
  assert_cell(&counts->cells[2], 44, 2222);
}

static void test_what_else_there_is_of_counts(void **state) {
  (void)state;
  counts->queues = 4;
  counts->cpus[1].online = true;
  keep(10);
  told(1);
  assert_int_equal(counts->queues, 4);
  assert_false(counts->cpus[0].online);
  assert_true(counts->cpus[1].online);
}

/* Of interfaces that had the name one after the other. */
static void test_kept_counts_add_up(void **state) {
  (void)state;
  keep(10);
  keep(200);
  assert_int_equal(told(0), 210);
  assert_int_equal(told(3), 213);
}

/* It comes with more than there is under the name: the base is below 0, and
 * what is told is not. */
static void test_more_is_left_out_than_was_kept(void **state) {
  (void)state;
  leave_out(1000);
  assert_int_equal(told(1000), 0);
  assert_int_equal(told(1003), 3);
  assert_cell(&counts->total, 3, 300);
  assert_cell(&counts->cells[2], 12, 606);
}

static void test_counters_that_wrap_around(void **state) {
  (void)state;
  counts->cells_count = counts->cpus_count = 0;
  counts->total = (struct cell){UINT64_MAX - 1, UINT64_MAX};
  assert_int_equal(series_leave_out(&series, counts), 0);
  counts->total = (struct cell){3, 4};
  series_complete(&series, counts);
  assert_cell(&counts->total, 5, 5);
}

/* Interfaces of all sizes take the name and lose it; it counts on. */
static void test_it_never_falls(void **state) {
  __u64 last = 0, frames = 0;

  (void)state;
  srand(1);
  for (unsigned i = 0; i < 1000; i++) {
    __u64 at_first = rand() % 1000000, seen = rand() % 10;
    if (at_first)
      leave_out(at_first);
    assert_int_equal(told(at_first), last);
    frames += seen;
    last = told(at_first + seen);
    assert_int_equal(last, frames);
    keep(at_first + seen);
  }
}

/* Names are kept, and most interfaces that go have counted little. */
static void test_nothing_takes_no_memory(void **state) {
  (void)state;
  keep(0);
  leave_out(0);
  assert_null(series.base);
  assert_int_equal(allocations, 0);
  keep(1);
  keep(1);
  assert_int_equal(allocations, 1);
}

/* What was told stays as it was. */
static void test_no_memory(void **state) {
  (void)state;
  has_memory = false;
  set_counts(1);
  assert_int_equal(series_keep(&series, counts), -ENOMEM);
  assert_int_equal(series_leave_out(&series, counts), -ENOMEM);
  assert_int_equal(told(7), 7);
  has_memory = true;
  keep(1);
  has_memory = false;
  keep(1);
  assert_int_equal(told(7), 9);
}

static void test_cleared(void **state) {
  (void)state;
  keep(10);
  series.dscp_seen = 5;
  series_clear(&series);
  assert_int_equal(series.dscp_seen, 0);
  assert_int_equal(told(7), 7);
  series_clear(&series);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_new_one_adds_nothing),
      TEST(test_each_cell),
      TEST(test_cells_beyond_the_last),
      TEST(test_cells_that_stand_still),
      TEST(test_what_else_there_is_of_counts),
      TEST(test_kept_counts_add_up),
      TEST(test_more_is_left_out_than_was_kept),
      TEST(test_counters_that_wrap_around),
      TEST(test_it_never_falls),
      TEST(test_nothing_takes_no_memory),
      TEST(test_no_memory),
      TEST(test_cleared),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
