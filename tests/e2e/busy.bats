#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Interfaces that have somebody else's XDP program: it is never touched, and when
# it goes we come.

load common
load foreign

# How a program is attached, and in which mode; a pair of interfaces for each.
KINDS='nl-native nl-generic link-native link-generic'

second=             # the second collectd

add_pairs() {
  local kind
  for kind in $KINDS; do
    add_pair "tx-$kind" "rx-$kind"
  done
}

# attach_foreign INTERFACE KIND: those with a link drop every second frame.
attach_foreign() {
  case $2 in
  nl-native) load_foreign "$1" xdpdrv ;;
  nl-generic) load_foreign "$1" xdpgeneric ;;
  link-*) hold_foreign "$1" "${2#link-}" 2 ;;
  esac
}

attach_foreigns() {
  local kind
  for kind in $KINDS; do
    attach_foreign "rx-$kind" "$kind"
  done
}

# detach_foreign INTERFACE KIND
detach_foreign() {
  case $2 in
  nl-native) on_rx ip link set "$1" xdpdrv off ;;
  nl-generic) on_rx ip link set "$1" xdpgeneric off ;;
  link-native) end_holder "$1" KILL ;;
  link-generic) end_holder "$1" TERM ;;
  esac
}

# exchange_foreign INTERFACE KIND
exchange_foreign() {
  local before
  before=$(xdp_program "$1")
  case $2 in
  nl-native) load_foreign "$1" xdpdrv -force ;;
  nl-generic) load_foreign "$1" xdpgeneric -force ;;
  link-*) kill -HUP "${holders[$1]}" ;;
  esac
  eventually has_other_program "$1" "$before"
}

# The programs of all kinds.
xdp_programs() {
  local kind
  for kind in $KINDS; do
    echo "$kind $(xdp_program "rx-$kind")"
  done
}

# passed KIND FRAMES: of an even number.
passed() {
  case $1 in
  link-*) echo $(($2 / 2)) ;;
  *) echo "$2" ;;
  esac
}

# to PAIR FRAMES, from PAIR FRAMES
to() { on_tx "$BUILD/tests/framegen" -s "tx$1" "ipv4-udp=$2" >/dev/null; }
from() { on_rx "$BUILD/tests/framegen" -s "rx$1" "ipv4-udp=$2" >/dev/null; }

# send_all TO [FROM]: so many frames to the interfaces of all kinds, and from them.
send_all() {
  local kind
  for kind in $KINDS; do
    to "-$kind" "$1"
    [ -z "${2:-}" ] || from "-$kind" "$2"
  done
}

# start_both_ways: with what standard input says of the plugin, in addition.
start_both_ways() {
  configure <<END
Direction "both"
$(cat)
END
  start_collectd
}

assert_told_nothing_since() {
  diff <(echo "$1") <(told)
}

has_lines() { [ "$(grep -cF -- "$2" "$dir/log")" = "$1" ]; }

# assert_notifications INTERFACE NUMBER: that there are no more.
assert_notifications() {
  has_lines "$2" "plugin = xdp, plugin_instance = $1," || {
    cat "$dir/log"
    return 1
  }
}


# Whatever were told at each read would be told by then.
wait_for_reads() { eventually has_read "$1" $(($(reads "$1") + 5)); }

# assert_behind INTERFACE: counted at tc, since somebody else has XDP.
assert_behind() {
  assert_logged "[warning] xdp: interface \"$1\": rx is counted at tc ingress (tcx) as long as another XDP program is attached: what that one drops or redirects is not seen"
  assert_notified "$1" WARNING 'rx is counted at tc: another XDP program is attached'
  assert_state "$1" 1 3
}

assert_skipped() {
  assert_logged "[warning] xdp: interface \"$1\": rx is not counted as long as another XDP program is attached (Busy \"skip\")"
  assert_notified "$1" WARNING 'rx is not counted: another XDP program is attached'
  assert_state "$1" 0 0
}

# assert_comes INTERFACE [MODE]: within a second, to its first choice. The clock of
# the shell knows whole seconds.
assert_comes() {
  local words='in the driver (native XDP)' counted='rx is counted'
  [ "${2:-auto}" != generic ] ||
    words='on the skb (generic XDP), where a GSO or GRO super-frame counts as one frame'
  DEADLINE=2 assert_logged "interface \"$1\": rx is counted $words, by Mode \"${2:-auto}\""
  if grep -q 'Direction "both"' "$dir/collectd.conf"; then
    counted='rx and tx are counted'
  fi
  assert_notified "$1" OKAY "$counted"
}

