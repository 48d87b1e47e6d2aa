// SPDX-License-Identifier: MIT

#include "plugin/block.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/translate.h"

enum {
  R1 = BPF_REG_1,
  R2,
  R3,
  R4,
  FP = BPF_REG_10,
  /* A way with this many octets of the frame known beforehand: all headers of
   * IPv4 and IPv6 behind Ethernet, and an acknowledgement of TCP. */
  PROVEN_MAX = 54,
  DISTANT_MAX = 4,
  JUMPS_OF_ENTRY = 2 /* of each filter: whether it is wanted */
};

/* Filters of the same program. */
struct evaluation {
  const struct classic *program;
  __u64 mask;
};

/* A jump that is to lead farther than 16 bits tell: it goes from one place to
 * the next. */
struct distant {
  size_t jump;
  bool is_pending;
};

struct making {
  struct code code;
  struct access access;
  struct evaluation evaluations[BLOCK_FILTERS_MAX];
  size_t evaluations_count;
  __u64 always; /* those that match without being asked */
  size_t jumps; /* conditional ones so far on one way */
  struct distant distant[DISTANT_MAX];
  char *why;
  size_t why_size;
  size_t index; /* of a filter that is too large */
};

static size_t new_distant(struct making *m, struct bpf_insn insn) {
  size_t i = 0;

  while (m->distant[i].is_pending)
    i++;
  m->distant[i] = (struct distant){m->code.count, true};
  code_put(&m->code, insn);
  return i;
}

static void land(struct making *m, size_t distant) {
  code_land(&m->code, m->distant[distant].jump);
  m->distant[distant].is_pending = false;
}

/* Where jumps have come far, a place to jump on from. */
static void relay(struct making *m) {
  bool is_needed = false;

  for (size_t i = 0; i < DISTANT_MAX; i++)
    is_needed |= m->distant[i].is_pending &&
                 m->code.count - m->distant[i].jump > BLOCK_INSNS_MAX - 100;
  if (!is_needed)
    return;
  size_t over = m->code.count;
  code_put(&m->code, ALWAYS);
  for (size_t i = 0; i < DISTANT_MAX; i++) {
    if (!m->distant[i].is_pending)
      continue;
    land(m, i);
    m->distant[i] = (struct distant){m->code.count, true};
    code_put(&m->code, ALWAYS);
  }
  code_land(&m->code, over);
}

/* Whether it can match in this style at all. */
static int can_match(const struct classic *program, enum style style,
                     bool *ret_can) {
  struct fact *facts = calloc(program->count, sizeof(*facts));

  if (!facts)
    return -ENOMEM;
  *ret_can = false;
  classic_analyse(program, access_limit(style), facts);
  for (size_t i = 0; i < program->count; i++) {
    const struct sock_filter *insn = &program->insns[i];
    *ret_can |= facts[i].is_reachable && BPF_CLASS(insn->code) == BPF_RET &&
                (insn->code == (BPF_RET | BPF_A) || insn->k);
  }
  free(facts);
  return 0;
}

static void add_evaluation(struct making *m, const struct classic *program,
                           __u64 mask) {
  size_t i = 0;

  while (i < m->evaluations_count &&
         !classic_equals(m->evaluations[i].program, program))
    i++;
  if (i == m->evaluations_count)
    m->evaluations[m->evaluations_count++] =
        (struct evaluation){.program = program};
  m->evaluations[i].mask |= mask;
}

/* Sorts the filters for one link. */
static void sort_filters(struct making *m, const struct block_filter *filters,
                         size_t count, enum link link) {
  m->evaluations_count = 0;
  m->always = 0;
  for (size_t i = 0; !m->code.error && i < count; i++) {
    const struct classic *program = filters[i].programs[link];
    bool matches = false, can = false;
    if (!program)
      continue;
    if (classic_is_constant(program, &matches)) {
      m->always |= matches ? 1ULL << i : 0;
      continue;
    }
    if (can_match(program, m->access.style, &can))
      m->code.error = -ENOMEM;
    if (can)
      add_evaluation(m, program, 1ULL << i);
  }
}

