// SPDX-License-Identifier: MIT

/* Somebody else's program at tcx: attaches before or behind all others, and
 * for each line of its standard input prints how many frames it saw, and the
 * octets of the longest. Detaches when the input ends. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/foreign.skel.h"

/* Of newer kernel headers (linux/bpf.h). */
enum {
  TCX_INGRESS = 46,
  TCX_EGRESS = 47,
  BEFORE_OTHERS = 1U << 3,
  BEHIND_OTHERS = 1U << 4
};

static const char usage[] =
    "usage: bystander INTERFACE ingress|egress before|behind pass|drop\n";

static int attach(const struct foreign *object, char **argv) {
  LIBBPF_OPTS(bpf_link_create_opts, options,
              .flags = strcmp(argv[3], "before") == 0 ? BEFORE_OTHERS
                                                      : BEHIND_OTHERS);
  const struct bpf_program *program = strcmp(argv[4], "drop") == 0
                                          ? object->progs.foreign_drop
                                          : object->progs.foreign_tc;

  int type = strcmp(argv[2], "ingress") == 0 ? TCX_INGRESS : TCX_EGRESS;

  return bpf_link_create(bpf_program__fd(program), if_nametoindex(argv[1]),
                         type, &options);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fputs(usage, stderr);
    return EXIT_FAILURE;
  }
  struct foreign *object = foreign__open();
  if (object)
    bpf_program__set_type(object->progs.foreign_drop, BPF_PROG_TYPE_SCHED_CLS);
  if (!object || foreign__load(object) != 0 || attach(object, argv) < 0) {
    fprintf(stderr, "bystander: %s: %s\n", argv[1], strerror(errno));
    return EXIT_FAILURE;
  }
  puts("attached");
  fflush(stdout);
  for (int octet; (octet = getchar()) != EOF;) {
    if (octet != '\n')
      continue;
    printf("%llu %llu\n", object->bss->foreign_frames,
           object->bss->foreign_longest);
    fflush(stdout);
  }
  foreign__destroy(object);
  return EXIT_SUCCESS;
}
