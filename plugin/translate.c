// SPDX-License-Identifier: MIT

#include "plugin/translate.h"

#include <errno.h>
#include <stdlib.h>

enum { FP = BPF_REG_10 };

struct translation {
  const struct classic *program;
  struct access *access;
  struct code *code;
  struct fact *facts;
  unsigned labels; /* the first of one for each instruction */
  unsigned match, nomatch;
};

static int memory_at(__u32 k) { return AT_MEMORY + 4 * (int)k; }

/* Where execution goes on from instruction i: what only jumps or returns is not
 * needed for it. */
static unsigned label_of(const struct translation *t, size_t i) {
  const struct sock_filter *insn = &t->program->insns[i];

  while (insn->code == (BPF_JMP | BPF_JA))
    insn += 1 + insn->k;
  if (insn->code == (BPF_RET | BPF_K))
    return insn->k ? t->match : t->nomatch;
  return t->labels + (unsigned)(insn - t->program->insns);
}

/* Whether instruction i can only be jumped to by label_of(). */
static bool is_skipped(const struct translation *t, size_t i) {
  const struct sock_filter *insn = &t->program->insns[i];
  const struct sock_filter *before = insn - 1;

  if (insn->code != (BPF_RET | BPF_K) && insn->code != (BPF_JMP | BPF_JA))
    return false;
  if (i == 0 || !t->facts[i - 1].is_reachable)
    return i != 0;
  return BPF_CLASS(before->code) == BPF_JMP ||
         BPF_CLASS(before->code) == BPF_RET ||
         (classic_load_size(before) &&
          (__u64)before->k + classic_load_size(before) >
              access_limit(t->access->style));
}

/* What comes next in the code, after instruction i. */
static unsigned next_label(const struct translation *t, size_t i) {
  for (i++; i < t->program->count; i++)
    if (t->facts[i].is_reachable && !is_skipped(t, i))
      return t->labels + (unsigned)i;
  return t->match;
}

static void set_zero(struct code *code, unsigned set) {
  if (set & SET_A)
    code_put(code, SET(REG_A, 0));
  if (set & SET_X)
    code_put(code, SET(REG_X, 0));
  for (int k = 0; k < BPF_MEMWORDS; k++)
    if (set & 1U << k)
      code_put(code, STORE_K(BPF_W, FP, memory_at(k), 0));
}

/* Shifts by 32 and more, which eBPF does not have, leave nothing. */
static void shift(struct code *code, const struct sock_filter *insn) {
  int op = BPF_OP(insn->code);

  if (BPF_SRC(insn->code) == BPF_X) {
    unsigned done = code_labels(code, 1);
    code_put(code, ALU32_X(op, REG_A, REG_X));
    code_jump(code, IF32_K(BPF_JLT, REG_X, 32), done);
    code_put(code, SET(REG_A, 0));
    code_bind(code, done);
  } else if (insn->k >= 32) {
    code_put(code, SET(REG_A, 0));
  } else {
    code_put(code, ALU32_K(op, REG_A, insn->k));
  }
}

static void calculate(const struct translation *t,
                      const struct sock_filter *insn) {
  struct code *code = t->code;
  int op = BPF_OP(insn->code);
  bool is_x = BPF_SRC(insn->code) == BPF_X;

  if (op == BPF_LSH || op == BPF_RSH) {
    shift(code, insn);
    return;
  }
  if ((op == BPF_DIV || op == BPF_MOD) && is_x)
    code_jump(code, IF32_K(BPF_JEQ, REG_X, 0), t->nomatch);
  if (op == BPF_NEG)
    code_put(code, ALU32_K(BPF_NEG, REG_A, 0));
  else if (is_x)
    code_put(code, ALU32_X(op, REG_A, REG_X));
  else if (op == BPF_AND && (__s32)insn->k >= 0)
    code_put(code, ALU_K(op, REG_A, insn->k));
  else
    code_put(code, ALU32_K(op, REG_A, insn->k));
}

static void jump_if(struct code *code, const struct sock_filter *insn, int op,
                    unsigned label) {
  code_jump(code,
            BPF_SRC(insn->code) == BPF_X ? IF32_X(op, REG_A, REG_X)
                                         : IF32_K(op, REG_A, insn->k),
            label);
}

/* The operation that jumps where the other does not; 0: there is none. */
static int opposite_of(int op) {
  switch (op) {
  case BPF_JEQ:
    return BPF_JNE;
  case BPF_JGT:
    return BPF_JLE;
  case BPF_JGE:
    return BPF_JLT;
  default:
    return 0;
  }
}

