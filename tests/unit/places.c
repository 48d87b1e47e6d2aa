// SPDX-License-Identifier: MIT

#include "plugin/places.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const struct device card = {.ifindex = 7, .mtu = 1500, .rx_queues = 1};

/* --- where -----------------------------------------------------------------*/

/* The programs of a place are loaded if it may be tried. */
static unsigned entries(enum mode mode, unsigned directions, enum busy busy) {
  return places_entries(
      &(struct settings){.mode = mode, .directions = directions, .busy = busy});
}

static void test_entries_to_load(void **state) {
  const unsigned rx = DIRECTION_BIT(DIRECTION_RX);
  const unsigned tx = DIRECTION_BIT(DIRECTION_TX);
  const unsigned native =
      ENTRY_BIT(ENTRY_NATIVE) | ENTRY_BIT(ENTRY_NATIVE_FRAGS);
  const unsigned tc_rx = ENTRY_BIT(ENTRY_TC_RX);
  const unsigned generic = ENTRY_BIT(ENTRY_GENERIC);
  const unsigned tc_tx = ENTRY_BIT(ENTRY_TC_TX);

  (void)state;
  assert_int_equal(entries(MODE_AUTO, rx, BUSY_SKIP), native | tc_rx | generic);
  assert_int_equal(entries(MODE_NATIVE, rx, BUSY_SKIP), native);
  assert_int_equal(entries(MODE_NATIVE, rx, BUSY_TC), native | tc_rx);
  assert_int_equal(entries(MODE_NATIVE, rx, BUSY_OBSERVE), native | tc_rx);
  assert_int_equal(entries(MODE_GENERIC, rx, BUSY_SKIP), generic);
  assert_int_equal(entries(MODE_GENERIC, rx, BUSY_TC), generic | tc_rx);
  assert_int_equal(entries(MODE_TC, rx, BUSY_SKIP), tc_rx);
  assert_int_equal(entries(MODE_AUTO, tx, BUSY_OBSERVE), tc_tx);
  assert_int_equal(entries(MODE_NATIVE, rx | tx, BUSY_SKIP), native | tc_tx);
}

/* As they are documented; they stay what they are in everybody's graphs. */
static void test_numbers(void **state) {
  (void)state;
  assert_int_equal(places_number(ENTRY_NATIVE), 1);
  assert_int_equal(places_number(ENTRY_NATIVE_FRAGS), 1);
  assert_int_equal(places_number(ENTRY_GENERIC), 2);
  assert_int_equal(places_number(ENTRY_TC_RX), 3);
  assert_int_equal(places_number(ENTRY_TC_TX), 3);
  assert_int_equal(places_number(ENTRY_OBSERVE), 4);
}

/* --- why not ---------------------------------------------------------------*/

#define LIMIT "raise LimitNOFILE= of collectd's systemd unit"

/* Cause and remedy, the same wherever it is tried. */
static const struct {
  int error;
  const char *cause, *remedy;
} anywhere[] = {
    {ENODEV, "there is no such interface", ""},
    {EALREADY, "it is counted for its bond", ""},
    {EMFILE, "out of file descriptors", LIMIT},
    {ENFILE, "out of file descriptors", LIMIT},
    {EIO, "Input/output error", ""},
};

static const enum entry ours[] = {ENTRY_NATIVE, ENTRY_NATIVE_FRAGS,
                                  ENTRY_GENERIC, ENTRY_TC_RX, ENTRY_TC_TX};

static void assert_described(enum entry entry, int error,
                             const struct device *device, const char *cause,
                             const char *remedy) {
  struct refusal refusal = places_describe(entry, -error, "eth0", device);

  assert_string_equal(refusal.cause, cause);
  assert_string_equal(refusal.remedy, remedy);
}

static void test_what_is_wrong_anywhere(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(anywhere); i++)
    for (enum entry e = 0; e < ENTRY_COUNT; e++) {
      assert_described(e, anywhere[i].error, &card, anywhere[i].cause,
                       anywhere[i].remedy);
      assert_described(e, anywhere[i].error, NULL, anywhere[i].cause,
                       anywhere[i].remedy);
    }
}

