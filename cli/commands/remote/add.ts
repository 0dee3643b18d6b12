// berth remote add
import { defineCommand, type Flags, type Values } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import { parseAddress, parseToken, type Token } from "../../remotes/address.ts";
import { ensureIdentity, fingerprintOf, readAuthority, readIdentity, renderPem } from "../../remotes/certificate.ts";
import { certificateFile, type Remote, saveConfig, tokenFile, writeOwnFile } from "../../remotes/config.ts";
import { Server } from "../../remotes/server.ts";
import type { TlsDialer } from "../../transport/tls.ts";
import type { X509Certificate } from "node:crypto";
import { askSecret, findProject, trustUs } from "./trust.ts";

const flags = {
  "accept-certificate": { kind: "bool", description: "Accept certificate" },
  "auth-type": { kind: "string", description: "Server authentication type (tls or bearer)" },
  domain: { kind: "string", description: "Candid domain to use", hidden: true },
  password: { kind: "string", description: "Remote admin password or token" },
  protocol: { kind: "string", description: "Server protocol (lxd or simplestreams)" },
  public: { kind: "bool", description: "Public image server" },
  token: { kind: "string", description: "Bearer token, with --auth-type bearer; asked for when not given" },
} as const satisfies Flags;
type AddValues = Values<typeof flags>;

/** Throws unless a remote can be called so. */
export function assertRemoteName(name: string): void {
  if (name.includes(":")) throw new CliError("Remote names may not contain colons");
  if (!/^[^\s/\\:\0]+$/.test(name) || name.startsWith(".") || name.startsWith("-")) {
    throw new CliError(`"${name}" cannot be the name of a remote`, { hint: "give it one: berth remote add NAME ADDRESS" });
  }
}

export const remoteAddCommand = defineCommand({
  name: "add",
  usage: "[<remote>] <IP|FQDN|URL|token>",
  summary: "Add new remote servers",
  description: `Add new remote servers

With --project the remote is about that project of the server.

The server is asked for its certificate, whose fingerprint you compare with the one that
"berth info" shows on the server. A token, made there by "berth config trust add", says it all:
where the server is, what its certificate is, and that you may use it.

Basic authentication can be used when combined with the "simplestreams" protocol:
  berth remote add some-name https://LOGIN:PASSWORD@example.com/some/path --protocol=simplestreams`,
  examples: `berth remote add home 192.0.2.10
    Add the server at this address, port 8443, as "home".

berth remote add home eyJjbGllbnRfbmFtZSI6…
    Add it by a token.

berth remote add ci 192.0.2.10 --auth-type bearer
    Add it by a bearer token, which is asked for: berth auth identity token issue prints one.

berth remote add mirror https://images.example.org --protocol=simplestreams
    Add a server of images.`,
  args: [1, 2],
  flags,
  async run(ctx, [name = "", given = name], values) {
    const protocol = values.protocol || "lxd";
    if (!["lxd", "simplestreams"].includes(protocol)) throw new CliError(`Invalid protocol: ${protocol}`, { hint: "choose lxd or simplestreams." });
    const authType = values["auth-type"] || "tls";
    if (authType !== "tls" && authType !== "bearer") throw new CliError(`Authentication type '${authType}' not supported`, { hint: "choose tls or bearer." });
    if (values.token && authType !== "bearer") throw new CliError("--token goes with --auth-type bearer", { hint: "a token of berth config trust add is given in the place of the URL." });
    if (authType === "bearer" && (protocol !== "lxd" || values.public)) throw new CliError("A bearer token is for a server of instances, not for one of images");
    assertRemoteName(name);
    const present = ctx.config.remotes[name];
    if (present) throw new CliError(`Remote ${name} exists as <${present.addr}>`, { hint: `remove it first: berth remote remove ${name}` });
    if (protocol === "simplestreams") return addImageServer(ctx, name, given);
    const token = parseToken(given);
    if (token && authType === "tls") return addByToken(ctx, name, given, token);
    const addr = parseAddress(given);
    if (addr.startsWith("unix:")) return addSocket(ctx, name, addr);
    if (authType === "bearer") return addByBearer(ctx, name, addr, values);
    await addByAddress(ctx, name, addr, values);
  },
});

function save(ctx: Context, name: string, remote: Remote): void {
  ctx.config.remotes[name] = remote;
  saveConfig(ctx.config);
}

function addImageServer(ctx: Context, name: string, url: string): void {
  if (!url.startsWith("https://")) throw new CliError("Only https URLs are supported for simplestreams");
  save(ctx, name, { addr: url, protocol: "simplestreams", public: true });
}

/** Another socket of this machine. */
async function addSocket(ctx: Context, name: string, addr: string): Promise<void> {
  const remote: Remote = { addr, auth_type: "tls", protocol: "lxd", public: false };
  ctx.config.remotes[name] = remote;
  const project = await findProject(ctx, ctx.serverOf(name), ctx.globals.project);
  save(ctx, name, { ...remote, project });
}

/** A server that is not in the configuration yet, and what is seen of it. */
interface Candidate {
  server: Server;
  dialer: TlsDialer;
}

async function candidate(ctx: Context, name: string, remote: Remote, pinned: string | undefined, token?: string): Promise<Candidate> {
  const { TlsDialer } = await import("../../transport/tls.ts");
  const identity = remote.public || remote.auth_type === "bearer" ? undefined : ensureIdentity(ctx.config.folder);
  const dialer = new TlsDialer({ remote: name, address: remote.addr, pinned, identity, token, authority: readAuthority(ctx.config.folder) });
  const options = { project: "", debug: ctx.globals.debug, quiet: ctx.globals.quiet, socketPath: ctx.socketPath };
  return { dialer, server: new Server(name, remote, options, async () => dialer) };
}

