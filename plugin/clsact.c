// SPDX-License-Identifier: MIT

#include "plugin/clsact.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/netlink.h"
#include "plugin/owner.h"

enum {
  /* Before most that there are or may come, but not where they are likely to
   * want to be, since a priority takes one kind only. */
  PRIORITY_LOW = 7,
  /* With random bits: not a handle that somebody would ask for. */
  HANDLE = 0xc0000000,
};

/* The name of a filter tells whose it is, and whether the qdisc was made for
 * it: "collectd-xdp 0123456789abcdef qdisc". */
#define NAME "collectd-xdp"

struct filter {
  unsigned chain;
  unsigned priority;
  unsigned protocol; /* in network order */
  unsigned handle;
  bool is_bpf;
  uint64_t owner; /* its token, if it is one of ours and has one, else 0 */
  bool made_qdisc;
};

union request {
  struct nlmsghdr header; /* for its alignment */
  char buffer[NETLINK_REQUEST_MAX];
};

static struct nlmsghdr *begin_request(union request *request,
                                      unsigned short type, unsigned short flags,
                                      const struct tcmsg *message) {
  struct nlmsghdr *header = mnl_nlmsg_put_header(request->buffer);

  header->nlmsg_type = type;
  header->nlmsg_flags = flags;
  memcpy(mnl_nlmsg_put_extra_header(header, sizeof(*message)), message,
         sizeof(*message));
  return header;
}

/* on_answer() may be told a thing twice, and things that are gone by now: its
 * context is not begun anew, since it may have acted on them. */
static int dump(unsigned short type, const struct tcmsg *message,
                mnl_cb_t on_answer, void *context) {
  union request request;
  int error = -EINTR;

  for (unsigned i = 0; i < NETLINK_DUMPS_MAX && error == -EINTR; i++)
    error = netlink_request(begin_request(&request, type, NLM_F_DUMP, message),
                            on_answer, context);
  return error;
}

/* --- names ---------------------------------------------------------------*/

static void format_name(char *name, size_t size, bool made_qdisc) {
  snprintf(name, size, NAME " %016" PRIx64 "%s", owner_token(),
           made_qdisc ? " qdisc" : "");
}

/* No other name is ours, even if it begins like it. */
static void parse_name(const char *name, struct filter *filter) {
  static const char ours[] = NAME " ";
  const char *token = name + sizeof(ours) - 1;

  if (strncmp(name, ours, sizeof(ours) - 1) != 0 ||
      strspn(token, "0123456789abcdef") != 16)
    return;
  filter->made_qdisc = strcmp(token + 16, " qdisc") == 0;
  if (filter->made_qdisc || !token[16])
    filter->owner = strtoull(token, NULL, 16);
}

/* --- the qdisc -------------------------------------------------------------*/

static struct tcmsg qdisc_message(unsigned ifindex) {
  return (struct tcmsg){.tcm_ifindex = ifindex,
                        .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
                        .tcm_parent = TC_H_CLSACT};
}

static struct tcmsg side_message(unsigned ifindex, bool is_egress) {
  unsigned side = is_egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS;

  return (struct tcmsg){.tcm_ifindex = ifindex,
                        .tcm_parent = TC_H_MAKE(TC_H_CLSACT, side)};
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
  union request request;
  bool is_ingress = false;

  message.tcm_handle = 0;
  /* Only an echo comes to who asked; it is multicast otherwise. */
  netlink_request(begin_request(&request, RTM_GETQDISC, NLM_F_ECHO, &message),
                  on_qdisc, &is_ingress);
  return is_ingress;
}

/* -EOPNOTSUPP is of a kernel that has no qdiscs at all; of filters it is told
 * where they are shared. */
