// SPDX-License-Identifier: MIT

/* The kernel's answers are replaced here: dumps are interrupted by links that
 * come and go, which libmnl tells as EINTR. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "plugin/monitor.h"
#include "plugin/netlink.h"
#include "plugin/rtlink.h"

static int interruptions, error_of_kernel, requests;

static void answer(unsigned ifindex, mnl_cb_t on_answer, void *context) {
  char buffer[256];
  struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
  struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));

  message->nlmsg_type = RTM_NEWLINK;
  link->ifi_index = ifindex;
  mnl_attr_put_strz(message, IFLA_IFNAME, "name");
  assert_int_equal(on_answer(message, context), MNL_CB_OK);
}

/* Breaks off after a link that the next answer does not have any longer. */
int netlink_request(struct nlmsghdr *request, mnl_cb_t on_answer,
                    void *context) {
  assert_int_equal(request->nlmsg_type, RTM_GETLINK);
  assert_true(request->nlmsg_flags & NLM_F_DUMP);
  requests++;
  answer(1, on_answer, context);
  if (interruptions && interruptions--) {
    answer(100 + requests, on_answer, context);
    return -EINTR;
  }
  if (error_of_kernel)
    return error_of_kernel;
  answer(2, on_answer, context);
  return 0;
}

static int set_up(void **state) {
  (void)state;
  interruptions = error_of_kernel = requests = 0;
  return 0;
}

static void test_dump(void **state) {
  struct links links = {0};

  (void)state;
  assert_int_equal(rtlink_dump(&links), 0);
  assert_int_equal(links.entries_count, 2);
  assert_non_null(links_find(&links, 1));
  assert_non_null(links_find(&links, 2));
  links_clear(&links);
  assert_int_equal(requests, 1);
}

/* It begins anew. */
static void test_interrupted(void **state) {
  struct links links = {0};

  (void)state;
  interruptions = 3;
  assert_int_equal(rtlink_dump(&links), 0);
  assert_int_equal(links.entries_count, 2);
  assert_non_null(links_find(&links, 2));
  links_clear(&links);
  assert_int_equal(requests, 4);
}

static void test_error(void **state) {
  struct links links = {0};

  (void)state;
  error_of_kernel = -EPERM;
  assert_int_equal(rtlink_dump(&links), -EPERM);
  assert_int_equal(links.entries_count, 0);
}

/* What the last answer had is there. */
static void test_interrupted_for_ever(void **state) {
  struct links links = {0};

  (void)state;
  interruptions = 1000;
  assert_int_equal(rtlink_dump(&links), -EINTR);
  assert_in_range(requests, 3, 100);
  assert_int_equal(links.entries_count, 2);
  assert_non_null(links_find(&links, 1));
  assert_non_null(links_find(&links, 100 + requests));
  links_clear(&links);
}

struct visits {
  int came, went;
};

static void count(void *context, const struct link_state *before,
                  const struct link_state *after) {
  struct visits *visits = context;

  assert_true(!before != !after);
  visits->came += !before;
  visits->went += !after;
}

static void expect_visits(struct monitor *monitor, int status, int came,
                          int went) {
  struct visits visits = {0};

  assert_int_equal(monitor_read(monitor, count, &visits), status);
  assert_int_equal(visits.came, came);
  assert_int_equal(visits.went, went);
}

/* The plugin starts all the same, with what is known to be there: what else
 * there is, and what has gone, it knows once they rest. */
static void test_open_while_interrupted(void **state) {
  struct monitor *monitor = NULL;

  (void)state;
  interruptions = 1000;
  assert_int_equal(monitor_open(&monitor), 0);
  assert_false(monitor_is_complete(monitor));
  assert_non_null(monitor_find(monitor, 1));
  assert_non_null(monitor_find(monitor, 100 + requests));
  expect_visits(monitor, 0, 1, 0);
  assert_false(monitor_is_complete(monitor));
  assert_null(monitor_find(monitor, 2));
  interruptions = 1;
  expect_visits(monitor, 1, 1, 2);
  assert_true(monitor_is_complete(monitor));
  assert_non_null(monitor_find(monitor, 1));
  assert_non_null(monitor_find(monitor, 2));
  expect_visits(monitor, 0, 0, 0);
  assert_null(monitor_close(monitor));
}

static void test_open_without_permission(void **state) {
  struct monitor *monitor = NULL;

  (void)state;
  error_of_kernel = -EPERM;
  assert_int_equal(monitor_open(&monitor), -EPERM);
  assert_null(monitor);
}

/* What is known stays while the kernel does not answer, and is compared once it
 * does, though no message says so. */
