// Where events are told, and who listens.
import type { Event, EventType, LifecycleMetadata } from "../api/events.ts";
import { type Caller, mayIn } from "../auth/caller.ts";
import { onLog } from "../log.ts";
import { shownTo, type Told } from "../operations/visible.ts";

export interface Subscription {
  types: ReadonlySet<EventType>;
  /** undefined: of all projects. */
  project: string | undefined;
  /** Is told only what it may see. */
  caller: Caller;
  /** Takes one event, as JSON text. */
  deliver: (text: string) => void;
}

/** What happens to the server itself concerns its administrators. */
function mayHear(caller: Caller, { action }: LifecycleMetadata, project: string): boolean {
  return caller.admin || (mayIn(caller, project, "view") && !/^(certificate|config|warning)-/.test(action));
}

export class EventHub {
  readonly #subscriptions = new Set<Subscription>();
  readonly #stopLog: () => void;

  constructor() {
    this.#stopLog = onLog((level, message, context) => {
      if (this.#subscriptions.size === 0) return;
      const text = Object.fromEntries(Object.entries(context).filter(([, value]) => value !== undefined).map(([key, value]) => [key, String(value)]));
      const metadata = { message, level: level === "warn" ? "warning" : level, context: text };
      this.#tell("logging", undefined, (caller) => (caller.admin ? metadata : undefined));
    });
  }

  subscribe(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    return () => this.#subscriptions.delete(subscription);
  }

  operation(told: Told): void {
    this.#tell("operation", told.project || undefined, (caller) => shownTo(caller, told));
  }

  lifecycle(metadata: LifecycleMetadata, project = "default"): void {
    this.#tell("lifecycle", project, (caller) => (mayHear(caller, metadata, project) ? metadata : undefined));
  }

  /** `metadataFor`: the same object for all who see all of it; undefined for who is told nothing. */
  #tell(type: EventType, project: string | undefined, metadataFor: (caller: Caller) => object | undefined): void {
    let last: { metadata: object; text: string } | undefined;
    for (const { types, caller, project: wanted, deliver } of this.#subscriptions) {
      if (!types.has(type)) continue;
      if (project !== undefined && wanted !== undefined && wanted !== project) continue;
      const metadata = metadataFor(caller);
      if (!metadata) continue;
      if (last?.metadata !== metadata) {
        const event: Event = { type, timestamp: new Date().toISOString(), metadata: { ...metadata }, location: "none", ...(project === undefined ? {} : { project }) };
        last = { metadata, text: JSON.stringify(event) };
      }
      deliver(last.text);
    }
  }

  close(): void {
    this.#stopLog();
    this.#subscriptions.clear();
  }
}
