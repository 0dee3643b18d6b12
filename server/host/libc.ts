// The system calls that Node has no function for, through koffi. Each throws an error with `code` and
// `syscall`, as Node's own do. All are synchronous and run on the calling (main) thread.
import { closeSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import koffi from "koffi";
import { makeDevice } from "./device-number.ts";

const libc = koffi.load("libc.so.6");
const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
names.set(constants.errno.EAGAIN, "EAGAIN"); // not its other name, EWOULDBLOCK

/** A failed system call. */
export class SysError extends Error {
  override readonly name = "SysError";
  readonly code: string;
  readonly syscall: string;
  constructor(syscall: string, errno: number, what: string) {
    const code = names.get(errno) ?? `errno ${errno}`;
    super(`${syscall}: ${code}${what ? `, ${what}` : ""}`);
    this.code = code;
    this.syscall = syscall;
  }
}

/** Whether something thrown is a failed system call or file operation with that code, such as ENOENT. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return typeof error === "object" && error !== null && codes.includes(String((error as { code?: unknown }).code));
}

function check(syscall: string, result: number | bigint, what = ""): number {
  if (Number(result) < 0) throw new SysError(syscall, koffi.errno(), what);
  return Number(result);
}

// System call numbers from 424 on are the same on all architectures.
const number = { pidfdSendSignal: 424, openTree: 428, moveMount: 429, pidfdOpen: 434, openat2: 437, pidfdGetfd: 438, mountSetattr: 442 } as const;

const raw = {
  mount: libc.func("int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)"),
  umount2: libc.func("int umount2(const char *target, int flags)"),
  openTree: libc.func("syscall", "long", ["long", "int", "str", "uint"]),
  moveMount: libc.func("syscall", "long", ["long", "int", "str", "int", "str", "uint"]),
  mountSetattr: libc.func("syscall", "long", ["long", "int", "str", "uint", "void *", "size_t"]),
  openat2: libc.func("syscall", "long", ["long", "int", "str", "void *", "size_t"]),
  pidfdOpen: libc.func("syscall", "long", ["long", "int", "uint"]),
  pidfdSendSignal: libc.func("syscall", "long", ["long", "int", "int", "void *", "uint"]),
  pidfdGetfd: libc.func("syscall", "long", ["long", "int", "int", "uint"]),
  poll: libc.func("int poll(void *fds, unsigned long count, int timeout)"),
  setns: libc.func("int setns(int fd, int kind)"),
  setfsuid: libc.func("int setfsuid(uint32_t uid)"),
  setfsgid: libc.func("int setfsgid(uint32_t gid)"),
  capget: libc.func("int capget(void *header, void *data)"),
  capset: libc.func("int capset(void *header, void *data)"),
  pipe2: libc.func("int pipe2(void *fds, int flags)"),
  fcntl: libc.func("fcntl", "int", ["int", "int", "long"]),
  ioctl: libc.func("ioctl", "int", ["int", "unsigned long", "void *"]),
  openpty: libc.func("int openpty(void *master, void *slave, void *name, void *termios, void *size)"),
  tcgetattr: libc.func("int tcgetattr(int fd, void *termios)"),
  tcsetattr: libc.func("int tcsetattr(int fd, int when, void *termios)"),
  cfmakeraw: libc.func("void cfmakeraw(void *termios)"),
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  bind: libc.func("int bind(int fd, const void *address, uint32_t length)"),
  send: libc.func("long send(int fd, const void *data, size_t length, int flags)"),
  recv: libc.func("long recv(int fd, void *data, size_t length, int flags)"),
  flock: libc.func("int flock(int fd, int operation)"),
  mkfifo: libc.func("int mkfifo(const char *path, uint32_t mode)"),
  renameat2: libc.func("int renameat2(int from, const char *old, int to, const char *new_, unsigned int flags)"),
  listxattr: libc.func("long llistxattr(const char *path, void *list, size_t size)"),
  getxattr: libc.func("long lgetxattr(const char *path, const char *name, void *value, size_t size)"),
  setxattr: libc.func("int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)"),
  mknod: libc.func("int mknod(const char *path, uint32_t mode, uint64_t device)"),
  mkdirat: libc.func("int mkdirat(int dirfd, const char *path, uint32_t mode)"),
  mknodat: libc.func("int mknodat(int dirfd, const char *path, uint32_t mode, uint64_t device)"),
  unlinkat: libc.func("int unlinkat(int dirfd, const char *path, int flags)"),
  unshare: libc.func("int unshare(int flags)"),
};

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;

export const MS = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, REMOUNT: 32, BIND: 4096, REC: 16384, PRIVATE: 1 << 18 } as const;
export const MNT_DETACH = 2;

export function mount(source: string, target: string, type: string, flags: number, data: string): void {
  check("mount", raw.mount(source, target, type, flags, data), `${type} on ${target}`);
}

export function umount(target: string, flags = 0): void {
  check("umount", raw.umount2(target, flags | 8 /* UMOUNT_NOFOLLOW */), target);
}

