// SPDX-License-Identifier: MIT OR GPL-2.0-only

/* The pair of programs that watches somebody else's XDP program, which goes on
 * as it would without us. At the entry of it, what the frame is; at its exit
 * the frame is counted, as it came in, with the verdict: so that one which was
 * under way when we came or went is counted as a whole or not at all. */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>

#include "bpf/count.bpf.h"
#include "bpf/elements.bpf.h"
#include "bpf/match.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile struct observe_options options = {};

struct interfaces observe_interfaces SEC(".maps");
struct interfaces_beyond observe_beyond SEC(".maps");

/* What is read of the kernel's own types (net/xdp.h, linux/netdevice.h), where
 * this kernel has it. */
#define OF_KERNEL __attribute__((preserve_access_index))

struct ns_common {
  unsigned int inum;
} OF_KERNEL;

struct net {
  struct ns_common ns;
} OF_KERNEL;

typedef struct {
  struct net *net;
} OF_KERNEL possible_net_t;

struct net_device {
  int ifindex;
  possible_net_t nd_net;
} OF_KERNEL;

struct xdp_rxq_info {
  struct net_device *dev;
  __u32 queue_index;
} OF_KERNEL;

struct xdp_buff {
  void *data;
  void *data_end;
  struct xdp_rxq_info *rxq;
  __u32 flags; /* since Linux 5.18 */
} OF_KERNEL;

enum { XDP_FLAGS_HAS_FRAGS = 1 << 0 };

/* Another namespace may have a device of the same ifindex, whose frames do not
 * enter, and so do not leave. */
static __always_inline bool is_ours(const struct net_device *device) {
  return !bpf_core_field_exists(device->nd_net.net) ||
         device->nd_net.net->ns.inum == options.netns;
}

/* NULL: the frame is of an interface that is not observed. */
static __always_inline struct element *
element_of_device(const struct net_device *device) {
  return element_of(&observe_interfaces, &observe_beyond, device->ifindex);
}

/* The first buffer of a frame. Each field is read once: the kernel checks the
 * address of each. */
struct buffer {
  const struct xdp_buff *xdp;
  const void *data;
  __u64 octets;
};

static __always_inline struct buffer buffer_of(const struct xdp_buff *xdp) {
  const void *data = xdp->data;

  return (struct buffer){xdp, data, xdp->data_end - data};
}

static __always_inline __u64 octets_of(const struct buffer *buffer) {
  const struct xdp_buff *xdp = buffer->xdp;

  if (bpf_core_field_exists(xdp->flags) &&
      unlikely(xdp->flags & XDP_FLAGS_HAS_FRAGS))
    return bpf_xdp_get_buff_len((struct xdp_md *)xdp);
  return buffer->octets;
}

/* --- entry -----------------------------------------------------------------*/

/* The head is at hand, for what stands at a fixed place; all else, up to the
 * end of the first buffer, is copied when it is asked for. Two ways to each
 * header would be five times the work for the verifier, and a program that is
 * exchanged goes unseen for as long. */
static __always_inline const void *
frame_at(const struct frame *frame, __u64 offset, void *buffer, __u64 size) {
  const struct buffer *first = frame->context;

  if (__builtin_constant_p(offset) && offset <= HEAD_OCTETS - size) {
    const void *at = frame->data + offset;
    return likely(at + size <= frame->data_end) ? at : NULL;
  }
  if (offset + size > first->octets)
    return NULL;
  return bpf_probe_read_kernel(buffer, size, first->data + offset) == 0 ? buffer
                                                                        : NULL;
}

static __always_inline void *head_of(const struct element *element) {
  return (void *)element + options.head;
}

/* Returns how many octets of the frame the head has. Reads beyond the end of a
 * shorter frame, where the kernel has room for more, and nobody looks. */
static __always_inline __u64 copy_head(const struct element *element,
                                       const struct buffer *buffer,
                                       __u32 size) {
  if (bpf_probe_read_kernel(head_of(element), size, buffer->data) != 0)
    return 0;
  return buffer->octets < size ? buffer->octets : size;
}

static __always_inline struct frame frame_of(const struct element *element,
                                             struct buffer *buffer,
                                             __u64 octets, __u64 readable) {
  void *head = head_of(element);

  return (struct frame){
      .data = head,
      .data_end = head + (readable < HEAD_OCTETS ? readable : HEAD_OCTETS),
      .context = buffer,
      .octets = octets,
      .link = element->link};
}

/* What the verifier has learned of the octets so far is forgotten, see `zero`.
 */
static __always_inline enum protocol
parse_the_long_way(const struct frame *frame, struct packet *packet) {
  struct buffer buffer = *(const struct buffer *)frame->context;
  struct frame any = *frame;

  buffer.octets += zero;
  any.octets += zero;
  any.context = &buffer;
  return packet_parse_link(&any, packet) ? packet_parse_network(&any, packet)
                                         : PROTOCOL_TRUNCATED;
}

/* In memory, which the verifier does not follow, lest it go through all
 * combinations of all parts. */
