#!/bin/bash
# Runs a command in a network of its own: new network, mount and process namespaces, with /sys and /proc
# that show them. All of it, processes too, is gone when the command ends.
# usage: netns.sh COMMAND...   (as root)
set -eu
exec unshare --net --mount --propagation slave --pid --fork --kill-child --mount-proc bash -c '
keep=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$keep"
mount -t sysfs sysfs /sys
mount --rbind "$keep" /sys/fs/cgroup
umount -l "$keep"
rmdir "$keep"
ip link set lo up
"$@"' netns "$@"
