#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Interfaces come, go and change while collectd runs. Frames are counted under
# the name that their interface has, to the frame.

load common

# Starts collectd with what standard input says of the plugin; returns when these
# interfaces are attached.
start_following() {
  configure
  start_collectd
  for interface; do
    assert_counted "$interface"
  done
}

# --- the log ------------------------------------------------------------------

is_logged() { [ "$(grep -cF -- "$2" "$dir/log")" = "$1" ]; }

# assert_logged_times TIMES TEXT: so many lines have TEXT.
assert_logged_times() {
  eventually is_logged "$@" || {
    cat "$dir/log"
    return 1
  }
}

assert_counted_times() {
  assert_logged_times "$2" "xdp: interface \"$1\": rx is counted"
}

# assert_notified TIMES INTERFACE SEVERITY MESSAGE
assert_notified() {
  assert_logged_times "$1" "Notification: severity = $3, host = h, plugin = xdp, plugin_instance = $2, type = gauge, type_instance = attached, message = $4"
}

assert_missing() {
  assert_logged_times "$2" "[error] xdp: interface \"$1\" is not counted: there is no such interface; it will be as soon as there is one"
  assert_notified "$2" "$1" FAILURE 'not counted: there is no such interface'
  assert_value "$1" gauge-attached 0.000000
  assert_value "$1" gauge-rx_mode 0.000000
  assert_value "$1" gauge-tx_mode 0.000000
}

assert_renamed() {
  assert_logged_times "${3:-1}" "[info] xdp: interface \"$1\" is called \"$2\" now"
}

# --- frames and values --------------------------------------------------------

# A link that has just come up drops what is sent before it is activated.
is_up() { on_tx ip -oneline link show dev "$1" | grep -q 'state UP'; }

# Of what is to be counted, what the default Report has, without zeros.
expected() { grep -E '^if_[rt]x_(packets|octets)(-protocol-[^ ]*)? [1-9]'; }

# send INTERFACE FRAME=COUNT...
send() {
  eventually is_up "$1"
  framegen -s "$@" >"$dir/frames"
}

# send_to NAME INTERFACE FRAME=COUNT...: frames out of INTERFACE that are to count
# for NAME, besides all that were before.
send_to() {
  send "${@:2}"
  expected <"$dir/frames" >>"$dir/sent-$1"
  assert_values "$1" <"$dir/sent-$1"
}

# send_from NAME FRAME=COUNT...: the same of what NAME sends.
send_from() {
  on_rx "$BUILD/tests/framegen" -ts "$@" >"$dir/frames"
  expected <"$dir/frames" >>"$dir/sent-$1"
  assert_values "$1" <"$dir/sent-$1"
}

# How many values of an interface collectd wrote.
lines() { cat "$dir/csv/h/xdp-$1/$2"* | wc -l; }

reads() { lines rx0 gauge-attached; }

has_read() { [ "$(reads)" -ge "$1" ]; }

# Waits for as many reads, which take rx0.
await_reads() { eventually has_read $(($(reads) + $1)); }

# assert_silent NAME PREFIX: nothing more is written of such series.
assert_silent() {
  local before
  # One may be under way.
  await_reads 2
  before=$(lines "$1" "$2")
  [ "$before" -gt 0 ]
  await_reads 3
  [ "$(lines "$1" "$2")" = "$before" ]
}

# No counter ever fell, nor was any read while its interface was missing.
assert_never_fell() {
  local file
  for file in "$dir"/csv/h/xdp-*/if_*; do
    awk -F , -v file="$file" '
      $1 != "epoch" && $2 + 0 < last { print file ": " $2 " after " last; exit 1 }
      $1 != "epoch" { last = $2 + 0 }
    ' "$file"
  done
}

end_following() {
  stop_collectd
  assert_never_fell
}

# --- interfaces ---------------------------------------------------------------

# Before Linux 6.2 only what is down takes another name.
renaming() {
  cat <<END
link set dev $1 down
link set dev $1 name $2
link set dev $2 up
END
}

