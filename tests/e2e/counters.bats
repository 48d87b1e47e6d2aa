#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Users' own counters: <Counter> blocks, in collectd's csv.

load common
load foreign

MANUAL="$SOURCE/plugin/collectd-xdp.5"

# counter NAME FILTER: a block.
counter() { printf '<Counter "%s">\n  Filter "%s"\n</Counter>\n' "$1" "$2"; }

# start_over: a collectd with what standard input says of the plugin.
start_over() {
  [ -z "$collectd" ] || stop_collectd
  rm -rf "$dir/log" "$dir/csv"
  configure
  start_collectd
}

# assert_counters INTERFACE DIRECTION: each line "NAME PACKETS OCTETS" of standard
# input.
assert_counters() {
  local name packets octets
  while read -r name packets octets; do
    assert_value "$1" "if_$2_packets-counter-$name" "$packets"
    assert_value "$1" "if_$2_octets-counter-$name" "$octets"
  done
}

# refute_reported INTERFACE DIRECTION NAME: no value of that counter.
refute_reported() {
  refute compgen -G "$dir/csv/h/xdp-$1/if_$2_*-counter-$3-*"
}

queue() { on_rx ethtool -S rx0 | awk -v name="rx_queue_$1_xdp_packets:" '$1 == name { print $2 }'; }

@test "three counters are exact, at full speed from two CPUs at once" {
  needs_cpus 2
  on_rx ip link delete rx0
  add_pair tx0 rx0 2
  start_over < <(
    printf 'Interface "rx0"\nMode "native"\n'
    counter tcp tcp
    counter dns 'udp dst port 53'
    counter long 'greater 60'
  )
  assert_counted rx0
  # Each CPU has a queue of its own, whose driver tells what was received, so
  # that it does not matter what overran the ring.
  local -A octets=([ipv4-tcp]=54 [ipv4-udp]=42 [ipv6-tcp]=74 [ipv6-udp]=62 [ipv4-icmp]=42)
  local -A received=() packets=([tcp]=0 [dns]=0 [long]=0) sum=([tcp]=0 [dns]=0 [long]=0)
  local first second before0 before1 name of
  count=$(scaled 1000000)
  while read -r first second; do
    before0=$(queue 0) before1=$(queue 1)
    framegen -c 0 tx0 "$first=$count" >/dev/null &
    framegen -c 1 tx0 "$second=$count" >/dev/null
    wait $!
    received[$first]=$((${received[$first]:-0} + $(queue 0) - before0))
    received[$second]=$((${received[$second]:-0} + $(queue 1) - before1))
  done <<'END'
ipv4-tcp ipv6-udp
ipv4-udp ipv6-tcp
ipv6-udp ipv4-icmp
ipv4-tcp ipv4-tcp
END
  add() {
    for of in "${@:2}"; do
      packets[$1]=$((${packets[$1]} + received[$of]))
      sum[$1]=$((${sum[$1]} + received[$of] * octets[$of]))
    done
  }
  add tcp ipv4-tcp ipv6-tcp
  add dns ipv4-udp ipv6-udp
  add long ipv6-udp ipv6-tcp
  for name in tcp dns long; do
    [ "${packets[$name]}" -gt 0 ]
    echo "$name ${packets[$name]} ${sum[$name]}"
  done >"$dir/counted"
  assert_counters rx0 rx <"$dir/counted"
  stop_collectd
}

some_counters() {
  counter tcp tcp
  counter dns 'udp dst port 53'
  counter long 'greater 1000'
  counter deep 'ether[8999] = 0'
  counter none 'ether[9000] = 0'
}

# start_mode MODE WHERE: both directions of rx0.
start_mode() {
  start_over < <(
    printf 'Interface "rx0"\nMode "%s"\nDirection "both"\n' "$1"
    some_counters
  )
  assert_logged "interface \"rx0\": rx is counted $2"
  assert_logged 'interface "rx0": tx is counted at tc egress'
}

