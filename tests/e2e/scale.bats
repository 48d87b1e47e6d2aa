#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Many interfaces, numbers of any size, and few descriptors.

load common

# The many are v1, v2, ... of this group; their other ends are p1, p2, ...
GROUP=7

# create_many FIRST LAST: all that end in a number from one to the other.
create_many() {
  local i
  for ((i = $1; i <= $2; i++)); do
    echo "link add v$i group $GROUP type veth peer name p$i netns $tx_namespace"
  done | on_rx ip -batch -
}

# The same, and up.
add_many() {
  create_many "$@"
  on_rx ip link set group "$GROUP" up
  on_tx ip link set group default up
}

delete_many() { on_rx ip link delete group "$GROUP"; }

# A device that has just been set up may drop what is sent until then.
many_run() { ! on_rx ip -br link show group "$GROUP" | grep -qv ' UP '; }

runs() { on_rx ip -br link show "$1" | grep -q ' UP '; }

# add_numbered NAME IFINDEX: up.
add_numbered() {
  on_rx ip link add "$1" index "$2" type veth peer name "p${1#v}" \
    netns "$tx_namespace"
  on_tx ip link set "p${1#v}" up
  on_rx ip link set "$1" up
  eventually runs "$1"
}

# to INTERFACE N and from INTERFACE N: sends so many frames there, or from there.
to() { on_tx "$BUILD/tests/framegen" -s "p${1#v}" ipv4-udp="$2" >/dev/null; }
from() { on_rx "$BUILD/tests/framegen" -s "$1" ipv4-tcp="$2" >/dev/null; }

# The links that collectd has: one for each direction that is counted.
links() { cat "/proc/$collectd/fdinfo/"* 2>/dev/null | grep -c ^link_id; }
has_links() { [ "$(links)" = "$1" ]; }

assert_links() {
  eventually has_links "$1" || {
    echo "$(links) links, expected $1"
    return 1
  }
}

# values TYPE: "INTERFACE VALUE" of each of the many, the last one written.
values() {
  awk -F , '{ last[FILENAME] = $2 }
    END {
      for (file in last) {
        match(file, "/xdp-[^/]*/")
        print substr(file, RSTART + 5, RLENGTH - 6), last[file]
      }
    }' "$dir"/csv/h/xdp-v*/"$1"-[0-9]* 2>/dev/null | sort
}

have_values() { values "$1" | cmp -s - "$2"; }

# assert_many TYPE LAST [INTERFACE VALUE]...: all of the many, up to the last
# one, have these values, and those that are not named the value 0.
assert_many() {
  {
    printf 'v%d 0\n' $(seq "$2")
    printf '%s %s\n' "${@:3}"
  } | awk '{ value[$1] = $2 } END { for (i in value) print i, value[i] }' |
    sort >"$dir/expected-$1"
  eventually have_values "$1" "$dir/expected-$1" || {
    values "$1" | diff "$dir/expected-$1" -
    return 1
  }
}

