#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the configuration selects, and what is said of its mistakes.

load common

# That the plugin is off, with this line, and that collectd goes on.
assert_turned_off() {
  start_collectd
  assert_logged "$1"
  assert_logged '[error] xdp: turned off'
  uptime_is_written() { ls "$dir"/csv/h/uptime/uptime-* >/dev/null 2>&1; }
  eventually uptime_is_written
  [ -z "$(bpf_objects "$collectd")" ]
  [ ! -e "$dir/csv/h/xdp-rx0" ]
}

@test "several blocks add up" {
  start_counting <<'END'
interface "rx0"
</Plugin>
<Plugin "xdp">
INTERFACE lo
mode GENERIC
END
  assert_counted lo
  assert_value rx0 if_rx_packets 0
  assert_value lo if_rx_packets 0
  stop_collectd
}

@test "an interface that is listed twice is a warning" {
  configure <<'END'
Interface "rx0"
Interface "rx0"
END
  start_collectd
  assert_logged '[warning] xdp: configuration: Interface "rx0" is listed twice; once is enough'
  assert_counted rx0
  stop_collectd
}

@test "no interface" {
  configure </dev/null
  assert_turned_off '[error] xdp: configuration: no interface is selected; add a line Interface "eth0" to <Plugin xdp>'
}

@test "an unknown key" {
  configure <<'END'
Interface "rx0"
Interfce "rx1"
END
  assert_turned_off '[error] xdp: configuration: Interfce: no such option; known are Interface, IgnoreSelected, Mode, Direction, Busy, Report, ReportInactive, Counter'
}

@test "a name that is too long" {
  configure <<'END'
Interface "rx0"
Interface "longer-than-fifteen"
END
  assert_turned_off "[error] xdp: configuration: Interface \"longer-than-fifteen\": not the name of an interface; a name has 1 to 15 octets, none of them '/', ':' or white space"
}

@test "names that no interface can have" {
  names=('eth 0' 'eth/0' 'eth0:1' '..' '' $'eth0\t' '/eth0' 'grün-interface0')
  {
    echo 'Interface "rx0"'
    printf 'Interface "%s"\n' "${names[@]}"
  } | configure
  start_collectd
  for name in "${names[@]}"; do
    assert_logged "[error] xdp: configuration: Interface \"$name\": "
  done
  assert_logged '[error] xdp: turned off by its configuration, see above'
}

@test "an unknown group" {
  configure <<'END'
Interface "rx0"
Report "cast" "colour"
END
  assert_turned_off '[error] xdp: configuration: Report "colour": no such group; known are "total", "protocol", "cast", "size", "vlan", "tcp", "dscp", "queue", "cpu", "verdict", "all"'
}

@test "mistakes in blocks name the block" {
  configure <<'END'
<Interface "/^veth/">
  Mode "turbo"
  Busy "wait"
</Interface>
<Interface "rx0">
  Report "colour"
  ReportInactive false
  <Mode "tc">
    Busy "tc"
  </Mode>
</Interface>
END
  assert_turned_off '[error] xdp: configuration: <Interface "/^veth/">: Mode "turbo": no such mode; use "auto", "native", "generic" or "tc"'
  assert_logged '[error] xdp: configuration: <Interface "/^veth/">: Busy "wait": no such choice; use "observe", "tc" or "skip"'
  assert_logged '[error] xdp: configuration: <Interface "rx0">: Report "colour": no such group; known are "total", "protocol", "cast", "size", "vlan", "tcp", "dscp", "queue", "cpu", "verdict", "all"'
  assert_logged '[error] xdp: configuration: <Interface "rx0">: ReportInactive: no such option; known are Mode, Direction, Busy, Report, Counter'
  assert_logged '[error] xdp: configuration: <Interface "rx0">: Mode is an option, not a block'
}

# collectd takes one of two backslashes.
@test "a regex that does not compile" {
  configure <<'END'
Interface "rx0"
Interface "/^(veth|tap[0-9]+$/"
<Interface "/^eth0\\.[0-9/">
  Mode "tc"
</Interface>
Interface "//"
Interface "/^eth"
END
  assert_turned_off '[error] xdp: configuration: Interface "/^(veth|tap[0-9]+$/": not a regex (POSIX extended): Unmatched ( or \(, at octet 2, "(veth|tap[0-9]+$"'
  assert_logged '[error] xdp: configuration: Interface "/^eth0\.[0-9/": not a regex (POSIX extended): Unmatched [, [^, [:, [., or [=, at octet 8, "[0-9"'
  assert_logged '[error] xdp: configuration: Interface "//": the regex is empty; for every interface use IgnoreSelected true'
  assert_logged '[error] xdp: configuration: Interface "/^eth": a regex stands between two slashes, the second is missing'
}

