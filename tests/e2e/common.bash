# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# shellcheck disable=SC2034 # used by the tests
#
# What the end-to-end tests share: two network namespaces of their own, joined
# by a veth pair, and a real collectd that writes csv. $BUILD is the build tree.

# collectd, bpftool and sysctl stand where su leaves the way to.
PATH=$PATH:/usr/sbin:/sbin

# Waiting is polling with this deadline, in seconds; an emulated machine is slow.
DEADLINE=${XDP_TEST_DEADLINE:-20}

setup() {
  [ "$(id -u)" = 0 ] || skip "needs root: loads BPF programs"
  dir=$(mktemp -d)
  tx_namespace=xdp-test-$$-tx
  rx_namespace=xdp-test-$$-rx
  collectd=
  for namespace in "$tx_namespace" "$rx_namespace"; do
    ip netns add "$namespace"
    # The kernel's own frames (neighbour discovery) would be counted as well.
    nsenter --net="/run/netns/$namespace" \
      sysctl -qw net.ipv6.conf.default.disable_ipv6=1
  done
  add_pair tx0 rx0
}

teardown() {
  # Whatever a test that failed left running.
  jobs -p | xargs -r kill 2>/dev/null || true
  local daemon
  for daemon in ${collectd:-} ${second:-}; do
    kill -KILL "$daemon" 2>/dev/null && { wait "$daemon" || true; }
  done
  for namespace in "${tx_namespace:-}" "${rx_namespace:-}"; do
    [ -z "$namespace" ] || ip netns delete "$namespace" 2>/dev/null || true
  done
  [ -z "${dir:-}" ] || rm -rf "$dir"
}

on_tx() { nsenter --net="/run/netns/$tx_namespace" "$@"; }
on_rx() { nsenter --net="/run/netns/$rx_namespace" "$@"; }

# add_pair TX RX [QUEUES]
add_pair() {
  local queues=${3:-1}
  on_tx ip link add "$1" numtxqueues "$queues" numrxqueues "$queues" type veth \
    peer name "$2" numtxqueues "$queues" numrxqueues "$queues" \
    netns "$rx_namespace"
  on_tx ip link set "$1" up
  on_rx ip link set "$2" up
}

# That a command fails. A mere "!" would not end the test.
refute() {
  if "$@"; then
    echo "succeeded: $*"
    return 1
  fi
}

# --- what this kernel has, tried -----------------------------------------------

# Whether there is something; the test ends where that cannot be told.
probe() {
  local status=0
  "$BUILD/tests/probe" "$1" 2>/dev/null || status=$?
  [ "$status" -le 1 ] || exit 1
  return "$status"
}

# is_from VERSION: this kernel, or a newer one.
is_from() { printf '%s\n' "$1" "$(uname -r)" | sort -Vc 2>/dev/null; }

has_tcx() { probe tcx; }
has_frags() { probe frags; }

needs_tcx() { has_tcx || skip "not in this kernel: tcx"; }
needs_frags() { has_frags || skip "not in this kernel: XDP of several buffers"; }

# By which means frames are counted at tc, as the log says it.
tc_means() {
  if has_tcx; then
    echo tcx
  else
    echo "clsact: the kernel has no tcx"
  fi
}

needs_cpus() { [ "$(nproc)" -ge "$1" ] || skip "needs $1 CPUs"; }

# scaled COUNT: of frames or octets that are sent, fewer where the machine is
# slow.
scaled() { echo $(($1 / ${XDP_TEST_SCALE:-1})); }

# Waits until a command succeeds.
eventually() {
  local end=$((SECONDS + DEADLINE))
  until "$@"; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "not within $DEADLINE s: $*"
      return 1
    fi
    sleep 0.05
  done
}