static void branch(const struct translation *t, size_t i) {
  const struct sock_filter *insn = &t->program->insns[i];
  int op = BPF_OP(insn->code);
  unsigned next = next_label(t, i);
  unsigned yes, no;

  if (op == BPF_JA)
    yes = no = label_of(t, i);
  else
    yes = label_of(t, i + 1 + insn->jt), no = label_of(t, i + 1 + insn->jf);
  if (yes == no) {
    if (yes != next)
      code_jump(t->code, ALWAYS, yes);
  } else if (yes == next && opposite_of(op)) {
    jump_if(t->code, insn, opposite_of(op), no);
  } else {
    jump_if(t->code, insn, op, yes);
    if (no != next)
      code_jump(t->code, ALWAYS, no);
  }
}

static void give_back(const struct translation *t, size_t i) {
  const struct sock_filter *insn = &t->program->insns[i];

  if (insn->code == (BPF_RET | BPF_A)) {
    code_jump(t->code, IF32_K(BPF_JEQ, REG_A, 0), t->nomatch);
    if (next_label(t, i) != t->match)
      code_jump(t->code, ALWAYS, t->match);
  } else if (label_of(t, i) != next_label(t, i)) {
    code_jump(t->code, ALWAYS, label_of(t, i));
  }
}

static void load(const struct translation *t, size_t i) {
  const struct sock_filter *insn = &t->program->insns[i];
  int to = BPF_CLASS(insn->code) == BPF_LD ? REG_A : REG_X;

  if (classic_load_size(insn)) {
    access_load(t->access, t->code, insn, t->nomatch);
    return;
  }
  switch (BPF_MODE(insn->code)) {
  case BPF_LEN:
    code_put(t->code, LOAD(BPF_DW, to, FP, AT_OCTETS));
    break;
  case BPF_IMM:
    code_put(t->code, SET(to, insn->k));
    break;
  default:
    code_put(t->code, LOAD(BPF_W, to, FP, memory_at(insn->k)));
  }
}

static void translate_insn(const struct translation *t, size_t i) {
  const struct sock_filter *insn = &t->program->insns[i];
  struct code *code = t->code;

  switch (BPF_CLASS(insn->code)) {
  case BPF_LD:
  case BPF_LDX:
    load(t, i);
    break;
  case BPF_ST:
    code_put(code, STORE(BPF_W, FP, memory_at(insn->k), REG_A));
    break;
  case BPF_STX:
    code_put(code, STORE(BPF_W, FP, memory_at(insn->k), REG_X));
    break;
  case BPF_ALU:
    calculate(t, insn);
    break;
  case BPF_JMP:
    branch(t, i);
    break;
  case BPF_RET:
    give_back(t, i);
    break;
  default:
    code_put(code, insn->code == (BPF_MISC | BPF_TAX) ? MOVE(REG_X, REG_A)
                                                      : MOVE(REG_A, REG_X));
  }
}

/* Conditional jumps of one instruction, at most; see access.c. */
static size_t jumps_of(const struct sock_filter *insn,
                       const struct access *access) {
  enum { AROUND_TAG = 16, INDEXED = 4, CONSTANT = 2, OTHER = 1 };

  if (!classic_load_size(insn))
    return OTHER;
  if (BPF_MODE(insn->code) != BPF_IND)
    return CONSTANT;
  return access->is_tagged && insn->k < 16 ? AROUND_TAG : INDEXED;
}

static size_t more(size_t a, size_t b) { return a > b ? a : b; }

/* On the way that has most of them. */
static int count_jumps(const struct classic *program,
                       const struct access *access, size_t *jumps) {
  size_t *from = calloc(program->count, sizeof(*from));

  if (!from)
    return -ENOMEM;
  for (size_t i = program->count; i-- > 0;) {
    const struct sock_filter *insn = &program->insns[i];
    size_t rest = 0;
    if (insn->code == (BPF_JMP | BPF_JA))
      rest = from[i + 1 + insn->k];
    else if (BPF_CLASS(insn->code) == BPF_JMP)
      rest = more(from[i + 1 + insn->jt], from[i + 1 + insn->jf]);
    else if (BPF_CLASS(insn->code) != BPF_RET)
      rest = from[i + 1];
    from[i] = rest + jumps_of(insn, access);
  }
  *jumps += from[0];
  free(from);
  return 0;
}

void translate_program(const struct classic *program, struct access *access,
                       struct code *code, unsigned match, unsigned nomatch,
                       size_t *jumps) {
  struct translation t = {.program = program,
                          .access = access,
                          .code = code,
                          .facts = calloc(program->count, sizeof(*t.facts)),
                          .labels = code_labels(code, program->count),
                          .match = match,
                          .nomatch = nomatch};

  if (!t.facts || count_jumps(program, access, jumps)) {
    code->error = -ENOMEM;
    free(t.facts);
    return;
  }
  set_zero(code,
           classic_analyse(program, access_limit(access->style), t.facts));
  for (size_t i = 0; !code->error && i < program->count; i++) {
    if (!t.facts[i].is_reachable || is_skipped(&t, i))
      continue;
    code_bind(code, t.labels + i);
    translate_insn(&t, i);
  }
  free(t.facts);
}
