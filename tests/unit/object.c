// SPDX-License-Identifier: MIT

/* The BPF objects that are in the plugin, as libbpf reads them: no kernel is
 * asked for that. A build for another machine may go wrong here. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "bpf/counters.h"
#include "bpf/entries.skel.h"
#include "bpf/observe.skel.h"
#include "plugin/graft.h"

static void assert_byte_order(const unsigned char *elf, size_t size) {
  bool is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

  assert_true(size > EI_NIDENT);
  assert_memory_equal(elf, ELFMAG, SELFMAG);
  assert_int_equal(elf[EI_DATA], is_big ? ELFDATA2MSB : ELFDATA2LSB);
}

static void test_byte_order(void **state) {
  size_t size;
  const void *elf = entries__elf_bytes(&size);

  (void)state;
  assert_byte_order(elf, size);
  elf = observe__elf_bytes(&size);
  assert_byte_order(elf, size);
}

/* Which knows the sections of our objects. */
static struct graft *graft;

static void begin_graft(const struct counters *counters) {
  assert_int_equal(graft_begin(counters, &graft), 0);
}

static int open_object(void **state) {
  begin_graft(NULL);
  *state = entries__open();
  return *state ? 0 : -1;
}

static int close_object(void **state) {
  entries__destroy(*state);
  graft = graft_end(graft);
  return 0;
}

static void test_programs(void **state) {
  const struct entries *object = *state;

  assert_int_equal(bpf_program__type(object->progs.collectd_xdp),
                   BPF_PROG_TYPE_XDP);
  assert_int_equal(bpf_program__type(object->progs.collectd_frags),
                   BPF_PROG_TYPE_XDP);
  assert_int_equal(bpf_program__type(object->progs.collectd_skb),
                   BPF_PROG_TYPE_XDP);
  assert_int_equal(bpf_program__type(object->progs.collectd_tc_rx),
                   BPF_PROG_TYPE_SCHED_CLS);
  assert_int_equal(bpf_program__type(object->progs.collectd_tc_tx),
                   BPF_PROG_TYPE_SCHED_CLS);
}

static void assert_frags(const struct bpf_program *program, bool has_frags) {
  assert_int_equal(bpf_program__flags(program),
                   has_frags ? BPF_F_XDP_HAS_FRAGS : 0);
}

/* That of frames of several buffers, and no other. */
static void test_flags(void **state) {
  const struct entries *object = *state;

  assert_frags(object->progs.collectd_xdp, false);
  assert_frags(object->progs.collectd_frags, true);
  assert_frags(object->progs.collectd_skb, false);
  assert_frags(object->progs.collectd_tc_rx, false);
  assert_frags(object->progs.collectd_tc_tx, false);
}

static struct counters counters;

static int open_with_counters(void **state) {
  char why[256];
  unsigned index;

  counters_add(&counters, "dns", "udp port 53", &index, why, sizeof(why));
  counters_add(&counters, "tag", "vlan 100", &index, why, sizeof(why));
  begin_graft(&counters);
  *state = entries__open();
  return *state ? 0 : -1;
}

static int close_with_counters(void **state) {
  close_object(state);
  counters_clear(&counters);
  return 0;
}

/* The filters are put in when it is loaded: until then it is as it was. */
static void test_counters(void **state) {
  const struct entries *object = *state;
  struct bpf_program *const programs[] = {
      [ENTRY_NATIVE] = object->progs.collectd_xdp,
      [ENTRY_NATIVE_FRAGS] = object->progs.collectd_frags,
      [ENTRY_GENERIC] = object->progs.collectd_skb,
      [ENTRY_TC_RX] = object->progs.collectd_tc_rx,
      [ENTRY_TC_TX] = object->progs.collectd_tc_tx,
  };

  for (enum entry e = 0; e < ENTRIES_LOADED; e++) {
    size_t count = bpf_program__insn_cnt(programs[e]);
    char why[256] = "";
    assert_int_equal(graft_add(graft, programs[e], e, why, sizeof(why)), 0);
    assert_string_equal(why, "");
    assert_int_equal(bpf_program__insn_cnt(programs[e]), count);
  }
  test_programs(state);
  test_flags(state);
}

/* By BTF. */
static void assert_directory(const struct bpf_map *array,
                             const struct bpf_map *beyond) {
  assert_int_equal(bpf_map__type(array), BPF_MAP_TYPE_ARRAY_OF_MAPS);
  assert_int_equal(bpf_map__key_size(array), sizeof(__u32));
  assert_int_equal(bpf_map__max_entries(array), IFINDEX_MAX);
  assert_int_equal(bpf_map__type(beyond), BPF_MAP_TYPE_HASH_OF_MAPS);
  assert_int_equal(bpf_map__map_flags(beyond), BPF_F_NO_PREALLOC);
  assert_int_equal(bpf_map__max_entries(beyond), INTERFACES_BEYOND_MAX);
}

