#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: contrib/demo.sh [INTERFACE]
#
# Installs what is missing, builds in a temporary directory and runs the
# system's collectd with the plugin in the foreground.
#
# Without INTERFACE: on one end of a veth pair, between two network namespaces,
# through which it sends frames of its own for ten seconds; compares what was
# counted with what was sent. With INTERFACE: on that one, until Ctrl-C.
# The values stay, as csv files; nothing else does. As root on Debian or Fedora.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=contrib/build.sh
. "$top/contrib/build.sh"

SECONDS_SHOWN=10
DEADLINE=15

[ "$(id -u)" = 0 ] || fail "needs root: installs packages, attaches XDP"
if [ $# -gt 1 ] || [[ ${1:-} = -* ]]; then
  fail "usage: contrib/demo.sh [INTERFACE]"
fi
interface=${1:-demo0}
[ $# = 0 ] || ip link show dev "$interface" >/dev/null 2>&1 ||
  fail "there is no interface \"$interface\"; see ip link"

values=$(mktemp -d "${TMPDIR:-/tmp}/collectd-xdp-demo.XXXXXX")
make_work_directory
sender=xdp-demo-$$-sender receiver=xdp-demo-$$-receiver
collectd=
keep_values=

clean_up() {
  trap '' INT TERM
  if [ -n "$collectd" ]; then
    kill "$collectd" 2>/dev/null || true
    wait "$collectd" 2>/dev/null || true
  fi
  ip netns delete "$sender" 2>/dev/null || true
  ip netns delete "$receiver" 2>/dev/null || true
  rm -rf "$work"
  [ -n "$keep_values" ] || rm -rf "$values"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Two namespaces joined by a veth pair, in which nobody else sends a frame.
make_pair() {
  local namespace
  for namespace in "$sender" "$receiver"; do
    ip netns add "$namespace"
    nsenter --net="/run/netns/$namespace" \
      sysctl -qw net.ipv6.conf.default.disable_ipv6=1
  done
  ip -n "$sender" link add peer0 type veth peer name "$interface" netns "$receiver"
  ip -n "$sender" link set peer0 up
  ip -n "$receiver" link set "$interface" up
}

plugin_block() {
  echo "<Plugin xdp>"
  echo "  Interface \"$interface\""
  if [ "$1" = pair ]; then echo '  Mode "native"'; else echo '  Direction "both"'; fi
  echo '  Report "protocol" "cast" "size" "vlan" "tcp"'
  echo "</Plugin>"
}

configure_collectd() {
  cat >"$work/collectd.conf" <<END
Hostname "demo"
FQDNLookup false
Interval 1
BaseDir "$work"
PIDFile "$work/pid"
LoadPlugin logfile
<Plugin logfile>
  File "$work/log"
  Timestamp false
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "$values"
  StoreRates false
</Plugin>
PluginDir "$work/build/plugin/.libs"
LoadPlugin xdp
$(plugin_block "$1")
END
}

# start_collectd [COMMAND...]: returns when the interface is counted.
start_collectd() {
  local end=$((SECONDS + DEADLINE))
  # Ctrl-C is for this script, which ends collectd.
  setsid "$@" collectd -f -C "$work/collectd.conf" >"$work/output" 2>&1 &
  collectd=$!
  until grep -q "interface \"$interface\": rx is counted" "$work/log" 2>/dev/null; do
    if [ "$SECONDS" -ge "$end" ] || ! kill -0 "$collectd" 2>/dev/null ||
      grep -q 'xdp: .*not counted\|xdp: turned off' "$work/log" 2>/dev/null; then
      cat "$work/log" "$work/output" >&2
      fail "collectd does not count on $interface, see above"
    fi
    sleep 0.1
  done
  grep "interface \"$interface\": rx is counted" "$work/log"
}

# show_table [LINES]: the counters that are not zero, with their mean rate since
# the first read, as many as LINES has room for.
show_table() {
  local file
  for file in "$values/demo/xdp-$interface"/if_*; do
    [ -e "$file" ] || continue
    awk -F , -v interface="$interface" -v file="${file##*/}" '
      NR == 2 { start = $1; first = $2 }
      NR > 2 && $2 != total { end = $1 }
      { total = $2 }
      END {
        sub(/-....-..-..$/, "", file)
        if (total > 0)
          printf "%-10s %-38s %15d %12.0f\n", interface, file, total,
            (end > start) ? (total - first) / (end - start) : 0
      }' "$file"
  done >"$work/table"
  printf '%-10s %-38s %15s %12s\n' interface counter total 'per second'
  head -n "$((${1:-1000} - 1))" "$work/table"
}

# In a terminal the table stays in its place, as much of it as fits; elsewhere
# the last one is enough.
refresh_table() {
  [ -t 1 ] || return 0
  printf '\033[H\033[J'
  show_table "$(($(tput lines) - 1))"
}

# A second's frames: IPv4, IPv6, TCP, UDP, ICMP, ARP, VLAN and a broken one.
send_frames() {
  nsenter --net="/run/netns/$sender" "$work/build/tests/framegen" peer0 \
    ipv4-tcp-syn=100 ipv4-tcp-synack=90 ipv4-tcp-1514-octets=5000 ipv4-udp=2000 \
    ipv4-icmp=10 ipv6-tcp-1514-octets=3000 ipv6-udp=1000 \
    ipv6-icmp-neighbour-solicitation=20 arp-request=30 vlan-ipv4-udp=400 \
    qinq-ipv4-tcp-fin=5 lldp=1 ipv4-tcp-cut=2 >>"$work/sent"
}

# What is counted as TYPE[-INSTANCE].
counted() { tail -qn 1 "$values/demo/xdp-$interface/$1"-????-??-?? | cut -d , -f 2; }

# Every counter against what was sent. Returns 1 where one differs.
compare() {
  local name sent differences=0
  while read -r name sent; do
    if [ "$(counted "$name")" != "$sent" ]; then
      echo "$name: sent $sent, counted $(counted "$name")"
      differences=1
    fi
  done <"$work/expected"
  return "$differences"
}

# The groups that plugin_block() reports, summed up.
sum_up_sent() {
  awk '$1 !~ /-dscp-/ { sum[$1] += $2 }
    END { for (name in sum) printf "%s %d\n", name, sum[name] }' "$work/sent" |
    sort >"$work/expected"
}

demo_on_pair() {
  local second end start
  make_pair
  configure_collectd pair
  start_collectd nsenter --net="/run/netns/$receiver"
  echo "sending for $SECONDS_SHOWN seconds"
  start=$SECONDS
  for ((second = 0; second < SECONDS_SHOWN; second++)); do
    send_frames
    until [ "$SECONDS" -gt $((start + second)) ]; do sleep 0.1; done
    kill -0 "$collectd" || fail "collectd ended: $(cat "$work/log")"
    refresh_table
  done
  sum_up_sent
  end=$((SECONDS + DEADLINE))
  until compare >"$work/differences" 2>&1 || [ "$SECONDS" -ge "$end" ]; do
    sleep 0.2
  done
  [ ! -t 1 ] || printf '\033[H\033[J'
  show_table
  [ ! -s "$work/differences" ] || {
    cat "$work/differences"
    fail "what was counted differs from what was sent"
  }
  echo
  echo "All $(wc -l <"$work/expected") counters equal what was sent:" \
    "$(counted if_rx_packets) frames, $(counted if_rx_octets) octets."
}

demo_on_interface() {
  configure_collectd interface
  start_collectd
  echo "until Ctrl-C"
  trap 'running=' INT
  running=1
  while [ -n "$running" ]; do
    sleep 1 || true
    kill -0 "$collectd" || fail "collectd ended: $(cat "$work/log")"
    refresh_table || true
  done
  trap 'exit 130' INT
  [ ! -t 1 ] || printf '\033[H\033[J'
  show_table
}

# Where this system's collectd has its plugins.
plugin_directory() {
  local directory
  for directory in /usr/lib/collectd /usr/lib64/collectd; do
    [ ! -e "$directory/csv.so" ] || echo "$directory"
  done
}

install_missing build || fail "cannot install packages, see above"
build_in "$work" || fail "cannot build, see above"
if [ $# = 0 ]; then
  quietly make -C "$work/build" tests/framegen
  demo_on_pair
else
  demo_on_interface
fi

[ $# = 1 ] || interface=eth0
keep_values=yes
cat <<END
The values are in $values/demo, a csv file each.

To count on your own interface, install the plugin

  autoreconf -fi
  ./configure --with-plugindir=$(plugin_directory)
  make && make install

and put into collectd.conf:

  LoadPlugin xdp
$(plugin_block interface | sed 's/^/  /')

END