static int add_qdisc(unsigned ifindex) {
  struct tcmsg message = qdisc_message(ifindex);
  union request request;
  struct nlmsghdr *header = begin_request(&request, RTM_NEWQDISC,
                                          NLM_F_CREATE | NLM_F_EXCL, &message);

  mnl_attr_put_strz(header, TCA_KIND, "clsact");
  int error = netlink_request(header, NULL, NULL);
  return error == -EOPNOTSUPP ? -ENOSYS : error;
}

static int on_chain(const struct nlmsghdr *message, void *context) {
  bool *is_used = context;

  (void)message;
  *is_used = true;
  return MNL_CB_OK;
}

/* A filter has a chain; a chain may be there for filters to come. What cannot
 * be told is taken for used. */
static bool is_used(unsigned ifindex, bool is_egress) {
  struct tcmsg message = side_message(ifindex, is_egress);
  bool has_chain = false;

  return dump(RTM_GETCHAIN, &message, on_chain, &has_chain) != 0 || has_chain;
}

static void delete_unused_qdisc(unsigned ifindex) {
  struct tcmsg message = qdisc_message(ifindex);
  union request request;

  if (is_used(ifindex, false) || is_used(ifindex, true))
    return;
  struct nlmsghdr *header = begin_request(&request, RTM_DELQDISC, 0, &message);
  /* Not an ingress qdisc, by which somebody replaced ours. */
  mnl_attr_put_strz(header, TCA_KIND, "clsact");
  netlink_request(header, NULL, NULL);
}

/* --- filters ---------------------------------------------------------------*/

