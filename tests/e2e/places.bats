#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Where frames are counted: each mode on each kind of device, both directions.

load common

# start_over MODE INTERFACE...: a collectd that counts these both ways.
start_over() {
  [ -z "$collectd" ] || stop_collectd
  rm -rf "$dir/log" "$dir/csv"
  configure <<END
$(printf 'Interface "%s"\n' "${@:2}")
Mode "$1"
Direction "both"
Report "all"
END
  start_collectd
  for interface in "${@:2}"; do
    assert_logged "interface \"$interface\": tx is counted at tc egress ($(tc_means))"
  done
}

# The names of frames that do as $1, an awk expression over name, length and
# type, says.
frames() {
  "$BUILD/tests/framegen" -l |
    awk '{ name = $1; octets = $2; type = $3 } '"$1"' { print name "=1" }'
}

# A frame with a tag that ends before the next type is freed by the kernel before
# it comes to tc.
frames_at_tc() { frames '!((type == "8100" || type == "88a8") && octets < 20)'; }

# assert_mode INTERFACE RX_MODE: the gauges.
assert_mode() {
  assert_value "$1" gauge-rx_mode "$2.000000"
  assert_value "$1" gauge-tx_mode 3.000000
  local attached=1
  [ "$2" != 0 ] || attached=0
  assert_value "$1" gauge-attached "$attached.000000"
}

# assert_sends INTERFACE: every frame that it takes counts as sent.
assert_sends() {
  on_rx "$BUILD/tests/framegen" -ts "$1" all=1 >"$dir/sent"
  [ "$(sed -n 's/^if_tx_packets //p' "$dir/sent")" -gt 400 ]
  assert_values "$1" <"$dir/sent"
}

# assert_writes INTERFACE: what the user of a tap or tun device writes counts as
# received.
assert_writes() {
  # shellcheck disable=SC2046
  on_rx "$BUILD/tests/framegen" -w "$1" ${2:-all=1} >"$dir/sent"
  [ "$(sed -n 's/^if_rx_packets //p' "$dir/sent")" -gt 300 ]
  assert_values "$1" <"$dir/sent"
}

@test "veth: every frame of the table in each mode, with an MTU of 9000" {
  needs_frags
  on_tx ip link set tx0 mtu 9000
  on_rx ip link set rx0 mtu 9000
  while read -r mode number where; do
    start_over "$mode" rx0
    assert_logged "interface \"rx0\": rx is counted $where"
    assert_mode rx0 "$number"
    names=all=1
    [ "$number" != 3 ] || names=$(frames_at_tc)
    # shellcheck disable=SC2086
    on_tx "$BUILD/tests/framegen" -s tx0 $names | assert_values rx0
    assert_sends rx0
  done <<END
auto 1 in the driver (native XDP, frames of several buffers), by Mode "auto"
native 1 in the driver (native XDP, frames of several buffers), by Mode "native"
generic 2 on the skb (generic XDP), where a GSO or GRO super-frame counts as one frame, by Mode "generic"
tc 3 at tc ingress ($(tc_means)), by Mode "tc"
END
  stop_collectd
}

@test "tap and tun: every frame of the table in each mode" {
  on_rx ip tuntap add mode tap name tap0
  on_rx ip tuntap add mode tun name tun0
  on_rx ip link set tap0 up
  on_rx ip link set tun0 up
  while read -r mode tap tun; do
    start_over "$mode" tap0 tun0
    assert_mode tap0 "$tap"
    assert_mode tun0 "$tun"
    names=all=1
    [ "$tap" != 3 ] || names=$(frames_at_tc)
    assert_writes tap0 "$names"
    [ "$tun" = 0 ] || assert_writes tun0
    assert_sends tap0
    assert_sends tun0
  done <<'END'
auto 1 3
native 1 0
generic 2 2
tc 3 3
END
  stop_collectd
}

# A bridge that hands all that is for it up: netfilter would drop what has no
# valid checksum of IP.
add_bridge() {
  for protocol in ip ip6 arp; do
    on_rx sysctl -qwe "net.bridge.bridge-nf-call-${protocol}tables=0"
  done
  on_rx ip link add br0 address 02:00:00:00:00:02 type bridge \
    forward_delay 0 mcast_snooping 0
  on_rx ip link set br0 up
  on_rx ip link set "$1" master br0
}

