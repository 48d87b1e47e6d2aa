#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Somebody else's XDP program is observed: all that it sees is counted, with its
# verdict, and it goes on as if we were not there. Run by tests/vm/run, since
# not every host lets programs be observed.

load ../e2e/common
load ../e2e/foreign

setup_file() {
  probe fexit || skip "not in this kernel: fexit"
}

# assert_observed INTERFACE
assert_observed() {
  local words='as another XDP program sees it' severity=info
  if on_rx ip link show dev "$1" | grep -q xdpgeneric; then
    words+=' on the skb, where a GSO or GRO super-frame counts as one frame'
    severity=notice
  fi
  assert_logged "[$severity] xdp: interface \"$1\": rx is counted $words (id $(xdp_program "$1")), by Busy \"observe\""
  assert_state "$1" 1 4
}

# start_observing INTERFACE...: with what standard input says besides.
start_observing() {
  local interface
  configure <<END
$(printf 'Interface "%s"\n' "$@")
$(cat)
END
  start_collectd
  for interface; do
    assert_observed "$interface"
  done
}

# Of each verdict a number of its own, and one of a number that is none.
VERDICTS='ipv4-udp-to-9000=5 ipv4-udp-to-9001=7 ipv4-udp-to-9002=11
  ipv4-udp-to-9003=3 ipv4-udp-to-9004=2 ipv4-udp-to-9005=1'
OTHERS='ipv6-tcp=4 arp-request=6'

# send INTERFACE FRAME=COUNT...: through a socket, which every receiver takes.
send() { on_tx "$BUILD/tests/framegen" -s "$@"; }

# Values of a protocol, and the totals.
in_short() { grep -E '^if_rx_(packets|octets)(-protocol-[^ ]*)? [1-9]'; }

assert_verdicts() {
  assert_values "$1" <<'END'
if_rx_packets-verdict-pass 21
if_rx_packets-verdict-drop 7
if_rx_packets-verdict-tx 3
if_rx_packets-verdict-redirect 2
if_rx_packets-verdict-aborted 6
END
}

# count_verdicts native|generic PROGRAM
count_verdicts() {
  local id
  hold_foreign rx0 "$1" "$2"
  id=$(xdp_program rx0)
  start_observing rx0 <<<'Report "protocol" "cast"'
  # shellcheck disable=SC2086 # words
  send tx0 $VERDICTS $OTHERS >"$dir/sent"
  in_short <"$dir/sent" | assert_values rx0
  grep -E '^if_rx_packets-cast' "$dir/sent" | assert_values rx0
  assert_verdicts rx0
  assert_value rx0 if_rx_packets 39
  [ "$(sum_values rx0 'if_rx_octets-verdict-*')" = "$(value rx0 if_rx_octets)" ]
  [ "$(xdp_program rx0)" = "$id" ]
}

@test "each verdict, native: as the program goes on, at our start, stop and kill" {
  count_verdicts native verdicts
  foreign_saw rx0 39
  id=$(xdp_program rx0)
  stop_collectd
  [ "$(xdp_program rx0)" = "$id" ]
  send tx0 ipv4-udp=3 >/dev/null
  eventually foreign_saw rx0 42
  rm -r "$dir/log" "$dir/csv"
  start_collectd
  assert_observed rx0
  send tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  mapfile -t ours < <(bpf_objects "$collectd")
  [ "${#ours[@]}" -gt 0 ]
  kill -KILL "$collectd"
  wait "$collectd" || true
  [ "$(xdp_program rx0)" = "$id" ]
  send tx0 ipv4-udp=3 >/dev/null
  eventually foreign_saw rx0 50
  for object in "${ours[@]}"; do
    # shellcheck disable=SC2086 # "prog 12"
    eventually is_gone $object
  done
}

@test "each verdict, generic" {
  count_verdicts generic verdicts
  foreign_saw rx0 39
  stop_collectd
}

@test "each verdict of a program that tail-calls" {
  count_verdicts native tail
  stop_collectd
}

@test "each verdict of a program for frames of several buffers" {
  needs_frags
  count_verdicts native frags
  stop_collectd
}

@test "frames of several buffers: the octets of all of them" {
  needs_frags
  on_tx ip link set tx0 mtu 9000
  on_rx ip link set rx0 mtu 9000
  hold_foreign rx0 native frags
  start_observing rx0 <<<'Report "protocol" "size"'
  send tx0 ipv4-tcp-9000-octets=10 ipv4-tcp-1514-octets=3 >"$dir/sent"
  in_short <"$dir/sent" | assert_values rx0
  assert_value rx0 if_rx_octets $((10 * 9000 + 3 * 1514))
  assert_value rx0 if_rx_packets-size-1519-max 10
  stop_collectd
}