/** A detached copy of the mount at a path, or of all mounts from there on (`recursive`); gives its descriptor. */
export function openTree(path: string, recursive = false): number {
  const OPEN_TREE_CLONE = 1;
  const OPEN_TREE_CLOEXEC = 0o2000000;
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return check("open_tree", raw.openTree(number.openTree, AT_FDCWD, path, flags), path);
}

export const MOUNT_ATTR = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, ATIME: 0x70, NOATIME: 0x10, STRICTATIME: 0x20, NODIRATIME: 0x80, IDMAP: 0x100000 } as const;
export const PROPAGATION = { UNBINDABLE: 1 << 17, PRIVATE: 1 << 18, SLAVE: 1 << 19, SHARED: 1 << 20 } as const;

export interface MountAttributes {
  /** Of MOUNT_ATTR. */
  set?: number;
  clear?: number;
  /** One of PROPAGATION. */
  propagation?: number;
  userNamespaceFd?: number;
}

/** Changes a mount, and what is mounted below it unless `alone`. */
export function setMountAttributes(treeFd: number, change: MountAttributes, alone = false): void {
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(change.set ?? 0), 0);
  attributes.writeBigUInt64LE(BigInt(change.clear ?? 0), 8);
  attributes.writeBigUInt64LE(BigInt(change.propagation ?? 0), 16);
  attributes.writeBigUInt64LE(BigInt(change.userNamespaceFd ?? 0), 24);
  check("mount_setattr", raw.mountSetattr(number.mountSetattr, treeFd, "", AT_EMPTY_PATH | (alone ? 0 : AT_RECURSIVE), attributes, 32));
}

/** Maps the owners in a detached mount by a user namespace. */
export function idmapMount(treeFd: number, userNamespaceFd: number): void {
  setMountAttributes(treeFd, { set: MOUNT_ATTR.IDMAP, userNamespaceFd });
}

/** Puts a detached mount into the tree: at a path, or at what a descriptor names. */
export function moveMount(treeFd: number, target: string | number): void {
  const MOVE_MOUNT_F_EMPTY_PATH = 4;
  const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
  const [dirFd, path, flag] = typeof target === "number" ? [target, "", MOVE_MOUNT_T_EMPTY_PATH] as const : [AT_FDCWD, target, 0] as const;
  check("move_mount", raw.moveMount(number.moveMount, treeFd, "", dirFd, path, MOVE_MOUNT_F_EMPTY_PATH | flag), String(target));
}

export const RESOLVE = { NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 16 } as const;

/** Opens a path below a directory, with limits on how it may be resolved. */
export function openat2(dirFd: number, path: string, flags: number, mode: number, resolve: number): number {
  const O_CLOEXEC = 0o2000000;
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return check("openat2", raw.openat2(number.openat2, dirFd, path, how, 24), path);
}

export function pidfdOpen(pid: number): number {
  return check("pidfd_open", raw.pidfdOpen(number.pidfdOpen, pid, 0), `pid ${pid}`);
}

export function pidfdSignal(fd: number, signal: number): void {
  check("pidfd_send_signal", raw.pidfdSendSignal(number.pidfdSendSignal, fd, signal, null, 0));
}

/** A copy of another process's descriptor. */
export function pidfdGetfd(pidfd: number, fd: number): number {
  return check("pidfd_getfd", raw.pidfdGetfd(number.pidfdGetfd, pidfd, fd, 0), `fd ${fd}`);
}