@test "the example has no mistake" {
  sed -e 's/^#//' -e '/^LoadPlugin/d' -e '/Plugin/d' "$SOURCE/contrib/xdp.conf" | configure
  grep -q '^ *<Interface' "$dir/collectd.conf"
  start_collectd
  assert_logged 'xdp: interface "eth0" is not counted: there is no such interface'
  refute grep -E '\[(error|warning)\] xdp: configuration:' "$dir/log"
  stop_collectd
}

@test "all mistakes are named at once" {
  configure <<'END'
Interface "rx0"
Mode "fast"
Direction "in"
ReportInactive "sometimes"
</Plugin>
<Plugin xdp>
Report 5
END
  assert_turned_off '[error] xdp: configuration: Mode "fast": no such mode; use "auto", "native", "generic" or "tc"'
  assert_logged '[error] xdp: configuration: Direction "in": no such direction; use "rx", "tx" or "both"'
  assert_logged '[error] xdp: configuration: ReportInactive "sometimes": takes true or false'
  assert_logged '[error] xdp: configuration: Report 5: takes groups, as in "protocol" "cast"'
}

# Series of an interface, without the date; its state is not among them.
series() {
  local file
  for file in "$dir/csv/h/xdp-$1"/if_*; do
    basename "$file" | sed 's/-....-..-..$//'
  done
}

@test "Report \"total\": nothing but the total" {
  start_counting <<'END'
Interface "rx0"
Report "total"
END
  framegen tx0 ipv4-udp=3 arp-request=2 >/dev/null
  assert_value rx0 if_rx_packets 5
  assert_value rx0 if_rx_octets 210
  [ "$(series rx0)" = $'if_rx_octets\nif_rx_packets' ]
  stop_collectd
}

# The global options stand before and behind the blocks, and in another file's
# <Plugin xdp>.
@test "blocks override the mode, the direction and the report of two interfaces" {
  add_pair tx1 rx1
  start_counting <<'END'
Report "size"
<Interface "rx0">
  Mode "tc"
  Report "total"
</Interface>
<Interface "rx1">
  Direction "both"
  Report "vlan"
  Report "tcp"
  Busy "skip"
</Interface>
Interface "lo"
</Plugin>
<Plugin xdp>
Mode "generic"
Direction "rx"
END
  assert_counted rx1
  assert_counted lo
  framegen -s tx0 ipv4-udp=3 >/dev/null
  framegen -s tx1 ipv4-udp=2 vlan-ipv4-udp=4 >/dev/null
  assert_value rx0 if_rx_packets 3
  assert_value rx0 gauge-rx_mode 3.000000
  [ "$(series rx0)" = $'if_rx_octets\nif_rx_packets' ]
  assert_values rx1 <<'END'
if_rx_packets 6
if_rx_packets-vlan-untagged 2
if_rx_packets-vlan-tagged 4
if_rx_packets-tcp-syn 0
END
  assert_value rx1 gauge-rx_mode 2.000000
  assert_value rx1 gauge-tx_mode 3.000000
  [ "$(series rx1 | grep -c .)" = $((2 * (2 + 6 + 4))) ]
  assert_value lo gauge-rx_mode 2.000000
  assert_value lo gauge-tx_mode 0.000000
  [ "$(series lo | grep -c .)" = $((2 + 7)) ]
  stop_collectd
}

@test "an empty block selects" {
  start_counting <<'END'
<Interface "rx0">
</Interface>
END
  assert_value rx0 gauge-attached 1.000000
  stop_collectd
}

@test "an interface that is listed by a line and a block is a warning, and the block holds" {
  start_counting <<'END'
Interface "rx0"
<Interface "rx0">
  Mode "tc"
</Interface>
<Interface "rx0">
  Mode "generic"
</Interface>
END
  assert_logged '[warning] xdp: configuration: Interface "rx0" is listed twice; its block holds'
  assert_logged '[warning] xdp: configuration: Interface "rx0" is listed twice; the first block holds'
  assert_value rx0 gauge-rx_mode 3.000000
  stop_collectd
}

