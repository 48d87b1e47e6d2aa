/* SPDX-License-Identifier: MIT OR GPL-2.0-only */

/* Frame -> struct packet: what this frame is. Pure: compiles for BPF and for
 * the host, and sees octets through frame_at() only. The checks are
 * made in the order written; the first that hits decides. */
#ifndef BPF_PACKET_BPF_H
#define BPF_PACKET_BPF_H

#include <stdbool.h>

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/counters.h"

/* What most frames are decides which way the code runs straight on. */
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Who has the octets of a frame that cannot be read directly. */
enum rest { REST_NONE, REST_XDP, REST_SKB };

struct frame {
  const void *data; /* what can be read directly */
  const void *data_end;
  enum rest rest;
  void *context; /* of `rest` */
  __u64 octets;  /* in memory: without a tag that was taken off */
  enum link link;
  bool is_tagged; /* the outermost tag was taken off */
  bool is_super;  /* several frames of the wire in one, merged (GRO) or not yet
                     segmented (GSO) */
};

/* Where `size` octets from `offset` on can be read: in the frame, or in
 * `buffer`, to which they are copied where they cannot be read directly; NULL
 * where the frame ends before. Whoever includes this file defines it. */
static __always_inline const void *
frame_at(const struct frame *frame, __u64 offset, void *buffer, __u64 size);

struct packet {
  enum vlan vlan;
  enum protocol protocol;
  __u8 dscp;      /* of IP only */
  __u8 tcp_flags; /* of TCP only */
  __be16 type;    /* Ethernet type behind the tags */
  __u64 offset;   /* of what is behind the headers that were parsed */
  __u64 local;    /* octets among them that never go over the wire */
};

/* The headers as far as they are read. Aligned to two octets, as they stand in
 * a frame, whence no 32 bit member. */

struct ethernet_header { /* IEEE 802.3, 3.1.1 */
  __be16 destination[3];
  __be16 source[3];
  __be16 type;
};

struct tag_header { /* IEEE 802.1Q, 9.3; without its own type */
  __be16 control;
  __be16 type;
};

struct ipv4_header { /* RFC 791, 3.1 */
  __u8 version_ihl;
  __u8 tos;
  __be16 total_length;
  __be16 identification;
  __be16 fragment;
  __u8 ttl;
  __u8 protocol;
  __be16 checksum;
  __be16 addresses[4];
};

struct ipv6_header { /* RFC 8200, 3 */
  __be16 version_class;
  __be16 flow_label;
  __be16 payload_length;
  __u8 next;
  __u8 hop_limit;
  __be16 addresses[16];
};

struct extension_header { /* RFC 8200, 4.3 to 4.6; RFC 4302, 2 */
  __u8 next;
  __u8 length;
  __be16 fragment;
  __be16 rest[2];
};

struct tcp_header { /* RFC 9293, 3.1 */
  __be16 ports[2];
  __be16 numbers[4];
  __u8 data_offset;
  __u8 flags;
  __be16 window;
  __be16 checksum;
  __be16 urgent;
};

enum {
  GROUPS_OF_NETWORK =
      GROUP_BIT(GROUP_PROTOCOL) | GROUP_BIT(GROUP_TCP) | GROUP_BIT(GROUP_DSCP),
  TAGS_MAX = 2,
  EXTENSIONS_MAX = 8,
  /* No less than there can be: 14 and two tags of 4; and behind these 40 of
   * IPv6 and eight extensions of 2048. */
  LINK_OCTETS_MASK = 0x1f,
  HEADERS_MASK = 0x7fff,
  IPV4_FRAGMENT_OFFSET = 0x1fff,
  IPV6_FRAGMENT_OFFSET = 0xfff8,
  TCP_FLAG_FIN_BIT = 0x01,
  TCP_FLAG_SYN_BIT = 0x02,
  TCP_FLAG_RST_BIT = 0x04,
  TCP_FLAG_ACK_BIT = 0x10,
  /* Octets of the longest frame whose IPv4 total length can tell its own. */
  IPV4_FRAME_MAX = 65535 + ETH_HLEN,
};

/* Always 0, which the verifier does not know: a value that was added to it is
 * any value, so that the paths that led to it are not followed on apart. */
static volatile __u64 zero;

