// The API over the network: the listener, who is trusted, and how one becomes it. Stock clients are in system/remote.test.ts.
import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { eventually } from "../helpers/wait.ts";
import { listen } from "./sockets.ts";
import { makeIdentity, Network } from "../helpers/network.ts";

let daemon: Daemon;
let network: Network;

before(async () => {
  daemon = await startDaemon();
  network = await Network.open(daemon);
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

test("the certificate is made at the first start, and told to those who are trusted", async () => {
  const pem = readFileSync(`${daemon.dir}/server.crt`, "utf8");
  const certificate = new X509Certificate(pem);
  assert.equal(statSync(`${daemon.dir}/server.key`).mode & 0o777, 0o600);
  assert.match(certificate.subjectAltName ?? "", /DNS:.*IP Address:127\.0\.0\.1.*IP Address:0:0:0:0:0:0:0:1/);
  assert.deepEqual([certificate.publicKey.asymmetricKeyDetails?.namedCurve, certificate.keyUsage], ["secp384r1", ["1.3.6.1.5.5.7.3.1"]]);
  assert.ok(certificate.verify(certificate.publicKey));
  const { environment } = await daemon.must("GET", "/1.0");
  assert.equal(environment.certificate, pem);
  assert.equal(environment.certificate_fingerprint, certificate.fingerprint256.replaceAll(":", "").toLowerCase());
  assert.ok(environment.addresses.length > 0 && environment.addresses.every((address: string) => address.endsWith(":8443")), String(environment.addresses));
  const socket = await network.tls();
  assert.equal(socket.getPeerX509Certificate()?.fingerprint256, certificate.fingerprint256);
  assert.equal(socket.getProtocol(), "TLSv1.3");
  socket.destroy();
});

test("strangers see what is public, and nothing else", async () => {
  const me = makeIdentity("stranger");
  for (const who of [undefined, me]) {
    const server = (await network.call(who, "GET", "/1.0")).json.metadata;
    assert.deepEqual([server.auth, "config" in server, "environment" in server], ["untrusted", false, false]);
    assert.deepEqual((await network.call(who, "GET", "/")).json.metadata, ["/1.0"]);
    assert.deepEqual((await network.call(who, "GET", "/1.0/images")).json.metadata, []);
    const refused = await network.call(who, "GET", "/1.0/instances");
    assert.deepEqual([refused.status, refused.json.error], [403, "not authorized"]);
    assert.equal((await network.call(who, "GET", "/1.0", undefined, { headers: { "X-LXD-authenticated": "true" } })).status, 403);
  }
});

test("a trusted certificate may do everything, until it is trusted no longer", async () => {
  const me = await network.trust("me");
  const socket = await network.tls(me);
  const server = (await network.call(me, "GET", "/1.0", undefined, { socket })).json.metadata;
  assert.equal(server.auth, "trusted");
  assert.equal((await network.call(me, "GET", "/1.0/instances", undefined, { socket })).status, 200);
  const cut = new Promise((resolve) => socket.once("close", resolve));
  const [entry] = (await daemon.must("GET", "/1.0/certificates?recursion=1")).filter((one: { name: string }) => one.name === "me");
  await daemon.must("DELETE", `/1.0/certificates/${entry.fingerprint.slice(0, 12)}`);
  await cut;
  assert.equal((await network.call(me, "GET", "/1.0/instances")).status, 403);
});

test("a token makes one client trusted, once", async () => {
  const reply = await daemon.request("POST", "/1.0/certificates", { token: true, type: "client", name: "laptop" });
  const { metadata } = reply.json.metadata;
  const token = Buffer.from(JSON.stringify({ client_name: "laptop", fingerprint: metadata.fingerprint, addresses: metadata.addresses, secret: metadata.secret })).toString("base64");
  const me = makeIdentity("anything");
  assert.equal((await network.call(me, "POST", "/1.0/certificates", { type: "client", password: token })).status, 201);
  assert.equal((await network.call(me, "GET", "/1.0")).json.metadata.auth, "trusted");
  const again = await network.call(makeIdentity("other"), "POST", "/1.0/certificates", { type: "client", password: token });
  assert.deepEqual([again.status, again.json.error], [403, "No matching certificate add operation found"]);
});

test("the trust password makes clients trusted, and is never shown", async () => {
  await daemon.must("PATCH", "/1.0", { config: { "core.trust_password": "open sesame" } });
  assert.equal((await daemon.must("GET", "/1.0")).config["core.trust_password"], true);
  const me = makeIdentity("me-too");
  assert.equal((await network.call(me, "POST", "/1.0/certificates", { type: "client", password: "open" })).status, 403);
  assert.equal((await network.call(me, "POST", "/1.0/certificates", { type: "client", password: "open sesame" })).status, 201);
  const again = await network.call(me, "POST", "/1.0/certificates", { type: "client", password: "open sesame" });
  assert.deepEqual([again.status, again.json.error], [400, "Client is already trusted"]);
});

test("tokens that were revoked, are too old, or were never issued are refused", async () => {
  const issue = async () => (await daemon.request("POST", "/1.0/certificates", { token: true, type: "client", name: "one" })).json.metadata;
  const use = async (secret: unknown) => {
    const password = Buffer.from(JSON.stringify({ client_name: "one", fingerprint: "f", addresses: [], secret })).toString("base64");
    const { status, json } = await network.call(makeIdentity("one"), "POST", "/1.0/certificates", { type: "client", password });
    return [status, json.error];
  };
  const unknown = [403, "No matching certificate add operation found"];
  const revoked = await issue();
  await daemon.must("DELETE", `/1.0/operations/${revoked.id}`);
  assert.deepEqual(await use(revoked.metadata.secret), unknown);
  assert.deepEqual(await use("0".repeat(64)), unknown);
  assert.deepEqual(await use(""), unknown);
  await daemon.must("PATCH", "/1.0", { config: { "core.remote_token_expiry": "0M" } });
  const old = await issue();
  assert.match(old.metadata.expiresAt, /^20\d\d-/);
  assert.deepEqual(await use(old.metadata.secret), unknown);
  await daemon.must("PATCH", "/1.0", { config: { "core.remote_token_expiry": "1H" } });
  const { metadata } = await issue();
  assert.ok(Math.abs(Date.parse(metadata.expiresAt) - Date.now() - 3_600_000) < 60_000, metadata.expiresAt);
  await daemon.must("PATCH", "/1.0", { config: { "core.remote_token_expiry": "" } });
  for (const [body, sentence] of [[{ token: true, type: "metrics" }, /only be issued for client/], [{ token: true, type: "client", certificate: "AA" }, /Can't use certificate/]] as const) {
    assert.match((await daemon.request("POST", "/1.0/certificates", body)).json.error, sentence);
  }
});

test("the listener moves to another address at once, and stays when that cannot be had", async () => {
  const set = (address: string) => daemon.request("PATCH", "/1.0", { config: { "core.https_address": address } });
  const refused = await set("192.0.2.1:8443");
  assert.deepEqual([refused.status, /Cannot listen on 192\.0\.2\.1:8443: .*EADDRNOTAVAIL/.test(refused.json.error)], [400, true], refused.json.error);
  assert.equal((await daemon.must("GET", "/1.0")).config["core.https_address"], ":8443");
  assert.equal((await network.call(undefined, "GET", "/1.0")).status, 200);
  assert.equal((await set("what is this")).status, 400);
  assert.equal((await set("127.0.0.1:8443")).status, 200); // in the way of the old one
  assert.deepEqual((await daemon.must("GET", "/1.0")).environment.addresses, ["127.0.0.1:8443"]);
  assert.equal((await network.call(undefined, "GET", "/1.0")).status, 200);
  assert.equal((await set("[::1]:8444")).status, 200);
  await assert.rejects(network.call(undefined, "GET", "/1.0"));
  assert.equal((await set("")).status, 200);
  assert.deepEqual((await daemon.must("GET", "/1.0")).environment.addresses, []);
  assert.match((await daemon.request("POST", "/1.0/certificates", { token: true, type: "client" })).json.error, /isn't listening on network/);
  assert.equal((await set(":8443")).status, 200);
  await daemon.restart();
  assert.equal((await network.call(undefined, "GET", "/1.0")).status, 200);
});

test("restricted clients see what is theirs, and may renew their certificate", async () => {
  const me = await network.trust("restricted", { restricted: true, projects: ["default"] });
  const server = (await network.call(me, "GET", "/1.0")).json.metadata;
  assert.deepEqual([server.auth, server.config], ["trusted", {}]);
  assert.equal((await network.call(me, "PATCH", "/1.0", { config: {} })).status, 403);
  assert.equal((await network.call(me, "GET", "/1.0/instances?project=other")).status, 403);
  const { json } = await network.call(me, "GET", "/1.0/certificates?recursion=1");
  assert.deepEqual(json.metadata.map((one: { name: string }) => one.name), ["restricted"]);
  const [{ fingerprint, certificate: _, ...mine }] = json.metadata;
  const url = `/1.0/certificates/${fingerprint}`;
  for (const change of [{ restricted: false }, { projects: [] }, { name: "root" }, { role: "viewer" }]) {
    const refused = await network.call(me, "PUT", url, { ...mine, ...change });
    assert.deepEqual([refused.status, refused.json.error], [403, "Only the certificate can be changed"], JSON.stringify(change));
  }
  const others = (await daemon.must("GET", "/1.0/certificates")).find((one: string) => one !== url);
  assert.equal((await network.call(me, "GET", others)).status, 404);
  const next = makeIdentity("restricted");
  assert.equal((await network.call(me, "PUT", url, { ...mine, certificate: next.cert })).status, 200);
  assert.equal((await network.call(me, "GET", "/1.0/instances")).status, 403);
  assert.equal((await network.call(next, "GET", "/1.0/instances")).status, 200);
});

test("a proxy that is trusted says whom a connection comes from", async () => {
  const me = await network.trust("behind-a-proxy");
  const through = async (header: string) => {
    const plain = await network.plain();
    plain.write(header);
    return network.call(me, "PATCH", "/1.0", { config: { "user.x": header ? "1" : "" } }, { socket: await network.tls(me, {}, plain) });
  };
  await daemon.must("PATCH", "/1.0", { config: { "core.https_trusted_proxy": "192.0.2.1, 127.0.0.1" } });
  const heard = await listen(daemon, "?type=lifecycle");
  assert.equal((await through("PROXY TCP4 203.0.113.9 127.0.0.1 4711 8443\r\n")).status, 200);
  assert.equal((await through("")).status, 200);
  await daemon.must("PATCH", "/1.0", { config: { "core.https_trusted_proxy": "192.0.2.1" } });
  await assert.rejects(through("PROXY TCP4 203.0.113.9 127.0.0.1 4711 8443\r\n"));
  const [first, second] = heard.events.map(({ metadata }) => metadata.requestor);
  heard.close();
  assert.deepEqual([first.protocol, first.address, first.username.length], ["tls", "203.0.113.9:4711", 64]);
  assert.match(second.address, /^127\.0\.0\.1:\d+$/);
});

test("web pages of the allowed origin may use the API, and those of others not", async () => {
  const me = await network.trust("browser");
  const call = (method: string, path: string, origin: string) => network.call(me, method, path, undefined, { headers: { origin } });
  assert.equal((await call("GET", "/1.0", "https://evil.example")).status, 403);
  assert.equal((await call("GET", "/1.0", "https://berth")).status, 200); // its own pages: the Host of these calls
  await daemon.must("PATCH", "/1.0", { config: { "core.https_allowed_origin": "https://ui.example", "core.https_allowed_methods": "GET, POST, OPTIONS", "core.https_allowed_headers": "Content-Type" } });
  const { status, headers, text } = await call("OPTIONS", "/1.0/instances", "https://ui.example");
  assert.deepEqual([status, text, headers["access-control-allow-origin"], headers["access-control-allow-methods"]], [200, "", "https://ui.example", "GET, POST, OPTIONS"]);
  assert.equal((await call("GET", "/1.0/instances", "https://ui.example")).headers["access-control-allow-headers"], "Content-Type");
  assert.equal((await call("GET", "/1.0", "https://evil.example")).status, 403);
});

test("the metrics listener serves metrics and nothing else", async () => {
  await daemon.must("PATCH", "/1.0", { config: { "core.metrics_address": ":9100" } });
  await using metrics = await Network.to(daemon, 9100);
  const me = await network.trust("admin");
  for (const path of ["/1.0", "/", "/1.0/instances", "/1.0/metrics/../instances"]) assert.equal((await metrics.call(me, "GET", path)).status, 404, path);
  const reader = await network.trust("prometheus", { type: "metrics" });
  assert.equal((await network.call(reader, "GET", "/1.0")).json.metadata.auth, "untrusted");
  assert.equal((await network.call(reader, "GET", "/1.0/instances")).status, 403);
  await daemon.must("PATCH", "/1.0", { config: { "core.metrics_address": "" } });
});

test("a server certificate of the administrator's own takes the place of the one that was made; a broken pair is an error", async () => {
  const own = makeIdentity("own.example");
  const [crt, key] = [`${daemon.dir}/server.crt`, `${daemon.dir}/server.key`];
  const made = readFileSync(key);
  await daemon.stop();
  writeFileSync(crt, own.cert);
  await assert.rejects(daemon.start(), /The server's certificate cannot be used: .*server\.crt/s);
  writeFileSync(key, own.key);
  await daemon.start();
  const socket = await network.tls();
  assert.equal(socket.getPeerX509Certificate()?.subject, "O=Berth\nCN=own.example");
  socket.destroy();
  await daemon.stop();
  rmSync(crt); // as if it had been killed before the certificate was written
  writeFileSync(key, made);
  await daemon.start();
  assert.ok(new X509Certificate(readFileSync(crt)).checkPrivateKey(createPrivateKey(made)));
});

test("sessions that are resumed are the client's, and no longer once it is revoked", async () => {
  const me = await network.trust("resuming");
  const first = await network.tls(me);
  const session = new Promise<Buffer>((resolve) => first.once("session", resolve));
  assert.equal((await network.call(me, "GET", "/1.0", undefined, { socket: first })).json.metadata.auth, "trusted");
  const ticket = await session;
  const authBy = async () => {
    const socket = await network.tls(me, { session: ticket });
    const { json } = await network.call(me, "GET", "/1.0", undefined, { socket });
    socket.destroy();
    return json.metadata.auth;
  };
  assert.equal(await authBy(), "trusted");
  const [{ fingerprint }] = (await daemon.must("GET", "/1.0/certificates?recursion=1")).filter(({ name }: { name: string }) => name === "resuming");
  await daemon.must("DELETE", `/1.0/certificates/${fingerprint}`);
  assert.equal(await authBy(), "untrusted");
});

test("what happens to the trust store is told with who did it", async () => {
  const heard = await listen(daemon, "?type=lifecycle");
  const me = await network.trust("doer");
  const other = makeIdentity("other");
  await network.call(me, "POST", "/1.0/certificates", { name: "other", type: "client", certificate: other.base64 });
  const [{ fingerprint }] = (await daemon.must("GET", "/1.0/certificates?recursion=1")).filter(({ certificate }: { certificate: string }) => certificate === other.cert);
  const url = `/1.0/certificates/${fingerprint}`;
  await network.call(me, "PATCH", url, { name: "renamed" });
  await network.call(me, "DELETE", url);
  await eventually(() => heard.events.length >= 4, { what: "four events" });
  heard.close();
  assert.deepEqual(heard.events.map(({ metadata }) => [metadata.action, metadata.requestor.protocol]), [
    ["certificate-created", "unix"], ["certificate-created", "tls"], ["certificate-updated", "tls"], ["certificate-deleted", "tls"],
  ]);
  const doer = new X509Certificate(me.cert).fingerprint256.replaceAll(":", "").toLowerCase();
  assert.deepEqual(heard.events.slice(1).map(({ metadata }) => [metadata.source, metadata.requestor.username]), [[url, doer], [url, doer], [url, doer]]);
});

test("a client that removes itself gets its answer, and is gone", async () => {
  const me = await network.trust("leaving");
  const socket = await network.tls(me);
  const cut = new Promise((resolve) => socket.once("close", resolve));
  const fingerprint = new X509Certificate(me.cert).fingerprint256.replaceAll(":", "").toLowerCase();
  assert.equal((await network.call(me, "DELETE", `/1.0/certificates/${fingerprint}`, undefined, { socket })).status, 200);
  assert.equal((await network.call(me, "GET", "/1.0/instances", undefined, { socket })).status, 403);
  await cut;
});
