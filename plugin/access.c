// SPDX-License-Identifier: MIT

#include "plugin/access.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

enum {
  R1 = BPF_REG_1,
  R2,
  R3,
  R4,
  FP = BPF_REG_10,
  /* MAX_PACKET_OFF of the kernel's kernel/bpf/verifier.c: what ends beyond is
   * not read directly. */
  DIRECT_MAX = 0xffff,
  TAG_AT = 12, /* IEEE 802.1Q: after the two addresses */
  TAG_SIZE = 4,
  WINDOW_AT = 8,
  WINDOW_SIZE = 12
};

/* Offsets that a helper is asked for stay below. */
#define OFFSET_MAX 0x7ffffff0

/* Where the offset of a load is. */
enum offset {
  OFFSET_CONSTANT, /* k */
  OFFSET_INDEXED,  /* X + k */
  OFFSET_IN_R2
};

struct detour {
  unsigned from, back;
  enum offset offset;
  __u32 k;
  unsigned size;
  bool is_msh;
};

__u64 access_limit(enum style style) {
  switch (style) {
  case STYLE_XDP:
    return DIRECT_MAX;
  case STYLE_MEMORY:
    return MEMORY_SIZE;
  default:
    return OFFSET_MAX;
  }
}

static bool has_detours(const struct access *access) {
  return access->style == STYLE_XDP_FRAGS || access->style == STYLE_SKB;
}

static int width(unsigned size) {
  return size == 4 ? BPF_W : size == 2 ? BPF_H : BPF_B;
}

static bool is_msh(const struct sock_filter *insn) {
  return BPF_CLASS(insn->code) == BPF_LDX;
}

static int destination_of(bool is_msh) { return is_msh ? REG_X : REG_A; }

/* Where to go when the octets are not to be had directly. */
static unsigned detour_of(struct access *access, struct code *code,
                          struct detour detour, unsigned nomatch) {
  if (!has_detours(access))
    return nomatch;
  if (access->detours_count == access->detours_size) {
    size_t size = 2 * access->detours_size + 16;
    struct detour *detours =
        reallocarray(access->detours, size, sizeof(*detours));
    if (!detours) {
      code->error = -ENOMEM;
      return nomatch;
    }
    access->detours = detours;
    access->detours_size = size;
  }
  detour.from = code_labels(code, 1);
  access->detours[access->detours_count++] = detour;
  return detour.from;
}

/* Goes on where the data has what R3 points behind. The verifier follows what
 * comes first, the failure: it finds the least that is known of the data before
 * it finds more, and need not look again. */
static void check_end(struct code *code, unsigned failure) {
  unsigned enough = code_labels(code, 1);

  code_jump(code, IF_X(BPF_JLE, R3, REG_END), enough);
  code_jump(code, ALWAYS, failure);
  code_bind(code, enough);
}

/* Makes the verifier forget what it knows of R2, by a number that it does not
 * know. If it knew some of its bits when the limit is checked, it might follow
 * a way on which no R2 has both, and then refuse what it finds there. */
static void forget_r2(const struct access *access, struct code *code) {
  if (access->style == STYLE_MEMORY) {
    code_put(code, LOAD(BPF_W, R1, REG_DATA, 0));
  } else {
    code_put(code, LOAD(BPF_DW, R1, FP, AT_CONTEXT));
    code_put(code, LOAD(BPF_W, R1, R1,
                        access->style == STYLE_SKB
                            ? offsetof(struct __sk_buff, len)
                            : offsetof(struct xdp_md, rx_queue_index)));
  }
  code_put(code, ALU_X(BPF_XOR, R2, R1));
  code_put(code, ALU_X(BPF_XOR, R2, R1));
}

/* Not by a copy to which a constant is added: of the copy Linux 6.12 learns
 * bounds of the original that contradict each other, and then refuses it. */
static void put_sum(struct code *code, int to, int from, __u32 k) {
  code_put(code, SET(to, k));
  code_put(code, ALU_X(BPF_ADD, to, from));
}

/* From R2 octets after the beginning of the data; R2 may be anything. */
static void load_at_r2(const struct access *access, struct code *code,
                       const struct detour *load, unsigned failure) {
  forget_r2(access, code);
  code_jump(code, IF_K(BPF_JGT, R2, DIRECT_MAX - load->size), failure);
  code_put(code, MOVE(R1, REG_DATA));
  code_put(code, ALU_X(BPF_ADD, R1, R2));
  code_put(code, MOVE(R3, R1));
  code_put(code, ADD(R3, load->size));
  check_end(code, failure);
  code_put(code, LOAD(width(load->size), destination_of(load->is_msh), R1, 0));
}

