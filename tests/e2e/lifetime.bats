#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# However collectd ends, nothing of ours is left in the kernel.

load common

start_and_count() {
  configure <<'END'
Interface "rx0"
Interface "lo"
END
  start_collectd
  assert_counted rx0
  assert_counted lo
  framegen tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  bpf_objects "$collectd" | sort -u >"$dir/objects"
  # The program, its three maps, one map and one link per interface.
  [ "$(grep -c prog "$dir/objects")" = 1 ]
  [ "$(grep -c map "$dir/objects")" = 5 ]
  [ "$(grep -c link "$dir/objects")" = 2 ]
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

@test "after kill -9" {
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

@test "collectd -T: one read, and away" {
  configure <<'END'
Interface "rx0"
END
  on_rx timeout "$DEADLINE" collectd -T -C "$dir/collectd.conf" 3>&-
  assert_nothing_attached
}

@test "a start that fails half way" {
  configure <<'END'
Interface "rx0"
END
  # The first calls of libbpf are probes; those behind create maps and load.
  for n in 6 7 8 9 10; do
    rm -f "$dir/log"
    start_collectd strace -D -f -o "$dir/strace" -e trace=bpf \
      -e inject=bpf:error=ENOMEM:when="$n+"
    eventually has_logged '[error] xdp: turned off' ||
      assert_logged '[error] xdp: interface "rx0" is not counted'
    stop_collectd || true
    assert_nothing_attached
  done
}
