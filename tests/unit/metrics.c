// SPDX-License-Identifier: MIT

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/counter.h"
#include "plugin/groups.h"
#include "plugin/metrics.h"

enum { CPUS = 4 };

static struct counts *counts;
static __u64 dscp_seen;
static char lines[65536]; /* what was emitted, a line each */

static void sink(void *context, const struct metric *metric) {
  size_t length = strlen(lines);

  assert_ptr_equal(context, &lines);
  snprintf(lines + length, sizeof(lines) - length, "%s %s %llu\n", metric->type,
           metric->type_instance, metric->value);
}

static void emit_as(enum direction direction, __u32 groups) {
  lines[0] = '\0';
  groups_lay_out(groups, 0, &counts->layout);
  metrics_emit(groups, 0, direction, counts, &dscp_seen, sink, lines);
}

static void emit(__u32 groups) { emit_as(DIRECTION_RX, groups); }

/* All lines of a group, or nothing. */
static void assert_lines(const char *expected) {
  assert_string_equal(lines, expected);
}

static struct cell *cell(enum group group, unsigned member) {
  return &counts->cells[counts->layout.first[group] + member];
}

static int set_up(void **state) {
  (void)state;
  counts = calloc(1, sizeof(*counts) + CPUS * sizeof(struct cpu_count));
  counts->cpus_count = CPUS;
  counts->total = (struct cell){7, 700};
  dscp_seen = 0;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free(counts);
  return 0;
}

#define TOTAL "if_rx_packets  7\nif_rx_octets  700\n"

static void test_total(void **state) {
  (void)state;
  emit(GROUP_BIT(GROUP_TOTAL));
  assert_lines(TOTAL);
}

static void test_protocol(void **state) {
  static const char *const names[] = {
      "ipv4-tcp",      "ipv4-udp",   "ipv4-icmp",     "ipv4-igmp",  "ipv4-sctp",
      "ipv4-gre",      "ipv4-esp",   "ipv4-fragment", "ipv4-other", "ipv6-tcp",
      "ipv6-udp",      "ipv6-icmp",  "ipv6-sctp",     "ipv6-gre",   "ipv6-esp",
      "ipv6-fragment", "ipv6-other", "arp",           "other"};
  char expected[4096] = TOTAL;
  size_t length = strlen(expected);

  (void)state;
  groups_lay_out(GROUP_BIT(GROUP_PROTOCOL), 0, &counts->layout);
  for (enum protocol p = 0; p < PROTOCOL_COUNT; p++)
    *cell(GROUP_PROTOCOL, p) = (struct cell){p + 1, 100 * (p + 1)};
  for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
    length += sprintf(expected + length,
                      "if_rx_packets protocol-%s %u\n"
                      "if_rx_octets protocol-%s %u\n",
                      names[i], i + 1, names[i], 100 * (i + 1));
  sprintf(expected + length, "if_rx_packets protocol-invalid 41\n"
                             "if_rx_octets protocol-invalid 4100\n"
                             "if_rx_errors truncated 20\n"
                             "if_rx_errors malformed 21\n");
  emit(GROUP_BIT(GROUP_PROTOCOL));
  assert_lines(expected);
}

static void test_small_groups(void **state) {
  (void)state;
  emit(GROUP_BIT(GROUP_CAST));
  assert_lines(TOTAL "if_rx_packets cast-unicast 0\n"
                     "if_rx_octets cast-unicast 0\n"
                     "if_rx_packets cast-multicast 0\n"
                     "if_rx_octets cast-multicast 0\n"
                     "if_rx_packets cast-broadcast 0\n"
                     "if_rx_octets cast-broadcast 0\n");
  emit(GROUP_BIT(GROUP_SIZE));
  assert_lines(TOTAL "if_rx_packets size-0-63 0\n"
                     "if_rx_packets size-64-127 0\n"
                     "if_rx_packets size-128-255 0\n"
                     "if_rx_packets size-256-511 0\n"
                     "if_rx_packets size-512-1023 0\n"
                     "if_rx_packets size-1024-1518 0\n"
                     "if_rx_packets size-1519-max 0\n");
  emit(GROUP_BIT(GROUP_VLAN));
  assert_lines(TOTAL "if_rx_packets vlan-untagged 0\n"
                     "if_rx_octets vlan-untagged 0\n"
                     "if_rx_packets vlan-tagged 0\n"
                     "if_rx_octets vlan-tagged 0\n"
                     "if_rx_packets vlan-qinq 0\n"
                     "if_rx_octets vlan-qinq 0\n");
  emit(GROUP_BIT(GROUP_TCP));
  assert_lines(TOTAL "if_rx_packets tcp-syn 0\n"
                     "if_rx_packets tcp-synack 0\n"
                     "if_rx_packets tcp-fin 0\n"
                     "if_rx_packets tcp-rst 0\n");
}