@test "a program that changes frames: they are counted as they came in" {
  hold_foreign rx0 native headers
  start_observing rx0 <<<'Report "all"'
  send tx0 vlan-ipv4-udp=10 ipv4-tcp-60-octets=20 ipv6-udp=30 >"$dir/sent"
  # Of no cards, which have their own numbers.
  grep -E '^if_rx_(packets|octets)(-(protocol|vlan|cast|size|dscp)-[^ ]*)? [1-9]' \
    "$dir/sent" | assert_values rx0
  assert_value rx0 if_rx_packets-verdict-pass 10
  assert_value rx0 if_rx_packets-verdict-drop 50
  foreign_saw rx0 60
  stop_collectd
}

@test "counters of users: what the program drops as well, within 256 octets" {
  hold_foreign rx0 native verdicts
  start_observing rx0 <<'END'
<Counter "dns">
  Filter "udp port 53"
</Counter>
<Counter "dropped">
  Filter "ip and udp dst port 9001"
</Counter>
<Counter "long">
  Filter "greater 1000"
</Counter>
<Counter "last">
  Filter "ether[255] == 0"
</Counter>
<Counter "deep">
  Filter "ether[256] == 0"
</Counter>
END
  assert_logged 'interface "rx0": counter "deep" is not available for rx: it reads beyond the first 256 octets'
  send tx0 ipv4-udp=5 ipv4-udp-to-9001=7 ipv4-tcp-1514-octets=2 arp-request=4 \
    >/dev/null
  assert_values rx0 <<END
if_rx_packets-counter-dns 5
if_rx_packets-counter-dropped 7
if_rx_packets-counter-long 2
if_rx_octets-counter-long $((2 * 1514))
if_rx_packets-counter-last 2
END
  refute compgen -G "$dir/csv/h/xdp-rx0/*counter-deep*"
  stop_collectd
}

@test "libxdp's dispatcher with two programs" {
  on_rx unshare --mount sh -c 'mount -t bpf bpf /sys/fs/bpf &&
    xdp-loader load -m native -n foreign rx0 "$1" "$1" && exec sleep 1000' \
    sh "$BUILD/tests/foreign.bpf.o" >"$dir/loader" 2>&1 3>&- &
  eventually is_attached_xdp rx0
  id=$(xdp_program rx0)
  start_observing rx0 </dev/null
  send tx0 ipv4-udp=20 ipv6-tcp=10 | in_short | assert_values rx0
  assert_value rx0 if_rx_packets-verdict-pass 30
  [ "$(xdp_program rx0)" = "$id" ]
  stop_collectd
  [ "$(xdp_program rx0)" = "$id" ]
}

is_attached_xdp() { [ -n "$(xdp_program "$1")" ]; }

@test "a program of three interfaces, of which one is selected" {
  add_pair tx1 rx1
  add_pair tx2 rx2
  hold_foreign rx0,rx1,rx2 native verdicts
  start_observing rx1 </dev/null
  send tx0 ipv4-udp-to-9001=100 >/dev/null
  send tx1 ipv4-udp-to-9001=10 ipv4-udp=1 >/dev/null
  send tx2 ipv4-udp-to-9001=1000 >/dev/null
  eventually foreign_saw rx0 1111
  assert_value rx1 if_rx_packets 11
  assert_value rx1 if_rx_packets-verdict-drop 10
  refute compgen -G "$dir/csv/h/xdp-rx0/*"
  stop_collectd
}

@test "two interfaces share a program: one goes, the other goes on" {
  add_pair tx1 rx1
  hold_foreign rx0,rx1 native verdicts
  start_observing rx0 rx1 <<<'Direction "both"'
  send tx0 ipv4-udp-to-9001=10 >/dev/null
  send tx1 ipv4-udp-to-9001=20 >/dev/null
  assert_value rx0 if_rx_packets-verdict-drop 10
  assert_value rx1 if_rx_packets-verdict-drop 20
  on_rx ip link delete rx1
  assert_value rx1 gauge-attached 0.000000
  send tx0 ipv4-udp-to-9001=5 >/dev/null
  on_rx "$BUILD/tests/framegen" -st rx0 ipv4-udp=4 >/dev/null
  assert_value rx0 if_rx_packets-verdict-drop 15
  assert_value rx0 if_tx_packets 4
  stop_collectd
}

