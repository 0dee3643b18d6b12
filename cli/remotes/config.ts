// The client's own configuration, `config.yml`: which servers there are and which one is meant when none is named, and
// the user's aliases. The file has the shape of lxc's, so that one can be taken over as it is.
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { isTrue } from "../../server/api/config-keys/key.ts";
import { CliError } from "../errors.ts";
import { readYaml, renderYaml, Struct } from "../output/yaml.ts";
import { readPlainYaml } from "./plain-yaml.ts";

/** A server, by the members it has in the file. */
export interface Remote {
  readonly addr: string;
  readonly auth_type?: string;
  readonly project?: string;
  /** `lxd` when absent; `simplestreams` is a server of images only. */
  readonly protocol?: string;
  /** It serves images to everybody, and nothing else. */
  readonly public: boolean;
  /** Not the user's to change. */
  readonly isStatic?: true;
  /** From the machine's configuration, not from the user's. */
  readonly isGlobal?: true;
}

export interface ClientConfig {
  /** Where the file, the client's certificate and those of servers lie. */
  readonly folder: string;
  readonly globalFolder: string;
  defaultRemote: string;
  remotes: Record<string, Remote>;
  aliases: Record<string, string>;
}

const local: Remote = { addr: "unix://", public: false, isStatic: true };
const streams = (addr: string) => ({ addr, protocol: "simplestreams", public: true }) as const;
const staticRemotes: Readonly<Record<string, Remote>> = {
  local,
  ubuntu: { ...streams("https://cloud-images.ubuntu.com/releases"), isStatic: true },
  "ubuntu-daily": { ...streams("https://cloud-images.ubuntu.com/daily"), isStatic: true },
};
const firstRemotes = { images: streams("https://images.linuxcontainers.org"), ...staticRemotes };

/** `$BERTH_CONF`, or `.config/berth` below the user's home. */
export function findFolder(env: NodeJS.ProcessEnv): string {
  return env["BERTH_CONF"] || join(env["HOME"] || homedir(), ".config", "berth");
}

/** The configuration without what the user has made of it: what there is before the first remote is added. */
export function emptyConfig(env: NodeJS.ProcessEnv): ClientConfig {
  return { folder: findFolder(env), globalFolder: env["BERTH_GLOBAL_CONF"] || "/etc/berth", defaultRemote: "local", remotes: { ...firstRemotes }, aliases: {} };
}

export async function loadConfig(env: NodeJS.ProcessEnv): Promise<ClientConfig> {
  const config = emptyConfig(env);
  const own = await readFile(join(config.folder, "config.yml"));
  if (own) {
    config.remotes = own.remotes;
    config.aliases = own.aliases;
    config.defaultRemote = own.defaultRemote || "local";
  }
  const global = await readFile(join(config.globalFolder, "config.yml"));
  for (const [name, remote] of Object.entries(global?.remotes ?? {})) config.remotes[name] ??= { ...remote, isGlobal: true };
  for (const [name, remote] of Object.entries(staticRemotes)) {
    const project = config.remotes[name]?.project;
    config.remotes[name] = project ? { ...remote, project } : remote;
  }
  return config;
}

type Content = Pick<ClientConfig, "defaultRemote" | "remotes" | "aliases">;

async function readFile(file: string): Promise<Content | undefined> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new CliError(`Cannot read the client's configuration ${file}`, { cause, hint: (cause as Error).message });
  }
  try {
    return parseConfig(readPlainYaml(text) ?? (await readYaml(text)));
  } catch (cause) {
    const why = (cause instanceof Error ? cause.message : "").split("\n")[0];
    throw new CliError(`The client's configuration ${file} is broken: ${why}`, { cause, hint: "it is left as it is: correct it, or move it away and start anew." });
  }
}

function fields(value: unknown, what: string): Record<string, unknown> {
  if (value === undefined || value === null || value === "") return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new CliError(`${what} is not a set of names and values`);
  return value as Record<string, unknown>;
}

function parseConfig(document: unknown): Content {
  const { "default-remote": defaultRemote = "", remotes, aliases } = fields(document, "the document");
  return {
    defaultRemote: String(defaultRemote),
    remotes: Object.fromEntries(Object.entries(fields(remotes, "remotes")).map(([name, remote]) => [name, parseRemote(name, remote)])),
    aliases: Object.fromEntries(Object.entries(fields(aliases, "aliases")).map(([name, text]) => [name, String(text)])),
  };
}

function parseRemote(name: string, value: unknown): Remote {
  const given = fields(value, `the remote "${name}"`);
  if (typeof given["addr"] !== "string" || given["addr"] === "") throw new CliError(`the remote "${name}" has no addr`);
  return { ...(given as unknown as Remote), public: isTrue(String(given["public"] ?? "")) };
}

/** The members of a remote in lxc's order, those that say nothing left out. */
export function remoteMembers({ isStatic: _static, isGlobal: _global, ...remote }: Remote): Struct {
  const { addr, auth_type, project, protocol, public: isPublic, ...others } = remote;
  const members = Object.entries({ addr, auth_type, ...others, project, protocol, public: isPublic });
  return new Struct(members.filter(([, value]) => value !== undefined && value !== ""));
}

/** Writes the file beside its place and renames it into it: who reads meanwhile sees the old one or the new one. */
export function saveConfig({ folder, defaultRemote, remotes, aliases }: ClientConfig): void {
  const kept = Object.entries(remotes).filter(([name, remote]) => !remote.isGlobal && (!remote.isStatic || name === "local"));
  const document = new Struct([
    ["default-remote", defaultRemote],
    ["remotes", Object.fromEntries(kept.map(([name, remote]) => [name, remoteMembers(remote)]))],
    ["aliases", aliases],
  ]);
  writeOwnFile(join(folder, "config.yml"), renderYaml(document), 0o600);
}

/** Writes a file of the client's folder, which is made when it is missing. */
export function writeOwnFile(file: string, text: string, mode: number): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
  const part = `${file}.${process.pid}`;
  writeFileSync(part, text, { mode });
  chmodSync(part, mode);
  renameSync(part, file);
}

/** Where a remote's bearer token lies. */
export function tokenFile({ folder, globalFolder, remotes }: ClientConfig, remote: string): string {
  return join(remotes[remote]?.isGlobal ? globalFolder : folder, "tokens", remote);
}

export function certificateFile({ folder, globalFolder, remotes }: ClientConfig, remote: string): string {
  return join(remotes[remote]?.isGlobal ? globalFolder : folder, "servercerts", `${remote}.crt`);
}
