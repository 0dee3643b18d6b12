// Where events are told, and who listens.
import type { Event, EventType, LifecycleMetadata } from "../api/events.ts";
import type { Operation } from "../api/operations.ts";
import { onLog } from "../log.ts";

export interface Subscription {
  types: ReadonlySet<EventType>;
  /** undefined: of all projects. */
  project: string | undefined;
  /** Takes one event, as JSON text. */
  deliver: (text: string) => void;
}

export class EventHub {
  readonly #subscriptions = new Set<Subscription>();
  readonly #stopLog: () => void;

  constructor() {
    this.#stopLog = onLog((level, message, context) => {
      const text = Object.fromEntries(Object.entries(context).map(([key, value]) => [key, String(value)]));
      this.#tell("logging", { message, level: level === "warn" ? "warning" : level, context: text }, undefined);
    });
  }

  subscribe(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    return () => this.#subscriptions.delete(subscription);
  }

  operation(operation: Operation, project: string | undefined): void {
    this.#tell("operation", operation, project);
  }

  lifecycle(metadata: LifecycleMetadata, project = "default"): void {
    this.#tell("lifecycle", metadata as unknown as Record<string, unknown>, project);
  }

  #tell(type: EventType, metadata: Record<string, unknown>, project: string | undefined): void {
    if (this.#subscriptions.size === 0) return;
    let text: string | undefined;
    for (const subscription of this.#subscriptions) {
      if (!subscription.types.has(type)) continue;
      if (project !== undefined && subscription.project !== undefined && subscription.project !== project) continue;
      const event: Event = { type, timestamp: new Date().toISOString(), metadata, location: "none", ...(project === undefined ? {} : { project }) };
      text ??= JSON.stringify(event);
      subscription.deliver(text);
    }
  }

  close(): void {
    this.#stopLog();
    this.#subscriptions.clear();
  }
}