static void parse_options(const struct nlattr *options, struct filter *filter) {
  const struct nlattr *attribute;

  mnl_attr_for_each_nested(attribute, options) {
    if (mnl_attr_get_type(attribute) == TCA_BPF_NAME)
      parse_name(mnl_attr_get_str(attribute), filter);
  }
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
    parse_options(options, &filter);
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

/* In the order in which frames pass them; a visitor may see one twice. Before
 * those of one priority comes what they share, without a handle; filters of
 * some kinds are no more. */
static int visit_filters(unsigned ifindex, bool is_egress,
                         void (*visit)(void *, const struct filter *),
                         void *context) {
  struct tcmsg message = side_message(ifindex, is_egress);
  struct filters_visit visitor = {visit, context};

  return dump(RTM_GETTFILTER, &message, on_filter, &visitor);
}

static int add_filter(const struct clsact *clsact, int program) {
  struct tcmsg message = side_message(clsact->ifindex, clsact->is_egress);
  union request request;
  char name[64];

  message.tcm_handle = clsact->handle;
  message.tcm_info = TC_H_MAKE(clsact->priority << 16, htons(ETH_P_ALL));
  format_name(name, sizeof(name), clsact->made_qdisc);
  struct nlmsghdr *header = begin_request(&request, RTM_NEWTFILTER,
                                          NLM_F_CREATE | NLM_F_EXCL, &message);
  mnl_attr_put_strz(header, TCA_KIND, "bpf");
  struct nlattr *options = mnl_attr_nest_start(header, TCA_OPTIONS);
  mnl_attr_put_u32(header, TCA_BPF_FD, program);
  mnl_attr_put_strz(header, TCA_BPF_NAME, name);
  mnl_attr_put_u32(header, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  mnl_attr_put_u32(header, TCA_BPF_FLAGS_GEN, TCA_CLS_FLAGS_SKIP_HW);
  mnl_attr_nest_end(header, options);
  return netlink_request(header, NULL, NULL);
}

/* The handle is random: that of nobody else, even if the device or its qdisc
 * was replaced by another. */
static int delete_filter(unsigned ifindex, bool is_egress, unsigned priority,
                         unsigned handle) {
  struct tcmsg message = side_message(ifindex, is_egress);
  union request request;

  message.tcm_handle = handle;
  message.tcm_info = TC_H_MAKE(priority << 16, htons(ETH_P_ALL));
  struct nlmsghdr *header =
      begin_request(&request, RTM_DELTFILTER, 0, &message);
  mnl_attr_put_strz(header, TCA_KIND, "bpf");
  return netlink_request(header, NULL, NULL);
}

/* --- attach and detach -----------------------------------------------------*/

struct place {
  unsigned lowest;        /* priority of the others, 0: there are none */
  bool lowest_takes_ours; /* takes filters of our kind and protocol */
  unsigned free;          /* the lowest that nobody has */
};

static void find_place(void *context, const struct filter *filter) {
  struct place *place = context;

  if (filter->chain)
    return;
  if (!place->lowest || filter->priority < place->lowest) {
    place->lowest = filter->priority;
    place->lowest_takes_ours =
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
  else if (place->lowest_takes_ours)
    clsact->priority = 1;
  else
    clsact->priority = place->free;
  clsact->is_behind = place->lowest && clsact->priority > place->lowest;
}

static void inherit_qdisc(void *context, const struct filter *filter) {
  struct clsact *clsact = context;

  clsact->made_qdisc |= filter->made_qdisc;
}

static int add_filter_of_self(int program, struct clsact *clsact) {
  int error = owner_hold();

  if (error)
    return error;
  clsact->handle = HANDLE | owner_bits();
  error = add_filter(clsact, program);
  if (error)
    owner_release();
  return error;
}

static int add_to_qdisc(int program, struct clsact *clsact) {
  struct place place = {.free = 1};

  int error = visit_filters(clsact->ifindex, false, inherit_qdisc, clsact);
  if (!error)
    error = visit_filters(clsact->ifindex, true, inherit_qdisc, clsact);
  if (!error)
    error =
        visit_filters(clsact->ifindex, clsact->is_egress, find_place, &place);
  if (error)
    return error;
  choose_priority(&place, clsact);
  return add_filter_of_self(program, clsact);
}

int clsact_attach(int program, unsigned ifindex, bool is_egress,
                  struct clsact *ret_clsact) {
  struct clsact clsact = {.ifindex = ifindex, .is_egress = is_egress};

  int error = add_qdisc(ifindex);
  if (error && error != -EEXIST)
    return error;
  bool is_new = clsact.made_qdisc = !error;
  if (is_egress && has_ingress_qdisc(ifindex))
    return -EADDRINUSE;

  error = add_to_qdisc(program, &clsact);
  if (error && is_new)
    delete_unused_qdisc(ifindex);
  if (!error)
    *ret_clsact = clsact;
  return error;
}

/* Where the filter is gone the qdisc may be another by now. */
void clsact_detach(const struct clsact *clsact) {
  int error = delete_filter(clsact->ifindex, clsact->is_egress,
                            clsact->priority, clsact->handle);

  if (!error && clsact->made_qdisc)
    delete_unused_qdisc(clsact->ifindex);
  owner_release();
}

struct search {
  unsigned handle;
  bool is_found;
};

static void search_filter(void *context, const struct filter *filter) {
  struct search *search = context;

  search->is_found |= filter->is_bpf && filter->handle == search->handle;
}

bool clsact_is_attached(const struct clsact *clsact) {
  struct search search = {.handle = clsact->handle};
  int error =
      visit_filters(clsact->ifindex, clsact->is_egress, search_filter, &search);

  return search.is_found || (error && error != -EINVAL && error != -ENOENT);
}

/* --- what was left behind --------------------------------------------------*/

struct sweep {
  unsigned ifindex;
  bool is_egress;
  bool made_qdisc; /* for what was removed */
};

static void sweep_filter(void *context, const struct filter *filter) {
  struct sweep *sweep = context;

  if (!filter->owner || !owner_is_dead(filter->owner))
    return;
  if (delete_filter(sweep->ifindex, sweep->is_egress, filter->priority,
                    filter->handle) == 0)
    sweep->made_qdisc |= filter->made_qdisc;
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

  dump(RTM_GETQDISC, &all, sweep_device, NULL);
}
