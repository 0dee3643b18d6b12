#!/bin/bash
# Runs a command in a named network namespace (made if missing) and a mount namespace of its own, with a /sys of that network
# namespace and the machine's cgroups. Unlike in netns.sh, processes keep the machine's pids and outlive the command.
# usage: namespace.sh NAME COMMAND...   (as root)
# `ip netns exec` loses the cgroups, and systemd then dies at boot; nsenter alone leaves the old /sys, where bridges "do not exist".
set -eu
name=$1; shift
[ -e "/run/netns/$name" ] || { ip netns add "$name"; ip -n "$name" link set lo up; }
exec nsenter --net="/run/netns/$name" unshare --mount --propagation slave bash -euc '
keep=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$keep"
mount -t sysfs sysfs /sys
mount --rbind "$keep" /sys/fs/cgroup
umount -l "$keep"
rmdir "$keep"
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null || true
exec "$@"' namespace "$@"