# Devices on or beside a veth pair of their own. Frames go to the address of the
# table's destination.
make_upper_devices() {
  add_pair tx1 rx1
  add_bridge rx1
  add_pair tx2 rx2
  on_rx ip link add link rx2 name macvlan0 address 02:00:00:00:00:02 \
    type macvlan
  add_pair tx3 rx3
  on_tx ip addr add 192.0.2.1/24 dev tx3
  on_rx ip addr add 192.0.2.2/24 dev rx3
  on_rx ip link set rx3 address 02:00:00:00:00:03
  on_tx ip neigh add 192.0.2.2 dev tx3 lladdr 02:00:00:00:00:03
  on_tx ip link add vxlan1 type vxlan id 7 dstport 4789 remote 192.0.2.2 dev tx3
  on_rx ip link add vxlan0 type vxlan id 7 dstport 4789 remote 192.0.2.1 dev rx3
  on_rx ip link add ifb0 type ifb
  on_tx ip link set vxlan1 up
  for name in macvlan0 vxlan0 ifb0 lo; do
    on_rx ip link set "$name" up
  done
}

# What the device above hands down to these interfaces, it receives.
assert_receives() {
  on_tx "$BUILD/tests/framegen" -s "$2" ipv4-tcp=30 ipv6-udp=20 ipv4-icmp=10 \
    "${@:3}" >"$dir/sent"
  assert_values "$1" <"$dir/sent"
}

# What is sent through lo comes back.
assert_loops() {
  # shellcheck disable=SC2046
  on_rx "$BUILD/tests/framegen" -s lo $(frames_at_tc) >"$dir/sent"
  assert_values lo <"$dir/sent"
  sed s/^if_rx/if_tx/ "$dir/sent" | assert_values lo
}

@test "bridge, macvlan, vxlan, ifb and loopback: in each mode" {
  make_upper_devices
  while read -r mode number; do
    start_over "$mode" br0 macvlan0 vxlan0 ifb0 lo
    for name in br0 macvlan0 vxlan0 ifb0 lo; do
      assert_mode "$name" "$number"
      [ "$name" = lo ] || assert_sends "$name"
    done
    if [ "$number" != 0 ]; then
      assert_receives br0 tx1 ipv4-tcp-1514-octets=5 ipv4-udp-broadcast=3 arp-request=2
      assert_receives macvlan0 tx2 ipv4-tcp-1514-octets=5
      assert_receives vxlan0 vxlan1 arp-request=2
      assert_loops
      assert_value ifb0 if_rx_packets 0
    fi
  done <<'END'
auto 3
native 0
generic 2
tc 3
END
  stop_collectd
}

@test "tags that the kernel took off count at tc like tags in the frame" {
  add_bridge rx0
  start_over tc br0
  framegen -s tx0 vlan-ipv4-udp=30 qinq-ipv4-tcp-fin=20 ipv6-udp=10 >"$dir/sent"
  assert_values br0 <"$dir/sent"
  grep -qx 'if_rx_packets-vlan-tagged 30' "$dir/sent"
  grep -qx 'if_rx_packets-vlan-qinq 20' "$dir/sent"
  stop_collectd
}

# Sends octets over TCP from tx0 to rx0 and compares rx0 with what the sender's
# TCP counted, repetitions included: assert_stream ADDRESS MEMBER HEADERS.
assert_stream() {
  local octets segments acknowledgements
  nsenter --net="/run/netns/$rx_namespace" "$BUILD/tests/stream" listen "$1" 5000 \
    >"$dir/listener" 3>&- &
  listener=$!
  eventually grep -qs ready "$dir/listener"
  read -r octets segments acknowledgements \
    < <(on_tx "$BUILD/tests/stream" send "$1" 5000 20000000)
  wait "$listener"
  grep -qx 20000000 "$dir/listener"
  [ "$octets" -ge 20000000 ]
  [ "$segments" -ge $((octets / (1514 - $3))) ]
  # The first segment has options of 8 octets more.
  assert_values rx0 <<END
if_rx_packets-protocol-$2 $segments
if_rx_octets-protocol-$2 $((octets + segments * $3 + 8))
if_tx_packets-protocol-$2 $acknowledgements
if_rx_packets-size-1519-max 0
if_rx_packets-tcp-syn 1
if_rx_packets-tcp-fin 1
if_tx_packets-tcp-synack 1
if_rx_errors-truncated 0
if_rx_errors-malformed 0
END
  # All but the ends are as long as can be.
  [ "$(value rx0 if_rx_packets-size-1024-1518)" -gt $((segments * 98 / 100)) ]
}

