# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Sourced by demo.sh and check.sh: installs what they need besides a base
# system, and builds in a directory of its own. $top is the source tree.

debian_build=(autoconf automake libtool pkg-config gcc libc6-dev make clang
  bpftool libbpf-dev libmnl-dev libpcap-dev collectd-core collectd-dev iproute2
  procps)
debian_check=(libcmocka-dev libclang-rt-14-dev bats shellcheck clang-format llvm
  mandoc strace ethtool binutils xz-utils busybox-static cpio
  debian-archive-keyring kmod qemu-system-x86 xdp-tools
  zstd)
debian_cross=(binutils-aarch64-linux-gnu binutils-s390x-linux-gnu qemu-user
  qemu-system-arm qemu-system-misc)
fedora_build=(autoconf automake libtool pkgconf-pkg-config gcc make clang bpftool
  libbpf-devel libmnl-devel libpcap-devel collectd iproute procps-ng util-linux
  cpio bison flex dnf-plugins-core)
fedora_check=(libcmocka-devel compiler-rt bats ShellCheck clang-tools-extra llvm
  mandoc strace ethtool binutils xz)

# collectd, bpftool and sysctl stand where su leaves the way to.
PATH=$PATH:/usr/sbin:/sbin

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Runs a command that says something only when it fails.
quietly() {
  "$@" </dev/null >"$work/quiet" 2>&1 || {
    cat "$work/quiet" >&2
    return 1
  }
}

# Prints the packages that are not installed.
missing_deb() {
  local package
  for package; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      echo "$package"
  done
}

missing_rpm() {
  local package
  for package; do
    rpm -q "$package" >/dev/null 2>&1 || echo "$package"
  done
}

# install_missing build|check|cross: what a build needs, what the tests need as
# well, what those of other processors need as well (Debian).
install_missing() {
  local missing
  if command -v apt-get >/dev/null; then
    [ "$1" = build ] || debian_build+=("${debian_check[@]}")
    [ "$1" != cross ] || debian_build+=("${debian_cross[@]}")
    mapfile -t missing < <(missing_deb "${debian_build[@]}")
    [ "${#missing[@]}" -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get update &&
      quietly apt-get -y --no-install-recommends install "${missing[@]}"
  elif command -v dnf >/dev/null; then
    [ "$1" = build ] || fedora_build+=("${fedora_check[@]}")
    mapfile -t missing < <(missing_rpm "${fedora_build[@]}")
    [ "${#missing[@]}" -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    quietly dnf -y install "${missing[@]}"
  else
    fail "neither apt-get nor dnf is here: install the build dependencies that" \
      "the README names, then use ./configure && make"
  fi
}

# Fedora packages no headers of collectd's: unpacks and configures its source
# package in a directory.
fetch_collectd_source() {
  mkdir -p "$1"
  (
    cd "$1" || exit
    dnf -y download --source collectd &&
      rpm2cpio collectd-*.src.rpm | cpio -idm &&
      tar -xf collectd-*.tar.* --strip-components=1 &&
      ./configure --disable-all-plugins
  )
}

# A directory for what passes, also for what other programs leave when they are
# interrupted.
make_work_directory() {
  case ${TMPDIR:-/tmp} in
  *[[:space:]]*) fail "TMPDIR has a blank, which make cannot cope with" ;;
  esac
  work=$(mktemp -d)
  # A test runs collectd as nobody.
  chmod 711 "$work"
  export TMPDIR=$work
}

# build_in DIRECTORY [CONFIGURE-OPTION...]: builds DIRECTORY/build from a copy
# of the source tree, which stays as it is.
build_in() {
  local directory=$1 options=("${@:2}")
  mkdir -p "$directory/source" "$directory/build"
  tar -C "$top" --exclude=./.git -c . | tar -C "$directory/source" -x
  # What was built in place would be in the way of a build elsewhere.
  if [ -e "$directory/source/config.status" ]; then
    quietly make -C "$directory/source" distclean || return
  fi
  if ! command -v apt-get >/dev/null; then
    quietly fetch_collectd_source "$directory/collectd" || return
    options+=(--with-collectd-source="$directory/collectd")
  fi
  echo "building"
  (cd "$directory/source" && quietly autoreconf -fi) || return
  (cd "$directory/build" && quietly ../source/configure "${options[@]}") || return
  quietly make -j "$(nproc)" -C "$directory/build"
}