/** Which of some descriptors are readable now; does not wait. */
export function pollReadable(fds: readonly number[]): number[] {
  const POLLIN = 1;
  const list = Buffer.alloc(fds.length * 8);
  fds.forEach((fd, i) => {
    list.writeInt32LE(fd, i * 8);
    list.writeInt16LE(POLLIN, i * 8 + 4);
  });
  if (fds.length === 0) return [];
  let found = raw.poll(list, fds.length, 0);
  // A child that ends at that moment interrupts it.
  while (found < 0 && koffi.errno() === constants.errno.EINTR) found = raw.poll(list, fds.length, 0);
  if (check("poll", found) === 0) return [];
  return fds.filter((_, i) => list.readInt16LE(i * 8 + 6) !== 0);
}

export function setns(fd: number, kind: number): void {
  check("setns", raw.setns(fd, kind));
}
export const CLONE_NEWNET = 0x40000000;
export const CLONE_NEWNS = 0x20000;
export const CLONE_FS = 0x200;

/** Gives the calling thread something of its own that it shares with others, such as its root and working folder. */
export function unshare(kinds: number): void {
  check("unshare", raw.unshare(kinds));
}

/** Sets the ids that file access is checked with; gives the previous ones. */
export function setFsIds(uid: number, gid: number): void {
  raw.setfsgid(gid);
  raw.setfsuid(uid);
}

function capabilityHeader(): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x20080522, 0);
  return header;
}

/** The calling thread's capability sets, as capget gives them. */
export function getCapabilities(): Buffer {
  const data = Buffer.alloc(24);
  check("capget", raw.capget(capabilityHeader(), data));
  return data;
}

export function setCapabilities(data: Buffer): void {
  check("capset", raw.capset(capabilityHeader(), data));
}

/** A real pipe (Node makes socket pairs, which a guest cannot open through /dev/stdout). */
export function makePipe(): { read: number; write: number } {
  const O_CLOEXEC = 0o2000000;
  const fds = Buffer.alloc(8);
  check("pipe2", raw.pipe2(fds, O_CLOEXEC));
  return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
}

/** Gives a pipe a larger buffer where the limits allow it. */
export function growPipe(fd: number, bytes: number): void {
  const F_SETPIPE_SZ = 1031;
  raw.fcntl(fd, F_SETPIPE_SZ, bytes);
}

export function setNonBlocking(fd: number): void {
  const F_GETFL = 3;
  const F_SETFL = 4;
  const O_NONBLOCK = 0o4000;
  check("fcntl", raw.fcntl(fd, F_SETFL, check("fcntl", raw.fcntl(fd, F_GETFL, 0)) | O_NONBLOCK));
}

function setCloseOnExec(fd: number): void {
  const F_SETFD = 2;
  check("fcntl", raw.fcntl(fd, F_SETFD, 1));
}

/** Makes a terminal pass every byte as it is, whatever a program that uses it asks for (lxc-attach adds carriage returns). */
export function makeRaw(fd: number): void {
  const TIOCSLCKTRMIOS = 0x5457;
  const termios = Buffer.alloc(128);
  check("tcgetattr", raw.tcgetattr(fd, termios));
  raw.cfmakeraw(termios);
  check("tcsetattr", raw.tcsetattr(fd, 0, termios));
  try {
    check("ioctl", raw.ioctl(fd, TIOCSLCKTRMIOS, Buffer.alloc(64, 0xff)), "TIOCSLCKTRMIOS");
  } catch (error) {
    if (!hasCode(error, "EPERM")) throw error; // not allowed in a container: terminals get carriage returns that they pass over
  }
}

/** A raw pseudo terminal: what is written to one end is read at the other. */
export function openPty(width: number, height: number): { master: number; slave: number; path: string } {
  const master = Buffer.alloc(4);
  const slave = Buffer.alloc(4);
  check("openpty", raw.openpty(master, slave, null, null, windowSize(width, height)));
  const path = readlinkSync(`/proc/self/fd/${slave.readInt32LE(0)}`);
  const pty = { master: master.readInt32LE(0), slave: slave.readInt32LE(0), path };
  setCloseOnExec(pty.master);
  setCloseOnExec(pty.slave);
  makeRaw(pty.slave);
  return pty;
}

function windowSize(width: number, height: number): Buffer {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(height & 0xffff, 0);
  size.writeUInt16LE(width & 0xffff, 2);
  return size;
}

export function resizePty(master: number, width: number, height: number): void {
  const TIOCSWINSZ = 0x5414;
  check("ioctl", raw.ioctl(master, TIOCSWINSZ, windowSize(width, height)), "TIOCSWINSZ");
}

