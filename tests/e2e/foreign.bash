# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Sourced after common.bash: somebody else's XDP programs, and what is told of
# interfaces that have them.

declare -gA holders # processes by interface

# load_foreign INTERFACE xdpdrv|xdpgeneric [OPTION]: by netlink. iproute2 makes
# directories in the bpffs that it finds: here one that passes.
load_foreign() {
  # shellcheck disable=SC2016 # the inner shell expands them
  on_rx unshare --mount sh -c \
    'mount -t bpf bpf /sys/fs/bpf && ip $4 link set "$1" "$2" object "$3" section xdp' \
    sh "$1" "$2" "$BUILD/tests/foreign.bpf.o" "${3:-}"
}

# hold_foreign INTERFACE native|generic [DROPS]: by a link.
hold_foreign() {
  # What an earlier one said is not to be taken for this one's.
  rm -f "$dir/holder-$1"
  # Not through a function: $! must be the program itself.
  nsenter --net="/run/netns/$rx_namespace" "$BUILD/tests/holder" "$@" \
    >"$dir/holder-$1" 2>&1 3>&- &
  holders[$1]=$!
  eventually grep -qs . "$dir/holder-$1"
  grep -q attached "$dir/holder-$1"
}

# end_holder INTERFACE SIGNAL
end_holder() {
  kill -"$2" "${holders[$1]}"
  wait "${holders[$1]}" || true
}

has_other_program() { [ "$(xdp_program "$1")" != "$2" ]; }

# xdp_program INTERFACE: the id of the one that is attached.
xdp_program() {
  on_rx ip -details -json link show "$1" |
    sed -n 's/.*"xdp":{"mode":[0-9]*,"prog":{"id":\([0-9]*\).*/\1/p'
}

# foreign_saw INTERFACE FRAMES: what the program that is attached counted in its
# .bss.
foreign_saw() {
  local program map
  program=$(xdp_program "$1")
  for map in $(bpftool prog show id "$program" |
    sed -n 's/.*map_ids \([0-9,]*\).*/\1/p' | tr , ' '); do
    bpftool map dump id "$map"
  done | grep -qw "\"foreign_frames\": $2"
}

# What the plugin told so far. Others' lines are in between.
told() { grep -E '\] (xdp|Notification): ' "$dir/log"; }

# assert_notified INTERFACE SEVERITY MESSAGE: once.
assert_notified() {
  assert_logged "Notification: severity = $2, host = h, plugin = xdp, plugin_instance = $1, type = gauge, type_instance = attached, message = $3"
}

# assert_state INTERFACE ATTACHED RX_MODE: the gauges.
assert_state() {
  assert_value "$1" gauge-attached "$2.000000"
  assert_value "$1" gauge-rx_mode "$3.000000"
}

# assert_never_fell INTERFACE TYPE[-INSTANCE]: in all that collectd wrote.
assert_never_fell() {
  cat "$dir/csv/h/xdp-$1/$2"-[0-9]* | awk -F , '
    $1 == "epoch" { next }
    $2 + 0 < last + 0 { print "fell from " last " to " $2; fallen = 1 }
    { last = $2; lines++ }
    END { exit fallen || lines < 2 }'
}

# How often collectd read so far.
reads() { cat "$dir/csv/h/xdp-$1/gauge-attached"-* | wc -l; }
has_read() { [ "$(reads "$1")" -ge "$2" ]; }