# What collectd has of descriptors, but for files that it writes, of threads, BPF
# objects, and memory of maps.
resources() {
  echo "$(find "/proc/$collectd/fd" -type l ! -lname "$dir/*" | wc -l) descriptors"
  echo "$(ls "/proc/$collectd/task" | wc -l) threads"
  bpf_objects "$collectd" | cut -d ' ' -f 1 | uniq -c
  echo "$(grep -c bpf-map "/proc/$collectd/maps") mapped"
}

are_resources() { resources | cmp -s - "$1"; }

# What goes while it is looked at is no mistake.
assert_no_complaint() { refute grep -E '^\[(error|warning)\] xdp:' "$dir/log"; }

# come_and_go LINKS ROUNDS: a hundred of them each time, under the same names,
# each attached by so many links. Nothing is left of them.
come_and_go() {
  local i before
  before=$(links)
  resources >"$dir/before"
  for ((i = 0; i < $2; i++)); do
    add_many 1 100
    assert_links $((before + $1 * 100))
    delete_many
    assert_links "$before"
  done
  eventually are_resources "$dir/before" || {
    resources | diff "$dir/before" -
    return 1
  }
  assert_no_complaint
}

@test "1000 interfaces come and go: nothing is left, and the next one counts" {
  start_counting <<'END'
Interface "rx0"
Interface "/^v[0-9]+$/"
Report "total"
END
  come_and_go 1 10
  add_many 101 101
  eventually many_run
  assert_counted v101
  to v101 17
  assert_value v101 if_rx_packets 17
  framegen tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  stop_collectd
}

# The kernel takes some 10 ms for each link at tcx.
@test "100 interfaces come and go, on tc, both ways" {
  start_counting <<'END'
Interface "rx0"
Interface "/^v[0-9]+$/"
Mode "tc"
Direction "both"
Report "total"
END
  assert_links 2
  come_and_go 2 1
  add_many 101 101
  eventually many_run
  assert_logged 'interface "v101": tx is counted'
  to v101 17
  from v101 18
  assert_value v101 if_rx_packets 17
  assert_value v101 if_tx_packets 18
  stop_collectd
}

# --- a flood ------------------------------------------------------------------

# lines INTERFACE TYPE: values of it that were written.
lines() { cat "$dir/csv/h/xdp-$1/$2"-[0-9]* | wc -l; }
has_lines() { [ "$(lines "$1" "$2")" -ge "$3" ]; }

# The longest time between two reads, in whole seconds.
longest_gap() {
  cut -d , -f 1 "$dir/csv/h/xdp-$1/$2"-[0-9]* | grep -v epoch | sort -n |
    awk 'NR > 1 && $1 - last > gap { gap = $1 - last } { last = $1 }
      END { print int(gap) }'
}

# only_are_written INTERFACE...: of others, that are not there, nothing is
# written any more. rx0 is read twice meanwhile.
only_are_written() {
  touch "$dir/marker"
  eventually has_lines rx0 gauge-attached $(($(lines rx0 gauge-attached) + 2))
  find "$dir/csv" -newer "$dir/marker" -path '*/xdp-*/*' -printf '%h\n' |
    sed 's/.*xdp-//' | sort -u >"$dir/written"
  printf '%s\n' "$@" | sort | cmp -s - "$dir/written"
}

assert_only_are_written() {
  eventually only_are_written "$@" || {
    echo "written: $(tr '\n' ' ' <"$dir/written")"
    return 1
  }
}


# Messages that the kernel dropped since collectd's buffers were full.
drops() {
  awk 'NR > 1 { sum += $9 } END { print sum }' "/proc/$collectd/net/netlink"
}

@test "a flood of 10,000 events: reads go on, and what is there counts" {
  start_counting <<'END'
Interface "rx0"
Interface "/^v[0-9]*0$/"
Report "total"
END
  for i in {0..9}; do
    create_many $((500 * i + 1)) $((500 * i + 500))
    delete_many
  done
  add_many 9001 9100
  eventually many_run
  assert_links 11
  framegen tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  for i in {9010..9100..10}; do
    to "v$i" $((i - 9000))
  done
  for i in {9010..9100..10}; do
    assert_value "v$i" if_rx_packets $((i - 9000))
  done
  assert_only_are_written rx0 v{9010..9100..10}
  longest_gap rx0 gauge-attached
  [ "$(longest_gap rx0 gauge-attached)" -le 2 ]
  assert_no_complaint
  stop_collectd
}

@test "a flood that overruns the socket: what is there counts" {
  start_counting <<'END'
Interface "rx0"
Interface "stays"
Interface "again"
Interface "/^v[0-9]+$/"
Report "total"
END
  add_numbered stays 50001
  add_numbered again 50002
  add_numbered v9000 50003
  add_numbered v9001 50004
  assert_links 5
  for name in stays again v9000 v9001; do
    to "$name" 3
  done
  for name in stays again v9000 v9001; do
    assert_value "$name" if_rx_packets 3
  done

  # It follows nothing at all for a while.
  kill -STOP "$collectd"
  on_rx ip link delete again
  on_rx ip link delete v9000
  on_rx ip link set v9001 name v9002
  until [ "$(drops)" -gt 0 ]; do
    add_many 1 1000
    delete_many
  done
  add_numbered again 50002
  add_numbered v9003 50003
  kill -CONT "$collectd"

  assert_counted v9003
  assert_links 5
  assert_only_are_written rx0 stays again v9002 v9003
  for name in stays again; do
    to "$name" 4
    assert_value "$name" if_rx_packets 7
  done
  to v9003 2
  assert_value v9003 if_rx_packets 2
  on_tx "$BUILD/tests/framegen" -s p9001 ipv4-udp=2 >/dev/null
  assert_value v9002 if_rx_packets 2
  stop_collectd
}

# --- numbers of any size ------------------------------------------------------

# remake NAME IFINDEX
remake() {
  on_rx ip link delete "$1"
  add_numbered "$1" "$2"
}

# count_numbered MODE: an ifindex below, around and beyond 65536, both ways.
count_numbered() {
  declare -A numbers=([low]=4000 [edge]=65535 [beyond]=65536 [large]=70000
    [huge]=2000000)
  local name n=0
  for name in "${!numbers[@]}"; do
    add_numbered "$name" "${numbers[$name]}"
  done
  configure <<END
Interface "/^(low|edge|beyond|large|huge)$/"
Mode "$1"
Direction "both"
END
  start_collectd
  assert_links 10
  for name in "${!numbers[@]}"; do
    n=$((n + 1))
    to "$name" "$n"
    from "$name" $((10 * n))
    assert_value "$name" if_rx_packets "$n"
    assert_value "$name" if_tx_packets $((10 * n))
  done
  remake large 70000
  remake huge 2000000
  assert_links 10
  for name in "${!numbers[@]}"; do
    to "$name" 100
    from "$name" 100
  done
  n=0
  for name in "${!numbers[@]}"; do
    n=$((n + 1))
    assert_value "$name" if_rx_packets $((n + 100))
    assert_value "$name" if_tx_packets $((10 * n + 100))
  done
  stop_collectd
}

@test "an ifindex of any size, in the driver" { count_numbered native; }

@test "an ifindex of any size, on tc" { count_numbered tc; }

# --- descriptors --------------------------------------------------------------

# bpf_descriptors [KIND]: the numbers of collectd's descriptors that are BPF's.
bpf_descriptors() {
  grep -l "^${1:-\(prog\|map\|link\)}_id:" "/proc/$collectd/fdinfo/"* \
    2>/dev/null | sed 's,.*/,,'
}