configure_addresses() {
  on_tx ip addr add 192.0.2.1/24 dev tx0
  on_rx ip addr add 192.0.2.2/24 dev rx0
  on_tx sysctl -qw net.ipv6.conf.tx0.disable_ipv6=0
  on_rx sysctl -qw net.ipv6.conf.rx0.disable_ipv6=0
  on_tx ip addr add 2001:db8::1/64 dev tx0 nodad
  on_rx ip addr add 2001:db8::2/64 dev rx0 nodad
}

# count_stream ADDRESS MEMBER HEADERS OCTETS: the same, and that the stream came
# in super-frames, at least one of which was longer than OCTETS in memory.
count_stream() {
  needs_tcx
  start_over tc rx0
  start_bystander ingress behind pass
  assert_stream "$1" "$2" "$3"
  saw_longer() {
    echo >&"$hold"
    [ "$(tail -n 1 "$dir/bystander.out" | cut -d ' ' -f 2)" -gt "$1" ]
  }
  eventually saw_longer "$4"
  end_bystander
  stop_collectd
}

@test "20 MB of TCP in super-frames count as the segments of the wire: IPv4" {
  configure_addresses
  count_stream 192.0.2.2 ipv4-tcp 66 20000
}

@test "20 MB of TCP in super-frames count as the segments of the wire: IPv6" {
  configure_addresses
  count_stream 2001:db8::2 ipv6-tcp 86 20000
}

@test "20 MB of TCP in super-frames of more than 64 KiB (BIG TCP)" {
  configure_addresses
  on_tx "$BUILD/tests/gsomax" tx0 190000
  on_rx "$BUILD/tests/gsomax" rx0 190000
  count_stream 192.0.2.2 ipv4-tcp 66 66000
  count_stream 2001:db8::2 ipv6-tcp 86 66000
}

# The octets of what is in a tunnel are estimated.
@test "20 MB of TCP in a tunnel: segments exact, octets within 1 %" {
  make_upper_devices
  on_tx ip addr add 198.51.100.1/24 dev vxlan1
  on_rx ip addr add 198.51.100.2/24 dev vxlan0
  start_over tc rx3
  nsenter --net="/run/netns/$rx_namespace" "$BUILD/tests/stream" listen 198.51.100.2 5000 \
    >"$dir/listener" 3>&- &
  listener=$!
  eventually grep -qs ready "$dir/listener"
  read -r octets segments acknowledgements \
    < <(on_tx "$BUILD/tests/stream" send 198.51.100.2 5000 20000000)
  wait "$listener"
  grep -qx 20000000 "$dir/listener"
  # One of ARP each way besides.
  assert_value rx3 if_rx_packets-protocol-ipv4-udp $((segments + 1))
  assert_value rx3 if_tx_packets-protocol-ipv4-udp $((acknowledgements + 1))
  expected=$((octets + segments * (50 + 66)))
  counted=$(value rx3 if_rx_octets-protocol-ipv4-udp)
  [ "$counted" -gt $((expected * 99 / 100)) ]
  [ "$counted" -lt $((expected * 101 / 100)) ]
  stop_collectd
}

