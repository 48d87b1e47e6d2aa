/* SPDX-License-Identifier: MIT */

/* eBPF instructions in the making, and jumps to labels whose place is not known
 * yet. The first error is kept, and all that follows it does nothing, so that
 * only the end needs to be checked. See linux/bpf.h and, for what each
 * instruction does, Documentation/bpf/standardization/instruction-set.rst. */
#ifndef PLUGIN_CODE_H
#define PLUGIN_CODE_H

#include <linux/bpf.h>
#include <stddef.h>

struct code {
  struct bpf_insn *insns; /* freed by free() */
  size_t count, size;
  size_t *labels; /* the instruction each one stands before */
  size_t labels_count, labels_size;
  struct fixup *fixups;
  size_t fixups_count, fixups_size;
  int error;
};

#define INSN(operation, d, s, offset, value)                                   \
  ((struct bpf_insn){.code = (operation),                                      \
                     .dst_reg = (d),                                           \
                     .src_reg = (s),                                           \
                     .off = (offset),                                          \
                     .imm = (__s32)(value)})

/* 64 bits, and 32 bits that zero the others. */
#define ALU_X(op, d, s) INSN(BPF_ALU64 | BPF_X | (op), d, s, 0, 0)
#define ALU_K(op, d, k) INSN(BPF_ALU64 | BPF_K | (op), d, 0, 0, k)
#define ALU32_X(op, d, s) INSN(BPF_ALU | BPF_X | (op), d, s, 0, 0)
#define ALU32_K(op, d, k) INSN(BPF_ALU | BPF_K | (op), d, 0, 0, k)
#define MOVE(d, s) ALU_X(BPF_MOV, d, s)
#define SET(d, k) ALU32_K(BPF_MOV, d, k)
#define ADD(d, k) ALU_K(BPF_ADD, d, k)
#define TO_BIG_ENDIAN(d, bits)                                                 \
  INSN(BPF_ALU | BPF_END | BPF_TO_BE, d, 0, 0, bits)

/* `size` is BPF_B, BPF_H, BPF_W or BPF_DW. */
#define LOAD(size, d, s, offset)                                               \
  INSN(BPF_LDX | BPF_MEM | (size), d, s, offset, 0)
#define STORE(size, d, offset, s)                                              \
  INSN(BPF_STX | BPF_MEM | (size), d, s, offset, 0)
#define STORE_K(size, d, offset, k)                                            \
  INSN(BPF_ST | BPF_MEM | (size), d, 0, offset, k)
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* For code_jump(). */
#define IF_X(op, d, s) INSN(BPF_JMP | BPF_X | (op), d, s, 0, 0)
#define IF_K(op, d, k) INSN(BPF_JMP | BPF_K | (op), d, 0, 0, k)
#define IF32_X(op, d, s) INSN(BPF_JMP32 | BPF_X | (op), d, s, 0, 0)
#define IF32_K(op, d, k) INSN(BPF_JMP32 | BPF_K | (op), d, 0, 0, k)
#define ALWAYS INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0)

void code_put(struct code *code, struct bpf_insn insn);

/* Labels are numbered from 0 after code_resolve(). Returns the first of `count`
 * new ones. */
unsigned code_labels(struct code *code, size_t count);

/* The label stands before the next instruction. */
void code_bind(struct code *code, unsigned label);

void code_jump(struct code *code, struct bpf_insn insn, unsigned label);

/* All labels jumped to are bound: sets the jumps, and forgets the labels.
 * -E2BIG where a jump is too far for its 16 bits. Returns code->error. */
int code_resolve(struct code *code);

/* Sets a jump that was put without a label to the next instruction. */
void code_land(struct code *code, size_t jump);

/* Frees all but the instructions. */
void code_free_labels(struct code *code);

#endif