/* The octets that it pays to have known beforehand. */
static unsigned proven_of(const struct making *m) {
  unsigned proven = 0;

  if (m->access.style == STYLE_MEMORY)
    return 0;
  for (size_t i = 0; i < m->evaluations_count; i++) {
    const struct classic *program = m->evaluations[i].program;
    for (size_t j = 0; j < program->count; j++) {
      __u64 extent = classic_extent(&program->insns[j]);
      if (extent <= PROVEN_MAX && extent > proven)
        proven = extent;
    }
  }
  return proven;
}

/* Each is added once, so that addition is union; but the verifier does not know
 * the sum, and the ways by which it came about are the same to it. */
static void put_matches(struct code *code, __u64 mask) {
  if (mask >> 32) {
    code_put(code, SET(R1, mask >> 32));
    code_put(code, ALU_K(BPF_LSH, R1, 32));
    code_put(code, ALU_X(BPF_ADD, REG_RESULT, R1));
  }
  mask &= 0xffffffff;
  if (mask >> 31) {
    code_put(code, SET(R1, mask));
    code_put(code, ALU_X(BPF_ADD, REG_RESULT, R1));
  } else if (mask) {
    code_put(code, ADD(REG_RESULT, mask));
  }
}

static void put_is_wanted(struct code *code, __u64 mask, unsigned no) {
  unsigned yes = code_labels(code, 1);
  __u32 low = mask, high = mask >> 32;

  if (low) {
    code_put(code, LOAD(BPF_W, R1, FP, AT_WANTED));
    code_jump(code, IF32_K(BPF_JSET, R1, low), yes);
  }
  if (high) {
    code_put(code, LOAD(BPF_W, R1, FP, AT_WANTED + 4));
    code_jump(code, IF32_K(BPF_JSET, R1, high), yes);
  }
  code_jump(code, ALWAYS, no);
  code_bind(code, yes);
}

static unsigned lowest(__u64 mask) { return (unsigned)__builtin_ctzll(mask); }

static int too_large(struct making *m, const struct evaluation *evaluation,
                     size_t insns) {
  m->index = lowest(evaluation->mask);
  if (insns > BLOCK_INSNS_MAX)
    snprintf(m->why, m->why_size,
             "becomes %zu instructions, and %d is the limit: write a shorter "
             "expression, or several",
             insns, BLOCK_INSNS_MAX);
  else
    snprintf(m->why, m->why_size,
             "can take %zu decisions for one frame, with those of the filters "
             "before it, and %d is the limit: write shorter expressions",
             m->jumps, BLOCK_JUMPS_MAX);
  return -E2BIG;
}

static void put_evaluation(struct making *m,
                           const struct evaluation *evaluation) {
  struct code *code = &m->code;
  size_t begin = code->count;
  unsigned labels = code_labels(code, 2);
  unsigned match = labels, next = labels + 1;

  put_is_wanted(code, evaluation->mask, next);
  m->jumps += JUMPS_OF_ENTRY;
  translate_program(evaluation->program, &m->access, code, match, next,
                    &m->jumps);
  code_bind(code, match);
  put_matches(code, evaluation->mask);
  if (m->access.detours_count)
    code_jump(code, ALWAYS, next);
  access_finish(&m->access, code, next);
  code_bind(code, next);
  size_t insns = code->count - begin;
  if (!code->error && (insns > BLOCK_INSNS_MAX || m->jumps > BLOCK_JUMPS_MAX))
    code->error = too_large(m, evaluation, insns);
  code_resolve(code);
}