@test "super-frames whose segments nobody counted" {
  start_over tc rx0
  for name in ipv4-tcp ipv6-tcp ipv4-udp ipv6-udp; do
    on_tx "$BUILD/tests/superframe" tx0 "$name" 10000 1400 5
    on_rx "$BUILD/tests/superframe" rx0 "$name" 10000 1400 5
  done
  # 8 segments each, of which the last one has 200 octets of payload; headers of
  # 54, 74, 42 and 62 octets.
  for direction in rx tx; do
    assert_values rx0 <<END
if_${direction}_packets-protocol-ipv4-tcp 40
if_${direction}_octets-protocol-ipv4-tcp $((5 * (10000 + 8 * 54)))
if_${direction}_packets-protocol-ipv6-tcp 40
if_${direction}_octets-protocol-ipv6-tcp $((5 * (10000 + 8 * 74)))
if_${direction}_packets-protocol-ipv4-udp 40
if_${direction}_octets-protocol-ipv4-udp $((5 * (10000 + 8 * 42)))
if_${direction}_packets-protocol-ipv6-udp 40
if_${direction}_octets-protocol-ipv6-udp $((5 * (10000 + 8 * 62)))
if_${direction}_packets-size-1024-1518 140
if_${direction}_packets-size-128-255 10
if_${direction}_packets-size-256-511 10
if_${direction}_packets 160
END
  done
  stop_collectd
}

@test "500,000 frames at tc, both ways" {
  # Live frames need a receiver with NAPI.
  on_rx ethtool -K rx0 gro on
  start_over tc rx0
  framegen tx0 ipv4-tcp=200000 ipv6-udp=200000 ipv4-icmp=100000 >"$dir/sent"
  assert_values rx0 <"$dir/sent"
  assert_value rx0 if_rx_packets 500000
  on_rx "$BUILD/tests/framegen" -ts rx0 ipv4-udp=100000 | assert_values rx0
  stop_collectd
}

# start_bystander SIDE PLACE VERDICT: somebody's program at tcx of rx0, until
# end_bystander.
start_bystander() {
  rm -f "$dir/bystander"
  mkfifo "$dir/bystander"
  # Not through a function: $! must be the program itself.
  nsenter --net="/run/netns/$rx_namespace" "$BUILD/tests/bystander" rx0 "$@" \
    <"$dir/bystander" >"$dir/bystander.out" 3>&- &
  bystander=$!
  exec {hold}>"$dir/bystander"
  eventually grep -q attached "$dir/bystander.out"
}

# That the bystander sees so many frames.
saw() {
  echo >&"$hold"
  [ "$(tail -n 1 "$dir/bystander.out" | cut -d ' ' -f 1)" = "$1" ]
}

# A collectd that was started meanwhile has its standard input open as well.
end_bystander() {
  exec {hold}>&-
  # It may have seen that and be gone.
  kill "$bystander" 2>/dev/null || true
  wait "$bystander" || true
}

to_rx0() { on_tx "$BUILD/tests/framegen" -s tx0 "ipv4-udp=$1" >/dev/null; }

# What is dropped at egress, the sender is told of.
from_rx0() {
  local i
  for ((i = 0; i < $1; i++)); do
    on_rx "$BUILD/tests/framegen" -s rx0 ipv4-udp=1 >/dev/null 2>&1 || true
  done
}

@test "others at tcx, before and behind, see every frame; theirs stay" {
  needs_tcx
  while read -r side place direction sender; do
    [ -z "$collectd" ] || stop_collectd
    rm -rf "$dir/log" "$dir/csv"
    # There before us, and after us.
    if [ "$place" = behind ]; then
      start_bystander "$side" behind pass
      start_over tc rx0
    else
      start_over tc rx0
      start_bystander "$side" before pass
    fi
    "$sender" 7
    assert_value rx0 "if_${direction}_packets" 7
    stop_collectd
    "$sender" 5
    eventually saw 12
    end_bystander
  done <<'END'
ingress behind rx to_rx0
ingress before rx to_rx0
egress behind tx from_rx0
egress before tx from_rx0
END
}

@test "at tcx we come first: what those who were there drop is counted" {
  needs_tcx
  while read -r side direction sender; do
    [ -z "$collectd" ] || stop_collectd
    start_bystander "$side" before drop
    start_over tc rx0
    "$sender" 7
    assert_value rx0 "if_${direction}_packets" 7
    eventually saw 7
    end_bystander
  done <<'END'
ingress rx to_rx0
egress tx from_rx0
END
  stop_collectd
}