static void load_constant(const struct access *access, struct code *code,
                          const struct detour *load, unsigned failure) {
  __u64 extent = (__u64)load->k + load->size;
  int to = destination_of(load->is_msh);

  if (extent > DIRECT_MAX) {
    code_jump(code, ALWAYS, failure);
  } else if (extent <= INT16_MAX) {
    if (extent > access->proven) {
      code_put(code, MOVE(R3, REG_DATA));
      code_put(code, ADD(R3, extent));
      check_end(code, failure);
    }
    code_put(code, LOAD(width(load->size), to, REG_DATA, load->k));
  } else {
    code_put(code, SET(R2, load->k));
    load_at_r2(access, code, load, failure);
  }
}

/* Of X, which is any number: where the verifier follows a path that cannot be,
 * what it knows of X may contradict itself, and it refuses the sum with an
 * address. */
static void load_indexed(const struct access *access, struct code *code,
                         const struct detour *load, unsigned failure) {
  if ((__u64)load->k + load->size > DIRECT_MAX) {
    code_jump(code, ALWAYS, failure);
    return;
  }
  put_sum(code, R2, REG_X, load->k);
  load_at_r2(access, code, load, failure);
}

/* MEMORY_SIZE octets can be read, those that are valid count. */
static void load_memory(const struct access *access, struct code *code,
                        const struct sock_filter *insn,
                        const struct detour *load, unsigned nomatch) {
  __u64 extent = (__u64)load->k + load->size;
  int to = destination_of(load->is_msh);

  if (BPF_MODE(insn->code) != BPF_IND) {
    code_jump(code, IF_K(BPF_JLT, REG_END, extent), nomatch);
    code_put(code, LOAD(width(load->size), to, REG_DATA, load->k));
    return;
  }
  put_sum(code, R2, REG_X, load->k);
  forget_r2(access, code);
  code_jump(code, IF_K(BPF_JGT, R2, MEMORY_SIZE - load->size), nomatch);
  put_sum(code, R3, R2, load->size);
  code_jump(code, IF_X(BPF_JGT, R3, REG_END), nomatch);
  code_put(code, MOVE(R1, REG_DATA));
  code_put(code, ALU_X(BPF_ADD, R1, R2));
  code_put(code, LOAD(width(load->size), to, R1, 0));
}

/* What was loaded as it stands in memory becomes the number that it is. */
static void convert(struct code *code, const struct detour *load) {
  if (load->is_msh) {
    code_put(code, ALU_K(BPF_AND, REG_X, 0xf));
    code_put(code, ALU_K(BPF_LSH, REG_X, 2));
  } else if (load->size > 1) {
    code_put(code, TO_BIG_ENDIAN(REG_A, 8 * load->size));
  }
}

/* Octets from `offset` on that are in the window, of which the frame is known
 * to have them. The verifier wants the stack to be read aligned. */
static void load_window(struct code *code, const struct detour *load,
                        unsigned offset) {
  int at = AT_WINDOW + (int)offset - WINDOW_AT;
  int to = destination_of(load->is_msh);

  if (at % (int)load->size == 0) {
    code_put(code, LOAD(width(load->size), to, FP, at));
    convert(code, load);
    return;
  }
  code_put(code, LOAD(BPF_B, to, FP, at));
  for (unsigned i = 1; i < load->size; i++) {
    code_put(code, LOAD(BPF_B, R1, FP, at + (int)i));
    code_put(code, ALU_K(BPF_LSH, to, 8));
    code_put(code, ALU_X(BPF_OR, to, R1));
  }
}

static bool is_in_window(__u64 offset, unsigned size) {
  return offset + size > TAG_AT && offset < TAG_AT + TAG_SIZE;
}

static void load_constant_window(struct code *code, const struct detour *load,
                                 unsigned nomatch) {
  code_put(code, LOAD(BPF_DW, R1, FP, AT_OCTETS));
  code_jump(code, IF_K(BPF_JLT, R1, load->k + load->size), nomatch);
  load_window(code, load, load->k);
}

/* R2 is an offset that may be before the tag, in it, or after it: loads what
 * is in the window and jumps to `done`; else R2 becomes the offset in the data.
 */