@test "another namespace has the same ifindex and the same program: not ours" {
  local index
  index=$(on_rx ip -oneline link show dev rx0 | cut -d : -f 1)
  on_tx ip link add tx9 type veth peer name rx9
  # A namespace of its own, of the sender's: its devices have other frames.
  ip netns add "$tx_namespace-more"
  on_tx ip link set rx9 netns "$tx_namespace-more"
  nsenter --net="/run/netns/$tx_namespace-more" ip link delete rx9
  nsenter --net="/run/netns/$tx_namespace-more" ip link add rx9 index "$index" \
    type veth peer name tx9 netns "$tx_namespace"
  nsenter --net="/run/netns/$tx_namespace-more" ip link set rx9 up
  on_tx ip link set tx9 up
  hold_foreign rx0 native verdicts
  unshare --mount sh -c 'mount -t bpf bpf /sys/fs/bpf &&
    bpftool prog pin id "$1" /sys/fs/bpf/program &&
    nsenter --net="/run/netns/$2" ip link set rx9 xdpdrv pinned /sys/fs/bpf/program' \
    sh "$(xdp_program rx0)" "$tx_namespace-more"
  start_observing rx0 </dev/null
  send tx9 ipv4-udp-to-9001=100 >/dev/null
  send tx0 ipv4-udp-to-9001=10 >/dev/null
  eventually foreign_saw rx0 110
  assert_value rx0 if_rx_packets 10
  stop_collectd
  ip netns delete "$tx_namespace-more"
}

@test "it goes: we come, and what was counted stays; it comes back at tc: observed" {
  hold_foreign rx0 native verdicts
  start_observing rx0 </dev/null
  send tx0 ipv4-udp-to-9001=10 ipv4-udp=4 >/dev/null
  assert_value rx0 if_rx_packets 14
  end_holder rx0 KILL
  assert_logged 'interface "rx0": rx is counted in the driver (native XDP), by Mode "auto"'
  assert_state rx0 1 1
  send tx0 ipv4-udp-to-9001=6 >/dev/null
  assert_value rx0 if_rx_packets 20
  assert_value rx0 if_rx_packets-protocol-ipv4-udp 20
  assert_never_fell rx0 if_rx_packets
  stop_collectd
}

@test "a bond: a native program sees its members' frames, a generic one its own" {
  on_rx ip link add bond0 type bond mode balance-rr miimon 100
  on_rx ip link set rx0 down
  on_rx ip link set rx0 master bond0
  on_rx ip link set bond0 up
  hold_foreign bond0 generic verdicts
  start_observing bond0 </dev/null
  eventually is_up tx0
  send tx0 ipv4-udp-to-9001=10 >/dev/null
  assert_value bond0 if_rx_packets-verdict-drop 10
  end_holder bond0 TERM
  eventually has_value bond0 gauge-attached 1.000000
  if is_from 5.15; then
    stop_collectd
    rm -r "$dir/log" "$dir/csv"
    hold_foreign bond0 native verdicts
    start_observing bond0 </dev/null
    send tx0 ipv4-udp-to-9001=7 >/dev/null
    assert_value bond0 if_rx_packets-verdict-drop 7
  fi
  stop_collectd
}

is_up() { on_tx ip -oneline link show dev "$1" | grep -q 'state UP'; }

@test "it comes where we stand at tc: observed, and counted once" {
  on_rx ip link add br0 type bridge
  on_rx ip link set rx0 master br0
  on_rx ip link set br0 up
  configure <<'END'
Interface "br0"
END
  start_collectd
  assert_logged 'interface "br0": rx is counted at tc ingress'
  send tx0 ipv4-udp=5 >/dev/null
  local before
  assert_value br0 gauge-rx_mode 3.000000
  before=$(value br0 if_rx_packets)
  hold_foreign br0 generic verdicts
  assert_observed br0
  send tx0 ipv4-udp-broadcast=8 >/dev/null
  assert_value br0 if_rx_packets $((before + 8))
  assert_value br0 if_rx_packets-verdict-pass 8
  end_holder br0 TERM
  eventually has_value br0 gauge-rx_mode 3.000000
  send tx0 ipv4-udp-broadcast=3 >/dev/null
  assert_value br0 if_rx_packets $((before + 11))
  stop_collectd
}

# exchange NUMBER: returns when the program that comes as the so many-th is
# observed. It starts no process, which would take the only CPU from those who
# are timed.
exchange() {
  local end=$((SECONDS + DEADLINE))
  [ -p "$dir/nothing" ] || mkfifo "$dir/nothing"
  kill -HUP "${holders[rx0]}"
  until has_followed "$1"; do
    [ "$SECONDS" -lt "$end" ] || return
    read -rt 0.2 <>"$dir/nothing" || true
  done
}

