# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Sourced by sysroot.sh and tests/vm/run: Debian's packages of any suite and
# architecture, by an apt that knows nothing of the system's but the way to the
# net. Packages, lists and sources of the system stay as they are; root is not
# needed.

# What is made of packages is kept here. DEBIAN_MIRROR=URL: where they come from.
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/collectd-xdp
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# depmod and qemu's stand where su leaves the way to.
PATH=$PATH:/usr/sbin:/sbin

check_apt() {
  command -v apt-get >/dev/null ||
    fail "packages of Debian come by apt-get, which is not here"
  [ -e "$keyring" ] || fail "needs Debian's package debian-archive-keyring"
}

# make_apt DIRECTORY SUITE ARCHITECTURE: with this one source, for
# APT_CONFIG=DIRECTORY/apt.conf. Packages go to DIRECTORY/archives.
make_apt() {
  mkdir -p "$1/parts" "$1/lists/partial" "$1/archives/partial"
  : >"$1/status"
  echo "deb [signed-by=$keyring] $mirror $2 main" >"$1/sources.list"
  {
    apt-config dump | grep -i '^Acquire::[^ ]*Proxy' || true
    cat <<END
APT::Architecture "$3";
APT::Architectures { "$3"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Dir::State "$1";
Dir::State::status "$1/status";
Dir::Cache "$1";
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "$1/parts";
Dir::Etc::main "$1/parts/none";
Dir::Etc::parts "$1/parts";
Dir::Etc::preferences "$1/parts/none";
Dir::Etc::preferencesparts "$1/parts";
Dir::Etc::trustedparts "$1/parts";
END
  } >"$1/apt.conf"
}

# only_one NAME: until $lock is closed nobody else makes or uses NAME, of the
# cache.
only_one() {
  mkdir -p "$cache/${1%/*}"
  exec {lock}>"$cache/$1.lock"
  flock -n "$lock" || {
    echo "# waiting for who uses $cache/$1" >&2
    flock "$lock"
  }
}
