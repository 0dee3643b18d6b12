// What a user's own lines of lxc.conf may say. They are root's power, hooks run as root on the host; refused is only what
// berthd sets itself and counts on, and what has a key or device of its own.

/** Beginnings of keys, with what to do instead or why not. */
const refused: readonly (readonly [prefix: string, reason: string])[] = [
  ["lxc.log.file", "Berth reads liblxc's log from its own place"],
  ["lxc.logfile", "Berth reads liblxc's log from its own place"],
  ["lxc.log.syslog", "Berth reads liblxc's log from its own place"],
  ["lxc.syslog", "Berth reads liblxc's log from its own place"],
  ["lxc.ephemeral", "an instance is ephemeral by its own property"],
  ["lxc.prlimit", "use limits.kernel.NAME"],
  ["lxc.rootfs", "the root file system comes from the root disk"],
  ["lxc.idmap", "use raw.idmap and security.idmap.*: the owners of its files follow"],
  ["lxc.id_map", "use raw.idmap and security.idmap.*: the owners of its files follow"],
  ["lxc.include", "lines of another file cannot be checked"],
  ["lxc.console", "its console is served by Berth"],
  ["lxc.monitor", "Berth watches over its monitor"],
  ["lxc.namespace", "Berth counts on namespaces of its own"],
  ["lxc.cgroup.dir", "Berth looks for its cgroups in their place"],
  ["lxc.cgroup.relative", "Berth looks for its cgroups in their place"],
  ["lxc.hook.version", "Berth's own hook is of version 1"],
  ["lxc.execute", "an instance is started, not executed; see lxc.init.cmd"],
];

/** The first parts, after `lxc.`, of the keys that liblxc knows. */
const known = [
  "apparmor", "arch", "autodev", "cap", "cgroup", "cgroup2", "environment", "group", "hook", "init", "keyring", "log", "mount", "net",
  "no_new_privs", "proc", "pty", "sched", "seccomp", "selinux", "signal", "start", "sysctl", "time", "tty", "uts",
];

/** The lines that say something: keys and values. Those without `=` have no value. */
export function parseRawLxc(text: string): { key: string; value: string | undefined }[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? { key: line, value: undefined } : { key: line.slice(0, at).trim(), value: line.slice(at + 1).trim() };
  });
}

/** What is wrong with a `raw.lxc`. */
export function rawLxc(text: string): string | undefined {
  if (/[\0\r]/.test(text)) return "it may not hold NUL or carriage returns";
  for (const { key, value } of parseRawLxc(text)) {
    const reason = value === undefined ? "expected KEY = VALUE" : keyFault(key.toLowerCase(), value);
    if (reason) return `line "${key.slice(0, 60)}": ${reason}`;
  }
  return undefined;
}

function keyFault(key: string, value: string): string | undefined {
  const reason = refused.find(([prefix]) => key.startsWith(prefix))?.[1];
  if (reason) return reason;
  if (!known.includes(/^lxc\.(\w+)(\.[\w.*-]+)?$/.exec(key)?.[1] ?? "")) return "liblxc has no such key";
  if (key.startsWith("lxc.net") && !/^lxc\.net\.\d+\.ipv[46]\.(address|gateway)$/.test(key)) return "only addresses and gateways of an interface can be set (lxc.net.0.ipv4.address); use nic devices";
  if (value === "" && key.startsWith("lxc.hook")) return "an empty value takes away Berth's own hook";
  return undefined;
}
