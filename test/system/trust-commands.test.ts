// berth config trust: what it prints is what `lxc config trust` prints, and tokens of the one are good for the other.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { makeIdentity, Network } from "../helpers/network.ts";

let daemon: Daemon;
let network: Network;
before(async () => {
  daemon = await startDaemon({ init: false });
  network = await Network.open(daemon);
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

const file = (name: string) => `${daemon.dir}/../${name}`;

async function agree(...args: string[]): Promise<string> {
  const [lxc, berth] = await Promise.all([daemon.lxc(...args), daemon.berth(...args)]);
  assert.deepEqual([berth.code, berth.stdout], [lxc.code, lxc.stdout], args.join(" "));
  return berth.stdout;
}

test("certificates are added from files, listed, shown and removed as by lxc", async () => {
  writeFileSync(file("one.crt"), makeIdentity("one@host").cert);
  await daemon.run("config", "trust", "add", file("one.crt"));
  await daemon.run("config", "trust", "add", file("one.crt"), "--name", "again").then(() => assert.fail("added twice"), (error: Error) => assert.match(error.message, /already in trust store/));
  const reader = makeIdentity("reader");
  const added = await daemon.berthWith({ input: reader.cert }, "config", "trust", "add", "-", "--type", "metrics", "--name", "reader");
  assert.equal(added.code, 0, added.stderr);
  for (const format of ["table", "csv", "compact"]) assert.match(await agree("config", "trust", "list", "-f", format), /one@host/);
  const [fingerprint] = (await daemon.must("GET", "/1.0/certificates")).map((url: string) => url.split("/")[3]);
  assert.match(await daemon.run("config", "trust", "show", fingerprint.slice(0, 12)), /name: one\.crt\ntype: client\nrestricted: false\nprojects: \[\]\n/);
  const edited = `name: two\ntype: client\nrestricted: true\nprojects: [default]\nrole: operator\n`;
  assert.equal((await daemon.berthWith({ input: edited }, "config", "trust", "edit", fingerprint)).code, 0);
  const { name, restricted, projects, role } = await daemon.must("GET", `/1.0/certificates/${fingerprint}`);
  assert.deepEqual([name, restricted, projects, role], ["two", true, ["default"], "operator"]);
  await daemon.run("config", "trust", "remove", fingerprint);
  assert.doesNotMatch(await agree("config", "trust", "list"), /one@host/);
});

test("tokens are issued, listed and revoked, and take a client of the other kind in", async () => {
  const said = await daemon.run("config", "trust", "add", "--name", "laptop", "--restricted", "--projects", "default", "--role", "viewer");
  const [words, token = ""] = said.trim().split("\n");
  assert.equal(words, "Client laptop certificate add token:");
  assert.match(await agree("config", "trust", "list-tokens"), new RegExp(`laptop.*${token.slice(0, 40)}`));
  mkdirSync(file("lxc-far"));
  const add = await network.lxc(file("lxc-far"), ["remote", "add", "far", token]);
  assert.equal(add.code, 0, add.stderr);
  assert.equal((await network.lxc(file("lxc-far"), ["list", "far:"])).code, 0);
  const refused = await network.lxc(file("lxc-far"), ["init", "--empty", "far:x"]);
  assert.match(refused.stderr, /not authorized/);
  await daemon.run("config", "trust", "add", "--name", "other");
  assert.equal(await daemon.run("config", "trust", "revoke-token", "other"), "Certificate add token for other deleted\n");
  const again = await daemon.berth("config", "trust", "revoke-token", "other");
  assert.match(again.stderr, /No certificate add token for member other/);
  await daemon.must("PATCH", "/1.0", { config: { "core.remote_token_expiry": "1d" } });
  await daemon.run("config", "trust", "add", "--name", "soon", "-q");
  assert.match(await agree("config", "trust", "list-tokens", "-f", "csv"), /^soon,.*,20\d\d\/\d\d\/\d\d \d\d:\d\d UTC$/m);
});

test("the server's configuration is edited without losing the password", async () => {
  await daemon.run("config", "set", "core.trust_password", "secret");
  assert.equal(await daemon.run("config", "get", "core.trust_password"), "true\n");
  const shown = await daemon.run("config", "show");
  assert.match(shown, /core\.trust_password: true/);
  assert.equal((await daemon.berthWith({ input: `${shown}  user.note: "1"\n` }, "config", "edit")).code, 0);
  const identity = makeIdentity("by-password");
  assert.equal((await network.call(identity, "POST", "/1.0/certificates", { type: "client", password: "secret" })).status, 201);
  await daemon.run("config", "unset", "core.trust_password");
  assert.deepEqual(await daemon.run("config", "get", "core.trust_password"), "\n");
});

test("what makes no sense is refused with the way out", async () => {
  const refuses = async (expected: RegExp, ...args: string[]) => {
    const { code, stderr } = await daemon.berth("config", "trust", ...args);
    assert.deepEqual([code, expected.test(stderr)], [1, true], `${args.join(" ")}: ${stderr}`);
  };
  writeFileSync(file("key"), makeIdentity("x").key);
  await refuses(/holds no certificate/, "add", file("key"));
  await refuses(/Unknown certificate type "server"/, "add", "--type", "server");
  await refuses(/Cannot use metrics type certificate/, "add", "--type", "metrics", "--name", "x");
  await refuses(/A role is for restricted certificates/, "add", "--name", "x", "--role", "viewer");
  await refuses(/Unknown role "king"/, "add", "--name", "x", "--restricted", "--role", "king");
  await refuses(/Project not found/, "add", "--name", "x", "--restricted", "--projects", "nope");
  await refuses(/Certificate not found/, "remove", "abcdef");
});