rename() { renaming "$@" | on_rx ip -batch -; }

# is_bare tx|rx INTERFACE: it is there, without an XDP program.
is_bare() {
  "on_$1" ip -details link show dev "$2" >"$dir/link" &&
    ! grep -q prog/xdp "$dir/link"
}

has_program() { "on_$1" ip -details link show dev "$2" | grep -q prog/xdp; }

@test "an interface that is named comes, goes and comes again" {
  start_following rx0 <<'END'
Interface "rx0"
</Plugin>
<Plugin xdp>
Interface "late"
END
  assert_missing late 1
  refute compgen -G "$dir/csv/h/xdp-late/if_*"
  add_pair tx1 late
  assert_counted late
  send_to late tx1 ipv4-udp=7 ipv6-tcp=2
  assert_value late gauge-attached 1.000000
  assert_value late gauge-rx_mode 1.000000
  assert_notified 1 late OKAY 'rx is counted'
  on_rx ip link delete late
  assert_missing late 2
  # Neither frozen counters, nor a word at each read.
  assert_silent late if_
  add_pair tx1 late
  assert_counted_times late 2
  assert_value late gauge-attached 1.000000
  # Zeros since, not from zero.
  assert_values late <"$dir/sent-late"
  send_to late tx1 ipv4-udp=3 arp-request=1
  assert_value late if_rx_packets 13
  await_reads 3
  assert_notified 2 late OKAY 'rx is counted'
  is_logged 2 'interface "late" is not counted'
  refute has_logged 'interface "late" has gone'
  refute has_logged 'plugin_instance = rx0'
  end_following
}

@test "interfaces that a regex selects come, go and come again" {
  start_following rx0 <<'END'
Interface "rx0"
Interface "/^hot[0-9]+$/"
<Interface "/^cold/">
  Mode "tc"
</Interface>
END
  assert_logged '[notice] xdp: configuration: Interface "/^hot[0-9]+$/": matches no interface so far'
  assert_logged '[notice] xdp: configuration: Interface "/^cold/": matches no interface so far'
  add_pair tx1 hot1
  add_pair tx2 hot2
  add_pair tx3 hotter
  assert_counted hot1
  assert_counted hot2
  send_to hot1 tx1 ipv4-udp=7
  send_to hot2 tx2 ipv6-tcp=4
  on_rx ip link delete hot1
  assert_logged '[info] xdp: interface "hot1" has gone'
  assert_silent hot1 ''
  add_pair tx1 hot1
  assert_counted_times hot1 2
  assert_values hot1 <"$dir/sent-hot1"
  send_to hot1 tx1 ipv4-udp=5
  send_to hot2 tx2 ipv6-tcp=1
  assert_value hot1 if_rx_packets 12
  # Nothing was wrong.
  refute has_logged Notification
  refute has_logged hotter
  [ ! -e "$dir/csv/h/xdp-hotter" ]
  is_logged 2 'matches no interface so far'
  end_following
}

@test "a rename to a name that is selected, to one that is not, and back" {
  add_pair tx1 one
  start_following rx0 one <<'END'
Interface "rx0"
Interface "one"
Interface "/^sel/"
END
  send_to one tx1 ipv4-udp=5
  rename one selected
  assert_renamed one selected
  assert_missing one 1
  assert_silent one if_
  assert_value selected if_rx_packets 0
  send_to selected tx1 ipv4-udp=3 ipv4-tcp=1
  rename selected other
  assert_logged '[info] xdp: interface "selected" is called "other" now, which is not selected'
  eventually is_bare rx other
  send tx1 ipv4-udp=4
  assert_silent selected ''
  rename other selected
  assert_counted selected
  send_to selected tx1 ipv4-udp=2
  rename selected one
  assert_renamed selected one
  send_to one tx1 ipv4-udp=6
  assert_value one if_rx_packets 11
  assert_value selected if_rx_packets 6
  assert_notified 1 one OKAY 'rx is counted'
  assert_value one gauge-attached 1.000000
  [ ! -e "$dir/csv/h/xdp-other" ]
  refute has_logged 'interface "one" has gone'
  end_following
}