@test "the same counters in each mode, both ways" {
  while read -r mode where; do
    start_mode "$mode" "$where"
    for side in on_tx on_rx; do
      interface=tx0
      [ "$side" = on_tx ] || interface=rx0
      "$side" "$BUILD/tests/framegen" -s "$interface" ipv4-tcp=30 ipv6-udp=20 \
        ipv4-tcp-1514-octets=4 arp-request=5 >/dev/null
    done
    for direction in rx tx; do
      assert_counters rx0 "$direction" <<'END'
tcp 34 7676
dns 20 1240
long 4 6056
deep 0 0
none 0 0
END
    done
  done <<END
native in the driver (native XDP)
generic on the skb (generic XDP)
tc at tc ingress ($(tc_means))
END
  stop_collectd
}

@test "frames of several buffers, in each mode, both ways" {
  needs_frags
  on_tx ip link set tx0 mtu 9000
  on_rx ip link set rx0 mtu 9000
  while read -r mode where; do
    start_mode "$mode" "$where"
    for side in on_tx on_rx; do
      interface=tx0
      [ "$side" = on_tx ] || interface=rx0
      "$side" "$BUILD/tests/framegen" -s "$interface" ipv4-tcp=30 ipv6-udp=20 \
        ipv4-tcp-9000-octets=4 other-9000-octets=3 ipv6-udp-9000-octets=2 arp-request=5 >/dev/null
    done
    for direction in rx tx; do
      assert_counters rx0 "$direction" <<'END'
tcp 34 37620
dns 22 19240
long 9 81000
deep 9 81000
none 0 0
END
    done
  done <<END
native in the driver (native XDP, frames of several buffers)
generic on the skb (generic XDP)
tc at tc ingress ($(tc_means))
END
  stop_collectd
}

@test "a super-frame is judged once and adds its segments" {
  on_tx ip addr add 192.0.2.1/24 dev tx0
  on_rx ip addr add 192.0.2.2/24 dev rx0
  start_over < <(
    printf 'Interface "rx0"\nMode "tc"\nDirection "both"\n'
    counter stream 'tcp port 5000'
    counter super 'tcp dst port 5000 and greater 20000'
    counter syn 'tcp[tcpflags] & tcp-syn != 0'
  )
  assert_logged 'interface "rx0": tx is counted at tc egress'
  assert_counted rx0
  nsenter --net="/run/netns/$rx_namespace" "$BUILD/tests/stream" listen 192.0.2.2 5000 \
    >"$dir/listener" 3>&- &
  listener=$!
  eventually grep -qs ready "$dir/listener"
  read -r octets segments acknowledgements \
    < <(on_tx "$BUILD/tests/stream" send 192.0.2.2 5000 20000000)
  wait "$listener"
  grep -qx 20000000 "$dir/listener"
  # Headers of 66 octets; the first segment has options of 8 octets more.
  assert_counters rx0 rx <<END
stream $segments $((octets + segments * 66 + 8))
syn 1 74
END
  assert_value rx0 if_tx_packets-counter-stream "$acknowledgements"
  assert_counters rx0 tx <<'END'
super 0 0
syn 1 74
END
  # No segment is that long, but most are of super-frames that are.
  super=$(value rx0 if_rx_packets-counter-super)
  [ "$super" -gt $((segments / 2)) ]
  [ "$super" -le "$segments" ]
  stop_collectd
}

@test "super-frames whose segments nobody counted" {
  start_over < <(
    printf 'Interface "rx0"\nMode "tc"\nDirection "both"\n'
    counter tcp 'tcp dst port 80'
    counter udp 'udp dst port 53'
    counter whole 'greater 10000'
  )
  assert_counted rx0
  assert_logged 'interface "rx0": tx is counted at tc egress'
  for name in ipv4-tcp ipv6-udp; do
    on_tx "$BUILD/tests/superframe" tx0 "$name" 10000 1400 5
    on_rx "$BUILD/tests/superframe" rx0 "$name" 10000 1400 5
  done
  # 8 segments each; headers of 54 and 62 octets.
  for direction in rx tx; do
    assert_counters rx0 "$direction" <<END
tcp 40 $((5 * (10000 + 8 * 54)))
udp 40 $((5 * (10000 + 8 * 62)))
whole 80 $((10 * 10000 + 5 * 8 * (54 + 62)))
END
  done
  stop_collectd
}

# A bridge takes tags off before its frames come to tc.
add_bridge() {
  for protocol in ip ip6 arp; do
    on_rx sysctl -qwe "net.bridge.bridge-nf-call-${protocol}tables=0"
  done
  on_rx ip link add br0 address 02:00:00:00:00:02 type bridge \
    forward_delay 0 mcast_snooping 0
  on_rx ip link set br0 up
  on_rx ip link set rx0 master br0
}

