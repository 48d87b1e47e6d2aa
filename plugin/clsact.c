// SPDX-License-Identifier: MIT

#include "plugin/clsact.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/netlink.h"

enum {
  /* Before most that there are or may come, but not where they are likely to
   * want to be, since a priority takes one kind only. */
  PRIORITY_LOW = 7,
  /* With the process: not a handle that somebody would ask for. */
  HANDLE = 0xc0000000,
};

/* The name of a filter tells whose it is, and whether the qdisc was made for
 * it: "collectd-xdp 1234 qdisc". */
#define NAME "collectd-xdp"

struct filter {
  unsigned chain;
  unsigned priority;
  unsigned protocol; /* in network order */
  unsigned handle;
  bool is_bpf;
  unsigned process; /* whose it is, if it is one of ours, else 0 */
  bool made_qdisc;
};

static struct nlmsghdr *begin_request(char *buffer, unsigned short type,
                                      unsigned short flags,
                                      const struct tcmsg *message) {
  struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

  request->nlmsg_type = type;
  request->nlmsg_flags = flags;
  memcpy(mnl_nlmsg_put_extra_header(request, sizeof(*message)), message,
         sizeof(*message));
  return request;
}

/* --- the qdisc -------------------------------------------------------------*/

static struct tcmsg qdisc_message(unsigned ifindex) {
  return (struct tcmsg){.tcm_ifindex = ifindex,
                        .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
                        .tcm_parent = TC_H_CLSACT};
}

static int on_qdisc(const struct nlmsghdr *message, void *context) {
  const struct nlattr *attribute;
  bool *is_ingress = context;

  mnl_attr_for_each(attribute, message, sizeof(struct tcmsg)) {
    if (mnl_attr_get_type(attribute) == TCA_KIND)
      *is_ingress = strcmp(mnl_attr_get_str(attribute), "ingress") == 0;
  }
  return MNL_CB_OK;
}

/* Whether the device has the older qdisc, which knows no egress. */
static bool has_ingress_qdisc(unsigned ifindex) {
  struct tcmsg message = qdisc_message(ifindex);
  char buffer[NETLINK_REQUEST_MAX];
  bool is_ingress = false;

  message.tcm_handle = 0;
  /* Only an echo comes to who asked; it is multicast otherwise. */
  netlink_request(begin_request(buffer, RTM_GETQDISC, NLM_F_ECHO, &message),
                  on_qdisc, &is_ingress);
  return is_ingress;
}

static int add_qdisc(unsigned ifindex) {
  struct tcmsg message = qdisc_message(ifindex);
  char buffer[NETLINK_REQUEST_MAX];
  struct nlmsghdr *request =
      begin_request(buffer, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &message);

  mnl_attr_put_strz(request, TCA_KIND, "clsact");
  return netlink_request(request, NULL, NULL);
}

static void delete_qdisc(unsigned ifindex) {
  struct tcmsg message = qdisc_message(ifindex);
  char buffer[NETLINK_REQUEST_MAX];
  struct nlmsghdr *request = begin_request(buffer, RTM_DELQDISC, 0, &message);

  /* Not an ingress qdisc, by which somebody replaced ours. */
  mnl_attr_put_strz(request, TCA_KIND, "clsact");
  netlink_request(request, NULL, NULL);
}

/* --- filters ---------------------------------------------------------------*/

static struct tcmsg filter_message(unsigned ifindex, bool is_egress) {
  unsigned side = is_egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS;

  return (struct tcmsg){.tcm_ifindex = ifindex,
                        .tcm_parent = TC_H_MAKE(TC_H_CLSACT, side)};
}

static void parse_name(const struct nlattr *options, struct filter *filter) {
  const struct nlattr *attribute;
  char qdisc[8] = "";

  mnl_attr_for_each_nested(attribute, options) {
    if (mnl_attr_get_type(attribute) == TCA_BPF_NAME)
      sscanf(mnl_attr_get_str(attribute), NAME " %u %7s", &filter->process,
             qdisc);
  }
  filter->made_qdisc = strcmp(qdisc, "qdisc") == 0;
}

static struct filter parse_filter(const struct nlmsghdr *message) {
  const struct tcmsg *header = mnl_nlmsg_get_payload(message);
  const struct nlattr *attribute, *options = NULL;
  struct filter filter = {.priority = TC_H_MAJ(header->tcm_info) >> 16,
                          .protocol = TC_H_MIN(header->tcm_info),
                          .handle = header->tcm_handle};

