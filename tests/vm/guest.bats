#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What only a guest has: devices that need modules, cards of a hypervisor, and a
# kernel of any age. Run by tests/vm/run.

load ../e2e/common

# take NUMBER SIDE NAME: the card of run's becomes an interface there. It comes
# back when the namespace goes.
take() {
  local path interface
  path=$(grep -l "02:00:00:00:00:0$1" /sys/class/net/*/address | head -n 1)
  [ -n "$path" ]
  interface=$(basename "${path%/address}")
  local namespace=${2}_namespace
  ip link set "$interface" down
  ip link set "$interface" netns "${!namespace}" name "$3"
  # The hypervisor filters by the address and the tag.
  "on_$2" ip link set "$3" promisc on up
}

# takes_xdp INTERFACE: its driver takes somebody's program.
takes_xdp() {
  # shellcheck disable=SC2016 # the inner shell expands them
  on_rx unshare --mount sh -c \
    'mount -t bpf bpf /sys/fs/bpf &&
      ip link set "$1" xdpdrv object "$2" section xdp && ip link set "$1" xdpdrv off' \
    sh "$1" "$BUILD/tests/foreign.bpf.o" >/dev/null 2>&1
}

# Of what is to be counted, what the default Report has, without zeros: values
# take long to write and to read where the CPU is emulated.
reported() { grep -E '^if_[rt]x_(packets|octets)(-protocol-[^ ]*)? [1-9]'; }

# Frames of several kinds out of an interface, and that another one counts them.
send_to() {
  # None that a card makes longer.
  framegen -s "$1" ipv4-tcp-60-octets=40 ipv6-udp=30 arp-request-padded=20 \
    ipv4-tcp-1514-octets=5 | reported >"$dir/sent"
  assert_values "$2" <"$dir/sent"
}

# What a card on a hub of two is sent; a link that has just come up drops frames.
is_up() { on_tx ip -oneline link show dev "$1" | grep -q 'state UP'; }

count_card() {
  eventually is_up card-tx
  local where
  where="at tc ingress ($(tc_means))"
  if takes_xdp card-rx; then
    where='in the driver (native XDP)'
  fi
  configure <<'END'
Interface "card-rx"
Direction "both"
END
  start_collectd
  assert_logged "interface \"card-rx\": rx is counted $where"
  send_to card-tx card-rx
  on_rx "$BUILD/tests/framegen" -ts card-rx ipv4-udp=30 ipv6-tcp=20 |
    reported | assert_values card-rx
  stop_collectd
}

@test "virtio_net: frames from a card to a card" {
  take 1 tx card-tx
  take 2 rx card-rx
  count_card
}

@test "vmxnet3: frames from a card to a card" {
  take 4 tx card-tx
  take 3 rx card-rx
  count_card
}

make_bond() {
  add_pair tx1 rx1
  add_pair tx2 rx2
  on_rx ip link add bond0 type bond mode balance-rr miimon 100
  enslave rx1
  on_rx ip link set bond0 up
}

enslave() {
  on_rx ip link set "$1" down
  on_rx ip link set "$1" master bond0
}

@test "bond: in the drivers of its members, those that join later as well" {
  make_bond
  is_from 5.15 || skip "not in this kernel: XDP of a bond"
  configure <<'END'
Interface "bond0"
Interface "rx0"
END
  start_collectd
  assert_logged 'interface "bond0": rx is counted in the driver'
  eventually is_up tx1
  framegen -s tx1 ipv4-tcp=70 ipv6-udp=30 | reported >"$dir/sent"
  assert_values bond0 <"$dir/sent"
  enslave rx2
  eventually is_up tx2
  framegen -s tx2 ipv4-tcp=7 arp-request=3 | reported >>"$dir/sent"
  assert_values bond0 <"$dir/sent"
  assert_value bond0 if_rx_packets 110
  stop_collectd
}

@test "bond: at tc, where its frames are its own" {
  make_bond
  configure <<'END'
Interface "bond0"
Mode "tc"
Direction "both"
END
  start_collectd
  assert_logged "interface \"bond0\": rx is counted at tc ingress ($(tc_means))"
  eventually is_up tx1
  framegen -s tx1 ipv4-tcp=70 ipv6-udp=30 | reported | assert_values bond0
  on_rx "$BUILD/tests/framegen" -ts bond0 ipv4-udp=20 | reported | assert_values bond0
  stop_collectd
}

@test "8021q: the device counts without the tag, the one below with it" {
  on_rx ip link add link rx0 name rx0.100 address 02:00:00:00:00:02 \
    type vlan id 100
  on_rx ip link set rx0.100 up
  configure <<'END'
Interface "rx0"
Interface "rx0.100"
Mode "tc"
Direction "both"
Report "protocol" "vlan"
END
  start_collectd
  assert_logged 'interface "rx0": tx is counted'
  assert_logged 'interface "rx0.100": tx is counted'
  on_rx "$BUILD/tests/framegen" -ts rx0.100 ipv4-udp=40 ipv6-tcp=10 |
    reported | assert_values rx0.100
  # Below, the tag is beside the frame.
  assert_values rx0 <<END
if_tx_packets 50
if_tx_packets-vlan-tagged 50
if_tx_packets-vlan-untagged 0
if_tx_octets-protocol-ipv4-udp $((40 * 46))
if_tx_octets-protocol-ipv6-tcp $((10 * 78))
END
  stop_collectd
}

# What is not found would be skipped elsewhere.
@test "what a kernel of this age has is found" {
  local version name
  while read -r version name; do
    if is_from "$version"; then
      probe "$name"
    else
      refute probe "$name"
    fi
  done <<'END'
5.10 fexit
5.18 frags
6.6 tcx
END
}

@test "dummy: what it sends" {
  on_rx ip link add dummy0 type dummy
  on_rx ip link set dummy0 up
  configure <<'END'
Interface "dummy0"
Direction "both"
END
  start_collectd
  assert_logged "interface \"dummy0\": rx is counted at tc ingress ($(tc_means)), since native XDP is refused: its driver has no XDP"
  on_rx "$BUILD/tests/framegen" -ts dummy0 ipv4-udp=40 ipv6-tcp=10 arp-request=5 |
    reported | assert_values dummy0
  assert_value dummy0 if_rx_packets 0
  stop_collectd
}

# The kernel counts a map as memory that its maker has locked: before 5.11.
counts_locked_memory() {
  rm -f /sys/fs/bpf/probe
  ! prlimit --memlock=4096 setpriv --bounding-set -sys_resource \
    bpftool map create /sys/fs/bpf/probe type array key 4 value 4096 \
    entries 64 name probe >/dev/null 2>&1
}

# start_with_memory OCTETS: as a systemd unit with no more than the three
# capabilities, and this LimitMEMLOCK=, does.
start_with_memory() {
  configure <<'END'
Interface "rx0"
END
  chmod 777 "$dir"
  chmod 644 "$dir/collectd.conf"
  start_collectd prlimit --memlock="$1" setpriv --reuid=65534 --regid=65534 \
    --clear-groups --inh-caps=+bpf,+net_admin,+perfmon \
    --ambient-caps=+bpf,+net_admin,+perfmon
}

@test "64 KiB of locked memory, three capabilities: what to do is said" {
  counts_locked_memory || skip "not in this kernel: maps are not locked memory"
  start_with_memory 65536
  assert_logged '[error] xdp: turned off, cannot load its BPF programs: the kernel refuses bpf() although the capabilities are there: look for a seccomp filter, a user namespace or, before Linux 5.11, a LimitMEMLOCK= other than infinity'
  stop_collectd || true
  rm "$dir/log"
  start_with_memory unlimited
  assert_counted rx0
  framegen -s tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  stop_collectd
}

@test "64 KiB of locked memory suffice where maps are not counted as such" {
  ! counts_locked_memory || skip "not in this kernel: maps are locked memory"
  start_with_memory 65536
  assert_counted rx0
  framegen -s tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  stop_collectd
}

# Filters as long as those that people write.
many_counters() {
  local i
  for ((i = 0; i < 63; i++)); do
    echo "<Counter \"c$i\">
      Filter \"(tcp or udp) and dst port $((2000 + i)) and src net 198.18.$i.0/24\"
    </Counter>"
  done
  echo '<Counter "dns">
    Filter "udp port 53 or tcp port 53"
  </Counter>'
}

# load_many MODE
load_many() {
  configure <<END
Interface "rx0"
Mode "$1"
Direction "both"
$(many_counters)
END
  start_collectd
  assert_counted rx0
  framegen -s tx0 ipv4-udp=5 ipv6-udp=3 arp-request=2 >/dev/null
  assert_value rx0 if_rx_packets 10
  assert_value rx0 if_rx_packets-counter-dns 8
  assert_value rx0 if_rx_packets-counter-c62 0
  stop_collectd
}

@test "64 counters, native" { load_many native; }

@test "64 counters, tc" { load_many tc; }

# The last one: the card does not come back.
@test "a card that the hypervisor takes away: the others go on" {
  [ -c /dev/ttyS1 ]
  take 1 tx card-tx
  take 2 rx card-rx
  configure <<'END'
Interface "card-rx"
Interface "rx0"
END
  start_collectd
  assert_logged 'interface "card-rx": rx is counted'
  eventually is_up card-tx
  send_to card-tx card-rx
  printf '\ndevice_del card2\n' >/dev/ttyS1
  assert_logged 'interface "card-rx" is not counted: there is no such interface'
  assert_value card-rx gauge-attached 0.000000
  framegen -s tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  stop_collectd
}