static void test_maps(void **state) {
  const struct entries *object = *state;

  assert_directory(object->maps.xdp_interfaces, object->maps.tc_tx_beyond);
}

/* What the plugin writes there is what the programs read. */
static void test_options(void **state) {
  const struct entries *object = *state;
  struct count_options none;
  size_t size;
  const void *options = bpf_map__initial_value(object->maps.rodata, &size);

  assert_in_range(size, sizeof(none), sizeof(none) + 64);
  assert_ptr_equal(options, object->rodata);
  memset(&none, 0, sizeof(none));
  assert_memory_equal(&object->rodata->options, &none, sizeof(none));
}

static bool calls(const struct bpf_program *program, int number) {
  const struct bpf_insn *instructions = bpf_program__insns(program);

  for (size_t i = 0; i < bpf_program__insn_cnt(program); i++)
    if (instructions[i].code == (BPF_JMP | BPF_CALL) &&
        instructions[i].src_reg == 0 && instructions[i].imm == number)
      return true;
  return false;
}

static void test_instructions(void **state) {
  const struct entries *object = *state;
  int number = BPF_FUNC_get_smp_processor_id;

  assert_true(calls(object->progs.collectd_xdp, number));
  assert_true(calls(object->progs.collectd_tc_tx, number));
}

/* What gives way to the filters is in both, by its mark. */
static void test_stub(void **state) {
  const __u32 mark = MATCH_STUB;
  size_t size;
  const void *elf = entries__elf_bytes(&size);

  (void)state;
  assert_non_null(memmem(elf, size, &mark, sizeof(mark)));
  elf = observe__elf_bytes(&size);
  assert_non_null(memmem(elf, size, &mark, sizeof(mark)));
}

/* One after the other, whether anything was opened or not. */
static void test_begin_and_end(void **state) {
  (void)state;
  for (unsigned i = 0; i < 3; i++) {
    begin_graft(NULL);
    graft = graft_end(graft);
    assert_null(graft);
  }
  assert_null(graft_end(NULL));
}

/* --- the pair that observes ------------------------------------------------*/

static int open_pair(void **state) {
  begin_graft(NULL);
  *state = observe__open();
  return *state ? 0 : -1;
}

static int close_pair(void **state) {
  observe__destroy(*state);
  graft = graft_end(graft);
  return 0;
}

static void assert_tracing(const struct bpf_program *program,
                           enum bpf_attach_type type) {
  assert_int_equal(bpf_program__type(program), BPF_PROG_TYPE_TRACING);
  assert_int_equal(bpf_program__expected_attach_type(program), type);
  assert_true(calls(program, BPF_FUNC_get_smp_processor_id));
}

/* What they are attached to is known when there is somebody. */
static void test_pair(void **state) {
  const struct observe *object = *state;
  struct bpf_program *program = NULL;
  size_t count = 0;

  assert_tracing(object->progs.collectd_enter, BPF_TRACE_FENTRY);
  assert_tracing(object->progs.collectd_leave, BPF_TRACE_FEXIT);
  while ((program = bpf_object__next_program(object->obj, program)))
    count++;
  assert_int_equal(count, 2);
}

static void test_maps_of_the_pair(void **state) {
  const struct observe *object = *state;

  assert_directory(object->maps.observe_interfaces,
                   object->maps.observe_beyond);
}

static void test_options_of_the_pair(void **state) {
  const struct observe *object = *state;
  struct observe_options none;
  size_t size;
  const void *options = bpf_map__initial_value(object->maps.rodata, &size);

  assert_in_range(size, sizeof(none), sizeof(none) + 64);
  assert_ptr_equal(options, object->rodata);
  memset(&none, 0, sizeof(none));
  assert_memory_equal(&object->rodata->options, &none, sizeof(none));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_byte_order),
      cmocka_unit_test_setup_teardown(test_programs, open_object, close_object),
      cmocka_unit_test_setup_teardown(test_flags, open_object, close_object),
      cmocka_unit_test_setup_teardown(test_counters, open_with_counters,
                                      close_with_counters),
      cmocka_unit_test(test_stub),
      cmocka_unit_test(test_begin_and_end),
      cmocka_unit_test_setup_teardown(test_maps, open_object, close_object),
      cmocka_unit_test_setup_teardown(test_options, open_object, close_object),
      cmocka_unit_test_setup_teardown(test_instructions, open_object,
                                      close_object),
      cmocka_unit_test_setup_teardown(test_pair, open_pair, close_pair),
      cmocka_unit_test_setup_teardown(test_maps_of_the_pair, open_pair,
                                      close_pair),
      cmocka_unit_test_setup_teardown(test_options_of_the_pair, open_pair,
                                      close_pair),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
