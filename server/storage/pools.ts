// The storage pools: their rows, and the driver that serves each.
import { fail } from "../api/errors.ts";
import { storageKeys } from "../api/config-keys/storage.ts";
import { checkConfig, isTrue } from "../api/config-keys/key.ts";
import type { Config } from "../api/schemas.ts";
import type { StoragePoolPut, StoragePoolsPost } from "../api/storage.ts";
import type { Db } from "../db/open.ts";
import type { IdMap } from "../host/user-namespace.ts";
import type { Paths } from "../paths.ts";
import type { StorageDriver } from "./driver.ts";
import { DirDriver } from "./drivers/dir.ts";

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
  readonly #drivers = new Map<string, StorageDriver>();

  constructor(db: Db, paths: Paths, readMap: () => IdMap) {
    this.#db = db;
    this.#paths = paths;
    this.#readMap = readMap;
  }

  /** Opens all pools, at the daemon's start. */
  async open(): Promise<void> {
    for (const record of this.list()) {
      const driver = this.#makeDriver(record);
      await driver.open();
      this.#drivers.set(record.name, driver);
    }
  }

  #makeDriver(record: Pick<PoolRecord, "name" | "config">): StorageDriver {
    const layered = record.config["berth.copy_on_write"];
    return new DirDriver(this.#paths.pool(record.name), layered === undefined || isTrue(layered), this.#readMap);
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
    if (post.driver !== "dir") throw fail("pool_driver_unsupported", { driver: post.driver });
    if (this.list().some((pool) => pool.name === post.name)) throw fail("pool_exists");
    const config = this.#checkConfig(post.name, post.config ?? {});
    const driver = this.#makeDriver({ name: post.name, config });
    await driver.open();
    this.#db.prepare("INSERT INTO storage_pools (name, driver, description, config) VALUES (?, ?, ?, ?)")
      .run(post.name, post.driver, post.description ?? "", JSON.stringify(config));
    this.#drivers.set(post.name, driver);
  }

  #checkConfig(name: string, config: Config): Config {
    const { source, ...rest } = checkConfig(storageKeys, dropVolatile(config));
    const own = this.#paths.pool(name);
    if (source !== undefined && source !== own) {
      throw fail("invalid_config_value", { key: "source", reason: `the pool's files lie in ${own}; leave it unset` });
    }
    return rest;
  }

  update(name: string, put: StoragePoolPut, patch: boolean): void {
    const record = this.get(name);
    const config = this.#checkConfig(name, patch ? { ...record.config, ...put.config } : (put.config ?? {}));
    if (config["berth.copy_on_write"] !== record.config["berth.copy_on_write"]) {
      throw fail("invalid_config_value", { key: "berth.copy_on_write", reason: "it is chosen when a pool is created" });
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
    return { source: this.#paths.pool(record.name), ...record.config, ...this.driver(record.name).report() };
  }
}

function dropVolatile(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith("volatile.")));
}
