// What is taken out of a root file system before it is packed: all that would differ from build to build, or from
// machine to machine.
import type { Job } from "./job.ts";
import type { Rootfs } from "./rootfs.ts";

/** Emptied of files; their folders stay, for programs rely on their owners and modes. */
const emptied = ["/var/lib/apt/lists", "/var/cache/apt", "/var/cache/debconf", "/var/cache/man", "/var/log", "/tmp", "/var/tmp", "/run"];

const removed = [
  "/var/lib/apt/periodic", "/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/cache/ldconfig/aux-cache", "/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend",
  "/var/lib/dpkg/triggers/Lock", "/var/lib/dpkg/status-old", "/var/lib/dpkg/diversions-old", "/var/lib/dpkg/statoverride-old",
  "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-", "/etc/.pwd.lock",
  "/etc/dpkg/dpkg.cfg.d/99mmdebstrap", "/etc/apt/apt.conf.d/99mmdebstrap", "/root/.bash_history", "/root/.wget-hsts",
  "/var/lib/ucf/hashfile.0", "/var/lib/ucf/registry.0", "/debootstrap",
];

/** A key that many machines share is none; they are made anew at the first start. */
const hostKeys = /^ssh_host_\w+_key(\.pub)?$/;

/** Each machine has an id of its own: an empty file makes the first start choose one. */
function forgetMachineId(rootfs: Rootfs): void {
  const mode = rootfs.stat("/etc/machine-id")?.mode ?? 0o444;
  if (rootfs.stat("/etc/machine-id") || rootfs.stat("/lib/systemd")) rootfs.write("/etc/machine-id", "", { mode: mode & 0o777, uid: 0, gid: 0 });
  if (rootfs.stat("/var/lib/dbus")) rootfs.link("/var/lib/dbus/machine-id", "/etc/machine-id", { uid: 0, gid: 0 });
}

/** The day of the last change of a password is the day of the build for users that packages have made: then it is the image's. */
function clampShadow(rootfs: Rootfs, created: number): void {
  const day = Math.floor(created / 86_400);
  const text = rootfs.read("/etc/shadow");
  const stats = rootfs.stat("/etc/shadow");
  if (text === undefined || !stats) return;
  const clamped = text.split("\n").map((line) => {
    const fields = line.split(":");
    if (/^\d+$/.test(fields[2] ?? "") && Number(fields[2]) > day) fields[2] = String(day);
    return fields.join(":");
  }).join("\n");
  if (clamped !== text) rootfs.write("/etc/shadow", clamped, { mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid });
}

export function cleanUp({ recipe, rootfs }: Job, created: number): void {
  if (recipe.cleanup?.standard ?? true) {
    for (const path of emptied) rootfs.emptyFolder(path);
    for (const path of removed) rootfs.remove(path);
    for (const name of rootfs.list("/etc/ssh")) if (hostKeys.test(name)) rootfs.remove(`/etc/ssh/${name}`);
    forgetMachineId(rootfs);
    clampShadow(rootfs, created);
  }
  for (const path of recipe.cleanup?.remove ?? []) rootfs.remove(path);
}