# Swaps the names of two interfaces.
swap() {
  {
    renaming "$1" temporary
    renaming "$2" "$1"
    renaming temporary "$2"
  } | on_rx ip -batch -
}

@test "two interfaces swap names while all names are selected" {
  add_pair tx1 left
  add_pair tx2 right
  start_following rx0 left right <<'END'
Interface "rx0"
Interface "/^(left|right|temporary)$/"
Direction "both"
END
  send_to left tx1 ipv4-udp=10 ipv6-tcp=1
  send_to right tx2 ipv4-tcp=100
  send_from left ipv4-udp=20
  send_from right ipv6-udp=30
  swap left right
  assert_renamed left temporary
  assert_renamed right left
  assert_renamed temporary right
  send_to left tx2 ipv4-udp=7 ipv4-icmp=3
  send_to right tx1 ipv4-udp=50
  send_from left ipv4-udp=3
  send_from right ipv4-udp=4
  assert_value left if_rx_packets 21
  assert_value right if_rx_packets 150
  swap left right
  assert_renamed left temporary 2
  assert_renamed right left 2
  assert_renamed temporary right 2
  send_to left tx1 ipv6-tcp=4
  send_to right tx2 arp-request=5
  assert_value left if_rx_packets 25
  assert_value right if_rx_packets 155
  send_from left ipv4-udp=1
  assert_value left if_tx_packets 24
  assert_value right if_tx_packets 34
  # Neither was ever let go.
  assert_counted left
  assert_counted right
  refute has_logged Notification
  end_following
}

@test "two interfaces that are named swap names, at once and slowly" {
  add_pair tx1 left
  add_pair tx2 right
  start_following rx0 left right <<'END'
Interface "rx0"
Interface "left"
Interface "right"
END
  send_to left tx1 ipv4-udp=10
  send_to right tx2 ipv4-tcp=100
  swap left right
  assert_renamed right left
  assert_counted_times right 2
  send_to left tx2 ipv4-udp=7 ipv4-icmp=3
  send_to right tx1 ipv4-udp=50
  # Back, while somebody looks at each step.
  rename left temporary
  assert_value left gauge-attached 0.000000
  rename right left
  assert_renamed right left 2
  assert_value right gauge-attached 0.000000
  send_to left tx1 ipv4-udp=1
  send tx2 ipv4-udp=20
  rename temporary right
  assert_counted_times right 3
  send_to right tx2 ipv4-udp=2
  assert_value left if_rx_packets 21
  assert_value right if_rx_packets 152
  assert_value left gauge-attached 1.000000
  assert_value right gauge-attached 1.000000
  [ ! -e "$dir/csv/h/xdp-temporary" ]
  refute has_logged 'has gone'
  end_following
}

# rename_live OLD NEW...
rename_live() {
  while [ "$#" -gt 0 ]; do
    echo "link set dev $1 name $2"
    shift 2
  done | on_rx ip -batch -
}

@test "swaps under traffic: each frame counts under one name" {
  add_pair tx1 left
  add_pair tx2 right
  rename_live left temporary temporary left 2>/dev/null || skip "not in this kernel"
  start_following rx0 left right <<'END'
Interface "rx0"
Interface "/^(left|right|temporary)$/"
Report "total"
END
  for name in tx1 tx2; do
    nsenter --net="/run/netns/$tx_namespace" "$BUILD/tests/framegen" "$name" \
      ipv4-udp=1000000 >/dev/null 3>&- &
  done
  swaps=0
  while [ -n "$(jobs -rp | grep -vx "$collectd")" ]; do
    rename_live left temporary right left temporary right
    swaps=$((swaps + 1))
  done
  [ "$swaps" -gt 1 ]
  assert_renamed temporary right "$swaps"
  await_reads 2
  left=$(value left if_rx_packets)
  right=$(value right if_rx_packets)
  # A name that nobody has is not told.
  rename_live left temporary
  assert_renamed left temporary $((swaps + 1))
  await_reads 2
  temporary=$(value temporary if_rx_packets)
  echo "left $left, right $right, temporary $temporary after $swaps swaps"
  [ $((left + right + temporary)) = 2000000 ]
  end_following
}

