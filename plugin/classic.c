// SPDX-License-Identifier: MIT

#include "plugin/classic.h"

#include <string.h>

/* The index that a jump leads to. */
static size_t target_of(size_t i, __u32 distance) {
  return i + 1 + (size_t)distance;
}

static bool is_known(const struct sock_filter *insn) {
  switch (insn->code) {
  case BPF_LD | BPF_W | BPF_ABS:
  case BPF_LD | BPF_H | BPF_ABS:
  case BPF_LD | BPF_B | BPF_ABS:
  case BPF_LD | BPF_W | BPF_IND:
  case BPF_LD | BPF_H | BPF_IND:
  case BPF_LD | BPF_B | BPF_IND:
  case BPF_LDX | BPF_B | BPF_MSH:
  case BPF_LD | BPF_W | BPF_LEN:
  case BPF_LDX | BPF_W | BPF_LEN:
  case BPF_LD | BPF_IMM:
  case BPF_LDX | BPF_IMM:
  case BPF_MISC | BPF_TAX:
  case BPF_MISC | BPF_TXA:
  case BPF_RET | BPF_K:
  case BPF_RET | BPF_A:
  case BPF_ALU | BPF_NEG:
    return true;
  case BPF_LD | BPF_MEM:
  case BPF_LDX | BPF_MEM:
  case BPF_ST:
  case BPF_STX:
    return insn->k < BPF_MEMWORDS;
  case BPF_ALU | BPF_DIV | BPF_K:
  case BPF_ALU | BPF_MOD | BPF_K:
    return insn->k != 0;
  default:
    return BPF_CLASS(insn->code) == BPF_ALU &&
           insn->code == (BPF_ALU | BPF_OP(insn->code) | BPF_SRC(insn->code)) &&
           BPF_OP(insn->code) <= BPF_XOR && BPF_OP(insn->code) != BPF_NEG;
  }
}

static bool is_jump_valid(const struct classic *program, size_t i) {
  const struct sock_filter *insn = &program->insns[i];

  switch (insn->code & ~BPF_X) {
  case BPF_JMP | BPF_JA:
    return insn->code == (BPF_JMP | BPF_JA) &&
           target_of(i, insn->k) < program->count;
  case BPF_JMP | BPF_JEQ:
  case BPF_JMP | BPF_JGT:
  case BPF_JMP | BPF_JGE:
  case BPF_JMP | BPF_JSET:
    return target_of(i, insn->jt) < program->count &&
           target_of(i, insn->jf) < program->count;
  default:
    return false;
  }
}

bool classic_is_valid(const struct classic *program) {
  for (size_t i = 0; i < program->count; i++) {
    const struct sock_filter *insn = &program->insns[i];
    if (BPF_CLASS(insn->code) == BPF_JMP ? !is_jump_valid(program, i)
                                         : !is_known(insn))
      return false;
  }
  return program->count &&
         BPF_CLASS(program->insns[program->count - 1].code) == BPF_RET;
}

unsigned classic_load_size(const struct sock_filter *insn) {
  unsigned mode = BPF_MODE(insn->code);

  if (insn->code == (BPF_LDX | BPF_B | BPF_MSH))
    return 1;
  if (BPF_CLASS(insn->code) != BPF_LD || (mode != BPF_ABS && mode != BPF_IND))
    return 0;
  switch (BPF_SIZE(insn->code)) {
  case BPF_W:
    return 4;
  case BPF_H:
    return 2;
  default:
    return 1;
  }
}

__u64 classic_extent(const struct sock_filter *insn) {
  unsigned size = classic_load_size(insn);

  return size && BPF_MODE(insn->code) != BPF_IND ? (__u64)insn->k + size : 0;
}

__u64 classic_reach(const struct classic *program) {
  __u64 reach = 0;

  for (size_t i = 0; i < program->count; i++) {
    const struct sock_filter *insn = &program->insns[i];
    unsigned size = classic_load_size(insn);
    if (size && (__u64)insn->k + size > reach)
      reach = (__u64)insn->k + size;
  }
  return reach;
}

/* What it reads besides the frame. */
static unsigned reads_of(const struct sock_filter *insn) {
  bool is_x = BPF_SRC(insn->code) == BPF_X;

  switch (BPF_CLASS(insn->code)) {
  case BPF_LD:
    return BPF_MODE(insn->code) == BPF_MEM   ? 1U << insn->k
           : BPF_MODE(insn->code) == BPF_IND ? SET_X
                                             : 0;
  case BPF_LDX:
    return BPF_MODE(insn->code) == BPF_MEM ? 1U << insn->k : 0;
  case BPF_ST:
    return SET_A;
  case BPF_STX:
    return SET_X;
  case BPF_ALU:
    return SET_A | (is_x && BPF_OP(insn->code) != BPF_NEG ? SET_X : 0);
  case BPF_JMP:
    return BPF_OP(insn->code) == BPF_JA ? 0 : SET_A | (is_x ? SET_X : 0);
  case BPF_RET:
    return insn->code == (BPF_RET | BPF_A) ? SET_A : 0;
  default:
    return insn->code == (BPF_MISC | BPF_TAX) ? SET_A : SET_X;
  }
}