static void test_a_capability_is_missing(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(ours); i++)
    assert_described(ours[i], EPERM, &card,
                     "CAP_NET_ADMIN or CAP_BPF is missing",
                     "grant it to collectd");
  assert_described(ENTRY_OBSERVE, EPERM, NULL, "CAP_SYS_ADMIN is missing",
                   "grant it to collectd");
}

static void test_another_program(void **state) {
  static const enum entry entries[] = {ENTRY_NATIVE, ENTRY_NATIVE_FRAGS,
                                       ENTRY_GENERIC};

  (void)state;
  for (size_t i = 0; i < COUNT_OF(entries); i++)
    assert_described(entries[i], EBUSY, &card,
                     "another XDP program is attached", "");
}

/* Nobody's XDP program is in the way of tc. */
static void test_busy_at_tc(void **state) {
  (void)state;
  assert_described(ENTRY_TC_RX, EBUSY, &card, "Device or resource busy", "");
  assert_described(ENTRY_TC_TX, EEXIST, &card, "File exists", "");
}

/* Of a driver it is one of queues. */
static void test_no_memory(void **state) {
  static const enum entry others[] = {ENTRY_GENERIC, ENTRY_TC_RX, ENTRY_TC_TX,
                                      ENTRY_OBSERVE};

  (void)state;
  for (size_t i = 0; i < COUNT_OF(others); i++)
    assert_described(others[i], ENOMEM, &card, "no memory for its counters",
                     "raise the limit of collectd's control group");
  assert_described(ENTRY_NATIVE, ENOMEM, &card,
                   "it has too few queues for XDP on each CPU, or no memory",
                   "");
}

/* What a refusal means depends on the device. */
static void test_a_device_that_could_not_be_asked(void **state) {
  (void)state;
  assert_described(ENTRY_NATIVE, EOPNOTSUPP, NULL, "Operation not supported",
                   "");
  assert_described(ENTRY_NATIVE, EOPNOTSUPP, &card, "its driver has no XDP",
                   "");
}

/* --- beside another program ------------------------------------------------*/

/* As long as that one is there, and not only for the moment. */
static void test_what_is_never_observed(void **state) {
  static const int lasting[] = {EPERM,   EOPNOTSUPP, ENOSYS,
                                ENODATA, EINVAL,     E2BIG};
  static const int passing[] = {ENOENT, ENOMEM, EMFILE, ENFILE, EAGAIN, EINTR};

  (void)state;
  for (size_t i = 0; i < COUNT_OF(lasting); i++)
    assert_true(places_is_refusal(ENTRY_OBSERVE, -lasting[i]));
  for (size_t i = 0; i < COUNT_OF(passing); i++)
    assert_false(places_is_refusal(ENTRY_OBSERVE, -passing[i]));
  assert_false(places_is_refusal(ENTRY_OBSERVE, 0));
}

static void test_it_is_neither_native_nor_at_tc(void **state) {
  (void)state;
  assert_false(places_is_native(ENTRY_OBSERVE));
  assert_false(places_is_tc(ENTRY_OBSERVE));
}

/* It is not known whether it is a member of a bond. */
static void test_not_found_without_a_device(void **state) {
  (void)state;
  assert_described(ENTRY_OBSERVE, ENOENT, NULL,
                   "that program could not be found", "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_entries_to_load),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_what_is_wrong_anywhere),
      cmocka_unit_test(test_a_capability_is_missing),
      cmocka_unit_test(test_another_program),
      cmocka_unit_test(test_busy_at_tc),
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_a_device_that_could_not_be_asked),
      cmocka_unit_test(test_what_is_never_observed),
      cmocka_unit_test(test_it_is_neither_native_nor_at_tc),
      cmocka_unit_test(test_not_found_without_a_device),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