# add_indexed TX TX_INDEX RX RX_INDEX
add_indexed() {
  on_rx ip link add "$3" index "$4" type veth \
    peer name "$1" index "$2" netns "$tx_namespace"
  on_tx ip link set "$1" up
  on_rx ip link set "$3" up
}

# index tx|rx INTERFACE
index() { "on_$1" ip -oneline link show dev "$2" | cut -d : -f 1; }

# The ifindex that the next device takes that comes there.
next_index() {
  local next
  "on_$1" ip link add probe0 type veth peer name probe1
  next=$(("$(index "$1" probe0)" > "$(index "$1" probe1)" ?
    "$(index "$1" probe0)" : "$(index "$1" probe1)"))
  "on_$1" ip link delete probe0
  echo $((next + 1))
}

@test "a move to another namespace, where it has the ifindex of another one of ours, and back" {
  # What it has is taken there.
  on_tx ip link add taken0 index 4001 type veth peer name taken1 index 4002
  next=$(next_index tx)
  add_indexed tx1 4101 moving 4001
  add_indexed tx2 4102 staying "$next"
  start_following rx0 moving staying <<'END'
Interface "rx0"
Interface "/^(moving|staying)$/"
END
  send_to moving tx1 ipv4-udp=5
  send_to staying tx2 ipv4-tcp=6
  on_rx ip link set moving netns "$tx_namespace"
  eventually is_bare tx moving
  assert_logged '[info] xdp: interface "moving" has gone'
  [ "$(index tx moving)" = "$(index rx staying)" ]
  on_tx ip link set moving up
  send tx1 ipv4-udp=50
  assert_silent moving ''
  send_to staying tx2 ipv4-tcp=1
  # As container runtimes do.
  on_tx ip link set moving down
  on_tx ip link set moving name away
  on_tx ip link set away netns "$rx_namespace" name moving
  on_rx ip link set moving up
  assert_counted_times moving 2
  [ "$(index rx moving)" != "$(index rx staying)" ]
  send_to moving tx1 ipv4-udp=3
  send_to staying tx2 ipv4-tcp=1
  assert_value moving if_rx_packets 8
  assert_value staying if_rx_packets 8
  assert_counted staying
  end_following
}

@test "an interface takes the ifindex of one that has just moved away, or gone" {
  add_indexed tx1 4101 moving 4001
  add_indexed tx2 4102 again 4003
  start_following rx0 moving again <<'END'
Interface "rx0"
Interface "moving"
Interface "/^(successor|again)$/"
END
  send_to moving tx1 ipv4-udp=5
  send_to again tx2 ipv4-udp=6
  on_rx ip -batch - <<END
link set moving netns $tx_namespace
link add successor index 4001 type veth peer name tx3 index 4103 netns $tx_namespace
link set successor up
link delete again
link add again index 4003 type veth peer name tx4 index 4104 netns $tx_namespace
link set again up
END
  on_tx ip link set moving up
  on_tx ip link set tx3 up
  on_tx ip link set tx4 up
  assert_counted successor
  assert_counted_times again 2
  eventually is_bare tx moving
  [ "$(index tx moving)" = "$(index rx successor)" ]
  assert_missing moving 1
  send tx1 ipv4-udp=50
  send_to successor tx3 ipv4-udp=2
  send_to again tx4 ipv4-udp=3
  assert_silent moving if_
  assert_value successor if_rx_packets 2
  assert_value again if_rx_packets 9
  # Back: its ifindex is taken here.
  on_tx ip link set moving netns "$rx_namespace"
  on_rx ip link set moving up
  assert_counted_times moving 2
  send_to moving tx1 ipv4-udp=4
  assert_value moving if_rx_packets 9
  assert_value successor if_rx_packets 2
  end_following
}

