#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: contrib/check.sh [--all]
#
# Installs what is missing, builds in a temporary directory and runs every test;
# on Debian also in emulated machines with the oldest and the newest kernel, or
# with --all of them. The last line is "N passed, N failed, N skipped". As root on
# Debian or Fedora.
# With CI=true a skipped test is a failure, unless it says that the kernel does
# not have what it tests.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=contrib/build.sh
. "$top/contrib/build.sh"

case $* in
'') kernels=(5.10 newest) ;;
--all) kernels=() ;;
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

# Number of results of a kind, "PASS", in the summary of make check.
results() { sed -n "s/^# $1: *//p" "$work/summary"; }

run_tests() {
  : >"$work/log"
  # In a process group of its own.
  setsid make -j "$(nproc)" -C "$work/build" check >"$work/log" 2>&1 &
  make=$!
  tail -n +1 -f --pid="$make" "$work/log" | show_progress
  wait "$make" || true
  make=
  tail -n 20 "$work/log" >"$work/summary"
  if ! grep -q '^# TOTAL:' "$work/summary"; then
    cat "$work/log"
    failed=1
    return
  fi
  passed=$(results PASS) skipped=$(results SKIP)
  impossible=$(grep -c "^SKIP: .* $not_here" "$work/log" || true)
  failed=$(($(results FAIL) + $(results XPASS) + $(results ERROR)))
  [ "$failed" = 0 ] || cat "$work/build/test-suite.log"
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
  if ! command -v apt-get >/dev/null; then
    echo "not testing in guests: their kernels come by apt-get"
    return
  fi
  echo "testing in guests"
  : >"$work/guests"
  BUILD=$work/build setsid "$work/source/tests/vm/matrix" "${kernels[@]}" \
    >"$work/guests" 2>&1 &
  make=$!
  tail -n +1 -f --pid="$make" "$work/guests" | show_guests
  wait "$make" || status=$?
  make=
  local refused
  refused=$(guests 'not ok ')
  if [ "$status" != 0 ] && [ "$refused" = 0 ]; then
    # No guest, see there why.
    tail -n 20 "$work/guests"
    refused=1
  fi
  passed=$((passed + $(guests 'ok ') - $(guests 'ok .*# SKIP')))
  skipped=$((skipped + $(guests 'ok .*# SKIP')))
  impossible=$((impossible + $(guests "ok .*$not_here")))
  failed=$((failed + refused))
}

install_missing check || fail "cannot install packages, see above"
build_in "$work" CFLAGS='-O2 -g -Werror' || fail "cannot build, see above"
run_tests
run_distcheck
run_guests

status=0
[ "$failed" = 0 ] || status=1
[ "${CI:-}" != true ] || [ "$skipped" = "$impossible" ] || status=1
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
