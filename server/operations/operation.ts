// One background operation: its life, what it tells of it, and how it is cancelled.
import { randomBytes, randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import type { IncomingMessage } from "node:http";
import { type Status, statusCodes } from "../api/envelope.ts";
import { BerthError, fail } from "../api/errors.ts";
import type { Operation as OperationView } from "../api/operations.ts";
import { withLogContext } from "../log.ts";
import { asExpected, errorMessage } from "./error-message.ts";

export type OperationClass = OperationView["class"];

export interface OperationSpec {
  class?: OperationClass;
  /** One of LXD's fixed descriptions, such as "Creating instance". */
  description: string;
  /** Plural kind → URLs. */
  resources?: Record<string, string[]>;
  metadata?: Record<string, unknown>;
  /** "default" when absent; an empty one is seen in all projects. */
  project?: string;
  /** What it does. Its end is the operation's end; what it throws is the operation's error. */
  run: (operation: Operation) => Promise<void>;
  /** Set when it can be cancelled through the API; `signal` is aborted then. */
  cancellable?: boolean;
  /** The server need not wait for it when it stops: it waits for a guest or a client, who may take for ever. */
  openEnded?: boolean;
  /** Only administrators of the server see it: it holds a secret of theirs. */
  confidential?: boolean;
  /** Takes one of its websockets, after the secret was checked by it. */
  connect?: (request: IncomingMessage, socket: Duplex, head: Buffer, secret: string) => void;
}

const final = (status: Status) => statusCodes[status] >= 200;

export class Operation {
  readonly id = randomUUID();
  readonly project: string;
  readonly confidential: boolean;
  readonly connect: OperationSpec["connect"];
  readonly #spec: OperationSpec;
  readonly #abort = new AbortController();
  readonly #changed: (operation: Operation) => void;
  readonly #createdAt = new Date();
  readonly #ended: Promise<void>;
  #end: () => void = () => {};
  #updatedAt = this.#createdAt;
  #status: Status = "Pending";
  #metadata: Record<string, unknown> | null;
  #error = "";

  constructor(spec: OperationSpec, changed: (operation: Operation) => void) {
    this.#spec = spec;
    this.#changed = changed;
    this.#metadata = spec.metadata ?? null;
    this.project = spec.project ?? "default";
    this.confidential = spec.confidential ?? false;
    this.connect = spec.connect;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get status(): Status {
    return this.#status;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get url(): string {
    return `/1.0/operations/${this.id}`;
  }

  get isFinal(): boolean {
    return final(this.#status);
  }

  /** The code of the error it ended with; undefined when it did not fail. */
  get failure(): string | undefined {
    if (!this.isFinal || this.#status === "Success") return undefined;
    return this.#status === "Cancelled" ? "operation_cancelled" : String(this.#metadata?.["error"] ?? "internal");
  }

  /** Starts the work; returns at once. */
  start(): void {
    this.#set("Pending");
    this.#set("Running");
    void withLogContext({ operation: this.id }, () => this.#run());
  }

  async #run(): Promise<void> {
    const answered = new Promise((resolve) => setImmediate(resolve)); // whoever asked for it is shown that it runs
    try {
      await Promise.all([this.#spec.run(this), answered]);
      this.#set("Success");
    } catch (thrown) {
      const error = asExpected(thrown);
      if (error instanceof BerthError) {
        this.#metadata = { ...this.#metadata, error: error.code, ...(error.hint ? { hint: error.hint } : {}) };
      }
      this.#error = errorMessage(error);
      this.#set(this.#abort.signal.aborted ? "Cancelled" : "Failure");
    } finally {
      this.#end();
    }
  }

  #set(status: Status): void {
    this.#status = status;
    this.#updatedAt = new Date();
    this.#changed(this);
  }

  /** Adds to the metadata and tells the listeners. */
  update(metadata: Record<string, unknown>): void {
    this.#metadata = { ...this.#metadata, ...metadata };
    this.#updatedAt = new Date();
    this.#changed(this);
  }

  /** Names what it works on, once that is known; seen with the next change. */
  setResources(resources: Record<string, string[]>): void {
    this.#spec.resources = resources;
  }

  /** Resolves when it has ended, however; rejects never. */
  ended(): Promise<void> {
    return this.#ended;
  }

  /** Ends it early. Throws `operation_not_running` or `operation_not_cancellable`. */
  cancel(): void {
    if (this.isFinal) throw fail("operation_not_running");
    if (!this.#spec.cancellable) throw fail("operation_not_cancellable");
    this.#abort.abort(fail("operation_cancelled"));
  }

  /** Whether a server that stops has to wait for it. */
  get holdsShutdown(): boolean {
    return !this.isFinal && !this.#spec.openEnded;
  }

  /** Ends it early when the server stops, if it can be. */
  abortForShutdown(): void {
    if (this.#spec.cancellable && !this.isFinal) this.#abort.abort(fail("shutting_down"));
  }

  /** All there is to tell of it: see shownTo for who may know. */
  view(): OperationView {
    return {
      id: this.id,
      class: this.#spec.class ?? "task",
      description: this.#spec.description,
      created_at: this.#createdAt.toISOString(),
      updated_at: this.#updatedAt.toISOString(),
      status: this.#status,
      status_code: statusCodes[this.#status],
      resources: this.#spec.resources ?? {},
      metadata: this.#metadata,
      may_cancel: this.#spec.cancellable ?? false,
      err: this.#error,
      location: "none",
    };
  }
}

/** A secret for one websocket. */
export function makeSecret(): string {
  return randomBytes(32).toString("hex");
}