/* All filters for one way of access, and the end. */
static void put_chain(struct making *m, bool is_tagged, unsigned proven) {
  struct code *code = &m->code;

  m->access.is_tagged = is_tagged;
  m->access.proven = proven;
  m->jumps = 0;
  for (size_t i = 0; !code->error && i < m->evaluations_count; i++) {
    put_evaluation(m, &m->evaluations[i]);
    relay(m);
  }
  put_matches(code, m->always);
  code_put(code, MOVE(BPF_REG_0, REG_RESULT));
  code_put(code, LOAD(BPF_W, R1, FP, AT_WANTED + 4));
  code_put(code, ALU_K(BPF_LSH, R1, 32));
  code_put(code, LOAD(BPF_W, R2, FP, AT_WANTED));
  code_put(code, ALU_X(BPF_OR, R1, R2));
  code_put(code, ALU_X(BPF_AND, BPF_REG_0, R1));
  code_put(code, EXIT);
}

/* w * (w + 1) - (w * w + w): 0, which the verifier does not find out. */
static void put_no_matches(struct code *code) {
  code_put(code, MOVE(REG_RESULT, R3));
  code_put(code, ADD(REG_RESULT, 1));
  code_put(code, ALU_X(BPF_MUL, REG_RESULT, R3));
  code_put(code, MOVE(BPF_REG_0, R3));
  code_put(code, ALU_X(BPF_MUL, BPF_REG_0, R3));
  code_put(code, ALU_X(BPF_ADD, BPF_REG_0, R3));
  code_put(code, ALU_X(BPF_SUB, REG_RESULT, BPF_REG_0));
}

static void put_entry(struct making *m) {
  struct code *code = &m->code;

  access_begin(m->access.style, code);
  put_no_matches(code);
  code_put(code, ALU32_X(BPF_MOV, R2, R2));
  code_put(code, STORE(BPF_DW, FP, AT_OCTETS, R2));
  code_put(code, STORE(BPF_W, FP, AT_WANTED, R3));
  code_put(code, ALU_K(BPF_RSH, R3, 32));
  code_put(code, STORE(BPF_W, FP, AT_WANTED + 4, R3));
}

/* Where R1 is the context. */
static void put_ethernet(struct making *m) {
  struct code *code = &m->code;
  unsigned proven = proven_of(m);
  bool has_tags = m->access.style == STYLE_SKB && m->evaluations_count;
  size_t tagged = 0, shorter = 0;

  if (has_tags) {
    code_put(code,
             LOAD(BPF_W, R1, R1, offsetof(struct __sk_buff, vlan_present)));
    tagged = new_distant(m, IF_K(BPF_JNE, R1, 0));
  }
  if (proven) {
    code_put(code, MOVE(R3, REG_DATA));
    code_put(code, ADD(R3, proven));
    shorter = new_distant(m, IF_X(BPF_JGT, R3, REG_END));
    put_chain(m, false, proven);
    land(m, shorter);
  }
  put_chain(m, false, 0);
  if (has_tags) {
    land(m, tagged);
    access_begin_tagged(code);
    code_resolve(code);
    put_chain(m, true, 0);
  }
}

static void put_block(struct making *m, const struct block_filter *filters,
                      size_t count) {
  struct code *code = &m->code;

  put_entry(m);
  size_t other = new_distant(m, IF32_K(BPF_JNE, R4, LINK_ETHERNET));
  sort_filters(m, filters, count, LINK_ETHERNET);
  put_ethernet(m);
  land(m, other);
  size_t unknown = new_distant(m, IF32_K(BPF_JNE, R4, LINK_IP));
  sort_filters(m, filters, count, LINK_IP);
  put_chain(m, false, 0);
  land(m, unknown);
  code_put(code, SET(BPF_REG_0, 0));
  code_put(code, EXIT);
}

int block_open(const struct block_filter *filters, size_t count,
               enum style style, struct block *ret_block, size_t *ret_index,
               char *why, size_t why_size) {
  struct making m = {.access.style = style, .why = why, .why_size = why_size};

  put_block(&m, filters, count);
  code_free_labels(&m.code);
  access_free(&m.access);
  if (m.code.error) {
    free(m.code.insns);
    if (m.code.error == -E2BIG)
      *ret_index = m.index;
    return m.code.error;
  }
  *ret_block = (struct block){m.code.insns, m.code.count};
  return 0;
}

void block_close(struct block *block) {
  free(block->insns);
  *block = (struct block){0};
}