static void test_dscp_appears_with_a_zero_before(void **state) {
  (void)state;
  emit(GROUP_BIT(GROUP_DSCP));
  assert_lines(TOTAL);
  *cell(GROUP_DSCP, 46) = (struct cell){3, 300};
  emit(GROUP_BIT(GROUP_DSCP));
  assert_lines(TOTAL "if_rx_packets dscp-46 0\nif_rx_octets dscp-46 0\n");
  emit(GROUP_BIT(GROUP_DSCP));
  assert_lines(TOTAL "if_rx_packets dscp-46 3\nif_rx_octets dscp-46 300\n");
}

static void test_first_and_last_dscp(void **state) {
  (void)state;
  groups_lay_out(GROUP_BIT(GROUP_DSCP), 0, &counts->layout);
  *cell(GROUP_DSCP, 0) = (struct cell){1, 60};
  *cell(GROUP_DSCP, 63) = (struct cell){2, 120};
  dscp_seen = 1;
  emit(GROUP_BIT(GROUP_DSCP));
  assert_lines(TOTAL "if_rx_packets dscp-0 1\nif_rx_octets dscp-0 60\n"
                     "if_rx_packets dscp-63 0\nif_rx_octets dscp-63 0\n");
  assert_int_equal(dscp_seen, 1 | 1ULL << 63);
}

static void test_queues_that_exist(void **state) {
  (void)state;
  counts->queues = 2;
  emit(GROUP_BIT(GROUP_QUEUE));
  assert_lines(TOTAL "if_rx_packets queue-0 0\nif_rx_octets queue-0 0\n"
                     "if_rx_packets queue-1 0\nif_rx_octets queue-1 0\n"
                     "if_rx_packets queue-unrecorded 0\n"
                     "if_rx_octets queue-unrecorded 0\n");
}

static void test_queues_that_counted(void **state) {
  (void)state;
  counts->queues = 1;
  emit(GROUP_BIT(GROUP_QUEUE));
  *cell(GROUP_QUEUE, 5) = (struct cell){1, 60};
  *cell(GROUP_QUEUE, QUEUE_OTHER) = (struct cell){2, 120};
  *cell(GROUP_QUEUE, QUEUE_UNRECORDED) = (struct cell){3, 180};
  emit(GROUP_BIT(GROUP_QUEUE));
  assert_lines(TOTAL "if_rx_packets queue-0 0\nif_rx_octets queue-0 0\n"
                     "if_rx_packets queue-5 1\nif_rx_octets queue-5 60\n"
                     "if_rx_packets queue-other 2\n"
                     "if_rx_octets queue-other 120\n"
                     "if_rx_packets queue-unrecorded 3\n"
                     "if_rx_octets queue-unrecorded 180\n");
}

static void test_more_queues_than_members(void **state) {
  (void)state;
  counts->queues = 64;
  emit(GROUP_BIT(GROUP_QUEUE));
  assert_non_null(strstr(lines, "if_rx_packets queue-63 0\n"));
  assert_null(strstr(lines, "queue-other"));
  counts->queues = 65;
  emit(GROUP_BIT(GROUP_QUEUE));
  assert_non_null(strstr(lines, "if_rx_packets queue-63 0\n"));
  assert_null(strstr(lines, "queue-64"));
  assert_non_null(strstr(lines, "if_rx_packets queue-other 0\n"));
}

static void test_cpus_online_or_used(void **state) {
  (void)state;
  counts->cpus[0].online = true;
  counts->cpus[3].total = (struct cell){5, 500};
  emit(GROUP_BIT(GROUP_CPU));
  assert_lines(TOTAL "if_rx_packets cpu-0 0\nif_rx_octets cpu-0 0\n"
                     "if_rx_packets cpu-3 5\nif_rx_octets cpu-3 500\n");
}

static void set_verdicts(void) {
  for (enum verdict v = 0; v < VERDICT_COUNT; v++)
    *cell(GROUP_VERDICT, v) = (struct cell){v + 1, 100 * (v + 1)};
}

