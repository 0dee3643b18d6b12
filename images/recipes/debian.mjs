#!/usr/bin/env node
// Makes the Debian image: node images/recipes/debian.mjs FOLDER [SUITE [PACKAGE…]]. Root needed; reads Debian's archive only.
// Writes FOLDER/metadata.tar.xz and FOLDER/rootfs.squashfs, which Berth mounts without unpacking it.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync } from "node:fs";
import { join, resolve } from "node:path";
import { sources, transportOptions } from "./debian-archive.mjs";
import { nameTemplates, packSquashfs, packTar, put, tool, withTemporary, writeMetadata } from "./lib.mjs";

const releases = { bookworm: "12", trixie: "13" };

const packages = [
  "systemd", "systemd-sysv", "systemd-resolved", "dbus", "iproute2", "iputils-ping", "ca-certificates", "less", "nano", "procps",
  "netbase", "libpam-systemd",
];

/** Left out of the image: nobody reads manuals and translations in a small machine. Copyright files stay. */
const excluded = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*", "/usr/share/info/*"];

/** Units that wait for hardware a container has not, or that download things behind the user's back. */
const masked = [
  "systemd-networkd-wait-online.service", "systemd-firstboot.service", "systemd-modules-load.service", "systemd-remount-fs.service",
  "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "systemd-pstore.service", "systemd-machine-id-commit.service",
  "systemd-journal-catalog-update.service", "systemd-journal-flush.service", "systemd-update-done.service", "systemd-network-generator.service",
  "systemd-tmpfiles-setup-dev.service", "e2scrub_reap.service", "ldconfig.service", "modprobe@.service",
  "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",
  "sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount", "getty@tty1.service", "fstrim.timer", "e2scrub_all.timer",
  "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
];

const network = `# The first network card asks for its addresses.
[Match]
Name=eth* en*

[Network]
DHCP=yes
IPv6AcceptRA=yes

[DHCPv4]
ClientIdentifier=mac
UseDomains=yes
UseMTU=yes
`;

/** There is no udev to wait for: networkd sees that when /sys is read-only, as containers of some managers have it anyway. */
const withoutUdev = "[Service]\nReadOnlyPaths=/sys\n";

function bootstrap(root, suite, more) {
  const excludes = excluded.map((pattern) => `--dpkgopt=path-exclude=${pattern}`);
  tool("mmdebstrap", [
    "--variant=minbase", "--mode=root", "--format=directory", `--include=${[...packages, ...more].join(",")}`,
    ...excludes, "--dpkgopt=path-include=/usr/share/doc/*/copyright", ...transportOptions().map((option) => `--aptopt=${option}`),
    suite, root, ...sources(suite),
  ], { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
}

function configure(root) {
  put(root, "etc/systemd/network/80-container.network", network);
  put(root, "etc/systemd/system/systemd-networkd.service.d/without-udev.conf", withoutUdev);
  put(root, "etc/hostname", "debian\n");
  put(root, "etc/securetty", "");
  put(root, "etc/systemd/journald.conf.d/container.conf", "[Journal]\nReadKMsg=no\nStorage=volatile\nRuntimeMaxUse=16M\n");
  const inside = (...command) => tool("chroot", [root, ...command]); // this machine may have no systemd itself
  inside("systemctl", "--quiet", "enable", "systemd-networkd.service", "systemd-resolved.service");
  inside("systemctl", "--quiet", "mask", ...masked);
  inside("systemctl", "--quiet", "set-default", "multi-user.target");
  inside("passwd", "--quiet", "--lock", "root");
}

/** Nothing that should differ between two machines stays in the image. */
function strip(root) {
  truncateSync(join(root, "etc/machine-id"), 0);
  rmSync(join(root, "var/lib/dbus/machine-id"), { force: true });
  symlinkSync("/etc/machine-id", join(root, "var/lib/dbus/machine-id"));
  for (const folder of ["var/lib/apt/lists", "var/cache/apt", "var/log", "var/cache/debconf", "tmp", "run"]) emptyFiles(join(root, folder));
  rmSync(join(root, "etc/dpkg/dpkg.cfg.d/99mmdebstrap"), { force: true });
  rmSync(join(root, "etc/apt/apt.conf.d/99mmdebstrap"), { force: true });
  rmSync(join(root, "etc/resolv.conf"), { force: true });
  symlinkSync("../run/systemd/resolve/stub-resolv.conf", join(root, "etc/resolv.conf"));
  for (const folder of ["etc", "var"]) put(root, `${folder}/.updated`, "# /usr is as it was when this was made\n"); // or the first boot looks
}

/** Removes the files below a folder and keeps its folders, whose owners and modes programs rely on. */
function emptyFiles(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) emptyFiles(path);
    else rmSync(path);
  }
}

export function buildDebian(folder, suite, more, say) {
  const release = releases[suite];
  if (!release) throw new Error(`unknown suite ${suite}: expected ${Object.keys(releases).join(" or ")}`);
  const created = Math.floor(Date.now() / 1000);
  mkdirSync(folder, { recursive: true });
  withTemporary(folder, (work) => {
    const root = join(work, "root");
    say(`installing Debian ${release} (${suite})`);
    bootstrap(root, suite, more);
    configure(root);
    strip(root);
    writeMetadata(work, {
      created,
      properties: { os: "Debian", release: suite, version: release, variant: "default", description: `Debian ${release} (${suite})` },
      templates: nameTemplates,
    });
    say("packing");
    packTar(join(work, "metadata.tar.xz"), work, ["metadata.yaml", "templates"], created);
    packSquashfs(join(work, "rootfs.squashfs"), root);
    for (const name of ["metadata.tar.xz", "rootfs.squashfs"]) renameSync(join(work, name), join(folder, name));
  });
  say(`${join(folder, "rootfs.squashfs")}: ${Math.round(statSync(join(folder, "rootfs.squashfs")).size / 1e6)} MB`);
}

const [folder, suite = "bookworm", ...more] = process.argv.slice(2);
try {
  if (!folder) throw new Error("usage: node images/recipes/debian.mjs FOLDER [bookworm|trixie [PACKAGE…]]");
  buildDebian(resolve(folder), suite, more, (line) => console.log(`debian image: ${line}`));
} catch (error) {
  console.error(`debian image: ${error.message}`);
  process.exitCode = 1;
}
