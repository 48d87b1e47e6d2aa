#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Frames through a veth pair are counted to the frame in collectd's csv.

load common

# Sum of the counters that match a pattern in ethtool -S of stdin.
sum_statistics() {
  awk -v pattern="$1" '$1 ~ pattern { sum += $2 } END { printf "%d\n", sum }'
}

handed_to_xdp() { on_rx ethtool -S rx0 | sum_statistics "rx_queue_${1:-[0-9]+}_xdp_packets"; }
lost_by_sender() { on_tx ethtool -S tx0 | sum_statistics 'tx_queue_[0-9]+_xdp_xmit_errors'; }

# Replaces the pair by one of two queues.
use_two_queues() {
  on_rx ip link delete rx0
  add_pair tx0 rx0 2
}

@test "a mix of frames: packets and octets of each class" {
  start_counting <<'END'
Interface "rx0"
Mode "native"
Report "all"
END
  framegen tx0 ipv4-tcp=700 ipv4-udp=600 ipv4-icmp=500 ipv6-tcp=400 ipv6-udp=300 \
    ipv6-icmp=200 arp-request=100 vlan-ipv4-udp=50 lldp=7 >"$dir/sent"
  grep -qx 'if_rx_packets 2857' "$dir/sent"
  assert_values rx0 <"$dir/sent"
  [ "$(sum_values rx0 'if_rx_packets-queue-*')" = 2857 ]
  [ "$(sum_values rx0 'if_rx_packets-cpu-*')" = 2857 ]
  stop_collectd
}

@test "every frame of the table, on the skb" {
  configure <<'END'
Interface "rx0"
Mode "generic"
Report "all"
END
  on_tx ip link set tx0 mtu 9000
  on_rx ip link set rx0 mtu 9000
  # Live frames need a receiver with NAPI.
  on_rx ethtool -K rx0 gro on
  start_collectd
  assert_counted rx0
  framegen tx0 all=1 | assert_values rx0
  stop_collectd
}

@test "every frame of the table that fits, in the driver" {
  start_counting <<'END'
Interface "rx0"
Mode "native"
Report "all"
END
  # shellcheck disable=SC2046
  framegen tx0 $("$BUILD/tests/framegen" -l | awk '$2 <= 1514 { print $1 "=1" }') |
    assert_values rx0
  stop_collectd
}

@test "2,000,000 frames from one CPU" {
  start_counting <<'END'
Interface "rx0"
Mode "native"
Report "all"
END
  count=$(scaled 100000)
  framegen -c 0 tx0 "ipv4-tcp=$((8 * count))" "ipv6-udp=$((7 * count))" \
    "vlan-ipv4-udp=$((5 * count))" >"$dir/sent"
  [ "$(handed_to_xdp)" = $((20 * count)) ]
  [ "$(lost_by_sender)" = 0 ]
  grep -qx "if_rx_packets $((20 * count))" "$dir/sent"
  assert_values rx0 <"$dir/sent"
  stop_collectd
}

@test "2,000,000 frames from each of two CPUs at once, into two queues" {
  needs_cpus 2
  use_two_queues
  start_counting <<'END'
Interface "rx0"
Mode "native"
Report "all"
END
  framegen -c 0 tx0 ipv4-tcp=2000000 >/dev/null &
  framegen -c 1 tx0 ipv6-udp=2000000 >/dev/null
  wait $!
  # What overran the receiver's ring was never received.
  [ "$(handed_to_xdp)" = $((4000000 - $(lost_by_sender))) ]
  tcp=$(handed_to_xdp 0) udp=$(handed_to_xdp 1)
  [ "$tcp" -gt 0 ]
  [ "$udp" -gt 0 ]
  assert_values rx0 <<END
if_rx_packets $((tcp + udp))
if_rx_octets $((tcp * 54 + udp * 62))
if_rx_packets-protocol-ipv4-tcp $tcp
if_rx_octets-protocol-ipv4-tcp $((tcp * 54))
if_rx_packets-protocol-ipv6-udp $udp
if_rx_octets-protocol-ipv6-udp $((udp * 62))
if_rx_packets-queue-0 $tcp
if_rx_packets-queue-1 $udp
if_rx_packets-cpu-0 $tcp
if_rx_packets-cpu-1 $udp
if_rx_packets-size-0-63 $((tcp + udp))
if_rx_packets-vlan-untagged $((tcp + udp))
if_rx_packets-cast-unicast $((tcp + udp))
END
  stop_collectd
}

@test "each class, at full speed from two CPUs at once" {
  needs_cpus 2
  use_two_queues
  start_counting <<'END'
Interface "rx0"
Mode "native"
Report "all"
END
  # The classes of a pair of frames come in through queues of their own, so that
  # the driver's counters tell what was received of each.
  sent() { framegen -c "$1" tx0 "$2=100000" >"$dir/sent.$1"; }
  # of_queue QUEUE RECEIVED: the values of 100000 frames, for those received.
  of_queue() {
    awk -v n="$2" '{ printf "%s %.0f\n", $1, $2 / 100000 * n }' "$dir/sent.$1"
  }
  while read -r first second; do
    before0=$(handed_to_xdp 0) before1=$(handed_to_xdp 1)
    sent 0 "$first" &
    sent 1 "$second"
    wait $!
    of_queue 0 $(($(handed_to_xdp 0) - before0)) >>"$dir/values"
    of_queue 1 $(($(handed_to_xdp 1) - before1)) >>"$dir/values"
  done <<'END'
ipv4-tcp-syn ipv6-tcp-synack
ipv4-udp ipv6-udp
ipv4-icmp ipv6-icmp
ipv4-igmp ipv6-fragment-last
ipv4-sctp ipv6-sctp
ipv4-gre ipv6-gre
ipv4-esp ipv6-esp
ipv4-fragment-last ipv6-other-no-next-header
ipv4-other-ospf-dscp-48 arp-request
lldp qinq-ipv4-tcp-fin
ipv4-ihl-4 ipv4-tcp-cut
END
  assert_values rx0 <"$dir/values"
  stop_collectd
}

@test "at tc on a device whose driver has no XDP" {
  configure <<'END'
Interface "lo"
END
  on_rx ip link set lo up
  start_collectd
  assert_logged '[info] xdp: interface "lo": rx is counted at tc ingress ('"$(tc_means)), since native XDP is refused: its driver has no XDP, or none with an MTU of 65536"
  # Datagrams to a port where nobody listens: each one is answered.
  on_rx bash -c 'for i in {1..50}; do echo 12345 >/dev/udp/127.0.0.1/9 || true; done' 2>/dev/null
  assert_values lo <<'END'
if_rx_packets-protocol-ipv4-udp 50
if_rx_octets-protocol-ipv4-udp 2400
END
  stop_collectd
}

@test "no bpf() in a read" {
  start_counting <<'END'
Interface "rx0"
Report "all"
END
  assert_value rx0 if_rx_packets 0
  strace -f -e trace=bpf,openat -o "$dir/strace" -p "$collectd" 3>&- &
  strace=$!
  # Ten reads are written to csv.
  opened_often() {
    [ "$(grep -c 'xdp-rx0/if_rx_packets-2' "$dir/strace" 2>/dev/null)" -ge 10 ]
  }
  eventually opened_often
  kill -INT "$strace"
  wait "$strace" || true
  refute grep 'bpf(' "$dir/strace"
  stop_collectd
}
