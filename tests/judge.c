// SPDX-License-Identifier: MIT

#include "tests/judge.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the program is told, and what it tells: a map's only element. */
struct talk {
  __u64 wanted, mask, octets, valid, frames;
  __u32 link, tpid, tci;
  uint8_t memory[MEMORY_SIZE];
};

struct judge {
  enum style style;
  int map, program;
  struct talk *talk;
};

enum {
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  LOG_SIZE = 1 << 24,
  /* In one buffer, beside 256 octets of headroom and struct skb_shared_info. */
  LENGTH_MAX = 3328,
  FRAGS_MAX = 17 * 4096
};

#define TELL(member) (int)offsetof(struct talk, member)

static void put_push(struct code *code) {
  size_t jump;

  code_put(code, LOAD(BPF_W, R2, R7, TELL(tpid)));
  jump = code->count;
  code_put(code, IF_K(BPF_JEQ, R2, 0));
  code_put(code, MOVE(R1, R6));
  code_put(code, LOAD(BPF_W, R3, R7, TELL(tci)));
  code_put(code, CALL(BPF_FUNC_skb_vlan_push));
  code_land(code, jump);
}

/* R2: octets of the frame. */
static void put_octets(struct code *code, enum style style) {
  switch (style) {
  case STYLE_XDP:
    code_put(code, LOAD(BPF_W, R2, R6, offsetof(struct xdp_md, data_end)));
    code_put(code, LOAD(BPF_W, R1, R6, offsetof(struct xdp_md, data)));
    code_put(code, ALU_X(BPF_SUB, R2, R1));
    break;
  case STYLE_XDP_FRAGS:
    code_put(code, MOVE(R1, R6));
    code_put(code, CALL(BPF_FUNC_xdp_get_buff_len));
    code_put(code, MOVE(R2, R0));
    break;
  case STYLE_SKB:
    code_put(code, LOAD(BPF_W, R2, R6, offsetof(struct __sk_buff, len)));
    code_put(code,
             LOAD(BPF_W, R1, R6, offsetof(struct __sk_buff, vlan_present)));
    code_put(code, ALU_K(BPF_LSH, R1, 2));
    code_put(code, ALU_X(BPF_ADD, R2, R1));
    break;
  case STYLE_MEMORY:
    code_put(code, LOAD(BPF_DW, R2, R7, TELL(octets)));
    break;
  }
}

static void put_call(struct code *code, enum style style) {
  put_octets(code, style);
  if (style == STYLE_MEMORY) {
    code_put(code, MOVE(R1, R7));
    code_put(code, ADD(R1, TELL(memory)));
  } else {
    code_put(code, MOVE(R1, R6));
  }
  code_put(code, LOAD(BPF_DW, R3, R7, TELL(wanted)));
  code_put(code, LOAD(BPF_W, R4, R7, TELL(link)));
  code_put(code, LOAD(BPF_DW, R5, R7, TELL(valid)));
  /* It stands behind the next six. */
  code_put(code, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 6));
  code_put(code, STORE(BPF_DW, R7, TELL(mask), R0));
  code_put(code, LOAD(BPF_DW, R1, R7, TELL(frames)));
  code_put(code, ADD(R1, 1));
  code_put(code, STORE(BPF_DW, R7, TELL(frames), R1));
}

static void put_program(struct code *code, const struct block *block,
                        enum style style, int map) {
  code_put(code, MOVE(R6, R1));
  code_put(code,
           INSN(BPF_LD | BPF_DW | BPF_IMM, R7, BPF_PSEUDO_MAP_VALUE, 0, map));
  code_put(code, INSN(0, 0, 0, 0, 0));
  if (style == STYLE_SKB)
    put_push(code);
  if (block)
    put_call(code, style);
  code_put(code, SET(R0, style == STYLE_SKB ? 0 : XDP_PASS));
  code_put(code, EXIT);
  for (size_t i = 0; block && i < block->count; i++)
    code_put(code, block->insns[i]);
}

/* "processed 123 insns (limit 1000000) ..." */
static unsigned processed_of(const char *log) {
  const char *found = NULL, *next = log;

  while ((next = strstr(next, "processed ")))
    found = next++;
  return found ? strtoul(found + strlen("processed "), NULL, 10) : 0;
}

static int load(const struct code *code, enum style style, char *log) {
  LIBBPF_OPTS(bpf_prog_load_opts, options, .log_buf = log,
              .log_size = log ? LOG_SIZE : 0,
              .prog_flags = style == STYLE_XDP_FRAGS ? BPF_F_XDP_HAS_FRAGS : 0);

  /* Only the statistics, where it is taken. */
  options.log_level = log ? 4 : 0;
  return bpf_prog_load(style == STYLE_SKB ? BPF_PROG_TYPE_SCHED_CLS
                                          : BPF_PROG_TYPE_XDP,
                       "judge", "GPL", code->insns, code->count, &options);
}

/* Loads it again with all of the verifier's words. */
static void complain(const struct code *code, enum style style, int error) {
  char *log = calloc(1, LOG_SIZE);
  LIBBPF_OPTS(bpf_prog_load_opts, options, .log_buf = log, .log_size = LOG_SIZE,
              .log_level = 1,
              .prog_flags = style == STYLE_XDP_FRAGS ? BPF_F_XDP_HAS_FRAGS : 0);

  bpf_prog_load(style == STYLE_SKB ? BPF_PROG_TYPE_SCHED_CLS
                                   : BPF_PROG_TYPE_XDP,
                "judge", "GPL", code->insns, code->count, &options);
  size_t length = strlen(log);
  fprintf(stderr, "cannot load: %s\n%s\n", strerror(-error),
          length > 4000 ? log + length - 4000 : log);
  free(log);
}