# count_behind BUSY: beside somebody who was first, until he goes.
count_behind() {
  local kind before
  add_pairs
  attach_foreigns
  before=$(xdp_programs)
  send_all 2
  start_both_ways <<END
Interface "/^rx-/"
$1
END
  for kind in $KINDS; do
    assert_behind "rx-$kind"
  done
  send_all 10 4
  for kind in $KINDS; do
    eventually foreign_saw "rx-$kind" 12
    assert_value "rx-$kind" if_rx_packets "$(passed "$kind" 10)"
    assert_value "rx-$kind" if_tx_packets 4
  done
  [ "$(xdp_programs)" = "$before" ]
  for kind in $KINDS; do
    detach_foreign "rx-$kind" "$kind"
    assert_comes "rx-$kind"
  done
  send_all 7 5
  for kind in $KINDS; do
    assert_state "rx-$kind" 1 1
    assert_value "rx-$kind" if_rx_packets $(($(passed "$kind" 10) + 7))
    assert_value "rx-$kind" if_tx_packets 9
    assert_never_fell "rx-$kind" if_rx_packets
    assert_never_fell "rx-$kind" if_tx_packets
  done
  wait_for_reads "rx-${KINDS%% *}"
  for kind in $KINDS; do
    assert_notifications "rx-$kind" 2
  done
  stop_collectd
}

@test "Busy \"tc\": what somebody's program passes is counted, and all when it goes" {
  count_behind 'Busy "tc"'
}

@test "Busy \"observe\" by default: as tc where the kernel forbids it, which is said" {
  ! probe fexit || skip "not in this kernel: that programs are not observed"
  KINDS='nl-generic link-native' count_behind ''
  for kind in nl-generic link-native; do
    assert_logged "interface \"rx-$kind\": rx is counted at tc ingress (tcx) as long as another XDP program is attached: what that one drops or redirects is not seen; it cannot be observed: the kernel has no BTF or no BPF trampolines, or forbids them"
  done
}

@test "Busy \"skip\": nothing is counted but what is sent, until it goes" {
  add_pairs
  attach_foreigns
  before=$(xdp_programs)
  start_both_ways <<'END'
Interface "/^rx-/"
Busy "skip"
END
  for kind in $KINDS; do
    assert_skipped "rx-$kind"
  done
  send_all 10 4
  for kind in $KINDS; do
    eventually foreign_saw "rx-$kind" 10
    assert_value "rx-$kind" if_tx_packets 4
  done
  wait_for_reads rx-nl-native
  [ "$(xdp_programs)" = "$before" ]
  refute compgen -G "$dir/csv/h/xdp-rx-*/if_rx_*"
  for kind in $KINDS; do
    detach_foreign "rx-$kind" "$kind"
    assert_comes "rx-$kind"
  done
  send_all 7 5
  for kind in $KINDS; do
    assert_state "rx-$kind" 1 1
    assert_value "rx-$kind" if_rx_packets 7
    assert_value "rx-$kind" if_tx_packets 9
    assert_never_fell "rx-$kind" if_tx_packets
  done
  wait_for_reads rx-nl-native
  for kind in $KINDS; do
    assert_notifications "rx-$kind" 2
  done
  stop_collectd
}

@test "busy interfaces stop no other, and stay busy" {
  add_pair tx1 rx1
  load_foreign rx1 xdpdrv
  add_pair tx2 rx2
  load_foreign rx2 xdpgeneric
  before="$(xdp_program rx1) $(xdp_program rx2)"
  start_both_ways <<'END'
Interface "rx0"
<Interface "rx1">
  Busy "tc"
</Interface>
<Interface "rx2">
  Busy "skip"
</Interface>
END
  assert_behind rx1
  assert_skipped rx2
  assert_counted rx0
  to 0 5
  assert_value rx0 if_rx_packets 5
  wait_for_reads rx1
  assert_notifications rx0 0
  assert_notifications rx1 1
  assert_notifications rx2 1
  stop_collectd
  [ "$(xdp_program rx1) $(xdp_program rx2)" = "$before" ]
}

@test "a Mode of its own: to that one it returns" {
  add_pairs
  attach_foreigns
  # Each beside a program in the same mode, and in the other.
  start_both_ways <<'END'
Mode "generic"
Interface "/^rx-/"
<Interface "/^rx-(nl-native|link-generic)$/">
  Mode "native"
</Interface>
END
  modes='nl-native=native link-native=generic nl-generic=generic link-generic=native'
  for kind in $KINDS; do
    assert_behind "rx-$kind"
  done
  send_all 10
  for kind in $KINDS; do
    eventually foreign_saw "rx-$kind" 10
    assert_value "rx-$kind" if_rx_packets "$(passed "$kind" 10)"
  done
  for pair in $modes; do
    kind=${pair%=*}
    detach_foreign "rx-$kind" "$kind"
    assert_comes "rx-$kind" "${pair#*=}"
  done
  send_all 7
  for pair in $modes; do
    kind=${pair%=*}
    case $pair in
    *=native) assert_state "rx-$kind" 1 1 ;;
    *=generic) assert_state "rx-$kind" 1 2 ;;
    esac
    assert_value "rx-$kind" if_rx_packets $(($(passed "$kind" 10) + 7))
    assert_never_fell "rx-$kind" if_rx_packets
  done
  stop_collectd
}

