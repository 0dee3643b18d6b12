// Waiting for descriptors that Node cannot watch: pidfds, and sockets that pass descriptors on. One thread of Node's pool
// waits in the kernel as long as the program lives, so this is for programs of their own, not for the daemon.
import koffi from "koffi";
import { SysError } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const raw = {
  create: libc.func("int epoll_create1(int flags)"),
  control: libc.func("int epoll_ctl(int epfd, int op, int fd, void *event)"),
  wait: libc.func("int epoll_wait(int epfd, void *events, int count, int timeout)"),
};

export const READABLE = 1;
export const WRITABLE = 4;

const ADD = 1;
const REMOVE = 2;
const MODIFY = 3;
const atOnce = 64;
/** The kernel's structure is packed on x86 only. */
const [size, dataAt] = process.arch === "x64" ? [12, 4] : [16, 8];

interface Watch {
  readonly fd: number;
  readonly ready: (events: number) => void;
}

export class Epoll {
  readonly #fd: number;
  readonly #events = Buffer.alloc(atOnce * size);
  readonly #watches = new Map<number, Watch>();
  #next = 1;

  constructor() {
    const EPOLL_CLOEXEC = 0o2000000;
    this.#fd = raw.create(EPOLL_CLOEXEC);
    if (this.#fd < 0) throw new SysError("epoll_create1", koffi.errno(), "");
    this.#wait();
  }

  #wait(): void {
    raw.wait.async(this.#fd, this.#events, atOnce, -1, (_error: unknown, count: number) => {
      const found = Array.from({ length: Math.max(count, 0) }, (_, i) => ({
        events: this.#events.readUInt32LE(i * size), watch: this.#watches.get(this.#events.readUInt32LE(i * size + dataAt)),
      }));
      for (const { events, watch } of found) watch?.ready(events);
      this.#wait();
    });
  }

  #control(operation: number, fd: number, id: number, events: number): void {
    const event = Buffer.alloc(size);
    event.writeUInt32LE(events, 0);
    event.writeUInt32LE(id, dataAt);
    if (raw.control(this.#fd, operation, fd, event) < 0) throw new SysError("epoll_ctl", koffi.errno(), `fd ${fd}`);
  }

  /** Calls back, again and again, while a descriptor is ready for one of the events, or has failed. Gives the watch's number. */
  add(fd: number, events: number, ready: (events: number) => void): number {
    const id = this.#next++;
    this.#control(ADD, fd, id, events);
    this.#watches.set(id, { fd, ready });
    return id;
  }

  /** Changes what is waited for. */
  change(id: number, events: number): void {
    const watch = this.#watches.get(id);
    if (watch) this.#control(MODIFY, watch.fd, id, events);
  }

  /** To be called before the descriptor is closed. */
  remove(id: number): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#watches.delete(id);
    try {
      this.#control(REMOVE, watch.fd, id, 0);
    } catch (error) {
      if ((error as SysError).code !== "ENOENT") throw error;
    }
  }
}
