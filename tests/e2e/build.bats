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
  strings -a "$BUILD/bpf/entries.bpf.o" >"$dir/strings"
  grep -q collectd_xdp "$dir/strings"
  refute grep '^/' "$dir/strings"
}

@test "the BPF object has BTF, a license and no DWARF" {
  llvm-readelf -S "$BUILD/bpf/entries.bpf.o" >"$dir/sections"
  grep -q '\.BTF ' "$dir/sections"
  refute grep debug "$dir/sections"
  strings -a "$BUILD/bpf/entries.bpf.o" | grep -x 'Dual MIT/GPL'
}

@test "the BPF object fetches atomically nowhere, which kernels before 5.12 refuse" {
  llvm-objdump -d "$BUILD/bpf/entries.bpf.o" >"$dir/instructions"
  grep -q 'lock \*(u64' "$dir/instructions"
  refute grep 'atomic_fetch' "$dir/instructions"
}

@test "builds in and out of the tree, in two directories, give the same BPF bytes" {
  mapfile -t options < <(sed -n 's/^COLLECTD_SOURCE_OPTION = \(.\)/\1/p' "$BUILD/Makefile")
  mkdir -p "$dir/a/longer"
  make -s -C "$BUILD" distdir distdir="$dir/a/longer/source" >&2
  cp -r "$dir/a/longer/source" "$dir/in-tree"
  mkdir "$dir/out-of-tree"
  for build in "$dir/in-tree" "$dir/out-of-tree"; do
    configure=./configure
    [ "$build" = "$dir/in-tree" ] || configure=../a/longer/source/configure
    (cd "$build" && "$configure" "${options[@]}" && make bpf/entries.skel.h) \
      >"$dir/log" 2>&1 || { cat "$dir/log"; return 1; }
    cmp "$build/bpf/entries.skel.h" "$BUILD/bpf/entries.skel.h"
  done
}

@test "make install installs the plugin and its manual, make uninstall nothing" {
  make -s -C "$BUILD" install DESTDIR="$dir" >&2
  (cd "$dir" && find . -type f | sed 's,.*/,,' | sort) >"$dir.list"
  [ "$(cat "$dir.list")" = $'collectd-xdp.5\nxdp.so' ]
  make -s -C "$BUILD" uninstall DESTDIR="$dir" >&2
  rm "$dir.list"
  [ -z "$(find "$dir" -type f)" ]
}

@test "a changed header is compiled in" {
  srcdir=$(sed -n 's/^srcdir = //p' "$BUILD/Makefile")
  make -C "$BUILD" -q bpf/entries.skel.h plugin/xdp.la
  for header in "$SOURCE"/bpf/*.h; do
    refute make -C "$BUILD" -q -W "$srcdir/bpf/${header##*/}" bpf/entries.skel.h
  done
  refute make -C "$BUILD" -q -W "$srcdir/bpf/counters.h" plugin/xdp.la
}

@test "sources keep to who may include what" {
  cd "$SOURCE"
  [ "$(grep -lE '"(collectd|plugin)\.h"' plugin/*)" = plugin/plugin.c ]
  [ "$(grep -lE '<bpf/(bpf|libbpf)\.h>|\.skel\.h' plugin/* | xargs)" = 'plugin/datapath.c plugin/datapath_private.h plugin/graft.c plugin/graft.h plugin/observer.c plugin/port.c' ]
  [ "$(grep -l 'pcap\.h[>"]' plugin/* | xargs)" = plugin/filter.c ]
  [ "$(grep -l 'libmnl\.h\|netlink\.h"' plugin/*.c | xargs)" = 'plugin/clsact.c plugin/device.c plugin/monitor.c plugin/netlink.c plugin/rtlink.c' ]
  refute grep -l '#include.*\.bpf\.h' plugin/*
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
  # Variables come from sourced files, functions are called by traps and bats.
  shellcheck --severity=warning --exclude=SC2154 .ci/run contrib/*.sh \
    tests/e2e/*.bash tests/e2e/*.bats \
    tests/vm/{cross,matrix,run} tests/vm/*.bash tests/vm/*.bats
}

@test "the manual page has no mistakes" {
  command -v mandoc >/dev/null || skip "mandoc is missing"
  mandoc -T lint -W warning "$SOURCE/plugin/collectd-xdp.5"
}