# The sender leaves them in the frame, and rx0 does not tell otherwise.
leave_tags() {
  on_tx ethtool -K tx0 txvlan off
  on_rx ethtool -K rx0 rxvlan off
}

vlan_counters() {
  counter any vlan
  counter dns 'vlan 100 and udp port 53'
  counter inner 'vlan 100 and vlan 101'
  counter type 'ether[12:2] = 0x8100'
  counter behind 'ether[16:2] = 0x0800'
  counter untagged 'udp port 53'
  counter length 'len = 46'
}

send_tagged() {
  framegen -s tx0 vlan-ipv4-udp=30 qinq-ipv4-tcp-fin=20 ipv6-udp=10 >/dev/null
}

assert_tagged() {
  assert_counters "$1" rx <<'END'
any 50 2620
dns 30 1380
inner 20 1240
type 30 1380
behind 30 1380
untagged 10 620
length 30 1380
END
}

@test "tags that the kernel took off are in the frame for a filter at tc" {
  add_bridge
  start_over < <(
    printf 'Interface "br0"\nInterface "rx0"\nMode "tc"\n'
    vlan_counters
  )
  assert_counted br0
  assert_counted rx0
  send_tagged
  assert_tagged br0
  assert_tagged rx0
  stop_collectd
}

@test "tags that are taken off before XDP: what looks for them is not available" {
  start_over < <(
    printf 'Interface "rx0"\nMode "native"\nDirection "both"\n'
    vlan_counters
  )
  assert_counted rx0
  for name in any dns inner; do
    assert_logged "[notice] xdp: interface \"rx0\": counter \"$name\" is not available for rx: VLAN tags are taken off before XDP; use Mode \"tc\""
  done
  framegen -s tx0 ipv6-udp=10 >/dev/null
  assert_counters rx0 rx <<<'untagged 10 620'
  for name in any dns inner; do
    refute_reported rx0 rx "$name"
    assert_value rx0 "if_tx_packets-counter-$name" 0
  done
  stop_collectd
}

@test "tags that the sender leaves in the frame are seen at XDP" {
  leave_tags
  start_over < <(
    printf 'Interface "rx0"\nMode "native"\n'
    vlan_counters
  )
  assert_counted rx0
  refute has_logged 'is not available'
  send_tagged
  assert_tagged rx0
  stop_collectd
}

@test "tags that go before a bridge are not there for a filter at generic XDP" {
  add_bridge
  start_over < <(
    printf 'Interface "br0"\nMode "generic"\n'
    vlan_counters
  )
  assert_counted br0
  assert_logged '[notice] xdp: interface "br0": counter "any" is not available for rx: VLAN tags are taken off before XDP; use Mode "tc"'
  send_tagged
  assert_counters br0 rx <<<'untagged 40 1880'
  refute_reported br0 rx any
  stop_collectd
}

@test "counters of a block are added to the global ones, for its interfaces" {
  add_pair tx1 rx1
  start_over <<'END'
<Interface "rx1">
  <counter "icmp">
    filter "icmp"
  </counter>
  <Counter "same">
    Filter "udp"
  </Counter>
</Interface>
Interface "rx0"
<Counter "dns">
  Filter "udp port 53"
</Counter>
</Plugin>
<Plugin xdp>
<Counter "arp">
  Filter "arp"
</Counter>
END
  assert_counted rx0
  assert_counted rx1
  framegen tx0 ipv4-udp=3 ipv4-icmp=4 arp-request=5 >/dev/null
  framegen tx1 ipv4-udp=6 ipv4-icmp=7 arp-request=8 >/dev/null
  assert_counters rx0 rx <<'END'
dns 3 126
arp 5 210
END
  assert_counters rx1 rx <<'END'
dns 6 252
arp 8 336
icmp 7 294
same 6 252
END
  refute_reported rx0 rx icmp
  refute_reported rx0 rx same
  # They do not touch what is reported else.
  assert_value rx0 if_rx_packets-protocol-ipv4-icmp 4
  stop_collectd
}