# below NUMBER: how many on standard input are.
below() { awk -v number="$1" '$1 < number { n++ } END { print n + 0 }'; }

soft_limit() { prlimit --pid "$collectd" --nofile --output SOFT --noheadings; }

# The configuration of many; read as often as csv can write it.
configure_many() {
  interval=1 configure <<END
Interface "rx0"
Interface "/^v[0-9]+$/"
Report "total"
$(cat)
END
}

# The gauge says of so many that they are.
are_attached() {
  [ "$(values gauge-attached | grep -c ' 1.000000$')" = "$1" ]
}

# start_300 LINKS [COMMAND...]: 300 interfaces, rx0 besides, and so many links; in
# a collectd that is started by the command.
start_300() {
  add_many 1 300
  start_collectd "${@:2}"
  assert_links "$1"
  eventually are_attached 300
  eventually many_run
}

# What select() of other plugins knows is left to them: all but the programs and
# maps of all interfaces.
assert_high_descriptors() {
  [ "$(bpf_descriptors link | below 1024)" = 0 ]
  [ "$(bpf_descriptors | below 1024)" -le 20 ]
}

@test "300 interfaces at once: each has its own frames" {
  local i rx=()
  configure_many </dev/null
  start_300 301
  for i in 1 2 3 50 100 150 200 250 299 300; do
    to "v$i" "$i"
    rx+=("v$i" "$i")
  done
  assert_many if_rx_packets 300 "${rx[@]}"
  assert_high_descriptors
  stop_collectd
}

@test "descriptors: a soft limit of 256 is raised" {
  configure_many </dev/null
  start_300 301 prlimit --nofile=256:4096
  to v1 5
  to v150 6
  to v300 7
  assert_many if_rx_packets 300 v1 5 v150 6 v300 7
  assert_high_descriptors
  [ "$(soft_limit)" -gt 1024 ]
  [ "$(soft_limit)" -le 4096 ]
  stop_collectd
}

# Those that are told of as not attached, a line each time.
failures() {
  local said="rx is not counted: out of file descriptors; raise LimitNOFILE="
  sed -n "s/.*interface \"\(v[0-9]*\)\": $said of collectd's systemd unit.*/\1/p" \
    "$dir/log" | sort
}

# Each of so many has a gauge, and those that are not attached are told of. Some
# that are told of may be attached by now.
all_are_told() {
  values gauge-attached >"$dir/gauges"
  [ "$(wc -l <"$dir/gauges")" = "$1" ] &&
    [ -z "$(comm -23 <(sed -n 's/ 0.000000$//p' "$dir/gauges") <(failures))" ]
}

# How many of those that are named count now.
count_attached() {
  printf '%s 1.000000\n' "$@" | sort |
    comm -12 - <(values gauge-attached) | wc -l
}
# Or more: others, such as csv, give descriptors back as well.
have_recovered() { [ "$(count_attached "${@:2}")" -ge "$1" ]; }

