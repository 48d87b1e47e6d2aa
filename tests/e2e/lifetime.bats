#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# However collectd ends, nothing of ours is left in the kernel.

load common

start_and_count() {
  start_counting <<'END'
Interface "rx0"
Interface "lo"
END
  assert_counted lo
  framegen tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  bpf_objects "$collectd" >"$dir/objects"
  # Four programs (native, frags, generic, tc); two maps of their variables, an
  # array and a hash table of interfaces for XDP and for tc, and the map that
  # stands for none; and one map and one link per interface. No frags before
  # Linux 5.18, and a filter instead of a link at tc before 6.6.
  local programs=3 links=1
  ! has_frags || programs=4
  ! has_tcx || links=2
  [ "$(grep -c prog "$dir/objects")" = "$programs" ]
  [ "$(grep -c map "$dir/objects")" = 9 ]
  [ "$(grep -c link "$dir/objects")" = "$links" ]
}

assert_nothing_attached() {
  on_rx ip -details link show >"$dir/links"
  grep -q rx0 "$dir/links"
  refute grep -q prog/xdp "$dir/links"
}

assert_nothing_left() {
  while read -r kind id; do
    eventually is_gone "$kind" "$id"
  done <"$dir/objects"
  assert_nothing_attached
}

@test "after a stop" {
  start_and_count
  stop_collectd
  assert_nothing_left
}

# A filter of clsact would stay, see places.bats.
@test "after kill -9" {
  needs_tcx
  start_and_count
  kill -KILL "$collectd"
  wait "$collectd" || true
  collectd=
  assert_nothing_left
}

@test "after a restart the new one counts from zero" {
  start_and_count
  stop_collectd
  rm -r "$dir/csv" "$dir/log"
  start_and_count
  stop_collectd
  assert_nothing_left
}

# Whether it attaches before it stops is left to chance.
@test "collectd -T: leaves nothing" {
  configure <<'END'
Interface "rx0"
END
  on_rx timeout "$DEADLINE" collectd -T -C "$dir/collectd.conf" 3>&-
  assert_nothing_attached
}

@test "collectd -T with a mistake: says so and ends" {
  configure <<'END'
Interfce "rx0"
END
  status=0
  on_rx timeout "$DEADLINE" collectd -T -C "$dir/collectd.conf" 3>&- || status=$?
  [ "$status" = 1 ]
  assert_logged '[error] xdp: turned off by its configuration, see above'
}

# inject FAULT...: starts collectd so that its system calls fail as strace -e
# inject= says.
inject() {
  local fault options=()
  for fault; do
    options+=(-e "inject=$fault")
  done
  configure <<'END'
Interface "rx0"
Mode "generic"
END
  start_collectd strace -D -f -o /dev/null -e trace=bpf,clone3,mmap "${options[@]}"
}

# first_call PATTERN: the number of the first bpf() that matches, among those of
# its thread, in a start without faults.
first_call() {
  configure <<'END'
Interface "rx0"
Mode "generic"
END
  start_collectd strace -D -f -o "$dir/strace" -e trace=bpf
  assert_counted rx0
  stop_collectd
  rm "$dir/log"
  awk -v pattern="$1" '
    / bpf\(/ { n[$1]++; if ($0 ~ pattern) { print n[$1]; exit } }
  ' "$dir/strace"
}

# That nothing of ours is in the kernel, while collectd runs.
assert_holds_nothing() {
  [ -z "$(bpf_objects "$collectd")" ]
  assert_nothing_attached
}

@test "a start that fails: no outer map" {
  call=$(first_call 'BPF_MAP_CREATE.*xdp_interfaces')
  inject "bpf:error=ENOMEM:when=$call+"
  assert_logged "[error] xdp: turned off, cannot load its BPF programs: no memory for BPF: raise the limit of collectd's control group"
  assert_holds_nothing
}

@test "a start that fails: out of descriptors for the program" {
  call=$(first_call 'BPF_PROG_LOAD.*collectd_skb')
  inject "bpf:error=EMFILE:when=$call+"
  assert_logged "[error] xdp: turned off, cannot load its BPF programs: out of file descriptors: raise LimitNOFILE= of collectd's systemd unit"
  assert_holds_nothing
}

@test "a start that fails: no thread" {
  inject 'clone3:error=EAGAIN:when=1'
  assert_logged "[error] xdp: turned off, cannot start its thread: Resource temporarily unavailable; raise TasksMax= or the memory limit of collectd's systemd unit"
  assert_holds_nothing
}

has_maps() { [ "$(bpf_objects "$collectd" | grep -c map)" = "$1" ]; }

@test "an attach that fails: no link" {
  configure <<'END'
Interface "rx0"
Mode "generic"
END
  as_if KERNEL_LACKS=links
  assert_logged "[error] xdp: interface \"rx0\": rx is not counted: no memory for its counters; raise the limit of collectd's control group"
  assert_nothing_attached
  # The interface's own map has gone, those of the programs are there.
  eventually has_maps 7
  stop_collectd
}
