// The server's own configuration, kept in the database.
import { absentServerKeys, serverKeys } from "./api/config-keys/server.ts";
import { checkConfig, findKey, isTrue } from "./api/config-keys/key.ts";
import { fail } from "./api/errors.ts";
import type { Config } from "./api/schemas.ts";
import type { Db } from "./db/open.ts";
import type { PagePolicy } from "./http/origin.ts";

const isSecret = (key: string) => findKey(serverKeys, key)?.secret === true;

export class Settings {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  /** The keys that are set; secrets as they are kept. */
  all(): Config {
    const rows = this.#db.prepare<unknown[], { key: string; value: string }>("SELECT key, value FROM server_config ORDER BY key").all();
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  }

  /** What holds: the value that is set, the key's default, or nothing. */
  get(key: string): string {
    const row = this.#db.prepare<unknown[], { value: string }>("SELECT value FROM server_config WHERE key = ?").get(key);
    return row?.value ?? findKey(serverKeys, key)?.default ?? "";
  }

  /** As clients see it: a secret is `true`. */
  view(): Record<string, string | true> {
    return Object.fromEntries(Object.entries(this.all()).map(([key, value]) => [key, isSecret(key) ? true : value]));
  }

  /**
   * What a configuration that a client sent means: `true` for a secret is what it was, defaults count as not set.
   * Throws `unknown_config_key` or `invalid_config_value`.
   */
  check(given: Readonly<Record<string, unknown>>): { config: Config; newSecrets: string[] } {
    const before = this.all();
    const newSecrets: string[] = [];
    const texts = Object.entries(given).map(([key, value]) => {
      if (typeof value === "object") throw fail("invalid_config_value", { key, reason: "it is no text, number or truth" });
      if (isSecret(key) && value === true) return [key, before[key] ?? ""];
      if (isSecret(key) && value !== "") newSecrets.push(key);
      return [key, String(value)];
    });
    const checked = checkConfig(serverKeys, Object.fromEntries(texts) as Config, {}, absentServerKeys);
    return { config: Object.fromEntries(Object.entries(checked).filter(([key, value]) => findKey(serverKeys, key)?.default !== value)), newSecrets };
  }

  /** Puts what was checked in the place of all there was. */
  save(config: Config): void {
    this.#db.transaction(() => {
      this.#db.prepare("DELETE FROM server_config").run();
      const insert = this.#db.prepare("INSERT INTO server_config (key, value) VALUES (?, ?)");
      for (const [key, value] of Object.entries(config)) insert.run(key, value);
    })();
  }
}

/** Which web pages may use the API. */
export function pagePolicy(settings: Settings): PagePolicy {
  const of = (name: string) => settings.get(`core.https_allowed_${name}`);
  return { origin: of("origin"), methods: of("methods"), headers: of("headers"), credentials: isTrue(of("credentials")) };
}
