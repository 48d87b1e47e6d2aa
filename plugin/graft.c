// SPDX-License-Identifier: MIT

#include "plugin/graft.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* The sections of our objects, which libbpf asks us about. */
static const struct section {
  const char *name;
  enum bpf_prog_type type;
  enum bpf_attach_type attach_type;
  __u32 flags;
} sections[] = {
    {"collectd/xdp", BPF_PROG_TYPE_XDP, BPF_XDP, 0},
    {"collectd/frags", BPF_PROG_TYPE_XDP, BPF_XDP, BPF_F_XDP_HAS_FRAGS},
    {"collectd/tc", BPF_PROG_TYPE_SCHED_CLS, 0, 0},
    {"collectd/enter", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, 0},
    {"collectd/leave", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, 0},
};

enum { SECTIONS = sizeof(sections) / sizeof(*sections), PROGRAMS_MAX = 8 };

struct grafted {
  const struct bpf_program *program;
  struct block block;
  void *functions, *lines; /* BTF's, until it is loaded */
};

struct graft {
  const struct counters *counters;
  size_t programs_count;
  struct grafted programs[PROGRAMS_MAX];
};

/* Whose programs are being loaded. */
static struct graft *current;

/* --- one program --- */

/* The subprogram that gives way, in the program as libbpf has it. It goes to
 * the end, where the filters have all the room that they need. */
struct stub {
  size_t begin, end;
  size_t count; /* instructions of the whole program */
};

/* Where an instruction is when the stub is at the end. */
static size_t moved(const struct stub *stub, size_t offset) {
  size_t length = stub->end - stub->begin;

  if (offset < stub->begin)
    return offset;
  return offset < stub->end ? offset - stub->begin + stub->count - length
                            : offset - length;
}

static bool is_call(const struct bpf_insn *insn) {
  return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

/* The subprogram that a call goes to ends where the next one begins. */
static size_t end_of(const struct bpf_insn *insns, size_t count, size_t begin) {
  size_t end = count;

  for (size_t i = 0; i < count; i++) {
    size_t target = i + 1 + insns[i].imm;
    if (is_call(&insns[i]) && target > begin && target < end)
      end = target;
  }
  return end;
}

static bool has_mark(const struct bpf_insn *insns, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++)
    if (insns[i].code == (BPF_ALU64 | BPF_MOV | BPF_K) &&
        insns[i].imm == MATCH_STUB)
      return true;
  return false;
}

static bool find_stub(const struct bpf_insn *insns, size_t count,
                      struct stub *ret_stub) {
  for (size_t i = 0; i < count; i++) {
    size_t begin = i + 1 + insns[i].imm;
    if (!is_call(&insns[i]))
      continue;
    size_t end = end_of(insns, count, begin);
    if (!has_mark(insns, begin, end))
      continue;
    *ret_stub = (struct stub){begin, end, count};
    return true;
  }
  return false;
}

/* Jumps stay within their subprogram, calls do not. */
static void move_insns(const struct stub *stub, const struct bpf_insn *from,
                       struct bpf_insn *to) {
  for (size_t i = 0; i < stub->count; i++) {
    struct bpf_insn *insn = &to[moved(stub, i)];
    *insn = from[i];
    if (is_call(insn))
      insn->imm = moved(stub, i + 1 + from[i].imm) - (moved(stub, i) + 1);
  }
}

/* What libbpf tells the kernel of functions and lines: records that begin with
 * the offset of an instruction, in the order of these. */
static void *move_records(const struct stub *stub, const void *from,
                          __u32 count, __u32 size) {
  char *to = calloc(count + 1, size);
  size_t n = 0;

  for (int is_stub = 0; to && is_stub < 2; is_stub++)
    for (__u32 i = 0; i < count; i++) {
      const char *record = (const char *)from + (size_t)i * size;
      __u32 offset;
      memcpy(&offset, record, sizeof(offset));
      if ((offset >= stub->begin && offset < stub->end) != is_stub)
        continue;
      offset = moved(stub, offset);
      memcpy(to + n * size, record, size);
      memcpy(to + n++ * size, &offset, sizeof(offset));
    }
  return to;
}

