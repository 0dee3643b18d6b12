// The backups: their rows, their files, and those that are being made.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { fail } from "../../api/errors.ts";
import type { Db } from "../../db/open.ts";
import type { Paths } from "../../paths.ts";
import type { InstanceRecord } from "../store.ts";
import { type BackupRecord, BackupStore } from "./store.ts";

export class Backups {
  readonly store: BackupStore;
  readonly #paths: Paths;
  /** Of instances, by id: what ends the one that is being made, and when it has ended. */
  readonly #running = new Map<number, { abort: AbortController; ended: Promise<unknown> }>();

  constructor(db: Db, paths: Paths) {
    this.store = new BackupStore(db);
    this.#paths = paths;
  }

  file({ id }: Pick<BackupRecord, "id">): string {
    return `${this.#paths.backups}/${id}`;
  }

  /** Removes what a daemon did not live to finish, before the first request. */
  clean(): void {
    mkdirSync(this.#paths.backups, { recursive: true, mode: 0o700 });
    for (const one of this.store.unfinished()) this.store.remove(one);
    for (const name of readdirSync(this.#paths.backups)) {
      if (!this.store.has(Number(name))) rmSync(`${this.#paths.backups}/${name}`, { recursive: true, force: true });
    }
  }

  /** Throws `backup_running` while one of the instance is being made. */
  assertIdle({ id, name }: Pick<InstanceRecord, "id" | "name">): void {
    if (this.#running.has(id)) throw fail("backup_running", { name });
  }

  /** Makes one of an instance; `signal` ends it early. */
  async make(instance: Pick<InstanceRecord, "id" | "name">, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.assertIdle(instance);
    const abort = new AbortController();
    const pass = () => abort.abort(signal.reason);
    signal.addEventListener("abort", pass, { once: true });
    const making = work(abort.signal);
    this.#running.set(instance.id, { abort, ended: making.catch(() => {}) });
    try {
      await making;
    } finally {
      this.#running.delete(instance.id);
      signal.removeEventListener("abort", pass);
    }
  }

  /** Ends the one that is being made of an instance that is to be deleted. */
  async giveUp({ id }: Pick<InstanceRecord, "id">): Promise<void> {
    const running = this.#running.get(id);
    running?.abort.abort(fail("instance_not_found"));
    await running?.ended;
  }

  /** Removes all of an instance, whose row goes next. */
  removeAll(instance: Pick<InstanceRecord, "id">): void {
    for (const one of this.store.listAll(instance)) this.remove(one);
  }

  remove(backup: BackupRecord): void {
    this.store.remove(backup);
    if (existsSync(this.file(backup))) rmSync(this.file(backup));
  }
}
