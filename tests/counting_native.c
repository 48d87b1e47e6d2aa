// SPDX-License-Identifier: MIT

#include "tests/counting.h"

#include <stdlib.h>
#include <string.h>

#include "bpf/count.bpf.h"
#include "plugin/groups.h"
#include "tests/frame_load.h"

struct counting {
  struct count_options options;
};

static struct counting *native_open(__u32 groups, bool atomic,
                                    struct layout *ret_layout) {
  struct counting *counting = calloc(1, sizeof(*counting));

  groups_lay_out(groups, &counting->options.layout);
  counting->options.atomic = atomic;
  *ret_layout = counting->options.layout;
  return counting;
}

/* On a copy that ends where its memory ends, so that a sanitizer sees a step
 * beyond. */
static int native_count(struct counting *counting, const uint8_t *octets,
                        size_t length, unsigned queue,
                        struct cell cells[CELLS_MAX]) {
  char *copy = malloc(length);
  struct frame frame = {copy, copy + length, length};

  memcpy(copy, octets, length);
  memset(cells, 0, CELLS_MAX * sizeof(*cells));
  count_frame(cells, &counting->options, &frame, queue);
  free(copy);
  return 0;
}

static void native_close(struct counting *counting) { free(counting); }

const struct counting_way counting_native = {
    .length_min = 0,
    .length_max = SIZE_MAX,
    .open = native_open,
    .count = native_count,
    .close = native_close,
};
