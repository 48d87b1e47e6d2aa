// SPDX-License-Identifier: MIT

#include "tests/bench/samples.h"

#include <stdlib.h>

/* The 10th and the 22nd of 31: fewer than 10 lie on one side of the true median
 * with a probability of 2.9 % (binomial distribution). */
enum { BOUND = 9 };
_Static_assert(RUNS == 31, "the bound is of this number");

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

struct summary summarise(struct samples samples) {
  double *sorted = samples.values;

  qsort(sorted, RUNS, sizeof(*sorted), by_value);
  return (struct summary){
      .median = sorted[RUNS / 2],
      .lower_quartile = sorted[RUNS / 4],
      .upper_quartile = sorted[RUNS - 1 - RUNS / 4],
      .lower = sorted[BOUND],
      .upper = sorted[RUNS - 1 - BOUND],
  };
}

struct samples samples_minus(const struct samples *a, const struct samples *b) {
  struct samples differences;

  for (int run = 0; run < RUNS; run++)
    differences.values[run] = a->values[run] - b->values[run];
  return differences;
}

struct samples samples_ratio(const struct samples *a, const struct samples *b) {
  struct samples ratios;

  for (int run = 0; run < RUNS; run++)
    ratios.values[run] = a->values[run] / b->values[run];
  return ratios;
}
