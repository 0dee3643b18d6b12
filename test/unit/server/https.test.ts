// Pieces of the network side: certificates, addresses, the PROXY protocol, web pages.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { TLSSocket } from "node:tls";
import fc from "fast-check";
import { checkConfig } from "../../../server/api/config-keys/key.ts";
import { absentServerKeys, readAddresses, serverKeys } from "../../../server/api/config-keys/server.ts";
import { joinAddress, parseListenAddress } from "../../../server/api/config-keys/listen-address.ts";
import { answerPage, type PagePolicy } from "../../../server/http/origin.ts";
import { der, oid, time } from "../../../server/https/der.ts";
import { parseProxyHeader } from "../../../server/https/proxy-header.ts";
import { secretIn } from "../../../server/certificates/tokens.ts";
import { makeIdentity } from "../../helpers/network.ts";

test("DER is as the standard has it", () => {
  assert.equal(oid("1.2.840.10045.4.3.3").toString("hex"), "06082a8648ce3d040303");
  assert.equal(der(4, Buffer.alloc(127)).subarray(0, 2).toString("hex"), "047f");
  assert.equal(der(4, Buffer.alloc(128)).subarray(0, 3).toString("hex"), "048180");
  assert.equal(der(4, Buffer.alloc(256)).subarray(0, 4).toString("hex"), "04820100");
  assert.equal(time(new Date("2049-12-31T23:59:59Z")).toString("latin1").slice(2), "491231235959Z");
  assert.equal(time(new Date("2050-01-01T00:00:00Z")).toString("latin1").slice(2), "20500101000000Z");
});

test("certificates name what they are for, and are good for ten years", () => {
  for (let i = 0; i < 8; i++) {
    const certificate = new X509Certificate(makeIdentity("mächine.example").cert);
    assert.ok(certificate.verify(certificate.publicKey));
    assert.equal(certificate.subject, "O=Berth\nCN=mächine.example");
    assert.match(certificate.serialNumber, /^[\dA-F]{32}$/);
    const years = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / (365.25 * 24 * 3600 * 1000);
    assert.ok(Math.abs(years - 10) < 0.01, String(years));
  }
});

test("addresses to listen on are read as LXD reads them", () => {
  const cases: [string, string | undefined][] = [
    [":8443", ":8443"], ["10.0.0.1", "10.0.0.1:7"], ["10.0.0.1:", "10.0.0.1:7"], ["10.0.0.1:1", "10.0.0.1:1"], ["[::]", "[::]:7"], ["[::1]:9", "[::1]:9"],
    ["::1", "[::1]:7"], ["host.example:80", "host.example:80"], ["", undefined], ["[::1", undefined], ["1.2.3:80", undefined], ["1.2.3.400:80", undefined],
    [":0", undefined], [":65536", undefined], ["a b:1", undefined], ["[host]:1", undefined], ["-x:1", undefined], [":80:80", undefined], ["x\n:80", undefined],
  ];
  for (const [text, expected] of cases) {
    const found = parseListenAddress(text, 7);
    assert.equal(found && joinAddress(found.host, found.port), expected, text);
  }
});

const v2 = (command: number, family: number, body: Buffer) => {
  const head = Buffer.concat([Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"), Buffer.from([command, family, 0, 0])]);
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
};
const v4 = v2(0x21, 0x11, Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, 0x1f, 0x90, 0, 80]));

test("PROXY headers tell who is behind the proxy", () => {
  const hello = Buffer.from([0x16, 3, 1]);
  assert.equal(parseProxyHeader(hello), "none");
  assert.deepEqual(parseProxyHeader(Buffer.from("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n\x16")), { length: 40, address: "192.0.2.7:4711" });
  assert.deepEqual(parseProxyHeader(Buffer.from("PROXY TCP6 2001:db8::1 ::1 1 443\r\n")), { length: 34, address: "[2001:db8::1]:1" });
  assert.deepEqual(parseProxyHeader(Buffer.from("PROXY UNKNOWN\r\n")), { length: 15, address: undefined });
  assert.deepEqual(parseProxyHeader(Buffer.concat([v4, hello])), { length: 28, address: "192.0.2.7:8080" });
  assert.deepEqual(parseProxyHeader(v2(0x20, 0, Buffer.alloc(0))), { length: 16, address: undefined });
  for (const broken of [Buffer.from("PROXY TCP4 1.2.3 10.0.0.1 1 2\r\n"), Buffer.from(`PROXY ${"x".repeat(120)}`), v2(0x31, 0x11, Buffer.alloc(12)), v2(0x21, 0x11, Buffer.alloc(3))]) {
    assert.throws(() => parseProxyHeader(broken), /PROXY/);
  }
});

