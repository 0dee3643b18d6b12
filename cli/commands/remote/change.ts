// berth remote remove, rename, set-url and switch
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { parseAddress } from "../../remotes/address.ts";
import { type ClientConfig, certificateFile, type Remote, saveConfig, tokenFile, writeOwnFile } from "../../remotes/config.ts";
import { assertRemoteName } from "./add.ts";

function findRemote({ remotes }: ClientConfig, name: string): Remote {
  const remote = remotes[name];
  if (!remote) throw new CliError(`Remote ${name} doesn't exist`, { hint: "berth remote list shows those there are." });
  return remote;
}

function findOwnRemote(config: ClientConfig, name: string): Remote {
  const remote = findRemote(config, name);
  if (remote.isStatic) throw new CliError(`Remote ${name} is static and cannot be modified`);
  return remote;
}

/** What is kept of a remote besides its entry: a certificate, a token. */
const files = [[certificateFile, 0o644], [tokenFile, 0o600]] as const;

/** A remote of the whole machine that the user changes becomes the user's own, and its files with it. */
function ownRemote(config: ClientConfig, name: string, newName: string, { isGlobal, ...remote }: Remote): Remote {
  for (const [fileOf, mode] of files) {
    const file = fileOf(config, name);
    if (isGlobal && existsSync(file)) writeOwnFile(fileOf({ ...config, remotes: {} }, newName), readFileSync(file, "utf8"), mode);
  }
  return remote;
}

const remove = defineCommand({
  name: "remove",
  aliases: ["rm"],
  usage: "<remote>",
  summary: "Remove remotes",
  args: [1, 1],
  async run({ config }, [name = ""]) {
    const remote = findOwnRemote(config, name);
    if (remote.isGlobal) throw new CliError(`Remote ${name} is global and cannot be removed`);
    if (config.defaultRemote === name) throw new CliError("Can't remove the default remote", { hint: "switch to another one first: berth remote switch local" });
    delete config.remotes[name];
    saveConfig(config);
    for (const [fileOf] of files) rmSync(fileOf(config, name), { force: true });
  },
});

const rename = defineCommand({
  name: "rename",
  aliases: ["mv"],
  usage: "<remote> <new-name>",
  summary: "Rename remotes",
  args: [2, 2],
  async run({ config }, [name = "", newName = ""]) {
    const remote = findOwnRemote(config, name);
    assertRemoteName(newName);
    if (config.remotes[newName]) throw new CliError(`Remote ${newName} already exists`);
    config.remotes[newName] = ownRemote(config, name, newName, remote);
    for (const [fileOf] of files) {
      const file = fileOf(config, name);
      if (!remote.isGlobal && existsSync(file)) renameSync(file, fileOf(config, newName));
    }
    delete config.remotes[name];
    if (config.defaultRemote === name) config.defaultRemote = newName;
    saveConfig(config);
  },
});

const setUrl = defineCommand({
  name: "set-url",
  usage: "<remote> <URL>",
  summary: "Set the URL for the remote",
  args: [2, 2],
  async run({ config }, [name = "", url = ""]) {
    const remote = findOwnRemote(config, name);
    const addr = remote.protocol === "simplestreams" ? url : parseAddress(url);
    config.remotes[name] = { ...ownRemote(config, name, name, remote), addr };
    saveConfig(config);
  },
});

const switchTo = defineCommand({
  name: "switch",
  aliases: ["set-default"],
  usage: "<remote>",
  summary: "Switch the default remote",
  args: [1, 1],
  async run({ config }, [name = ""]) {
    findRemote(config, name);
    config.defaultRemote = name;
    saveConfig(config);
  },
});

export const remoteChangeCommands = [remove, rename, setUrl, switchTo];
