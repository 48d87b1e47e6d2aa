#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: contrib/sysroot.sh aarch64-linux-gnu|s390x-linux-gnu
#
# Makes a directory of Debian 12 packages of another architecture, with all that
# they depend on: libraries and headers to build the plugin and its tests,
# collectd, and what else tests run in a guest. Prints its name. In it,
# config.site tells configure --host what to use.
#
# It is made once, below ~/.cache/collectd-xdp or XDG_CACHE_HOME; remove it to
# have it made from newer packages. They come from DEBIAN_MIRROR, a URL. Needs
# apt, but not root: the system's packages and lists stay as they are.
set -euo pipefail

packages=(libc6-dev libgcc-12-dev libbpf-dev libmnl-dev libpcap-dev
  libcmocka-dev bpftool collectd-core collectd-dev bash busybox-static
  coreutils dash ethtool findutils iproute2 kmod procps strace util-linux)

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# shellcheck source=contrib/apt.sh
. "$(dirname "$0")/apt.sh"

# As nothing is installed there, all dependencies are fetched.
fetch() {
  local -x APT_CONFIG=$apt/apt.conf
  { apt-get -qq update && apt-get -qq -y --download-only install "$@"; } \
    >"$apt/log" 2>&1 || { cat "$apt/log" >&2 && return 1; }
}

# /lib and /usr/lib are one, as in an installed system.
unpack() {
  local package link
  mkdir -p "$new/usr/bin" "$new/usr/lib" "$new/usr/sbin"
  ln -s usr/bin usr/lib usr/sbin "$new/"
  for package in "$apt"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
      tar -C "$new" -x --no-same-owner --keep-directory-symlink \
        --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*'
  done
  # libm.so -> /lib/... would lead out of the directory.
  find "$new" -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
    ln -snfr "$new$(readlink "$link")" "$link"
  done
}

# What configure --host=$triplet reads before it looks for anything. What the
# user gives goes first.
write_config_site() {
  cat <<SITE
: "\${CC=clang --target=$triplet --sysroot=$root}"
: "\${PKG_CONFIG_SYSROOT_DIR=$root}"
: "\${PKG_CONFIG_LIBDIR=$root/usr/lib/$triplet/pkgconfig}"
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR
: "\${EMULATOR=$qemu -L $root}"
SITE
  # Debian 12's bpftool refuses a byte order that is not its own.
  [ "$architecture" != s390x ] ||
    echo ": \"\${BPFTOOL=\$EMULATOR $root/usr/sbin/bpftool}\""
}

make_root() {
  rm -rf "$new" "$apt"
  make_apt "$apt" bookworm "$architecture"
  echo "fetching ${packages[*]} for $architecture from $mirror" >&2
  fetch "${packages[@]}" || fail "cannot fetch packages, see above"
  unpack
  write_config_site >"$new/config.site"
  echo "${packages[*]}" >"$new/packages"
  rm -rf "$root" "$apt"
  mv "$new" "$root"
}

triplet=${1-}
case $triplet in
aarch64-linux-gnu) architecture=arm64 qemu=qemu-aarch64 ;;
s390x-linux-gnu) architecture=s390x qemu=qemu-s390x ;;
*) fail "usage: ${0##*/} aarch64-linux-gnu|s390x-linux-gnu" ;;
esac

check_apt
name=sysroots/$triplet
root=$cache/$name
new=$root.new apt=$root.apt
case $root in
*[[:space:]]*) fail "$cache has a blank, which make cannot cope with" ;;
esac

# Two at once make one.
only_one "$name"
if [ "$(cat "$root/packages" 2>/dev/null)" != "${packages[*]}" ]; then
  make_root
fi
echo "$root"
