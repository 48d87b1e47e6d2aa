// SPDX-License-Identifier: MIT

/* What operators are told of the price: what native XDP does to devices, and
 * what is not seen where a job is counted. */
#include <errno.h>
#include <string.h>

#include "tests/unit/attach_fakes.h"

#define IN_THE_DRIVER(name)                                                    \
  "6 interface \"" name "\": rx is counted in the driver (native XDP), by "    \
  "Mode \"auto\"\n"
#define OTHERS(name) "5 interface \"" name "\" and others of its kind: "
#define TC_DOES_NOT "; Mode \"tc\" does not\n"

static void assert_native(const char *name, const char *lines) {
  card_name = name;
  assert_true(tell_rx(MODE_AUTO));
  assert_string_equal(fakes.logged, lines);
}

static void test_side_effects(void **state) {
  (void)state;
  make_device("veth", "veth");
  assert_native(
      "veth0",
      IN_THE_DRIVER("veth0") OTHERS(
          "veth0") "native XDP on a veth turns off the segmentation offload of "
                   "its peer, which slows TCP through it down to about a "
                   "third, "
                   "and keeps the MTU from being raised beyond one "
                   "buffer" TC_DOES_NOT);
  make_device("", "virtio_net");
  assert_native("eth0",
                IN_THE_DRIVER("eth0")
                    OTHERS("eth0") "native XDP on virtio_net turns off the "
                                   "offloads of the host's "
                                   "tap, and keeps the MTU from being raised "
                                   "beyond one buffer" TC_DOES_NOT);
  make_device("", "ixgbe");
  assert_native(
      "eth1",
      IN_THE_DRIVER("eth1") OTHERS(
          "eth1") "native XDP makes some cards reset their rings or drop the "
                  "link for seconds when it is attached and detached, and "
                  "keeps "
                  "the MTU from being raised beyond one buffer" TC_DOES_NOT);
}

/* Each kind once, whatever comes between. */
static void test_side_effects_are_told_once(void **state) {
  static const struct {
    const char *kind, *driver;
    bool is_first;
  } devices[] = {
      {"veth", "veth", true},    {"", "ixgbe", true},  {"veth", "veth", false},
      {"", "virtio_net", true},  {"", "i40e", false},  {"bond", "", false},
      {"", "virtio_net", false}, {"", "ixgbe", false},
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(devices); i++) {
    make_device(devices[i].kind, devices[i].driver);
    assert_true(tell_rx(MODE_NATIVE));
    assert_int_equal(strstr(fakes.logged, "and others of its kind") != NULL,
                     devices[i].is_first);
  }
}

/* The MTU is told of as soon as it is limited, which it is not by frags. */
static void test_side_effect_on_the_mtu(void **state) {
  (void)state;
  make_device("veth", "veth");
  refuse(ENTRY_NATIVE, -ERANGE);
  assert_true(tell_rx(MODE_NATIVE));
  assert_non_null(
      strstr(fakes.logged, "down to about a third; Mode \"tc\" does not\n"));
  refuse(ENTRY_NATIVE, 0);
  assert_true(tell_rx(MODE_NATIVE));
  assert_non_null(strstr(fakes.logged,
                         "down to about a third, and keeps the MTU from "
                         "being raised beyond one buffer; Mode \"tc\" "
                         "does not\n"));
  assert_true(tell_rx(MODE_NATIVE));
  assert_null(strstr(fakes.logged, "others of its kind"));
}

/* A tap has nothing to lose; a bond has what its members have. */
static void test_side_effects_of_other_kinds(void **state) {
  (void)state;
  make_device("tun", "tun");
  assert_native("eth0", IN_THE_DRIVER("eth0"));
  make_device("bridge", "bridge");
  assert_native("eth0", IN_THE_DRIVER("eth0"));
  make_device("bond", "bonding");
  assert_true(tell_rx(MODE_AUTO));
  assert_non_null(strstr(fakes.logged, "native XDP makes some cards reset"));
}