/* What another program does with frames, in its own order. */
static void test_verdicts(void **state) {
  (void)state;
  groups_lay_out(GROUP_BIT(GROUP_VERDICT), 0, &counts->layout);
  set_verdicts();
  emit(GROUP_BIT(GROUP_VERDICT));
  assert_lines(TOTAL "if_rx_packets verdict-pass 1\n"
                     "if_rx_octets verdict-pass 100\n"
                     "if_rx_packets verdict-drop 2\n"
                     "if_rx_octets verdict-drop 200\n"
                     "if_rx_packets verdict-tx 3\n"
                     "if_rx_octets verdict-tx 300\n"
                     "if_rx_packets verdict-redirect 4\n"
                     "if_rx_octets verdict-redirect 400\n"
                     "if_rx_packets verdict-aborted 5\n"
                     "if_rx_octets verdict-aborted 500\n");
}

/* The cells are there, but nobody is observed. */
static void test_no_verdicts(void **state) {
  (void)state;
  groups_lay_out(GROUP_BIT(GROUP_TCP), 0, &counts->layout);
  set_verdicts();
  emit(GROUP_BIT(GROUP_TCP));
  assert_lines(TOTAL "if_rx_packets tcp-syn 0\n"
                     "if_rx_packets tcp-synack 0\n"
                     "if_rx_packets tcp-fin 0\n"
                     "if_rx_packets tcp-rst 0\n");
}

/* They come last, whatever is counted before, and are no reason to count. */
static void test_where_verdicts_are(void **state) {
  const __u32 verdict = GROUP_BIT(GROUP_VERDICT);
  struct layout layout, other;

  (void)state;
  for (__u32 groups = 0; groups <= GROUPS_ALL; groups++) {
    size_t cells = groups_lay_out(groups, 0, &layout);
    assert_int_equal(layout.first[GROUP_VERDICT], cells);
    assert_false(layout.groups & verdict);
    for (enum group g = 0; g < GROUP_VERDICT; g++)
      assert_true(!(layout.groups & GROUP_BIT(g)) ||
                  layout.first[g] + groups_members(g) <= cells);
    assert_int_equal(groups_lay_out(groups ^ verdict, 0, &other), cells);
    assert_memory_equal(&layout, &other, sizeof(layout));
  }
  assert_int_equal(groups_lay_out(verdict, 0, &layout), 1);
  assert_int_equal(layout.groups, GROUP_BIT(GROUP_TOTAL));
  assert_int_equal(groups_lay_out(GROUPS_ALL, COUNTERS_MAX, &layout) +
                       VERDICT_COUNT,
                   CELLS_MAX);
}

/* --- users' own ------------------------------------------------------------*/

static const struct counters own = {
    3, {{.name = "dns"}, {.name = "big.reply"}, {.name = "arp"}}};

/* The first is 10 packets of 1000 octets, the second none, the third 30. */
static void emit_own(enum direction direction, __u32 groups, __u64 set) {
  lines[0] = '\0';
  groups_lay_out(groups, own.count, &counts->layout);
  counts->counters = &own;
  *cell(GROUP_COUNTER, 0) = (struct cell){10, 1000};
  *cell(GROUP_COUNTER, 1) = (struct cell){0, 0};
  *cell(GROUP_COUNTER, 2) = (struct cell){30, 3000};
  metrics_emit(groups, set, direction, counts, &dscp_seen, sink, lines);
}

static void test_own_counters(void **state) {
  (void)state;
  emit_own(DIRECTION_RX, GROUP_BIT(GROUP_TOTAL), 0x7);
  assert_lines(TOTAL "if_rx_packets counter-dns 10\n"
                     "if_rx_octets counter-dns 1000\n"
                     "if_rx_packets counter-big.reply 0\n"
                     "if_rx_octets counter-big.reply 0\n"
                     "if_rx_packets counter-arp 30\n"
                     "if_rx_octets counter-arp 3000\n");
  emit_own(DIRECTION_RX, GROUP_BIT(GROUP_TOTAL), 0x5);
  assert_lines(TOTAL "if_rx_packets counter-dns 10\n"
                     "if_rx_octets counter-dns 1000\n"
                     "if_rx_packets counter-arp 30\n"
                     "if_rx_octets counter-arp 3000\n");
  emit_own(DIRECTION_RX, GROUP_BIT(GROUP_TOTAL), 0);
  assert_lines(TOTAL);
}

/* A bit of which there is no counter tells nothing. */
static void test_own_counters_that_are_not_there(void **state) {
  (void)state;
  emit_own(DIRECTION_RX, GROUP_BIT(GROUP_TOTAL), COUNTERS_ALL - 0x7);
  assert_lines(TOTAL);
}

