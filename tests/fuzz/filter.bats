#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

# FUZZ_SECONDS in the environment: for how long.

@test "filters: libFuzzer finds nothing that is refused or matches wrongly" {
  [ -n "${FUZZER:-}" ] ||
    skip "clang has no libFuzzer (Debian: libclang-rt-14-dev, Fedora: compiler-rt)"
  run timeout $((${FUZZ_SECONDS:-30} + 60)) "$BUILD/tests/fuzz/filter" \
    -max_total_time="${FUZZ_SECONDS:-30}" -max_len=512 \
    -artifact_prefix="$BATS_TEST_TMPDIR/" -print_final_stats=1
  echo "$output" | tail -n 60
  [ "$status" = 0 ]
}