has_followed() {
  local lines line count=0
  mapfile -t lines <"$dir/log"
  for line in "${lines[@]}"; do
    [[ $line != *'the other XDP program is another one now'* ]] || count=$((count + 1))
  done
  [ "$count" = "$1" ]
}

ROUNDS=${XDP_TEST_ROUNDS:-100}

@test "exchanged $ROUNDS times, without traffic meanwhile: exact" {
  local i sent=0 descriptors
  hold_foreign rx0 native verdicts
  start_observing rx0 </dev/null
  descriptors=$(find "/proc/$collectd/fd" | wc -l)
  for ((i = 1; i <= ROUNDS; i++)); do
    send tx0 "ipv4-udp-to-9001=$i" ipv4-udp=2 >/dev/null
    sent=$((sent + i + 2))
    exchange "$i"
  done
  send tx0 ipv4-udp-to-9001=9 >/dev/null
  assert_value rx0 if_rx_packets $((sent + 9))
  assert_value rx0 if_rx_packets-verdict-pass $((ROUNDS * 2))
  assert_value rx0 if_rx_packets-verdict-drop $((sent + 9 - ROUNDS * 2))
  assert_logged "(id $(xdp_program rx0)), which is observed"
  assert_never_fell rx0 if_rx_packets
  [ "$(find "/proc/$collectd/fd" | wc -l)" = "$descriptors" ]
  [ "$(bpf_objects "$collectd" | grep -c '^prog')" -lt 10 ]
  stop_collectd
}

# Frames a second, or fewer, and in a round.
RATE=1000 IN_ROUND=600

# now: microseconds.
now() { echo "${EPOCHREALTIME/[.,]/}"; }

# What was counted comes to rest.
settled_value() {
  local before=
  until [ "$(value rx0 if_rx_packets)" = "$before" ]; do
    before=$(value rx0 if_rx_packets)
    wait_for_read rx0
  done
  echo "$before"
}

wait_for_read() { eventually has_read "$1" $(($(reads "$1") + 2)); }

# What was missed is as long as so many frames took on the average.
@test "exchanged under traffic: no frame twice, and a gap of less than 100 ms" {
  local i before=0 after missing gap sender begin worst=0 all=
  hold_foreign rx0 native verdicts
  # What the verifier has to do for other groups takes an emulated CPU as long
  # as that.
  start_observing rx0 <<<'Report "total"'
  for ((i = 1; i <= 10; i++)); do
    kill -USR1 "${holders[rx0]}"
    eventually has_loaded "$i"
    begin=$(now)
    on_tx "$BUILD/tests/framegen" -s -r "$RATE" tx0 "ipv4-udp=$IN_ROUND" \
      >/dev/null 3>&- &
    sender=$!
    eventually foreign_sees_frames
    exchange "$i"
    wait "$sender"
    gap=$((($(now) - begin) / IN_ROUND))
    after=$(settled_value)
    missing=$((IN_ROUND - (after - before)))
    gap=$((gap * missing / 1000))
    all+=" $gap"
    [ "$missing" -ge 0 ]
    [ "$gap" -le "$worst" ] || worst=$gap
    before=$after
  done
  echo "# exchanged under traffic, gaps in ms:$all" >&3
  [ "$worst" -lt 100 ]
  # Each frame that counts has its verdict, and once.
  [ "$(value rx0 if_rx_packets-verdict-pass)" = "$after" ]
  stop_collectd
}

has_loaded() { [ "$(grep -c loaded "$dir/holder-rx0")" = "$1" ]; }

foreign_sees_frames() { foreign_saw rx0 '[1-9][0-9]*'; }

@test "a program without BTF: at tc, which is said" {
  hold_foreign rx0 native plain
  configure <<'END'
Interface "rx0"
END
  start_collectd
  assert_logged "interface \"rx0\": rx is counted at tc ingress ($(tc_means)) as long as another XDP program is attached: what that one drops or redirects is not seen; it cannot be observed: that program has no BTF (have it compiled with clang -g)"
  send tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  assert_state rx0 1 3
  stop_collectd
}

@test "without CAP_SYS_ADMIN: at tc, which is said" {
  hold_foreign rx0 native verdicts
  configure <<'END'
Interface "rx0"
END
  chmod 777 "$dir"
  chmod 644 "$dir/collectd.conf"
  start_collectd prlimit --memlock=unlimited setpriv --reuid=65534 \
    --regid=65534 --clear-groups --inh-caps=+bpf,+net_admin,+perfmon \
    --ambient-caps=+bpf,+net_admin,+perfmon
  assert_logged "is not seen; it cannot be observed: CAP_SYS_ADMIN is missing (grant it to collectd)"
  send tx0 ipv4-udp-to-9001=3 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
  stop_collectd
}