/* Whatever Report says, behind its groups. */
static void test_own_counters_behind_groups(void **state) {
  (void)state;
  emit_own(DIRECTION_RX, GROUP_BIT(GROUP_TCP), 0x2);
  assert_lines(TOTAL "if_rx_packets tcp-syn 0\n"
                     "if_rx_packets tcp-synack 0\n"
                     "if_rx_packets tcp-fin 0\n"
                     "if_rx_packets tcp-rst 0\n"
                     "if_rx_packets counter-big.reply 0\n"
                     "if_rx_octets counter-big.reply 0\n");
}

static void test_own_counters_of_tx(void **state) {
  (void)state;
  emit_own(DIRECTION_TX, GROUP_BIT(GROUP_TOTAL), 0x6);
  assert_lines("if_tx_packets  7\nif_tx_octets  700\n"
               "if_tx_packets counter-big.reply 0\n"
               "if_tx_octets counter-big.reply 0\n"
               "if_tx_packets counter-arp 30\n"
               "if_tx_octets counter-arp 3000\n");
}

/* A type instance of collectd's has less than 128 octets. */
static void test_the_longest_name(void **state) {
  char name[COUNTER_NAME_MAX + 1], expected[512];
  struct counters longest = {1, {{.name = name}}};

  (void)state;
  memset(name, 'x', COUNTER_NAME_MAX);
  name[COUNTER_NAME_MAX] = lines[0] = '\0';
  groups_lay_out(GROUP_BIT(GROUP_TOTAL), 1, &counts->layout);
  counts->counters = &longest;
  metrics_emit(GROUP_BIT(GROUP_TOTAL), 0x1, DIRECTION_RX, counts, &dscp_seen,
               sink, lines);
  snprintf(expected, sizeof(expected),
           TOTAL "if_rx_packets counter-%s 0\nif_rx_octets counter-%s 0\n",
           name, name);
  assert_lines(expected);
}

/* Behind the groups, and before the verdicts. */
static void test_where_own_counters_are(void **state) {
  struct layout layout, none;

  (void)state;
  for (__u32 groups = 0; groups <= GROUPS_ALL; groups++) {
    size_t cells = groups_lay_out(groups, 0, &none);
    assert_int_equal(none.counters, 0);
    for (unsigned n = 1; n <= COUNTERS_MAX; n += 63) {
      assert_int_equal(groups_lay_out(groups, n, &layout), cells + n);
      assert_int_equal(layout.counters, n);
      assert_int_equal(layout.groups, none.groups);
      assert_memory_equal(layout.first, none.first,
                          GROUP_COUNTER * sizeof(*layout.first));
      assert_int_equal(layout.first[GROUP_COUNTER], cells);
      assert_int_equal(layout.first[GROUP_VERDICT], cells + n);
    }
  }
  assert_int_equal(groups_lay_out(GROUP_BIT(GROUP_TOTAL), 3, &layout), 4);
  assert_int_equal(layout.first[GROUP_COUNTER], 1);
  assert_int_equal(layout.first[GROUP_VERDICT], 4);
}

/* No series is there twice. */
static void test_all_groups(void **state) {
  size_t count = 0;

  (void)state;
  counts->queues = 1;
  counts->cpus[0].online = true;
  emit(GROUPS_ALL);
  for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
    for (const char *other = line + strlen(line) + 1; *other;
         other = strchr(other, '\n') + 1)
      assert_int_not_equal(strncmp(other, line, strlen(line)), 0);
    count++;
  }
  assert_int_equal(count,
                   2 + 2 * 20 + 2 + 2 * 3 + 7 + 2 * 3 + 4 + 2 * 2 + 2 + 2 * 5);
}

#define TX_TOTAL "if_tx_packets  7\nif_tx_octets  700\n"

static void test_tx_total(void **state) {
  (void)state;
  emit_as(DIRECTION_TX, GROUP_BIT(GROUP_TOTAL));
  assert_lines(TX_TOTAL);
}

static void test_tx_errors(void **state) {
  (void)state;
  groups_lay_out(GROUP_BIT(GROUP_PROTOCOL), 0, &counts->layout);
  *cell(GROUP_PROTOCOL, PROTOCOL_TRUNCATED) = (struct cell){2, 30};
  *cell(GROUP_PROTOCOL, PROTOCOL_MALFORMED) = (struct cell){3, 200};
  emit_as(DIRECTION_TX, GROUP_BIT(GROUP_PROTOCOL));
  assert_non_null(strstr(lines, "\nif_tx_packets protocol-invalid 5\n"
                                "if_tx_octets protocol-invalid 230\n"
                                "if_tx_errors truncated 2\n"
                                "if_tx_errors malformed 3\n"));
}