/** The certificate a server shows, and whether some authority that is known here vouches for it. */
async function inspect(ctx: Context, name: string, remote: Remote): Promise<{ certificate: X509Certificate; isTrusted: boolean }> {
  const { UntrustedCertificate } = await import("../../transport/tls.ts");
  const { dialer } = await candidate(ctx, name, remote, undefined);
  try {
    (await dialer.dial()).destroy();
  } catch (error) {
    if (error instanceof UntrustedCertificate) return { certificate: error.certificate, isTrusted: false };
    throw dialer.explain(error);
  }
  if (!dialer.seen) throw new CliError(`${remote.addr} showed no certificate`);
  return { certificate: dialer.seen, isTrusted: true };
}

async function addByAddress(ctx: Context, name: string, addr: string, values: AddValues): Promise<void> {
  const remote: Remote = { addr, auth_type: "tls", protocol: "lxd", public: values.public };
  sayIfNew(ctx);
  const { certificate, isTrusted } = await inspect(ctx, name, remote);
  if (!isTrusted && !values["accept-certificate"]) await askFor(ctx, fingerprintOf(certificate));
  const pin = isTrusted ? undefined : certificate;
  const { server } = await candidate(ctx, name, remote, pin && fingerprintOf(pin));
  const keep = (settings: Remote) => {
    if (pin) writeOwnFile(certificateFile(ctx.config, name), renderPem(pin.raw), 0o644);
    save(ctx, name, settings);
  };
  const found = values.public ? undefined : await server.client.getServer();
  if (!found || found.public) return keep({ addr, public: true });
  if (!found.auth_methods.includes("tls")) throw new CliError("Authentication type 'tls' not supported by server");
  if (found.auth !== "trusted") await trustUs(ctx, server, values.password);
  keep({ ...remote, project: await findProject(ctx, server, ctx.globals.project) });
}

/** The token goes to the server only when its certificate is accepted: a known authority vouches for it, the token itself, or the user. */
async function addByBearer(ctx: Context, name: string, addr: string, values: AddValues): Promise<void> {
  const { checkToken, serverOfToken } = await import("../../remotes/token.ts");
  const remote: Remote = { addr, auth_type: "bearer", protocol: "lxd", public: false };
  const token = checkToken(values.token || (await askSecret(ctx, `Bearer token for ${name}: `)));
  const { certificate, isTrusted } = await inspect(ctx, name, remote);
  const fingerprint = fingerprintOf(certificate);
  const isOfToken = serverOfToken(token) === fingerprint;
  if (!isTrusted && !isOfToken && serverOfToken(token)) ctx.warn("The token was issued by a server with another certificate.");
  if (!isTrusted && !isOfToken && !values["accept-certificate"]) await askFor(ctx, fingerprint);
  const pin = isTrusted ? undefined : certificate;
  const { server } = await candidate(ctx, name, remote, pin && fingerprint, token);
  const found = await server.client.getServer();
  if (!found.auth_methods.includes("bearer")) throw new CliError("Authentication type 'bearer' not supported by server");
  if (found.auth !== "trusted") throw new CliError("Server doesn't trust us after authentication");
  const project = await findProject(ctx, server, ctx.globals.project);
  if (pin) writeOwnFile(certificateFile(ctx.config, name), renderPem(pin.raw), 0o644);
  writeOwnFile(tokenFile(ctx.config, name), `${token}\n`, 0o600);
  save(ctx, name, { ...remote, project });
}

async function addByToken(ctx: Context, name: string, text: string, token: Token): Promise<void> {
  sayIfNew(ctx);
  let last: unknown;
  for (const address of token.addresses) {
    const remote: Remote = { addr: parseAddress(address), auth_type: "tls", protocol: "lxd", public: false };
    let seen: X509Certificate;
    try {
      ({ certificate: seen } = await inspect(ctx, name, remote));
    } catch (error) {
      last = error;
      continue; // the server may be reachable at another of its addresses
    }
    if (fingerprintOf(seen) !== token.fingerprint) {
      throw new CliError(`Certificate fingerprint mismatch between certificate token and server "${remote.addr}"`, { hint: "somebody may be in between, or the token is another server's." });
    }
    const { server } = await candidate(ctx, name, remote, token.fingerprint);
    await trustUs(ctx, server, text).catch((error: unknown) => {
      throw prefixed("Failed to create certificate", error);
    });
    const project = await findProject(ctx, server, ctx.globals.project);
    writeOwnFile(certificateFile(ctx.config, name), renderPem(seen.raw), 0o644);
    return save(ctx, name, { ...remote, project });
  }
  throw prefixed("All server addresses are unavailable", last ?? new CliError("the token names none"));
}

function sayIfNew(ctx: Context): void {
  if (!readIdentity(ctx.config.folder)) ctx.warn("Generating a client certificate. This may take a minute...");
}

async function askFor(ctx: Context, fingerprint: string): Promise<void> {
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  try {
    ctx.print(`Certificate fingerprint: ${fingerprint}`);
    const check = (answer: string) => (answer === fingerprint || /^[yn]/i.test(answer) ? undefined : "Please type 'y', 'n' or the fingerprint");
    if (/^n/i.test(await prompt.ask("ok (y/n/[fingerprint])? ", "", check))) throw new CliError("Server certificate NACKed by user");
  } finally {
    prompt.close();
  }
}