# Writes the configuration; <Plugin xdp>'s content comes from standard input. The
# plugin is that of the build tree, or in $plugin_directory; it is read every
# 0.2 s, or every $interval.
configure() {
  cat >"$dir/collectd.conf" <<END
Hostname "h"
FQDNLookup false
Interval ${interval:-${XDP_TEST_INTERVAL:-0.2}}
BaseDir "$dir"
PIDFile "$dir/pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin logfile
<Plugin logfile>
  File "$dir/log"
  Timestamp false
  PrintSeverity true
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "$dir/csv"
  StoreRates false
</Plugin>
LoadPlugin uptime
PluginDir "${plugin_directory:-$BUILD/plugin/.libs}"
LoadPlugin xdp
<Plugin xdp>
$(cat)
</Plugin>
END
}

# start_collectd [COMMAND...]: runs it, by a command such as setpriv that becomes
# it, in the receiving namespace and returns when it has started.
# shellcheck disable=SC2120 # arguments come from other files
start_collectd() {
  # Not through a function: $! must be collectd itself.
  nsenter --net="/run/netns/$rx_namespace" "$@" \
    collectd -f -C "$dir/collectd.conf" >"$dir/output" 2>&1 3>&- &
  collectd=$!
  eventually has_logged 'Initialization complete' || {
    cat "$dir/log" "$dir/output"
    return 1
  }
}

# as_if VARIABLE=VALUE: starts collectd on another kernel, see other_kernel.c.
as_if() {
  start_collectd env "$1" LD_PRELOAD="$BUILD/tests/.libs/other_kernel.so"
}

has_logged() { grep -qF -- "$1" "$dir/log" 2>/dev/null; }

# That a line was logged, once.
assert_logged() {
  eventually has_logged "$1" || {
    cat "$dir/log"
    return 1
  }
  [ "$(grep -cF -- "$1" "$dir/log")" = 1 ]
}

# Waits until an interface is attached.
assert_counted() { assert_logged "xdp: interface \"$1\": rx is counted"; }

# Starts collectd with what standard input says of the plugin, and returns when
# rx0 is attached.
start_counting() {
  configure
  start_collectd
  assert_counted rx0
}

# Ends collectd and gives its exit status.
stop_collectd() {
  local status=0
  kill -TERM "$collectd"
  wait "$collectd" || status=$?
  collectd=
  return "$status"
}

# value INTERFACE TYPE[-INSTANCE]: the last one that collectd wrote.
value() {
  local files=("$dir/csv/h/xdp-$1/$2"-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9])
  local lines cut
  # After midnight there is another file. No process is started, since this is
  # done some thousand times.
  [ -e "${files[-1]}" ] || return 0
  mapfile -t lines <"${files[-1]}"
  [ "${#lines[@]}" -gt 0 ] || return 0
  cut=${lines[-1]#*,}
  echo "${cut%%,*}"
}

has_value() { [ "$(value "$1" "$2")" = "$3" ]; }

# assert_value INTERFACE TYPE[-INSTANCE] VALUE: it becomes and is VALUE.
assert_value() {
  eventually has_value "$1" "$2" "$3" || {
    echo "$1 $2: $(value "$1" "$2"), expected $3"
    return 1
  }
}

# assert_values INTERFACE: each line "TYPE[-INSTANCE] VALUE" of standard input;
# lines of the same name add up.
assert_values() {
  local name expected
  sort | awk '{ sum[$1] += $2 } END { for (i in sum) printf "%s %d\n", i, sum[i] }' \
    >"$dir/expected"
  [ -s "$dir/expected" ]
  while read -r name expected; do
    assert_value "$1" "$name" "$expected" || return 1
  done <"$dir/expected"
}

# sum_values INTERFACE PATTERN: of all series that match.
sum_values() {
  local file sum=0
  for file in "$dir/csv/h/xdp-$1/"$2; do
    sum=$((sum + $(tail -n 1 "$file" | cut -d , -f 2)))
  done
  echo "$sum"
}

# framegen ARGUMENT...: sends, and prints what is to be counted.
framegen() { on_tx "$BUILD/tests/framegen" "$@"; }

# bpf_objects PID: "prog 12", one a line, of a process.
bpf_objects() { "$BUILD/tests/objects" "$1" 2>&1 | sort -u; }

is_gone() { ! bpftool "$1" show id "$2" >/dev/null 2>&1; }