@test "blocks may have counters of one name that count different things" {
  add_pair tx1 rx1
  start_over <<'END'
<Interface "rx0">
  <Counter "mine">
    Filter "udp"
  </Counter>
</Interface>
<Interface "rx1">
  Report "total"
  <Counter "mine">
    Filter "icmp"
  </Counter>
</Interface>
END
  assert_counted rx0
  assert_counted rx1
  framegen tx0 ipv4-udp=3 ipv4-icmp=4 >/dev/null
  framegen tx1 ipv4-udp=3 ipv4-icmp=4 >/dev/null
  assert_counters rx0 rx <<<'mine 3 126'
  assert_counters rx1 rx <<<'mine 4 168'
  stop_collectd
}

# The <Counter> blocks of the manual's recipes.
recipes() {
  sed -n '/^\.Ss Recipes for counters/,/^\.S[hs] [^R]/p' "$MANUAL" |
    sed -n '/^\.Bd -literal/,/^\.Ed/{/^\./!p}'
}

# What is to be counted of the frames that send_recipes sends.
assert_recipes() {
  assert_counters rx0 rx <<'END'
syn-flood 5 270
syn-flood-ipv6 6 444
tcp-resets 5 270
dns-large 9 6473
ntp-amplification 8 3856
udp-large 2 2588
fragments 7 318
vlan-100 9 460
unreachable 7 610
router-advertisements 5 350
dhcp 6 2052
bgp 4 292
END
}

# Those that a recipe is for, and their neighbours that it is not for.
send_recipes() {
  framegen -s tx0 ipv4-tcp-syn=3 ipv4-tcp-syn-ece-cwr=2 ipv4-tcp-synack=5 \
    ipv6-tcp-syn=6 ipv6-tcp-synack=2 ipv4-tcp-rst=4 ipv4-tcp-rst-ack=1 \
    ipv4-udp-dns-reply-513=7 ipv4-udp-dns-reply-512=5 ipv6-udp-dns-reply-1232=2 \
    ipv4-udp=9 ipv4-udp-ntp-monlist=8 ipv4-udp-ntp=3 \
    ipv4-fragment-first-udp=3 ipv4-fragment-last=4 ipv4-df-udp=2 \
    vlan-ipv4-udp=6 qinq-ipv4-tcp-fin=2 vlan-other=1 vlan-ipv4-udp-priority-tag=3 \
    ipv4-icmp-unreachable=4 ipv6-icmp-unreachable=3 ipv4-icmp=2 ipv6-icmp=3 \
    ipv6-icmp-router-advertisement=5 ipv6-icmp-neighbour-solicitation=2 \
    ipv4-udp-dhcp-discover=6 ipv4-tcp-bgp=4 ipv4-tcp=2 >/dev/null
}

@test "the recipes of the manual count what it says" {
  # So that they see the tags at XDP as well.
  leave_tags
  [ "$(recipes | grep -c '<Counter')" = 12 ]
  for mode in native generic tc; do
    start_over < <(
      printf 'Interface "rx0"\nMode "%s"\n' "$mode"
      recipes
    )
    assert_counted rx0
    refute has_logged 'is not available'
    send_recipes
    assert_recipes
    [ "$(compgen -G "$dir/csv/h/xdp-rx0/if_rx_packets-counter-*" | wc -l)" = 12 ]
  done
  stop_collectd
}

@test "a filter that is not right for a tun interface is told of, the others count" {
  on_rx ip tuntap add mode tun name tun0
  on_rx ip link set tun0 up
  start_over < <(
    printf 'Interface "tun0"\nInterface "rx0"\nMode "tc"\nDirection "both"\n'
    counter arp 'arp'
    counter to 'ether dst 02:00:00:00:00:02'
    counter dns 'udp dst port 53'
  )
  assert_counted tun0
  assert_counted rx0
  for direction in rx tx; do
    for name in arp to; do
      assert_logged "[notice] xdp: interface \"tun0\": counter \"$name\" is not available for $direction: "
      refute has_logged "interface \"rx0\": counter \"$name\""
    done
  done
  on_rx "$BUILD/tests/framegen" -w tun0 ipv4-udp=3 ipv6-udp=2 ipv4-tcp=4 >/dev/null
  framegen -s tx0 ipv4-udp=3 arp-request=2 >/dev/null
  # Without the header of Ethernet.
  assert_counters tun0 rx <<<'dns 5 180'
  assert_counters rx0 rx <<'END'
arp 2 84
to 3 126
dns 3 126
END
  for direction in rx tx; do
    refute_reported tun0 "$direction" arp
    refute_reported tun0 "$direction" to
  done
  stop_collectd
}