static unsigned writes_of(const struct sock_filter *insn) {
  switch (BPF_CLASS(insn->code)) {
  case BPF_LD:
  case BPF_ALU:
    return SET_A;
  case BPF_LDX:
    return SET_X;
  case BPF_ST:
  case BPF_STX:
    return 1U << insn->k;
  case BPF_MISC:
    return insn->code == (BPF_MISC | BPF_TAX) ? SET_X : SET_A;
  default:
    return 0;
  }
}

static __u32 less(__u32 a, __u32 b) { return a < b ? a : b; }

/* Only what the verifier of each kernel can tell as well. */
static __u32 a_max_after(const struct sock_filter *insn,
                         const struct fact *fact) {
  switch (insn->code) {
  case BPF_LD | BPF_B | BPF_ABS:
  case BPF_LD | BPF_B | BPF_IND:
    return 0xff;
  case BPF_LD | BPF_IMM:
    return insn->k;
  case BPF_MISC | BPF_TXA:
    return fact->x_max;
  case BPF_ALU | BPF_AND | BPF_K:
    return less(fact->a_max, insn->k);
  case BPF_ALU | BPF_RSH | BPF_K:
    return insn->k < 32 ? fact->a_max >> insn->k : 0;
  case BPF_LDX | BPF_B | BPF_MSH: /* may have been put aside */
    return ~0U;
  default:
    return writes_of(insn) == SET_A ? ~0U : fact->a_max;
  }
}

static __u32 x_max_after(const struct sock_filter *insn,
                         const struct fact *fact) {
  switch (insn->code) {
  case BPF_LDX | BPF_B | BPF_MSH:
    return 4 * 0xf;
  case BPF_LDX | BPF_IMM:
    return insn->k;
  case BPF_MISC | BPF_TAX:
    return fact->a_max;
  default:
    return writes_of(insn) == SET_X ? ~0U : fact->x_max;
  }
}

static void join(struct fact *to, const struct fact *from) {
  if (!to->is_reachable) {
    *to = *from;
    return;
  }
  to->set &= from->set;
  if (from->a_max > to->a_max)
    to->a_max = from->a_max;
  if (from->x_max > to->x_max)
    to->x_max = from->x_max;
}

/* The facts of those that may come next. */
static void follow(const struct classic *program, size_t i, __u64 limit,
                   struct fact *facts) {
  const struct sock_filter *insn = &program->insns[i];
  struct fact after = {.is_reachable = true,
                       .a_max = a_max_after(insn, &facts[i]),
                       .x_max = x_max_after(insn, &facts[i]),
                       .set = facts[i].set | writes_of(insn)};
  unsigned size = classic_load_size(insn);

  if (BPF_CLASS(insn->code) == BPF_RET ||
      (size && (__u64)insn->k + size > limit))
    return;
  if (insn->code == (BPF_JMP | BPF_JA)) {
    join(&facts[target_of(i, insn->k)], &after);
  } else if (BPF_CLASS(insn->code) == BPF_JMP) {
    join(&facts[target_of(i, insn->jt)], &after);
    join(&facts[target_of(i, insn->jf)], &after);
  } else {
    join(&facts[i + 1], &after);
  }
}

unsigned classic_analyse(const struct classic *program, __u64 limit,
                         struct fact *facts) {
  unsigned unset = 0;

  memset(facts, 0, program->count * sizeof(*facts));
  facts[0].is_reachable = true;
  for (size_t i = 0; i < program->count; i++) {
    if (!facts[i].is_reachable)
      continue;
    unset |= reads_of(&program->insns[i]) & ~facts[i].set;
    follow(program, i, limit, facts);
  }
  return unset;
}

bool classic_is_constant(const struct classic *program, bool *ret_matches) {
  const struct sock_filter *insn = program->insns;

  while (insn->code == (BPF_JMP | BPF_JA))
    insn += 1 + insn->k;
  *ret_matches = insn->k != 0;
  return insn->code == (BPF_RET | BPF_K);
}

bool classic_equals(const struct classic *a, const struct classic *b) {
  return a->count == b->count &&
         memcmp(a->insns, b->insns, a->count * sizeof(*a->insns)) == 0;
}