  mnl_attr_for_each(attribute, message, sizeof(*header)) {
    if (mnl_attr_get_type(attribute) == TCA_KIND)
      filter.is_bpf = strcmp(mnl_attr_get_str(attribute), "bpf") == 0;
    else if (mnl_attr_get_type(attribute) == TCA_CHAIN)
      filter.chain = mnl_attr_get_u32(attribute);
    else if (mnl_attr_get_type(attribute) == TCA_OPTIONS)
      options = attribute;
  }
  if (filter.is_bpf && options)
    parse_name(options, &filter);
  return filter;
}

struct filters_visit {
  void (*visit)(void *context, const struct filter *filter);
  void *context;
};

static int on_filter(const struct nlmsghdr *message, void *context) {
  const struct filters_visit *visit = context;
  struct filter filter = parse_filter(message);

  visit->visit(visit->context, &filter);
  return MNL_CB_OK;
}

/* In the order in which frames pass them. Before those of one priority comes
 * what they share, without a handle; filters of some kinds are no more. */
static int visit_filters(unsigned ifindex, bool is_egress,
                         void (*visit)(void *, const struct filter *),
                         void *context) {
  struct tcmsg message = filter_message(ifindex, is_egress);
  struct filters_visit visitor = {visit, context};
  char buffer[NETLINK_REQUEST_MAX];

  return netlink_request(
      begin_request(buffer, RTM_GETTFILTER, NLM_F_DUMP, &message), on_filter,
      &visitor);
}