/* Nor does what is not told count as told. */
static void test_no_side_effect_elsewhere(void **state) {
  (void)state;
  make_device("veth", "veth");
  assert_true(tell_rx(MODE_GENERIC));
  assert_null(strstr(fakes.logged, "others of its kind"));
  assert_true(tell_rx(MODE_TC));
  assert_null(strstr(fakes.logged, "others of its kind"));
  assert_true(tell_tx(MODE_NATIVE));
  assert_null(strstr(fakes.logged, "others of its kind"));
  refuse(ENTRY_NATIVE, -EBUSY);
  assert_true(tell_rx(MODE_NATIVE));
  assert_null(strstr(fakes.logged, "others of its kind"));
  refuse(ENTRY_NATIVE, -EPERM);
  assert_false(tell_rx(MODE_NATIVE));
  assert_null(strstr(fakes.logged, "others of its kind"));

  refuse(ENTRY_NATIVE, -EINVAL);
  assert_true(tell_rx(MODE_NATIVE));
  assert_non_null(strstr(fakes.logged, "others of its kind"));
}

#define TAGS(who, commands)                                                    \
  "5 interface \"eth0\": VLAN tags are taken off before XDP and not seen, "    \
  "unless " who " them in the frame (ethtool -K " commands " off); to "        \
  "have them counted use Mode \"tc\"\n"

static void test_stripped_tags(void **state) {
  (void)state;
  keep_quiet();
  device.strips_tags = true;
  settings.groups = GROUP_BIT(GROUP_VLAN);
  assert_native("eth0",
                IN_THE_DRIVER("eth0") TAGS("the card leaves", "eth0 rxvlan"));
  /* On a veth the sender leaves them out. */
  make_device("veth", "veth");
  assert_native("eth0",
                IN_THE_DRIVER("eth0") TAGS("its peer leaves", "PEER txvlan"));
  /* Of a bond, the members do. */
  make_device("bond", "bonding");
  assert_native("eth0", IN_THE_DRIVER("eth0")
                            TAGS("its members leave", "MEMBER rxvlan"));
}

/* On what stands on other devices they went before generic XDP, whatever the
 * device itself does. */
static void test_tags_that_others_took_off(void **state) {
  static const char *const kinds[] = {"bridge",  "bond",    "team",
                                      "macvlan", "macvtap", "ipvlan"};

  (void)state;
  settings.groups = GROUP_BIT(GROUP_VLAN);
  for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
    make_device(kinds[i / 2], "");
    device.strips_tags = i % 2;
    assert_true(tell_rx(MODE_GENERIC));
    assert_non_null(
        strstr(fakes.logged,
               "5 interface \"eth0\": VLAN tags are taken off before XDP and "
               "not seen; to have them counted use Mode \"tc\"\n"));
    assert_true(tell_rx(MODE_TC));
    assert_null(strstr(fakes.logged, "VLAN tags"));
  }
  make_device("dummy", "");
  device.strips_tags = false;
  assert_true(tell_rx(MODE_GENERIC));
  assert_null(strstr(fakes.logged, "VLAN tags"));
}

#define TOLD_OF_TAGS (strstr(fakes.logged, "VLAN tags are taken off") != NULL)

static void test_stripped_tags_that_matter(void **state) {
  (void)state;
  device.strips_tags = true;
  assert_true(tell_rx(MODE_AUTO));
  assert_false(TOLD_OF_TAGS);
  device.has_vlan = true;
  assert_true(tell_rx(MODE_AUTO));
  assert_true(TOLD_OF_TAGS);
  device.has_vlan = false;
  settings.groups |= GROUP_BIT(GROUP_VLAN);
  assert_true(tell_rx(MODE_AUTO));
  assert_true(TOLD_OF_TAGS);
  device.strips_tags = false;
  device.has_vlan = true;
  assert_true(tell_rx(MODE_AUTO));
  assert_false(TOLD_OF_TAGS);
}

