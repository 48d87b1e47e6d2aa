/* SPDX-License-Identifier: MIT */

/* What was measured in each round, and what it comes to. */
#ifndef TESTS_BENCH_SAMPLES_H
#define TESTS_BENCH_SAMPLES_H

enum { RUNS = 31 };

/* One of each round, in the order of the rounds. */
struct samples {
  double values[RUNS];
};

struct summary {
  double median;
  double lower_quartile, upper_quartile;
  double lower, upper; /* with 95 % the true median lies between them */
};

struct summary summarise(struct samples samples);

/* Round by round, so that what a round suffered falls out. */
struct samples samples_minus(const struct samples *a, const struct samples *b);
struct samples samples_ratio(const struct samples *a, const struct samples *b);

#endif
