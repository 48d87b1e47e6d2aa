// SPDX-License-Identifier: MIT

#include "plugin/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct series *series_new(const char *name, bool is_named) {
  struct series *series = calloc(1, sizeof(*series));

  if (!series)
    return NULL;
  memcpy(series->name, name, strnlen(name, sizeof(series->name) - 1));
  series->is_named = is_named;
  return series;
}

struct series *series_free(struct series *series) {
  if (!series)
    return NULL;
  for (enum direction d = 0; d < DIRECTION_COUNT; d++)
    free(series->bases[d]);
  free(series);
  return NULL;
}

static void add_cell(struct cell *sum, const struct cell *cell, __u64 sign) {
  sum->packets += sign * cell->packets;
  sum->octets += sign * cell->octets;
}

/* `sign` is 1 or, modulo 2^64, -1. */
static void add_counts(struct counts *sum, const struct counts *counts,
                       __u64 sign) {
  add_cell(&sum->total, &counts->total, sign);
  for (size_t i = 0; i < CELLS_MAX; i++)
    add_cell(&sum->cells[i], &counts->cells[i], sign);
  for (size_t i = 0; i < counts->cpus_count; i++)
    add_cell(&sum->cpus[i].total, &counts->cpus[i].total, sign);
}

static int add_to_base(struct series *series, enum direction direction,
                       const struct datapath *datapath,
                       const struct counts *counts, __u64 sign) {
  struct counts **base = &series->bases[direction];

  if (!*base && !counts->total.packets)
    return 0;
  if (!*base)
    *base = datapath_new_counts(datapath);
  if (!*base)
    return -ENOMEM;
  add_counts(*base, counts, sign);
  return 0;
}

int series_keep(struct series *series, enum direction direction,
                const struct datapath *datapath, const struct counts *counts) {
  return add_to_base(series, direction, datapath, counts, 1);
}

int series_leave_out(struct series *series, enum direction direction,
                     const struct datapath *datapath,
                     const struct counts *counts) {
  return add_to_base(series, direction, datapath, counts, -1ULL);
}

void series_complete(const struct series *series, enum direction direction,
                     struct counts *counts) {
  if (series->bases[direction])
    add_counts(counts, series->bases[direction], 1);
}
