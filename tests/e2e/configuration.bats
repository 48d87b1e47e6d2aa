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
  assert_turned_off '[error] xdp: configuration: Interfce: no such option; known are Interface, Mode, Direction, Report, ReportInactive'
}

@test "a name that is too long" {
  configure <<'END'
Interface "rx0"
Interface "longer-than-fifteen"
END
  assert_turned_off "[error] xdp: configuration: Interface \"longer-than-fifteen\": not the name of an interface; a name has 1 to 15 octets, none of them '/', ':' or white space"
}

@test "an unknown group" {
  configure <<'END'
Interface "rx0"
Report "cast" "colour"
END
  assert_turned_off '[error] xdp: configuration: Report "colour": no such group; known are "total", "protocol", "cast", "size", "vlan", "tcp", "dscp", "queue", "cpu", "all"'
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