# run_out LIMIT N COMMAND...: more interfaces than descriptors. Those that have
# one count, the others are told of, and attached after the command when there is
# room.
run_out() {
  local i counted failed
  # It is tried again after 1, 2, 4, 8, ... s.
  # shellcheck disable=SC2034 # of eventually
  DEADLINE=60
  add_many 1 "$2"
  configure_many <<'END'
Mode "tc"
END
  start_collectd prlimit --nofile="$1:$1"
  eventually all_are_told "$2"
  mapfile -t counted < <(sed -n 's/ 1.000000$//p' "$dir/gauges")
  mapfile -t failed < <(sed -n 's/ 0.000000$//p' "$dir/gauges")
  [ "${#counted[@]}" -ge 20 ]
  [ "${#failed[@]}" -ge 20 ]
  [ $((${#counted[@]} + ${#failed[@]})) = "$2" ]

  printf 'link delete %s\n' "${counted[@]:6:10}" | on_rx ip -batch -
  "${@:3}"
  eventually have_recovered 10 "${failed[@]}"
  # Once, although it was tried again.
  [ -z "$(comm -12 <(printf '%s\n' "${failed[@]}") <(failures | uniq -d))" ]
  printf '%s 1.000000\n' "${failed[@]}" | sort |
    comm -12 - <(values gauge-attached) >"$dir/recovered"
  eventually many_run
  mapfile -t counted < <(
    printf '%s\n' "${counted[@]::6}" "${counted[@]: -3}"
    cut -d ' ' -f 1 "$dir/recovered"
  )
  for i in "${!counted[@]}"; do
    to "${counted[i]}" $((i + 1))
  done
  for i in "${!counted[@]}"; do
    assert_value "${counted[i]}" if_rx_packets $((i + 1))
  done
  stop_collectd
}

# They are tried again when they change.
change_many() { on_rx ip link set group "$GROUP" mtu 1400; }

@test "descriptors: a hard limit that does not suffice for all" {
  run_out 1100 150 true
}

@test "descriptors: a hard limit below 1024 that does not suffice for all" {
  run_out 256 250 change_many
}

@test "descriptors: a hard limit of 512 suffices for a few" {
  add_many 1 10
  configure_many <<'END'
Direction "both"
END
  start_collectd prlimit --nofile=512:512
  assert_links 22
  eventually many_run
  to v3 5
  from v10 6
  assert_many if_rx_packets 10 v3 5
  assert_many if_tx_packets 10 v10 6
  assert_no_complaint
  stop_collectd
}

# --- other kernels ------------------------------------------------------------

batches_refused() { grep -c '^batch of .* refused$' "$dir/output"; }

# are_counted N [PATTERN]: so many times it was told.
are_counted() {
  [ "$(grep -c "interface \"${2:-.*}\": [rt]x is counted" "$dir/log")" = "$1" ]
}

@test "a kernel without batches of maps in maps: slower, never wrong" {
  add_many 1 50
  add_numbered v51 70000
  add_numbered v52 70001
  configure_many </dev/null
  as_if KERNEL_LACKS=batch
  assert_links 53
  [ "$(batches_refused)" -ge 2 ]
  eventually many_run
  local i values=()
  for i in {1..52..3}; do
    to "v$i" "$i"
    values+=("v$i" "$i")
  done
  assert_many if_rx_packets 52 "${values[@]}"
  local before
  before=$(batches_refused)
  resources >"$dir/before"
  delete_many
  on_rx ip link delete v52
  assert_links 2
  [ "$(batches_refused)" -gt "$before" ]
  add_many 1 50
  add_numbered v52 70001
  assert_links 53
  eventually many_run
  eventually are_resources "$dir/before"
  eventually are_counted 104
  for i in 1 25 49 52; do
    to "v$i" 1
    values+=("v$i" $((i + 1)))
  done
  assert_many if_rx_packets 52 "${values[@]}"
  stop_collectd
}

# Other plugins are read.
uptime_lines() { cat "$dir/csv/h/uptime/"* 2>/dev/null | wc -l; }
has_uptime_lines() { [ "$(uptime_lines)" -ge "$1" ]; }

@test "a slow card keeps neither the start nor reads waiting" {
  add_numbered slow 4000
  configure <<'END'
Interface "rx0"
Interface "/^slow/"
END
  touch "$dir/held"
  as_if KERNEL_HOLDS="4000:$dir/held"
  eventually has_uptime_lines 3
  refute has_logged 'interface "slow": rx is counted'
  rm "$dir/held"
  assert_counted slow
  assert_counted rx0
  framegen tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5

  touch "$dir/held"
  remake slow 4000
  for n in {6..10}; do
    framegen tx0 ipv4-udp=1 >/dev/null
    assert_value rx0 if_rx_packets "$n"
  done
  to slow 2
  rm "$dir/held"
  eventually are_counted 2 slow
  to slow 3
  assert_value slow if_rx_packets 3
  stop_collectd
}
