// A recipe's commands run in namespaces of their own, in which there is nothing but the new root file system: its
// processes, a minimal /dev, /proc and /sys that cannot be written to, and no capability that reaches the machine.
// This is the process in between: it is started in the namespaces, prepares them, and becomes the command.
import { accessSync, closeSync, constants, existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, posix } from "node:path";
import { become, boundCapabilities, CAP, pivotRoot, setHostName } from "../../server/host/jail.ts";
import { hasCode, ioctl, moveMount, MS, mount, netlinkSocket, openTree } from "../../server/host/libc.ts";

export interface JailRequest {
  root: string;
  command: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  network: boolean;
}

/** The status of a command that could not be started, as shells have it. */
export const notFoundStatus = 127;

const kept = Object.values(CAP);
const devices = ["null", "zero", "full", "random", "urandom", "tty"];
const hidden = ["kcore", "keys", "timer_list", "sysrq-trigger"];
const readOnly = ["sys", "irq", "bus", "fs", "acpi", "scsi"];

function ensureFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
}

function bindReadOnly(path: string): void {
  if (!existsSync(path)) return;
  mount(path, path, "", MS.BIND, "");
  mount("", path, "", MS.REMOUNT | MS.BIND | MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC, "");
}

function makeDev(nodes: ReadonlyMap<string, number>): void {
  ensureFolder("/dev");
  mount("tmpfs", "/dev", "tmpfs", MS.NOSUID | MS.NODEV, "mode=755,size=64k");
  for (const [name, tree] of nodes) {
    writeFileSync(`/dev/${name}`, "");
    moveMount(tree, `/dev/${name}`);
  }
  for (const [name, target] of [["fd", "/proc/self/fd"], ["stdin", "/proc/self/fd/0"], ["stdout", "/proc/self/fd/1"], ["stderr", "/proc/self/fd/2"], ["ptmx", "pts/ptmx"]] as const) {
    symlinkSync(target, `/dev/${name}`);
  }
  ensureFolder("/dev/shm");
  mount("tmpfs", "/dev/shm", "tmpfs", MS.NOSUID | MS.NODEV, "mode=1777");
  ensureFolder("/dev/pts");
  mount("devpts", "/dev/pts", "devpts", MS.NOSUID | MS.NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5");
}

function makeProc(nothing: number): void {
  ensureFolder("/proc");
  mount("proc", "/proc", "proc", MS.NOSUID | MS.NODEV | MS.NOEXEC, "");
  for (const name of readOnly) bindReadOnly(`/proc/${name}`);
  for (const name of hidden) if (existsSync(`/proc/${name}`)) moveMount(openTree(`/proc/self/fd/${nothing}`), `/proc/${name}`);
}

function makeSys(): void {
  ensureFolder("/sys");
  try {
    mount("sysfs", "/sys", "sysfs", MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC, "");
  } catch (error) {
    if (!hasCode(error, "EPERM", "EBUSY")) throw error; // in a container: then there is none, as in a chroot
  }
}

/** The machine's name servers, where the root file system looks for them; nothing of it stays. */
function lendResolver(text: string): void {
  const file = "/etc/resolv.conf";
  ensureFolder("/etc");
  let target = file;
  try {
    if (lstatSync(file).isSymbolicLink()) target = posix.resolve("/etc", readlinkSync(file)).replace(/^\/var\/run\//, "/run/");
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    target = "/run/berth/resolv.conf";
    symlinkSync("../run/berth/resolv.conf", file);
  }
  if (target.startsWith("/run/")) {
    ensureFolder(dirname(target));
    writeFileSync(target, text);
  } else if (existsSync(target)) {
    writeFileSync("/run/resolv.conf", text);
    mount("/run/resolv.conf", target, "", MS.BIND, "");
  }
}

/** A network of its own has nothing but a loopback, which is down at first. */
function raiseLoopback(): void {
  const SIOCSIFFLAGS = 0x8914;
  const IFF_UP = 1;
  const request = Buffer.alloc(40); // struct ifreq
  request.write("lo");
  request.writeInt16LE(IFF_UP, 16);
  const socket = netlinkSocket();
  ioctl(socket, SIOCSIFFLAGS, request, "SIOCSIFFLAGS");
  closeSync(socket);
}

/** The program that a command names, by the PATH it will have. */
function findCommand(name: string, env: Readonly<Record<string, string>>): string | undefined {
  const candidates = name.includes("/") ? [name] : (env["PATH"] ?? "").split(":").map((folder) => `${folder}/${name}`);
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

function say(line: string): void {
  writeFileSync(2, `${line}\n`);
}

/** Never returns: becomes the command, or ends with `notFoundStatus`. */
export function enterJail({ root, command, cwd, env, network }: JailRequest): never {
  const nodes = new Map(devices.filter((name) => existsSync(`/dev/${name}`)).map((name) => [name, openTree(`/dev/${name}`)]));
  const nothing = openTree("/dev/null");
  if (!network) raiseLoopback();
  const resolver = network && existsSync("/etc/resolv.conf") ? readFileSync("/etc/resolv.conf", "utf8") : undefined;
  mount(root, root, "", MS.BIND, "");
  mount("", root, "", MS.REMOUNT | MS.BIND | MS.NODEV, "");
  pivotRoot(root);
  makeDev(nodes);
  makeProc(nothing);
  makeSys();
  ensureFolder("/run");
  mount("tmpfs", "/run", "tmpfs", MS.NOSUID | MS.NODEV, "mode=755");
  ensureFolder("/run/lock");
  if (resolver !== undefined) lendResolver(resolver);
  setHostName("localhost");
  process.umask(0o022);
  try {
    process.chdir(cwd);
  } catch {
    say(`there is no folder ${cwd} in the root file system`);
    process.exit(notFoundStatus);
  }
  const program = findCommand(command[0] ?? "", env);
  if (program === undefined) {
    say(`there is no program ${command[0]} in the root file system`);
    process.exit(notFoundStatus);
  }
  boundCapabilities(kept);
  try {
    become(program, command, env);
  } catch (error) {
    say(`${program} cannot be started: ${(error as Error).message}`);
  }
  process.exit(notFoundStatus);
}