@test "a block behind one that matches its interface is a warning" {
  start_counting <<'END'
<Interface "/^rx/">
  Mode "tc"
</Interface>
<Interface "rx0">
  Mode "generic"
</Interface>
END
  assert_logged '[warning] xdp: configuration: <Interface "rx0">: <Interface "/^rx/"> before it matches as well and holds; put this one before it'
  assert_value rx0 gauge-rx_mode 3.000000
  stop_collectd
}

@test "IgnoreSelected true: not what is listed, but what has a block" {
  add_pair tx1 rx1
  start_counting <<'END'
IgnoreSelected true
Interface "rx1"
Interface "/^r/"
<Interface "rx0">
  Report "total"
</Interface>
END
  framegen tx0 ipv4-udp=3 >/dev/null
  framegen tx1 ipv4-udp=3 >/dev/null
  assert_value rx0 if_rx_packets 3
  [ ! -e "$dir/csv/h/xdp-rx1" ]
  refute has_logged 'interface "rx1"'
  stop_collectd
}

@test "IgnoreSelected true alone is no mistake" {
  configure <<'END'
IgnoreSelected true
END
  start_collectd
  refute has_logged '[error]'
  stop_collectd
}

@test "names with dots, quotes and UTF-8" {
  add_pair 'tx."q' 'rx."q'
  add_pair tx-ü 'rx-ü€'
  start_counting <<'END'
Interface "rx0"
Interface "rx.\"q"
<Interface "rx-ü€">
  Report "total"
</Interface>
END
  assert_counted 'rx."q'
  assert_counted 'rx-ü€'
  framegen 'tx."q' ipv4-udp=3 >/dev/null
  framegen tx-ü ipv4-udp=4 >/dev/null
  assert_value 'rx."q' if_rx_packets-protocol-ipv4-udp 3
  assert_value 'rx-ü€' if_rx_packets 4
  stop_collectd
}

@test "Report: a group that was not asked for has no series" {
  start_counting <<'END'
Interface "rx0"
Report "cast" "vlan"
Report "size"
END
  framegen tx0 ipv4-udp-multicast=3 vlan-ipv4-udp=2 >/dev/null
  assert_values rx0 <<'END'
if_rx_packets 5
if_rx_packets-cast-multicast 3
if_rx_packets-cast-unicast 2
if_rx_packets-vlan-tagged 2
if_rx_packets-size-0-63 5
END
  [ "$(series rx0 | grep -c .)" = $((2 + 2 * 3 + 2 * 3 + 7)) ]
  stop_collectd
}

@test "each group reported alone" {
  while read -r group count; do
    rm -rf "$dir/csv" "$dir/log"
    start_counting <<END
Interface "rx0"
Report "$group"
END
    framegen tx0 ipv4-tcp-syn-dscp-63-ecn-3=3 vlan-ipv6-udp=2 lldp=1 >"$dir/sent"
    grep -e "^if_rx_[a-z]* " -e "-$group-" "$dir/sent" | assert_values rx0
    [ "$(series rx0 | grep -c .)" = $((count + 2)) ]
    stop_collectd
  done <<END
protocol 42
cast 6
size 7
vlan 6
tcp 4
dscp 4
queue 4
cpu $((2 * $(nproc)))
END
}

@test "Report \"dscp\": a code point appears with a zero before it" {
  start_counting <<'END'
Interface "rx0"
Report "dscp"
END
  assert_value rx0 if_rx_packets 0
  [ "$(series rx0)" = $'if_rx_octets\nif_rx_packets' ]
  framegen tx0 ipv4-udp-dscp-46=4 >/dev/null
  assert_value rx0 if_rx_packets-dscp-46 4
  [ "$(sed -n 2p "$dir"/csv/h/xdp-rx0/if_rx_packets-dscp-46-* | cut -d , -f 2)" = 0 ]
  [ "$(series rx0 | grep -c dscp)" = 2 ]
  stop_collectd
}

@test "ReportInactive false: nothing before the first frame" {
  configure <<'END'
Interface "rx0"
Interface "lo"
ReportInactive false
END
  on_rx ip link set lo up
  start_collectd
  assert_counted rx0
  assert_counted lo
  on_rx bash -c 'echo 12345 >/dev/udp/127.0.0.1/9'
  assert_value lo if_rx_packets-protocol-ipv4-udp 1
  [ ! -e "$dir/csv/h/xdp-rx0" ]
  framegen tx0 ipv4-udp=1 >/dev/null
  assert_value rx0 if_rx_packets 1
  stop_collectd
}
