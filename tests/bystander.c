// SPDX-License-Identifier: MIT

/* Somebody else's program at tcx: attaches before or behind all others, and
 * when its standard input ends detaches and prints the frames that it saw. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of newer kernel headers (linux/bpf.h). */
enum {
  TCX_INGRESS = 46,
  TCX_EGRESS = 47,
  BEFORE_OTHERS = 1U << 3,
  BEHIND_OTHERS = 1U << 4
};

static const char usage[] =
    "usage: bystander INTERFACE ingress|egress before|behind\n";

/* Counts in the only cell of the map and goes on: TCX_NEXT. */
static int load(int map) {
  const struct bpf_insn instructions[] = {
      {BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0},
      {BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0},
      {BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4},
      {BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map},
      {0},
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem},
      {BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1},
      {BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, -1},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };

  return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "bystander", "GPL",
                       instructions,
                       sizeof(instructions) / sizeof(*instructions), NULL);
}

int main(int argc, char **argv) {
  __u32 key = 0;
  __u64 frames = 0;

  if (argc != 4) {
    fputs(usage, stderr);
    return EXIT_FAILURE;
  }
  LIBBPF_OPTS(bpf_link_create_opts, options,
              .flags = strcmp(argv[3], "before") == 0 ? BEFORE_OTHERS
                                                      : BEHIND_OTHERS);
  int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bystander", sizeof(key),
                           sizeof(frames), 1, NULL);
  int type = strcmp(argv[2], "ingress") == 0 ? TCX_INGRESS : TCX_EGRESS;
  int link =
      bpf_link_create(load(map), if_nametoindex(argv[1]), type, &options);
  if (link < 0) {
    fprintf(stderr, "bystander: %s: %s\n", argv[1], strerror(errno));
    return EXIT_FAILURE;
  }
  puts("attached");
  fflush(stdout);
  for (char octet; read(STDIN_FILENO, &octet, 1) > 0;)
    ;
  bpf_map_lookup_elem(map, &key, &frames);
  printf("%llu\n", frames);
  return EXIT_SUCCESS;
}
