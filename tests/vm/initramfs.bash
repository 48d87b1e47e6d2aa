# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# An initramfs of chosen programs with their libraries, kernel modules and the
# tests. Sourced by run. $top is the source tree, $build the build tree.

# What a guest's userland has of $root, the root directory of a system of its
# architecture. The rest is busybox, whose own commands that run others would run
# busybox's ip.
programs=(bash bpftool collectd env ethtool install ip kmod nsenter prlimit setpriv
  sh strace sysctl tc timeout unshare xargs)
# Loaded when they are needed, so not told by their names.
libraries=(libgcc_s.so.1)
# What some architectures lack.
optional=(xdp-loader)
plugins=(csv logfile uptime)
data=(/usr/share/collectd/types.db)

# What tests use, and a guest's own devices; those that a kernel has built in or
# does not have are left out.
modules=(virtio_pci virtio_net vmxnet3 acpiphp
  8021q act_bpf act_gact act_mirred bonding br_netfilter bridge cls_bpf
  cls_flower cls_matchall cls_u32 dummy ifb macvlan sch_ingress sch_prio tun
  veth vxlan)

# Of the build tree; what there is of them.
built=(plugin/.libs/xdp.so tests/foreign.bpf.o 'tests/.libs/*.so'
  'tests/bpf/*' 'tests/bench/*' 'tests/*')
sources=(tests/e2e tests/vm contrib/xdp.conf)

triplet_of() {
  case $1 in
  amd64) echo x86_64-linux-gnu ;;
  arm64) echo aarch64-linux-gnu ;;
  *) echo "$1-linux-gnu" ;;
  esac
}

# find_in_root NAME DIRECTORY...: the first of them in $root that has it.
find_in_root() {
  local directory
  for directory in "${@:2}"; do
    if [ -e "$root/$directory/$1" ]; then
      echo "$root/$directory/$1"
      return
    fi
  done
  fail "no $1 in ${root:-this system}"
}

find_program() { find_in_root "$1" usr/bin usr/sbin bin sbin; }

find_library() {
  find_in_root "$1" "usr/lib/$triplet" "lib/$triplet" usr/lib64 lib64 usr/lib lib
}

# What a program or library is linked with, and what loads it.
needed_by() {
  readelf -ld "$1" 2>/dev/null | sed -n \
    -e 's/.*(NEEDED).*\[\(.*\)\]/\1/p' \
    -e 's/.*interpreter: .*\/\(.*\)\]/\1/p'
}

# add FILE PLACE: with the libraries that it needs.
add() {
  local library path
  [ ! -e "$tree/$2" ] || return 0
  mkdir -p "$tree/${2%/*}"
  cp -L "$1" "$tree/$2" || return
  while read -r library; do
    path=$(find_library "$library") && add "$path" "lib/$library" || return
  done < <(needed_by "$1")
}

# One directory each for programs, libraries and data, by whatever name.
make_tree() {
  mkdir -p "$tree"/{bin,dev,etc,lib,proc,root,run,share,sys,tmp,var}
  ln -s . "$tree/usr"
  ln -s bin "$tree/sbin"
  ln -s lib "$tree/lib64"
  ln -s ../run "$tree/var/run"
  printf '%s\n' root:x:0:0::/root:/bin/sh nobody:x:65534:65534::/:/bin/sh \
    >"$tree/etc/passwd"
  printf '%s\n' root:x:0: nogroup:x:65534: >"$tree/etc/group"
  printf '%s\n' '127.0.0.1 localhost' >"$tree/etc/hosts"
}

add_userland() {
  local name path
  path=$(find_program busybox) && add "$path" bin/busybox || return
  for name in "${programs[@]}"; do
    path=$(find_program "$name") && add "$path" "bin/$name" || return
  done
  for name in "${optional[@]}"; do
    path=$(find_program "$name" 2>/dev/null) || continue
    add "$path" "bin/$name" || return
    path=$(find_in_root xdp-dispatcher.o "usr/lib/$triplet/bpf" usr/lib64/bpf) &&
      add "$path" "${path#"$root/usr/"}" || return
  done
  for name in "${libraries[@]}"; do
    path=$(find_library "$name") && add "$path" "lib/$name" || return
  done
  for name in "${plugins[@]}"; do
    path=$(find_in_root "$name.so" usr/lib/collectd usr/lib64/collectd) &&
      add "$path" "${path#"$root/usr/"}" || return
  done
  for name in modprobe insmod lsmod; do
    ln -s kmod "$tree/bin/$name"
  done
  for name in "${data[@]}"; do
    add "$root/$name" "${name#/usr/}"
  done
}

# Scripts of bash, whatever the architecture.
add_bats() {
  local bats
  bats=$(command -v bats) || fail "bats is missing"
  cp "$bats" "$tree/bin"
  cp -r "${bats%/*/*}/lib/bats-core" "$tree/lib"
  mkdir "$tree/libexec"
  cp -r "${bats%/*/*}/libexec/bats-core" "$tree/libexec"
}

# add_modules KERNEL-DIRECTORY: uncompressed, with what they depend on.
add_modules() {
  local version module file place
  version=$(ls "$1/lib/modules")
  mkdir -p "$tree/lib/modules/$version"
  cp "$1/lib/modules/$version"/modules.{order,builtin} \
    "$tree/lib/modules/$version/" 2>/dev/null || true
  for module in "${modules[@]}"; do
    modprobe -d "$1" -S "$version" --show-depends "$module" 2>/dev/null || true
  done | sed -n 's/^insmod //p' | sort -u | while read -r file _; do
    place=$tree/lib/modules/$version/${file##*/}
    case $file in
    *.xz) xz -dc "$file" >"${place%.xz}" ;;
    *.zst) zstd -qdc "$file" >"${place%.zst}" ;;
    *) cp "$file" "$place" ;;
    esac || return
  done || return
  depmod -b "$tree" "$version" 2>/dev/null
}

add_tests() {
  local file
  for file in "${sources[@]}"; do
    mkdir -p "$tree/source/${file%/*}"
    cp -r "$top/$file" "$tree/source/$file"
  done
  # shellcheck disable=SC2068 # patterns
  (cd "$build" && printf '%s\n' ${built[@]}) | while read -r file; do
    [ -f "$build/$file" ] || continue
    case $file in
    *.so | *.bpf.o) add "$build/$file" "build/$file" ;;
    *.*) ;;
    *) [ ! -x "$build/$file" ] || add "$build/$file" "build/$file" ;;
    esac || return
  done || return
  cp "$top/tests/vm/init" "$tree/init"
}

# make_initramfs KERNEL-DIRECTORY FILE
make_initramfs() {
  make_tree && add_userland && add_bats && add_modules "$1" && add_tests || return
  (cd "$tree" && find . | cpio -o -H newc -R 0:0 --quiet) >"$2"
}
