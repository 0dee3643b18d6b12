// The stock client over the network: it adds the remote with a token or the password, then does all it can do at home.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { Network } from "../helpers/network.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
let network: Network;
let image: readonly string[];

before(async () => {
  daemon = await startDaemon();
  network = await Network.open(daemon);
  image = (await busyboxImages()).unified;
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

const conf = () => `${daemon.dir}/../remote-conf`;

/** A machine that has never met the server. */
async function freshClient(): Promise<void> {
  rmSync(conf(), { recursive: true, force: true });
  mkdirSync(conf());
}

async function lxc(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await network.lxc(conf(), args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr || stdout}`);
  return stdout;
}

async function refused(...args: string[]): Promise<string> {
  const { stderr, code } = await network.lxc(conf(), args);
  assert.notEqual(code, 0, `lxc ${args.join(" ")} was not refused`);
  return stderr.trim();
}

/** What `lxc config trust add` prints, as it is pasted into `lxc remote add`. */
async function issueToken(...more: string[]): Promise<string> {
  const { stdout, stderr, code } = await daemon.lxc("config", "trust", "add", "--name", "laptop", ...more);
  assert.equal(code, 0, stderr);
  return stdout.trim().split("\n").at(-1) ?? "";
}

test("a remote is added with a token, which can be used once", async () => {
  await freshClient();
  const token = await issueToken();
  assert.match((await daemon.lxc("config", "trust", "list-tokens")).stdout, /laptop/);
  await lxc("remote", "add", "far", token);
  assert.match(await lxc("list", "far:", "--format", "csv"), /^$/);
  const list = (await daemon.lxc("config", "trust", "list")).stdout;
  assert.match(list, /client \| laptop/);
  assert.doesNotMatch((await daemon.lxc("config", "trust", "list-tokens")).stdout, /laptop/);
  await freshClient();
  assert.match(await refused("remote", "add", "far", token), /No matching certificate add operation found/);
});

test("a remote is added with the trust password", async () => {
  await freshClient();
  assert.equal((await daemon.lxc("config", "set", "core.trust_password", "s3cret words")).code, 0);
  assert.match(await refused("remote", "add", "far", "127.0.0.1:8443", "--accept-certificate", "--password", "wrong"), /not authorized/);
  await lxc("remote", "add", "far", "127.0.0.1:8443", "--accept-certificate", "--password", "s3cret words");
  assert.match(await lxc("config", "show", "far:"), /core.trust_password: true/);
  // Others are changed without losing it.
  await lxc("config", "set", "far:", "user.note", "hello");
  assert.match(await lxc("config", "show", "far:"), /core.trust_password: true\n {2}user.note: hello/);
});

/** SFTP over TLS: the version is agreed on, and the session ends with the connection. */
async function sftp(name: string): Promise<void> {
  const socket = await network.tls(await network.trust("sftp"));
  socket.write(`GET /1.0/instances/${name}/sftp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: sftp\r\n\r\n`);
  const [head] = (await once(socket, "data")) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1\.1 101 /);
  socket.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]));
  const [version] = (await once(socket, "data")) as [Buffer];
  assert.deepEqual([...version.subarray(4, 9)], [2, 0, 0, 0, 3]);
  const sessions = () => daemon.namespace.family().filter(({ command }) => command.includes("berth-sftp"));
  assert.equal(sessions().length, 1);
  socket.destroy();
  await eventually(() => sessions().length === 0, { what: "the session has ended" });
}

test("the commands for instances work as at home", async () => {
  await lxc("image", "import", ...image, "far:", "--alias", "bb");
  await lxc("launch", "far:bb", "far:c1");
  assert.match(await lxc("list", "far:", "-c", "ns", "--format", "csv"), /^c1,RUNNING$/m);
  assert.equal(await lxc("exec", "far:c1", "--", "echo", "hello"), "hello\n");
  const { code } = await network.lxc(conf(), ["exec", "far:c1", "--", "sh", "-c", "exit 7"]);
  assert.equal(code, 7);
  const { stdout } = await network.lxc(conf(), ["exec", "far:c1", "--", "md5sum"], { input: "x".repeat(3_000_000) });
  assert.match(stdout, /^4e8c9b5e[0-9a-f]*|^[0-9a-f]{32} /);
  writeFileSync(`${conf()}/file`, "over the wire\n");
  await lxc("file", "push", `${conf()}/file`, "far:c1/root/file");
  assert.equal(await lxc("file", "pull", "far:c1/root/file", "-"), "over the wire\n");
  await lxc("config", "set", "far:c1", "user.x=1");
  assert.equal(await lxc("config", "get", "far:c1", "user.x"), "1\n");
  await lxc("snapshot", "far:c1", "s0");
  await lxc("restore", "far:c1", "s0");
  await lxc("copy", "far:c1/s0", "far:c2");
  await sftp("c1");
  await lxc("stop", "-f", "far:c1");
  await lxc("image", "export", "far:bb", `${conf()}/exported`);
  assert.ok(existsSync(`${conf()}/exported.tar.gz`) || existsSync(`${conf()}/exported.tar.xz`) || existsSync(`${conf()}/exported`));
  await lxc("delete", "-f", "far:c1", "far:c2");
  await lxc("image", "delete", "far:bb");
});

test("requests that come over the network are told with the certificate and the address", async () => {
  const { stdout } = await network.lxc(conf(), ["query", "far:/1.0"]);
  const { auth } = JSON.parse(stdout) as { auth: string };
  assert.equal(auth, "trusted");
  assert.match(readFileSync(`${conf()}/servercerts/far.crt`, "utf8"), /BEGIN CERTIFICATE/);
});