static void load_around_tag(struct code *code, const struct detour *load,
                            unsigned nomatch, unsigned done) {
  unsigned first = TAG_AT + 1 - load->size;
  unsigned labels = code_labels(code, 2 + TAG_AT + TAG_SIZE);
  unsigned behind = labels, direct = labels + 1, cases = labels + 2;

  code_jump(code, IF_K(BPF_JGE, R2, TAG_AT + TAG_SIZE), behind);
  code_jump(code, IF_K(BPF_JLT, R2, first), direct);
  code_put(code, LOAD(BPF_DW, R1, FP, AT_OCTETS));
  put_sum(code, R3, R2, load->size);
  code_jump(code, IF_X(BPF_JGT, R3, R1), nomatch);
  for (unsigned i = first; i < TAG_AT + TAG_SIZE; i++)
    code_jump(code, IF_K(BPF_JEQ, R2, i), cases + i);
  code_jump(code, ALWAYS, nomatch);
  for (unsigned i = first; i < TAG_AT + TAG_SIZE; i++) {
    code_bind(code, cases + i);
    load_window(code, load, i);
    code_jump(code, ALWAYS, done);
  }
  code_bind(code, behind);
  code_put(code, ADD(R2, -TAG_SIZE));
  code_bind(code, direct);
}

/* Then nothing goes wrong, and nothing leads to a detour. */
static bool is_proven(const struct access *access,
                      const struct sock_filter *insn,
                      const struct detour *load) {
  return BPF_MODE(insn->code) != BPF_IND &&
         (__u64)load->k + load->size <= access->proven;
}

/* From a frame that is not all there, or has a tag that is not. */
static void load_frame(struct access *access, struct code *code,
                       const struct sock_filter *insn, struct detour load,
                       unsigned nomatch) {
  bool is_indexed = BPF_MODE(insn->code) == BPF_IND;
  bool is_around =
      access->is_tagged && is_indexed && load.k < TAG_AT + TAG_SIZE;
  unsigned done = code_labels(code, 1);

  load.back = code_labels(code, 1);
  load.offset = is_around    ? OFFSET_IN_R2
                : is_indexed ? OFFSET_INDEXED
                             : OFFSET_CONSTANT;
  if (access->is_tagged && !is_indexed && is_in_window(load.k, load.size)) {
    load_constant_window(code, &load, nomatch);
    return;
  }
  if (access->is_tagged && load.k >= TAG_AT + TAG_SIZE)
    load.k -= TAG_SIZE;
  unsigned failure = is_proven(access, insn, &load)
                         ? nomatch
                         : detour_of(access, code, load, nomatch);
  if (is_around) {
    put_sum(code, R2, REG_X, load.k);
    load_around_tag(code, &load, nomatch, done);
    load_at_r2(access, code, &load, failure);
  } else if (is_indexed) {
    load_indexed(access, code, &load, failure);
  } else {
    load_constant(access, code, &load, failure);
  }
  code_bind(code, load.back);
  convert(code, &load);
  code_bind(code, done);
}

void access_load(struct access *access, struct code *code,
                 const struct sock_filter *insn, unsigned nomatch) {
  struct detour load = {
      .k = insn->k, .size = classic_load_size(insn), .is_msh = is_msh(insn)};

  if ((__u64)load.k + load.size > access_limit(access->style)) {
    code_jump(code, ALWAYS, nomatch);
  } else if (access->style == STYLE_MEMORY) {
    load_memory(access, code, insn, &load, nomatch);
    convert(code, &load);
  } else {
    load_frame(access, code, insn, load, nomatch);
  }
}

static int helper_of(enum style style) {
  return style == STYLE_SKB ? BPF_FUNC_skb_load_bytes : BPF_FUNC_xdp_load_bytes;
}

static void set_offset(struct code *code, const struct detour *detour,
                       unsigned nomatch) {
  if (detour->offset == OFFSET_CONSTANT) {
    code_put(code, SET(R2, detour->k));
    return;
  }
  if (detour->offset == OFFSET_INDEXED)
    put_sum(code, R2, REG_X, detour->k);
  code_jump(code, IF_K(BPF_JGT, R2, OFFSET_MAX), nomatch);
}

static void finish_detour(const struct access *access, struct code *code,
                          const struct detour *detour, unsigned nomatch) {
  code_bind(code, detour->from);
  set_offset(code, detour, nomatch);
  code_put(code, LOAD(BPF_DW, R1, FP, AT_CONTEXT));
  code_put(code, MOVE(R3, FP));
  code_put(code, ADD(R3, AT_BUFFER));
  code_put(code, SET(R4, detour->size));
  if (detour->is_msh)
    code_put(code, STORE(BPF_DW, FP, AT_A, REG_A));
  code_put(code, CALL(helper_of(access->style)));
  code_put(code, MOVE(R1, BPF_REG_0));
  if (detour->is_msh)
    code_put(code, LOAD(BPF_DW, REG_A, FP, AT_A));
  code_jump(code, IF_K(BPF_JNE, R1, 0), nomatch);
  code_put(code, LOAD(width(detour->size), destination_of(detour->is_msh), FP,
                      AT_BUFFER));
  code_jump(code, ALWAYS, detour->back);
}