static int load_or_complain(const struct code *code, enum style style,
                            unsigned *ret_processed) {
  char *log = ret_processed ? calloc(1, LOG_SIZE) : NULL;
  int program = load(code, style, log);

  if (program < 0)
    complain(code, style, program);
  else if (ret_processed)
    *ret_processed = processed_of(log);
  free(log);
  return program;
}

static int open_map(struct judge *judge) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);

  judge->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "judge", sizeof(__u32),
                              sizeof(struct talk), 1, &options);
  if (judge->map < 0)
    return judge->map;
  judge->talk = mmap(NULL, sizeof(struct talk), PROT_READ | PROT_WRITE,
                     MAP_SHARED, judge->map, 0);
  return judge->talk == MAP_FAILED ? -errno : 0;
}

int judge_open(const struct block *block, enum style style,
               struct judge **ret_judge, unsigned *ret_processed) {
  struct judge *judge = calloc(1, sizeof(*judge));
  struct code code = {0};

  judge->style = style;
  judge->program = -1;
  int error = open_map(judge);
  if (!error) {
    put_program(&code, block, style, judge->map);
    error = code.error;
  }
  if (!error) {
    judge->program = load_or_complain(&code, style, ret_processed);
    error = judge->program < 0 ? judge->program : 0;
  }
  free(code.insns);
  if (error)
    judge_close(judge);
  else
    *ret_judge = judge;
  return error;
}

void judge_close(struct judge *judge) {
  if (!judge)
    return;
  if (judge->program >= 0)
    close(judge->program);
  if (judge->talk && judge->talk != MAP_FAILED)
    munmap(judge->talk, sizeof(struct talk));
  if (judge->map >= 0)
    close(judge->map);
  free(judge);
}

bool judge_is_there(enum style style) {
  const struct bpf_insn pass[] = {SET(R0, XDP_PASS), EXIT};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_XDP_HAS_FRAGS);

  if (style != STYLE_XDP_FRAGS)
    return true;
  int program =
      bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "GPL", pass, 2, &options);
  if (program >= 0)
    close(program);
  return program != -EINVAL;
}

bool judge_takes(const struct judge *judge, const struct judged *judged) {
  unsigned type = judged->length < ETH_HLEN
                      ? 0
                      : judged->octets[12] << 8 | judged->octets[13];
  size_t length_min = ETH_HLEN;

  if (judge->style == STYLE_MEMORY)
    return true;
  if (judge->style == STYLE_SKB && type == ETH_P_IP)
    length_min += 20;
  if (judge->style == STYLE_SKB && type == ETH_P_IPV6)
    length_min += 40;
  return judged->length >= length_min &&
         judged->length <=
             (judge->style == STYLE_XDP_FRAGS ? FRAGS_MAX : LENGTH_MAX);
}

void judge_tell(struct judge *judge, const struct judged *judged) {
  struct talk *talk = judge->talk;
  size_t valid = judged->length < MEMORY_SIZE ? judged->length : MEMORY_SIZE;

  talk->wanted = judged->wanted;
  talk->mask = 0;
  talk->octets = judged->length;
  talk->valid = valid;
  talk->link = judged->link;
  talk->tpid = htons(judged->tag >> 16);
  talk->tci = judged->tag & 0xffff;
  memset(talk->memory, 0xa5, MEMORY_SIZE);
  memcpy(talk->memory, judged->octets, valid);
}

static int run(struct judge *judge, const struct judged *judged,
               struct bpf_test_run_opts *test) {
  static const uint8_t blank[ETH_HLEN];
  struct xdp_md context = {.data_end = judged->linear};
  bool is_memory = judge->style == STYLE_MEMORY;

  judge_tell(judge, judged);
  test->data_in = is_memory ? blank : judged->octets;
  test->data_size_in = is_memory ? sizeof(blank) : judged->length;
  if (judged->linear && judge->style == STYLE_XDP_FRAGS) {
    test->ctx_in = &context;
    test->ctx_size_in = sizeof(context);
  }
  return bpf_prog_test_run_opts(judge->program, test);
}

int judge_run(struct judge *judge, const struct judged *judged,
              __u64 *ret_mask) {
  LIBBPF_OPTS(bpf_test_run_opts, test, .repeat = 1);
  int error = run(judge, judged, &test);

  *ret_mask = judge->talk->mask;
  return error;
}

int judge_program(const struct judge *judge) { return judge->program; }

__u64 judge_frames(const struct judge *judge, __u64 *ret_mask) {
  *ret_mask = *(volatile __u64 *)&judge->talk->mask;
  return *(volatile __u64 *)&judge->talk->frames;
}

int judge_time(struct judge *judge, const struct judged *judged, unsigned runs,
               unsigned *ret_nanoseconds) {
  LIBBPF_OPTS(bpf_test_run_opts, test, .repeat = (int)runs);
  int error = run(judge, judged, &test);

  *ret_nanoseconds = test.duration;
  return error;
}