/** A routing netlink socket in the calling thread's network namespace. `groups`: what it is told of unasked, as RTMGRP_* bits. */
export function netlinkSocket(groups = 0): number {
  const AF_NETLINK = 16;
  const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
  const fd = check("socket", raw.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0));
  if (groups === 0) return fd;
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(groups, 8);
  check("bind", raw.bind(fd, address, address.length));
  return fd;
}

/** A socket that sends and receives whole Ethernet frames of one kind at an interface. Reading it does not wait. */
export function frameSocket(interfaceIndex: number, etherType: number): number {
  const AF_PACKET = 17;
  const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0o2000000 | 0o4000;
  const address = Buffer.alloc(20); // struct sockaddr_ll
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(etherType, 2);
  address.writeInt32LE(interfaceIndex, 4);
  const fd = check("socket", raw.socket(AF_PACKET, SOCK_RAW_CLOEXEC_NONBLOCK, address.readUInt16LE(2)));
  try {
    check("bind", raw.bind(fd, address, address.length));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

export function send(fd: number, data: Buffer): void {
  check("send", raw.send(fd, data, data.length, 0));
}

/** Takes one message that waits already; false when none does. One that was lost for want of room counts as one. */
export function receiveWaiting(fd: number, into: Buffer): boolean {
  const MSG_DONTWAIT = 0x40;
  if (Number(raw.recv(fd, into, into.length, MSG_DONTWAIT)) >= 0) return true;
  const { EAGAIN, ENOBUFS } = constants.errno;
  if (koffi.errno() === EAGAIN) return false;
  return koffi.errno() === ENOBUFS || check("recv", -1) >= 0;
}

export function receive(fd: number, into: Buffer): number {
  return check("recv", raw.recv(fd, into, into.length, 0));
}

/** Takes an exclusive lock that ends with the process; false when another process holds it. */
export function tryLock(fd: number): boolean {
  const LOCK_EX_NB = 2 | 4;
  return Number(raw.flock(fd, LOCK_EX_NB)) === 0;
}

/** Two paths change places, at once. */
export function exchange(one: string, other: string): void {
  const RENAME_EXCHANGE = 2;
  check("renameat2", raw.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE), other);
}

export function makeFifo(path: string): void {
  check("mkfifo", raw.mkfifo(path, 0o600), path);
}

export const S_IF = { CHR: 0o020000, BLK: 0o060000, REG: 0o100000 } as const;

/** Makes a device node, with exactly this mode. */
export function makeNode(path: string, mode: number, major: number, minor: number): void {
  check("mknod", raw.mknod(path, mode, makeDevice(major, minor)), path);
}

export function mkdirAt(dirFd: number, name: string, mode: number): void {
  check("mkdirat", raw.mkdirat(dirFd, name, mode), name);
}

/** Makes an empty file. Throws EEXIST. */
export function makeFileAt(dirFd: number, name: string, mode: number): void {
  check("mknodat", raw.mknodat(dirFd, name, S_IF.REG | mode, 0), name);
}

export function unlinkAt(dirFd: number, name: string, directory = false): void {
  const AT_REMOVEDIR = 0x200;
  check("unlinkat", raw.unlinkat(dirFd, name, directory ? AT_REMOVEDIR : 0), name);
}

/** Names of the extended attributes of a file; none where the file system has no such thing. */
export function listXattrs(path: string): string[] {
  const list = Buffer.alloc(65536);
  const length = Number(raw.listxattr(path, list, list.length));
  if (length < 0 && ["ENOTSUP", "EOPNOTSUPP"].includes(names.get(koffi.errno()) ?? "")) return [];
  return list.toString("utf8", 0, check("llistxattr", length, path)).split("\0").filter(Boolean);
}

export function getXattr(path: string, name: string): Buffer {
  const value = Buffer.alloc(65536);
  return value.subarray(0, check("lgetxattr", raw.getxattr(path, name, value, value.length), path));
}

export function setXattr(path: string, name: string, value: Buffer): void {
  check("lsetxattr", raw.setxattr(path, name, value, value.length, 0), path);
}

export function ioctl(fd: number, request: number, argument: Buffer, what: string): void {
  check("ioctl", raw.ioctl(fd, request, argument), what);
}