@test "down, up and other MTUs: it stays attached" {
  add_pair tx1 small
  add_pair tx2 large
  on_tx ip link set tx2 mtu 9000
  start_following rx0 <<'END'
Interface "rx0"
Interface "small"
Interface "large"
Mode "native"
END
  assert_logged 'interface "small": rx is counted in the driver (native XDP), by Mode "native"'
  assert_logged 'interface "large": rx is counted in the driver (native XDP, frames of several buffers), by Mode "native"'
  for name in small large; do
    tx=tx1
    [ "$name" = small ] || tx=tx2
    send_to "$name" "$tx" ipv4-udp=5
    on_rx ip link set "$name" down
    has_program rx "$name"
    await_reads 3
    assert_value "$name" gauge-attached 1.000000
    on_rx ip link set "$name" up
    send_to "$name" "$tx" ipv4-udp=2
    for mtu in 9000 576 1500; do
      on_rx ip link set "$name" mtu "$mtu"
      send "$tx" ipv4-udp=2
      expected <"$dir/frames" >>"$dir/sent-$name"
    done
    send_to "$name" "$tx" ipv4-tcp-1514-octets=2
  done
  # The kernel's own limit, while a program of one buffer is attached.
  refute on_tx ip link set tx1 mtu 9000
  on_tx ip link set tx2 mtu 1500
  send_to large tx2 ipv4-tcp-1514-octets=3
  on_tx ip link set tx2 mtu 9000
  send_to large tx2 ipv4-tcp-1514-octets=3
  assert_value small if_rx_packets 15
  assert_value large if_rx_packets 21
  for name in small large; do
    assert_counted "$name"
    assert_value "$name" gauge-rx_mode 1.000000
  done
  refute has_logged Notification
  end_following
}

# A pair whose receiver has fewer queues than native XDP needs.
add_narrow() {
  add_pair "$1" "$2" 4
  on_rx ethtool -L "$2" rx 1
}

@test "more queues: native XDP is tried again" {
  add_narrow tx1 wide
  add_narrow tx2 strict
  start_following rx0 wide <<'END'
Interface "rx0"
Interface "wide"
<Interface "strict">
  Mode "native"
</Interface>
END
  assert_logged 'interface "wide": rx is counted at tc ingress (tcx), since native XDP is refused: it has too few queues for XDP'
  assert_logged '[error] xdp: interface "strict": rx is not counted: it has too few queues for XDP; add some (ethtool -L strict), or use Mode "auto"'
  assert_notified 1 strict FAILURE 'rx is not counted: it has too few queues for XDP'
  assert_value strict gauge-attached 0.000000
  send_to wide tx1 ipv4-udp=5
  assert_value wide gauge-rx_mode 3.000000
  on_rx ethtool -L strict rx 4
  on_rx ethtool -L wide rx 4
  # What follows a change of queues on other cards.
  on_rx ip link set wide mtu 1400
  assert_logged 'interface "wide": rx is counted in the driver (native XDP), by Mode "auto"'
  send_to wide tx1 ipv4-udp=3
  assert_value wide if_rx_packets 8
  assert_value wide gauge-rx_mode 1.000000
  assert_counted strict
  assert_notified 1 strict OKAY 'rx is counted'
  send_to strict tx2 ipv4-udp=2
  assert_value strict gauge-attached 1.000000
  is_logged 1 'interface "strict": rx is not counted'
  end_following
}