/* tc knows a tag that was taken off. */
static void test_stripped_tags_by_place(void **state) {
  (void)state;
  device.strips_tags = device.has_vlan = true;
  assert_true(tell_rx(MODE_GENERIC));
  assert_true(TOLD_OF_TAGS);
  assert_true(tell_rx(MODE_TC));
  assert_false(TOLD_OF_TAGS);
  assert_true(tell_tx(MODE_GENERIC));
  assert_false(TOLD_OF_TAGS);
  refuse(ENTRY_NATIVE, -EINVAL);
  assert_true(tell_rx(MODE_NATIVE));
  assert_true(TOLD_OF_TAGS);
  refuse(ENTRY_NATIVE, -EBUSY);
  assert_true(tell_rx(MODE_NATIVE));
  assert_false(TOLD_OF_TAGS);
  refuse(ENTRY_NATIVE, -EPERM);
  assert_false(tell_rx(MODE_NATIVE));
  assert_false(TOLD_OF_TAGS);
}

/* Containers have thousands of veths, a machine but a few cards. */
static void test_stripped_tags_of_many(void **state) {
  (void)state;
  make_device("veth", "veth");
  device.has_vlan = true;
  assert_true(tell_rx(MODE_AUTO));
  assert_false(TOLD_OF_TAGS);
  device.strips_tags = true;
  assert_true(tell_rx(MODE_TC));
  assert_false(TOLD_OF_TAGS);
  assert_true(tell_rx(MODE_AUTO));
  assert_true(TOLD_OF_TAGS);
  assert_true(tell_rx(MODE_AUTO));
  assert_false(TOLD_OF_TAGS);
  make_device("", "ixgbe");
  assert_true(tell_rx(MODE_AUTO));
  assert_true(TOLD_OF_TAGS);
  assert_true(tell_rx(MODE_AUTO));
  assert_true(TOLD_OF_TAGS);
  make_device("veth", "veth");
  assert_true(tell_rx(MODE_GENERIC));
  assert_false(TOLD_OF_TAGS);
}

static bool is_link_told(void) {
  return strstr(fakes.logged,
                "\n5 interface \"eth0\": its frames begin neither with "
                "Ethernet nor with IP; all are counted as \"other\"\n");
}

static void test_unknown_link(void **state) {
  (void)state;
  assert_true(tell_rx(MODE_AUTO));
  assert_false(is_link_told());
  device.link = LINK_OTHER;
  refuse(ENTRY_TC_RX, -EINVAL);
  assert_false(tell_rx(MODE_TC));
  assert_false(is_link_told());
  assert_true(tell_rx(MODE_AUTO));
  assert_true(is_link_told());
  /* It is the same in the other direction. */
  assert_true(tell_tx(MODE_AUTO));
  assert_false(is_link_told());
  /* Another interface is another matter. */
  device.ifindex = IFINDEX + 1;
  assert_true(tell_rx(MODE_TC));
  assert_true(is_link_told());
}

static void test_unknown_link_of_tx(void **state) {
  (void)state;
  device.link = LINK_OTHER;
  assert_true(tell_tx(MODE_TC));
  assert_true(is_link_told());
}

static void test_link_of_ip(void **state) {
  (void)state;
  device.link = LINK_IP;
  assert_true(tell_rx(MODE_AUTO));
  assert_false(is_link_told());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_side_effects),
      TEST(test_side_effects_are_told_once),
      TEST(test_side_effect_on_the_mtu),
      TEST(test_side_effects_of_other_kinds),
      TEST(test_no_side_effect_elsewhere),
      TEST(test_stripped_tags),
      TEST(test_tags_that_others_took_off),
      TEST(test_stripped_tags_that_matter),
      TEST(test_stripped_tags_by_place),
      TEST(test_stripped_tags_of_many),
      TEST(test_unknown_link),
      TEST(test_unknown_link_of_tx),
      TEST(test_link_of_ip),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