static __always_inline bool is_tag(__be16 type) {
  return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

static __always_inline bool is_extension(__u8 next) {
  return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
         next == IPPROTO_FRAGMENT || next == IPPROTO_AH ||
         next == IPPROTO_DSTOPTS;
}

/* By the destination address of IP. */
static __always_inline enum cast packet_cast_ip(const struct frame *frame) {
  struct ipv4_header ip4_buffer;
  struct ipv6_header ip6_buffer;

  const struct ipv4_header *ip4 =
      frame_at(frame, 0, &ip4_buffer, sizeof(ip4_buffer));
  if (!ip4)
    return CAST_UNICAST;
  if (ip4->version_ihl >> 4 == 4) {
    if ((ip4->addresses[2] & ip4->addresses[3]) == 0xffff)
      return CAST_BROADCAST;
    return (ip4->addresses[2] & bpf_htons(0xf000)) == bpf_htons(0xe000)
               ? CAST_MULTICAST
               : CAST_UNICAST;
  }
  if (ip4->version_ihl >> 4 != 6)
    return CAST_UNICAST;
  const struct ipv6_header *ip6 =
      frame_at(frame, 0, &ip6_buffer, sizeof(ip6_buffer));
  if (!ip6)
    return CAST_UNICAST;
  return (ip6->addresses[8] & bpf_htons(0xff00)) == bpf_htons(0xff00)
             ? CAST_MULTICAST
             : CAST_UNICAST;
}

/* By the destination address. */
static __always_inline enum cast packet_cast(const struct frame *frame) {
  struct ethernet_header buffer;

  if (frame->link == LINK_IP)
    return packet_cast_ip(frame);
  if (frame->link != LINK_ETHERNET)
    return CAST_UNICAST;

  const struct ethernet_header *ethernet =
      frame_at(frame, 0, &buffer, sizeof(buffer));
  if (unlikely(!ethernet) ||
      likely(!(ethernet->destination[0] & bpf_htons(0x0100))))
    return CAST_UNICAST;
  return (ethernet->destination[0] & ethernet->destination[1] &
          ethernet->destination[2]) == 0xffff
             ? CAST_BROADCAST
             : CAST_MULTICAST;
}

/* The type that the first octet tells of. */
static __always_inline bool packet_parse_version(const struct frame *frame,
                                                 struct packet *packet) {
  __u8 buffer;

  const __u8 *first = frame_at(frame, 0, &buffer, sizeof(buffer));
  if (!first)
    return false;
  packet->type = *first >> 4 == 4   ? bpf_htons(ETH_P_IP)
                 : *first >> 4 == 6 ? bpf_htons(ETH_P_IPV6)
                                    : 0;
  return true;
}

static __always_inline bool packet_parse_ethernet(const struct frame *frame,
                                                  struct packet *packet) {
  struct ethernet_header ethernet_buffer;
  struct tag_header tag_buffer;

  packet->offset = sizeof(ethernet_buffer);
  const struct ethernet_header *ethernet =
      frame_at(frame, 0, &ethernet_buffer, sizeof(ethernet_buffer));
  if (unlikely(!ethernet))
    return false;

  packet->type = ethernet->type;
  for (int i = frame->is_tagged; i < TAGS_MAX && is_tag(packet->type); i++) {
    packet->vlan++;
    const struct tag_header *tag =
        frame_at(frame, packet->offset, &tag_buffer, sizeof(tag_buffer));
    if (unlikely(!tag))
      return false;
    packet->type = tag->type;
    packet->offset += sizeof(*tag);
  }
  packet->offset = (packet->offset + zero) & LINK_OCTETS_MASK;
  return true;
}

/* Sets vlan, type and offset; returns false where the frame ends before its
 * type. */
static __always_inline bool packet_parse_link(const struct frame *frame,
                                              struct packet *packet) {
  packet->vlan = frame->is_tagged ? VLAN_TAGGED : VLAN_UNTAGGED;
  if (likely(frame->link == LINK_ETHERNET))
    return packet_parse_ethernet(frame, packet);
  return frame->link == LINK_OTHER || packet_parse_version(frame, packet);
}

/* Takes the next header off, of which nothing is examined. */
static __always_inline enum protocol packet_take(struct packet *packet,
                                                 __u64 size, __u64 end,
                                                 enum protocol member) {
  packet->offset += size;
  return likely(packet->offset <= end) ? member : PROTOCOL_TRUNCATED;
}

static __always_inline enum protocol packet_parse_tcp(const struct frame *frame,
                                                      struct packet *packet,
                                                      __u64 end,
                                                      enum protocol member) {
  struct tcp_header buffer;
  __u64 offset = packet->offset;

  if (unlikely(offset + sizeof(buffer) > end))
    return PROTOCOL_TRUNCATED;
  const struct tcp_header *tcp =
      frame_at(frame, offset, &buffer, sizeof(buffer));
  if (unlikely(!tcp))
    return PROTOCOL_TRUNCATED;

  __u64 size = tcp->data_offset >> 4 << 2;
  if (unlikely(size < sizeof(*tcp)))
    return PROTOCOL_MALFORMED;
  packet->tcp_flags = tcp->flags;
  return packet_take(packet, size, end, member);
}

static __always_inline enum protocol
packet_parse_ipv4(const struct frame *frame, struct packet *packet) {
  struct ipv4_header buffer;

  const struct ipv4_header *ip =
      frame_at(frame, packet->offset, &buffer, sizeof(buffer));
  if (unlikely(!ip))
    return PROTOCOL_TRUNCATED;

  __u64 size = (ip->version_ihl & 0x0f) << 2;
  __u64 length = bpf_ntohs(ip->total_length);
  if (unlikely(ip->version_ihl < 0x45 || ip->version_ihl > 0x4f))
    return PROTOCOL_MALFORMED;
  if (unlikely(length < size)) {
    if (length || !(frame->is_super || frame->octets > IPV4_FRAME_MAX))
      return PROTOCOL_MALFORMED;
    length = frame->octets - packet->offset;
  }
  __u64 end = packet->offset + length;
  if (unlikely(end > frame->octets))
    return PROTOCOL_TRUNCATED;

  packet->dscp = ip->tos >> 2;
  packet->offset += size;
  if (unlikely(ip->fragment & bpf_htons(IPV4_FRAGMENT_OFFSET)))
    return PROTOCOL_IPV4_FRAGMENT;

  if (likely(ip->protocol == IPPROTO_TCP))
    return packet_parse_tcp(frame, packet, end, PROTOCOL_IPV4_TCP);
  switch (ip->protocol) {
  case IPPROTO_UDP:
    return packet_take(packet, 8, end, PROTOCOL_IPV4_UDP);
  case IPPROTO_ICMP:
    return packet_take(packet, 8, end, PROTOCOL_IPV4_ICMP);
  case IPPROTO_IGMP:
    return packet_take(packet, 8, end, PROTOCOL_IPV4_IGMP);
  case IPPROTO_SCTP:
    return packet_take(packet, 12, end, PROTOCOL_IPV4_SCTP);
  case IPPROTO_GRE:
    return packet_take(packet, 4, end, PROTOCOL_IPV4_GRE);
  case IPPROTO_ESP:
    return packet_take(packet, 8, end, PROTOCOL_IPV4_ESP);
  default:
    return PROTOCOL_IPV4_OTHER;
  }
}

/* What the kernel puts into a super-frame whose length IPv6 cannot tell (BIG
 * TCP), and takes out again: the jumbo payload option (RFC 2675, 2). */
static __always_inline bool is_jumbo(__u8 next,
                                     const struct extension_header *extension) {
  return next == IPPROTO_HOPOPTS && extension->length == 0 &&
         extension->fragment == bpf_htons(0xc204);
}

/* Walks the extension headers before `end`. Returns PROTOCOL_COUNT with the
 * transport's number in *ret_next, or what the frame is without one. */
static __always_inline enum protocol
packet_walk_extensions(const struct frame *frame, struct packet *packet,
                       __u64 end, __u8 *ret_next) {
  struct extension_header buffer;

  for (int i = 0; i < EXTENSIONS_MAX && is_extension(*ret_next); i++) {
    __u64 offset = packet->offset;
    if (offset + sizeof(buffer) > end)
      return PROTOCOL_TRUNCATED;
    const struct extension_header *extension =
        frame_at(frame, offset, &buffer, sizeof(buffer));
    if (!extension)
      return PROTOCOL_TRUNCATED;

    if (*ret_next == IPPROTO_FRAGMENT) {
      if (extension->fragment & bpf_htons(IPV6_FRAGMENT_OFFSET))
        return PROTOCOL_IPV6_FRAGMENT;
      offset += sizeof(*extension);
    } else if (*ret_next == IPPROTO_AH) {
      offset += (extension->length + 2U) << 2;
    } else {
      offset += (extension->length + 1U) << 3;
    }
    if (offset > end)
      return PROTOCOL_TRUNCATED;
    if (frame->is_super && is_jumbo(*ret_next, extension))
      packet->local = sizeof(*extension);
    packet->offset = (offset + zero) & HEADERS_MASK;
    *ret_next = extension->next;
  }
  return is_extension(*ret_next) ? PROTOCOL_IPV6_OTHER : PROTOCOL_COUNT;
}

static __always_inline enum protocol
packet_parse_ipv6(const struct frame *frame, struct packet *packet) {
  struct ipv6_header buffer;

  const struct ipv6_header *ip =
      frame_at(frame, packet->offset, &buffer, sizeof(buffer));
  if (unlikely(!ip))
    return PROTOCOL_TRUNCATED;

  __u16 version_class = bpf_ntohs(ip->version_class);
  if (version_class >> 12 != 6)
    return PROTOCOL_MALFORMED;
  packet->dscp = version_class >> 6 & 0x3f;
  packet->offset += sizeof(*ip);
  __u64 end = frame->octets;
  if (ip->payload_length)
    end = packet->offset + bpf_ntohs(ip->payload_length);
  if (unlikely(end > frame->octets))
    return PROTOCOL_TRUNCATED;

  __u8 next = ip->next;
  enum protocol member =
      packet_walk_extensions(frame, packet, end + zero, &next);
  if (member != PROTOCOL_COUNT)
    return member;

  switch (next) {
  case IPPROTO_TCP:
    return packet_parse_tcp(frame, packet, end, PROTOCOL_IPV6_TCP);
  case IPPROTO_UDP:
    return packet_take(packet, 8, end, PROTOCOL_IPV6_UDP);
  case IPPROTO_ICMPV6:
    return packet_take(packet, 4, end, PROTOCOL_IPV6_ICMP);
  case IPPROTO_SCTP:
    return packet_take(packet, 12, end, PROTOCOL_IPV6_SCTP);
  case IPPROTO_GRE:
    return packet_take(packet, 4, end, PROTOCOL_IPV6_GRE);
  case IPPROTO_ESP:
    return packet_take(packet, 8, end, PROTOCOL_IPV6_ESP);
  default:
    return PROTOCOL_IPV6_OTHER;
  }
}

/* What is behind the link layer; sets dscp and tcp_flags besides. */
static __always_inline enum protocol
packet_parse_network(const struct frame *frame, struct packet *packet) {
  if (likely(packet->type == bpf_htons(ETH_P_IP)))
    return packet_parse_ipv4(frame, packet);
  switch (packet->type) {
  case bpf_htons(ETH_P_IPV6):
    return packet_parse_ipv6(frame, packet);
  case bpf_htons(ETH_P_ARP): /* RFC 826, of Ethernet and IPv4 */
    return packet_take(packet, 28, frame->octets, PROTOCOL_ARP);
  default:
    return PROTOCOL_OTHER;
  }
}

/* The headers of most frames: TCP in IPv4 without tags, options or fragments.
 */
struct plain_headers {
  struct ethernet_header ethernet;
  struct ipv4_header ip;
  struct tcp_header tcp;
};

_Static_assert(sizeof(struct plain_headers) == 54, "as in the frame");

/* The short way, a third faster: one check of length, constant offsets. Returns
 * true, with vlan, dscp and tcp_flags set, for a frame that the long way would
 * find to be PROTOCOL_IPV4_TCP; false says nothing of the frame. */
static __always_inline bool packet_is_plain_tcp(const struct frame *frame,
                                                struct packet *packet) {
  const struct plain_headers *plain = frame->data;

  if (frame->link != LINK_ETHERNET ||
      (const void *)(plain + 1) > frame->data_end)
    return false;
  __u64 length = bpf_ntohs(plain->ip.total_length);
  __u64 size = sizeof(plain->ip) + (plain->tcp.data_offset >> 4 << 2);
  if (plain->ethernet.type != bpf_htons(ETH_P_IP) ||
      plain->ip.version_ihl != 0x45 || plain->ip.protocol != IPPROTO_TCP ||
      plain->ip.fragment & bpf_htons(IPV4_FRAGMENT_OFFSET) ||
      plain->tcp.data_offset < 0x50 || length < size ||
      length + sizeof(plain->ethernet) > frame->octets)
    return false;
  packet->vlan = frame->is_tagged ? VLAN_TAGGED : VLAN_UNTAGGED;
  packet->dscp = plain->ip.tos >> 2;
  packet->tcp_flags = plain->tcp.flags;
  return true;
}

#endif
