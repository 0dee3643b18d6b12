// `berth` as another machine's client: it adds the server over TLS by a token and by the password, and all commands work over it.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { berthPath, type Daemon, startDaemon } from "../helpers/daemon.ts";
import { type ExecOptions, exec, type Result } from "../helpers/exec.ts";
import { importBusybox, launch } from "../helpers/guests.ts";
import { Network } from "../helpers/network.ts";

let daemon: Daemon;
let network: Network;
const conf = () => `${dirname(daemon.dir)}/far`;

before(async () => {
  daemon = await startDaemon();
  network = await Network.open(daemon);
  await importBusybox(daemon);
  await launch(daemon, "one");
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

/** Runs the client where the port can be reached, with no socket. */
function far(options: ExecOptions, ...args: string[]): Promise<Result> {
  const [command, wrapped] = daemon.namespace.wrap(berthPath, args);
  return exec(command, wrapped, { ...options, env: { BERTH_CONF: conf(), BERTH_DIR: "/nonexistent", ...options.env } });
}

async function must(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await far({}, ...args);
  assert.equal(code, 0, `berth ${args.join(" ")}: ${stderr || stdout}`);
  return stdout;
}

async function token(name: string): Promise<string> {
  return (await daemon.lxc("config", "trust", "add", "--name", name)).stdout.trim().split("\n").at(-1) ?? "";
}

test("a remote is added by a token: nothing is asked, and its certificate is kept", async () => {
  const given = await token("laptop");
  await must("remote", "add", "home", given);
  assert.match(await must("remote", "list"), /\| home +\| https:\/\/[^|]+:8443 +\| lxd +\| tls +\| NO/);
  assert.equal(await must("list", "home:", "-c", "ns", "-f", "csv"), "one,RUNNING\n");
  const { environment } = await daemon.must("GET", "/1.0");
  assert.equal(readFileSync(`${conf()}/servercerts/home.crt`, "utf8").trim(), environment.certificate.trim());
  const again = await far({}, "remote", "add", "second", given);
  assert.deepEqual([again.code, /Failed to create certificate/.test(again.stderr)], [1, true]);
  assert.doesNotMatch(await must("remote", "list"), /second/);
});

test("commands work over it: exec, files, console log, configuration, events", async () => {
  await must("remote", "switch", "home");
  const { stdout, code } = await far({ input: "typed" }, "exec", "one", "--", "sh", "-c", "cat; exit 7");
  assert.deepEqual([stdout, code], ["typed", 7]);
  await must("config", "set", "one", "user.far=yes");
  assert.equal(await must("config", "get", "home:one", "user.far"), "yes\n");
  await must("file", "push", "--mode=0600", "/etc/os-release", "one/root/");
  assert.equal(await must("file", "pull", "home:one/root/os-release", "-"), readFileSync("/etc/os-release", "utf8"));
  await must("file", "pull", "-r", "one/etc", `${dirname(daemon.dir)}/pulled`);
  await must("init", "busybox", "two");
  await must("wait", "one", "status=running");
  await must("rename", "two", "three");
  await must("delete", "home:three");
  assert.match((await far({}, "list", "local:")).stderr, /There is no berthd socket/);
});

test("a large answer and a large upload pass", async () => {
  const { stdout } = await far({}, "exec", "one", "--", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x");
  assert.equal(stdout.length, 3_000_000);
  const { stdout: back } = await far({ input: "y".repeat(2_000_000) }, "exec", "one", "--", "wc", "-c");
  assert.equal(back.trim(), "2000000");
});

test("by address the fingerprint is shown, and has to be accepted", async () => {
  await daemon.must("PATCH", "/1.0", { config: { "core.trust_password": "sesame" } });
  rmSync(conf(), { recursive: true, force: true });
  const { environment } = await daemon.must("GET", "/1.0");
  const refused = await far({ input: "n\n" }, "remote", "add", "home", "127.0.0.1");
  assert.deepEqual([refused.code, refused.stdout.includes(environment.certificate_fingerprint), /NACKed by user/.test(refused.stderr)], [1, true, true]);
  const wrong = await far({}, "remote", "add", "home", "127.0.0.1", "--accept-certificate", "--password=wrong");
  assert.equal(wrong.code, 1, wrong.stdout);
  assert.doesNotMatch(await must("remote", "list"), /home/);
  await must("remote", "add", "home", "127.0.0.1", "--accept-certificate", "--password=sesame");
  assert.equal(await must("list", "home:", "-c", "n", "-f", "csv"), "one\n");
  const fingerprint = await far({ input: `${environment.certificate_fingerprint}\n` }, "remote", "add", "again", "127.0.0.1");
  assert.equal(fingerprint.code, 0, fingerprint.stderr); // trusted already: no password is asked for
});

test("a bearer token makes a remote, of a server that it vouches for; it is kept for its user alone, and goes with the remote", async () => {
  await daemon.run("auth", "identity", "create", "bearer/ci", "--projects", "default", "--role", "operator");
  const issue = async () => (await daemon.run("auth", "identity", "token", "issue", "bearer/ci", "--expiry", "1d", "-q")).trim();
  const given = await issue();
  assert.match(await daemon.run("auth", "identity", "list", "-f", "csv"), /^bearer,Client token bearer,ci,[\da-f-]{36},operator,default,"\w+ \d+, 20/);
  const empty = { env: { BERTH_CONF: `${conf()}-bearer` } };
  const by = (options: ExecOptions, ...args: string[]) => far({ ...options, ...empty }, ...args);
  for (const [token, expected] of [["not a token", /That is not a token/], ["", /No token was given/], [`${given}x`, /Token is not valid/]] as const) {
    const { code, stderr } = await by({ input: `${token}\n` }, "remote", "add", "ci", "127.0.0.1", "--auth-type", "bearer");
    assert.deepEqual([code, expected.test(stderr)], [1, true], stderr);
  }
  assert.deepEqual(readdirSync(dirname(conf())).filter((name) => name.endsWith("-bearer")), []);
  const added = await by({ input: `${given}\n` }, "remote", "add", "ci", "127.0.0.1", "--auth-type", "bearer");
  assert.equal(added.code, 0, added.stderr);
  const kept = `${conf()}-bearer/tokens`;
  assert.deepEqual([statSync(`${kept}/ci`).mode & 0o777, existsSync(`${conf()}-bearer/client.key`)], [0o600, false]);
  assert.doesNotMatch(readFileSync(`${conf()}-bearer/config.yml`, "utf8"), new RegExp(given));
  assert.equal((await by({}, "exec", "ci:one", "--", "echo", "by token")).stdout, "by token\n");
  assert.equal((await by({}, "file", "pull", "-r", "ci:one/etc", `${dirname(daemon.dir)}/pulled-by-token`)).code, 0);
  assert.match((await by({}, "auth", "identity", "info", "ci:")).stdout, /^authentication_method: bearer\n[^]*name: ci\n/);
  assert.match((await by({}, "delete", "-f", "ci:one")).stderr, /not authorized/);
  await by({}, "remote", "rename", "ci", "work");
  assert.equal((await by({}, "list", "work:", "-c", "n", "-f", "csv")).stdout, "one\n");
  await daemon.run("auth", "identity", "token", "revoke", "bearer/ci");
  assert.match((await by({}, "list", "work:")).stderr, /Token is not valid[^]*token issue/);
  await by({}, "remote", "remove", "work");
  assert.deepEqual(readdirSync(kept), []);
  await daemon.run("auth", "identity", "delete", "bearer/ci");
  assert.equal(await daemon.run("auth", "identity", "list", "-f", "csv"), "");
});

test("a server that has become another one is not talked to", async () => {
  rmSync(`${daemon.dir}/server.crt`);
  rmSync(`${daemon.dir}/server.key`);
  await daemon.restart();
  const { code, stderr } = await far({}, "list", "home:");
  assert.deepEqual([code, /has changed: it is not the one that was accepted/.test(stderr)], [1, true], stderr);
});
