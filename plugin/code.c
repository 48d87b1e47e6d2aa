// SPDX-License-Identifier: MIT

#include "plugin/code.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

struct fixup {
  size_t insn;
  unsigned label;
};

/* Room for `more` elements; NULL, and the error is kept, where there is none.
 */
static void *reserve(struct code *code, void *array, size_t *size, size_t count,
                     size_t more, size_t element) {
  if (count + more <= *size)
    return array;
  size_t new_size = 2 * (count + more);
  void *new_array = reallocarray(array, new_size, element);

  if (!new_array) {
    code->error = -ENOMEM;
    return NULL;
  }
  *size = new_size;
  return new_array;
}

void code_put(struct code *code, struct bpf_insn insn) {
  if (code->error)
    return;
  struct bpf_insn *insns = reserve(code, code->insns, &code->size, code->count,
                                   1, sizeof(*code->insns));
  if (!insns)
    return;
  code->insns = insns;
  insns[code->count++] = insn;
}

unsigned code_labels(struct code *code, size_t count) {
  if (code->error)
    return 0;
  size_t *labels = reserve(code, code->labels, &code->labels_size,
                           code->labels_count, count, sizeof(*code->labels));
  if (!labels)
    return 0;
  unsigned first = code->labels_count;
  code->labels = labels;
  code->labels_count += count;
  return first;
}

void code_bind(struct code *code, unsigned label) {
  if (!code->error)
    code->labels[label] = code->count;
}

void code_jump(struct code *code, struct bpf_insn insn, unsigned label) {
  if (code->error)
    return;
  struct fixup *fixups = reserve(code, code->fixups, &code->fixups_size,
                                 code->fixups_count, 1, sizeof(*code->fixups));
  if (!fixups)
    return;
  code->fixups = fixups;
  fixups[code->fixups_count++] = (struct fixup){code->count, label};
  code_put(code, insn);
}

static void set_jump(struct code *code, size_t jump, size_t target) {
  ptrdiff_t distance = (ptrdiff_t)target - (ptrdiff_t)jump - 1;

  if (distance > INT16_MAX || distance < INT16_MIN)
    code->error = -E2BIG;
  else
    code->insns[jump].off = distance;
}

int code_resolve(struct code *code) {
  for (size_t i = 0; !code->error && i < code->fixups_count; i++)
    set_jump(code, code->fixups[i].insn, code->labels[code->fixups[i].label]);
  code->fixups_count = 0;
  code->labels_count = 0;
  return code->error;
}

void code_land(struct code *code, size_t jump) {
  if (!code->error)
    set_jump(code, jump, code->count);
}

void code_free_labels(struct code *code) {
  free(code->labels);
  free(code->fixups);
  code->labels = NULL;
  code->fixups = NULL;
  code->labels_size = code->labels_count = 0;
  code->fixups_size = code->fixups_count = 0;
}