static int add_filter(const struct clsact *clsact, int program) {
  struct tcmsg message = filter_message(clsact->ifindex, clsact->is_egress);
  char buffer[NETLINK_REQUEST_MAX], name[64];

  message.tcm_handle = HANDLE | (unsigned)getpid();
  message.tcm_info = TC_H_MAKE(clsact->priority << 16, htons(ETH_P_ALL));
  snprintf(name, sizeof(name), NAME " %d%s", (int)getpid(),
           clsact->made_qdisc ? " qdisc" : "");
  struct nlmsghdr *request = begin_request(buffer, RTM_NEWTFILTER,
                                           NLM_F_CREATE | NLM_F_EXCL, &message);
  mnl_attr_put_strz(request, TCA_KIND, "bpf");
  struct nlattr *options = mnl_attr_nest_start(request, TCA_OPTIONS);
  mnl_attr_put_u32(request, TCA_BPF_FD, program);
  mnl_attr_put_strz(request, TCA_BPF_NAME, name);
  mnl_attr_put_u32(request, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  mnl_attr_put_u32(request, TCA_BPF_FLAGS_GEN, TCA_CLS_FLAGS_SKIP_HW);
  mnl_attr_nest_end(request, options);
  return netlink_request(request, NULL, NULL);
}

static void delete_filter(unsigned ifindex, bool is_egress, unsigned priority,
                          unsigned handle) {
  struct tcmsg message = filter_message(ifindex, is_egress);
  char buffer[NETLINK_REQUEST_MAX];

  message.tcm_handle = handle;
  message.tcm_info = TC_H_MAKE(priority << 16, htons(ETH_P_ALL));
  struct nlmsghdr *request = begin_request(buffer, RTM_DELTFILTER, 0, &message);
  mnl_attr_put_strz(request, TCA_KIND, "bpf");
  netlink_request(request, NULL, NULL);
}

static void count_filter(void *context, const struct filter *filter) {
  size_t *count = context;

  (void)filter;
  (*count)++;
}

static void delete_unused_qdisc(unsigned ifindex) {
  size_t count = 0;

  /* What cannot be told is taken for used. */
  if (visit_filters(ifindex, false, count_filter, &count) == 0 &&
      visit_filters(ifindex, true, count_filter, &count) == 0 && count == 0)
    delete_qdisc(ifindex);
}

/* --- attach and detach -----------------------------------------------------*/

struct place {
  unsigned lowest;     /* priority of the others, 0: there are none */
  bool lowest_is_ours; /* takes filters of our kind and protocol */
  unsigned free;       /* the lowest that nobody has */
};

static void find_place(void *context, const struct filter *filter) {
  struct place *place = context;

  if (filter->chain)
    return;
  if (!place->lowest) {
    place->lowest = filter->priority;
    place->lowest_is_ours =
        filter->is_bpf && filter->protocol == htons(ETH_P_ALL);
  }
  if (filter->priority == place->free)
    place->free++;
}

/* Before the others; where they have the first priority, beside them, since the
 * newest of one priority comes first; else behind them. */
static void choose_priority(const struct place *place, struct clsact *clsact) {
  if (!place->lowest || place->lowest > PRIORITY_LOW)
    clsact->priority = PRIORITY_LOW;
  else if (place->lowest > 1)
    clsact->priority = place->lowest - 1;
  else if (place->lowest_is_ours)
    clsact->priority = 1;
  else
    clsact->priority = place->free;
  clsact->is_behind = place->lowest && clsact->priority > place->lowest;
}

static void inherit_qdisc(void *context, const struct filter *filter) {
  struct clsact *clsact = context;

  clsact->made_qdisc |= filter->made_qdisc;
}

int clsact_attach(int program, unsigned ifindex, bool is_egress,
                  struct clsact *ret_clsact) {
  struct clsact clsact = {.ifindex = ifindex, .is_egress = is_egress};
  struct place place = {.free = 1};

  int error = add_qdisc(ifindex);
  if (error && error != -EEXIST)
    return error;
  clsact.made_qdisc = !error;
  if (is_egress && has_ingress_qdisc(ifindex))
    return -EADDRINUSE;

  error = visit_filters(ifindex, false, inherit_qdisc, &clsact);
  if (!error)
    error = visit_filters(ifindex, true, inherit_qdisc, &clsact);
  if (!error)
    error = visit_filters(ifindex, is_egress, find_place, &place);
  if (!error) {
    choose_priority(&place, &clsact);
    error = add_filter(&clsact, program);
  }
  if (error && clsact.made_qdisc)
    delete_unused_qdisc(ifindex);
  if (!error)
    *ret_clsact = clsact;
  return error;
}

void clsact_detach(const struct clsact *clsact) {
  delete_filter(clsact->ifindex, clsact->is_egress, clsact->priority,
                HANDLE | (unsigned)getpid());
  if (clsact->made_qdisc)
    delete_unused_qdisc(clsact->ifindex);
}

/* --- what was left behind --------------------------------------------------*/

static void read_comm(const char *process, char comm[static 32]) {
  char path[64];

  comm[0] = '\0';
  snprintf(path, sizeof(path), "/proc/%s/comm", process);
  FILE *file = fopen(path, "re");
  if (!file)
    return;
  if (!fgets(comm, 32, file))
    comm[0] = '\0';
  fclose(file);
}

/* A number that another program, or this very process, has by now is that of
 * one that died. */
static bool is_dead(unsigned process) {
  char number[16], its[32], ours[32];

  snprintf(number, sizeof(number), "%u", process);
  read_comm(number, its);
  read_comm("self", ours);
  return process == (unsigned)getpid() || strcmp(its, ours) != 0;
}

struct sweep {
  unsigned ifindex;
  bool is_egress;
  bool made_qdisc;
};

static void sweep_filter(void *context, const struct filter *filter) {
  struct sweep *sweep = context;

  if (!filter->process || !is_dead(filter->process))
    return;
  sweep->made_qdisc |= filter->made_qdisc;
  delete_filter(sweep->ifindex, sweep->is_egress, filter->priority,
                filter->handle);
}

static int sweep_device(const struct nlmsghdr *message, void *context) {
  const struct tcmsg *qdisc = mnl_nlmsg_get_payload(message);
  struct sweep sweep = {.ifindex = qdisc->tcm_ifindex};

  (void)context;
  if (qdisc->tcm_parent != TC_H_CLSACT)
    return MNL_CB_OK;
  visit_filters(sweep.ifindex, false, sweep_filter, &sweep);
  sweep.is_egress = true;
  if (!has_ingress_qdisc(sweep.ifindex))
    visit_filters(sweep.ifindex, true, sweep_filter, &sweep);
  if (sweep.made_qdisc)
    delete_unused_qdisc(sweep.ifindex);
  return MNL_CB_OK;
}

void clsact_sweep(void) {
  struct tcmsg all = {0};
  char buffer[NETLINK_REQUEST_MAX];

  netlink_request(begin_request(buffer, RTM_GETQDISC, NLM_F_DUMP, &all),
                  sweep_device, NULL);
}