# start_beside_foreigns: with Busy "tc" and "skip".
start_beside_foreigns() {
  add_pairs
  attach_foreigns
  start_both_ways <<'END'
Interface "/^rx-/"
Busy "skip"
<Interface "/^rx-(nl-native|link-generic)$/">
  Busy "tc"
</Interface>
END
  assert_behind rx-nl-native
  assert_skipped rx-nl-generic
  assert_skipped rx-link-native
  assert_behind rx-link-generic
  told=$(told)
}

# That those who came for others stay, and see every frame.
assert_nothing_new() {
  local theirs kind
  theirs=$(xdp_programs)
  wait_for_reads rx-nl-native
  send_all 10
  for kind in $KINDS; do
    eventually foreign_saw "rx-$kind" 10
  done
  wait_for_reads rx-nl-native
  assert_told_nothing_since "$told"
  refute compgen -G "$dir/csv/h/xdp-rx-nl-generic/if_rx_*"
  refute compgen -G "$dir/csv/h/xdp-rx-link-native/if_rx_*"
  stop_collectd
  [ "$(xdp_programs)" = "$theirs" ]
}

@test "somebody exchanges his program: it stays, and nothing is said again" {
  start_beside_foreigns
  for kind in $KINDS; do
    exchange_foreign "rx-$kind" "$kind"
  done
  assert_nothing_new
  assert_value rx-nl-native if_rx_packets 10
  assert_value rx-link-generic if_rx_packets 5
}

@test "one goes and another comes before we see it: nothing is said again" {
  start_beside_foreigns
  kill -STOP "$collectd"
  for pair in nl-native=link-generic nl-generic=link-native \
    link-native=nl-generic link-generic=nl-native; do
    detach_foreign "rx-${pair%=*}" "${pair%=*}"
    attach_foreign "rx-${pair%=*}" "${pair#*=}"
  done
  kill -CONT "$collectd"
  assert_nothing_new
  assert_value rx-nl-native if_rx_packets 5
  assert_value rx-link-generic if_rx_packets 10
}

@test "who comes after us is refused, and all is counted" {
  while read -r mode native generic; do
    rm -rf "$dir/log" "$dir/csv"
    start_counting <<END
Interface "rx0"
Mode "$mode"
END
    ours=$(xdp_program rx0)
    to 0 5
    refute hold_foreign rx0 native
    grep -q "$native" "$dir/holder-rx0"
    refute hold_foreign rx0 generic
    grep -q "$generic" "$dir/holder-rx0"
    for place in xdpdrv xdpgeneric; do
      refute load_foreign rx0 "$place"
      refute load_foreign rx0 "$place" -force
      # Of the other mode it is no mistake, since there is none.
      on_rx ip link set rx0 "$place" off || true
    done
    [ "$(xdp_program rx0)" = "$ours" ]
    to 0 6
    assert_value rx0 if_rx_packets 11
    assert_notifications rx0 0
    stop_collectd
  done <<'END'
native busy exists
generic exists busy
END
}

@test "Mode \"tc\": who comes after us sees every frame, and we what he passes" {
  add_pairs
  start_both_ways <<'END'
Interface "/^rx-/"
Mode "tc"
END
  for kind in $KINDS; do
    assert_logged "interface \"rx-$kind\": rx is counted at tc ingress (tcx), by Mode \"tc\""
    assert_logged "interface \"rx-$kind\": tx is counted"
  done
  send_all 3
  told=$(told)
  attach_foreigns
  send_all 10
  for kind in $KINDS; do
    eventually foreign_saw "rx-$kind" 10
    assert_value "rx-$kind" if_rx_packets $((3 + $(passed "$kind" 10)))
    detach_foreign "rx-$kind" "$kind"
  done
  send_all 4
  for kind in $KINDS; do
    assert_value "rx-$kind" if_rx_packets $((7 + $(passed "$kind" 10)))
    assert_state "rx-$kind" 1 3
  done
  assert_told_nothing_since "$told"
  stop_collectd
}