void access_finish(struct access *access, struct code *code, unsigned nomatch) {
  for (size_t i = 0; !code->error && i < access->detours_count; i++)
    finish_detour(access, code, &access->detours[i], nomatch);
  access->detours_count = 0;
}

void access_begin(enum style style, struct code *code) {
  bool is_skb = style == STYLE_SKB;

  if (style == STYLE_MEMORY) {
    code_put(code, MOVE(REG_DATA, R1));
    code_put(code, MOVE(REG_END, BPF_REG_5));
    return;
  }
  code_put(code, STORE(BPF_DW, FP, AT_CONTEXT, R1));
  code_put(code, LOAD(BPF_W, REG_DATA, R1,
                      is_skb ? offsetof(struct __sk_buff, data)
                             : offsetof(struct xdp_md, data)));
  code_put(code, LOAD(BPF_W, REG_END, R1,
                      is_skb ? offsetof(struct __sk_buff, data_end)
                             : offsetof(struct xdp_md, data_end)));
}

/* R1 is the context. vlan_proto is in network byte order, vlan_tci is not. */
static void store_tag(struct code *code) {
  int at = AT_WINDOW + TAG_AT - WINDOW_AT;

  code_put(code, LOAD(BPF_W, R2, R1, offsetof(struct __sk_buff, vlan_proto)));
  code_put(code, STORE(BPF_H, FP, at, R2));
  code_put(code, LOAD(BPF_W, R2, R1, offsetof(struct __sk_buff, vlan_tci)));
  code_put(code, TO_BIG_ENDIAN(R2, 16));
  code_put(code, STORE(BPF_H, FP, at + 2, R2));
}

/* bpf_skb_load_bytes(): R4 octets from `offset` on, to the stack. */
static void load_bytes(struct code *code, unsigned offset, int at) {
  code_put(code, LOAD(BPF_DW, R1, FP, AT_CONTEXT));
  code_put(code, SET(R2, offset));
  code_put(code, MOVE(R3, FP));
  code_put(code, ADD(R3, at));
  code_put(code, CALL(BPF_FUNC_skb_load_bytes));
}

/* What is not within the first buffer, or not there at all: zeros then. */
static void load_window_slowly(struct code *code) {
  unsigned labels = code_labels(code, 2);
  unsigned is_short = labels, is_four = labels + 1;

  code_put(code, SET(R4, TAG_AT - WINDOW_AT));
  load_bytes(code, WINDOW_AT, AT_WINDOW);
  code_put(code, LOAD(BPF_DW, R4, FP, AT_OCTETS));
  code_jump(code, IF_K(BPF_JLE, R4, TAG_AT + TAG_SIZE), is_short);
  code_put(code, ALU_K(BPF_SUB, R4, TAG_AT + TAG_SIZE));
  code_jump(code, IF_K(BPF_JLE, R4, 4), is_four);
  code_put(code, SET(R4, 4));
  code_bind(code, is_four);
  load_bytes(code, TAG_AT, AT_WINDOW + TAG_AT + TAG_SIZE - WINDOW_AT);
  code_bind(code, is_short);
}

void access_begin_tagged(struct code *code) {
  int behind = AT_WINDOW + TAG_AT + TAG_SIZE - WINDOW_AT;
  unsigned labels = code_labels(code, 2);
  unsigned is_direct = labels, done = labels + 1;

  code_put(code, STORE_K(BPF_W, FP, behind, 0));
  code_put(code, LOAD(BPF_DW, R1, FP, AT_CONTEXT));
  store_tag(code);
  code_put(code, MOVE(R3, REG_DATA));
  code_put(code, ADD(R3, TAG_AT + 4));
  code_jump(code, IF_X(BPF_JLE, R3, REG_END), is_direct);
  load_window_slowly(code);
  code_jump(code, ALWAYS, done);
  code_bind(code, is_direct);
  code_put(code, LOAD(BPF_W, R2, REG_DATA, WINDOW_AT));
  code_put(code, STORE(BPF_W, FP, AT_WINDOW, R2));
  code_put(code, LOAD(BPF_W, R2, REG_DATA, TAG_AT));
  code_put(code, STORE(BPF_W, FP, behind, R2));
  code_bind(code, done);
}

void access_free(struct access *access) { free(access->detours); }
