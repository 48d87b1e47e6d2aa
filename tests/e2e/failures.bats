#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What goes wrong is said in one line and stops nobody else.

load common

# That rx0 is counted, whatever else is wrong.
assert_rx0_counts() {
  assert_counted rx0
  framegen tx0 ipv4-udp=5 >/dev/null
  assert_value rx0 if_rx_packets 5
}

# start_without CAPABILITY: collectd as root, but for it. CAP_SYS_ADMIN would
# stand in for two of them.
start_without() {
  configure <<'END'
Interface "rx0"
END
  start_collectd setpriv --bounding-set "-sys_admin,-$1"
}

assert_missing() {
  assert_logged "[error] xdp: turned off, cannot load its BPF programs: $1 missing: run collectd as root, or add it to AmbientCapabilities= and CapabilityBoundingSet= of its systemd unit"
  [ -z "$(bpf_objects "$collectd")" ]
}

@test "an interface that does not exist" {
  configure <<'END'
Interface "absent"
Interface "rx0"
END
  start_collectd
  assert_rx0_counts
  assert_logged '[error] xdp: interface "absent" is not counted: there is no such interface; it will be as soon as there is one'
  stop_collectd
}

@test "the driver refuses native XDP" {
  configure <<'END'
Interface "lo"
Interface "rx0"
Mode "native"
END
  start_collectd
  assert_rx0_counts
  assert_logged '[error] xdp: interface "lo": rx is not counted: its driver has no XDP, or none with an MTU of 65536; use Mode "auto"'
  stop_collectd
}

@test "another name of a device selects nothing" {
  on_rx ip link property add dev rx0 altname another-name
  configure <<'END'
Interface "rx0"
Interface "another-name"
END
  start_collectd
  assert_logged '[error] xdp: interface "another-name" is not counted: it is another name of "rx0"; use that one'
  assert_rx0_counts
  stop_collectd
}

@test "CAP_BPF is missing" {
  start_without bpf
  assert_missing CAP_BPF
}

@test "CAP_NET_ADMIN is missing" {
  start_without net_admin
  assert_missing CAP_NET_ADMIN
}

@test "CAP_PERFMON is missing" {
  start_without perfmon
  assert_missing CAP_PERFMON
}

@test "all privileges are missing" {
  start_without bpf,-net_admin,-perfmon
  assert_missing 'CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON'
}

@test "exactly the three capabilities suffice" {
  # The build tree may be root's alone.
  # shellcheck disable=SC2034 # configure uses it
  plugin_directory=$dir
  install -m 755 "$BUILD/plugin/.libs/xdp.so" "$dir"
  configure <<'END'
Interface "rx0"
END
  chmod 777 "$dir"
  chmod 644 "$dir/collectd.conf"
  # Before Linux 5.11 locked memory is what maps are counted as.
  ulimit -l unlimited 2>/dev/null || true
  start_collectd setpriv --reuid=65534 --regid=65534 --clear-groups \
    --inh-caps=+bpf,+net_admin,+perfmon --ambient-caps=+bpf,+net_admin,+perfmon
  assert_rx0_counts
  stop_collectd
}

@test "a kernel without BPF" {
  configure <<'END'
Interface "rx0"
END
  start_collectd strace -D -f -o /dev/null -e trace=bpf -e inject=bpf:error=ENOSYS
  assert_logged '[error] xdp: turned off, cannot load its BPF programs: the kernel has no BPF: boot one with CONFIG_BPF_SYSCALL, of 5.10 or later'
}

@test "bpf() is refused although the capabilities are there" {
  configure <<'END'
Interface "rx0"
END
  start_collectd strace -D -f -o /dev/null -e trace=bpf -e inject=bpf:error=EPERM
  assert_logged '[error] xdp: turned off, cannot load its BPF programs: the kernel refuses bpf() although the capabilities are there: look for a seccomp filter, a user namespace or, before Linux 5.11, a LimitMEMLOCK= other than infinity'
}