# Where the kernel can, it is observed; else its frames are counted at tc.
@test "beside another XDP program counters count" {
  for mode in native generic; do
    hold_foreign rx0 "$mode"
    start_over < <(
      printf 'Interface "rx0"\nDirection "both"\n'
      some_counters
    )
    assert_logged 'interface "rx0": tx is counted at tc egress'
    eventually has_logged 'interface "rx0": rx is counted'
    framegen -s tx0 ipv4-tcp=30 ipv6-udp=20 ipv4-tcp-1514-octets=4 >/dev/null
    on_rx "$BUILD/tests/framegen" -s rx0 ipv4-tcp=30 >/dev/null
    assert_counters rx0 rx <<'END'
tcp 34 7676
dns 20 1240
long 4 6056
END
    assert_counters rx0 tx <<<'tcp 30 1620'
    stop_collectd
    end_holder rx0 TERM
  done
}

# That the plugin is off, and collectd goes on.
assert_off() {
  assert_logged '[error] xdp: turned off by its configuration, see above'
  uptime_is_written() { ls "$dir"/csv/h/uptime/uptime-* >/dev/null 2>&1; }
  eventually uptime_is_written
  [ -z "$(bpf_objects "$collectd")" ]
  [ ! -e "$dir/csv/h/xdp-rx0" ]
}

# That a mistake is told by one line of those that name its counter.
assert_mistake() {
  assert_logged "[error] xdp: configuration: <Counter \"$1\">: $2"
  [ "$(grep -cF "<Counter \"$1\">" "$dir/log")" = 1 ]
}

@test "mistakes: one line each, with the counter and what is wrong" {
  long=$(printf 'n%.0s' {1..101})
  start_over < <(
    echo 'Interface "rx0"'
    counter syntax 'udp prt 53'
    counter open '(udp or tcp'
    counter empty-parentheses 'udp and ()'
    counter host 'host www.example.com and udp'
    counter local 'udp and net localhost'
    counter loop 'ip6 protochain 6'
    counter vain 'tcp and udp and arp'
    counter inbound 'inbound and udp'
    counter big "$(printf 'udp or %.0s' {1..300})udp"
    counter 'a/b' udp
    counter 'a b' udp
    counter '' udp
    counter "$long" udp
    cat <<'END'
<Counter "none">
</Counter>
<Counter "two" "names">
  Filter "udp"
</Counter>
<Counter>
  Filter "udp"
</Counter>
<Counter "twice">
  Filter "udp"
  Filter "tcp"
</Counter>
<Counter "key">
  Fliter "udp"
</Counter>
<Counter "number">
  Filter 5
</Counter>
<Counter "dup">
  Filter "udp"
</Counter>
<Counter "DUP">
  Filter "udp"
</Counter>
<Counter "dup">
  Filter "tcp"
</Counter>
END
  )
  assert_off
  assert_mistake syntax "Filter \"udp prt 53\": can't parse filter expression: syntax error"
  assert_mistake open 'Filter "(udp or tcp": '
  assert_mistake empty-parentheses 'Filter "udp and ()": '
  assert_mistake host 'Filter "host www.example.com and udp": "www.example.com" is a name, which would have to be looked up: write the address'
  assert_mistake local 'Filter "udp and net localhost": "localhost" is a name, which would have to be looked up: write the address'
  assert_mistake inbound 'Filter "inbound and udp": inbound, outbound and ifindex are known only when frames are captured: use Direction and Interface'
  assert_mistake loop 'Filter "ip6 protochain 6": protochain needs a loop, which BPF does not have here: use proto'
  assert_logged '[error] xdp: configuration: Counter "two" "names": takes the name of one counter, as in <Counter "dns">'
  assert_logged '[error] xdp: configuration: Counter: takes the name of one counter, as in <Counter "dns">'
  assert_mistake vain 'Filter "tcp and udp and arp": '
  assert_logged '[error] xdp: configuration: <Counter "big">: Filter "'
  grep -F '<Counter "big">' "$dir/log" | grep -q 'has 2103 octets, 2048 is the limit'
  assert_mistake a/b 'a name has letters, digits and punctuation of ASCII, but no slash and no blank'
  assert_mistake 'a b' 'a name has letters, digits and punctuation of ASCII, but no slash and no blank'
  assert_mistake '' 'a counter needs a name, as in <Counter "dns">'
  assert_logged 'the name has 101 octets, 100 is the limit'
  assert_mistake twice 'Filter is given twice; join them by "or"'
  assert_mistake none 'Filter is missing; say what is to be counted, as in Filter "udp port 53"'
  assert_mistake key 'Fliter: no such option; known is Filter'
  assert_mistake number 'Filter 5: takes an expression of pcap-filter(7)'
  assert_mistake dup 'there is a counter of that name already; call one of them otherwise'
  refute has_logged '<Counter "DUP">'
  stop_collectd || true
}

