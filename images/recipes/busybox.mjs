#!/usr/bin/env node
// Makes the small image of the tests: node images/recipes/busybox.mjs FOLDER. Root needed, no network.
// Writes the same image as unified.tar.xz, as metadata.tar.gz + rootfs.tar.zst, and as metadata.tar.gz + rootfs.squashfs.
import { copyFileSync, existsSync, mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { nameTemplates, packSquashfs, packTar, put, tool, withTemporary, writeMetadata } from "./lib.mjs";

const busybox = "/bin/busybox";

/** A fixed date: the same busybox gives the same image. */
const created = 1_700_000_000;

const files = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "etc/group": "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n",
  "etc/shadow": ["root:*:19000:0:99999:7:::\nuser:*:19000:0:99999:7:::\n", 0o640],
  "etc/hostname": "busybox\n",
  "etc/hosts": "127.0.0.1\tlocalhost\n",
  "etc/profile": "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n",
  "etc/inittab": `# init of busybox: the network, a console, and the signals that liblxc sends
::sysinit:/etc/init.d/rcS
::respawn:/etc/init.d/network
console::askfirst:-/bin/sh
::ctrlaltdel:/sbin/reboot
::shutdown:/bin/umount -a -r
`,
  "etc/init.d/rcS": ["#!/bin/sh\nhostname -F /etc/hostname\nip link set lo up\n[ -e /sys/class/net/eth0 ] && ip link set eth0 up\n: > /run/booted\n", 0o755],
  "etc/init.d/network": [`#!/bin/sh
# Asks for an address as soon as there is a card, under the machine's name.
while [ ! -e /sys/class/net/eth0 ]; do sleep 1; done
exec udhcpc -i eth0 -f -t 20 -T 1 -A 2 -x "hostname:$(hostname)" -s /etc/udhcpc.script
`, 0o755],
  "etc/udhcpc.script": [`#!/bin/sh
# Sets what the DHCP server gave.
case "$1" in
  deconfig) ip addr flush dev "$interface"; ip link set "$interface" up ;;
  bound|renew)
    ip addr replace "$ip/$mask" dev "$interface"
    for gateway in $router; do ip route replace default via "$gateway" dev "$interface"; done
    : > /etc/resolv.conf
    [ -n "$domain" ] && echo "search $domain" >> /etc/resolv.conf
    for server in $dns; do echo "nameserver $server" >> /etc/resolv.conf; done ;;
esac
`, 0o755],
  "usr/share/berth/readme": "The small image of Berth's tests.\n",
};

function fill(root) {
  for (const folder of ["bin", "sbin", "usr/bin", "usr/sbin", "dev", "proc", "sys", "run", "root", "home/user", "var/log", "mnt"]) {
    mkdirSync(join(root, folder), { recursive: true, mode: 0o755 });
  }
  mkdirSync(join(root, "tmp"));
  tool("chmod", ["1777", join(root, "tmp")]);
  tool("chown", ["1000:1000", join(root, "home/user")]);
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const path of tool(busybox, ["--list-full"]).trim().split("\n")) {
    const target = join(root, path);
    if (existsSync(target) || path === "bin/busybox" || path.startsWith("linuxrc")) continue;
    mkdirSync(join(target, ".."), { recursive: true });
    symlinkSync("/bin/busybox", target);
  }
  if (!existsSync(join(root, "sbin/init"))) symlinkSync("/bin/busybox", join(root, "sbin/init"));
  for (const [path, entry] of Object.entries(files)) put(root, path, ...(Array.isArray(entry) ? entry : [entry]));
}

function buildBusybox(folder) {
  if (!existsSync(busybox)) throw new Error("busybox-static is not installed: run npm run setup -- --tests");
  mkdirSync(folder, { recursive: true });
  withTemporary(folder, (work) => {
    const root = join(work, "rootfs");
    mkdirSync(root, { mode: 0o755 });
    fill(root);
    const description = "busybox, for tests";
    writeMetadata(work, { created, properties: { os: "busybox", release: "test", description }, templates: nameTemplates });
    packTar(join(work, "unified.tar.xz"), work, ["metadata.yaml", "templates", "rootfs"], created);
    packTar(join(work, "metadata.tar.gz"), work, ["metadata.yaml", "templates"], created);
    packTar(join(work, "rootfs.tar.zst"), root, ["."], created);
    packSquashfs(join(work, "rootfs.squashfs"), root);
    for (const name of ["unified.tar.xz", "metadata.tar.gz", "rootfs.tar.zst", "rootfs.squashfs"]) renameSync(join(work, name), join(folder, name));
  });
}

try {
  const [folder] = process.argv.slice(2);
  if (!folder) throw new Error("usage: node images/recipes/busybox.mjs FOLDER");
  buildBusybox(resolve(folder));
} catch (error) {
  console.error(`busybox image: ${error.message}`);
  process.exitCode = 1;
}
