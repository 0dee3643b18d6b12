// liblxc's configuration of one container, as text. Pure: everything it says is handed in.
import { fail } from "../api/errors.ts";
import type { IdMap } from "../host/user-namespace.ts";

export interface BindMount {
  source: string;
  /** Below the root file system, without a leading slash. */
  target: string;
  options: string;
}

export interface ContainerConfig {
  name: string;
  /** What the guest calls itself. */
  hostname: string;
  rootfs: string;
  architecture: string;
  logFile: string;
  /** liblxc's log is to tell how init ended. */
  tellsEnd: boolean;
  consoleLog: string;
  /** The file of the policy; undefined for none. */
  seccompProfile: string | undefined;
  stopHook: string;
  map: IdMap;
  /** The host has cgroup v2 alone. */
  unifiedCgroups: boolean;
  nesting: boolean;
  /** Its root is the host's: some powers are taken from it. */
  privileged: boolean;
  /** Which cgroup keys say what devices it may use: "lxc.cgroup.devices" (v1), "lxc.cgroup2.devices", or none. */
  deviceKeys: string | undefined;
  /** The kernel has AppArmor: liblxc makes a profile for the container. */
  appArmor: boolean;
  environment: Readonly<Record<string, string>>;
  mounts: readonly BindMount[];
  /** Host files and folders to put out of sight, absolute, as the guest sees them. */
  masked: readonly { path: string; directory: boolean }[];
  /** For each network interface: keys after `lxc.net.N.` */
  nics: readonly (readonly Line[])[];
  /** What devices add. */
  devices: readonly Line[];
  /** Cgroup file → value, for the layout the host has. */
  cgroups: readonly Line[];
  /** Limits of init, kernel parameters and the like. */
  extra: readonly Line[];
  /** Lines of the user's own, checked; they come last. */
  raw: string;
  /** What the next daemon is to remember of this start: `volatile.` keys, written as comments. */
  notes: Readonly<Record<string, string>>;
}

export type Line = readonly [key: string, value: string];

/** Text for `lxc.conf`. Throws when a value would not stay on its line. */
export function renderConfig(config: ContainerConfig): string {
  return [
    ...base(config),
    ...config.mounts.map((mount) => entry(mount)),
    ...config.masked.map((mask) => entry(maskMount(mask))),
    ...(config.nesting ? nestingMounts : []),
    ...identity(config),
    ...(config.privileged ? powers(config.deviceKeys) : []),
    ...config.cgroups,
    ...config.extra,
    ...config.nics.flatMap((nic, index) => nic.map(([key, value]) => [`lxc.net.${index}.${key}`, value] as const)),
    ["lxc.rootfs.path", `dir:${config.rootfs}`] as const,
    ...config.devices,
  ].map(renderLine).join("") + config.raw + renderNotes(config.notes);
}

function renderNotes(notes: Readonly<Record<string, string>>): string {
  return Object.entries(notes).map(([key, value]) => `# ${renderLine([key, value])}`).join("");
}

/** The notes in the text of an lxc.conf. */
export function readNotes(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^# (volatile\.\S+) = (.*)$/gm)].map(([, key = "", value = ""]) => [key, value]));
}

/** Throws when a value would not stay on its line. */
export function renderLine([key, value]: Line): string {
  if (/[\n\r\0]/.test(key) || /[\n\r\0]/.test(value)) throw fail("internal", { reason: `a line break in ${JSON.stringify(key)}` });
  return `${key} = ${value}\n`;
}

function base(config: ContainerConfig): Line[] {
  return [
    ["lxc.log.file", config.logFile],
    ["lxc.log.level", config.tellsEnd ? "INFO" : "WARN"],
    // What is written to the console goes to a file of at most 128 KiB; a full one is kept as .1, so the last 128 KiB are always there.
    ["lxc.console.size", "auto"],
    ["lxc.console.rotate", "1"],
    ["lxc.console.logfile", config.consoleLog],
    ["lxc.mount.auto", `${config.privileged ? "proc:mixed sys:mixed" : "proc:rw sys:rw"} ${config.unifiedCgroups ? "cgroup:rw:force" : "cgroup:mixed"}`],
    ["lxc.autodev", "1"],
    ["lxc.pty.max", "1024"],
    ["lxc.tty.max", "0"],
    ["lxc.arch", config.architecture],
    ["lxc.hook.version", "1"],
    ["lxc.hook.post-stop", config.stopHook],
    ["lxc.uts.name", config.hostname],
    ...(config.seccompProfile ? [["lxc.seccomp.profile", config.seccompProfile] as Line] : []),
    ...(config.appArmor ? appArmorLines : []),
  ];
}

/** As Debian's own defaults have it; systemd needs what "nesting" allows. */
const appArmorLines: readonly Line[] = [
  ["lxc.apparmor.profile", "generated"],
  ["lxc.apparmor.allow_nesting", "1"],
];

function identity(config: ContainerConfig): Line[] {
  const lines: Line[] = [];
  for (const range of config.map.uid) lines.push(["lxc.idmap", `u ${range.inside} ${range.outside} ${range.count}`]);
  for (const range of config.map.gid) lines.push(["lxc.idmap", `g ${range.inside} ${range.outside} ${range.count}`]);
  for (const [key, value] of Object.entries(config.environment)) lines.push(["lxc.environment", `${key}=${value}`]);
  return lines;
}

/** What root of the host may do and root of a container may not. */
const dropped = "sys_time sys_module sys_rawio mac_admin mac_override";

/** Any device node may be made, and these be used: terminals, null, zero, full, random, urandom, tty, console, ptmx, fuse, net/tun. */
const allowedDevices = [
  "b *:* m", "c *:* m", "c 136:* rwm", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm",
  "c 10:229 rwm", "c 10:200 rwm",
];

/** What keeps a privileged container from the machine. */
function powers(deviceKeys: string | undefined): Line[] {
  const lines: Line[] = [["lxc.cap.drop", dropped]];
  if (deviceKeys) lines.push([`${deviceKeys}.deny`, "a"], ...allowedDevices.map((device): Line => [`${deviceKeys}.allow`, device]));
  return lines;
}

/** Fresh /proc and /sys out of the way, so that the kernel lets a nested container mount its own. */
const nestingMounts: readonly Line[] = [
  ["lxc.mount.entry", "proc dev/.lxc/proc proc create=dir,optional 0 0"],
  ["lxc.mount.entry", "sys dev/.lxc/sys sysfs create=dir,optional 0 0"],
];

function maskMount({ path, directory }: { path: string; directory: boolean }): BindMount {
  const target = path.slice(1);
  return directory
    ? { source: "tmpfs", target, options: "tmpfs ro,nosuid,nodev,noexec,optional" }
    : { source: "/dev/null", target, options: "none bind,ro,optional" };
}

/** Spaces in fstab fields are written as \040. */
function field(text: string): string {
  return text.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

/** The line that mounts something in the guest. */
export function entry(mount: BindMount): Line {
  return ["lxc.mount.entry", `${field(mount.source)} ${field(mount.target)} ${mount.options} 0 0`];
}