static void test_error_of_resync(void **state) {
  struct monitor *monitor = NULL;
  struct visits visits = {0};

  (void)state;
  assert_int_equal(monitor_open(&monitor), 0);
  error_of_kernel = -ENOBUFS;
  assert_int_equal(monitor_resync(monitor, count, &visits), -ENOBUFS);
  assert_false(monitor_is_complete(monitor));
  assert_non_null(monitor_find(monitor, 2));
  expect_visits(monitor, -ENOBUFS, 0, 0);
  assert_false(monitor_is_complete(monitor));
  error_of_kernel = 0;
  expect_visits(monitor, 1, 0, 0);
  assert_true(monitor_is_complete(monitor));
  expect_visits(monitor, 0, 0, 0);
  monitor_close(monitor);
}

/* --- XDP programs ----------------------------------------------------------*/

/* An attribute of IFLA_XDP; those of type 0 end a list. */
struct xdp_attribute {
  unsigned short type;
  __u32 value;
};

/* As the kernel tells it, which has the mode as one octet. */
static struct xdp_state parse_xdp(__u8 attached,
                                  const struct xdp_attribute *attributes) {
  char buffer[256];
  struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
  struct link_state state;

  message->nlmsg_type = RTM_NEWLINK;
  mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
  struct nlattr *xdp = mnl_attr_nest_start(message, IFLA_XDP);
  for (; attributes->type && attributes->type != IFLA_XDP_PROG_ID; attributes++)
    mnl_attr_put_u32(message, attributes->type, attributes->value);
  mnl_attr_put_u8(message, IFLA_XDP_ATTACHED, attached);
  for (; attributes->type; attributes++)
    mnl_attr_put_u32(message, attributes->type, attributes->value);
  mnl_attr_nest_end(message, xdp);
  assert_true(rtlink_parse(message, &state));
  return state.xdp;
}

static void assert_xdp(struct xdp_state xdp, __u32 program, bool is_generic) {
  assert_int_equal(xdp.program, program);
  assert_int_equal(xdp.is_generic, is_generic);
}

static void test_no_program(void **state) {
  static const struct xdp_attribute none[] = {{0, 0}};

  (void)state;
  assert_xdp(parse_xdp(XDP_ATTACHED_NONE, none), 0, false);
}

static void test_one_program(void **state) {
  static const struct xdp_attribute driver[] = {
      {IFLA_XDP_DRV_PROG_ID, 7}, {IFLA_XDP_PROG_ID, 7}, {0, 0}};
  static const struct xdp_attribute skb[] = {
      {IFLA_XDP_SKB_PROG_ID, 8}, {IFLA_XDP_PROG_ID, 8}, {0, 0}};
  static const struct xdp_attribute card[] = {
      {IFLA_XDP_HW_PROG_ID, 9}, {IFLA_XDP_PROG_ID, 9}, {0, 0}};

  (void)state;
  assert_xdp(parse_xdp(XDP_ATTACHED_DRV, driver), 7, false);
  assert_xdp(parse_xdp(XDP_ATTACHED_SKB, skb), 8, true);
  assert_xdp(parse_xdp(XDP_ATTACHED_HW, card), 0, false);
}

/* One in the card is nobody's business. */
static void test_two_programs(void **state) {
  static const struct xdp_attribute driver[] = {
      {IFLA_XDP_DRV_PROG_ID, 7}, {IFLA_XDP_HW_PROG_ID, 9}, {0, 0}};
  static const struct xdp_attribute skb[] = {
      {IFLA_XDP_SKB_PROG_ID, 8}, {IFLA_XDP_HW_PROG_ID, 9}, {0, 0}};

  (void)state;
  assert_xdp(parse_xdp(XDP_ATTACHED_MULTI, driver), 7, false);
  assert_xdp(parse_xdp(XDP_ATTACHED_MULTI, skb), 8, true);
}

/* One that goes over to the other mode, of the same id, is news. */
static void test_equal_links(void **state) {
  const struct link_state driver = {.xdp = {7, false}},
                          skb = {.xdp = {7, true}};
  const struct link_state other = {.xdp = {8, false}};

  (void)state;
  assert_true(link_state_equals(&driver, &driver));
  assert_false(link_state_equals(&driver, &skb));
  assert_false(link_state_equals(&driver, &other));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_dump),
      TEST(test_interrupted),
      TEST(test_error),
      TEST(test_interrupted_for_ever),
      TEST(test_open_while_interrupted),
      TEST(test_open_without_permission),
      TEST(test_error_of_resync),
      TEST(test_no_program),
      TEST(test_one_program),
      TEST(test_two_programs),
      TEST(test_equal_links),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
