#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What is built: its symbols, its paths, its reproducibility.

load common
setup() { dir=$(mktemp -d); }
teardown() { rm -rf "$dir"; }

@test "xdp.so exports module_register only" {
  [ "$(nm -D --defined-only "$BUILD/plugin/.libs/xdp.so" | cut -d ' ' -f 2-)" = 'T module_register' ]
}

@test "xdp.so and the BPF object name no directory of the build" {
  strings -a "$BUILD/plugin/.libs/xdp.so" >"$dir/strings"
  grep -q module_register "$dir/strings"
  refute grep -F -e "$(cd "$BUILD" && pwd)" -e "$(cd "$SOURCE" && pwd)" "$dir/strings"
  strings -a "$BUILD/bpf/rx.bpf.o" >"$dir/strings"
  grep -q collectd_xdp "$dir/strings"
  refute grep '^/' "$dir/strings"
}

@test "the BPF object has BTF, a license and no DWARF" {
  llvm-readelf -S "$BUILD/bpf/rx.bpf.o" >"$dir/sections"
  grep -q '\.BTF ' "$dir/sections"
  refute grep debug "$dir/sections"
  strings -a "$BUILD/bpf/rx.bpf.o" | grep -x 'Dual MIT/GPL'
}

@test "two builds from two directories give the same BPF bytes" {
  for name in first a/longer/second; do
    mkdir -p "$dir/$name"
    make -s -C "$BUILD" distdir distdir="$dir/$name/source" >&2
    mkdir "$dir/$name/build"
    (cd "$dir/$name/build" && ../source/configure && make bpf/rx.skel.h) \
      >"$dir/log" 2>&1 || { cat "$dir/log"; return 1; }
  done
  cmp "$dir/first/build/bpf/rx.skel.h" "$dir/a/longer/second/build/bpf/rx.skel.h"
  cmp "$dir/first/build/bpf/rx.skel.h" "$BUILD/bpf/rx.skel.h"
}

@test "a changed header is compiled in" {
  srcdir=$(sed -n 's/^srcdir = //p' "$BUILD/Makefile")
  make -C "$BUILD" -q bpf/rx.skel.h plugin/xdp.la
  for header in "$SOURCE"/bpf/*.h; do
    refute make -C "$BUILD" -q -W "$srcdir/bpf/${header##*/}" bpf/rx.skel.h
  done
  refute make -C "$BUILD" -q -W "$srcdir/bpf/counters.h" plugin/xdp.la
}

@test "sources keep to who may include what" {
  cd "$SOURCE"
  [ "$(grep -lE '"(collectd|plugin)\.h"' plugin/*)" = plugin/plugin.c ]
  [ "$(grep -lE '<bpf/(bpf|libbpf)\.h>|\.skel\.h' plugin/*)" = plugin/datapath.c ]
  refute grep -l '\.bpf\.h' plugin/*
  [ "$(grep '#include' bpf/counters.h)" = '#include <linux/types.h>' ]
}

@test "sources are formatted" {
  command -v clang-format >/dev/null || skip "clang-format is missing"
  cd "$SOURCE"
  clang-format --dry-run --Werror bpf/*.[ch] plugin/*.[ch] tests/*.[ch] tests/*/*.c
}

@test "scripts pass shellcheck" {
  command -v shellcheck >/dev/null || skip "shellcheck is missing"
  cd "$SOURCE"
  # Bats sets variables of common.bash where shellcheck does not look.
  shellcheck --exclude=SC2154 contrib/*.sh tests/e2e/*.bash tests/e2e/*.bats
}