static int set_insns(struct bpf_program *program, const struct stub *stub,
                     const struct block *block) {
  size_t place = moved(stub, stub->begin);
  struct bpf_insn *all = calloc(stub->count + block->count, sizeof(*all));

  if (!all)
    return -ENOMEM;
  move_insns(stub, bpf_program__insns(program), all);
  memcpy(all + place, block->insns, block->count * sizeof(*all));
  int error = bpf_program__set_insns(program, all, place + block->count);
  free(all);
  return error;
}

/* The lines of the stub become those of the filters' first instructions. */
static int put(struct grafted *grafted, struct bpf_program *program,
               struct bpf_prog_load_opts *options) {
  struct stub stub;

  if (!find_stub(bpf_program__insns(program), bpf_program__insn_cnt(program),
                 &stub))
    return -EPROTO;
  grafted->functions =
      move_records(&stub, options->func_info, options->func_info_cnt,
                   options->func_info_rec_size);
  grafted->lines =
      move_records(&stub, options->line_info, options->line_info_cnt,
                   options->line_info_rec_size);
  if (!grafted->functions || !grafted->lines)
    return -ENOMEM;
  options->func_info = grafted->functions;
  options->line_info = grafted->lines;
  return set_insns(program, &stub, &grafted->block);
}

/* --- libbpf --- */

/* libbpf calls it when a program is relocated, before it is loaded. */
static int on_prepared(struct bpf_program *program,
                       struct bpf_prog_load_opts *options, long cookie) {
  (void)cookie;
  for (size_t i = 0; current && i < current->programs_count; i++)
    if (current->programs[i].program == program)
      return put(&current->programs[i], program, options);
  return 0;
}

static int on_opened(struct bpf_program *program, long cookie) {
  const char *name = bpf_program__section_name(program);

  (void)cookie;
  for (size_t i = 0; i < SECTIONS; i++)
    if (strcmp(sections[i].name, name) == 0)
      return bpf_program__set_flags(program, sections[i].flags);
  return 0;
}

/* Once and for all: libbpf 1.1 frees its table twice where the last handler is
 * taken back and another one comes. */
static int register_sections(void) {
  static size_t registered;
  LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_setup_fn = on_opened,
              .prog_prepare_load_fn = on_prepared);

  while (registered < SECTIONS) {
    const struct section *section = &sections[registered];
    int handler = libbpf_register_prog_handler(section->name, section->type,
                                               section->attach_type, &options);
    if (handler < 0)
      return handler;
    registered++;
  }
  return 0;
}

int graft_begin(const struct counters *counters, struct graft **ret_graft) {
  int error = register_sections();
  if (error)
    return error;
  struct graft *graft = calloc(1, sizeof(*graft));
  if (!graft)
    return -ENOMEM;
  graft->counters = counters;
  *ret_graft = current = graft;
  return 0;
}

int graft_add(struct graft *graft, const struct bpf_program *program,
              enum entry entry, char *why, size_t why_size) {
  struct grafted *grafted = &graft->programs[graft->programs_count];

  if (!graft->counters || !graft->counters->count)
    return 0;
  if (graft->programs_count == PROGRAMS_MAX)
    return -ENOSPC;
  int error = counters_translate(graft->counters, entry, &grafted->block, why,
                                 why_size);
  if (error)
    return error;
  grafted->program = program;
  graft->programs_count++;
  return 0;
}

struct graft *graft_end(struct graft *graft) {
  if (!graft)
    return NULL;
  current = NULL;
  for (size_t i = 0; i < graft->programs_count; i++) {
    block_close(&graft->programs[i].block);
    free(graft->programs[i].functions);
    free(graft->programs[i].lines);
  }
  free(graft);
  return NULL;
}
