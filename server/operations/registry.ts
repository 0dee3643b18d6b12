// All operations there are: running ones, and those that ended a moment ago.
import { fail } from "../api/errors.ts";
import type { EventHub } from "../events/hub.ts";
import { Operation, type OperationSpec } from "./operation.ts";

/** How long an operation can still be read after its end, in ms: LXD's 5 s are too few for clients of a machine that is very busy. */
const keepFor = 10_000;

export class Operations {
  readonly #all = new Map<string, Operation>();
  readonly #events: EventHub;
  /** How many have ended, by their final status. */
  readonly endedByStatus = new Map<string, number>();
  #closing = false;

  constructor(events: EventHub) {
    this.#events = events;
  }

  /** Makes an operation and starts it. Throws `shutting_down` when the server stops. */
  start(spec: OperationSpec): Operation {
    if (this.#closing) throw fail("shutting_down");
    const operation = new Operation(spec, (changed) => {
      this.#events.operation({ view: changed.view(), project: changed.project, confidential: changed.confidential });
    });
    this.#all.set(operation.id, operation);
    operation.start();
    void operation.ended().then(() => {
      this.endedByStatus.set(operation.status, (this.endedByStatus.get(operation.status) ?? 0) + 1);
      setTimeout(() => this.#all.delete(operation.id), keepFor).unref();
    });
    return operation;
  }

  /** Throws `operation_not_found`. */
  get(id: string): Operation {
    const operation = this.#all.get(id);
    if (!operation) throw fail("operation_not_found");
    return operation;
  }

  list(): Operation[] {
    return [...this.#all.values()];
  }

  /** Takes no more, cancels what can be, and waits for the rest as long as `timeout` ms. */
  async close(timeout: number): Promise<void> {
    this.#closing = true;
    for (const operation of this.list()) operation.abortForShutdown();
    const running = this.list().filter((operation) => operation.holdsShutdown);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeout);
    });
    await Promise.race([Promise.all(running.map((operation) => operation.ended())), late]);
    clearTimeout(timer);
  }
}
