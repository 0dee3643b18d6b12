// The server's own configuration, kept in the database.
import { serverKeys } from "./api/config-keys/server.ts";
import { checkConfig } from "./api/config-keys/key.ts";
import type { Config } from "./api/schemas.ts";
import type { Db } from "./db/open.ts";

export class Settings {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  /** The keys that are set. */
  all(): Config {
    const rows = this.#db.prepare<unknown[], { key: string; value: string }>("SELECT key, value FROM server_config ORDER BY key").all();
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  }

  /** Replaces all. Throws `unknown_config_key` or `invalid_config_value`, and changes nothing then. */
  replace(config: Config): void {
    const checked = checkConfig(serverKeys, config, this.all());
    this.#db.transaction(() => {
      this.#db.prepare("DELETE FROM server_config").run();
      const insert = this.#db.prepare("INSERT INTO server_config (key, value) VALUES (?, ?)");
      for (const [key, value] of Object.entries(checked)) insert.run(key, value);
    })();
  }
}