@test "a port of a bridge counts there and on the bridge" {
  for protocol in ip ip6 arp; do
    on_rx sysctl -qwe "net.bridge.bridge-nf-call-${protocol}tables=0"
  done
  start_following rx0 <<'END'
Interface "rx0"
Interface "port"
Interface "/^br/"
Direction "both"
END
  on_rx ip link add br0 address 02:00:00:00:00:02 type bridge \
    forward_delay 0 mcast_snooping 0
  on_rx ip link set br0 up
  assert_logged 'interface "br0": rx is counted at tc ingress (tcx), since native XDP is refused'
  add_pair tx1 port
  assert_counted port
  send_to port tx1 ipv4-udp=5
  on_rx ip link set port master br0
  send_to port tx1 ipv4-udp=7 ipv4-tcp=1
  expected <"$dir/frames" | assert_values br0
  on_rx ip link set port nomaster
  send_to port tx1 ipv4-udp=3
  assert_value br0 if_rx_packets 8
  assert_value port if_rx_packets 16
  assert_counted port
  on_rx ip link set port master br0
  on_rx ip link delete br0
  assert_logged '[info] xdp: interface "br0" has gone'
  send_to port tx1 ipv4-udp=4
  assert_value port if_rx_packets 20
  end_following
}

@test "a rename into a block changes mode, direction and report, and back" {
  add_pair tx1 lan
  start_following rx0 lan <<'END'
Interface "rx0"
<Interface "wan">
  Mode "generic"
  Direction "both"
  Report "size"
</Interface>
<Interface "/^l/">
  Mode "tc"
</Interface>
<Interface "/^quiet/">
  Mode "tc"
  Report "total"
</Interface>
END
  assert_missing wan 1
  send_to lan tx1 ipv4-udp=5
  assert_value lan gauge-rx_mode 3.000000
  assert_value lan gauge-tx_mode 0.000000
  rename lan wan
  assert_logged 'interface "wan": rx is counted on the skb (generic XDP), where a GSO or GRO super-frame counts as one frame, by Mode "generic"'
  assert_logged 'interface "wan": tx is counted at tc egress (tcx)'
  send tx1 ipv4-udp=3
  on_rx "$BUILD/tests/framegen" -s wan ipv4-udp=2 >/dev/null
  assert_values wan <<'END'
if_rx_packets 3
if_rx_packets-size-0-63 3
if_tx_packets 2
if_tx_packets-size-0-63 2
END
  refute compgen -G "$dir/csv/h/xdp-wan/*protocol*"
  assert_value wan gauge-rx_mode 2.000000
  assert_value wan gauge-tx_mode 3.000000
  assert_value wan gauge-attached 1.000000
  assert_silent lan ''
  rename wan lan
  assert_counted_times lan 2
  send_to lan tx1 ipv4-udp=4
  assert_value lan if_rx_packets 9
  assert_value lan gauge-rx_mode 3.000000
  assert_value lan gauge-tx_mode 0.000000
  assert_missing wan 2
  eventually is_bare rx lan
  # The report alone: it stays attached.
  rename lan quiet
  assert_renamed lan quiet
  send tx1 ipv4-udp=6
  assert_value quiet if_rx_packets 6
  rename quiet lan
  assert_renamed quiet lan
  send_to lan tx1 ipv4-udp=1
  assert_value lan if_rx_packets 10
  refute compgen -G "$dir/csv/h/xdp-quiet/*protocol*"
  assert_counted_times lan 2
  refute has_logged 'interface "quiet": rx is counted'
  end_following
}

@test "IgnoreSelected true: what comes is counted, but for what is listed" {
  start_following rx0 <<'END'
IgnoreSelected true
Interface "lo"
Interface "/^out/"
<Interface "outer">
  Mode "tc"
</Interface>
END
  add_pair tx1 out1
  add_pair tx2 outer
  add_pair tx3 any
  assert_counted outer
  assert_counted any
  send tx1 ipv4-udp=9
  send_to outer tx2 ipv4-udp=4
  send_to any tx3 ipv4-udp=5
  assert_value outer gauge-rx_mode 3.000000
  rename any out2
  assert_logged '[info] xdp: interface "any" is called "out2" now, which is not selected'
  rename out1 any
  assert_counted_times any 2
  eventually is_bare rx out2
  send tx3 ipv4-udp=9
  send_to any tx1 ipv4-udp=2
  assert_value any if_rx_packets 7
  for name in lo out1 out2; do
    [ ! -e "$dir/csv/h/xdp-$name" ]
  done
  end_following
}