static __always_inline void
enter_packet(struct entered *entered, const struct frame *frame, __u32 groups) {
  struct packet packet = {0};

  packet.protocol = likely(packet_is_plain_tcp(frame, &packet))
                        ? PROTOCOL_IPV4_TCP
                        : parse_the_long_way(frame, &packet);
  entered->protocol = packet.protocol;
  if (groups & GROUP_BIT(GROUP_VLAN))
    entered->vlan = packet.vlan;
  if (groups & GROUP_BIT(GROUP_DSCP))
    entered->dscp = packet.dscp;
  if (groups & GROUP_BIT(GROUP_TCP))
    entered->tcp_flags = packet.tcp_flags;
}

static __always_inline void enter(struct element *element,
                                  const struct xdp_buff *xdp, __u32 groups) {
  struct entered *entered = &element->entered;
  struct buffer buffer = buffer_of(xdp);
  __u64 octets = octets_of(&buffer);

  bool has_filters = options.layout.counters && element->wanted;
  bool is_parsed = groups & (GROUP_BIT(GROUP_CAST) | GROUP_BIT(GROUP_VLAN) |
                             GROUPS_OF_NETWORK);

  entered->is_inside = true;
  entered->octets = octets;
  entered->matches = 0;
  if (groups & GROUP_BIT(GROUP_QUEUE))
    entered->queue = queue_of(xdp->rxq->queue_index);
  if (!has_filters && !is_parsed)
    return;
  __u64 readable = copy_head(
      element, &buffer, has_filters ? HEAD_OCTETS_OF_FILTERS : HEAD_OCTETS);
  if (has_filters)
    entered->matches = match(head_of(element), octets, element->wanted,
                             opaque(element->link), opaque(readable));
  if (!is_parsed)
    return;
  struct frame frame = frame_of(element, &buffer, octets, readable);
  if (groups & GROUP_BIT(GROUP_CAST))
    entered->cast = packet_cast(&frame);
  if (groups & (GROUP_BIT(GROUP_VLAN) | GROUPS_OF_NETWORK))
    enter_packet(entered, &frame, groups);
}

/* As in count_frame() the commonest selections have a copy each. */
SEC("collectd/enter")
int collectd_enter(const __u64 *arguments) {
  const struct xdp_buff *xdp = (const struct xdp_buff *)arguments[0];
  const struct net_device *device = xdp->rxq->dev;
  struct element *element = element_of_device(device);
  __u32 groups = options.layout.groups;

  if (!element || unlikely(!is_ours(device)))
    return 0;
  if (groups == GROUP_BIT(GROUP_PROTOCOL))
    enter(element, xdp, GROUP_BIT(GROUP_PROTOCOL));
  else if (groups == GROUP_BIT(GROUP_TOTAL))
    enter(element, xdp, GROUP_BIT(GROUP_TOTAL));
  else
    enter(element, xdp, groups);
  return 0;
}

/* --- exit ------------------------------------------------------------------*/

static __always_inline enum verdict verdict_of(int result) {
  switch (result) {
  case XDP_PASS:
    return VERDICT_PASS;
  case XDP_DROP:
    return VERDICT_DROP;
  case XDP_TX:
    return VERDICT_TX;
  case XDP_REDIRECT:
    return VERDICT_REDIRECT;
  default:
    return VERDICT_ABORTED;
  }
}

/* `member` comes from memory: for the verifier it may be any. */
static __always_inline void tally_entered(const struct tally *tally,
                                          enum group group, __u32 member,
                                          __u32 count) {
  if (tally->groups & GROUP_BIT(group) && member < count)
    tally_add(tally, group, member);
}

static __always_inline void leave(struct element *element, int result,
                                  __u32 groups) {
  const struct entered *entered = &element->entered;
  const struct tally tally = {
      .cells = element->cells,
      .layout = &options.layout,
      .groups = groups,
      .wire = {.packets = 1, .octets = entered->octets}};

  tally_entered(&tally, GROUP_TOTAL, 0, 1);
  tally_entered(&tally, GROUP_QUEUE, entered->queue, QUEUE_COUNT);
  if (groups & GROUP_BIT(GROUP_SIZE))
    tally_size(&tally);
  tally_entered(&tally, GROUP_CAST, entered->cast, CAST_COUNT);
  tally_entered(&tally, GROUP_VLAN, entered->vlan, VLAN_COUNT);
  if (groups & GROUPS_OF_NETWORK && entered->protocol < PROTOCOL_COUNT) {
    const struct packet packet = {.dscp = entered->dscp & (DSCP_COUNT - 1),
                                  .tcp_flags = entered->tcp_flags};
    tally_network(&tally, &packet, entered->protocol);
  }
  tally_matches(&tally, entered->matches);
  tally_add(&tally, GROUP_VERDICT, verdict_of(result));
}

SEC("collectd/leave")
int collectd_leave(const __u64 *arguments) {
  const struct xdp_buff *xdp = (const struct xdp_buff *)arguments[0];
  struct element *element = element_of_device(xdp->rxq->dev);
  __u32 groups = options.layout.groups;
  int result = arguments[1];

  if (!element || !element->entered.is_inside)
    return 0;
  element->entered.is_inside = false;
  if (groups == GROUP_BIT(GROUP_PROTOCOL))
    leave(element, result, GROUP_BIT(GROUP_PROTOCOL));
  else if (groups == GROUP_BIT(GROUP_TOTAL))
    leave(element, result, GROUP_BIT(GROUP_TOTAL));
  else
    leave(element, result, groups);
  return 0;
}