static void test_tx_small_groups(void **state) {
  (void)state;
  emit_as(DIRECTION_TX, GROUP_BIT(GROUP_VLAN) | GROUP_BIT(GROUP_TCP));
  assert_lines(TX_TOTAL "if_tx_packets vlan-untagged 0\n"
                        "if_tx_octets vlan-untagged 0\n"
                        "if_tx_packets vlan-tagged 0\n"
                        "if_tx_octets vlan-tagged 0\n"
                        "if_tx_packets vlan-qinq 0\n"
                        "if_tx_octets vlan-qinq 0\n"
                        "if_tx_packets tcp-syn 0\n"
                        "if_tx_packets tcp-synack 0\n"
                        "if_tx_packets tcp-fin 0\n"
                        "if_tx_packets tcp-rst 0\n");
}

/* A frame that is sent has no receive queue, whatever the cells say. */
static void test_tx_has_no_queues(void **state) {
  (void)state;
  counts->queues = 4;
  groups_lay_out(GROUP_BIT(GROUP_QUEUE), 0, &counts->layout);
  *cell(GROUP_QUEUE, 0) = (struct cell){1, 60};
  *cell(GROUP_QUEUE, QUEUE_OTHER) = (struct cell){2, 120};
  *cell(GROUP_QUEUE, QUEUE_UNRECORDED) = (struct cell){3, 180};
  emit_as(DIRECTION_TX, GROUP_BIT(GROUP_QUEUE));
  assert_lines(TX_TOTAL);
}

/* Makes of what was received the same of what was sent. */
static void turn_around(char *text) {
  while ((text = strstr(text, "if_rx_")))
    text[3] = 't';
}

/* All that is told of one direction is told of the other, but the queues and
 * what is observed. */
static void test_tx_all_groups(void **state) {
  static char expected[sizeof(lines)];
  const __u32 of_both =
      GROUPS_ALL - GROUP_BIT(GROUP_QUEUE) - GROUP_BIT(GROUP_VERDICT);

  (void)state;
  counts->queues = 1;
  counts->cpus[1] = (struct cpu_count){{5, 500}, true};
  for (size_t i = 0; i < CELLS_MAX; i++)
    counts->cells[i] = (struct cell){i + 1, 100 * (i + 1)};
  dscp_seen = 1ULL << 46;
  emit(of_both);
  memcpy(expected, lines, sizeof(lines));
  turn_around(expected);
  assert_non_null(strstr(expected, "if_tx_octets cpu-1 500\n"));

  dscp_seen = 1ULL << 46;
  emit_as(DIRECTION_TX, of_both | GROUP_BIT(GROUP_QUEUE));
  assert_lines(expected);
}

static void emit_state(bool is_attached, unsigned rx_mode, unsigned tx_mode) {
  const unsigned modes[DIRECTION_COUNT] = {rx_mode, tx_mode};

  lines[0] = '\0';
  metrics_emit_state(is_attached, modes, sink, lines);
}

static void test_state(void **state) {
  (void)state;
  emit_state(true, 1, 3);
  assert_lines("gauge attached 1\ngauge rx_mode 1\ngauge tx_mode 3\n");
  emit_state(false, 0, 0);
  assert_lines("gauge attached 0\ngauge rx_mode 0\ngauge tx_mode 0\n");
  emit_state(false, 2, 0);
  assert_lines("gauge attached 0\ngauge rx_mode 2\ngauge tx_mode 0\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_total),
      TEST(test_protocol),
      TEST(test_small_groups),
      TEST(test_dscp_appears_with_a_zero_before),
      TEST(test_first_and_last_dscp),
      TEST(test_queues_that_exist),
      TEST(test_queues_that_counted),
      TEST(test_more_queues_than_members),
      TEST(test_cpus_online_or_used),
      TEST(test_verdicts),
      TEST(test_no_verdicts),
      TEST(test_where_verdicts_are),
      TEST(test_own_counters),
      TEST(test_own_counters_that_are_not_there),
      TEST(test_own_counters_behind_groups),
      TEST(test_own_counters_of_tx),
      TEST(test_the_longest_name),
      TEST(test_where_own_counters_are),
      TEST(test_all_groups),
      TEST(test_tx_total),
      TEST(test_tx_errors),
      TEST(test_tx_small_groups),
      TEST(test_tx_has_no_queues),
      TEST(test_tx_all_groups),
      TEST(test_state),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
