// What runs: the processes behind each started instance, and who waits for its end. Kept in memory; after
// a restart of the daemon it is read back from the machine.
import { setTimeout as sleep } from "node:timers/promises";
import { NetworkView } from "../host/netlink.ts";
import { checkWatched, signalProcess, watchExit } from "../host/pidfd.ts";
import { ContainerCgroups } from "../lxc/cgroup.ts";
import type { Requestor } from "../api/events.ts";
import type { StopNotice } from "../lxc/hooks.ts";
import type { ContainerProcesses } from "../lxc/processes.ts";
import { explain, log } from "../log.ts";
import type { Layer } from "./config.ts";

/** How an instance came to its end. */
export type StopReason = "forced" | "clean" | "restart" | "guest" | "reboot";

export interface Running extends ContainerProcesses {
  cgroups: ContainerCgroups;
  /** The configuration and devices that it was brought to; what could not be applied while it runs counts as if it were. */
  held: Layer;
  /** Its network namespace; undefined when that could not be looked into. */
  network: NetworkView | undefined;
  frozen: boolean;
  /** Its guest said that it is ready. */
  ready: boolean;
  /** Set by whoever asks for its end. */
  stopReason: StopReason;
  stoppedBy?: Requestor | undefined;
  ended: Promise<StopReason>;
}

/** `by`: who asked for the end. */
type OnEnd = (name: string, reason: StopReason, by: Requestor | undefined) => Promise<void>;

const SIGKILL = 9;

/** When an instance has started, in ms: others that start with it come first. */
const openCountersAfter = 1000;

export class Runtime {
  readonly #running = new Map<string, Running>();
  readonly #rebooted = new Set<string>();
  /** What is still done about those that have ended. */
  readonly #ending = new Map<string, Promise<void>>();
  readonly #hearHooks: () => void;
  readonly #onEnd: OnEnd;

  /**
   * `hearHooks`: has all that hooks have said told to `noticeStop`. `onEnd` is called once for each that ends, after it is no longer
   * seen here; who waits for the end waits for that too.
   */
  constructor(hearHooks: () => void, onEnd: OnEnd) {
    this.#hearHooks = hearHooks;
    this.#onEnd = onEnd;
  }

  get(name: string): Running | undefined {
    return this.#running.get(name);
  }

  /** All that run, by name. */
  entries(): [name: string, running: Running][] {
    return [...this.#running];
  }

  get count(): number {
    return this.#running.size;
  }

  /** Takes in a container that runs. */
  add(name: string, processes: ContainerProcesses, held: Layer): Running {
    const cgroups = new ContainerCgroups(processes.init);
    let end: (reason: StopReason) => void = () => {};
    const ended = new Promise<StopReason>((resolve) => {
      end = resolve;
    });
    const running: Running = { ...processes, cgroups, held, network: openNetwork(processes.init), frozen: false, ready: false, stopReason: "guest", ended };
    this.#running.set(name, running);
    setTimeout(() => this.#openCounters(name, running), openCountersAfter).unref();
    const gone = () => {
      this.#hearHooks(); // that it asked for a reboot
      this.#running.delete(name);
      running.network?.close();
      cgroups.close();
      cgroups.remove();
      const ending = this.#onEnd(name, running.stopReason, running.stoppedBy)
        .catch((error) => log.error("the end of an instance was not dealt with", { instance: name, error: explain(error) }))
        .finally(() => {
          this.#ending.delete(name);
          end(running.stopReason);
        });
      this.#ending.set(name, ending);
    };
    // liblxc's monitor takes its container along; one that was killed cannot.
    watchExit(processes.monitor, () => (signalProcess(processes.init, SIGKILL) ? void whenGone(processes.init, gone) : gone()));
    return running;
  }

  /** So that whoever asks for its state first does not wait for the kernel to make their files. */
  #openCounters(name: string, running: Running): void {
    if (this.#running.get(name) !== running) return;
    try {
      running.cgroups.openCounters();
      running.network?.links();
    } catch (error) {
      log.debug("the counters of an instance could not be opened", { instance: name, error: explain(error) });
    }
  }

  /** Resolves once nothing of an instance's last run is being cleared away any more. */
  async settled(name: string): Promise<void> {
    await this.#ending.get(name);
  }

  /** Whether a container that was not known yet asked for a reboot: it ended, and is to be started again. */
  takeReboot(name: string): boolean {
    this.#hearHooks();
    return this.#rebooted.delete(name);
  }

  /** A container's hook says that it has stopped: its monitor ends any moment now. */
  async noticeStop({ name, reboot }: StopNotice): Promise<void> {
    const running = this.#running.get(name);
    if (!running) {
      if (reboot) this.#rebooted.add(name);
      return;
    }
    if (reboot && running.stopReason === "guest") running.stopReason = "reboot";
    await Promise.resolve(); // others whose ends are seen below may have said as much at the same time
    for (let tries = 0; tries < 200 && this.#running.get(name) === running; tries++) {
      checkWatched();
      await sleep(tries < 50 ? 1 : 10);
    }
  }

  close(): void {
    for (const running of this.#running.values()) {
      running.network?.close();
      running.cgroups.close();
    }
    this.#running.clear();
  }
}

/** Calls back when a killed process has ended; looks often, as that is a matter of milliseconds. */
async function whenGone(pid: number, gone: () => void): Promise<void> {
  let ended = false;
  watchExit(pid, () => {
    ended = true;
    gone();
  });
  for (let tries = 0; tries < 200 && !ended; tries++) {
    await sleep(2);
    checkWatched();
  }
}

function openNetwork(init: number): NetworkView | undefined {
  try {
    return new NetworkView(init);
  } catch (error) {
    log.warn("no network state for an instance", { pid: init, error: explain(error) });
    return undefined;
  }
}