@test "a block's counter of the name of a global one is a mistake" {
  start_over <<'END'
<Interface "rx0">
  <Counter "dns">
    Filter "tcp port 53"
  </Counter>
</Interface>
<Counter "dns">
  Filter "udp port 53"
</Counter>
END
  assert_logged '[error] xdp: configuration: <Interface "rx0">: <Counter "dns">: there is a global counter of that name; call one of them otherwise'
  assert_off
  stop_collectd || true
}

@test "a mistake of a block's counter is told like one of a global one" {
  start_over <<'END'
<Interface "rx0">
  <Counter "dns">
    Filter "udp prt 53"
  </Counter>
</Interface>
END
  assert_logged "<Counter \"dns\">: Filter \"udp prt 53\": can't parse filter expression: syntax error"
  assert_off
  stop_collectd || true
}

# Of one frame, and of flags that it may have; the last one is the first again.
sixty_four() {
  local i
  for i in {0..31}; do
    counter "port-$i" "udp dst portrange $((53 - i))-$((53 + i))"
  done
  for i in {32..62}; do
    counter "flags-$i" "tcp[tcpflags] & $((i - 31)) != 0 and tcp dst port 80 and net 192.0.2.0/24"
  done
  counter port-again 'udp dst portrange 53-53'
}

@test "64 counters on one interface, in each mode" {
  for mode in native generic tc; do
    start_over < <(
      printf 'Interface "rx0"\nMode "%s"\nDirection "both"\n' "$mode"
      sixty_four
    )
    assert_counted rx0
    assert_logged 'interface "rx0": tx is counted at tc egress'
    framegen -s tx0 ipv4-udp=3 ipv4-tcp-synack=2 >/dev/null
    # SYN is 2 and ACK is 16: bits of i - 31.
    for i in {32..62}; do
      count=0
      [ $(((i - 31) & 18)) = 0 ] || count=2
      echo "flags-$i $count $((count * 54))"
    done >"$dir/counted"
    for i in {0..31} again; do
      echo "port-$i 3 126"
    done >>"$dir/counted"
    [ "$(wc -l <"$dir/counted")" = 64 ]
    assert_counters rx0 rx <"$dir/counted"
    assert_counters rx0 tx <<<'port-0 0 0'
  done
  stop_collectd
}

@test "a 65th counter is a mistake" {
  start_over < <(
    echo 'Interface "rx0"'
    sixty_four
    counter last arp
  )
  assert_mistake last 'Filter "arp": there are 64 counters already, which is the limit'
  assert_off
  stop_collectd || true
}

@test "filters that are too large together: which one, and the limit" {
  start_over < <(
    echo 'Interface "rx0"'
    for i in {1..20}; do
      counter "large-$i" "$(printf "net 10.$i.%d.0/24 or " {1..55})port $i"
    done
  )
  assert_logged '[error] xdp: turned off, cannot load its BPF programs: Counter "large-'
  grep -q 'Counter "large-[0-9]*": can take [0-9]* decisions for one frame, with those of the filters before it, and 7000 is the limit: write shorter expressions' "$dir/log"
  uptime_is_written() { ls "$dir"/csv/h/uptime/uptime-* >/dev/null 2>&1; }
  eventually uptime_is_written
  [ -z "$(bpf_objects "$collectd")" ]
  stop_collectd || true
}

@test "counters that are not configured have no values" {
  start_over <<'END'
Interface "rx0"
Report "all"
END
  assert_counted rx0
  assert_value rx0 if_rx_packets 0
  refute compgen -G "$dir/csv/h/xdp-rx0/*counter*"
  stop_collectd
}
