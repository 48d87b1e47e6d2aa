// SPDX-License-Identifier: MIT

#include "plugin/series.h"

#include <errno.h>
#include <stdlib.h>

/* Names are kept after their interfaces, and there may be many: a base has the
 * cells in use only. */
static size_t count_cells(const struct counts *counts) {
  return 1 + counts->cells_count + counts->cpus_count;
}

static const struct cell *cell_at(const struct counts *counts, size_t i) {
  if (i == 0)
    return &counts->total;
  if (i <= counts->cells_count)
    return &counts->cells[i - 1];
  return &counts->cpus[i - 1 - counts->cells_count].total;
}

/* `sign` is 1 or, modulo 2^64, -1. */
static void add_cell(struct cell *sum, const struct cell *cell, __u64 sign) {
  sum->packets += sign * cell->packets;
  sum->octets += sign * cell->octets;
}

/* Of one that has counted nothing there is nothing to keep. */
static int add_to_base(struct series *series, const struct counts *counts,
                       __u64 sign) {
  size_t count = count_cells(counts);

  if (!counts->total.packets)
    return 0;
  if (!series->base)
    series->base = calloc(count, sizeof(*series->base));
  if (!series->base)
    return -ENOMEM;
  for (size_t i = 0; i < count; i++)
    add_cell(&series->base[i], cell_at(counts, i), sign);
  return 0;
}

int series_keep(struct series *series, const struct counts *counts) {
  return add_to_base(series, counts, 1);
}

int series_leave_out(struct series *series, const struct counts *counts) {
  return add_to_base(series, counts, -1ULL);
}

void series_complete(const struct series *series, struct counts *counts) {
  size_t count = series->base ? count_cells(counts) : 0;

  for (size_t i = 0; i < count; i++)
    add_cell((struct cell *)cell_at(counts, i), &series->base[i], 1);
}

void series_clear(struct series *series) {
  free(series->base);
  *series = (struct series){0};
}