# foreign_filter SIDE PREF SECTION: somebody's filter at rx0. iproute2 makes
# directories in the bpffs that it finds: here one that passes.
foreign_filter() {
  # shellcheck disable=SC2016 # the inner shell expands them
  on_rx unshare --mount sh -c \
    'mount -t bpf bpf /sys/fs/bpf && tc filter add dev rx0 "$1" pref "$2" \
      bpf direct-action object-file "$4" section "$3"' \
    sh "$@" "$BUILD/tests/foreign.bpf.o"
}

# filter_saw SIDE PREF FRAMES: what somebody's filter counted in its .bss.
filter_saw() {
  local program map
  program=$(on_rx tc filter show dev rx0 "$1" pref "$2" |
    sed -n 's/.* id \([0-9]*\) .*/\1/p')
  for map in $(bpftool prog show id "$program" |
    sed -n 's/.*map_ids \([0-9,]*\).*/\1/p' | tr , ' '); do
    bpftool map dump id "$map"
  done | grep -qw "\"foreign_frames\": $3"
}

@test "somebody's filters of clsact see every frame behind ours at tcx" {
  needs_tcx
  on_rx tc qdisc add dev rx0 clsact
  foreign_filter ingress 1 tc
  foreign_filter ingress 2 tc/drop
  foreign_filter egress 1 tc/drop
  start_over tc rx0
  to_rx0 7
  from_rx0 6
  assert_value rx0 if_rx_packets 7
  assert_value rx0 if_tx_packets 6
  stop_collectd
  eventually filter_saw ingress 1 7
  eventually filter_saw ingress 2 7
  eventually filter_saw egress 1 6
}

# Starts collectd as if the kernel did not know tcx.
start_without_tcx() {
  configure <<'END'
Interface "rx0"
Mode "tc"
Direction "both"
END
  as_if KERNEL_LACKS=tcx
  assert_logged 'interface "rx0": tx is counted at tc egress (clsact'
}

filters_of_ours() { on_rx tc filter show dev rx0 "$1" | grep -c 'collectd-xdp'; }

@test "without tcx: by clsact, which goes when we go" {
  start_without_tcx
  assert_logged '[info] xdp: interface "rx0": rx is counted at tc ingress (clsact: the kernel has no tcx), by Mode "tc"'
  assert_logged '[info] xdp: interface "rx0": tx is counted at tc egress (clsact: the kernel has no tcx), as in every Mode'
  on_rx tc qdisc show dev rx0 | grep -q clsact
  to_rx0 6
  from_rx0 4
  assert_value rx0 if_rx_packets 6
  assert_value rx0 if_tx_packets 4
  stop_collectd
  refute grep clsact < <(on_rx tc qdisc show dev rx0)
}

@test "without tcx: kill -9 leaves one filter a side, and the next start removes it" {
  start_without_tcx
  kill -KILL "$collectd"
  wait "$collectd" || true
  collectd=
  [ "$(filters_of_ours ingress)" = 1 ]
  [ "$(filters_of_ours egress)" = 1 ]
  rm -rf "$dir/log" "$dir/csv"
  start_without_tcx
  [ "$(filters_of_ours ingress)" = 1 ]
  [ "$(filters_of_ours egress)" = 1 ]
  to_rx0 6
  assert_value rx0 if_rx_packets 6
  stop_collectd
  refute grep clsact < <(on_rx tc qdisc show dev rx0)
}

@test "without tcx: somebody's qdisc and filters stay" {
  on_rx tc qdisc add dev rx0 clsact
  foreign_filter ingress 5 tc
  foreign_filter ingress 50 tc
  foreign_filter egress 5 tc
  theirs() {
    on_rx tc filter show dev rx0 ingress
    on_rx tc filter show dev rx0 egress
  }
  before=$(theirs)
  start_without_tcx
  on_rx tc filter show dev rx0 ingress | grep -q 'pref 4 bpf.*collectd-xdp'
  to_rx0 6
  from_rx0 4
  assert_value rx0 if_rx_packets 6
  assert_value rx0 if_tx_packets 4
  stop_collectd
  [ "$(theirs)" = "$before" ]
  eventually filter_saw ingress 5 6
  eventually filter_saw ingress 50 6
  eventually filter_saw egress 5 4
}

