# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Debian's kernels. Sourced by run, after contrib/apt.sh.

# Looks for a newer one after as many days.
AGE_MAX=7

# suite_of KERNEL: "newest" is whatever sid has.
suite_of() {
  case $1 in
  5.10) echo bullseye ;;
  6.1) echo bookworm ;;
  6.12) echo trixie ;;
  newest) echo sid ;;
  *) fail "no kernel $1: there are 5.10, 6.1, 6.12 and newest" ;;
  esac
}

# The metapackage that depends on an architecture's newest kernel. Cloud kernels
# have the drivers that a guest needs, and are small.
package_of() {
  case $1 in
  s390x) echo linux-image-s390x ;;
  *) echo "linux-image-cloud-$1" ;;
  esac
}

# The packages of a kernel: the one that the metapackage depends on, and those
# that newer suites have split off.
kernel_packages() {
  apt-cache --recurse depends --no-recommends --no-suggests --no-conflicts \
    --no-breaks --no-replaces --no-enhances "$(package_of "$1")" |
    grep -E '^linux-(image|base|binary|modules)-[0-9]' | sort -u
}

# unpack DIRECTORY: what is to be booted of the packages there: vmlinuz and
# lib/modules.
unpack() {
  local package image
  mkdir -p "$1/all" "$1/lib"
  for package in "$1"/*.deb; do
    dpkg-deb -x "$package" "$1/all" || return
    rm "$package"
  done
  for image in "$1"/all/boot/vmlinu[xz]-* "$1"/all/usr/lib/modules/*/vmlinu[xz]; do
    [ ! -e "$image" ] || mv "$image" "$1/vmlinuz"
  done
  mv "$1"/all/lib/modules "$1/lib" 2>/dev/null ||
    mv "$1"/all/usr/lib/modules "$1/lib" || return
  rm -r "$1/all"
  depmod -b "$1" "$(ls "$1/lib/modules")" >&2 && [ -e "$1/vmlinuz" ]
}

# fetch SUITE ARCHITECTURE DIRECTORY: an unpacked kernel.
fetch() {
  local packages
  rm -rf "$3"
  make_apt "$3/apt" "$1" "$2"
  local -x APT_CONFIG=$3/apt/apt.conf
  apt-get -qq update >&2 || return
  mapfile -t packages < <(kernel_packages "$2")
  [ "${#packages[@]}" -gt 0 ] || return
  (cd "$3" && apt-get -qq download "${packages[@]}") >&2 && rm -r "$3/apt" &&
    unpack "$3"
}

is_fresh() {
  [ -n "$(find "$1" -maxdepth 0 -mtime "-$AGE_MAX" 2>/dev/null)" ]
}

# kernel_directory KERNEL ARCHITECTURE: prints where it is unpacked, after having
# fetched it if need be.
kernel_directory() {
  local suite directory=$cache/kernels/$1-$2
  suite=$(suite_of "$1") || return
  if ! is_fresh "$directory"; then
    echo "# fetching Debian $suite's kernel for $2" >&2
    if fetch "$suite" "$2" "$directory.new"; then
      rm -rf "$directory"
      mv "$directory.new" "$directory"
      touch "$directory"
    elif [ -d "$directory" ]; then
      echo "# see above; $mirror gives none: the kernel of before" >&2
    else
      fail "cannot fetch or unpack Debian $suite's kernel for $2 from $mirror:" \
        "see above; DEBIAN_MIRROR names another one"
    fi
  fi
  echo "$directory"
}
