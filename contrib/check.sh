#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: contrib/check.sh [--all]
#
# Installs what is missing, builds in a temporary directory and runs every test;
# on Debian also in emulated machines with the oldest and the newest kernel. With
# --all it builds for other processors as well, and tests on all kernels. The last
# line is "N passed, N failed, N skipped". As root on Debian or Fedora.
# With CI=true a skipped test is a failure, unless it says that the kernel does
# not have what it tests.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=contrib/build.sh
. "$top/contrib/build.sh"

case $* in
'') kernels=(5.10 newest) needed=check ;;
--all) kernels=() needed=cross ;;
*) fail "usage: contrib/check.sh [--all]" ;;
esac
[ "$(id -u)" = 0 ] || fail "needs root: installs packages, loads BPF programs"
make_work_directory
make=

# The tests clean up after themselves when they are told to end.
clean_up() {
  trap '' INT TERM
  if [ -n "$make" ]; then
    kill -TERM -- "-$make" 2>/dev/null || true
    wait "$make" || true
  fi
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
not_here='# SKIP not in this kernel\(: .*\)\?$'
passed=0 failed=0 skipped=0 impossible=0

# Shows each test program when it begins, and each test that fails.
show_progress() {
  awk '
    /^(PASS|FAIL|SKIP|XPASS|ERROR): / {
      program = $2
      if (!(program in seen)) { seen[program] = 1; print "testing " program }
      if ($1 != "PASS:") print
      fflush()
    }'
}

# Number of results of a kind, "PASS", in the summaries of make check.
results() {
  awk -v kind="# $1:" 'index($0, kind) == 1 { sum += $NF } END { print sum + 0 }' \
    "$work/log"
}

# run_tests TARGET: of make.
run_tests() {
  local status=0 refused
  : >"$work/log"
  # In a process group of its own.
  setsid make -j "$(nproc)" -C "$work/build" "$1" >"$work/log" 2>&1 &
  make=$!
  tail -n +1 -f --pid="$make" "$work/log" | show_progress &
  wait "$make" || status=$?
  wait
  make=
  refused=$(($(results FAIL) + $(results XPASS) + $(results ERROR)))
  if [ "$refused" = 0 ] && { [ "$status" != 0 ] || [ "$(results TOTAL)" = 0 ]; }; then
    cat "$work/log"
    refused=1
  elif [ "$refused" != 0 ] && [ "$1" = check ]; then
    cat "$work/build/test-suite.log"
  elif [ "$refused" != 0 ]; then
    tail -n 200 "$work/log"
  fi
  passed=$((passed + $(results PASS)))
  skipped=$((skipped + $(results SKIP)))
  impossible=$((impossible + $(grep -c "^SKIP: .* $not_here" "$work/log" || true)))
  failed=$((failed + refused))
}

# The tarball builds, installs and uninstalls; its tests were run above.
run_distcheck() {
  echo "testing make distcheck"
  if quietly make -C "$work/build" distcheck TESTS=; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
}

# Number of results of guests that match.
guests() { grep -c "^[^ ]*: $1" "$work/guests" || true; }

# Prints failures, and at the end the table.
show_guests() {
  awk '/^$/ { table = 1 } table || /^[^ ]*: not ok/ { print; fflush() }'
}

run_guests() {
  local status=0
  echo "testing in guests"
  : >"$work/guests"
  BUILD=$work/build setsid "$work/source/tests/vm/matrix" "${kernels[@]}" \
    >"$work/guests" 2>&1 &
  make=$!
  tail -n +1 -f --pid="$make" "$work/guests" | show_guests &
  wait "$make" || status=$?
  wait
  make=
  local refused
  refused=$(guests 'not ok ')
  if [ "$status" != 0 ] && [ "$refused" = 0 ]; then
    # No guest, see there why.
    grep -v '^[^ ]*: ok ' "$work/guests" | tail -n 60
    refused=1
  fi
  passed=$((passed + $(guests 'ok ') - $(guests 'ok .*# SKIP')))
  skipped=$((skipped + $(guests 'ok .*# SKIP')))
  impossible=$((impossible + $(guests "ok .*$not_here")))
  failed=$((failed + refused))
}

install_missing "$needed" || fail "cannot install packages, see above"
build_in "$work" CFLAGS='-O2 -g -Werror' || fail "cannot build, see above"
run_tests check
run_distcheck
if ! command -v apt-get >/dev/null; then
  echo "not testing other kernels and processors: they come by apt-get"
elif [ "$needed" = cross ]; then
  echo "testing builds for other processors"
  run_tests check-cross
  run_guests
else
  run_guests
fi

status=0
[ "$failed" = 0 ] || status=1
[ "${CI:-}" != true ] || [ "$skipped" = "$impossible" ] || status=1
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
