// The API over the network: the listener, who is trusted, and how one becomes it. Stock clients are in system/remote.test.ts.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
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