@test "names of all characters that the kernel takes, named and by a regex" {
  start_following rx0 <<'END'
Interface "rx0"
Interface "rx\"0"
Interface "eth0.100"
Interface "grün0"
Interface "a'b"
Interface "a\\b"
Interface "$(id)*?[a];&|"
Interface "fifteen-octets0"
Interface "/^[.][.][.]/"
Interface "/€/"
END
  names=('rx"0' eth0.100 grün0 "a'b" 'a\b' '$(id)*?[a];&|' fifteen-octets0 ...dots '€')
  i=0
  for name in "${names[@]}"; do
    i=$((i + 1))
    [ "$i" -gt 7 ] || assert_missing "$name" 1
    add_pair "tx$i" "$name"
    assert_counted "$name"
    send "tx$i" ipv4-udp="$i" ipv6-tcp=1
  done
  i=0
  for name in "${names[@]}"; do
    i=$((i + 1))
    assert_value "$name" if_rx_packets "$((i + 1))"
  done
  rename 'a\b' 'x"€'
  assert_renamed 'a\b' 'x"€'
  assert_missing 'a\b' 2
  send_to 'x"€' tx5 ipv4-udp=3
  assert_silent 'a\b' if_
  end_following
}

@test "interfaces that are removed as soon as they are there" {
  start_following rx0 <<'END'
Interface "rx0"
Interface "named"
Interface "/^fly/"
Direction "both"
END
  # What the first one needs may stay.
  assert_missing named 1
  add_pair tx1 named
  assert_counted named
  send_to named tx1 ipv4-udp=1
  on_rx ip link delete named
  assert_missing named 2
  before=$(bpf_objects "$collectd")
  descriptors() { ls "/proc/$collectd/fd" | wc -l; }
  before_descriptors=$(descriptors)
  for i in {1..30}; do
    echo "link add named type veth peer name fly$i"
    echo "link set named up"
    echo "link delete named"
  done | on_rx ip -batch -
  as_before() {
    [ "$(bpf_objects "$collectd")" = "$before" ] &&
      [ "$(descriptors)" = "$before_descriptors" ]
  }
  eventually as_before
  assert_value named gauge-attached 0.000000
  add_pair tx1 named
  add_pair tx2 fly1
  assert_attached() {
    assert_value "$1" gauge-attached 1.000000
    has_program rx "$1"
  }
  assert_attached named
  assert_attached fly1
  send_to named tx1 ipv4-udp=4
  send_to fly1 tx2 ipv4-udp=5
  assert_value named if_rx_packets 5
  assert_value fly1 if_rx_packets 5
  end_following
}

# How many messages the kernel could not hand to collectd's sockets.
lost_messages() {
  on_rx cat /proc/net/netlink |
    awk -v pid="$collectd" '$2 == 0 && $3 == pid { sum += $9 } END { print sum + 0 }'
}

