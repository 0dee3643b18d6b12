// The storage pools: their rows, and the driver that serves each.
import { fail } from "../api/errors.ts";
import { storageKeys } from "../api/config-keys/storage.ts";
import { checkConfig, isTrue } from "../api/config-keys/key.ts";
import type { Config } from "../api/schemas.ts";
import type { StoragePoolPut, StoragePoolsPost } from "../api/storage.ts";
import type { Db } from "../db/open.ts";
import type { IdMap } from "../host/user-namespace.ts";
import type { Paths } from "../paths.ts";
import type { Warnings } from "../warnings/warnings.ts";
import type { StorageDriver } from "./driver.ts";
import { explain, log } from "../log.ts";
import { BtrfsDriver, type BtrfsPlace, defaultSize } from "./drivers/btrfs.ts";
import { DirDriver } from "./drivers/dir.ts";

export const poolDrivers = ["dir", "btrfs"] as const;
const isPoolDriver = (name: string) => (poolDrivers as readonly string[]).includes(name);

export interface PoolRecord {
  id: number;
  name: string;
  driver: string;
  description: string;
  config: Config;
}

interface Row extends Omit<PoolRecord, "config"> {
  config: string;
}

export class Pools {
  readonly #db: Db;
  readonly #paths: Paths;
  readonly #readMap: () => IdMap;
  readonly #warnings: Warnings;
  readonly #drivers = new Map<string, StorageDriver>();

  constructor(db: Db, paths: Paths, readMap: () => IdMap, warnings: Warnings) {
    this.#db = db;
    this.#paths = paths;
    this.#readMap = readMap;
    this.#warnings = warnings;
  }

  /** Opens all pools, at the daemon's start. One whose file system cannot be mounted does not keep the others from it. */
  async open(): Promise<void> {
    for (const record of this.list()) {
      const driver = this.#makeDriver(record);
      try {
        await this.#warnings.watch("pool_unavailable", { pool: record.id }, () => driver.open());
        this.#drivers.set(record.name, driver);
      } catch (error) {
        if (record.driver === "dir") throw error;
        log.error("a storage pool cannot be used", { pool: record.name, error: explain(error) });
      }
    }
  }

  #makeDriver(record: Pick<PoolRecord, "name" | "driver" | "config">): StorageDriver {
    if (record.driver === "btrfs") return new BtrfsDriver(this.#place(record), this.#readMap);
    const layered = record.config["berth.copy_on_write"];
    return new DirDriver(this.#paths.pool(record.name), layered === undefined || isTrue(layered), this.#readMap);
  }

  /** Where a btrfs pool's file system is. */
  #place({ name, config }: Pick<PoolRecord, "name" | "config">): BtrfsPlace {
    const { source } = config;
    return { root: this.#paths.pool(name), source: source ?? this.#paths.disk(name), isOwn: source === undefined };
  }

  list(): PoolRecord[] {
    return this.#db.prepare<unknown[], Row>("SELECT id, name, driver, description, config FROM storage_pools ORDER BY name").all()
      .map((row) => ({ ...row, config: JSON.parse(row.config) as Config }));
  }

  /** Throws `pool_not_found`. */
  get(name: string): PoolRecord {
    const found = this.list().find((pool) => pool.name === name);
    if (!found) throw fail("pool_not_found");
    return found;
  }

  has(name: string): boolean {
    return this.#drivers.has(name);
  }

  /** Throws `pool_not_found`. */
  driver(name: string): StorageDriver {
    const driver = this.#drivers.get(name);
    if (!driver) throw fail("pool_not_found");
    return driver;
  }

  drivers(): readonly (readonly [string, StorageDriver])[] {
    return [...this.#drivers];
  }

  async create(post: StoragePoolsPost): Promise<void> {
    if (!/^[a-zA-Z0-9][\w.-]{0,62}$/.test(post.name)) {
      throw fail("invalid_name", { what: "storage pool", name: post.name.slice(0, 80), reason: "it may hold up to 63 letters, digits and ._-" });
    }
    if (!isPoolDriver(post.driver)) throw fail("pool_driver_unsupported", { driver: post.driver });
    if (this.list().some((pool) => pool.name === post.name)) throw fail("pool_exists");
    const config = this.#checkConfig(post.name, post.driver, post.config ?? {});
    if (post.driver === "btrfs" && !config["source"]) config["size"] ??= defaultSize(this.#paths.root);
    const record = { name: post.name, driver: post.driver, config };
    const driver = this.#makeDriver(record);
    if (post.driver === "btrfs") await BtrfsDriver.make(this.#place(record), config["size"] ?? "");
    try {
      await driver.open();
    } catch (error) {
      await driver.destroy().catch((cause) => log.warn("a new pool was not removed again", { pool: post.name, error: explain(cause) }));
      throw error;
    }
    this.#db.prepare("INSERT INTO storage_pools (name, driver, description, config) VALUES (?, ?, ?, ?)")
      .run(post.name, post.driver, post.description ?? "", JSON.stringify(config));
    this.#drivers.set(post.name, driver);
  }

  #checkConfig(name: string, driver: string, config: Config): Config {
    const checked = checkConfig(storageKeys, dropVolatile(config));
    const { source, ...rest } = checked;
    const wrong = (key: string, reason: string) => fail("invalid_config_value", { key, reason });
    if (driver === "btrfs") {
      if (rest["berth.copy_on_write"]) throw wrong("berth.copy_on_write", "a btrfs pool always layers");
      if (source === undefined || source === this.#paths.disk(name)) return rest;
      if (!source.startsWith("/") || source.startsWith(`${this.#paths.root}/`)) throw wrong("source", "expected the absolute path of a folder on a btrfs, or of a disk");
      if (rest["size"]) throw wrong("size", "it is that of the source");
      return checked;
    }
    const own = this.#paths.pool(name);
    if (rest["size"]) throw wrong("size", "only the file of a btrfs pool has one");
    if (source !== undefined && source !== own) throw wrong("source", `the pool's files lie in ${own}; leave it unset`);
    return rest;
  }

  update(name: string, put: StoragePoolPut, patch: boolean): void {
    const record = this.get(name);
    const config = this.#checkConfig(name, record.driver, patch ? { ...record.config, ...put.config } : (put.config ?? {}));
    for (const key of ["berth.copy_on_write", "source", "size"]) {
      if (!patch && config[key] === undefined && record.config[key] !== undefined && key !== "berth.copy_on_write") config[key] = record.config[key];
      if (config[key] !== record.config[key]) throw fail("invalid_config_value", { key, reason: "it is chosen when a pool is created" });
    }
    this.#db.prepare("UPDATE storage_pools SET description = ?, config = ? WHERE id = ?")
      .run(put.description ?? record.description, JSON.stringify(config), record.id);
  }

  async remove(name: string): Promise<void> {
    const record = this.get(name);
    await this.driver(name).destroy();
    this.#db.prepare("DELETE FROM storage_pools WHERE id = ?").run(record.id);
    this.#drivers.delete(name);
  }

  /** The configuration as users see it. */
  shownConfig(record: PoolRecord): Config {
    const source = record.driver === "btrfs" ? this.#place(record).source : this.#paths.pool(record.name);
    return { source, ...record.config, ...this.#drivers.get(record.name)?.report() };
  }
}

function dropVolatile(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith("volatile.")));
}
