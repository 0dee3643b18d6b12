// Raising and resolving warnings: whoever finds that something is the matter says so, and says when it is over.
import type { Db } from "../db/open.ts";
import { explain, log } from "../log.ts";
import { type WarningEntity, type WarningRecord, type WarningStatus, WarningStore } from "./store.ts";
import { type Severity, type WarningType, warningTypes } from "./types.ts";

export interface WarningAbout extends WarningEntity {
  /** Empty for what concerns the whole server. */
  project?: string;
}

/** How long what was resolved can still be seen, in ms. */
const keepResolved = 24 * 3600 * 1000;

export class Warnings {
  readonly store: WarningStore;
  constructor(db: Db) {
    this.store = new WarningStore(db);
  }

  /** Notes that something is the matter; one that is known is counted. */
  raise(type: WarningType, message: string, about: WarningAbout = {}): void {
    this.#attempt(() => this.store.raise(type, about.project ?? "", about, message));
  }

  /** Notes that it is over. */
  resolve(type: WarningType, about: WarningAbout = {}): void {
    this.#attempt(() => this.store.resolve(type, about.project ?? "", about));
  }

  /** Raises it with what is the matter, or resolves it when nothing is. */
  set(type: WarningType, message: string | undefined, about: WarningAbout = {}): void {
    if (message === undefined) this.resolve(type, about);
    else this.raise(type, message, about);
  }

  /** Runs some work, whose failure is a warning; it is thrown on. */
  async watch<T>(type: WarningType, about: WarningAbout, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.resolve(type, about);
      return result;
    } catch (error) {
      this.raise(type, explain(error), about);
      throw error;
    }
  }

  /** On a full disk, say, a warning cannot be noted: that keeps nobody from what he is at. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      log.error("a warning could not be noted", { error: explain(error) });
    }
  }

  /** Those of one project, or all. What was resolved a day ago is forgotten. */
  list(project?: string): WarningRecord[] {
    this.#attempt(() => this.store.removeResolved(new Date(Date.now() - keepResolved)));
    return this.store.list(project);
  }

  counts(): { severity: Severity; status: WarningStatus; count: number }[] {
    const counts = new Map<string, { severity: Severity; status: WarningStatus; count: number }>();
    for (const { type, status } of this.list()) {
      const { severity } = kindOf(type);
      const key = `${severity} ${status}`;
      const entry = counts.get(key) ?? { severity, status, count: 0 };
      entry.count++;
      counts.set(key, entry);
    }
    return [...counts.values()];
  }
}

/** A type that a newer berthd has left in the database is shown by its name. */
export function kindOf(type: string): { text: string; severity: Severity } {
  return Object.hasOwn(warningTypes, type) ? warningTypes[type as WarningType] : { text: type, severity: "low" };
}
