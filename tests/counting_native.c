// SPDX-License-Identifier: MIT

#include "tests/counting.h"

#include <stdlib.h>
#include <string.h>

#include "bpf/count.bpf.h"
#include "plugin/groups.h"
#include "tests/frame_at.h"

struct counting {
  struct count_options options;
  enum link link;
};

static struct counting *native_open(const struct counting_way *way,
                                    __u32 groups, enum link link, bool atomic,
                                    struct layout *ret_layout) {
  struct counting *counting = calloc(1, sizeof(*counting));

  (void)way;
  groups_lay_out(groups, 0, &counting->options.layout);
  counting->options.atomic = atomic;
  counting->link = link;
  *ret_layout = counting->options.layout;
  return counting;
}

/* On a copy that ends where its memory ends, so that a sanitizer sees a step
 * beyond. */
static int native_count(struct counting *counting, const struct sample *sample,
                        struct cell cells[CELLS_MAX]) {
  struct segmentation segmentation = {sample->gso_segs, sample->gso_size};
  char *copy = malloc(sample->length);
  size_t linear = sample->linear ? sample->linear : sample->length;
  struct frame frame = {.data = copy,
                        .data_end = copy + linear,
                        .octets = sample->length,
                        .link = counting->link,
                        .is_tagged = sample->is_tagged,
                        .is_super = sample->gso_size};

  memcpy(copy, sample->octets, sample->length);
  memset(cells, 0, CELLS_MAX * sizeof(*cells));
  count_frame(cells, &counting->options, &frame,
              frame.is_super
                  ? wire_of_super(&frame, segmentation, wire_headers(&frame))
                  : wire_of(&frame),
              queue_of(sample->queue));
  free(copy);
  return 0;
}

static void native_close(struct counting *counting) { free(counting); }

const struct counting_way counting_native = {
    .name = "on the host",
    .length_min = 0,
    .length_max = SIZE_MAX,
    .has_links = true,
    .has_linear = true,
    .has_gso = true,
    .open = native_open,
    .count = native_count,
    .close = native_close,
};
