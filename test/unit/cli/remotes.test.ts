// Remotes without a server: the configuration file, addresses, tokens, and what arguments mean.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { X509Certificate } from "node:crypto";
import { runProgram } from "../../../cli/app.ts";
import { CliError } from "../../../cli/errors.ts";
import { createContext } from "../../../cli/context.ts";
import { parseAddress, parseToken } from "../../../cli/remotes/address.ts";
import { ensureIdentity, makeIdentity } from "../../../cli/remotes/certificate.ts";
import { readPlainYaml } from "../../../cli/remotes/plain-yaml.ts";
import { readYaml, renderYaml } from "../../../cli/output/yaml.ts";
import { findFolder, loadConfig, saveConfig } from "../../../cli/remotes/config.ts";
import type { GlobalValues } from "../../../cli/command.ts";

function makeFolder(t: TestContext): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), "berth-cli-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, env: { BERTH_CONF: join(folder, "conf"), BERTH_GLOBAL_CONF: join(folder, "global"), BERTH_SOCKET: "/s" } };
}

const globals = { debug: false, "force-local": false, help: false, project: "", quiet: false, "sub-commands": false, verbose: false, version: false } satisfies GlobalValues;

function write(folder: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yml"), text);
}

test("there are remotes before there is a file, and none is written by reading", async (t) => {
  const { folder, env } = makeFolder(t);
  const config = await loadConfig(env);
  assert.deepEqual(Object.keys(config.remotes).sort(), ["images", "local", "ubuntu", "ubuntu-daily"]);
  assert.deepEqual([config.defaultRemote, config.remotes["local"]?.addr, existsSync(join(folder, "conf"))], ["local", "unix://", false]);
  assert.equal(findFolder({ HOME: "/home/a" }), "/home/a/.config/berth");
});

test("takes over a file of lxc, keeps what it does not know, and writes it back as lxc does", async (t) => {
  const { env } = makeFolder(t);
  const file = `default-remote: home
remotes:
  home:
    addr: https://192.0.2.1:8443
    auth_type: tls
    domain: example
    project: web
    protocol: lxd
    public: false
  images:
    addr: https://images.linuxcontainers.org
    protocol: simplestreams
    public: true
  local:
    addr: unix://
    project: other
    public: false
aliases:
  ps: exec @ARGS@ -- ps
`;
  write(findFolder(env), file);
  const config = await loadConfig(env);
  assert.deepEqual([config.defaultRemote, config.remotes["home"]?.project, config.remotes["local"]?.project, config.aliases], ["home", "web", "other", { ps: "exec @ARGS@ -- ps" }]);
  saveConfig(config);
  assert.equal(readFileSync(join(findFolder(env), "config.yml"), "utf8"), file);
});

test("names a broken file and leaves it as it is", async (t) => {
  const { env } = makeFolder(t);
  for (const text of ["remotes: [", "remotes: 5", "remotes: {a: {public: true}}", "remotes: [a]"]) {
    write(findFolder(env), text);
    await assert.rejects(loadConfig(env), (error: Error & { hint?: string }) => error.message.includes(`${findFolder(env)}/config.yml is broken`) && /left as it is/.test(error.hint ?? ""));
    assert.equal(readFileSync(join(findFolder(env), "config.yml"), "utf8"), text);
  }
});

test("the machine's remotes are there, but not the user's", async (t) => {
  const { env, folder } = makeFolder(t);
  write(join(folder, "global"), "remotes: {shared: {addr: 'https://a:8443'}, local: {addr: 'https://b'}}");
  const config = await loadConfig(env);
  assert.deepEqual([config.remotes["shared"]?.isGlobal, config.remotes["local"]?.addr], [true, "unix://"]);
  saveConfig(config);
  assert.ok(!readFileSync(join(findFolder(env), "config.yml"), "utf8").includes("shared"));
});

