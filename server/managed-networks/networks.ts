// The managed networks: their rows, and what runs of each.
import { fail } from "../api/errors.ts";
import { bridgeKeys } from "../api/config-keys/network.ts";
import { checkConfig } from "../api/config-keys/key.ts";
import type { NetworkPut, NetworksPost } from "../api/networks.ts";
import type { Config } from "../api/schemas.ts";
import { checkNetworkName, type HostEntry, type RunningNetwork, removeNetwork, resolveConfig, startNetwork } from "../../networks/network.ts";
import type { Db } from "../db/open.ts";
import { run } from "../host/run.ts";
import { Locks } from "../locks.ts";
import { explain, log } from "../log.ts";
import type { Paths } from "../paths.ts";
import type { Warnings } from "../warnings/warnings.ts";

export interface NetworkRecord {
  id: number;
  name: string;
  type: string;
  description: string;
  config: Config;
}

interface Row extends Omit<NetworkRecord, "config"> {
  config: string;
}

export class Networks {
  readonly #db: Db;
  readonly #paths: Paths;
  readonly #warnings: Warnings;
  readonly #running = new Map<string, RunningNetwork>();
  readonly #locks = new Locks();

  constructor(db: Db, paths: Paths, warnings: Warnings) {
    this.#db = db;
    this.#paths = paths;
    this.#warnings = warnings;
  }

  /** Brings all up, at the daemon's start. One that fails is logged and tried again when it is changed. */
  async open(): Promise<void> {
    for (const record of this.list()) {
      try {
        this.#running.set(record.name, await this.#startKnown(record));
      } catch (error) {
        log.error("a network did not start", { network: record.name, error: explain(error) });
      }
    }
  }

  #start(record: Pick<NetworkRecord, "name" | "config">): Promise<RunningNetwork> {
    return startNetwork({ name: record.name, config: record.config, dir: this.#dir(record.name) }, { run });
  }

  /** That it does not start is a warning. */
  #startKnown(record: NetworkRecord): Promise<RunningNetwork> {
    return this.#warnings.watch("network_unavailable", { project: "default", network: record.id }, () => this.#start(record));
  }

  #dir(name: string): string {
    return `${this.#paths.networks}/${name}`;
  }

  list(): NetworkRecord[] {
    return this.#db.prepare<unknown[], Row>("SELECT id, name, type, description, config FROM networks ORDER BY name").all()
      .map((row) => ({ ...row, config: JSON.parse(row.config) as Config }));
  }

  find(name: string): NetworkRecord | undefined {
    return this.list().find((network) => network.name === name);
  }

  /** Throws `network_not_found`. */
  get(name: string): NetworkRecord {
    const found = this.find(name);
    if (!found) throw fail("network_not_found");
    return found;
  }

  isUp(name: string): boolean {
    return this.#running.has(name);
  }

  async create(post: NetworksPost): Promise<void> {
    const type = post.type || "bridge";
    if (type !== "bridge") throw fail("network_type_unsupported", { type });
    const reason = checkNetworkName(post.name);
    if (reason) throw fail("invalid_name", { what: "network", name: post.name.slice(0, 40), reason });
    await this.#locks.run("networks", async () => {
      if (this.find(post.name)) throw fail("network_exists");
      const config = await resolveConfig(checkConfig(bridgeKeys, post.config ?? {}), post.name, { run });
      const started = await this.#start({ name: post.name, config });
      try {
        this.#db.prepare("INSERT INTO networks (name, type, description, config) VALUES (?, ?, ?, ?)")
          .run(post.name, type, post.description ?? "", JSON.stringify(config));
      } catch (error) {
        await started.remove();
        throw error;
      }
      this.#running.set(post.name, started);
    });
  }

  async update(name: string, put: NetworkPut, patch: boolean): Promise<void> {
    await this.#locks.run("networks", async () => {
      const record = this.get(name);
      const wanted = patch ? { ...record.config, ...put.config } : (put.config ?? {});
      const config = await resolveConfig(checkConfig(bridgeKeys, wanted, record.config), name, { run }, { creating: false });
      const running = this.#running.get(name);
      if (running) await running.update(config);
      else this.#running.set(name, await this.#startKnown({ ...record, config }));
      this.#db.prepare("UPDATE networks SET description = ?, config = ? WHERE id = ?")
        .run(put.description ?? (patch ? record.description : ""), JSON.stringify(config), record.id);
    });
  }

  async remove(name: string): Promise<void> {
    await this.#locks.run("networks", async () => {
      const record = this.get(name);
      const running = this.#running.get(name);
      if (running) await running.remove();
      else await removeNetwork({ name, dir: this.#dir(name) }, { run });
      this.#running.delete(name);
      this.#db.prepare("DELETE FROM networks WHERE id = ?").run(record.id);
    });
  }

  /** A network has another name after this; nothing may use it. */
  async rename(name: string, newName: string): Promise<void> {
    const record = this.get(name);
    const reason = checkNetworkName(newName);
    if (reason) throw fail("invalid_name", { what: "network", name: newName.slice(0, 40), reason });
    await this.#locks.run("networks", async () => {
      if (this.find(newName)) throw fail("network_exists");
      await this.#running.get(name)?.remove();
      this.#running.delete(name);
      this.#running.set(newName, await this.#start({ name: newName, config: record.config }));
      this.#db.prepare("UPDATE networks SET name = ? WHERE id = ?").run(newName, record.id);
    });
  }

  /** DHCP and DNS learn of an instance's interface. */
  setHost(network: string, file: string, entry: HostEntry): void {
    this.#running.get(network)?.setHost(file, entry);
  }

  async removeHost(network: string, file: string): Promise<void> {
    await this.#running.get(network)?.removeHost(file);
  }

  /** Forgets the interfaces that no instance has any more, when those of all instances have been told. */
  async removeUntoldHosts(): Promise<void> {
    for (const network of this.#running.values()) await network.removeUntold();
  }

  leases(name: string): ReturnType<RunningNetwork["leases"]> {
    return this.#running.get(name)?.leases() ?? [];
  }

  /** The daemon goes; the networks stay up. */
  async close(): Promise<void> {
    for (const network of this.#running.values()) await network.stop({ keepRunning: true });
  }
}