test("PROXY headers that come in pieces are waited for, and no bytes do harm", () => {
  for (const whole of [v4, Buffer.from("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n")]) {
    for (let i = 0; i < whole.length; i++) assert.equal(parseProxyHeader(whole.subarray(0, i)), "more", `${i} bytes`);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, prefixed) => {
    try {
      const header = parseProxyHeader(Buffer.concat([prefixed ? v4.subarray(0, 12) : Buffer.alloc(0), bytes]));
      if (typeof header === "object") assert.ok(header.length <= 212);
    } catch (error) {
      assert.match((error as Error).message, /PROXY/);
    }
  }), { seed: 7, numRuns: 500 });
});

test("addresses in lists and proxies are checked, and read as the kernel writes them", () => {
  assert.deepEqual(readAddresses(" 10.0.0.1,2001:DB8:0::1 "), ["10.0.0.1", "2001:db8::1"]);
  const fault = (key: string, value: string) => checkConfig(serverKeys, { [key]: value });
  for (const good of ["http://proxy.example:3128", "10.0.0.1:3128", "http://me:secret@proxy:1/", "http://[fd00::1]:3128"]) fault("core.proxy_https", good);
  for (const bad of ["https://proxy", "http://a b", "ftp://x", "http://x/path"]) assert.throws(() => fault("core.proxy_https", bad), { code: "invalid_config_value" }, bad);
  assert.throws(() => fault("core.https_trusted_proxy", "10.0.0.0/8"), { code: "invalid_config_value" });
  assert.throws(() => fault("core.https_allowed_origin", "x\r\nSet-Cookie: y"), { code: "invalid_config_value" });
});

test("secrets are found in tokens only", () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
  assert.equal(secretIn(encode({ client_name: "x", secret: "s", addresses: [], fingerprint: "" })), "s");
  for (const other of ["password", "", encode(null), encode({ secret: "s" }), encode({ client_name: "x", secret: 5 }), encode("secret"), "bnVsbA=="]) assert.equal(secretIn(other), undefined);
});

test("pages are told what is set, and those of others are refused over the network", () => {
  const policy: PagePolicy = { origin: "https://ui.example", methods: "GET, PUT", headers: "Content-Type", credentials: true };
  const socket = Object.create(TLSSocket.prototype) as TLSSocket;
  const answer = (origin: string, given: Partial<PagePolicy> = {}, remote = true) =>
    answerPage({ ...policy, ...given }, { headers: { origin, host: "berth.example:8443" }, socket: remote ? socket : {} } as unknown as IncomingMessage);
  const all = {
    "access-control-allow-origin": "https://ui.example", "access-control-allow-methods": "GET, PUT", "access-control-allow-headers": "Content-Type", "access-control-allow-credentials": "true",
  };
  assert.deepEqual(answer("https://ui.example"), all);
  assert.deepEqual(answer("https://berth.example", { origin: "", methods: "", headers: "", credentials: false }), {});
  assert.doesNotThrow(() => answer("https://evil.example", { origin: "*" }));
  assert.doesNotThrow(() => answer("https://evil.example", {}, false));
  for (const evil of ["https://evil.example", "null", "https://ui.example.evil", "http://ui.example"]) assert.throws(() => answer(evil), { code: "origin_refused" });
});

test("LXD's keys for what there is not are refused with the reason, and can be unset", () => {
  const fault = (key: string, value: string) => checkConfig(serverKeys, { [key]: value }, {}, absentServerKeys);
  for (const [key, reason] of [["cluster.https_address", /joins no cluster/], ["core.bgp_asn", /BGP/], ["maas.api.url", /MAAS/], ["storage.images_volume", /folder of the daemon/]] as const) {
    assert.throws(() => fault(key, "x"), reason, key);
    assert.deepEqual(fault(key, ""), {}, key);
  }
  assert.throws(() => fault("cluster.", "x"), /Unknown configuration key: cluster\.$/);
  assert.throws(() => fault("core.https_adress", "x"), /did you mean "core\.https_address"/);
});
