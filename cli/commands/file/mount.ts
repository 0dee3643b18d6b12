// berth file mount
import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { posix } from "node:path";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import { sftpPath } from "./guest-files.ts";

/** How long the server's answers are waited for after an interrupt, in milliseconds. */
const patience = 2000;

const word = (bytes: number) => randomBytes(bytes).toString("hex");

/** Mounts with sshfs, which speaks SFTP on its standard input and output; ends when it is unmounted or interrupted. */
async function mountFolder(ctx: Context, server: Server, name: string, path: string, target: string): Promise<void> {
  if (!existsSync(target) || !statSync(target).isDirectory()) throw new CliError(`Target path ${target} is not a directory`);
  const { openStream } = await import("../../sftp/index.ts");
  const stream: Socket = await openStream(await server.connect(), sftpPath(server, name));
  const sshfs = spawn("sshfs", ["-o", "slave", `${name}:${path}`, target], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    sshfs.once("error", (cause: NodeJS.ErrnoException) => {
      reject(cause.code === "ENOENT" ? new CliError("sshfs not found. Try SSH SFTP mode using the --listen flag", { hint: "or install it: apt install sshfs" }) : cause);
    });
    sshfs.once("exit", resolve);
  });
  stream.pipe(sshfs.stdin);
  sshfs.stdout.pipe(stream);
  for (const end of [stream, sshfs.stdin, sshfs.stdout]) end.on("error", () => sshfs.kill());
  // sshfs waits for its answers also when it was told to end: that none comes any more, it learns from the end of its input.
  stream.once("close", () => sshfs.stdin.destroy());
  ctx.say(`sshfs mounting "${name}${path}" on "${target}"`);
  ctx.say("Press ctrl+c to finish");
  const stop = () => {
    sshfs.kill("SIGTERM");
    setTimeout(() => stream.destroy(), patience).unref();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const code = await ended.finally(() => stream.destroy());
  if (code) throw new CliError(`sshfs ended with status ${code}`);
  ctx.say("sshfs has stopped");
}

function parseListen(listen: string): { host: string; port: number } {
  const match = /^(?:\[([\da-f:]+)\]|([^:]*)):(\d{1,5})$/i.exec(listen);
  if (!match || Number(match[3]) > 65535) throw new CliError(`Invalid address "${listen}"`, { hint: "write it as address:port, as in 127.0.0.1:2222" });
  return { host: match[1] ?? (match[2] || "127.0.0.1"), port: Number(match[3]) };
}

async function listen(ctx: Context, server: Server, name: string, address: string, user: string, open: boolean): Promise<void> {
  const { openStream, serveSsh } = await import("../../sftp/index.ts");
  const { host, port } = parseListen(address);
  const login = open ? undefined : { user: user || word(4), password: word(8) };
  const taken = await serveSsh({ host, port, login, open: async () => openStream(await server.connect(), sftpPath(server, name)) });
  ctx.print(`SSH SFTP listening on ${host.includes(":") ? `[${host}]` : host}:${taken}`);
  if (login) ctx.print(`Login with username "${login.user}" and password "${login.password}"`);
  else ctx.print("Login without username and password");
  await new Promise(() => {}); // until it is interrupted
}

export const fileMountCommand = defineCommand({
  name: "mount",
  usage: "<instance>[/<path>] [<target path>]",
  summary: "Mount files from instances",
  examples: `berth file mount foo/root fooroot
   To mount /root from the instance foo onto the local fooroot directory.`,
  args: [1, 2],
  flags: {
    "auth-user": { kind: "string", description: "Set authentication user when using SSH SFTP listener" },
    listen: { kind: "string", description: "Setup SSH SFTP listener on address:port instead of mounting" },
    "no-auth": { kind: "bool", description: "Disable authentication when using SSH SFTP listener" },
  },
  async run(ctx, [source = "", target], flags) {
    const slash = source.indexOf("/");
    const { server, name } = ctx.resolve(slash < 0 ? source : source.slice(0, slash), "instance");
    await server.client.getInstance({ name }); // it says so when there is none
    if (target !== undefined) {
      if (flags.listen !== "" || flags["no-auth"] || flags["auth-user"] !== "") throw new CliError("Target path cannot be used with the flags of the SSH SFTP listener");
      return mountFolder(ctx, server, name, slash < 0 ? "/" : posix.normalize(source.slice(slash)), target);
    }
    if (flags["no-auth"] && flags["auth-user"] !== "") throw new CliError("Cannot use --no-auth with --auth-user");
    if (slash >= 0) throw new CliError("Instance path cannot be used in SSH SFTP listener mode");
    return listen(ctx, server, name, flags.listen || "127.0.0.1:0", flags["auth-user"], flags["no-auth"]);
  },
});
