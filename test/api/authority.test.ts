// An authority that signs clients' certificates: `server.ca`, `ca.crl` and core.trust_ca_certificates.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { type Identity, makeIdentity, Network } from "../helpers/network.ts";

let daemon: Daemon;
let network: Network;
let signed: Identity;
let revoked: Identity;
const file = (name: string) => `${daemon.dir}/../authority/${name}`;
const openssl = (...args: string[]) => execOk("openssl", args);

async function makeAuthority(name: string, subject = name): Promise<void> {
  await openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-days", "30", "-subj", `/CN=${subject}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.crt`));
}

/** A certificate that an authority has signed. */
async function sign(authority: string, name: string, serial: string): Promise<Identity> {
  await openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-subj", `/CN=${name}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.csr`));
  await openssl("x509", "-req", "-in", file(`${name}.csr`), "-CA", file(`${authority}.crt`), "-CAkey", file(`${authority}.key`), "-set_serial", `0x${serial}`, "-days", "20", "-out", file(`${name}.crt`));
  const cert = readFileSync(file(`${name}.crt`), "utf8");
  return { cert, key: readFileSync(file(`${name}.key`), "utf8"), base64: cert.replace(/-----.*-----|\n/g, "") };
}

const trustSigned = (value: string) => daemon.must("PATCH", "/1.0", { config: { "core.trust_ca_certificates": value } });
const auth = async (identity: Identity) => (await network.call(identity, "GET", "/1.0")).json.metadata.auth;

before(async () => {
  daemon = await startDaemon({ init: false });
  network = await Network.open(daemon);
  mkdirSync(file(""), { recursive: true });
  await makeAuthority("one");
  await makeAuthority("other");
  await makeAuthority("false", "one");
  [signed, revoked] = [await sign("one", "signed", "1001"), await sign("one", "revoked", "1002")];
  writeFileSync(file("index"), "R\t400101000000Z\t250101000000Z\t1002\tunknown\t/CN=revoked\n");
  writeFileSync(file("config"), `[ca]\ndefault_ca=a\n[a]\ndatabase=${file("index")}\ndefault_md=sha384\ndefault_crl_days=20\n`);
  await openssl("ca", "-config", file("config"), "-gencrl", "-cert", file("one.crt"), "-keyfile", file("one.key"), "-out", file("one.crl"));
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

test("without an authority the key lets nobody in", async () => {
  await trustSigned("true");
  for (const who of [signed, makeIdentity("self-signed")]) assert.equal(await auth(who), "untrusted");
  await trustSigned("");
});

test("what the authority has signed is trusted when the key says so, from then on and until it does no longer", async () => {
  writeFileSync(`${daemon.dir}/server.ca`, readFileSync(file("one.crt")));
  await daemon.restart();
  assert.equal(await auth(signed), "untrusted");
  await trustSigned("true");
  const stranger = await sign("other", "stranger", "1001");
  const forged = await sign("false", "forged", "1003"); // by one that has the authority's name
  for (const [who, expected] of [[signed, "trusted"], [revoked, "trusted"], [stranger, "untrusted"], [forged, "untrusted"], [makeIdentity("self"), "untrusted"]] as const) assert.equal(await auth(who), expected);
  assert.equal((await network.call(signed, "PATCH", "/1.0", { config: { "user.x": "1" } })).status, 200);
  const current = (await network.call(signed, "GET", "/1.0/auth/identities/current")).json.metadata;
  assert.deepEqual([current.authentication_method, current.name, current.restricted], ["tls", "signed", false]);
  const socket = await network.tls(signed);
  const cut = new Promise((resolve) => socket.once("close", resolve));
  assert.equal((await network.call(signed, "GET", "/1.0/instances", undefined, { socket })).status, 200);
  await trustSigned("false");
  await cut;
  assert.equal(await auth(signed), "untrusted");
});

test("an entry of the trust store says what a signed certificate may do; one that is not signed is worth nothing", async () => {
  await trustSigned("true");
  await daemon.must("POST", "/1.0/certificates", { name: "signed", type: "client", certificate: signed.base64, restricted: true, projects: [] });
  assert.equal((await network.call(signed, "PATCH", "/1.0", { config: { "user.x": "2" } })).status, 403);
  const unsigned = await network.trust("unsigned");
  assert.equal(await auth(unsigned), "untrusted");
});

test("what the authority has revoked is refused, in the trust store or not", async () => {
  await daemon.must("POST", "/1.0/certificates", { name: "revoked", type: "client", certificate: revoked.base64 });
  assert.equal(await auth(revoked), "trusted");
  writeFileSync(`${daemon.dir}/ca.crl`, readFileSync(file("one.crl")));
  await daemon.restart();
  assert.deepEqual([await auth(revoked), await auth(signed)], ["untrusted", "trusted"]);
  for (const one of await daemon.must("GET", "/1.0/certificates")) await daemon.must("DELETE", one);
  assert.deepEqual([await auth(revoked), await auth(signed)], ["untrusted", "trusted"]);
});

test("without its authority the server trusts its entries again", async () => {
  rmSync(`${daemon.dir}/server.ca`);
  await daemon.restart();
  assert.equal(await auth(signed), "untrusted");
  assert.equal(await auth(await network.trust("unsigned-again")), "trusted");
});