test("the server and the project of an argument", async (t) => {
  const { env } = makeFolder(t);
  write(findFolder(env), "default-remote: home\nremotes: {home: {addr: 'https://h:8443', project: web}, other: {addr: 'unix:///o'}}");
  const meant = async (argument: string, extra: NodeJS.ProcessEnv = {}, more: Partial<GlobalValues> = {}) => {
    const { server, name } = (await createContext({ ...globals, ...more }, { ...env, ...extra })).resolve(argument);
    return [server.remote, name, server.project];
  };
  assert.deepEqual(await meant("c1"), ["home", "c1", "web"]);
  assert.deepEqual(await meant("local:c1"), ["local", "c1", ""]);
  assert.deepEqual(await meant("c1", { BERTH_REMOTE: "other" }), ["other", "c1", ""]);
  assert.deepEqual(await meant("c1", { BERTH_PROJECT: "p" }), ["home", "c1", "p"]);
  assert.deepEqual(await meant("c1", { BERTH_PROJECT: "p" }, { project: "q" }), ["home", "c1", "q"]);
  assert.deepEqual(await meant("c1", { BERTH_REMOTE: "other" }, { "force-local": true }), ["local", "c1", ""]);
  await assert.rejects(meant("nope:c1"), /The remote "nope" doesn't exist/);
  const ctx = await createContext(globals, env);
  assert.throws(() => ctx.resolve("home:", "instance"), /Missing instance name/);
  await assert.rejects(ctx.resolve("ubuntu:").server.client.getServer(), /isn't a private LXD server/);
});

test("reads addresses as they are typed", () => {
  const cases = {
    "192.0.2.1": "https://192.0.2.1:8443", "host.example": "https://host.example:8443", "host:443": "https://host:443", "https://host": "https://host:8443",
    "https://host:9/": "https://host:9", "2001:db8::1": "https://[2001:db8::1]:8443", "[2001:db8::1]:9": "https://[2001:db8::1]:9", "[2001:db8::1]": "https://[2001:db8::1]:8443",
    "unix:///a/b": "unix:///a/b", "/a/b": "unix:///a/b", "unix:/a": "unix:///a",
  };
  for (const [text, address] of Object.entries(cases)) assert.equal(parseAddress(text, () => false), address, text);
  assert.equal(parseAddress("sock", () => true), "unix://sock");
  for (const bad of ["http://a", "ftp://a", "a b", "host:99999999", ""]) assert.throws(() => parseAddress(bad, () => false), CliError, bad);
});

test("knows tokens from addresses", () => {
  const token = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
  const whole = { client_name: "a", fingerprint: "f", addresses: ["a:1"], secret: "s", expires_at: "" };
  assert.deepEqual(parseToken(token(whole)), { fingerprint: "f", addresses: ["a:1"] });
  for (const text of [token({ ...whole, secret: undefined }), "host", "A".repeat(64), token([])]) assert.equal(parseToken(text), undefined);
});

test("makes a certificate that others understand, once", (t) => {
  const { folder } = makeFolder(t);
  const made = ensureIdentity(folder);
  assert.deepEqual(ensureIdentity(folder), made);
  assert.equal(statSync(join(folder, "client.key")).mode & 0o777, 0o600);
  const certificate = new X509Certificate(made.cert);
  assert.ok(certificate.verify(certificate.publicKey) && !certificate.ca);
  assert.deepEqual([certificate.publicKey.asymmetricKeyType, certificate.publicKey.asymmetricKeyDetails?.namedCurve], ["ec", "secp384r1"]);
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  assert.match(certificate.subject, /^O=Berth\nCN=.+@.+$/);
  const late = new X509Certificate(makeIdentity("über@host", new Date("2045-03-01T12:00:00Z")).cert);
  assert.deepEqual([new Date(late.validFrom).toISOString(), new Date(late.validTo).toISOString(), late.subject], ["2045-03-01T12:00:00.000Z", "2055-03-01T12:00:00.000Z", "O=Berth\nCN=über@host"]);
});

test("commands change the file, and refuse what would harm", async (t) => {
  const { env } = makeFolder(t);
  const run = async (...words: string[]) => [await runProgram(["-q", ...words], env), (await loadConfig(env)).defaultRemote, Object.keys((await loadConfig(env)).remotes).sort().join()];
  const usual = "images,local,ubuntu,ubuntu-daily";
  assert.deepEqual(await run("remote", "add", "a", "https://x.example", "--protocol=simplestreams"), [0, "local", `a,${usual}`]);
  assert.deepEqual(await run("remote", "rename", "a", "b"), [0, "local", "b,images,local,ubuntu,ubuntu-daily"]);
  assert.deepEqual(await run("remote", "switch", "b"), [0, "b", "b,images,local,ubuntu,ubuntu-daily"]);
  assert.deepEqual((await run("remote", "remove", "b"))[0], 1);
  assert.deepEqual((await run("remote", "switch", "local"))[1], "local");
  assert.deepEqual(await run("remote", "rm", "b"), [0, "local", usual]);
  for (const words of [["add", "a:b", "h"], ["add", "../x", "h"], ["add", "local", "h"], ["add", "x", "http://h"], ["add", "x", "h", "--protocol=y"], ["remove", "local"], ["rename", "ubuntu", "x"], ["switch", "x"], ["rename", "images", "a/b"]]) {
    assert.equal((await run("remote", ...words))[0], 1, words.join(" "));
  }
  assert.equal((await run("list"))[2], usual);
});

test("what is read without the YAML parser is what it would read", async () => {
  const any = fc.stringMatching(/^[ -~]{0,12}$/);
  const word = fc.oneof({ weight: 9, arbitrary: fc.stringMatching(/^[a-z0-9][a-z0-9./:@ -]{0,9}$/) }, { weight: 1, arbitrary: any });
  const key = fc.oneof({ weight: 9, arbitrary: fc.stringMatching(/^[a-z][a-z0-9._-]{0,8}$/) }, { weight: 1, arbitrary: any });
  const level = fc.dictionary(key, fc.oneof(word, fc.dictionary(key, word, { maxKeys: 3 })), { maxKeys: 4 });
  let plain = 0;
  await fc.assert(fc.asyncProperty(fc.dictionary(key, level, { maxKeys: 3 }), async (document) => {
    const text = renderYaml(document);
    const read = readPlainYaml(text);
    if (read === undefined) return;
    plain++;
    assert.deepEqual(read, (await readYaml(text)) ?? {}, text);
  }), { numRuns: 500 });
  assert.ok(plain > 20, String(plain));
  for (const odd of ["a: b\na: c\n", "a:\n", "a:\n    b: c\n", "a: 'b'\n", "- a\n", "a: b # c\n", "a: &x b\n", "a: {b: c}\n", "a: [b]\n", "a: |\n  b\n", "a: b \n", "a:\n  b: c\n   d: e\n", "a: b: c\n", "\ta: b\n", "a: b\n  c: d\n"]) {
    assert.equal(readPlainYaml(odd), undefined, odd);
  }
  assert.deepEqual(readPlainYaml("a:\n  b: https://h:8443\n  c: {}\nd: x y\n"), { a: { b: "https://h:8443", c: {} }, d: "x y" });
});