@test "after kill -9 tcx has nothing of ours" {
  needs_tcx
  start_over tc rx0
  bpf_objects "$collectd" >"$dir/objects"
  [ "$(grep -c link "$dir/objects")" = 2 ]
  kill -KILL "$collectd"
  wait "$collectd" || true
  collectd=
  while read -r kind id; do
    eventually is_gone "$kind" "$id"
  done <"$dir/objects"
}

@test "tags that went before a bridge are told of, if tags are reported" {
  add_bridge rx0
  configure <<'END'
Interface "br0"
Mode "generic"
Report "vlan"
END
  start_collectd
  assert_logged '[notice] xdp: interface "br0": VLAN tags are taken off before XDP and not seen; to have them counted use Mode "tc"'
  framegen -s tx0 vlan-ipv4-udp=30 qinq-ipv4-tcp-fin=20 >/dev/null
  assert_value br0 if_rx_packets-vlan-untagged 30
  assert_value br0 if_rx_packets-vlan-tagged 20
  stop_collectd
}

@test "too few queues for native XDP: at tc, and what would help" {
  on_rx ip link delete rx0
  on_tx ip link add tx0 numtxqueues 4 numrxqueues 1 type veth \
    peer name rx0 numtxqueues 1 numrxqueues 1 netns "$rx_namespace"
  on_tx ip link set tx0 up
  on_rx ip link set rx0 up
  start_counting <<'END'
Interface "rx0"
END
  assert_logged '[info] xdp: interface "rx0": rx is counted at tc ingress ('"$(tc_means)"'), since native XDP is refused: it has too few queues for XDP (to have it, add some (ethtool -L rx0))'
  to_rx0 3
  assert_value rx0 if_rx_packets 3
  stop_collectd
  rm "$dir/log"
  configure <<'END'
Interface "rx0"
Mode "native"
END
  start_collectd
  assert_logged '[error] xdp: interface "rx0": rx is not counted: it has too few queues for XDP; add some (ethtool -L rx0), or use Mode "auto"'
  assert_value rx0 gauge-attached 0.000000
  assert_value rx0 gauge-rx_mode 0.000000
  stop_collectd
}

@test "Direction \"tx\": only what is sent" {
  configure <<'END'
Interface "rx0"
Direction "tx"
Report "all"
END
  start_collectd
  assert_logged '[info] xdp: interface "rx0": tx is counted at tc egress ('"$(tc_means)"'), as in every Mode'
  to_rx0 3
  from_rx0 4
  assert_value rx0 if_tx_packets-protocol-ipv4-udp 4
  assert_value rx0 gauge-rx_mode 0.000000
  assert_value rx0 gauge-tx_mode 3.000000
  assert_value rx0 gauge-attached 1.000000
  refute compgen -G "$dir/csv/h/xdp-rx0/if_rx_*"
  refute compgen -G "$dir/csv/h/xdp-rx0/*queue*"
  stop_collectd
}

@test "side effects of native XDP are told once per kind of device" {
  add_pair tx1 rx1
  configure <<'END'
Interface "rx0"
Interface "rx1"
END
  start_collectd
  assert_logged 'interface "rx0": rx is counted in the driver'
  assert_logged 'interface "rx1": rx is counted in the driver'
  assert_logged '[notice] xdp: interface "rx0" and others of its kind: native XDP on a veth turns off the segmentation offload of its peer'
  stop_collectd
  refute has_logged '"rx1" and others'
}

@test "tags that are taken off before XDP are told of, if tags are reported" {
  notice='xdp: interface "rx0": VLAN tags are taken off before XDP and not seen, unless its peer leaves them in the frame (ethtool -K PEER txvlan off); to have them counted use Mode "tc"'
  start_counting <<'END'
Interface "rx0"
Report "vlan"
END
  assert_logged "[notice] $notice"
  stop_collectd
  rm "$dir/log"
  start_counting <<'END'
Interface "rx0"
END
  stop_collectd
  refute has_logged "$notice"
  rm "$dir/log"
  start_counting <<'END'
Interface "rx0"
Mode "tc"
Report "vlan"
END
  stop_collectd
  refute has_logged "$notice"
}
