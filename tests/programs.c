// SPDX-License-Identifier: MIT

#include "tests/programs.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static __u32 constant(programs_below below) {
  static const __u32 edges[] = {
      0,         1,          2,          31,         32,        0xff,
      0x800,     0x86dd,     0xffff,     0x10000,    0x7fff,    0x8000,
      0x7ffffff, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};

  switch (below(4)) {
  case 0:
    return edges[below(COUNT(edges))];
  case 1:
    return (__u32)below(1 << 16) << 16 | (__u32)below(1 << 16);
  default:
    return (__u32)below(64);
  }
}

/* Mostly where there is something. */
static __u32 offset(programs_below below) {
  static const __u32 edges[] = {250,        252,        253,        254,
                                255,        256,        300,        0x7ffc,
                                0x7ffe,     0x7fff,     0xfffb,     0xfffc,
                                0xffff,     0x10000,    0x7fffffed, 0x7fffffff,
                                0x80000000, 0xfffff000, 0xffffffff};

  switch (below(16)) {
  case 0:
    return edges[below(COUNT(edges))];
  case 1:
  case 2:
    return (__u32)(8 + below(12));
  case 3:
    return (__u32)below(300);
  default:
    return (__u32)below(60);
  }
}

static struct sock_filter load(programs_below below) {
  static const __u16 codes[] = {
      BPF_LD | BPF_W | BPF_ABS,  BPF_LD | BPF_H | BPF_ABS,
      BPF_LD | BPF_B | BPF_ABS,  BPF_LD | BPF_W | BPF_IND,
      BPF_LD | BPF_H | BPF_IND,  BPF_LD | BPF_B | BPF_IND,
      BPF_LDX | BPF_B | BPF_MSH, BPF_LDX | BPF_B | BPF_MSH};

  return (struct sock_filter)BPF_STMT(codes[below(COUNT(codes))],
                                      offset(below));
}

static struct sock_filter move(programs_below below) {
  static const __u16 codes[] = {
      BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN, BPF_LD | BPF_IMM,
      BPF_LDX | BPF_IMM,        BPF_LDX | BPF_IMM,         BPF_MISC | BPF_TAX,
      BPF_MISC | BPF_TXA};
  __u16 code = codes[below(COUNT(codes))];

  return (struct sock_filter)BPF_STMT(
      code, code == (BPF_LDX | BPF_IMM) && below(2) ? offset(below)
                                                    : constant(below));
}

static struct sock_filter memory(programs_below below, unsigned *written) {
  static const __u16 codes[] = {BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST,
                                BPF_STX};
  __u16 code = codes[below(COUNT(codes))];
  unsigned k = (unsigned)below(BPF_MEMWORDS);

  if (!(*written & 1U << k))
    k = 0; /* always is */
  return (struct sock_filter)BPF_STMT(code, k);
}

static struct sock_filter calculation(programs_below below) {
  static const __u16 operations[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV,
                                     BPF_MOD, BPF_AND, BPF_OR,  BPF_XOR,
                                     BPF_LSH, BPF_RSH, BPF_NEG};
  __u16 operation = operations[below(COUNT(operations))];
  __u16 source = operation != BPF_NEG && below(2) ? BPF_X : BPF_K;
  __u32 k = constant(below);

  if (operation == BPF_LSH || operation == BPF_RSH)
    k %= 32;
  if ((operation == BPF_DIV || operation == BPF_MOD) && !k)
    k = 1;
  return (struct sock_filter)BPF_STMT((__u16)(BPF_ALU | operation | source), k);
}

/* There are `rest` instructions behind it. */
static struct sock_filter jump(programs_below below, size_t rest) {
  static const __u16 operations[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
  __u16 operation = operations[below(COUNT(operations))];
  size_t near = rest < 6 ? rest : 6;

  if (!below(8))
    return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (__u32)below(near));
  return (struct sock_filter)BPF_JUMP(
      (__u16)(BPF_JMP | operation | (below(4) ? BPF_K : BPF_X)),
      constant(below), (__u8)below(below(4) ? near : rest), (__u8)below(near));
}

static struct sock_filter end(programs_below below) {
  return (struct sock_filter)BPF_STMT(BPF_RET | (below(2) ? BPF_A : BPF_K),
                                      (__u32)below(3));
}

static struct sock_filter any(programs_below below, size_t rest,
                              unsigned *written) {
  switch (below(16)) {
  case 0:
    return below(3) ? load(below) : end(below);
  case 1:
  case 2:
    return memory(below, written);
  case 3:
  case 4:
    return move(below);
  case 5:
  case 6:
  case 7:
  case 8:
    return calculation(below);
  case 9:
  case 10:
  case 11:
    return jump(below, rest);
  default:
    return load(below);
  }
}

void programs_next(programs_below below, struct sock_filter *insns,
                   struct classic *ret_program) {
  size_t count = 2 + below(PROGRAM_MAX - 20), i = 0;
  unsigned written = 1;

  /* No jump leads over these. */
  insns[i++] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
  for (size_t n = below(4); n; n--) {
    __u32 k = (__u32)below(BPF_MEMWORDS);
    written |= 1U << k;
    insns[i++] = (struct sock_filter)BPF_STMT(BPF_STX, k);
  }
  for (count += i; i < count - 1; i++)
    insns[i] = any(below, count - i - 1, &written);
  insns[i] = end(below);
  *ret_program = (struct classic){insns, count};
}