@test "too many messages: what was lost is asked for" {
  add_pair tx1 left
  add_pair tx2 right
  add_pair tx3 going
  add_indexed tx4 4104 again 4004
  start_following rx0 left right going again <<'END'
Interface "rx0"
Interface "/./"
END
  send_to left tx1 ipv4-udp=10
  send_to right tx2 ipv4-tcp=100
  send_to going tx3 ipv4-udp=5
  send_to again tx4 ipv4-udp=7
  kill -STOP "$collectd"
  for i in {1..1000}; do
    printf 'link set dev lo mtu 1400\nlink set dev lo mtu 1500\n'
  done >"$dir/batch"
  until [ "$(lost_messages)" -gt 0 ]; do
    on_rx ip -batch "$dir/batch"
  done
  # Of all this nothing is told.
  swap left right
  on_rx ip link delete going
  add_pair tx3 new
  on_rx ip link delete again
  add_indexed tx4 4104 again 4004
  kill -CONT "$collectd"
  assert_counted new
  assert_counted_times again 2
  assert_logged '[info] xdp: interface "going" has gone'
  send_to left tx2 ipv4-udp=7 ipv4-icmp=3
  send_to right tx1 ipv4-udp=50
  send_to new tx3 ipv4-udp=3
  send_to again tx4 ipv4-udp=1
  assert_value left if_rx_packets 20
  assert_value right if_rx_packets 150
  assert_value again if_rx_packets 8
  assert_silent going ''
  assert_counted left
  assert_counted right
  end_following
}

@test "a rename into a block with another direction alone: rx stays attached" {
  add_pair tx1 rv0
  start_following rx0 rv0 <<'END'
Interface "rx0"
Interface "/^rv/"
<Interface "/^wv/">
  Direction "both"
  Busy "skip"
</Interface>
END
  send_to rv0 tx1 ipv4-udp=5
  rename rv0 wv0
  assert_renamed rv0 wv0
  assert_logged 'interface "wv0": tx is counted at tc egress (tcx)'
  send_to wv0 tx1 ipv4-udp=3
  send_from wv0 ipv4-udp=2
  rename wv0 rv0
  assert_renamed wv0 rv0
  send_to rv0 tx1 ipv4-udp=4
  assert_value rv0 if_rx_packets 9
  assert_value rv0 gauge-tx_mode 0.000000
  refute has_logged 'interface "wv0": rx is counted'
  assert_counted_times rv0 1
  end_following
}

# links_of: the ids of the links that collectd holds.
links_of() { sed -n 's/^link_id:\t*//p' "/proc/$collectd/fdinfo/"*; }

again='the program is not attached any more; it is attached again'

@test "a program that somebody detaches is attached again" {
  start_following rx0 <<'END'
Interface "rx0"
END
  send_to rx0 tx0 ipv4-udp=5
  bpftool link detach id "$(links_of)"
  assert_logged "[notice] xdp: interface \"rx0\": $again"
  assert_counted_times rx0 2
  send_to rx0 tx0 ipv4-udp=3
  assert_value rx0 if_rx_packets 8
  end_following
}

@test "without tcx: a qdisc that somebody removes is made again" {
  configure <<'END'
Interface "rx0"
Mode "tc"
Direction "both"
END
  as_if KERNEL_LACKS=tcx
  assert_logged 'interface "rx0": tx is counted at tc egress (clsact'
  send_to rx0 tx0 ipv4-udp=5
  on_rx tc qdisc delete dev rx0 clsact
  assert_logged "[notice] xdp: interface \"rx0\": $again"
  assert_logged_times 2 'interface "rx0": tx is counted at tc egress (clsact'
  send_to rx0 tx0 ipv4-udp=3
  send_from rx0 ipv4-udp=2
  assert_value rx0 if_rx_packets 8
  end_following
  on_rx tc qdisc show dev rx0 >"$dir/qdiscs"
  refute grep -q clsact "$dir/qdiscs"
}

# move_away: rx0 goes to the other namespace, where nothing of ours stays.
is_let_go() { ! has_program tx rx0; }

@test "an interface that goes while many are attached at tc is let go at once" {
  for i in {1..200}; do
    echo "link add many$i type veth peer name peer$i"
  done | on_rx ip -batch -
  start_following rx0 <<'END'
Interface "rx0"
<Interface "/^many/">
  Mode "tc"
  Report "total"
</Interface>
END
  refute has_logged 'interface "many200": rx is counted'
  on_rx ip link set rx0 netns "$tx_namespace"
  eventually is_let_go
  refute has_logged 'interface "many200": rx is counted'
  assert_counted_times many200 1
  stop_collectd
}