# Runs a command on the second instance of collectd, which has a directory, and
# thereby files, of its own.
second() {
  local dir=$dir/second collectd=$second
  "$@"
  second=$collectd
}

# start_instances BUSY: of which the first counts, and the second stands back.
start_instances() {
  rm -rf "$dir/log" "$dir/csv" "$dir/second"
  mkdir "$dir/second"
  configure <<<'Interface "rx0"'
  second configure <<END
Interface "rx0"
Busy "$1"
END
  start_collectd
  assert_counted rx0
  to 0 5
  second start_collectd
  case $1 in
  tc) second assert_behind rx0 ;;
  skip) second assert_skipped rx0 ;;
  esac
}

end_first() {
  kill -"$1" "$collectd"
  wait "$collectd" || true
  collectd=
}

@test "two instances, Busy \"tc\": both count; when the first ends the second takes over" {
  for signal in TERM KILL; do
    start_instances tc
    to 0 10
    assert_value rx0 if_rx_packets 15
    second assert_value rx0 if_rx_packets 10
    end_first "$signal"
    second assert_comes rx0
    second assert_state rx0 1 1
    to 0 7
    second assert_value rx0 if_rx_packets 17
    second assert_never_fell rx0 if_rx_packets
    second assert_notifications rx0 2
    [ "$(value rx0 if_rx_packets)" = 15 ]
    # It is the first one now that stands back.
    rm -r "$dir/csv" "$dir/log"
    start_collectd
    assert_behind rx0
    to 0 3
    assert_value rx0 if_rx_packets 3
    second assert_value rx0 if_rx_packets 20
    stop_collectd
    second stop_collectd
  done
}

@test "two instances, Busy \"skip\": one counts; when the first ends the second takes over" {
  for signal in TERM KILL; do
    start_instances skip
    to 0 10
    assert_value rx0 if_rx_packets 15
    second wait_for_reads rx0
    refute compgen -G "$dir/second/csv/h/xdp-rx0/if_rx_*"
    end_first "$signal"
    second assert_comes rx0
    second assert_state rx0 1 1
    to 0 7
    second assert_value rx0 if_rx_packets 7
    second assert_notifications rx0 2
    [ "$(value rx0 if_rx_packets)" = 15 ]
    second stop_collectd
  done
}

@test "two instances, both in Mode \"tc\": both count all" {
  mkdir "$dir/second"
  start_both_ways <<'END'
Interface "rx0"
Mode "tc"
END
  assert_counted rx0
  second start_both_ways <<'END'
Interface "rx0"
Mode "tc"
END
  second assert_counted rx0
  to 0 10
  from 0 4
  for instance in eval second; do
    "$instance" assert_value rx0 if_rx_packets 10
    "$instance" assert_value rx0 if_tx_packets 4
  done
  stop_collectd
  to 0 7
  from 0 3
  second assert_value rx0 if_rx_packets 17
  second assert_value rx0 if_tx_packets 7
  second stop_collectd
}

# On a bridge, whose driver has no XDP; somebody's program is generic there.
@test "no native XDP: who comes is noticed at tc, Busy holds, and it ends as it began" {
  local refused='rx is not counted: its driver has no XDP; use Mode "auto"'
  for bridge in br-auto br-skip br-native; do
    on_rx ip link add "$bridge" type bridge
    on_rx ip link set "$bridge" up
  done
  configure <<'END'
Interface "br-auto"
<Interface "br-skip">
  Busy "skip"
</Interface>
<Interface "br-native">
  Mode "native"
</Interface>
END
  start_collectd
  assert_logged 'interface "br-auto": rx is counted at tc ingress (tcx), since native XDP is refused'
  assert_logged 'interface "br-skip": rx is counted at tc ingress (tcx), since native XDP is refused'
  assert_logged "[error] xdp: interface \"br-native\": $refused"
  assert_notified br-native FAILURE "$refused"
  assert_state br-auto 1 3
  for bridge in br-auto br-skip; do
    hold_foreign "$bridge" generic
  done
  assert_behind br-auto
  assert_skipped br-skip
  # There is nothing to watch: the retry sees it.
  hold_foreign br-native generic
  assert_behind br-native
  for bridge in br-auto br-skip br-native; do
    end_holder "$bridge" KILL
  done
  assert_notified br-auto OKAY 'rx is counted'
  assert_notified br-skip OKAY 'rx is counted'
  assert_state br-skip 1 3
  assert_state br-native 0 0
  stop_collectd
  has_lines 2 "interface \"br-native\": $refused"
  has_lines 2 'interface "br-skip": rx is counted at tc ingress (tcx), since native XDP is refused'
}
